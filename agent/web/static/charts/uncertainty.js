// The parts of an uncertainty, largest first; in quadrature they are the whole.
import {html} from "../core/html.js";
import {decimalsOf, fixed} from "../core/numbers.js";
import {_} from "../core/text.js";
import {Marked} from "../components/marked.js";

/** budget: of the API, with an efficiency. */
export function Uncertainty({budget}) {
  const decimals = Math.max(2, decimalsOf(budget.root_pct, 1, 2));
  const largest = Math.max(...budget.parts.map((part) => part.u_pct));
  return html`<div class="parts" role="table" aria-label=${_("Parts of the uncertainty")}>
    ${budget.parts.map((part) => html`<div class="part" role="row" key=${part.key}>
      <span role="rowheader">${part.source ? _("{name}: {source}", {name: part.name, source: part.source}) : part.name}</span>
      <span class="part-bar" role="presentation"><i style=${{width: `${(100 * part.u_pct) / largest}%`}}></i></span>
      <span class="part-u" role="cell">± ${fixed(part.u_pct, decimals)}</span>
    </div>`)}
    <div class="part part-sum" role="row"><span class="soft" role="rowheader">${_("root of the sum of squares")}</span><span role="presentation"></span><b class="part-u" role="cell">± ${fixed(budget.root_pct, decimals)}</b></div>
  </div>`;
}

/** What would lower it. */
export function Improvements({texts, title}) {
  if (!texts.length) return null;
  return html`<h3 class="lower">${title}</h3><ol class="improvements">${texts.map((text) => html`<li key=${text}><${Marked} text=${text} /></li>`)}</ol>`;
}
