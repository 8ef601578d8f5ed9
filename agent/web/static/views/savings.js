import {html} from "../core/html.js";
import {_} from "../core/text.js";

export default function SavingsView({plant, argument, outdated}) {
  return html`<h1>${_("Savings")}</h1>`;
}
