// The views that have no place in the bar of a phone.
import {html} from "../core/html.js";
import {_} from "../core/text.js";

export default function MoreView() {
  const views = [["/pq", _("Power quality")], ["/commissioning", _("Commissioning")], ["/configuration", _("Configuration")], ["/health", _("Health")]];
  return html`<h1>${_("More")}</h1><nav class="panel list" aria-label=${_("More")}>${views.map(([href, text]) => html`<a href=${href}>${text}<i aria-hidden="true">›</i></a>`)}</nav>`;
}
