// The axis: instants where they have room, turns when there is room for each, bands where time was cut short.

const AXIS_HEIGHT = 40;

// Pixels between two lines at least, and of a unit to number the turns.
const LINES_APART = 22;
const TURN_MIN = 22;

// Stops in view at most for bands to be drawn.
const BANDS_MAX = 3_000;

// Calls back for each stop that has room, with its place in pixels, its text if that fits, and where that begins.
function eachStop(page, call) {
  const { run, view } = page;
  const { x, count, instant } = run.stops;
  let stop = firstWhere(0, count, (place) => view.x(x[place]) >= -200);
  let free = -Infinity;
  while (stop < count) {
    const left = view.x(x[stop]);
    if (left > view.width) return;
    const label = shownInstant(run.instants[instant[stop]]);
    const width = label.length * CHARACTER;
    // A text that would reach beyond the edge stands before it.
    const start = Math.min(left, view.width - width - 4);
    call(stop, left, start >= free ? label : "", start);
    if (start >= free) free = start + width + 12;
    const next = left + LINES_APART;
    stop = firstWhere(stop + 1, count, (place) => view.x(x[place]) >= next);
  }
}

function paintAxis(canvas, page) {
  const context = cleared(canvas);
  const { view } = page;
  eachStop(page, (stop, x, label, start) => {
    context.strokeStyle = colors.line;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(Math.round(x) + 0.5, label ? 18 : 30);
    context.lineTo(Math.round(x) + 0.5, AXIS_HEIGHT);
    context.stroke();
    if (label) {
      context.fillStyle = colors.text;
      context.fillText(label, start, 11);
    }
  });
  if (view.scale >= TURN_MIN) paintTurns(context, page);
  paintTurnFlag(context, page);
}

// The number of each turn, in the middle of its unit.
function paintTurns(context, page) {
  const { run, view } = page;
  const start = run.turnAtOrAfter(view.from);
  context.fillStyle = colors.dim;
  context.textAlign = "center";
  for (let turn = start; turn <= run.turns && run.xOfTurn(turn) < view.to; turn++) {
    context.fillText(String(turn), view.x(run.xOfTurn(turn) + 0.5), 30);
  }
  context.textAlign = "start";
}

function paintTurnFlag(context, page) {
  if (!page.turn) return;
  const text = `turn ${page.turn}`;
  const width = text.length * CHARACTER + 12;
  const x = page.view.x(page.turnX() + 0.5);
  const left = Math.max(0, Math.min(x - width / 2, page.view.width - width));
  context.fillStyle = colors.cursor;
  context.beginPath();
  context.roundRect(left, 22, width, 16, 4);
  context.fill();
  context.fillStyle = colors.ground;
  context.fillText(text, left + 6, 30.5);
}

// Lines and bands behind the lanes.
function paintGrid(context, page) {
  const { run, view } = page;
  const height = context.canvas.clientHeight;
  const { x, cut, count, turns } = run.stops;
  const start = firstWhere(0, count, (place) => x[place] >= view.from);
  const end = Math.min(firstWhere(start, count, (place) => x[place] > view.to) + 1, count);
  if (end - start < BANDS_MAX) {
    for (let stop = Math.max(start, 1); stop < end; stop++) {
      if (!cut[stop]) continue;
      const from = view.x(x[stop] - 14), width = Math.max(4 * view.scale, 4);
      context.fillStyle = colors.cutPattern;
      context.fillRect(from, 0, width, height);
    }
  }
  context.strokeStyle = colors.line;
  context.lineWidth = 1;
  context.setLineDash([2, 3]);
  context.beginPath();
  eachStop(page, (stop, left) => {
    context.moveTo(Math.round(left) + 0.5, 0);
    context.lineTo(Math.round(left) + 0.5, height);
  });
  context.stroke();
  context.setLineDash([]);
}

