// Marks on the lanes, arrows between them, and what is selected.

// Shapes around a point in the middle of a row, each with its colour and whether it is only an outline.
const SHAPES = {
  [WOKEN]: ["m-2 -5l6 5l-6 5z", "wake", false],
  [FIRED]: ["m-3 0a3 3 0 1 0 6 0a3 3 0 1 0 -6 0z", "dim", true],
  [NOTE]: ["m0 -6l-4 -6h8z", "note", false],
  [POLLED]: ["m0 5l4 4l-4 4l-4 -4z", "chosen", false],
  [ABORT]: ["m0 -13l4 4l-4 4l-4 -4z", "abort", true],
  [COMPLETED]: ["m-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z", "completed", false],
  [CANCELLED]: ["m-4 -4l8 8m0 -8l-8 8", "cancelled", true],
  [PANICKED]: ["m0 -8l2 5l5 -2l-2 5l3 3l-5 1l-3 5l-3 -5l-5 -1l3 -3l-2 -5l5 2z", "panicked", false],
};

// What is told of several marks in one place: an end rather than a note, that rather than a timer.
const WEIGHTS = { [WOKEN]: -1, [FIRED]: 0, [POLLED]: 1, [NOTE]: 2, [ABORT]: 3, [COMPLETED]: 4, [CANCELLED]: 5, [PANICKED]: 6 };

// Pixels in which marks are drawn as one, how many of them are looked at, and arrows at most.
const MARK_CELL = 7;
const LOOKED_AT = 40;
const ARROWS_MAX = 400;

function drawShape(context, kind, x, y) {
  const [outline, color, isOutline] = SHAPES[kind];
  const path = new Path2D(`M${x} ${y}${outline}`);
  context.lineWidth = kind === CANCELLED ? 2.2 : 1.4;
  context.strokeStyle = isOutline ? colors[color] : colors.ground;
  context.fillStyle = isOutline ? colors.ground : colors[color];
  if (kind !== CANCELLED) context.fill(path);
  context.stroke(path);
}

// Where a mark is drawn: an end where the task's last span ends, all else in the middle of its unit.
function markX(page, place) {
  const { run, view } = page;
  const { kind, task, x } = run.records;
  if (kind[place] >= COMPLETED && kind[place] <= PANICKED) {
    const lane = run.laneOf[task[place]];
    const last = run.spans.first[lane + 1] - 1;
    if (last >= run.spans.first[lane]) return view.x(run.spans.to[last]);
  }
  // Where it is ready from then on: after its poll, where it was woken in that.
  if (kind[place] === WOKEN) return view.x(x[place] + (run.isInOwnPoll(place) ? 1 : 0)) + 2;
  return view.x(x[place] + 0.5);
}

function paintMarks(context, page, lane, y) {
  const { run, view } = page;
  const { first, list } = run.marksOf;
  const task = run.order[lane];
  const { x, kind } = run.records;
  let place = firstWhere(first[task], first[task + 1], (at) => x[list[at]] >= view.from - 2);
  while (place < first[task + 1] && view.x(x[list[place]]) < view.width + MARK_CELL) {
    const edge = view.x(x[list[place]]) + MARK_CELL;
    const next = view.scale > MARK_CELL ? place + 1
      : firstWhere(place + 1, first[task + 1], (at) => view.x(x[list[at]]) >= edge);
    let heaviest = list[next - 1];
    for (let at = place; at < Math.min(next, place + LOOKED_AT); at++) {
      if (WEIGHTS[kind[list[at]]] > WEIGHTS[kind[heaviest]]) heaviest = list[at];
    }
    drawShape(context, kind[heaviest], markX(page, heaviest), y + ROW / 2);
    place = next;
  }
}

// The wakes with an arrow: all that are visible if they are few, else those of the selected lane.
function visibleWakes(page) {
  const { run, view, rows, selected } = page;
  const { x, task, value } = run.records;
  const start = firstWhere(0, run.wakes.length, (at) => x[run.wakes[at]] >= view.from - 1);
  const end = firstWhere(start, run.wakes.length, (at) => x[run.wakes[at]] > view.to);
  const mine = selected ? run.order[selected.lane] : NONE;
  const shown = [];
  // Of more than can be drawn at all only so many are looked at.
  const isFew = end - start <= ARROWS_MAX * 10;
  for (let at = start; at < Math.min(end, start + ARROWS_MAX * 50); at++) {
    const place = run.wakes[at];
    const waker = value[place] - BY_TASK;
    const isMine = task[place] === mine || waker === mine;
    if (!isMine && !isFew) continue;
    const [from, to] = [rows.rowNear(run.laneOf[waker]), rows.rowNear(run.laneOf[task[place]])];
    if (from >= 0 && to >= 0 && from !== to) shown.push({ place, from, to, isMine });
  }
  if (shown.length <= ARROWS_MAX) return { shown, left: 0 };
  const kept = shown.filter(({ isMine }) => isMine).slice(0, ARROWS_MAX);
  return { shown: kept, left: end - start - kept.length };
}

