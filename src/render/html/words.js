// What is said of records and spans, as the crate's texts say it.

const STATES = ["lives", "waits", "sleeps", "joins a task", "waits for a resource", "is ready", "is polled",
  "blocks the loop"];

const ENDS = { [COMPLETED]: "completed", [CANCELLED]: "cancelled", [PANICKED]: "panicked" };

class Words {
  constructor(run) {
    this.run = run;
  }

  path(task) {
    return task === NONE ? "-" : this.run.paths[task];
  }

  waker(task, number) {
    if (number === BY_LOOP) return "the loop, as all others wait";
    if (number === BY_OUTSIDE) return "code outside the loop";
    if (number === BY_TIMER) return "a timer";
    return number - BY_TASK === task ? "itself" : this.path(number - BY_TASK);
  }

  // The sentence of a record.
  record(place) {
    const { kind, task, value, ready } = this.run.records;
    const number = value[place];
    const other = () => shownInstant(this.run.instants[number]);
    switch (kind[place]) {
      case SPAWNED: return "spawned";
      case POLLED: return ready[place] > 1 ? `polled, ${number + 1} of ${ready[place]} ready` : "polled";
      case WOKEN:
        return (number === BY_TIMER ? "woken by its timer" : `woken by ${this.waker(task[place], number)}`)
          + (ready[place] ? `, served by ${this.run.waits[ready[place] - 1]}` : "");
      case WAITING: return this.run.waits[number];
      case ABORT: return `aborted by ${this.waker(task[place], number)}`;
      case REGISTERED: return `registers a timer for ${other()}`;
      case FIRED: return `timer for ${other()} fires`;
      case REMOVED: return `timer for ${other()} cancelled`;
      case JUMPED: return `the clock jumps from ${other()}`;
      case BLOCKED: return `blocks the loop from ${other()}`;
      case PANICKED: return `panicked: ${this.run.texts[number]}`;
      case NOTE: return `note: ${this.run.texts[number]}`;
      default: return ENDS[kind[place]];
    }
  }

  // From when to when a span goes.
  times(span) {
    const { from, to, state } = this.run.spans;
    const since = this.run.instantAt(from[span]);
    // What ends at the first unit of an instant ends when that begins.
    const isPoll = state[span] === RUNNING;
    const until = this.run.instantAt(isPoll ? from[span] : to[span]);
    return { since, until, length: until - since };
  }

  stretch(span) {
    const { since, until, length } = this.times(span);
    if (length === 0n) return `at ${shownInstant(since)}`;
    return `${shownInstant(since)} to ${shownInstant(until)} (${shownNanos(length)})`;
  }

  // The turn of which a place of the axis is.
  turnAt(x) {
    const stop = this.run.stopAt(x);
    return Math.min(this.run.stops.turns[stop] + x - this.run.stops.x[stop], this.run.turns);
  }

  // What a wait is for: the record of that stands at the end of the poll before it, or where it begins.
  waitsFor(lane, span) {
    const { from, state } = this.run.spans;
    if (!isWaiting(state[span])) return "";
    const { kind, value } = this.run.records;
    const list = this.run.recordsOf(this.run.order[lane], Math.max(from[span] - 1, 0), from[span]);
    const place = list.findLast((place) => kind[place] === WAITING);
    return place === undefined ? "" : this.run.waits[value[place]];
  }

  // A few words inside a span that has room for them.
  label(lane, span) {
    const { from, state } = this.run.spans;
    switch (state[span]) {
      case RUNNING: return String(this.turnAt(from[span]));
      case BLOCKING: return `blocks ${shownNanos(this.times(span).length)}`;
      case TIMED: case WAITS: case JOINS: case QUEUED: return this.waitsFor(lane, span);
      default: return "";
    }
  }

  // A line about a span.
  span(lane, span) {
    const { from, to, state } = this.run.spans;
    const path = this.path(this.run.order[lane]);
    const what = STATES[state[span]];
    if (state[span] === RUNNING) return `${path} is polled in turn ${this.turnAt(from[span])}, ${this.stretch(span)}`;
    if (state[span] === READY) return `${path} is ready ${this.stretch(span)}, for ${counted(to[span] - from[span], "turn")}`;
    const wait = this.waitsFor(lane, span);
    return `${path} ${wait || what}, ${this.stretch(span)}`;
  }
}

