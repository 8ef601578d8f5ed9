// The mark of a priority: each has its shape and its digit, so that colour never stands alone.
import {html} from "../core/html.js";
import {_} from "../core/text.js";

const SHAPES = {
  safety: () => html`<path d="M15 2.2 28.5 26.6H1.5Z" class="b-safety" /><path d="M17 9.5 11.2 18h3.4l-2 6.3 6.4-8.3h-3.6l3-6.5Z" fill="#000" />`,
  high: (hollow) => html`<rect x="2" y="2" width="26" height="26" class=${hollow ? "b-high hollow" : "b-high"} />`,
  medium: (hollow) => html`<path d="M15 28 1.5 3.4h27Z" class=${hollow ? "b-medium hollow" : "b-medium"} />`,
  low: (hollow) => html`<circle cx="15" cy="15" r="13" class=${hollow ? "b-low hollow" : "b-low"} />`,
  unknown: () => html`<rect x="2.5" y="2.5" width="25" height="25" class="b-unknown" /><rect x="2.5" y="2.5" width="25" height="25" fill="url(#hatch)" />`,
  maintenance: () => html`<path d="M19.5 3.2a7 7 0 0 0-6.6 9.3L3.6 21.8a2.6 2.6 0 0 0 0 3.7l.9.9a2.6 2.6 0 0 0 3.7 0l9.3-9.3a7 7 0 0 0 9-8.4l-4.3 4.3-3.9-1-1-3.9 4.3-4.3a7 7 0 0 0-2.1-.6Z" class="b-maintenance" />`,
};
const DIGITS = {high: ["1", 21], medium: ["2", 17], low: ["3", 21]};

/** The name of a priority in words. */
export function priorityName(priority) {
  const names = {
    safety: _("safety"), high: _("high"), medium: _("medium"), low: _("low"), maintenance: _("maintenance"), unknown: _("unknown"),
  };
  return names[priority] || "";
}

/** priority: one of the API; acknowledged: hollow. Nothing for a normal one. */
export function Badge({priority, acknowledged, size = 30}) {
  const shape = SHAPES[priority];
  if (!shape) return null;
  const hollow = acknowledged && priority !== "safety";
  const label = acknowledged ? _("{priority}, acknowledged", {priority: priorityName(priority)}) : priorityName(priority);
  const [digit, y] = DIGITS[priority] || [];
  return html`<svg class="bd" width=${size} height=${size} viewBox="0 0 30 30" role="img" aria-label=${label}>
    ${shape(hollow)}${digit && html`<text x="15" y=${y} text-anchor="middle" class=${`b-digit b-on-${priority}${hollow ? " hollow" : ""}`}>${digit}</text>`}
  </svg>`;
}
