// Round numbers for axes and circles.

/** The smallest of `steps` times a power of ten that is at least `value`. */
export function roundUp(value, steps = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10]) {
  if (!(value > 0)) return steps[0];
  const power = 10 ** Math.floor(Math.log10(value));
  for (const step of [...steps, 10 * steps[0]]) if (step * power >= value * (1 - 1e-9)) return Number((step * power).toPrecision(6));
  return 10 * power;
}

/** Ticks from 0 to at least `top`, about `count` of them: [0, step, …]. */
export function ticksTo(top, count = 4) {
  const step = roundUp(top / count, [1, 2, 5]);
  const ticks = [0];
  while (ticks[ticks.length - 1] < top * (1 - 1e-9)) ticks.push(Number((ticks.length * step).toPrecision(6)));
  return ticks;
}
