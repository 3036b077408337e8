// The ready set before any record, by going through the records as the loop went through its turns.

// Records between two sets that are kept.
const KEPT_EVERY = 8192;

class ReadySets {
  constructor(run) {
    this.run = run;
    this.kept = [{ tasks: [], running: NONE, isWoken: false }];
  }

  // The tasks that are ready when the record at `place` is about to happen, in the order of arrival.
  before(place) {
    while (this.kept.length * KEPT_EVERY <= place) {
      const start = this.kept.length * KEPT_EVERY;
      this.kept.push(new ReadySet(this.kept.at(-1)).through(this.run.records, start - KEPT_EVERY, start).kept());
    }
    const nearest = Math.floor(place / KEPT_EVERY);
    const set = new ReadySet(this.kept[nearest]).through(this.run.records, nearest * KEPT_EVERY, place);
    set.endPoll();
    return [...set.tasks];
  }

  // The turns in which the set is not what the loop had; there are none.
  mistakes() {
    const { kind, task, value, ready, turn, count } = this.run.records;
    const set = new ReadySet(this.kept[0]);
    const wrong = [];
    for (let place = 0; place < count; place++) {
      if (kind[place] === POLLED) {
        set.endPoll();
        const isRight = set.tasks.size === ready[place] && [...set.tasks][value[place]] === task[place];
        if (!isRight) wrong.push(turn[place]);
      }
      set.through(this.run.records, place, place + 1);
    }
    return wrong;
  }
}

class ReadySet {
  constructor({ tasks, running, isWoken }) {
    // A set keeps the order of arrival.
    this.tasks = new Set(tasks);
    this.running = running;
    this.isWoken = isWoken;
  }

  kept() {
    return { tasks: Uint32Array.from(this.tasks), running: this.running, isWoken: this.isWoken };
  }

  through({ kind, task }, start, end) {
    for (let place = start; place < end; place++) this.pass(kind[place], task[place]);
    return this;
  }

  pass(kind, task) {
    if (kind === SPAWNED) this.tasks.add(task);
    else if (kind === POLLED) {
      this.endPoll();
      this.tasks.delete(task);
      this.running = task;
    } else if (kind === WOKEN) {
      // Woken in its own poll, it goes to the back when that ends.
      if (task === this.running) this.isWoken = true;
      else this.tasks.add(task);
    } else if (kind === FIRED || kind === JUMPED) this.endPoll();
    else if (kind >= COMPLETED && kind <= PANICKED) {
      this.tasks.delete(task);
      if (task === this.running) [this.running, this.isWoken] = [NONE, false];
    }
  }

  endPoll() {
    if (this.isWoken) this.tasks.add(this.running);
    [this.running, this.isWoken] = [NONE, false];
  }
}

