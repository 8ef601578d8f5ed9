// Bars of the harmonics of order 2 to 50; limits as ticks; what is beyond its limit has a colour, an edge and its text.
import {html} from "../core/html.js";
import {fixed} from "../core/numbers.js";
import {_, pageLanguage} from "../core/text.js";
import {ticksTo} from "./scale.js";

const FIRST = 2;
const LAST = 50;
const LEFT = 36;
const TOP = 12;
const HEIGHT = 140;
const NAMED = [2, 5, 7, 11, 13, 17, 19, 23, 25, 29, 31, 35, 37, 41, 43, 47, 49];
const NAMED_NARROW = [2, 5, 7, 11, 17, 23, 29, 35, 41, 47];
const LETTER = 7.6; // mean width of a letter of a bar's text
const SMALL = 0.05; // of the axis: a bar below is drawn in grey

/** "5th", in Chinese "5". */
export function nth(order) {
  if (pageLanguage() !== "en") return String(order);
  const end = order % 100 > 10 && order % 100 < 14 ? "th" : {1: "st", 2: "nd", 3: "rd"}[order % 10] || "th";
  return `${order}${end}`;
}

/** Orders above their limit, the one that uses most of it first. */
export function beyond(pct, limits) {
  const orders = [];
  for (let order = FIRST; order <= LAST; order += 1) {
    if (limits && limits[order] !== null && pct[order] !== null && pct[order] > limits[order]) orders.push(order);
  }
  return orders.sort((a, b) => pct[b] / limits[b] - pct[a] / limits[a]);
}

/** The text of a bar. */
export function barText(order, pct, limit) {
  const data = {nth: nth(order), pct: fixed(pct, 1), limit: fixed(limit, 1)};
  return limit === null || limit === undefined ? _("{nth} {pct} %", data) : _("{nth} {pct} %, limit {limit} %", data);
}

/** pct, limits: by order from 0 on, limits null: none; name: of the chart; width: of the drawing. */
export function HarmonicBars({pct, limits, name, width}) {
  const over = beyond(pct, limits);
  const orders = Array.from({length: LAST - FIRST + 1}, (_unused, k) => k + FIRST);
  const dominant = over[0] || orders.reduce((best, order) => ((pct[order] || 0) > (pct[best] || 0) ? order : best), FIRST);
  const highest = Math.max(...orders.map((order) => Math.max(pct[order] || 0, (limits && limits[order]) || 0)), 0.2);
  const ticks = ticksTo(highest * 1.03, 4);
  const top = ticks[ticks.length - 1];
  const step = (width - LEFT) / orders.length;
  const bar = step * 0.6;
  const y = (value) => TOP + HEIGHT * (1 - value / top);
  const x = (order) => LEFT + (order - FIRST + 0.5) * step;
  const named = step < 9 ? NAMED_NARROW : NAMED;
  const decimals = ticks[1] < 1 ? 1 : 0;
  const right = x(dominant) < width * 0.6;
  const label = barText(dominant, pct[dominant], limits && limits[dominant]);
  return html`<svg class="bars" viewBox=${`0 0 ${width} ${TOP + HEIGHT + 22}`} role="img" aria-label=${`${name}: ${label}`}>
    ${ticks.map((value) => html`<path d=${`M${LEFT} ${y(value)}H${width}`} class=${value ? "grid" : "base"} /><text x=${LEFT - 6} y=${y(value) + 4.5} text-anchor="end">${fixed(value, decimals)}</text>`)}
    ${orders.map((order) => {
      const value = pct[order];
      if (value === null || value === undefined) return html`<path d=${`M${x(order) - bar / 2} ${y(0) - 1}h${bar}`} class="no-bar" />`;
      const size = Math.max(1, y(0) - y(value));
      const kind = over.includes(order) ? "beyond" : value < SMALL * top ? "small" : "whole";
      return html`<rect x=${x(order) - bar / 2} y=${y(0) - size} width=${bar} height=${size} class=${`bar-${kind}`} />`;
    })}
    ${limits && orders.map((order) => limits[order] !== null && html`<path d=${`M${x(order) - step * 0.46} ${y(limits[order])}h${step * 0.92}`} class="limit" />`)}
    ${named.map((order) => html`<text x=${x(order)} y=${TOP + HEIGHT + 17} text-anchor="middle" class=${over.includes(order) ? "ink b" : ""}>${order}</text>`)}
    <${BarLabel} x=${x(dominant)} y=${Math.max(y(highestBelow(label, dominant, pct, step, right)) - 5, TOP + 4)} right=${right} half=${bar / 2} text=${label} />
  </svg>`;
}

/** The highest bar below the text of a bar. */
function highestBelow(text, order, pct, step, right) {
  const covered = Math.ceil((text.length * LETTER) / step);
  let highest = 0;
  for (let k = 1; k <= covered; k += 1) highest = Math.max(highest, pct[order + (right ? k : -k)] || 0);
  return Math.max(highest, (pct[order] || 0) * 0.92);
}

function BarLabel({x, y, half, right, text}) {
  return html`<text x=${x + (right ? half + 7 : -half - 7)} y=${y} text-anchor=${right ? "start" : "end"} class="ink b bar-label">${text}</text>`;
}
