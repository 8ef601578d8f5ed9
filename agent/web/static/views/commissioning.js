// Is everything wired and identified correctly? Read-only: the page shows the command to type.
import {html, useState} from "../core/html.js";
import {useData} from "../core/data.js";
import {age, dayAndTime, fixed} from "../core/numbers.js";
import {_} from "../core/text.js";
import {Badge} from "../components/badge.js";
import {ErrorPanel} from "../components/error.js";
import {Marked} from "../components/marked.js";
import {Wiring, sentence} from "../charts/wiring.js";

const EVERY_S = 3;

export default function CommissioningView({plant}) {
  const {data, error, again} = useData("/commissioning", {}, {every_s: EVERY_S});
  const [chosen, setChosen] = useState(null);
  if (error && !data) return html`<h1>${_("Commissioning")}</h1><${ErrorPanel} error=${error} onRetry=${again} />`;
  if (!data) return html`<h1>${_("Commissioning")}</h1><p class="soft">${_("Loading")}</p>`;
  if (!data.configured) return html`<h1>${_("Commissioning")}</h1><${Unconfigured} />`;
  if (!data.motors.length) return html`<h1>${_("Commissioning")}</h1><p class="panel notice">${_("No motor is configured")} · <code>magwatt init</code></p>`;
  const motors = inOrder(data.motors);
  const motor = motors.find((item) => item.id === chosen) || motors[0];
  return html`<div class="mh"><h1>${_("Commissioning")}</h1><span class="soft">${_("Nothing is written to a device")}</span></div>
    <section class="panel verdict" aria-label=${_("Verdict")}>
      <div class="line">${motors.some((item) => item.failed) && html`<${Badge} priority="medium" size=${36} />`}<p class="say">${verdict(motors)}</p></div>
      ${motors.length > 1 && html`<div class="cm-list">${motors.map((item) => html`<button type="button" key=${item.id} aria-pressed=${item === motor} class=${item === motor ? "on" : ""} onClick=${() => setChosen(item.id)}>
        <span class="nm">${item.name}</span><${Boxes} motor=${item} small=${true} /><span class="st">${situation(item)}</span></button>`)}</div>`}
    </section>
    <${Motor} key=${motor.id} motor=${motor} zone=${plant.time_zone} />`;
}

const Unconfigured = () => html`<div class="panel notice"><p>${_("The page follows a broker without a configuration, so that it does not know what was to be wired. Start it with:")}</p><pre><code>magwatt web --config FILE</code></pre></div>`;

/** Trouble first, then what is open. */
function inOrder(motors) {
  const rank = (motor) => (motor.failed ? 0 : motor.open ? 1 : 2);
  return [...motors].sort((one, other) => rank(one) - rank(other));
}

function verdict(motors) {
  const failed = motors.filter((motor) => motor.failed).length;
  if (failed) return failed === 1 ? _("1 motor needs a correction") : _("{n} motors need a correction", {n: failed});
  const open = motors.filter((motor) => motor.open).length;
  if (open) return _("Nothing contradicts; {n} of {total} motors are not confirmed yet", {n: open, total: motors.length});
  return _("All steps of all motors are confirmed");
}

function situation(motor) {
  if (motor.finding) return motor.finding.title;
  if (motor.step === null) return _("all steps confirmed");
  const step = motor.steps[motor.step - 1];
  const values = {n: motor.step, total: motor.steps.length, step: step.name};
  return step.state === "failed" ? _("step {n} of {total} failed: {step}", values) : _("step {n} of {total} is open: {step}", values);
}

const MARKS = {done: "✓", failed: "✕", open: "", note: "–"};

function Boxes({motor, small}) {
  return html`<ol class=${small ? "steps small-steps" : "steps"} aria-label=${_("Steps")}>${motor.steps.map((step, index) => html`<li class=${step.state}><span aria-hidden="true">${index + 1} ${MARKS[step.state]}</span><span class="hidden">${step.name}: ${stateWord(step.state)}</span></li>`)}</ol>`;
}

function stateWord(state) {
  return {done: _("confirmed"), failed: _("failed"), open: _("not confirmed"), note: _("not applicable")}[state];
}

