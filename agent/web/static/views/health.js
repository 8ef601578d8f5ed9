import {html} from "../core/html.js";
import {_} from "../core/text.js";

export default function HealthView({plant, argument, outdated}) {
  return html`<h1>${_("Health")}</h1>`;
}
