// Nameplate and meter of a motor, and every number that it reports.
import {html} from "../core/html.js";
import {UNKNOWN, fixed} from "../core/numbers.js";
import {_} from "../core/text.js";
import {Marked} from "./marked.js";
import {Panel} from "./panel.js";
import {isUncertain, parts} from "./value.js";

/** named: the values with unit and meaning, as they were when the view was opened. */
export function MotorFacts({motor, named, shown}) {
  return html`<div class="halves motor-facts mt">
    <${Panel} title=${_("Nameplate")}><${Facts} facts=${motor.nameplate} /><//>
    <${Panel} title=${_("Measurement")}><${Facts} facts=${motor.meter} /><//>
  </div>
  <details class="panel all-values mt"><summary>${_("All values: {n}", {n: Object.keys(named).length})}</summary><${AllValues} values=${motor.values} named=${named} shown=${shown} /></details>`;
}

function Facts({facts}) {
  if (!facts || !facts.length) return html`<p class="soft">${_("nothing received")}</p>`;
  return html`<table class="kv facts"><tbody>${facts.map((fact) => html`<tr key=${fact.label}><th scope="row">${fact.label}</th><td><${Marked} text=${fact.value} /></td></tr>`)}</tbody></table>`;
}

function AllValues({values, named, shown}) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${_("All values")}><table class="figures">
    <thead><tr><th scope="col">${_("Metric")}</th><th scope="col">${_("Value")}</th><th scope="col">± U</th><th scope="col">${_("Unit")}</th><th scope="col">${_("Method")}</th></tr></thead>
    <tbody>${Object.entries(values).map(([name, value]) => html`<${Metric} key=${name} name=${name} value=${value} about=${named[name] || {}} shown=${shown} />`)}</tbody>
  </table></div>`;
}

function Metric({name, value, about, shown}) {
  const known = value.v !== null && !shown.lost;
  const {number, u} = value.u === null ? {number: sixDigits(value.v), u: ""} : parts(value);
  return html`<tr><th scope="row"><code>${name}</code>${about.about && html`<small>${about.about}</small>`}</th>
    <td><span class=${`val${isUncertain(value) ? " unc" : ""}${shown.stale ? " stale" : ""}`}>${known ? number : UNKNOWN}</span></td>
    <td class="u">${known ? u : value.why && value.why.text}</td><td class="unit">${about.unit || ""}</td><td class="unit">${value.m || ""}</td></tr>`;
}

/** A number of the agent, which has at most six digits behind which there is nothing. */
function sixDigits(value) {
  const part = String(value).split(".")[1] || "";
  return fixed(value, Math.min(part.length, 4));
}
