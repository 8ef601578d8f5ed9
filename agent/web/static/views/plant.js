// Is all well, and what do we save now and this month?
import {html, useEffect, useMemo, useState} from "../core/html.js";
import {useData} from "../core/data.js";
import {UNKNOWN, age, dayAndTime, fixed} from "../core/numbers.js";
import {verdictLine} from "../core/plant.js";
import {_} from "../core/text.js";
import {Badge} from "../components/badge.js";
import {ChartWithTable} from "../components/chart_table.js";
import {Measured} from "../components/measured.js";
import {MotorTable} from "../components/motor_table.js";
import {Panel} from "../components/panel.js";
import {Value} from "../components/value.js";
import {DayBars, unitOf} from "../charts/day_bars.js";
import {Flow, flowOf, flowRows, flowSentence} from "../charts/flow.js";

const MONTH_EVERY_S = 600;
const PENDING_EVERY_S = 4;

export default function PlantView({plant, outdated, now_ms}) {
  const month = useData("/plant/month", {}, {every_s: (data) => (data && data.state === "pending" ? PENDING_EVERY_S : MONTH_EVERY_S)});
  const charts = useAfterPaint();
  if (!plant.motors.length) return html`<${NoMotor} />`;
  return html`<h1 class="hidden">${_("Plant")}</h1>
    <section class="panel verdict" aria-label=${_("Verdict")}>
      <${Verdict} plant=${plant} />
      <${KeyFigures} plant=${plant} month=${month} outdated=${outdated} />
    </section>
    <${MotorTable} plant=${plant} outdated=${outdated} now_ms=${now_ms} />
    ${charts && html`<div class=${`two plant-charts mt${outdated ? " outdated" : ""}`}>
      <${FlowPanel} flow=${plant.flow} />
      <${MonthPanel} month=${month} plant=${plant} />
    </div>`}`;
}

/** false until the verdict and the motors are on the screen: a slow phone shows them first. */
function useAfterPaint() {
  const [painted, setPainted] = useState(false);
  useEffect(() => {
    const waiting = requestAnimationFrame(() => setTimeout(() => setPainted(true)));
    return () => cancelAnimationFrame(waiting);
  }, []);
  return painted;
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
  return html`<div class="figs">
    <${Figure} label=${_("Saved now")} unit="kW" note=${ofMotors(now.motors, now.of)} value=${now} scale=${1000} stale=${outdated} />
    <${Figure} label=${_("This month")} unit="kWh" note=${ready && saved.v !== null && proof(found, plant.time_zone)} value=${saved} />
    <${Figure} label=${_("Money this month")} short=${_("Money")} unit=${currency(money.currency)} note=${ready && money.v !== null && ofMotors(found.motors, found.of)} value=${money} />
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

function FlowPanel({flow}) {
  const shown = useMemo(() => (flow && flow.parts.length ? flowOf(flow) : null), [flow]);
  const title = _("Where the power goes");
  if (!shown) return html`<${Panel} title=${title} note=${_("kW now")}><p class="soft">${(flow && flow.why && (flow.why.long || flow.why.text)) || _("No power is measured.")}</p><//>`;
  const sentence = flowSentence(shown);
  return html`<${Panel} title=${title} note=${_("kW now")}>
    <${ChartWithTable} caption=${title} head=${[_("Motor"), _("input"), _("shaft"), _("losses")]} rows=${flowRows(shown)} extra=${html`<p class="answer">${sentence}</p>`}>
      <${Measured}>${(width) => html`<${Flow} shown=${shown} width=${width} />`}<//>
    <//>
  <//>`;
}

function MonthPanel({month, plant}) {
  const found = month.data;
  if (!found || !found.days || !found.days.length) return html`<${Panel} title=${_("Saved per day")}><${NoMonth} month=${month} /><//>`;
  const unit = unitOf(found.days);
  const title = _("Saved per day, {month}", {month: found.name});
  const decimals = unit.divisor === 1 ? 0 : 2;
  const rows = found.days.map((day) => [String(day.day), day.saved_kwh === null ? UNKNOWN : fixed(day.saved_kwh / unit.divisor, decimals), day.u_kwh === null ? "" : `± ${fixed(day.u_kwh / unit.divisor, decimals)}`]);
  return html`<${Panel} title=${title} note=${unit.name}>
    <${ChartWithTable} caption=${title} head=${[_("day"), unit.name, "± U"]} rows=${rows} extra=${html`<p class="answer">${_("± is the 95 % uncertainty (k = 2)")}${gapText(found)}</p>`}>
      <${Measured} first=${430}>${(width) => html`<${DayBars} month=${found.month} days=${found.days} today=${todayIn(found.month, plant)} width=${width} label=${title} />`}<//>
    <//>
  <//>`;
}

function NoMonth({month}) {
  const why = month.data && month.data.why;
  if (month.error) return html`<p class="soft">${month.error.message}</p><button type="button" class="btn" onClick=${month.again}>${_("Try again")}</button>`;
  if (!month.data || month.data.state === "pending") return html`<p class="soft">${_("being calculated")}</p>`;
  return html`<p class="soft">${(why && (why.long || why.text)) || _("No data of this month yet.")}</p>`;
}

/** That the month begins later than on its first day. */
const gapText = (month) => (month.days[0].day > 1 ? ` · ${_("{month}: no data before day {day}", {month: month.name, day: month.days[0].day})}` : "");

/** Today's day of the month in the plant's zone; null: another month. */
function todayIn(month, plant) {
  const [year, number, today] = new Intl.DateTimeFormat("en-CA", {year: "numeric", month: "2-digit", day: "2-digit", timeZone: plant.time_zone}).format(new Date(plant.t)).split("-");
  return `${year}-${number}` === month ? Number(today) : null;
}

function NoMotor() {
  return html`<h1 class="hidden">${_("Plant")}</h1>
    <section class="panel empty">
      <h2>${_("No motor is configured")}</h2>
      <p class="soft">${_("Enter this command on the gateway. It finds the devices and writes the configuration:")}</p>
      <p><code>magwatt init</code></p>
    </section>`;
}
