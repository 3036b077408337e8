// Instants and durations as the crate writes them: in the largest unit that leaves a whole part.

const NEVER = 2n ** 64n - 1n;

function shownNanos(nanos) {
  if (nanos === 0n) return "0s";
  if (nanos < 1_000n) return `${nanos}ns`;
  if (nanos < 1_000_000n) return inUnit(nanos, 1_000n, 3, "us");
  if (nanos < 1_000_000_000n) return inUnit(nanos, 1_000_000n, 6, "ms");
  return inUnit(nanos, 1_000_000_000n, 9, "s");
}

function inUnit(nanos, unit, digits, name) {
  const rest = nanos % unit;
  if (rest === 0n) return `${nanos / unit}${name}`;
  const fraction = rest.toString().padStart(digits, "0").replace(/0+$/, "");
  return `${nanos / unit}.${fraction}${name}`;
}

function shownInstant(nanos) {
  return nanos === NEVER ? "never" : shownNanos(nanos);
}

// 12,345
function grouped(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
}

function counted(number, one, many = `${one}s`) {
  return `${grouped(number)} ${number === 1 ? one : many}`;
}

