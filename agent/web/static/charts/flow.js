// Where the power goes: from the supply to the motors, to shaft and losses, and to what is not measured. Heights are to scale.
import {html} from "../core/html.js";
import {UNKNOWN, fixed} from "../core/numbers.js";
import {_} from "../core/text.js";
import {linesOf} from "./text_fit.js";

const SHOWN = 8; // motors with a block of their own
const SCALE_HEIGHT = 185; // of the whole supply
const GAP = 8;
const THIN = 18; // below: letters stand over the edges of a block
const WIDE = 560; // below: shaft and losses stand under the name

/** What the chart shows, in kW with one decimal that closes: {supply, parts, motors, rest, rest_u, unknown, why}; null: not known.
 * Beyond `SHOWN` motors the smaller ones are one part; its U is the sum of theirs, as if their errors were the same. */
export function flowOf(flow) {
  const largest = [...flow.parts].sort((one, other) => (kw(other.input_w) ?? -1) - (kw(one.input_w) ?? -1));
  const own = largest.length > SHOWN + 1 ? SHOWN : largest.length;
  const parts = largest.slice(0, own).map((part) => ({name: part.name, input: kw(part.input_w), shaft: part.shaft_w, losses: part.losses_w, why: part.input_w && part.input_w.why}));
  if (own < largest.length) parts.push(together(largest.slice(own)));
  const motors = round(parts.reduce((sum, part) => sum + (part.input ?? 0), 0));
  const supply = kw(flow.supply_w);
  return {
    supply, parts, motors,
    unknown: flow.parts.filter((part) => kw(part.input_w) === null).length,
    rest: supply === null ? null : round(supply - motors),
    rest_u: flow.not_measured_w ? flow.not_measured_w.u : null,
    why: (flow.supply_w && flow.supply_w.why) || (flow.not_measured_w && flow.not_measured_w.why) || flow.why,
  };
}

/** The sum in words. */
export function flowSentence({supply, motors, rest, unknown}) {
  const data = {supply: fixed(supply, 1), motors: fixed(motors, 1), rest: fixed(Math.abs(rest), 1)};
  const sentence = supply === null ? _("{motors} at the motors; what else the supply delivers is not measured", data)
    : rest < 0 ? _("{supply} at the supply, but {motors} at the motors: {rest} too much, check the meters", data)
    : _("{supply} = {motors} at the motors + {rest} not measured", data);
  return unknown ? `${sentence} ${_("({n} without a value)", {n: unknown})}` : sentence;
}

/** shown: of `flowOf`; width: of the place, see `Measured`. */
export function Flow({shown, width}) {
  const narrow = width < WIDE;
  const at = columns(width, narrow);
  const total = Math.max(shown.motors, shown.supply ?? 0, 1e-9);
  const slots = slotsOf(shown, SCALE_HEIGHT / total, at, narrow);
  const bottom = slots[slots.length - 1].bottom;
  const supply_height = slots.reduce((sum, slot) => sum + slot.height, 0);
  let source_y = Math.max(at.top, at.top + (bottom - at.top - supply_height) / 2);
  const supply_y = source_y;
  const drawn = slots.map((slot) => {
    const ribbon = ribbonPath(at.bar_end, source_y, at.block, slot.y, slot.height);
    source_y += slot.height;
    return html`<${Part} slot=${slot} ribbon=${ribbon} at=${at} narrow=${narrow} />`;
  });
  const label_y = narrow ? 14 : supply_y + supply_height / 2;
  return html`<svg viewBox=${`0 0 ${width} ${Math.ceil(bottom + 4)}`} width="100%" class="flow" role="img" aria-label=${flowSentence(shown)}>
    <rect x=${at.bar} y=${supply_y} width=${at.bar_end - at.bar} height=${Math.max(1, supply_height)} class=${shown.supply === null ? "not-measured" : "supply"} />
    <text x=${narrow ? 0 : at.bar - 8} y=${label_y} text-anchor=${narrow ? "start" : "end"} class="ink b total">${fixed(shown.supply, 1)}</text>
    <text x=${narrow ? 70 : at.bar - 8} y=${narrow ? 14 : label_y + 18} text-anchor=${narrow ? "start" : "end"}>${_("supply")}</text>
    ${!narrow && html`<text x=${at.input} y="14" text-anchor="end">${_("input")}</text><text x=${at.shaft} y="14" text-anchor="end">${_("shaft")}</text><text x=${at.losses} y="14" text-anchor="end">${_("losses")}</text>`}
    ${narrow && html`<text x=${at.input} y="14" text-anchor="end">${_("input")}</text>`}
    ${drawn}
  </svg>`;
}

