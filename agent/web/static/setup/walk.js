// The walk of `commission`: a motor in five steps, one page each.
import {html, useState} from "../core/html.js";
import {UNKNOWN, age, fixed} from "../core/numbers.js";
import {_} from "../core/text.js";
import {Badge} from "../components/badge.js";
import {PhasorDiagram} from "../charts/phasors.js";
import {Wiring} from "../charts/wiring.js";
import {Choices, Field, FieldError, Foot, List, Steps} from "./parts.js";

const submit = (act) => (event) => {
  event.preventDefault();
  act();
};

export function WalkPage(props) {
  const {walk} = props.state;
  const View = {check: CheckPage, statement: StatementPage, review: ReviewPage, record: RecordPage}[walk.page.kind];
  return html`<${View} ...${props} walk=${walk} page=${walk.page} />`;
}

function Head({walk}) {
  const {motor, steps, step} = walk;
  const title = step === null ? _("{motor}: record", {motor: motor.title}) : _("{motor}: step {n} of {total}, {name}", {motor: motor.title, n: step + 1, total: steps.length, name: steps[step].name});
  return html`<div class="panel su"><h1 tabindex="-1">${title}</h1>
    <${Steps} steps=${steps} current=${step} />
    <p class="small">${walk.motors.length > 1 ? `${_("motor {n} of {total}", {n: motor.number, total: walk.motors.length})} · ` : ""}${_("nothing is written to a device")}</p></div>`;
}

function CheckPage({walk, page}) {
  return html`<div class="panel su"><h1 tabindex="-1">${_("Self-check of all devices")}</h1>
    <progress max=${page.total || 1} value=${page.done}></progress>
    <p role="status">${page.done < page.total ? _("reading {n} of {total}, about {time} left", {n: page.done, total: page.total, time: age(page.left_s)}) : _("Comparing the values")}</p></div>
    <${Live} live=${walk.live} />`;
}

function StatementPage({walk, page, send, error, waiting}) {
  const [reply, setReply] = useState("");
  const [remark, setRemark] = useState("");
  const choices = [
    {typed: "yes", name: _("Yes"), label: _("compared at the cabinet, it agrees")},
    {typed: "no", name: _("No"), label: _("it is different")},
    {typed: "not_checked", name: _("Not checked"), label: _("stays an open point")},
  ];
  return html`<form onSubmit=${submit(() => send("reply", {number: page.number, reply, remark}))}><${Head} walk=${walk} />
    <div class="panel su say">${page.title && html`<h2>${page.title}</h2>`}${page.text && html`<p class="statement">${page.text}</p>`}
      ${page.entries.length > 0 && html`<${List} texts=${page.entries} />`}</div>
    ${walk.step > 2 && html`<${Live} live=${walk.live} />`}
    <div class="panel su"><${Choices} choices=${choices} chosen=${reply} onChoose=${setReply} label=${_("Does it agree?")} />
      ${reply === "no" ? html`<${Field} label=${_("What did you find instead?")} value=${remark} onInput=${setRemark} error=${error} />` : html`<${FieldError} error=${error} />`}</div>
    <${Foot} next=${{text: _("Next"), disabled: !reply || (reply === "no" && !remark.trim())}} waiting=${waiting} /></form>`;
}

function ReviewPage({walk, page, send, error, waiting}) {
  const [first, ...others] = page.findings;
  const check = (again) => send("check", {number: page.number, again});
  const found = page.findings.length + page.problems.length > 0;
  return html`<form onSubmit=${submit(() => check(found))}><${Head} walk=${walk} />
    ${first ? html`<${Finding} finding=${first} />` : html`<${NoFinding} page=${page} />`}
    ${others.length + page.problems.length > 0 && html`<div class="panel su"><h2>${_("Also found")}</h2><${List} texts=${[...others.map((each) => each.title || each.text), ...page.problems]} /></div>`}
    <${Live} live=${walk.live} phasors=${true} />
    <${FieldError} error=${error} />
    ${found
      ? html`<${Foot} back=${{text: _("Next step"), onClick: () => check(false)}} next=${{text: _("Check again")}} waiting=${waiting} />`
      : html`<${Foot} back=${{text: _("Check again"), onClick: () => check(true)}} next=${{text: _("Next step")}} waiting=${waiting} />`}</form>`;
}

