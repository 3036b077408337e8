// The colours of the page, read from its styles, and the patterns that tell bars apart without them.

const COLORS = ["ground", "stripe", "text", "dim", "line", "running", "on-running", "ready", "ready-ground", "waits",
  "blocks", "blocks-ground", "alive", "wake", "completed", "cancelled", "panicked", "note", "chosen", "abort",
  "cursor", "selected", "hover", "cycle"];

const FONT = "11px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace";

let colors = {};

function readColors() {
  const probe = document.createElement("i");
  document.body.append(probe);
  colors = {};
  for (const name of COLORS) {
    probe.style.color = `var(--${name})`;
    colors[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  colors.readyPattern = pattern(4, 4, (tile) => {
    tile.fillStyle = colors["ready-ground"];
    tile.fillRect(0, 0, 4, 4);
    tile.fillStyle = colors.ready;
    tile.fillRect(0, 0, 1.6, 4);
  });
  colors.blocksPattern = pattern(7, 7, (tile) => {
    tile.fillStyle = colors["blocks-ground"];
    tile.fillRect(0, 0, 7, 7);
    tile.strokeStyle = colors.blocks;
    tile.lineWidth = 2;
    tile.stroke(new Path2D("M-1 8L8 -1M-4.5 4.5L4.5 -4.5M2.5 11.5L11.5 2.5"));
  });
  colors.cutPattern = pattern(6, 6, (tile) => {
    tile.strokeStyle = colors.dim;
    tile.globalAlpha = 0.35;
    tile.stroke(new Path2D("M0 3l1.5 -2l3 4l1.5 -2"));
  });
}

function pattern(width, height, draw) {
  const ratio = devicePixelRatio || 1;
  const tile = new OffscreenCanvas(Math.round(width * ratio), Math.round(height * ratio));
  const context = tile.getContext("2d");
  context.scale(tile.width / width, tile.height / height);
  draw(context);
  const made = context.createPattern(tile, "repeat");
  made.setTransform(new DOMMatrix().scale(width / tile.width, height / tile.height));
  return made;
}

// Makes a canvas as large as it is shown and returns how to draw on it, empty.
function cleared(canvas, width = canvas.clientWidth, height = canvas.clientHeight) {
  const ratio = devicePixelRatio || 1;
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = FONT;
  context.textBaseline = "middle";
  return context;
}