function columns(width, narrow) {
  if (narrow) return {top: 26, bar: 0, bar_end: 8, block: 52, end: width, foot: width - 34, input: width - 42, text: 60, shaft: 0, losses: 0};
  const right = width - 46; // losses end here, U stands beside
  return {top: 24, bar: 78, bar_end: 88, block: Math.round(width * 0.25), foot: right - 270, end: right - 200, input: right - 278, text: Math.round(width * 0.25) + 8, shaft: right - 112, losses: right};
}

/** Place of each part: a slot as high as its block and its text, the block in its middle. */
function slotsOf(shown, scale, at, narrow) {
  const rest = {name: _("not measured"), input: shown.rest, rest: true, u: shown.rest_u, why: shown.why};
  const parts = shown.rest === null || shown.rest >= 0 ? [...shown.parts, rest] : shown.parts;
  let top = at.top;
  return parts.map((part) => {
    const known = part.input !== null;
    const height = known ? Math.max(1, Math.max(0, part.input) * scale) : 14;
    const lines = linesOf(part.name, at.input - at.text - 52, 15);
    const needed = 20 * lines.length + (narrow ? 18 : 2);
    const slot = Math.max(height, needed);
    const found = {part, lines, height, y: top + (slot - height) / 2, middle: top + slot / 2, bottom: top + slot};
    top += slot + GAP;
    return found;
  });
}

function ribbonPath(x, y, to_x, to_y, height) {
  const middle = (x + to_x) / 2;
  return `M${x} ${y}C${middle} ${y} ${middle} ${to_y} ${to_x} ${to_y}V${to_y + height}C${middle} ${to_y + height} ${middle} ${y + height} ${x} ${y + height}Z`;
}

function Part({slot, ribbon, at, narrow}) {
  const {part, lines, y, height} = slot;
  const thin = height < THIN ? " over" : "";
  const dashed = part.rest || part.input === null;
  const rows = lines.length + (narrow ? 0.9 : 0);
  const first = slot.middle - ((rows - 1) * 20) / 2 + 5;
  return html`<path d=${ribbon} class=${dashed ? "not-measured" : "block"} />
    ${dashed ? html`<path d=${`M${at.block} ${y}H${at.foot}M${at.block} ${y + height}H${at.foot}`} class="dashes" />` : html`<rect x=${at.block} y=${y} width=${at.foot - at.block} height=${height} class="block" />`}
    ${!part.rest && html`<${Foot} part=${part} y=${y} height=${height} at=${at} />`}
    ${lines.map((text, index) => html`<text x=${at.text} y=${first + 20 * index} class=${`ink name${thin}`}>${text}</text>`)}
    <text x=${at.input} y=${first} text-anchor="end" class=${`ink b name${thin}`}>${fixed(part.input, 1)}</text>
    ${part.rest && !narrow ? html`<text x=${at.foot + 8} y=${first}>${part.input === null ? reason(part) : uText(part.u)}</text>`
      : narrow ? html`<text x=${at.text} y=${first + 20 * (lines.length - 1) + 18} class=${thin}>${part.rest && part.input !== null ? uText(part.u) : isUnknown(part) ? reason(part) : _("shaft {shaft} · losses {losses}", {shaft: withU(part.shaft), losses: withU(part.losses)})}</text>`
      : html`<${Figures} part=${part} y=${first} at=${at} />`}`;
}

