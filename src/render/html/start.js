// Wires the page's controls to what they do, and starts it.

function listenToControls(page, frame) {
  const on = (id, action) => part(id).addEventListener("click", () => {
    action();
    page.changed();
  });
  on("zoom-in", () => zoomAtCenter(page, 1.5));
  on("zoom-out", () => zoomAtCenter(page, 1 / 1.5));
  on("fit", () => page.view.fit());
  on("previous", () => page.goToTurn(page.turn - 1));
  on("next", () => page.goToTurn(page.turn + 1));
  on("parting", () => goToParting(page));
  on("theme", () => {
    const isDark = getComputedStyle(document.documentElement).colorScheme === "dark"
      || (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
    document.documentElement.dataset.theme = isDark ? "light" : "dark";
    frame.recolor();
  });
  on("help-open", () => part("help").showModal());
  part("turn").addEventListener("focus", ({ target }) => target.select());
  part("turn").addEventListener("change", () => page.goToTurn(Number(part("turn").value) || 1));
  const filter = () => page.filterBy(part("filter").value, part("search").value);
  part("search").addEventListener("input", filter);
  part("filter").append(...FILTERS.map(([name, label]) => element("option", { value: name }, label)));
  part("filter").addEventListener("change", filter);
  part("names").addEventListener("click", (event) => {
    const name = event.target.closest(".name");
    if (!name) return;
    const task = page.run.order[Number(name.dataset.lane)];
    if (event.target.closest(".fold")) page.fold(task);
    else page.selectTask(task);
    part("lanes").focus({ preventScroll: true });
  });
}

// The first turn in which the two runs differ.
function goToParting(page) {
  const place = page.runs.find((run) => run.parting >= 0)?.parting ?? 0;
  const { turn, count } = page.run.records;
  if (count) page.goToTurn(turn[Math.min(place, count - 1)]);
}

function makeSwitch(page) {
  const group = part("switch");
  group.hidden = page.runs.length < 2;
  page.runs.forEach((run, number) => {
    const button = element("button", { type: "button", role: "radio", "data-number": String(number), onclick: () => page.show(number) }, run.name);
    group.append(button);
  });
  group.addEventListener("keydown", ({ key }) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[key];
    if (!step) return;
    page.show((page.number + step + page.runs.length) % page.runs.length);
    group.children[page.number].focus();
  });
}

function makeTabs(hasStory) {
  const tabs = [...part("tabs").querySelectorAll("[role=tab]")];
  const open = (tab) => {
    for (const other of tabs) {
      other.setAttribute("aria-selected", other === tab);
      other.tabIndex = other === tab ? 0 : -1;
      part(other.getAttribute("aria-controls")).hidden = other !== tab;
    }
    unfold(true);
  };
  const unfold = (isOpen) => {
    part("drawer").classList.toggle("folded", !isOpen);
    part("fold").setAttribute("aria-expanded", isOpen);
  };
  tabs.forEach((tab, place) => {
    tab.addEventListener("click", () => open(tab));
    tab.addEventListener("keydown", ({ key }) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
      if (!step) return;
      const next = tabs[(place + step + tabs.length) % tabs.length];
      open(next);
      next.focus();
    });
  });
  part("fold").addEventListener("click", () => unfold(part("drawer").classList.contains("folded")));
  // Of a run that ended well there is little to tell.
  open(hasStory ? tabs[0] : tabs[2]);
}

function makeHelp() {
  part("help").replaceChildren(
    element("h2", { id: "help-title" }, "Keys"),
    element("dl", {}, KEYS.map(([keys, what]) => [
      element("dt", {}, keys.split(" ").flatMap((key) => [element("kbd", {}, key), " "])), element("dd", {}, what)])),
    element("form", { method: "dialog" }, element("button", {}, "close")),
  );
}

function start() {
  // Measured by the layout, so it has to be there first.
  part("app").hidden = false;
  readColors();
  makeHelp();
  const sections = [...document.querySelectorAll("section.run")];
  makeTabs(sections[0].querySelector(".story").childElementCount > 0);
  const page = new Page(sections, {
    minimap: part("minimap"), panel: part("panel"), statistics: part("sheet-statistics"), said: part("said"),
  });
  makeSwitch(page);
  // The longest of the runs, whatever is searched for, so that nothing below moves; a row more for the arrows' bends.
  const rows = Math.max(...page.runs.map((run) => run.count)) + 1;
  part("app").style.setProperty("--lanes", `${AXES + rows * ROW}px`);
  const frame = new Frame(page);
  listenToControls(page, frame);
  page.filterBy("all");
  frame.showRun();
  listenToPointer(frame);
  listenToKeys(page);
  showLegend(part("sheet-legend"), page.painter);
  // The pictures and the data have been read.
  part("plain").remove();
  part("lanes").focus({ preventScroll: true });
  // For the console, and for tests.
  window.simloop = page;
}

start();
