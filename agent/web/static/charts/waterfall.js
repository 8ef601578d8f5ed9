// Where the power goes: one line a loss, from the power that flows in to the power that arrives. The server states all ends.
import {html} from "../core/html.js";
import {UNKNOWN, decimalsOf, fixed} from "../core/numbers.js";
import {_} from "../core/text.js";
import {isUncertain} from "../components/value.js";

const NAME = 164; // width of the columns beside the bars, in units of 1/16 rem
const NUMBERS = 208;
const ROOMY = 560; // below, the bars stand under the numbers
const ROW = 51;
const TOP = 13;
const BAR = 22;

/** waterfall: of the API. width: in units of 1/16 rem. stale: its values are outdated. */
export function Waterfall({waterfall, width, stale}) {
  const {steps, axis, braking} = waterfall;
  const roomy = width >= ROOMY;
  const bars = {axis, width: roomy ? width - NAME - NUMBERS : width, roomy};
  const least_u = Math.min(...steps.map((step) => step.value.u).filter((u) => u > 0));
  const decimals = Number.isFinite(least_u) ? decimalsOf(least_u / 1000, 1, 2) : axis && axis.to_w < 1000 ? 2 : 1;
  const share = braking ? _("% of shaft") : _("% of input");
  return html`<div class=${`waterfall${roomy ? "" : " narrow"}`} role="table" aria-label=${_("Where the power goes now")}>
    <${Band} />
    <div class="wf-row wf-head" role="row">
      <span class="wf-name" role="columnheader"><span class="hidden">${_("Step")}</span></span>
      ${roomy && html`<span class="wf-bar" role="presentation">${axis && html`<${Ticks} ...${bars} />`}</span>`}
      <span role="columnheader">kW</span><span class="wf-u" role="columnheader">± U</span><span role="columnheader">${share}</span>
    </div>
    ${steps.map((step, index) => html`<${Line} key=${step.key} step=${step} sign=${index > 0 && index < steps.length - 1 ? -1 : 1} decimals=${decimals} stale=${stale}
      bars=${bars} last=${index === steps.length - 1} first=${index === 0} next=${steps[index + 1]} before=${steps[index - 1]} />`)}
    ${axis && !roomy && html`<div class="wf-axis"><${Ticks} ...${bars} /></div>`}
    <p class="wf-note"><${Sample} /> ${axis && axis.cut ? _("95 % uncertainty; the axis starts at {kw} kW", {kw: fixed(axis.from_w / 1000, tickDecimals(axis))})
      : steps.some((step) => step.value.v === null) ? _("not known") : _("95 % uncertainty")}</p>
  </div>`;
}

const Band = () => html`<svg class="defs" aria-hidden="true"><defs>
  <pattern id="band" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><line x1="0" y1="0" x2="0" y2="6" class="band" /></pattern>
</defs></svg>`;

const Sample = () => html`<svg class="wf-sample" width="22" height="14" viewBox="0 0 22 14" aria-hidden="true"><rect width="22" height="14" fill="url(#band)" /></svg>`;

function Line({step, sign, decimals, stale, bars, first, last, next, before}) {
  const {value} = step;
  const known = value.v !== null;
  const kind = `wf-row${first || last ? " wf-end" : ""}${first ? " wf-first" : ""}${last ? " wf-last" : ""}`;
  const number = `val${stale ? " stale" : ""}${known && isUncertain(value) ? " unc" : ""}`;
  return html`<div class=${kind} role="row">
    <span class="wf-name" role="rowheader">${step.name}${step.source && html`<small>${step.source}</small>`}</span>
    <span class="wf-bar" role="presentation">${bars.axis ? html`<${Bars} step=${step} ...${bars} first=${first} last=${last} next=${next} before=${before} />` : html`<${Unknown} ...${bars} />`}</span>
    <span class=${number} role="cell">${known ? fixed((sign * value.v) / 1000, decimals) : UNKNOWN}</span>
    <span class="wf-u" role="cell">${known && value.u !== null ? `± ${fixed(value.u / 1000, decimals)}` : known ? "" : value.why && html`<span class="why">${value.why.text}</span>`}</span>
    <span class="wf-share" role="cell">${step.share_pct === null ? "" : fixed(step.share_pct, 1)}</span>
  </div>`;
}

/** Of a step without a value, hatched over the whole range. */
const Unknown = ({width, roomy}) => html`<svg width="100%" viewBox=${`0 0 ${width} ${roomy ? ROW : BAR + 12}`} aria-hidden="true"><rect y=${roomy ? TOP : 4} width=${width} height=${BAR} fill="url(#band)" /></svg>`;

const scaleOf = (axis, width) => (watts) => Math.min(width, Math.max(0, ((watts - axis.from_w) / (axis.to_w - axis.from_w)) * width));

function Bars({step, axis, width, roomy, first, last, next, before}) {
  const x = scaleOf(axis, width);
  const height = roomy ? ROW : BAR + 12;
  const top = roomy ? TOP : 4;
  const end = first || last;
  const drawn = step.to_w !== null;
  const from = end ? 0 : drawn ? x(step.to_w) : 0;
  const to = end ? (drawn ? x(step.to_w) : 0) : drawn ? x(step.from_w) : 0;
  const link = (at) => x(at);
  return html`<svg width="100%" viewBox=${`0 0 ${width} ${height}`} aria-hidden="true">
    ${axis.ticks_w.map((tick) => html`<path class="wf-grid" d=${`M${x(tick)} 0V${height}`} />`)}
    ${drawn && html`<rect x=${from} y=${top} width=${Math.max(to - from, 1)} height=${BAR} class=${first ? "wf-in" : last ? "wf-out" : "wf-loss"} />`}
    ${end && axis.cut && drawn && html`<path class="wf-cut" d=${`M14 ${top - 3}l-5 9 8 4-5 18`} />`}
    ${step.high_w !== null && step.low_w !== null && html`<rect x=${x(step.low_w)} y=${top} width=${Math.max(x(step.high_w) - x(step.low_w), 0)} height=${BAR} fill="url(#band)" />`}
    ${next && drawn && html`<path class="wf-link" d=${`M${link(step.to_w)} ${top + BAR}V${height}`} />`}
    ${before && before.to_w !== null && html`<path class="wf-link" d=${`M${link(before.to_w)} 0V${top}`} />`}
  </svg>`;
}

const tickDecimals = (axis) => (axis.ticks_w.some((tick) => tick % 1000) ? (axis.ticks_w.some((tick) => tick % 100) ? 2 : 1) : 0);

function Ticks({axis, width}) {
  const x = scaleOf(axis, width);
  const decimals = tickDecimals(axis);
  const every = Math.ceil((axis.ticks_w.length * 46) / width);
  return html`<svg width="100%" viewBox=${`0 0 ${width} 18`} aria-hidden="true">
    ${axis.ticks_w.map((tick, index) => index % every === 0 && html`<text x=${x(tick)} y="13" text-anchor=${x(tick) < 14 ? "start" : x(tick) > width - 14 ? "end" : "middle"}>${fixed(tick / 1000, decimals)}</text>`)}
  </svg>`;
}
