// The statistics of all tasks as a table that sorts, and the legend.

// Rows of the table at most.
const ROWS_SHOWN = 100;

// Resources that a row of it tells at most.
const RESOURCES_SHOWN = 3;

const COLUMNS = [
  ["polls", "polls", (row) => grouped(row.polls)],
  ["turnsReady", "turns ready", (row) => grouped(row.turnsReady)],
  ["ready", "ready", (row) => time(row.ready)],
  ["waiting", "waiting", (row) => time(row.waiting)],
  ["longest", "longest wait", (row) => time(row.longest)],
  ["blocked", "blocked", (row) => time(row.blocked)],
];

function time(nanos) {
  return nanos === 0n ? "-" : shownNanos(nanos);
}

// How long a task waited for each resource, the longest first; of more than `most` the rest is counted.
function waitsForResources(resources, most) {
  const lines = resources.slice(0, most).map(({ name, waits, waiting, longest }) =>
    element("div", {}, element("bdi", {}, name), `: ${shownNanos(waiting)}`
      + (waits > 1 ? `, ${grouped(waits)} waits, ${shownNanos(longest)} the longest` : "")));
  const left = resources.length - most;
  if (left > 0) lines.push(element("div", { class: "more" }, `and for ${counted(left, "more resource")}`));
  return lines;
}

class Statistics {
  constructor(page, root) {
    this.page = page;
    this.root = root;
    this.column = "polls";
    this.isDescending = true;
  }

  sortBy(column) {
    this.isDescending = column === this.column ? !this.isDescending : column !== "path";
    this.column = column;
    this.show();
  }

  sorted() {
    const { run, rows } = this.page;
    const sign = this.isDescending ? -1 : 1;
    const value = this.column === "path" ? (row) => run.paths[row.task] : (row) => row[this.column];
    const found = run.statistics.filter((row) => rows.isFound[row.task]);
    const compare = (one, other) => (value(one) < value(other) ? -1 : value(one) > value(other) ? 1 : 0);
    return found.sort((one, other) => sign * compare(one, other) || one.task - other.task);
  }

  show() {
    const { page } = this;
    const sorted = this.sorted();
    const head = (column, label) => {
      const isSorted = column === this.column;
      const order = isSorted ? (this.isDescending ? "descending" : "ascending") : "none";
      const arrow = isSorted ? (this.isDescending ? " ↓" : " ↑") : "";
      return element("th", { scope: "col", "aria-sort": order },
        element("button", { type: "button", onclick: () => this.sortBy(column) }, label + arrow));
    };
    const line = (row) => element("tr", {},
      element("td", { class: "path" }, page.panel.task(row.task)),
      COLUMNS.map(([, , shown]) => element("td", { class: "number" }, shown(row))),
      element("td", { class: "resources" }, row.resources.length ? waitsForResources(row.resources, RESOURCES_SHOWN) : "-"));
    const left = sorted.length - ROWS_SHOWN;
    this.root.replaceChildren(
      element("table", {},
        element("thead", {}, element("tr", {}, head("path", "task"), 
          COLUMNS.map(([column, label]) => head(column, label)), head("queued", "waiting for resources"))),
        element("tbody", {}, sorted.slice(0, ROWS_SHOWN).map(line))),
      ...(left > 0 ? [element("p", { class: "more" }, `and ${counted(left, "more task")}`)] : []),
      element("pre", { class: "loop" }, page.run.loop.join("\n")),
    );
  }
}

const BARS = [[RUNNING, "is polled"], [BLOCKING, "blocks the loop"], [READY, "is ready"],
  [QUEUED, "waits for a resource"], [JOINS, "joins a task"], [TIMED, "sleeps"], [WAITS, "waits for another thing"], [ALIVE, "lives (the trace has no polls)"]];

const MARKS = [[COMPLETED, "completed"], [CANCELLED, "cancelled"], [PANICKED, "panicked"],
  [WOKEN, "woken by itself or the loop"], [ABORT, "cancellation asked for"], [NOTE, "note"], [POLLED, "chosen before others"], [FIRED, "its timer fires"]];

function showLegend(root, painter) {
  const item = (label, draw) => {
    const canvas = element("canvas", { class: "key", "aria-hidden": "true" });
    return [element("li", {}, canvas, label), canvas, draw];
  };
  const items = [
    ...BARS.map(([state, label]) => item(label, (context) => painter.bar(context, state, 2, 34, 0))),
    ...MARKS.map(([kind, label]) => item(label, (context) => drawShape(context, kind, 18, kind === NOTE || kind === ABORT ? 22 : kind === POLLED ? 4 : 13))),
    item("wakes the other task", (context) => {
      context.strokeStyle = context.fillStyle = colors.wake;
      context.lineWidth = 1.2;
      context.stroke(new Path2D("M18 3V22"));
      context.fill(new Path2D("M18 24l-3.5 -6h7z"));
    }),
    item("ready at the turn that is looked at, by arrival", (context) => {
      context.strokeStyle = colors.cursor;
      context.lineWidth = 1.6;
      context.stroke(new Path2D("M26.5 13a8.5 8.5 0 1 0 -17 0a8.5 8.5 0 1 0 17 0z"));
    }),
    item("time cut short", (context) => {
      context.fillStyle = colors.cutPattern;
      context.fillRect(4, 2, 28, 22);
    }),
    item("waits for each other (a deadlock's cycle)", (context) => {
      context.strokeStyle = colors.cycle;
      context.lineWidth = 1.8;
      context.setLineDash([5, 3]);
      context.stroke(new Path2D("M30 4C8 4 8 22 30 22"));
      context.setLineDash([]);
    }),
  ];
  root.replaceChildren(element("ul", { class: "legend" }, items.map(([line]) => line)));
  // The sizes of the style sheet: while another tab is open, the layout gives them none.
  for (const [, canvas, draw] of items) draw(cleared(canvas, 36, 26));
}

