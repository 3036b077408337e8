// Which lanes are shown, in which rows: those that fit search and filter with their ancestors, less what is
// folded away.

const FILTERS = [
  ["all", "are any", () => true],
  ["alive", "are alive at the end", (run, task) => run.ends[task] === 0],
  ["completed", "completed", (run, task) => run.ends[task] === COMPLETED],
  ["cancelled", "were cancelled", (run, task) => run.ends[task] === CANCELLED],
  ["panicked", "panicked", (run, task) => run.ends[task] === PANICKED],
  ["cycle", "are in the cycle", (run, task) => run.cycle.includes(task)],
];

class Rows {
  constructor(run) {
    this.run = run;
    this.folded = new Set();
    this.search = "";
    this.filter = "all";
    this.update();
  }

  update() {
    const { run } = this;
    const needle = this.search.trim().toLowerCase();
    const [, , fits] = FILTERS.find(([name]) => name === this.filter);
    const isAll = needle === "" && this.filter === "all";
    const isShown = new Uint8Array(run.count);
    this.found = 0;
    this.isFound = new Uint8Array(run.count);
    for (let task = 0; task < run.count; task++) {
      if (!fits(run, task) || (needle && !run.paths[task].toLowerCase().includes(needle))) continue;
      this.found++;
      this.isFound[task] = 1;
      for (let up = task; up >= 0 && !isShown[up]; up = run.parent[up]) isShown[up] = 1;
    }
    this.isAll = isAll;
    this.lanes = [];
    this.rowOf = new Int32Array(run.count).fill(-1);
    const isHidden = new Uint8Array(run.count);
    for (let lane = 0; lane < run.count; lane++) {
      const task = run.order[lane];
      const parent = run.parent[task];
      isHidden[task] = parent >= 0 && (isHidden[parent] || this.folded.has(parent)) ? 1 : 0;
      if (!isShown[task] || isHidden[task]) continue;
      this.rowOf[lane] = this.lanes.length;
      this.lanes.push(lane);
    }
  }

  get count() {
    return this.lanes.length;
  }

  fold(task, isFolded = !this.folded.has(task)) {
    if (isFolded) this.folded.add(task);
    else this.folded.delete(task);
    this.update();
  }

  // Makes a lane visible, whatever is folded or searched for.
  reveal(lane) {
    if (this.rowOf[lane] >= 0) return false;
    const task = this.run.order[lane];
    for (let up = this.run.parent[task]; up >= 0; up = this.run.parent[up]) this.folded.delete(up);
    this.update();
    if (this.rowOf[lane] >= 0) return true;
    [this.search, this.filter] = ["", "all"];
    this.update();
    return true;
  }

  // The row of a lane, or of its nearest ancestor that has one.
  rowNear(lane) {
    for (let task = this.run.order[lane]; task >= 0; task = this.run.parent[task]) {
      const row = this.rowOf[this.run.laneOf[task]];
      if (row >= 0) return row;
    }
    return -1;
  }
}

