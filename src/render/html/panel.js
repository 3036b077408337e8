// The panel of details: about the turn that is looked at, or about the span that was clicked.

// Lines of a list at most.
const LINES_MAX = 200;

// Makes an element. Strings among the children become text, never markup.
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "onclick") made.addEventListener("click", value);
    else if (value !== false && value !== undefined) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return made;
}

class Panel {
  constructor(page, root) {
    this.page = page;
    this.root = root;
  }

  show() {
    const { page } = this;
    const { selected, run } = page;
    const isPoll = selected && selected.span !== NONE && run.spans.state[selected.span] === RUNNING;
    const about = page.turn && (isPoll || !selected) ? this.turn()
      : selected ? this.lane() : this.welcome();
    this.root.replaceChildren(...about.flat().filter(Boolean));
  }

  // A button that leads to a task.
  task(task, go = () => this.page.selectTask(task), name = this.page.words.path(task)) {
    if (task === NONE) return "-";
    const title = this.page.words.path(task);
    return element("button", { type: "button", class: "link", title, onclick: go }, element("bdi", {}, name));
  }

  facts(...pairs) {
    const shown = pairs.filter(([, value]) => value !== null && value !== "" && value !== undefined);
    return element("dl", {}, shown.map(([term, value]) => [element("dt", {}, term), element("dd", {}, value)]));
  }

  welcome() {
    const { page } = this;
    const { run } = page;
    const states = ["completed", "cancelled", "panicked", "alive"];
    const counts = states.map((name) => {
      const kind = { completed: COMPLETED, cancelled: CANCELLED, panicked: PANICKED, alive: 0 }[name];
      return run.ends.reduce((sum, end) => sum + (end === kind ? 1 : 0), 0);
    });
    const go = (label, action) => element("button", { type: "button", onclick: action }, label);
    return [
      element("h2", {}, "The run"),
      this.facts(
        ["tasks", `${grouped(run.count)}: ${states.map((name, place) => counts[place] ? `${grouped(counts[place])} ${name}` : null)
          .filter(Boolean).join(", ") || "none"}`],
        ["turns", grouped(run.turns)],
        ["choices", run.isFull ? `${grouped(run.choices)} turns with several tasks ready` : ""],
        ["records", grouped(run.records.count)],
        ["ends at", run.instants.length ? run.instant(run.records.count - 1) : ""],
      ),
      run.turns ? element("p", { class: "buttons" }, go("first turn", () => page.goToTurn(1)), go("last turn", () => page.goToTurn(run.turns))) : null,
      run.cycle.length ? element("p", { class: "buttons" }, go("the deadlock's tasks", () => page.filterBy("cycle"))) : null,
      element("p", { class: "hint" }, "Click a bar for its records, or step through the turns with ",
        element("kbd", {}, "n"), " and ", element("kbd", {}, "p"), ". Press ", element("kbd", {}, "?"), " for all keys."),
    ];
  }

  turn() {
    const { page } = this;
    const { run, words, turn } = page;
    const poll = run.polls[turn];
    const task = page.turnTask();
    const start = run.turnStarts[turn], end = run.turnStarts[turn + 1];
    const ready = page.readyTasks();
    const at = start < run.records.count ? run.instant(start) : "";
    const taken = ready.indexOf(task);
    const choice = poll === NONE ? "none" : ready.length < 2 ? "none: one task is ready"
      : `${taken + 1} of ${ready.length}${taken === 0 ? ", the first to arrive" : ", taken before others"}`;
    return [
      element("h2", {}, `Turn ${grouped(turn)}`, element("small", {}, ` at ${at}`)),
      this.facts(
        [poll === NONE ? "is dropped" : "is polled", this.task(task)],
        ["choice", run.isFull ? choice : ""],
        ["spawned at", task === NONE ? "" : run.sites[task]],
      ),
      this.wakeButtons(),
      ready.length ? element("h3", {}, `Ready, in order of arrival (${ready.length})`) : null,
      ready.length ? this.readyList(ready, task) : null,
      element("h3", {}, "What happens in it"),
      this.records(range(start, end), true),
    ];
  }

  readyList(ready, task) {
    const shown = ready.slice(0, LINES_MAX);
    return element("ol", { class: "ready" },
      shown.map((other) => element("li", other === task ? { class: "taken", "aria-current": "true" } : {},
        this.task(other), other === task ? element("span", { class: "tag" }, "taken") : null)),
      ready.length > shown.length ? element("li", { class: "more" }, `and ${grouped(ready.length - shown.length)} more`) : null);
  }

