// Reads numbers as `digits.rs` writes them.

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const DIGITS = new Uint8Array(128);
for (let digit = 0; digit < 64; digit++) DIGITS[ALPHABET.charCodeAt(digit)] = digit;

class Digits {
  constructor(text) {
    this.text = text;
    this.place = 0;
  }

  // A number up to 2 to the 53.
  next() {
    let digit = DIGITS[this.text.charCodeAt(this.place++)];
    let value = digit & 31;
    for (let factor = 32; digit & 32; factor *= 32) {
      digit = DIGITS[this.text.charCodeAt(this.place++)];
      value += (digit & 31) * factor;
    }
    return value;
  }

  signed() {
    const number = this.next();
    return number % 2 ? -(number + 1) / 2 : number / 2;
  }

  // Nanoseconds, which need 64 bits.
  big() {
    const start = this.place;
    const value = this.next();
    if (this.place - start <= 10) return BigInt(value);
    let exact = 0n;
    for (let place = this.place; place-- > start;) {
      exact = exact * 32n + BigInt(DIGITS[this.text.charCodeAt(place)] & 31);
    }
    return exact;
  }
}