function Motor({motor, zone}) {
  const {finding, live} = motor;
  return html`<div class="halves mt cm">
    <div class="stack">
      <section class="panel cs"><h2 class="big">${motor.name}${motor.step !== null && html`${_(": ")}${situationStep(motor)}`}</h2><${Boxes} motor=${motor} /></section>
      ${finding && html`<${Finding} finding=${finding} />`}
      ${!finding && motor.picture && html`<section class="panel cs"><h2>${_("As wired")}</h2><p class="e">${sentence(motor.picture)}</p><${Wiring} picture=${motor.picture} /></section>`}
      <${Live} live=${live} />
    </div>
    <div class="stack">
      <${Next} motor=${motor} />
      <section class="panel"><div class="head"><h2>${_("Steps and evidence")}</h2></div><div class="ev-steps">${motor.steps.map((step, index) => html`<${Step} step=${step} number=${index + 1} zone=${zone} />`)}</div>
        <p class="small cs">${motor.record ? _("Record: {file}", {file: motor.record}) : _("There is no record of a commissioning yet.")}</p></section>
    </div>
  </div>`;
}

const situationStep = (motor) => _("step {n} of {total}, {step}", {n: motor.step, total: motor.steps.length, step: motor.steps[motor.step - 1].name});

function Finding({finding}) {
  return html`<section class="panel cs find">
      <h2 class="big">${finding.title}</h2>
      <p class="small">${finding.source === "live" ? _("from the values now") : _("from the last self-check")}</p>
      ${finding.text && html`<p class="e">${finding.text}</p>`}
      ${finding.picture && html`<${Wiring} picture=${finding.picture} />`}
      ${finding.others && html`<p class="e">${finding.others}</p>`}
    </section>
    ${finding.danger && html`<div class="warn" role="note"><${Badge} priority="safety" size=${36} /><span>${finding.danger}</span></div>`}
    <section class="panel cs do-list"><ol>${finding.steps.map((text) => html`<li><${Marked} text=${text} /></li>`)}</ol></section>`;
}

function Live({live}) {
  if (!live) return html`<section class="panel cs"><h2>${_("Values of each phase")}</h2><p class="soft">— ${_("no values of each phase: the meter has none, or nothing was received yet")}</p></section>`;
  const time = live.age_s < 10 ? `${fixed(live.age_s, 1)} s` : age(live.age_s);
  return html`<section class="panel cs"><div class="scroll" tabindex="0" role="region" aria-label=${_("Values of each phase")}><table class=${live.stale ? "lv old" : "lv"}>
    <thead><tr><th scope="col">${live.stale ? _("{time} old", {time}) : _("live, {time} old", {time})}</th><th scope="col">U V</th><th scope="col">I A</th><th scope="col">P kW</th><th scope="col">φ °</th></tr></thead>
    <tbody>${live.rows.map((row) => html`<tr><th scope="row">${row.phase}</th><td>${fixed(row.u_v, 1)}</td><td>${fixed(row.i_a, 1)}</td>
      <td class=${row.wrong ? "bad" : ""}>${fixed(row.p_w === null ? null : row.p_w / 1000, 1)}</td>
      <td class=${row.wrong ? "bad" : ""}>${row.phi_deg === null ? "—" : `${row.wrong ? "✕ " : live.judged ? "✓ " : ""}${fixed(row.phi_deg, 0)}`}</td></tr>`)}</tbody>
  </table></div>${live.rows.some((row) => row.phi_deg === null) && html`<p class="why">${_("φ needs active and reactive power of each phase")}</p>`}</section>`;
}

function Next({motor}) {
  const text = motor.step === null ? _("Nothing is open. After a change at the cabinet, commission again:") : _("Next, on the gateway, with the agent stopped:");
  return html`<section class="panel cs next"><h2>${_("Command to type")}</h2><p>${text}</p><pre tabindex="0"><code>${motor.command}</code></pre></section>`;
}

function Step({step, number, zone}) {
  return html`<section class="ev-step"><h3>${number} <b>${step.name}</b> <span class="soft">${stateWord(step.state)}</span></h3>
    <ul>${step.evidence.map((item) => html`<li class=${item.state}><span class="mk" aria-hidden="true">${MARKS[item.state]}</span><span><${Marked} text=${item.text} />${proof(item, zone) && html`<small>${proof(item, zone)}</small>`}</span></li>`)}</ul></section>`;
}

/** Who confirmed or denied it, and when; empty for what nobody did. */
function proof(item, zone) {
  const when = item.t ? dayAndTime(item.t, zone) : "";
  if (!item.by) return when;
  const who = item.state === "done" ? _("confirmed by {name}", {name: item.by}) : _("denied by {name}", {name: item.by});
  return [who, when].filter(Boolean).join(" · ");
}
