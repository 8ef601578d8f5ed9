// What needs me, and what happened last night?
import {html} from "../core/html.js";
import {useData} from "../core/data.js";
import {age, clock, day} from "../core/numbers.js";
import {troubleOf, verdictLine} from "../core/plant.js";
import {_} from "../core/text.js";
import {Badge, priorityName} from "../components/badge.js";
import {ErrorPanel} from "../components/error.js";
import {EventList, nightInWords} from "../components/event_list.js";

const AGAIN_S = 60;
const URGENT = ["safety", "high"];
const DAYS = 30;

export default function AlarmsView({plant, server_ms}) {
  const key = plant.motors.map((row) => `${row.id}:${row.priority}:${row.state.word}`).join(" ");
  const {data, error, again} = useData("/events", {days: DAYS}, {every_s: AGAIN_S, key});
  const names = new Map(plant.motors.map((row) => [row.id, row.name]));
  const nameOf = (motor) => names.get(motor) || motor || _("Gateway");
  if (!data) return html`<h1>${_("Alarms")}</h1>${error ? html`<${ErrorPanel} error=${error} onRetry=${again} />` : html`<p class="soft mt">${_("Loading")}</p>`}`;
  const urgent = data.findings.filter((finding) => URGENT.includes(finding.priority));
  const others = data.findings.filter((finding) => !URGENT.includes(finding.priority));
  const shared = {zone: plant.time_zone, now_ms: server_ms};
  return html`<div class="mh"><h1>${verdictLine(plant.verdict)}</h1><span class="soft">${restOf(urgent, others)}</span><a class="end soft night" href="#events">${_("Last night: {what}", {what: data.why ? data.why.text : nightInWords(data.events, plant.time_zone, server_ms)})}</a></div>
    ${error && html`<p class="contact">${error.message}</p>`}
    ${urgent.map((finding) => html`<${Urgent} key=${keyOf(finding)} finding=${finding} ...${shared} />`)}
    ${others.length ? html`<${Others} findings=${others} ...${shared} />` : null}
    <${EventList} events=${data.events} why=${data.why} nameOf=${nameOf} days=${DAYS} motors=${plant.motors} ...${shared} />`;
}

const keyOf = (finding) => `${finding.motor} ${finding.code} ${finding.detail}`;

const restOf = (urgent, others) => (urgent.length && others.length ? _("{n} more below", {n: others.length}) : "");

/** "since": the time of day, with the day before today. */
export function since(time, zone, now_ms) {
  const today = day(now_ms, zone) === day(time, zone);
  return today ? clock(time, zone) : `${day(time, zone)}, ${clock(time, zone, false)}`;
}

function Urgent({finding, zone, now_ms}) {
  const {motor, name, priority, text, detail} = finding;
  const duration = finding.since ? age((now_ms - Date.parse(finding.since)) / 1000) : null;
  return html`<section class=${`panel al ${priority}`} aria-label=${`${name}: ${text}`}>
    <div class="b1"><${Badge} priority=${priority} size=${36} /></div>
    <div class="b2">
      <p class="w">${name}</p><h2>${text}</h2>
      <${Advice} finding=${finding} />
      ${detail && html`<dl><dt>${_("Why")}</dt><dd>${detail}</dd></dl>`}
    </div>
    <div class="b3">
      <dl class="tm">
        <dt>${_("Priority")}</dt><dd class="first">${priorityName(priority)}</dd>
        ${duration && html`<dt>${_("Since")}</dt><dd>${since(finding.since, zone, now_ms)}</dd><dt>${_("For")}</dt><dd class="for">${duration}</dd>`}
      </dl>
      ${motor && html`<a class="btn" href=${`/m/${encodeURIComponent(motor)}`}>${_("Open the motor")}</a>`}
    </div>
  </section>`;
}

/** What to do, numbered if there are several steps. */
function Advice({finding: {advice}}) {
  const steps = [].concat(advice || []);
  if (!steps.length) return null;
  if (steps.length === 1) return html`<p class="do">${steps[0]}</p>`;
  return html`<ol>${steps.map((step) => html`<li>${step}</li>`)}</ol>`;
}

function What({finding}) {
  const {title, detail} = troubleOf(finding.code, finding.text, finding.detail);
  return html`<div class="tx">${title}${detail && html`<span class="small">${detail}</span>`}<${Advice} finding=${finding} /></div>`;
}

function Others({findings, zone, now_ms}) {
  return html`<div class="panel others" role="list" aria-label=${_("Other alarms")}>
    ${findings.map((finding) => html`<div class="it" role="listitem" key=${keyOf(finding)}>
      <${Badge} priority=${finding.priority} />
      <div class="nm">${finding.motor ? html`<a class="stretched" href=${`/m/${encodeURIComponent(finding.motor)}`}>${finding.name}</a>` : finding.name}</div>
      <${What} finding=${finding} />
      <div class="si">${finding.since ? since(finding.since, zone, now_ms) : ""}</div>
      ${finding.motor ? html`<i class="go" aria-hidden="true">›</i>` : html`<i></i>`}
    </div>`)}
  </div>`;
}
