// What is looked at: the run, the part of it that is visible, the selected span, the turn. Each change goes
// through here and is drawn once, with the next frame.

class Page {
  constructor(sections, parts) {
    this.runs = sections.map((section) => new Run(section));
    this.parts = parts;
    this.minimap = new Minimap(parts.minimap);
    this.panel = new Panel(this, parts.panel);
    this.statistics = new Statistics(this, parts.statistics);
    this.frames = 0;
    this.selected = null;
    this.turn = 0;
    this.show(0);
  }

  // Switches to a run; turn and task stay, where that has them.
  show(number) {
    const before = this.run;
    const path = this.selected ? before.paths[before.order[this.selected.lane]] : null;
    this.number = number;
    const run = this.run = this.runs[number];
    this.words = new Words(run);
    this.painter = new LanePainter(run);
    this.ready = new ReadySets(run);
    const { search, filter } = this.rows ?? { search: "", filter: "all" };
    this.rows = new Rows(run);
    Object.assign(this.rows, { search, filter });
    this.rows.update();
    const view = new Viewport(run.width);
    if (this.view && !this.view.isFitted) Object.assign(view, { from: this.view.from, scale: this.view.scale, isFitted: false });
    view.resize(this.view?.width ?? 1);
    this.view = view;
    this.turn = Math.min(this.turn, run.turns);
    const task = path === null ? -1 : run.paths.indexOf(path);
    this.selected = null;
    if (this.turn) this.goToTurn(this.turn);
    else if (task >= 0) this.selectTask(task);
    this.onRun?.();
    this.changed();
  }

