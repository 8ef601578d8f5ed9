// How efficient is it now, where does the rest go, and why is it so uncertain?
import {html, useEffect, useState} from "../core/html.js";
import {useData} from "../core/data.js";
import {dayAndTime, fixed} from "../core/numbers.js";
import {ageOf, freshness} from "../core/plant.js";
import {_} from "../core/text.js";
import {Badge, priorityName} from "../components/badge.js";
import {Condition} from "../components/condition.js";
import {ErrorPanel} from "../components/error.js";
import {Marked} from "../components/marked.js";
import {Measured} from "../components/measured.js";
import {MotorFacts} from "../components/motor_facts.js";
import {MotorHistory} from "../components/motor_history.js";
import {Panel} from "../components/panel.js";
import {Quantities} from "../components/quantities.js";
import {Segmented} from "../components/segmented.js";
import {Value, parts} from "../components/value.js";
import {Improvements, Uncertainty} from "../charts/uncertainty.js";
import {Waterfall} from "../charts/waterfall.js";

const CALM = ["normal", "unknown", "maintenance"]; // priorities that are no alarm

export default function MotorView({plant, argument, outdated, now_ms, server_ms}) {
  const row = plant.motors.find((motor) => motor.id === argument);
  const fresh = row ? freshness(row, now_ms, outdated) : "lost";
  const key = `${fresh}${Boolean(row)}`;
  const stored = useData(`/motors/${encodeURIComponent(argument)}`, {}, {key});
  const watched = useData(`/motors/${encodeURIComponent(argument)}/condition`, {}, {key});
  if (stored.error && stored.error.status === 404) return html`<${Vanished} id=${argument} />`;
  if (stored.error && !stored.data) return html`<${ErrorPanel} error=${stored.error} onRetry=${stored.again} />`;
  if (!stored.data) return html`<p class="soft">${_("Loading")}</p>`;
  if (!row) return html`<${Vanished} id=${argument} name=${stored.data.name} />`;
  const live = plant.motor && plant.motor.id === argument && fresh !== "lost" ? plant.motor : {};
  const motor = {...stored.data, ...live, ...row, values: {...stored.data.values, ...live.values}};
  const condition = plant.condition && plant.condition.motor === argument ? plant.condition : watched.data;
  return html`<${Motor} motor=${motor} condition=${condition} named=${stored.data.values} plant=${plant} ahead_ms=${server_ms - now_ms} shown=${{stale: fresh === "stale", lost: fresh === "lost", age_s: fresh === "stale" ? ageOf(row, now_ms) : null}} />`;
}

function Vanished({id, name}) {
  return html`<section class="panel empty">
    <h1>${name || id}</h1>
    <p>${name ? _("This motor was removed from the plant.") : _("There is no motor “{id}” in this plant.", {id})}</p>
    <p><a class="btn" href="/">${_("Plant")}</a></p>
  </section>`;
}

function Motor({motor, condition, named, plant, shown, ahead_ms}) {
  const measured = motor.kind !== "meter";
  return html`<${Head} motor=${motor} />
    ${measured && html`<${KeyFigures} motor=${motor} shown=${shown} />
    <div class="two motor-two">
      <${Losses} motor=${motor} shown=${shown} />
      <section class="panel motor-stack"><${Budgets} motor=${motor} plant=${plant} shown=${shown} /><${Quantities} quantities=${motor.quantities} ...${shown} /></section>
    </div>
    ${condition && html`<${Condition} condition=${condition} zone=${plant.time_zone} />`}`}
    <${MotorHistory} motor=${motor} plant=${plant} shown=${shown} ahead_ms=${ahead_ms} />
    <${MotorFacts} motor=${motor} named=${named} shown=${shown} />`;
}

function Head({motor}) {
  const alarm = !CALM.includes(motor.priority);
  return html`<div class="mh motor-head">
    <a class="crumb" href="/">${_("Plant")} ›</a><h1>${motor.name}</h1><span class="soft"><${Marked} text=${motor.subtitle} /></span>
    <span class="end"><${Badge} priority=${motor.priority} acknowledged=${motor.acknowledged} size=${26} />
      ${motor.state.strong ? html`<b>${motor.state.text}</b>` : html`<span class="soft">${motor.state.text}</span>`}
      ${motor.priority !== "unknown" && html`<span class="tag">${alarmTag(motor, alarm)}</span>`}
      <a class="crumb pq-link" href=${`/m/${encodeURIComponent(motor.id)}/pq`}>${_("Power quality")} ›</a></span>
    ${motor.state.detail && alarm && html`<p class="small motor-why"><${Marked} text=${motor.state.detail} /></p>`}
  </div>`;
}

