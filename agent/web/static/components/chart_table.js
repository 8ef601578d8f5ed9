// A chart and its table: what a picture shows can be read as numbers, too.
import {html, useState} from "../core/html.js";
import {_} from "../core/text.js";

/** head: texts of the columns; rows: arrays of texts; children: the chart; caption: what the table shows; extra: more buttons. */
export function ChartWithTable({head, rows, caption, children, extra}) {
  const [open, setOpen] = useState(false);
  return html`<div class="chart">
    ${open ? html`<${Table} head=${head} rows=${rows} caption=${caption} />` : children}
    <div class="chart-foot">${extra}<button type="button" class="btn" aria-pressed=${open} onClick=${() => setOpen(!open)}>${open ? _("Chart") : _("Table")}</button></div>
  </div>`;
}

export function Table({head, rows, caption}) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${caption}><table class="figures">
    <caption>${caption}</caption>
    <thead><tr>${head.map((text) => html`<th scope="col">${text}</th>`)}</tr></thead>
    <tbody>${rows.map((row) => html`<tr>${row.map((text, index) => (index ? html`<td>${text}</td>` : html`<th scope="row">${text}</th>`))}</tr>`)}</tbody>
  </table></div>`;
}