/** Nothing contradicts: the values of the self-check, and the angles of the present ones, as far as they tell. */
function NoFinding({page}) {
  const live = {
    ok: _("The angles between voltages and currents fit."), pending: _("The angles are being checked."),
    unknown: _("Too little current to check the angles: load the motor."), unclear: _("The angles fit no wiring."), none: "",
  }[page.live];
  return html`<div class="panel su"><h2>${page.live === "ok" || page.live === "none" ? _("No fault found") : _("Not certain yet")}</h2><p>${live}</p><${List} texts=${page.summary} /></div>`;
}

function Finding({finding}) {
  return html`<div class="panel su find">${finding.title && html`<h2>${finding.title}</h2>`}<p class="e">${finding.text}</p>
      ${finding.picture && html`<${Wiring} picture=${finding.picture} />`}
      ${finding.others && html`<p>${finding.others}</p>`}</div>
    ${finding.danger && html`<div class="warn safety"><${Badge} priority="safety" size=${36} /><span>${finding.danger}</span></div>`}
    ${finding.steps.length > 0 && html`<div class="panel su do"><ol>${finding.steps.map((text) => html`<li>${text}</li>`)}</ol></div>`}`;
}

function RecordPage({walk, page, send, waiting}) {
  const last = walk.motor.number === walk.motors.length;
  return html`<form onSubmit=${submit(() => send("next", {number: page.number}))}><${Head} walk=${walk} />
    <div class="panel su"><h2>${page.points.length ? _("Open points: {n}", {n: page.points.length}) : _("No open point")}</h2>
      <${List} texts=${page.points} /><p class="small">${_("Record: {path}", {path: page.path})}</p></div>
    <${Foot} next=${{text: last ? _("To the result") : _("Next motor")}} waiting=${waiting} /></form>`;
}

/** The newest values, each device: phases of a meter as rows, with their angles. */
function Live({live, phasors}) {
  if (!live) return null;
  return live.devices.map((device) => html`<div class="panel su" key=${device.device}>
    ${device.silent ? html`<h2>${device.device}</h2><p>${_("no reply")}</p>` : html`<${Phases} device=${device} age_s=${live.age_s} />`}
    ${phasors && device.phasors && html`<${PhasorDiagram} phasors=${device.phasors} /><p class="small">${_("Voltages drawn 120° apart; currents at the measured angle.")}</p>`}</div>`);
}

function Phases({device, age_s}) {
  const fresh = age_s < 3 ? _("{device}, now", {device: device.device}) : _("{device}, {time} ago", {device: device.device, time: age(age_s)});
  const names = {active_power: _("power"), output_frequency: _("frequency"), motor_speed: _("speed"), motor_current: _("motor current"), output_voltage: _("output voltage"), motor_power: _("motor power")};
  const single = device.values.map(({name, value, unit}) => html`<tr><th scope="row">${names[name]}</th><td>${fixed(value, Math.abs(value) < 100 ? 2 : 1)}</td><td class="unit">${unit}</td></tr>`);
  return html`<p class="fresh">${fresh}</p>
    ${device.phases.length > 0 && html`<table class="lv"><thead><tr><th scope="col"><span class="visually-hidden">${_("phase")}</span></th><th scope="col">U V</th><th scope="col">I A</th><th scope="col">P kW</th><th scope="col">φ °</th></tr></thead>
      <tbody>${device.phases.map((row) => html`<tr><td><b>${row.phase}</b></td><td>${fixed(row.voltage_v, 1)}</td><td>${fixed(row.current_a, 1)}</td>
        <td class=${row.wrong ? "bad" : ""}>${fixed(row.power_kw, 1)}</td><td class=${row.wrong ? "bad" : ""}>${row.angle_deg === null ? UNKNOWN : `${row.wrong ? "✕" : "✓"} ${fixed(row.angle_deg, 0)}`}</td></tr>`)}</tbody></table>`}
    ${single.length > 0 && html`<table class="lv single"><tbody>${single}</tbody></table>`}`;
}
