// The energy saved on each day of a month, with its U as a line; the day that is not over is hollow.
import {html} from "../core/html.js";
import {fixed} from "../core/numbers.js";
import {_} from "../core/text.js";

const HEIGHT = 236;
const BASE = 208;
const TOP = 12;
const LEFT = 40;

/** Unit of the bars: {name, divisor}; days: of the API, saved_kwh may be null. */
export function unitOf(days) {
  const most = Math.max(0, ...days.map((day) => Math.abs(day.saved_kwh ?? 0)));
  return most >= 1000 ? {name: "MWh", divisor: 1000} : {name: "kWh", divisor: 1};
}

/** month: "2026-11"; days: of the API; today: day of this month or null; width: of the place, see `Measured`; label: what the chart shows. */
export function DayBars({month, days, today, width, label}) {
  const {divisor} = unitOf(days);
  const count = daysIn(month);
  const known = days.filter((day) => day.saved_kwh !== null && day.saved_kwh !== undefined);
  const highest = Math.max(1e-9, ...known.map((day) => (day.saved_kwh + (day.u_kwh ?? 0)) / divisor));
  const lowest = Math.min(0, ...known.map((day) => (day.saved_kwh - (day.u_kwh ?? 0)) / divisor));
  const step = stepOf(highest - lowest);
  const floor = lowest < 0 ? -Math.ceil(-lowest / step) * step : 0;
  const y = (value) => BASE - ((BASE - TOP) * (value - floor)) / (Math.max(highest, floor + step) - floor);
  const pitch = (width - LEFT - 8) / count;
  const x = (day) => LEFT + pitch * (day - 1);
  const ticks = Array.from({length: Math.floor((highest - floor) / step + 1e-6) + 1}, (_unused, index) => floor + index * step);
  const decimals = [0, 1, 2].find((count) => Math.abs(step * 10 ** count - Math.round(step * 10 ** count)) < 1e-6) ?? 3;
  return html`<svg viewBox=${`0 0 ${width} ${HEIGHT}`} width="100%" class="days" role="img" aria-label=${label}>
    ${ticks.map((tick) => html`<path d=${`M${LEFT} ${y(tick).toFixed(1)}H${width - 8}`} class=${tick === 0 ? "zero" : "tick"} /><text x=${LEFT - 6} y=${y(tick) + 4.5} text-anchor="end">${fixed(tick, decimals)}</text>`)}
    ${known.map((day) => html`<${Bar} day=${day} divisor=${divisor} x=${x(day.day)} width=${pitch} y=${y} />`)}
    ${labelsOf(count, today, width).map(([day, text, strong]) => html`<text x=${Math.min(x(day) + pitch / 2, width - 20)} y="227" text-anchor="middle" class=${strong ? "ink" : ""}>${text}</text>`)}
  </svg>`;
}

function Bar({day, divisor, x, width, y}) {
  const value = day.saved_kwh / divisor;
  const middle = x + width / 2;
  const u = day.u_kwh === null || day.u_kwh === undefined ? null : day.u_kwh / divisor;
  return html`<rect x=${(x + width * 0.12).toFixed(1)} y=${Math.min(y(value), y(0)).toFixed(1)} width=${(width * 0.76).toFixed(1)} height=${Math.max(0.5, Math.abs(y(0) - y(value))).toFixed(1)} class=${day.complete ? "bar-full" : "bar-open"} />
    ${u !== null && html`<path d=${`M${middle.toFixed(1)} ${y(value - u).toFixed(1)}V${y(value + u).toFixed(1)}`} class="bar-u" />`}`;
}

/** [day, text, strong] under the axis: 1, 5, 10 …, today in words, the last one; none too near another. */
function labelsOf(count, today, width) {
  const room = Math.ceil(46 / ((width - LEFT - 8) / count));
  const near = (day) => today !== null && Math.abs(day - today) < room;
  const every = width < 300 ? 10 : 5;
  const steps = Array.from({length: count}, (_unused, index) => index + 1).filter((day) => day === 1 || day % every === 0);
  const shown = [...steps.filter((day) => count - day > 2), count].filter((day) => !near(day));
  return [...shown.map((day) => [day, String(day), false]), ...(today === null ? [] : [[today, _("today"), true]])];
}

/** A round step with at most four lines. */
function stepOf(span) {
  const exact = span / 4;
  const power = 10 ** Math.floor(Math.log10(exact));
  return [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((step) => step >= exact * 0.999);
}

const daysIn = (month) => new Date(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5, 7)), 0)).getUTCDate();
