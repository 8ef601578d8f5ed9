// A value: number, U, unit, in this order of weight; an unknown one is a dash with its reason.
import {html, useState} from "../core/html.js";
import {UNKNOWN, age, decimalsOf, fixed} from "../core/numbers.js";
import {_} from "../core/text.js";
import {Marked} from "./marked.js";

/** A value of the API as texts: {number, u}; both have the same decimals. scale: divides, 1000 from W to kW.
 * decimals: as many; without it, two significant digits of U, at least `least` decimals, which may be negative: tens, hundreds. */
export function parts(value, scale = 1, decimals = undefined, least = 0) {
  if (!value || value.v === null || value.v === undefined) return {number: UNKNOWN, u: ""};
  const u = value.u === null || value.u === undefined ? null : value.u / scale;
  const digits = decimals === undefined ? decimalsOf(u, least, 2) : decimals;
  return {number: fixed(value.v / scale, digits), u: u === null ? "" : `± ${fixed(u, digits)}`};
}

export const isUncertain = (value) =>
  Boolean(value && value.v !== null && (value.q === "uncertain" || (value.u !== null && value.u > Math.abs(value.v) / 2)));

/** One value. value: of the API; unit: shown beside it, if given.
 * stale: its row is outdated; age_s: then shown below; lost: so outdated that it is not shown. */
export function Value({value, scale, decimals, least, unit, stale, age_s, lost}) {
  if (!value || value.v === null || value.v === undefined) return html`<${Unknown} why=${value && value.why} />`;
  if (lost) return html`<${Unknown} why=${{text: _("stale")}} />`;
  const {number, u} = parts(value, scale, decimals, least);
  const classes = `val${isUncertain(value) ? " unc" : ""}${stale ? " stale" : ""}`;
  return html`<span class="vu">
    <span class=${classes}>${number}</span>${u && html`<span class="u">${u}</span>`}${unit && html`<span class="unit">${unit}</span>`}
    ${stale && age_s ? html`<span class="why">${_("{time} old", {time: age(age_s)})}</span>` : null}
  </span>`;
}

/** A dash with its reason below: a few words; the full sentence opens in place, where there is one. */
function Unknown({why}) {
  const [open, setOpen] = useState(false);
  const text = (why && why.text) || _("unknown");
  const dash = html`<span class="val">${UNKNOWN}</span>`;
  if (!why || !why.long || why.long === text) return html`<span class="vu">${dash}<span class="why">${text}</span></span>`;
  const toggle = (event) => {
    event.preventDefault();
    event.stopPropagation();
    setOpen(!open);
  };
  return html`<button type="button" class="vu unknown" aria-expanded=${open} onClick=${toggle}>${dash}<span class="why">${open ? html`<${Marked} text=${why.long} />` : text}</span></button>`;
}

/** The reason of an unknown value on its own: a few words; the full sentence opens in place. */
export function Why({why}) {
  const [open, setOpen] = useState(false);
  if (!why.long || why.long === why.text) return html`<span class="why">${why.text}</span>`;
  const toggle = (event) => {
    event.preventDefault();
    event.stopPropagation();
    setOpen(!open);
  };
  return html`<button type="button" class="why" aria-expanded=${open} onClick=${toggle}>${open ? html`<${Marked} text=${why.long} />` : why.text || _("unknown")}</button>`;
}