  // Draws with the next frame.
  changed() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.frames++;
      this.onFrame?.();
    });
  }

  say(text) {
    this.parts.said.textContent = text;
  }

  turnX() {
    return this.run.xOfTurn(this.turn);
  }

  // The task that is polled, or dropped, in the turn that is looked at.
  turnTask() {
    const poll = this.run.polls[this.turn];
    const { task, turn, count } = this.run.records;
    if (poll !== NONE) return task[poll];
    const start = this.run.turnStarts[this.turn];
    return start < count && turn[start] === this.turn ? task[start] : NONE;
  }

  // The ready set as the turn that is looked at began.
  readyTasks() {
    if (!this.run.isFull || !this.turn) return [];
    if (this.readyOf?.run === this.run && this.readyOf.turn === this.turn) return this.readyOf.tasks;
    const poll = this.run.polls[this.turn];
    const tasks = this.ready.before(poll === NONE ? this.run.turnStarts[this.turn] : poll);
    this.readyOf = { run: this.run, turn: this.turn, tasks };
    return tasks;
  }

  goToTurn(turn) {
    const { run } = this;
    if (!run.turns) return;
    this.turn = Math.min(Math.max(turn, 1), run.turns);
    const task = this.turnTask();
    this.selected = null;
    if (task !== NONE) {
      const lane = run.laneOf[task];
      const span = run.spanAt(lane, this.turnX());
      this.selected = { lane, span: span !== NONE && run.polls[this.turn] !== NONE ? span : NONE };
      this.reveal(lane);
      // Of a turn without a poll, the turn is told and not the lane.
      if (this.selected.span === NONE) this.selected = null;
    }
    this.view.reveal(this.turnX());
    const ready = this.readyTasks();
    const choice = ready.length > 1 ? `, ${ready.indexOf(task) + 1} of ${ready.length} ready` : "";
    this.say(`turn ${this.turn} at ${shownInstant(run.instantAt(this.turnX()))}: ${this.words.path(task)}${choice}`);
    this.changed();
    this.panel.show();
  }

  // Goes to the next or the previous turn of the selected task.
  stepTask(step) {
    const task = this.selected ? this.run.order[this.selected.lane] : this.turnTask();
    if (task === NONE) return;
    const { turn, kind } = this.run.records;
    const list = Array.from(this.run.recordsOf(task, 0, Infinity)).filter((place) => kind[place] === POLLED);
    const turns = list.map((place) => turn[place]);
    const next = step > 0 ? turns.find((other) => other > this.turn) : turns.findLast((other) => other < this.turn);
    if (next !== undefined) this.goToTurn(next);
  }

  // Makes a lane visible.
  reveal(lane) {
    if (this.rows.reveal(lane)) this.onRows?.();
    this.onReveal?.(lane);
  }

  selectSpan(lane, span) {
    const { run } = this;
    if (span !== NONE && run.spans.state[span] === RUNNING) {
      this.goToTurn(this.words.turnAt(run.spans.from[span]));
      return;
    }
    this.selected = { lane, span };
    this.say(span === NONE ? this.words.path(run.order[lane]) : this.words.span(lane, span));
    this.changed();
    this.panel.show();
  }

  selectTask(task) {
    const lane = this.run.laneOf[task];
    this.reveal(lane);
    this.selectSpan(lane, NONE);
  }

  clear() {
    this.selected = null;
    this.turn = 0;
    this.say("");
    this.changed();
    this.panel.show();
  }

  // The record that ended a wait, or began a stretch of being ready; before a poll, the last of these.
  wakeOf(lane, span) {
    const { run } = this;
    const { from, to, state } = run.spans;
    const isWait = isWaiting(state[span]);
    const list = run.recordsOf(run.order[lane], 0, isWait ? to[span] : from[span]);
    const { kind } = run.records;
    for (let at = list.length; at-- > Math.max(0, list.length - 200);) {
      if (kind[list[at]] === WOKEN && (!isWait || run.records.x[list[at]] >= from[span])) return list[at];
      if (kind[list[at]] === SPAWNED) return list[at];
    }
    return NONE;
  }

  // The turn in which the selected span's task was woken for it, and by whom; its spawning counts.
  waker() {
    const { selected, run } = this;
    if (!selected || selected.span === NONE) return null;
    const wake = this.wakeOf(selected.lane, selected.span);
    if (wake === NONE) return null;
    const { kind, task, value, turn } = run.records;
    const by = kind[wake] === SPAWNED ? run.parent[task[wake]] : value[wake] - BY_TASK;
    return by < 0 || !turn[wake] ? null : { task: by, turn: turn[wake] };
  }

  // The first task that the selected poll wakes, or spawns; of a wait, that ends with the poll it waits for.
  woken() {
    const { selected, run } = this;
    if (!selected || selected.span === NONE) return null;
    const { kind, task, value } = run.records;
    if (run.spans.state[selected.span] !== RUNNING) {
      const next = selected.span + 1;
      return next < run.spans.first[selected.lane + 1] ? { lane: selected.lane, span: next } : null;
    }
    const me = run.order[selected.lane];
    const [start, end] = [run.turnStarts[this.turn], run.turnStarts[this.turn + 1]];
    for (let place = start; place < end; place++) {
      const isMine = (kind[place] === WOKEN && value[place] - BY_TASK === me && task[place] !== me)
        || (kind[place] === SPAWNED && run.parent[task[place]] === me);
      if (!isMine) continue;
      const lane = run.laneOf[task[place]];
      const span = run.spanAt(lane, run.records.x[place]);
      if (span !== NONE) return { lane, span };
    }
    return null;
  }

  followBack() {
    const waker = this.waker();
    if (waker) this.goToTurn(waker.turn);
  }

  followForth() {
    const woken = this.woken();
    if (!woken) return;
    this.reveal(woken.lane);
    this.view.reveal(this.run.spans.from[woken.span]);
    this.selectSpan(woken.lane, woken.span);
  }

  filterBy(filter, search = "") {
    Object.assign(this.rows, { filter, search });
    this.rows.update();
    this.onRows?.();
    this.changed();
  }

  fold(task) {
    if (!this.run.children[task]) return;
    this.rows.fold(task);
    this.onRows?.();
    this.changed();
  }

  rowColor(lane) {
    return this.rows.rowOf[lane] % 2 ? colors.ground : colors.stripe;
  }
}

