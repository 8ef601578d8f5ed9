// Phasor diagram: U1 at 0°, anti-clockwise; voltages thin with a hollow head, currents thick with a full one.
import {html} from "../core/html.js";
import {fixed} from "../core/numbers.js";
import {_} from "../core/text.js";
import {roundUp} from "./scale.js";

const CENTRE = [200, 186];
const RADIUS = 150;
const CURRENT_REACH = 0.64; // the longest current ends well inside the voltages
const DIGITS = ["₁", "₂", "₃"];
const ROUND_U = [1, 1.2, 1.3, 1.5, 2, 2.6, 3, 4, 5, 6, 8];
const ROUND_I = [1, 1.2, 1.6, 2, 3, 4, 5, 6, 8];

/** The value of the outer circle, V and A; null without a value. */
export function outerCircle(phasors) {
  const largest = (values) => Math.max(0, ...values.filter((value) => value !== null));
  const u = largest(phasors.u_v);
  const i = largest(phasors.i_a);
  return {u: u > 0 ? roundUp(u, ROUND_U) : null, i: i > 0 ? roundUp(i / CURRENT_REACH, ROUND_I) : null};
}

/** phasors: of the API. */
export function PhasorDiagram({phasors}) {
  const outer = outerCircle(phasors);
  return html`<svg class="phasor-disk" viewBox="0 0 400 372" role="img" aria-label=${describe(phasors)}>
    ${[1, 0.5].map((part) => html`<circle cx=${CENTRE[0]} cy=${CENTRE[1]} r=${RADIUS * part} class="ring" />`)}
    <path d=${`M${CENTRE[0] - RADIUS} ${CENTRE[1]}H${CENTRE[0] + RADIUS}M${CENTRE[0]} ${CENTRE[1] - RADIUS}V${CENTRE[1] + RADIUS}`} class="ring" />
    ${Array.from({length: 12}, (_unused, k) => html`<path d=${line(k * 30, RADIUS, RADIUS + (k % 3 ? 5 : 8))} class="tick" />`)}
    <text x=${CENTRE[0] + 5} y="25">90°</text>
    <text x=${CENTRE[0] - RADIUS - 4} y=${CENTRE[1] - 8} text-anchor="end">180°</text>
    ${[0, 1, 2].map((k) => html`<${Arrow} kind="u" name=${`U${DIGITS[k]}`} length=${scaled(phasors.u_v[k], outer.u)} degrees=${phasors.u_deg[k]} side=${0} />`)}
    ${[0, 1, 2].map((k) => html`<${Arrow} kind="i" name=${`I${DIGITS[k]}`} length=${scaled(phasors.i_a[k], outer.i)} degrees=${phasors.i_deg[k]} side=${phasors.phi_deg[k] < 0 ? 1 : -1} />`)}
  </svg>`;
}

/** The circles in words. */
export function circlesText(phasors) {
  const {u, i} = outerCircle(phasors);
  const both = [u && `${fixed(u / 2, decimals(u / 2))} / ${fixed(u, decimals(u))} V`, i && `${fixed(i / 2, decimals(i / 2))} / ${fixed(i, decimals(i))} A`];
  return _("circles: {values}", {values: both.filter(Boolean).join(" · ")});
}

const decimals = (value) => (Number.isInteger(value) ? 0 : value < 1 ? 2 : 1);
const scaled = (value, outer) => (value === null || !outer ? null : (RADIUS * value) / outer);

function at(degrees, radius) {
  const turn = (degrees * Math.PI) / 180;
  return [CENTRE[0] + radius * Math.cos(turn), CENTRE[1] - radius * Math.sin(turn)];
}

const point = ([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`;
const line = (degrees, from, to) => `M${point(at(degrees, from))}L${point(at(degrees, to))}`;

/** side: where the name stands: at the end, or beside the head (1 anti-clockwise, −1 clockwise). */
function Arrow({kind, name, length, degrees, side}) {
  if (length === null || degrees === null || length < 1) return null;
  const head = Math.min(13, length / 2);
  const half = (head * 5.5) / 13;
  const tip = at(degrees, length);
  const neck = at(degrees, length - head);
  const turn = (degrees * Math.PI) / 180;
  const across = [half * Math.sin(turn), half * Math.cos(turn)];
  const triangle = `M${point(tip)}L${point([neck[0] + across[0], neck[1] + across[1]])}L${point([neck[0] - across[0], neck[1] - across[1]])}Z`;
  const beside = side ? at(degrees + (side * 19 * 180) / (Math.PI * Math.max(length, 30)), Math.max(length, 30) + 2) : at(degrees, Math.max(length, RADIUS) + 20);
  return html`<path d=${`M${point(CENTRE)}L${point(neck)}`} class=${`shaft-${kind}`} />
    <path d=${triangle} class=${`head-${kind}`} />
    <text x=${beside[0].toFixed(1)} y=${(beside[1] + 5).toFixed(1)} text-anchor="middle" class=${`b phasor-${kind}`}>${name}</text>`;
}

function describe(phasors) {
  const part = (letter, sizes, degrees, unit) =>
    sizes.map((size, k) => (size === null ? null : `${letter}${k + 1} ${fixed(size, 1)} ${unit} ∠ ${fixed(degrees[k], 1)}°`)).filter(Boolean);
  return `${_("Phasors")}${_(": ")}${[...part("U", phasors.u_v, phasors.u_deg, "V"), ...part("I", phasors.i_a, phasors.i_deg, "A")].join(", ")}`;
}
