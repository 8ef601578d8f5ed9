// A value: number, U, unit, in this order of weight; an unknown one is a dash with its reason.
import {html, useState} from "../core/html.js";
import {UNKNOWN, decimalsOf, fixed} from "../core/numbers.js";
import {_} from "../core/text.js";

/** A value of the API as texts: {number, u}; both have the same decimals. scale: divides, 1000 from W to kW. */
export function parts(value, scale = 1, decimals = undefined) {
  if (!value || value.v === null || value.v === undefined) return {number: UNKNOWN, u: ""};
  const u = value.u === null || value.u === undefined ? null : value.u / scale;
  const digits = decimals === undefined ? decimalsOf(u, 0, 2) : decimals;
  return {number: fixed(value.v / scale, digits), u: u === null ? "" : `± ${fixed(u, digits)}`};
}

export const isUncertain = (value) =>
  Boolean(value && value.v !== null && (value.q === "uncertain" || (value.u !== null && value.u > Math.abs(value.v) / 2)));

/** One value. value: of the API; unit: shown beside it, if given; stale: its row is outdated. */
export function Value({value, scale, decimals, unit, stale}) {
  const {number, u} = parts(value, scale, decimals);
  const why = value && value.v === null ? value.why : null;
  const classes = `val${isUncertain(value) ? " unc" : ""}${stale ? " stale" : ""}`;
  return html`<span class="vu">
    <span class=${classes}>${number}</span>${u && html`<span class="u">${u}</span>`}${unit && number !== UNKNOWN && html`<span class="unit">${unit}</span>`}
    ${why && html`<${Why} why=${why} />`}
  </span>`;
}

/** The reason of an unknown value: a few words; the full sentence opens in place. */
export function Why({why}) {
  const [open, setOpen] = useState(false);
  if (!why.long || why.long === why.text) return html`<span class="why">${why.text}</span>`;
  const toggle = (event) => {
    event.preventDefault();
    event.stopPropagation();
    setOpen(!open);
  };
  return html`<button type="button" class="why" aria-expanded=${open} onClick=${toggle}>${open ? why.long : why.text || _("unknown")}</button>`;
}
