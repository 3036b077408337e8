// Which part of the axis is visible: its first unit, and the pixels that a unit takes.

const SCALE_MAX = 90;
const MARGIN = 16;

// Of a short run a unit takes no more when all of it is shown.
const FIT_MAX = 52;

class Viewport {
  constructor(total) {
    this.total = total;
    this.width = 1;
    this.from = 0;
    this.scale = 1;
    this.isFitted = true;
  }

  resize(width) {
    this.width = Math.max(1, width);
    if (this.isFitted) this.fit();
    else this.clamp();
  }

  get scaleMin() {
    return Math.min(FIT_MAX, Math.max(1, this.width - 2 * MARGIN) / this.total);
  }

  fit() {
    this.scale = this.scaleMin;
    this.from = -MARGIN / this.scale;
    this.isFitted = true;
  }

  get to() {
    return this.from + this.width / this.scale;
  }

  x(unit) {
    return (unit - this.from) * this.scale;
  }

  unit(x) {
    return this.from + x / this.scale;
  }

  zoom(factor, x) {
    const unit = this.unit(x);
    this.scale = Math.min(SCALE_MAX, Math.max(this.scaleMin, this.scale * factor));
    this.from = unit - x / this.scale;
    this.clamp();
  }

  pan(pixels) {
    this.from += pixels / this.scale;
    this.clamp();
  }

  // Shows units from one to another, with some room around.
  show(from, to) {
    const length = Math.max(to - from, 1) * 1.3;
    this.scale = Math.min(SCALE_MAX, Math.max(this.scaleMin, this.width / length));
    this.center((from + to) / 2);
  }

  center(unit) {
    this.from = unit - this.width / this.scale / 2;
    this.clamp();
  }

  // Moves as little as makes a unit visible.
  reveal(unit) {
    const margin = Math.min(80, this.width / 4) / this.scale;
    if (unit < this.from + margin) this.from = unit - margin;
    if (unit + 1 > this.to - margin) this.from = unit + 1 + margin - this.width / this.scale;
    this.clamp();
  }

  clamp() {
    const margin = MARGIN / this.scale;
    const most = this.total + margin - this.width / this.scale;
    this.from = Math.max(-margin, Math.min(this.from, Math.max(-margin, most)));
    this.isFitted = this.scale <= this.scaleMin * 1.0001;
  }
}

