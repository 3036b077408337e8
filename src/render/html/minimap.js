// The whole run in one strip: how many turns each pixel has, and the part that is visible.

class Minimap {
  constructor(canvas) {
    this.canvas = canvas;
    this.run = null;
    this.counts = new Uint32Array(0);
  }

  count(run) {
    const width = Math.max(1, this.canvas.clientWidth);
    if (this.run === run && this.counts.length === width) return;
    [this.run, this.counts] = [run, new Uint32Array(width)];
    const { kind, x, count } = run.records;
    const scale = width / run.width;
    for (let place = 0; place < count; place++) {
      if (kind[place] === POLLED || !run.isFull) this.counts[Math.min(width - 1, Math.floor(x[place] * scale))]++;
    }
    this.most = this.counts.reduce((most, number) => Math.max(most, number), 1);
  }

  paint(page) {
    this.count(page.run);
    const context = cleared(this.canvas);
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    const scale = width / page.run.width;
    const from = Math.max(0, page.view.from * scale);
    const to = Math.min(width, page.view.to * scale);
    context.fillStyle = colors.stripe;
    context.fillRect(from, 0, to - from, height);
    context.fillStyle = colors.running;
    const wide = Math.max(1, Math.min(scale - 1, 8));
    for (let x = 0; x < width; x++) {
      if (!this.counts[x]) continue;
      const high = Math.max(2, Math.sqrt(this.counts[x] / this.most) * (height - 6));
      context.fillRect(x, height - high, wide, high);
    }
    if (page.turn) {
      context.fillStyle = colors.cursor;
      context.fillRect(page.turnX() * scale - 0.5, 0, 2, height);
    }
    context.strokeStyle = colors.selected;
    context.lineWidth = 1.5;
    context.strokeRect(from + 0.75, 0.75, Math.max(to - from - 1.5, 2), height - 1.5);
  }

  unit(x) {
    return x / this.canvas.clientWidth * this.run.width;
  }
}

