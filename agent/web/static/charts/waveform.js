// Waveform around an event: one row a phase, start and end of the event marked.
import {html} from "../core/html.js";
import {fixed} from "../core/numbers.js";
import {_} from "../core/text.js";
import {roundUp} from "./scale.js";

const LEFT = 38;
const RIGHT = 52;
const TOP = 8;
const ROW = 92;
const DIGITS = ["₁", "₂", "₃"];

/** waveform: of the API; kind: "u" or "i"; width: of the drawing. */
export function Waveform({waveform, kind, width}) {
  const rows = (kind === "u" ? waveform.u_v : waveform.i_a).map((samples, k) => ({samples, k})).filter(({samples}) => samples.length);
  if (rows.length === 0) return html`<p class="soft">${_("This channel is not measured.")}</p>`;
  const count = Math.max(...rows.map(({samples}) => samples.length));
  const length_ms = (1000 * count) / waveform.rate_hz;
  const begin_ms = waveform.begin_ms - waveform.start_ms;
  const end_ms = waveform.end_ms - waveform.start_ms;
  const peak = Math.max(...rows.map(({samples}) => Math.max(...samples.map((value) => Math.abs(value || 0))))) || 1;
  const right = width - RIGHT;
  const x = (ms) => LEFT + ((right - LEFT) * ms) / length_ms;
  const bottom = TOP + ROW * rows.length;
  const step = roundUp(length_ms / Math.max(3, (right - LEFT) / 90), [1, 2, 5]);
  const ticks = [];
  for (let ms = Math.ceil(-begin_ms / step) * step; ms + begin_ms <= length_ms; ms += step) ticks.push(ms);
  const ends = end_ms <= length_ms;
  const near = (ms) => (ends && Math.abs(x(ms + begin_ms) - x(end_ms)) < 58) || (ms && Math.abs(x(ms + begin_ms) - x(begin_ms)) < 30);
  return html`<svg class="waveform" viewBox=${`0 0 ${width} ${bottom + 26}`} role="img" aria-label=${describe(waveform, kind)}>
    ${ticks.map((ms) => ms !== 0 && html`<path d=${`M${x(ms + begin_ms)} ${TOP}V${bottom}`} class="time" />${!near(ms) && html`<text x=${x(ms + begin_ms)} y=${bottom + 17} text-anchor="middle">${fixed(ms, 0)}</text>`}`)}
    ${rows.map(({samples, k}, row) => {
      const middle = TOP + ROW * (row + 0.5);
      return html`<path d=${`M${LEFT} ${middle}H${right}`} class="zero" />
        <path d=${curve(samples, (index) => x((1000 * index) / waveform.rate_hz), (value) => middle - (value / peak) * ROW * 0.46)} class=${`wave-${kind}`} />
        <text x=${LEFT - 9} y=${middle + 5} text-anchor="end" class="ink b wave-name">${kind.toUpperCase()}${DIGITS[k]}</text>
        <text x=${right + 8} y=${middle + 5} class="ink wave-value">${kind === "u" ? percent(waveform.least_pct[k]) : ampere(samples)}</text>`;
    })}
    <path d=${`M${x(begin_ms)} ${TOP}V${bottom}`} class="edge" /><text x=${x(begin_ms)} y=${bottom + 17} text-anchor="middle" class="ink">0</text>
    ${ends && html`<path d=${`M${x(end_ms)} ${TOP}V${bottom}`} class="edge" /><text x=${x(end_ms)} y=${bottom + 17} text-anchor="middle" class="ink">${fixed(end_ms - begin_ms, 0)} ms</text>`}
  </svg>`;
}

const percent = (value) => (value === null ? "—" : `${fixed(value, 0)} %`);
const ampere = (samples) => `${fixed(Math.max(...samples.map((value) => Math.abs(value || 0))), 0)} A`;

function curve(samples, x, y) {
  let path = "";
  let open = false;
  samples.forEach((value, index) => {
    if (value !== null) path += `${open ? "L" : "M"}${x(index).toFixed(1)} ${y(value).toFixed(1)}`;
    open = value !== null;
  });
  return path;
}

function describe(waveform, kind) {
  const least = waveform.least_pct.map((value, k) => `L${k + 1} ${percent(value)}`).join(", ");
  return kind === "u" ? _("Voltages around the event, one-cycle rms: {lowest}", {lowest: least}) : _("Currents around the event");
}
