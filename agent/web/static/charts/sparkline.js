// An hour of power in 11 × 2.5 rem, from zero, without an axis.
import {html} from "../core/html.js";
import {fixed} from "../core/numbers.js";
import {_} from "../core/text.js";

const WIDTH = 176;
const TOP = 5;
const BASE = 37;
const LEFT = 2;
const RIGHT = 172;

/** spark: {kw: numbers or null, oldest first}; ended: the last value is outdated or missing, and hatching follows it. */
export function Sparkline({spark, ended}) {
  const kw = spark ? spark.kw : [];
  const known = kw.filter((value) => value !== null);
  if (!known.length) return html`<svg class="spark" viewBox="0 0 176 40" role="img" aria-label=${_("no power in the last hour")}><path d="M2 37H172" class="base" /><rect x="2" y="5" width="170" height="32" fill="url(#hatch)" /></svg>`;
  const most = Math.max(...known, 1e-9);
  const x = (index) => LEFT + ((RIGHT - LEFT) * index) / Math.max(1, kw.length - 1);
  const y = (value) => BASE - ((BASE - TOP) * Math.max(0, value)) / most;
  const last = kw.length - 1 - [...kw].reverse().findIndex((value) => value !== null);
  const end = [x(last), y(kw[last])];
  const label = _("power in the last hour: {low_kw} to {high_kw} kW, last {last_kw} kW", {low_kw: fixed(Math.min(...known), 1), high_kw: fixed(most, 1), last_kw: fixed(kw[last], 1)});
  return html`<svg class=${ended ? "spark ended" : "spark"} viewBox=${`0 0 ${WIDTH} 40`} role="img" aria-label=${label}>
    <path d="M2 37H172" class="base" />
    <path d=${line(kw, x, y)} class="run" />
    ${ended && html`<rect x=${Math.min(end[0], RIGHT - 11)} y=${TOP - 3} width=${Math.max(11, RIGHT - end[0])} height=${BASE - TOP + 3} fill="url(#hatch)" />`}
    <circle cx=${end[0].toFixed(1)} cy=${end[1].toFixed(1)} r="2.8" class="now" />
  </svg>`;
}

/** The path through the values; a null ends a piece. A value alone is a short stroke. */
function line(kw, x, y) {
  let path = "";
  let drawing = false;
  kw.forEach((value, index) => {
    if (value === null) {
      drawing = false;
      return;
    }
    const alone = !drawing && (index === kw.length - 1 || kw[index + 1] === null);
    path += `${drawing ? "L" : "M"}${x(index).toFixed(1)} ${y(value).toFixed(1)}${alone ? "h.1" : ""}`;
    drawing = true;
  });
  return path;
}
