import {html} from "../core/html.js";
import {_} from "../core/text.js";

export default function AlarmsView({plant, argument, outdated}) {
  return html`<h1>${_("Alarms")}</h1>`;
}