  lane() {
    const { page } = this;
    const { run, words, selected: { lane, span } } = page;
    const task = run.order[lane];
    const head = element("h2", {}, element("bdi", {}, words.path(task)));
    const statistics = run.statistics[task];
    const parent = run.parent[task];
    const common = [
      ["spawned by", parent < 0 ? "" : this.task(parent)],
      ["spawned at", run.sites[task]],
      ["end", ENDS[run.ends[task]] ?? "alive when the run ended"],
      ["daemon", run.isDaemon[task] ? "yes" : ""],
      ["polls", run.isFull ? grouped(statistics.polls) : ""],
      ["waits in all", run.isFull ? shownNanos(statistics.waiting) : ""],
      ["for resources", statistics.resources.length ? waitsForResources(statistics.resources, LINES_MAX) : ""],
    ];
    if (span === NONE) {
      return [head, this.facts(...common), element("h3", {}, "Its records"), this.records(run.recordsOf(task, 0, Infinity))];
    }
    const { from, to, state } = run.spans;
    // What it waits for was said in the poll before.
    const start = isWaiting(state[span]) ? Math.max(from[span] - 1, 0) : from[span];
    return [
      head,
      element("p", { class: `state state-${state[span]}` }, STATES[state[span]]),
      this.facts(
        ["when", words.stretch(span)],
        ["turns", state[span] === READY ? `for ${counted(to[span] - from[span], "turn")}` : ""],
        ...this.waitFacts(lane, span),
        ["woken by", this.wokenBy(lane, span)],
        ...common,
      ),
      this.wakeButtons(),
      element("h3", {}, "Its records"),
      this.records(run.recordsOf(task, start, to[span])),
    ];
  }

  waitFacts(lane, span) {
    return [["what for", this.page.words.waitsFor(lane, span)]];
  }

  // Who ended a wait, or began a stretch of being ready.
  wokenBy(lane, span) {
    const wake = this.page.wakeOf(lane, span);
    if (wake === NONE) return "";
    const { task, value, kind, turn } = this.page.run.records;
    if (kind[wake] !== WOKEN) return "";
    if (value[wake] < BY_TASK) return this.page.words.waker(task[wake], value[wake]);
    return [this.task(value[wake] - BY_TASK, () => this.page.followBack()), ` in turn ${turn[wake]}`];
  }

  wakeButtons() {
    const { page } = this;
    const back = page.waker();
    const forth = page.woken();
    const go = (label, key, action, isThere) =>
      element("button", { type: "button", disabled: !isThere, title: `(${key})`, onclick: action }, label);
    return element("p", { class: "buttons" },
      go("← to its waker", "w", () => page.followBack(), back !== null),
      go(this.forthLabel(), "e", () => page.followForth(), forth !== null));
  }

  forthLabel() {
    const { selected, run } = this.page;
    const state = selected && selected.span !== NONE ? run.spans.state[selected.span] : RUNNING;
    return state === RUNNING ? "to whom it wakes →" : state === READY ? "to its poll →" : "to its end →";
  }

  records(places, hasTask = false) {
    const { page } = this;
    const { run, words } = page;
    const { turn, task } = run.records;
    const shown = places.slice(0, LINES_MAX);
    const rows = Array.from(shown, (place) => element("tr", {},
      element("td", {}, element("button", { type: "button", class: "link", onclick: () => page.goToTurn(turn[place]) }, String(turn[place]))),
      element("td", {}, run.instant(place)),
      hasTask ? element("td", { class: "path" }, this.task(task[place], undefined, run.names[task[place]])) : null,
      element("td", {}, element("bdi", {}, words.record(place)))));
    const heads = ["turn", "at", ...(hasTask ? ["task"] : []), "event"];
    const left = places.length - shown.length;
    return element("div", { class: "records" },
      element("table", {}, element("thead", {}, element("tr", {}, heads.map((head) => element("th", { scope: "col" }, head)))),
        element("tbody", {}, rows)),
      left > 0 ? element("p", { class: "more" }, `and ${counted(left, "more record", "more records")}`) : null);
  }
}

function range(start, end) {
  return Uint32Array.from({ length: Math.max(0, end - start) }, (_, place) => start + place);
}

