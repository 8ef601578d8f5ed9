// A panel with its heading.
import {html} from "../core/html.js";

/** title, note: texts; end: element at the right end of the head. */
export function Panel({title, note, end, children, class: extra = ""}) {
  return html`<section class=${`panel ${extra}`}>
    ${title && html`<div class="head"><h2>${title}</h2>${note && html`<span class="note">${note}</span>`}${end && html`<span class="end">${end}</span>`}</div>`}
    <div class="body">${children}</div>
  </section>`;
}
