import {html} from "../core/html.js";
import {_} from "../core/text.js";

export default function PowerQualityView({plant, argument, outdated}) {
  return html`<h1>${_("Power quality")}</h1>`;
}
