// Pointer and keys.

function listenToPointer(frame) {
  const { page } = frame;
  const canvas = part("canvas");
  let drag = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    drag = { x: event.clientX, y: event.clientY, top: part("lanes").scrollTop, last: event.clientX, isMoved: false };
    canvas.setPointerCapture(event.pointerId);
    part("lanes").focus({ preventScroll: true });
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!drag) {
      showTip(frame, event);
      return;
    }
    drag.isMoved ||= Math.hypot(event.clientX - drag.x, event.clientY - drag.y) > 4;
    if (!drag.isMoved) return;
    hideTip();
    canvas.classList.add("dragged");
    page.view.pan(drag.last - event.clientX);
    part("lanes").scrollTop = drag.top + drag.y - event.clientY;
    drag.last = event.clientX;
    page.changed();
  });
  canvas.addEventListener("pointerup", (event) => {
    canvas.classList.remove("dragged");
    const wasClick = drag && !drag.isMoved;
    drag = null;
    if (!wasClick) return;
    const hit = frame.hit(event);
    if (hit) page.selectSpan(hit.lane, hit.span);
    else page.clear();
  });
  canvas.addEventListener("pointercancel", () => (drag = null));
  canvas.addEventListener("pointerleave", hideTip);
  canvas.addEventListener("dblclick", () => zoomToSelected(page));
  part("timeline").addEventListener("wheel", (event) => turnWheel(page, event), { passive: false });
  part("axis").addEventListener("click", (event) => {
    const unit = page.view.unit(event.clientX - part("axis").getBoundingClientRect().left);
    page.goToTurn(page.words.turnAt(Math.max(0, Math.floor(unit))));
  });
  listenToMinimap(page);
}

function turnWheel(page, event) {
  const isZoom = event.ctrlKey || event.metaKey || event.altKey;
  const sideways = event.shiftKey ? event.deltaY : event.deltaX;
  if (!isZoom && !sideways) return;
  event.preventDefault();
  const pixels = event.deltaMode === 1 ? 16 : 1;
  const box = part("canvas").getBoundingClientRect();
  if (isZoom) page.view.zoom(Math.exp(-event.deltaY * pixels / 300), Math.max(0, event.clientX - box.left));
  else page.view.pan(sideways * pixels);
  page.changed();
}

function listenToMinimap(page) {
  const canvas = part("minimap");
  const go = (event) => {
    page.view.center(page.minimap.unit(event.clientX - canvas.getBoundingClientRect().left));
    page.changed();
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    go(event);
  });
  canvas.addEventListener("pointermove", (event) => event.buttons & 1 && go(event));
}

function showTip(frame, event) {
  const { page } = frame;
  const hit = frame.hit(event);
  const tip = part("tip");
  if (!hit || hit.span === NONE) return hideTip();
  const { run, words, view } = page;
  const near = Math.max(0.5, 6 / view.scale);
  const marks = run.recordsOf(run.order[hit.lane], hit.unit - near - 0.5, hit.unit + near - 0.5).slice(0, 6);
  tip.replaceChildren(
    element("p", {}, element("bdi", {}, words.span(hit.lane, hit.span))),
    ...Array.from(marks, (place) => element("p", { class: "dim" }, element("bdi", {}, `${run.instant(place)}  ${words.record(place)}`))),
  );
  tip.hidden = false;
  const [left, top] = [event.clientX + 14, event.clientY + 16];
  tip.style.left = `${Math.max(4, Math.min(left, innerWidth - tip.offsetWidth - 8))}px`;
  tip.style.top = `${top + tip.offsetHeight > innerHeight - 8 ? event.clientY - tip.offsetHeight - 10 : top}px`;
}

function hideTip() {
  part("tip").hidden = true;
}

function zoomToSelected(page) {
  const { selected, run, view } = page;
  if (selected && selected.span !== NONE) view.show(run.spans.from[selected.span], run.spans.to[selected.span]);
  else if (page.turn) view.show(page.turnX() - 3, page.turnX() + 4);
  page.changed();
}

// Selects the task some rows below, in the span at the place that is looked at.
function stepRow(page, step) {
  const { rows, run, view, selected } = page;
  if (!rows.count) return;
  const row = selected ? rows.rowNear(selected.lane) + step : 0;
  const lane = rows.lanes[Math.min(Math.max(row, 0), rows.count - 1)];
  const unit = page.turn ? page.turnX() : Math.floor((Math.max(view.from, 0) + Math.min(view.to, run.width)) / 2);
  page.reveal(lane);
  const span = run.spanAt(lane, unit);
  const isPoll = span !== NONE && run.spans.state[span] === RUNNING;
  const isThere = span !== NONE && run.spans.to[span] > unit;
  // A poll would move the turn that is looked at; that is for the keys of the turns.
  page.selectSpan(lane, isThere && (!isPoll || unit === page.turnX()) ? span : NONE);
}

const COMMANDS = {
  ArrowLeft: (page) => page.view.pan(-page.view.width / 8),
  ArrowRight: (page) => page.view.pan(page.view.width / 8),
  ArrowUp: (page) => stepRow(page, -1),
  ArrowDown: (page) => stepRow(page, 1),
  PageUp: (page) => stepRow(page, -20),
  PageDown: (page) => stepRow(page, 20),
  Home: (page) => page.goToTurn(1),
  End: (page) => page.goToTurn(page.run.turns),
  "+": (page) => zoomAtCenter(page, 1.5),
  "=": (page) => zoomAtCenter(page, 1.5),
  "-": (page) => zoomAtCenter(page, 1 / 1.5),
  0: (page) => page.view.fit(),
  n: (page) => page.goToTurn(page.turn + 1),
  p: (page) => page.goToTurn(page.turn - 1),
  N: (page) => page.stepTask(1),
  P: (page) => page.stepTask(-1),
  w: (page) => page.followBack(),
  e: (page) => page.followForth(),
  Enter: (page) => zoomToSelected(page),
  " ": (page) => page.selected && page.fold(page.run.order[page.selected.lane]),
  t: (page) => page.show((page.number + 1) % page.runs.length),
  "/": () => part("search").focus(),
  d: () => part("fold").click(),
  "?": () => part("help").showModal(),
  Escape: (page) => page.clear(),
};

// Whether a key means something to the control that has the focus: fields take all, buttons a few.
function takesKey(target, key) {
  if (target.matches("input, select")) return true;
  return target.matches("button") && (key === "Enter" || key === " " || key.startsWith("Arrow"));
}

function listenToKeys(page) {
  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || part("help").open) return;
    if (target === part("search") && (key === "Escape" || key === "Enter")) part("lanes").focus();
    const command = COMMANDS[key];
    if (!command || takesKey(target, key)) return;
    event.preventDefault();
    command(page);
    page.changed();
  });
}

