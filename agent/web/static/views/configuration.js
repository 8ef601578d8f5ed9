import {html} from "../core/html.js";
import {_} from "../core/text.js";

export default function ConfigurationView({plant, argument, outdated}) {
  return html`<h1>${_("Configuration")}</h1>`;
}
