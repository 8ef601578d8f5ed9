// Present quantities of a motor, one a line: name, value, U, unit.
import {html} from "../core/html.js";
import {_} from "../core/text.js";
import {Badge} from "./badge.js";
import {UNKNOWN} from "../core/numbers.js";
import {Why, isUncertain, parts} from "./value.js";

/** quantities: of the API. stale, lost: the values are outdated, or too old to be shown. */
export function Quantities({quantities, stale, lost}) {
  return html`<table class="kv quantities"><caption class="hidden">${_("Present values")}</caption><tbody>
    ${quantities.map((item) => html`<${Line} key=${item.key} item=${item} stale=${stale} lost=${lost} />`)}
  </tbody></table>`;
}

function Line({item, stale, lost}) {
  if (!item.value) return html`<tr><th scope="row">${item.label}</th><td colspan="3" class="q-text">
    ${item.danger && html`<${Badge} priority="safety" size=${20} />`}<b>${lost ? _("live or unknown") : item.text}</b>${item.note && html`<span class="small">${item.note}</span>`}</td></tr>`;
  const value = lost && item.value.v !== null ? {v: null, why: {text: _("stale")}} : item.value;
  if (value.v === null) return html`<tr><th scope="row">${item.label}</th><td class="v">${UNKNOWN}</td><td colspan="2" class="q-why">${value.why && html`<${Why} why=${value.why} />`}</td></tr>`;
  const {number, u} = parts(value, 1, value.u === null ? item.decimals : undefined);
  return html`<tr><th scope="row">${item.label}</th><td class="v"><span class=${`val${isUncertain(value) ? " unc" : ""}${stale ? " stale" : ""}`}>${number}</span></td><td class="u2">${u}</td><td class="s">${item.unit}</td></tr>`;
}
