import {html} from "../core/html.js";
import {_} from "../core/text.js";

export default function PlantView({plant, argument, outdated}) {
  return html`<h1>${_("Plant")}</h1>`;
}
