import {html} from "../core/html.js";
import {_} from "../core/text.js";

export default function CommissioningView({plant, argument, outdated}) {
  return html`<h1>${_("Commissioning")}</h1>`;
}
