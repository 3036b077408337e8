// The page's parts and what moves them: rows of names, pointer, keys, buttons.

const part = (id) => document.getElementById(id);

const KEYS = [
  ["← →", "move along the time"], ["+ -", "zoom in and out; Ctrl and the wheel do it at the pointer"],
  ["0", "show all of the run"], ["↑ ↓", "select the task above or below"],
  ["n p", "next turn, turn before"], ["N P", "the same, of the selected task"],
  ["w", "follow the wake back to the waker"], ["e", "follow it on to the woken task"],
  ["Enter", "zoom to the selected stretch"], ["Space", "fold or unfold the children of a task"],
  ["t", "switch to the other run"], ["/", "search for tasks"], ["d", "fold what is below"], ["Esc", "select nothing"],
];

class Frame {
  constructor(page) {
    this.page = page;
    this.pool = [];
    page.onFrame = () => this.draw();
    page.onRows = () => this.layOut();
    page.onReveal = (lane) => this.scrollTo(lane);
    page.onRun = () => this.showRun();
    new ResizeObserver(() => this.resize()).observe(part("timeline"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolor());
    part("lanes").addEventListener("scroll", () => page.changed(), { passive: true });
    this.showRun();
    this.resize();
  }

  recolor() {
    readColors();
    showLegend(part("sheet-legend"), this.page.painter);
    this.page.changed();
  }

  showRun() {
    const { page } = this;
    const { run } = page;
    part("head").textContent = run.head;
    part("turns").textContent = `of ${grouped(run.turns)}`;
    part("turn").max = run.turns;
    part("parting").hidden = !page.runs.some((other) => other.parting >= 0);
    for (const button of part("switch").children) {
      const isShown = button.dataset.number === String(page.number);
      button.setAttribute("aria-checked", isShown);
      button.tabIndex = isShown ? 0 : -1;
    }
    const story = run.story.childElementCount ? [run.story] : [element("p", {}, "The run ended well.")];
    part("sheet-story").replaceChildren(...story);
    page.statistics.show();
    this.layOut();
    page.panel.show();
  }

  layOut() {
    const { rows } = this.page;
    part("spacer").style.height = `${rows.count * ROW}px`;
    part("count").textContent = rows.isAll ? counted(rows.run.count, "task")
      : `${grouped(rows.found)} of ${counted(rows.run.count, "task")}`;
    part("nothing").hidden = rows.count > 0;
    if (part("search").value.trim() !== rows.search.trim()) part("search").value = rows.search;
    part("filter").value = rows.filter;
    this.page.statistics.show();
    this.page.changed();
  }

  resize() {
    this.height = part("lanes").clientHeight;
    part("window").style.height = `${this.height}px`;
    this.page.view.resize(part("canvas").clientWidth);
    this.page.changed();
  }

  scrollTo(lane) {
    const row = this.page.rows.rowNear(lane);
    const lanes = part("lanes");
    const top = row * ROW;
    if (top < lanes.scrollTop + ROW || top > lanes.scrollTop + this.height - 2 * ROW) {
      lanes.scrollTop = top - this.height / 2;
    }
  }

  draw() {
    const { page } = this;
    const top = part("lanes").scrollTop;
    const first = Math.floor(top / ROW);
    const end = Math.min(page.rows.count, Math.ceil((top + this.height) / ROW));
    this.drawNames(first, end, top);
    const context = cleared(part("canvas"));
    const width = page.view.width;
    for (let row = first; row < end; row++) {
      context.fillStyle = row % 2 ? colors.ground : colors.stripe;
      context.fillRect(0, row * ROW - top, width, ROW);
    }
    paintGrid(context, page);
    for (let row = first; row < end; row++) page.painter.paint(context, page, page.rows.lanes[row], row * ROW - top);
    const left = paintWakes(context, page, top);
    for (let row = first; row < end; row++) paintMarks(context, page, page.rows.lanes[row], row * ROW - top);
    paintCycle(context, page, top);
    paintSelection(context, page, top);
    paintCursor(context, page, top);
    paintAxis(part("axis"), page);
    page.minimap.paint(page);
    this.tell(left);
  }

  // What the controls say about what is visible.
  tell(left) {
    const { page } = this;
    const { run, view } = page;
    const [from, to] = [Math.max(0, Math.floor(view.from)), Math.min(run.width, Math.ceil(view.to))];
    part("range").textContent = `${shownInstant(run.instantAt(from))} – ${shownInstant(run.instantAt(to))}`;
    part("minimap-label").textContent = left > 0 ? `${grouped(left)} wakes hidden` : "turns";
    if (document.activeElement !== part("turn")) part("turn").value = page.turn || "";
    const lane = page.selected?.lane;
    const row = lane === undefined ? null : document.getElementById(`lane-${lane}`);
    if (row) part("lanes").setAttribute("aria-activedescendant", row.id);
    else part("lanes").removeAttribute("aria-activedescendant");
  }

  drawNames(first, end, top) {
    const names = part("names");
    while (this.pool.length < end - first) this.pool.push(names.appendChild(this.makeName()));
    for (const [place, name] of this.pool.entries()) {
      const row = first + place;
      name.hidden = row >= end;
      if (row < end) this.fillName(name, row, top);
    }
  }

  makeName() {
    const fold = element("span", { class: "fold", "aria-hidden": "true" });
    const end = element("span", { class: "end" });
    return element("div", { role: "treeitem", class: "name" }, fold, end, element("bdi", {}), element("span", { class: "badge" }));
  }

  fillName(name, row, top) {
    const { page } = this;
    const { run, rows } = page;
    const lane = rows.lanes[row];
    const task = run.order[lane];
    name.style.transform = `translateY(${row * ROW - top}px)`;
    const look = `${lane} ${rows.folded.has(task)} ${page.selected?.lane === lane} ${rows.isFound[task]} ${row % 2}`;
    if (name.dataset.look === look && name.run === run) return;
    [name.dataset.look, name.run, name.id] = [look, run, `lane-${lane}`];
    name.dataset.lane = lane;
    const hasChildren = run.children[task] > 0;
    const isFolded = rows.folded.has(task);
    name.className = `name${row % 2 ? "" : " striped"}${rows.isFound[task] ? "" : " faint"}${run.cycle.includes(task) ? " in-cycle" : ""}`;
    name.style.paddingLeft = `${6 + Math.min(run.depth[task], 8) * 14}px`;
    name.title = `${run.paths[task]}${run.cycle.includes(task) ? " (in the cycle)" : ""}`;
    name.setAttribute("aria-level", run.depth[task] + 1);
    name.setAttribute("aria-selected", page.selected?.lane === lane);
    if (hasChildren) name.setAttribute("aria-expanded", !isFolded);
    else name.removeAttribute("aria-expanded");
    const [fold, end, text, badge] = name.children;
    fold.textContent = hasChildren ? (isFolded ? "▸" : "▾") : "";
    const kind = run.ends[task];
    end.textContent = kind === COMPLETED ? "✓" : kind === CANCELLED ? "✕" : kind === PANICKED ? "✶" : "◦";
    end.className = `end end-${kind}`;
    end.title = ENDS[kind] ?? "alive at the end";
    text.textContent = run.names[task];
    badge.textContent = isFolded ? `+${grouped(run.children[task])}` : run.cycle.includes(task) ? "⟳" : "";
  }

  // The lane and the span under a point of the canvas.
  hit(event) {
    const { page } = this;
    const box = part("canvas").getBoundingClientRect();
    const row = Math.floor((event.clientY - box.top + part("lanes").scrollTop) / ROW);
    if (row < 0 || row >= page.rows.count) return null;
    const lane = page.rows.lanes[row];
    const unit = page.view.unit(event.clientX - box.left);
    const near = page.run.spanAt(lane, Math.floor(unit));
    const span = near !== NONE && page.run.spans.to[near] + 4 / page.view.scale >= unit ? near : NONE;
    return { lane, span, unit };
  }
}

function zoomAtCenter(page, factor) {
  const x = page.turn ? page.view.x(page.turnX()) : page.view.width / 2;
  page.view.zoom(factor, x >= 0 && x <= page.view.width ? x : page.view.width / 2);
  page.changed();
}