function paintWakes(context, page, top) {
  const { run, view, selected } = page;
  const { shown, left } = visibleWakes(page);
  const height = context.canvas.clientHeight;
  for (const { place, from, to, isMine } of shown) {
    const start = from * ROW + ROW / 2 - top;
    const end = to * ROW + ROW / 2 - top + (to > from ? -5 : 5);
    if (Math.max(start, end) < 0 || Math.min(start, end) > height) continue;
    const x = view.x(run.records.x[place] + 0.75);
    const isStrong = isMine && selected !== null;
    context.strokeStyle = context.fillStyle = isStrong ? colors.selected : colors.wake;
    context.lineWidth = isStrong ? 2 : 1.2;
    context.beginPath();
    context.moveTo(x, Math.max(start, -10));
    context.lineTo(x, Math.min(end, height + 10));
    context.stroke();
    context.fill(new Path2D(`M${x} ${end}${to > from ? "l-3.5 -6h7z" : "l-3.5 6h7z"}`));
  }
  return left;
}

// The line of the turn that is looked at, a ring for each task that was ready, a full one for the one taken.
function paintCursor(context, page, top) {
  const { run, view, rows } = page;
  if (!page.turn) return;
  const x = view.x(page.turnX() + 0.5);
  const height = context.canvas.clientHeight;
  context.fillStyle = colors.cursor;
  context.globalAlpha = 0.16;
  context.fillRect(view.x(page.turnX()), 0, Math.max(view.scale, 2), height);
  context.globalAlpha = 1;
  for (const [place, task] of page.readyTasks().entries()) {
    const row = rows.rowOf[run.laneOf[task]];
    const y = row * ROW + ROW / 2 - top;
    if (row < 0 || y < -ROW || y > height + ROW) continue;
    context.beginPath();
    context.arc(x, y, 8.5, 0, 2 * Math.PI);
    context.fillStyle = task === page.turnTask() ? colors.cursor : colors.ground;
    context.strokeStyle = colors.cursor;
    context.lineWidth = 1.6;
    context.fill();
    context.stroke();
    context.fillStyle = task === page.turnTask() ? colors.ground : colors.text;
    context.textAlign = "center";
    context.fillText(place < 99 ? String(place + 1) : "·", x, y + 0.5);
    context.textAlign = "start";
  }
}

function paintSelection(context, page, top) {
  const { run, view, rows, selected } = page;
  if (!selected || selected.span === NONE) return;
  const row = rows.rowOf[selected.lane];
  if (row < 0) return;
  const { from, to } = run.spans;
  const [left, right] = [view.x(from[selected.span]), view.x(to[selected.span])];
  const width = context.canvas.clientWidth;
  const x = Math.max(left, -10);
  context.strokeStyle = colors.selected;
  context.lineWidth = 2;
  context.strokeRect(x - 1, row * ROW - top + 3, Math.max(Math.min(right, width + 10) - x, 2) + 2, ROW - 6);
}

// The cycle of a deadlock, from each task to the one it waits for, at the end of the run.
function paintCycle(context, page, top) {
  const { run, view, rows } = page;
  if (run.cycle.length < 2) return;
  const x = Math.min(view.x(run.width), view.width - 8);
  // To the right of the lanes where there is room, else over them.
  const side = x + 52 < view.width ? 1 : -1;
  context.strokeStyle = context.fillStyle = colors.cycle;
  context.lineWidth = 1.8;
  for (const [place, task] of run.cycle.entries()) {
    const other = run.cycle[(place + 1) % run.cycle.length];
    const [from, to] = [rows.rowNear(run.laneOf[task]), rows.rowNear(run.laneOf[other])];
    if (from < 0 || to < 0 || from === to) continue;
    const [start, end] = [from * ROW + ROW / 2 - top, to * ROW + ROW / 2 - top];
    // Arrows down bend further than arrows up, so that the two of a pair do not lie on each other.
    const bend = x + side * (to > from ? 44 : 26);
    context.setLineDash([5, 3]);
    context.beginPath();
    context.moveTo(x + side * 8, start);
    context.bezierCurveTo(bend, start, bend, end, x + side * 12, end);
    context.stroke();
    context.setLineDash([]);
    context.fill(new Path2D(`M${x + side * 6} ${end}l${side * 8} -4v8z`));
  }
}

