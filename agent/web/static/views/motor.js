import {html} from "../core/html.js";
import {_} from "../core/text.js";

export default function MotorView({plant, argument, outdated}) {
  return html`<h1>${_("Motor")}</h1>`;
}
