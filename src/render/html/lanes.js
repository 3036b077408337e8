// Bars of the lanes. Where several spans share a pixel, the one in which most is done stands for all.

const ROW = 26;

// The height of the minimap and the axis above.
const AXES = 80;

// Spans of which the busiest state is kept.
const BLOCK = 32;

// Pixels of a cell in which spans are drawn as one.
const CELL = 2;

// The least width of a bar that has a label, and the width of a character.
const LABEL_MIN = 46;
const CHARACTER = 6.7;

const HEIGHTS = [6, 2, 2, 4, 6, 8, 14, 14];

class LanePainter {
  constructor(run) {
    this.run = run;
    const { state } = run.spans;
    this.busiest = new Uint8Array(Math.ceil(state.length / BLOCK));
    for (let span = 0; span < state.length; span++) {
      const block = Math.floor(span / BLOCK);
      if (state[span] > this.busiest[block]) this.busiest[block] = state[span];
    }
  }

  // The state in which most is done, of spans from one to before another.
  most(start, end) {
    const { state } = this.run.spans;
    let most = 0;
    for (let span = start; span < end;) {
      if (span % BLOCK === 0 && span + BLOCK <= end) {
        most = Math.max(most, this.busiest[span / BLOCK]);
        span += BLOCK;
      } else most = Math.max(most, state[span++]);
    }
    return most;
  }

  paint(context, page, lane, y) {
    const { view } = page;
    const { first, from, to, state } = this.run.spans;
    const end = first[lane + 1];
    let span = firstWhere(first[lane], end, (place) => to[place] > view.from);
    let free = -Infinity;
    for (let x = view.x(from[span]); span < end && x < view.width; x = view.x(from[span])) {
      const right = view.x(to[span]);
      if (right - x >= CELL) {
        this.bar(context, state[span], Math.max(x, free), right, y);
        this.label(context, page, lane, span, x, right, y);
        span++;
        continue;
      }
      const cell = Math.floor(x / CELL) * CELL;
      // One that goes on beyond the cell is drawn by itself.
      const next = firstWhere(span + 1, end, (place) => view.x(to[place]) >= cell + CELL);
      this.cell(context, this.most(span, next), cell, y);
      [span, free] = [next, cell + CELL];
    }
  }

  bar(context, state, left, right, y) {
    // What lies far outside is cut off, so that patterns and dashes stay cheap.
    const [x, end] = [Math.max(left, -20), Math.min(right, context.canvas.clientWidth + 20)];
    const height = HEIGHTS[state];
    const top = y + (ROW - height) / 2;
    const width = Math.max(end - x - (state === RUNNING && right - left > 5 ? 1 : 0), 1);
    if (state === TIMED || state === JOINS || state === QUEUED) {
      context.strokeStyle = state === QUEUED ? colors.abort : colors.waits;
      context.lineWidth = height;
      context.setLineDash(state === TIMED ? [4, 3] : state === JOINS ? [2, 2] : [4, 2]);
      context.lineDashOffset = x - left;
      context.beginPath();
      context.moveTo(x, top + height / 2);
      context.lineTo(end, top + height / 2);
      context.stroke();
      context.setLineDash([]);
      return;
    }
    context.fillStyle = fillOf(state);
    if (state === RUNNING && width > 6) {
      context.beginPath();
      context.roundRect(x, top, width, height, 2.5);
      context.fill();
    } else context.fillRect(x, top, width, height);
    if (state === BLOCKING) {
      context.strokeStyle = colors.blocks;
      context.lineWidth = 1;
      context.strokeRect(x + 0.5, top + 0.5, width - 1, height - 1);
    }
  }

  cell(context, state, x, y) {
    const height = HEIGHTS[state];
    context.fillStyle = state === READY ? colors.ready : state === BLOCKING ? colors.blocks : fillOf(state);
    context.fillRect(x, y + (ROW - height) / 2, CELL, height);
  }

  label(context, page, lane, span, left, right, y) {
    const state = this.run.spans.state[span];
    const [x, end] = [Math.max(left, 0), Math.min(right, page.view.width)];
    const least = state === RUNNING ? 16 : LABEL_MIN;
    if (end - x < least) return;
    const text = page.words.label(lane, span);
    if (text === "") return;
    const room = Math.floor((end - x - (state === RUNNING ? 2 : 16)) / CHARACTER);
    const shown = text.length > room ? (room > 11 && state !== RUNNING ? `${text.slice(0, room - 1)}…` : "") : text;
    if (shown === "") return;
    const middle = y + ROW / 2;
    context.textAlign = "center";
    if (state === RUNNING) context.fillStyle = colors["on-running"];
    else {
      const width = context.measureText(shown).width + 10;
      context.fillStyle = page.rowColor(lane);
      context.fillRect((x + end - width) / 2, middle - 7, width, 14);
      context.fillStyle = colors.dim;
    }
    context.fillText(shown, (x + end) / 2, middle + 0.5);
    context.textAlign = "start";
  }
}

function fillOf(state) {
  switch (state) {
    case RUNNING: return colors.running;
    case READY: return colors.readyPattern;
    case BLOCKING: return colors.blocksPattern;
    case ALIVE: return colors.alive;
    case QUEUED: return colors.abort;
    default: return colors.waits;
  }
}