function alarmTag({priority, acknowledged}, alarm) {
  if (!alarm) return _("no open alarm");
  return acknowledged ? _("alarm: {priority}, acknowledged", {priority: priorityName(priority)}) : _("alarm: {priority}", {priority: priorityName(priority)});
}

function KeyFigures({motor, shown}) {
  const {efficiencies: found, methods, saved_so_far: saved} = motor;
  const system = methods.system_efficiency_pct;
  const drive = methods.drive_efficiency_pct;
  const method = system && (drive ? _("{id}: {method} + {drive}", {id: system.id, method: system.short, drive: drive.short}) : _("{id}: {method}", {id: system.id, method: system.short}));
  return html`<section class="panel figs motor-figs" aria-label=${_("Key figures")}>
    <${Figure} label=${motor.has_drive ? _("Efficiency, drive and motor") : _("Efficiency")} value=${found.system_efficiency_pct} unit="%" least=${1} note=${method} shown=${shown} />
    ${motor.has_drive
      ? html`<${Figure} label=${_("Motor alone")} value=${found.motor_efficiency_pct} unit="%" least=${1} note=${driveAlone(found.drive_efficiency_pct)} shown=${shown} />`
      : html`<${Figure} label=${_("Power")} value=${motor.power_w} scale=${1000} decimals=${1} unit="kW" note=${motor.waterfall.steps.length ? motor.waterfall.steps[0].source : ""} shown=${shown} />`}
    <${Figure} label=${_("Saved now")} value=${motor.saved_w} scale=${1000} decimals=${1} unit="kW" note=${saved.share_pct.v === null ? "" : _("{pct} % of the old plant, mean of 15 min", {pct: fixed(saved.share_pct.v, 1)})} shown=${shown} />
    <${Figure} label=${_("Saved so far")} value=${saved.energy_kwh} least=${-6} unit="kWh" note=${saved.verdict} shown=${{}} />
  </section>`;
}

function driveAlone(value) {
  if (!value || value.v === null) return "";
  const {number, u} = parts(value, 1, undefined, 1);
  return _("drive alone {value} %", {value: `${number} ${u}`});
}

function Figure({label, value, scale = 1, decimals, least, unit, note, shown}) {
  return html`<div class="fig"><span class="lab">${label}</span><${Value} value=${value} scale=${scale} decimals=${decimals} least=${least} unit=${unit} ...${shown} />${note && value && value.v !== null && !shown.lost ? html`<span class="small note">${note}</span>` : null}</div>`;
}

function Losses({motor, shown}) {
  const {waterfall} = motor;
  const note = waterfall.braking ? _("kW; the motor brakes and returns power") : "kW";
  const missing = waterfall.steps.map((step) => step.value).find((value) => value.v === null);
  const why = missing && missing.why;
  return html`<${Panel} title=${_("Where the power goes now")} note=${note} class="losses">
    ${waterfall.steps.length ? html`<${Measured}>${(width) => html`<${Waterfall} waterfall=${waterfall} width=${width} stale=${shown.stale} />`}<//>` : html`<p class="soft">${_("The direction of the power is not known.")}</p>`}
    ${why && html`<p class="small why-line"><${Marked} text=${why.long || why.text} /></p>`}
    ${waterfall.braking && html`<p class="small why-line">${_("The efficiency is electrical divided by mechanical power.")}</p>`}
    <div class="lower-part"><${Improvements} texts=${motor.improvements} title=${_("What would lower the uncertainty")} /></div>
  <//>`;
}

function Budgets({motor, plant, shown}) {
  const [chosen, choose] = useState("system");
  const budget = motor.budgets.find((item) => item.of === chosen) || motor.budgets[0];
  useEffect(() => choose("system"), [motor.id]);
  if (!budget || budget.root_pct === null) return html`<div class="head"><h2>${_("Why no efficiency?")}</h2></div>
    <div class="body">${budget && budget.why && html`<p class="answer-line"><${Marked} text=${budget.why.long || budget.why.text} /></p>`}</div>`;
  const past = shown.lost || motor.efficiencies.motor_efficiency_pct.v === null;
  return html`<div class="head"><h2>${_("Why ± {u} %?", {u: fixed(budget.root_pct, 1)})}</h2><span class="note">${past && motor.explained ? _("points of efficiency, k = 2; last known {time}", {time: dayAndTime(motor.explained, plant.time_zone, false)}) : _("points of efficiency, k = 2")}</span></div>
    <div class="body">
      ${motor.budgets.length > 1 && html`<${Segmented} label=${_("Efficiency of")} chosen=${budget.of} onChoose=${choose} choices=${motor.budgets.map((item) => [item.of, item.name])} />`}
      <${Uncertainty} budget=${budget} />
    </div>`;
}
