// A run in columns: what `data.rs` has written, read back into typed arrays, and the lists that drawing needs.

// The higher one is shown where several share a place.
const ALIVE = 0, WAITS = 1, TIMED = 2, JOINS = 3, QUEUED = 4, READY = 5, RUNNING = 6, BLOCKING = 7;

const isWaiting = (state) => state >= WAITS && state <= QUEUED;

const SPAWNED = 0, POLLED = 1, WOKEN = 2, ABORT = 3, REGISTERED = 4, FIRED = 5, REMOVED = 6, JUMPED = 7,
  BLOCKED = 8, COMPLETED = 9, CANCELLED = 10, PANICKED = 11, NOTE = 12, WAITING = 13;

// Who wakes: a number from here on is a task's.
const BY_TIMER = 0, BY_LOOP = 1, BY_OUTSIDE = 2, BY_TASK = 3;

const NONE = 0xffff_ffff;

class Run {
  constructor(section) {
    this.name = section.dataset.name;
    this.head = section.dataset.head;
    this.story = section.querySelector(".story");
    // The lines about the loop come after the table.
    const lines = section.querySelector(".statistics").textContent.trimEnd().split("\n");
    this.loop = lines.slice(lines.findLastIndex((line) => /^\d+ turns?, \d+ jumps? over /.test(line)));
    this.cycle = section.dataset.cycle.split(" ").filter(Boolean).map(Number);
    this.parting = section.dataset.parting === "" ? -1 : Number(section.dataset.parting);
    const texts = section.querySelector(".texts").textContent.split("\n");
    const digits = new Digits(section.querySelector(".numbers").textContent);
    if (digits.next() !== 1) throw new Error("the page and its data do not fit");
    this.isFull = digits.next() === 2;
    this.readAxis(digits);
    this.readTasks(digits, texts);
    this.readSpans(digits);
    this.readRecords(digits);
    this.readStatistics(digits);
    this.listByTask();
    this.listMarks();
  }

  readAxis(digits) {
    this.instants = new BigUint64Array(digits.next());
    let at = 0n;
    for (let place = 0; place < this.instants.length; place++) {
      at += digits.big();
      this.instants[place] = at;
    }
    this.width = Math.max(1, digits.next());
    const count = digits.next();
    this.stops = {
      count, instant: new Uint32Array(count), x: new Uint32Array(count),
      turns: new Uint32Array(count), cut: new Uint8Array(count),
    };
    this.stopOf = new Uint32Array(this.instants.length);
    let instant = 0, x = 0, turns = 0;
    for (let place = 0; place < count; place++) {
      instant += digits.next();
      const step = digits.next();
      x += Math.floor(step / 2);
      turns += digits.next();
      this.stops.instant[place] = instant;
      this.stops.x[place] = x;
      this.stops.turns[place] = turns;
      this.stops.cut[place] = step % 2;
      this.stopOf[instant] = place;
    }
  }

  readTasks(digits, texts) {
    const sites = digits.next();
    const count = digits.next();
    const waits = digits.next();
    this.count = count;
    this.parent = new Int32Array(count);
    this.isDaemon = new Uint8Array(count);
    this.depth = new Uint32Array(count);
    this.children = new Uint32Array(count);
    this.sites = [];
    this.names = [];
    this.paths = [];
    for (let task = 0; task < count; task++) {
      const back = digits.next();
      const flags = digits.next();
      const parent = back ? task - back : -1;
      this.sites.push(texts[digits.next()]);
      this.parent[task] = parent;
      this.isDaemon[task] = flags >> 1;
      this.depth[task] = parent < 0 ? 0 : this.depth[parent] + 1;
      if (parent >= 0) this.children[parent]++;
      const name = texts[sites + task];
      this.names.push(name);
      this.paths.push(flags & 1 ? `${this.paths[parent]}/${name}` : name);
    }
    this.waits = texts.slice(sites + count, sites + count + waits);
    this.texts = texts.slice(sites + count + waits);
    this.order = new Uint32Array(count);
    this.laneOf = new Uint32Array(count);
    for (let lane = 0, next = 0; lane < count; lane++) {
      const task = next + digits.signed();
      this.order[lane] = task;
      this.laneOf[task] = lane;
      next = task + 1;
    }
  }

