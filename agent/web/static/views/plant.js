// Is all well, and what do we save now and this month?
import {html, useEffect, useState} from "../core/html.js";
import {useData} from "../core/data.js";
import {age, dayAndTime} from "../core/numbers.js";
import {verdictLine} from "../core/plant.js";
import {_} from "../core/text.js";
import {Badge} from "../components/badge.js";
import {MotorTable} from "../components/motor_table.js";
import {PlantCharts} from "../components/plant_charts.js";
import {Value} from "../components/value.js";

const MONTH_EVERY_S = 600;
const PENDING_EVERY_S = 4;
const LATER_MS = 500; // at most, also on a busy processor

export default function PlantView({plant, outdated, now_ms}) {
  const month = useData("/plant/month", {}, {every_s: (data) => (data && data.state === "pending" ? PENDING_EVERY_S : MONTH_EVERY_S)});
  const later = useLater();
  if (!plant.motors.length) return html`<${NoMotor} />`;
  return html`<h1 class="hidden">${_("Plant")}</h1>
    <section class="panel verdict" aria-label=${_("Verdict")}>
      <${Verdict} plant=${plant} />
      <${KeyFigures} plant=${plant} month=${month} outdated=${outdated} />
    </section>
    <${MotorTable} plant=${plant} outdated=${outdated} now_ms=${now_ms} />
    ${later && html`<${PlantCharts} plant=${plant} month=${month} outdated=${outdated} />`}`;
}

/** Whether verdict and motors are on the screen: a slow phone shows those before the charts. */
function useLater() {
  const [later, setLater] = useState(false);
  useEffect(() => {
    const idle = window.requestIdleCallback || setTimeout;
    requestAnimationFrame(() => idle(() => setLater(true), {timeout: LATER_MS}));
  }, []);
  return later;
}

function Verdict({plant: {verdict}}) {
  const report = verdict.unacknowledged ? _("{n} of {total} motors report", {n: verdict.reporting, total: verdict.motors}) : null;
  const maintenance = verdict.in_maintenance ? _("{n} in maintenance", {n: verdict.in_maintenance}) : null;
  const longest = verdict.unacknowledged && verdict.longest_s !== null ? _("not acknowledged for up to {time}", {time: age(verdict.longest_s)}) : null;
  return html`<div class="line">
    <span class="marks">${[...new Set(verdict.badges)].map((priority) => html`<${Badge} key=${priority} priority=${priority} size=${36} />`)}</span>
    <p class="say">${verdictLine(verdict)}</p>
    <p class="sub">${[report, maintenance, longest].filter(Boolean).join(" · ")}${verdict.acknowledged_text && html`<br />${verdict.acknowledged_text}`}</p>
  </div>`;
}

function KeyFigures({plant, month, outdated}) {
  const found = month.data;
  const waiting = {v: null, why: {code: "pending", text: month.error ? _("not available") : _("being calculated"), long: month.error ? month.error.message : ""}};
  const ready = found && found.state !== "pending";
  const none = ready ? {v: null, why: found.why} : waiting;
  const saved = (ready && found.saved_kwh) || none;
  const money = (ready && found.money) || none;
  const now = plant.saved_now_w;
  const running = !found || found.running;
  return html`<div class="figs">
    <${Figure} label=${_("Saved now")} unit="kW" note=${now.v === null ? ofMotors(now.motors, now.of) : _("{n} of {total} motors, mean of 15 min", {n: now.motors, total: now.of})} value=${now} scale=${1000} stale=${outdated} />
    <${Figure} label=${running ? _("This month") : found.name} unit="kWh" note=${ready && saved.v !== null && proof(found, plant.time_zone)} value=${saved} />
    <${Figure} label=${running ? _("Money this month") : _("Money, {month}", {month: found.name})} short=${_("Money")} unit=${currency(money.currency)} note=${ready && money.v !== null && ofMotors(found.motors, found.of)} value=${money} />
  </div>`;
}

/** short: the label where there is little room. */
function Figure({label, short, unit, note, value, scale = 1, stale = false}) {
  return html`<div class="fig"><span class=${short ? "lab roomy" : "lab"}>${label}</span>${short && html`<span class="lab narrow" aria-hidden="true">${short}</span>`}<${Value} value=${value} scale=${scale} least=${scale === 1 ? -6 : 0} unit=${unit} stale=${stale} />${note ? html`<span class="small note">${note}</span>` : null}</div>`;
}

const ofMotors = (n, total) => (total ? _("{n} of {total} motors", {n, total}) : "");
const currency = (code) => (code === "CNY" ? _("CNY") : code);
const proof = (month, zone) => [month.until ? _("{verdict} to {time}", {verdict: month.verdict_text, time: dayAndTime(month.until, zone, false)}) : month.verdict_text,
  month.motors < month.of ? ofMotors(month.motors, month.of) : ""].filter(Boolean).join(" · ");

function NoMotor() {
  return html`<h1 class="hidden">${_("Plant")}</h1>
    <section class="panel empty">
      <h2>${_("No motor is configured")}</h2>
      <p class="soft">${_("Enter this command on the gateway. It finds the devices and writes the configuration:")}</p>
      <p><code>magwatt init</code></p>
    </section>`;
}
