// The contracts of the month: state of each, what waits for whom, the confirmation sheet, the bundle for a verifier.
import {html} from "../core/html.js";
import {link} from "../core/api.js";
import {useData} from "../core/data.js";
import {clock, day, fixed} from "../core/numbers.js";
import {_} from "../core/text.js";
import {Badge} from "../components/badge.js";
import {Marked} from "../components/marked.js";
import {Panel} from "../components/panel.js";

/** current: the report of the month, from which the contracts come; a change asks again. */
export function Contracts({month, zone, current}) {
  const {data, error} = useData(`/savings/${month}/contract`, {}, {key: String(current)});
  if (error && !data) return html`<p class="soft" role="status">${_("The contracts of the month could not be loaded.")}</p>`;
  if (!data) return null;
  if (data.state === "ready" && data.why) return html`<${Panel} title=${_("Contract")} class="sv-contract invalid"><p><${Badge} priority="medium" size=${22} /> <${Marked} text=${data.why.long} /></p></${Panel}>`;
  return data.contracts.map((found) => html`<${Contract} key=${found.contract} found=${found} zone=${zone} />`);
}

function Contract({found, zone}) {
  return html`<section class=${`panel sv-contract ${found.state}`} aria-label=${_("Contract")}>
    <div class="head"><h2>${_("Contract {number}", {number: found.contract})}</h2><span class="note">${_("plan version {version}", {version: found.version})}</span>
      <span class="end export">${found.sheet && html`<a class="btn" href=${link(found.sheet)} target="_blank" rel="noopener">${_("Confirmation sheet")}</a>`}${found.bundle && html`<a class="btn" href=${link(found.bundle)} download>${_("Bundle for a verifier")}</a>`}</span></div>
    <div class="body"><p class="word">${found.state === "invalid" && html`<${Badge} priority="medium" size=${26} />`} ${found.state_text}</p>
      <${Waits} found=${found} zone=${zone} />
      ${found.revisions.length > 0 && html`<${Revisions} found=${found} zone=${zone} />`}
    </div></section>`;
}

function Waits({found, zone}) {
  if (!found.waits.length) return html`<p class="soft">${_("Nothing is awaited.")}</p>`;
  return html`<p class="small">${_("Waiting for")}</p><ul class="sv-list">${found.waits.map((item) => html`<li class="wait"><b>${item.whom_text}</b>${item.whom in found.parties ? ` ${found.parties[item.whom]}` : ""}<br /><${Marked} text=${item.text} /></li>`)}</ul>`;
}

function Revisions({found, zone}) {
  const head = [_("revision"), _("state"), _("issued on"), _("service fee with VAT"), _("signatures")];
  const time = (text) => (text ? `${day(text, zone, true)}, ${clock(text, zone, false)}` : "—");
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${_("Revisions")}><table class="figures wide">
    <thead><tr>${head.map((text, index) => html`<th scope="col" class=${index === 3 || !index ? "" : "txt"}>${text}</th>`)}</tr></thead>
    <tbody>${[...found.revisions].reverse().map((row) => html`<tr><th scope="row">${row.revision}</th><td class="txt">${row.state_text}${row.reason && html`<br /><small>${row.reason}</small>`}</td><td class="txt">${time(row.issued)}</td><td>${amount(row.gross)} ${row.currency}</td>
      <td class="txt">${row.signatures.map((item) => html`<div>${item.role_text}${_(": ")}${item.by}, ${time(item.signed)} <small>${item.key}</small></div>`)}${row.signatures.length ? "" : "—"}</td></tr>`)}</tbody></table></div>`;
}

/** A decimal text with the decimals that it has. */
const amount = (text) => fixed(Number(text), (text.split(".")[1] || "").length);