  readSpans(digits) {
    const count = digits.next();
    this.spans = {
      first: new Uint32Array(this.count + 1), from: new Uint32Array(count),
      to: new Uint32Array(count), state: new Uint8Array(count),
    };
    let place = 0;
    for (let lane = 0; lane < this.count; lane++) {
      this.spans.first[lane] = place;
      let end = 0;
      for (let left = digits.next(); left > 0; left--) {
        const head = digits.next();
        if (head & 8) end += digits.next();
        this.spans.state[place] = head & 7;
        this.spans.from[place] = end;
        end += digits.next();
        this.spans.to[place] = end;
        place++;
      }
    }
    this.spans.first[this.count] = place;
  }

  readRecords(digits) {
    const count = digits.next();
    const records = this.records = {
      count, kind: new Uint8Array(count), turn: new Uint32Array(count), at: new Uint32Array(count),
      task: new Uint32Array(count), value: new Uint32Array(count), ready: new Uint32Array(count),
      x: new Uint32Array(count),
    };
    let turn = 0, at = 0, task = 0, text = 0, polled = NONE, hasWaited = false;
    for (let place = 0; place < count; place++) {
      const head = digits.next();
      const kind = head >> 1;
      if (kind === POLLED) turn++;
      if (head & 1) {
        turn += digits.signed();
        at += digits.signed();
      }
      task += digits.signed();
      records.kind[place] = kind;
      records.turn[place] = turn;
      records.at[place] = at;
      records.task[place] = task < 0 ? NONE : task;
      if (kind === POLLED) {
        records.value[place] = digits.next();
        records.ready[place] = digits.next();
        polled = place;
        hasWaited = false;
      } else if (kind === WOKEN || kind === ABORT || kind === WAITING) {
        records.value[place] = digits.next();
        // One more than the number of the resource that had served it.
        if (kind === WOKEN) records.ready[place] = digits.next();
      } else if (kind >= REGISTERED && kind <= BLOCKED) {
        records.value[place] = at + digits.signed();
      } else if (kind === PANICKED || kind === NOTE) {
        records.value[place] = text++;
      }
      // What is dropped after a poll, at the end of the run, stands after it, and after the wait that began
      // with it.
      const isAtPoll = polled !== NONE && records.turn[polled] === turn && records.at[polled] === at;
      const isOfPoll = isAtPoll && records.task[polled] === task;
      hasWaited ||= isOfPoll && kind === WAITING;
      const after = !isAtPoll || kind !== CANCELLED ? 0 : hasWaited ? 2 : isOfPoll ? 0 : 1;
      records.x[place] = this.x(turn, this.stopOf[at]) + after;
    }
    this.turns = turn;
    this.polls = new Uint32Array(turn + 1).fill(NONE);
    this.turnStarts = new Uint32Array(turn + 2).fill(count);
    for (let place = count; place-- > 0;) {
      if (records.kind[place] === POLLED) this.polls[records.turn[place]] = place;
      this.turnStarts[records.turn[place]] = place;
    }
    for (let turn = this.turns; turn >= 0; turn--) {
      this.turnStarts[turn] = Math.min(this.turnStarts[turn], this.turnStarts[turn + 1]);
    }
  }

  readStatistics(digits) {
    this.statistics = [];
    for (let task = 0; task < this.count; task++) {
      const [polls, turnsReady] = [digits.next(), digits.next()];
      const [ready, waiting, longest, blocked] = [digits.big(), digits.big(), digits.big(), digits.big()];
      const resources = Array.from({ length: digits.next() }, () => ({
        name: this.waits[digits.next()], waits: digits.next(), waiting: digits.big(), longest: digits.big(),
      })).sort((one, other) => (one.waiting < other.waiting ? 1 : one.waiting > other.waiting ? -1 : 0));
      // What the table sorts by: all of them together.
      const queued = resources.reduce((sum, resource) => sum + resource.waiting, 0n);
      this.statistics.push({ task, polls, turnsReady, ready, waiting, longest, blocked, queued, resources });
    }
  }

  // The records of each task, in order; the last list is of those without a task.
  listByTask() {
    const { task, kind, count } = this.records;
    this.ofTask = bucketed(count, this.count, (place) => task[place]);
    this.ends = new Uint8Array(this.count);
    for (let place = 0; place < count; place++) {
      if (kind[place] >= COMPLETED && kind[place] <= PANICKED) this.ends[task[place]] = kind[place];
    }
  }