/** The right end of a block: the shaft above, the losses as its dark foot; hatched where they are not known. */
function Foot({part, y, height, at}) {
  const losses = kw(part.losses);
  const width = at.end - at.foot;
  if (part.input === null || losses === null) return html`<rect x=${at.foot} y=${y} width=${width} height=${height} fill="url(#hatch)" />`;
  const foot = Math.min(height, Math.max(1, (height * losses) / Math.max(part.input, 1e-9)));
  return html`<rect x=${at.foot} y=${y} width=${width} height=${height} class="block" /><rect x=${at.foot} y=${y + height - foot} width=${width} height=${foot} class="losses" />`;
}

function Figures({part, y, at}) {
  if (isUnknown(part)) return html`<text x=${at.shaft} y=${y} text-anchor="end" class="ink name">${UNKNOWN}</text><text x=${at.shaft + 5} y=${y}>${reason(part)}</text>`;
  return html`<text x=${at.shaft} y=${y} text-anchor="end" class="ink name">${number(part.shaft)}</text><text x=${at.shaft + 5} y=${y}>${uText(part.shaft && part.shaft.u)}</text>
    <text x=${at.losses} y=${y} text-anchor="end" class="ink name">${number(part.losses)}</text><text x=${at.losses + 5} y=${y}>${uText(part.losses && part.losses.u)}</text>`;
}

/** The smaller motors as one part; a sum with an unknown summand is unknown. */
function together(parts) {
  const total = (name) => {
    const unknown = parts.filter((part) => kw(part[name]) === null).length;
    if (unknown) return {v: null, u: null, why: {text: _("{n} of {total} unknown", {n: unknown, total: parts.length})}};
    const us = parts.map((part) => part[name].u);
    return {v: parts.reduce((sum, part) => sum + part[name].v, 0), u: us.includes(null) ? null : us.reduce((sum, u) => sum + u, 0), why: null};
  };
  const measured = parts.filter((part) => kw(part.input_w) !== null);
  const input = measured.length ? round(measured.reduce((sum, part) => sum + part.input_w.v / 1000, 0)) : null;
  return {name: _("{n} others", {n: parts.length}), input, shaft: total("shaft_w"), losses: total("losses_w"), why: null};
}

const round = (value) => Math.round(value * 10) / 10;
const kw = (value) => (value && value.v !== null && value.v !== undefined ? round(value.v / 1000) : null);
const uText = (u_w) => (u_w === null || u_w === undefined ? "" : `± ${fixed(u_w / 1000, digitsOf(u_w))}`);
const isUnknown = (part) => kw(part.shaft) === null && kw(part.losses) === null;
const number = (value) => (kw(value) === null ? UNKNOWN : fixed(value.v / 1000, digitsOf(value.u)));
const digitsOf = (u_w) => (u_w > 0 && u_w < 95 ? 2 : 1); // no U is "± 0.0"
const withU = (value) => `${number(value)} ${uText(value && value.u)}`.trim();
const reason = (part) => [part.why, part.shaft && part.shaft.why, part.losses && part.losses.why].map((why) => why && why.text).find(Boolean) || _("unknown");

/** The rows of the table that stands for the chart. */
export function flowRows(shown) {
  const rows = shown.parts.map((part) => [part.name, fixed(part.input, 1), isUnknown(part) ? `${UNKNOWN} ${reason(part)}` : withU(part.shaft), withU(part.losses)]);
  return [[_("supply"), shown.supply === null ? `${UNKNOWN} ${(shown.why && shown.why.text) || ""}`.trim() : fixed(shown.supply, 1), "", ""], ...rows, [_("not measured"), `${fixed(shown.rest, 1)} ${uText(shown.rest_u)}`.trim(), "", ""]];
}