  // The records that are drawn as marks, by task, and those that are drawn as arrows.
  listMarks() {
    const { task, kind, value, ready, count } = this.records;
    // A wake that has neither an arrow nor a timer of its own.
    const isLoneWake = (place) => kind[place] === WOKEN
      && (value[place] === BY_LOOP || value[place] === BY_OUTSIDE || value[place] - BY_TASK === task[place]);
    const isMark = (place) => isLoneWake(place) || (kind[place] >= COMPLETED && kind[place] <= NOTE) || kind[place] === ABORT || kind[place] === FIRED
      || (kind[place] === POLLED && value[place] > 0);
    this.marksOf = bucketed(count, this.count, (place) => (isMark(place) ? task[place] : NONE));
    const wakes = [];
    for (let place = 0; place < count; place++) {
      if (kind[place] === WOKEN && value[place] >= BY_TASK && value[place] - BY_TASK !== task[place]) {
        wakes.push(place);
      }
    }
    this.wakes = Uint32Array.from(wakes);
    this.choices = 0;
    for (let place = 0; place < count; place++) {
      if (kind[place] === POLLED && ready[place] > 1) this.choices++;
    }
  }

  // Whether a record of a task is made while it is polled.
  isInOwnPoll(place) {
    const { task, turn, at } = this.records;
    const poll = this.polls[turn[place]];
    return poll !== NONE && task[poll] === task[place] && at[poll] === at[place];
  }

  // The place on the axis of a turn at a stop.
  x(turn, stop) {
    return this.stops.x[stop] + Math.max(0, turn - this.stops.turns[stop]);
  }

  // The last stop at or before a place.
  stopAt(x) {
    return Math.max(0, firstAfter(this.stops.x, 0, this.stops.count, x) - 1);
  }

  instant(place) {
    return shownInstant(this.instants[this.records.at[place]]);
  }

  // Where a turn stands.
  xOfTurn(turn) {
    const poll = this.polls[turn];
    if (poll !== NONE) return this.records.x[poll];
    const place = Math.min(this.turnStarts[turn], this.records.count - 1);
    return place < 0 ? 0 : this.records.x[place];
  }

  turnAtOrAfter(x) {
    return firstWhere(1, this.turns + 1, (turn) => this.xOfTurn(turn) >= x);
  }

  // What the clock shows at a place of the axis.
  instantAt(x) {
    return this.stops.count ? this.instants[this.stops.instant[this.stopAt(x)]] : 0n;
  }

  // The span of a lane at a place of the axis, or the last before it.
  spanAt(lane, x) {
    const [first, end] = [this.spans.first[lane], this.spans.first[lane + 1]];
    const place = firstAfter(this.spans.from, first, end, x) - 1;
    return place >= first ? place : NONE;
  }

  // The records of a task from one place of the axis to another, both included.
  recordsOf(task, from, to) {
    const { first, list } = this.ofTask;
    const x = (place) => this.records.x[list[place]];
    const start = firstWhere(first[task], first[task + 1], (place) => x(place) >= from);
    const end = firstWhere(start, first[task + 1], (place) => x(place) > to);
    return list.subarray(start, end);
  }
}

// Sorts places 0 to before `count` into lists by a number; those with none of them are left out.
function bucketed(count, buckets, bucketOf) {
  const first = new Uint32Array(buckets + 1);
  for (let place = 0; place < count; place++) {
    const bucket = bucketOf(place);
    if (bucket < buckets) first[bucket + 1]++;
  }
  for (let bucket = 0; bucket < buckets; bucket++) first[bucket + 1] += first[bucket];
  const list = new Uint32Array(first[buckets]);
  const next = first.slice();
  for (let place = 0; place < count; place++) {
    const bucket = bucketOf(place);
    if (bucket < buckets) list[next[bucket]++] = place;
  }
  return { first, list };
}

// The first place from `start` to before `end` at which something holds that goes on to hold; `end` if none.
function firstWhere(start, end, holds) {
  while (start < end) {
    const middle = (start + end) >>> 1;
    if (holds(middle)) end = middle;
    else start = middle + 1;
  }
  return start;
}

// The first place with a number above `value`, in numbers that are in order.
function firstAfter(numbers, start, end, value) {
  return firstWhere(start, end, (place) => numbers[place] > value);
}

