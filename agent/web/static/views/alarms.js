// What needs me, and what happened last night?
import {html} from "../core/html.js";
import {useData} from "../core/data.js";
import {age, clock, day} from "../core/numbers.js";
import {verdictLine} from "../core/plant.js";
import {_} from "../core/text.js";
import {Badge, priorityName} from "../components/badge.js";
import {ErrorPanel} from "../components/error.js";
import {EventList, nightInWords} from "../components/event_list.js";
import {Marked, unmarked} from "../components/marked.js";

const AGAIN_S = 60;
const URGENT = ["safety", "high"];
const LESSER = ["medium", "low"]; // the others, unknown and maintenance, are no alarms
const DAYS = 30;

export default function AlarmsView({plant, server_ms}) {
  const key = plant.motors.map((row) => `${row.id}:${row.priority}:${row.state.word}`).join(" ");
  const {data, error, again} = useData("/events", {days: DAYS}, {every_s: AGAIN_S, key});
  const names = new Map(plant.motors.map((row) => [row.id, row.name]));
  const nameOf = (motor) => names.get(motor) || motor || _("Gateway");
  const of = (priorities) => plant.findings.filter((finding) => priorities.includes(finding.priority));
  const [urgent, lesser] = [of(URGENT), of(LESSER)];
  const others = plant.findings.filter((finding) => ![...URGENT, ...LESSER].includes(finding.priority));
  const shared = {zone: plant.time_zone, now_ms: server_ms};
  return html`<div class="mh"><h1>${verdictLine(plant.verdict)}</h1><span class="soft">${urgent.length && lesser.length ? _("{n} of them medium or low", {n: lesser.length}) : ""}</span>
      ${data && html`<a class="end soft night" href="#events">${_("Last night: {what}", {what: data.why ? data.why.text : nightInWords(data.events, nameOf, plant.time_zone, server_ms)})}</a>`}</div>
    ${error && data && html`<p class="contact"><${Marked} text=${error.message} /></p>`}
    ${urgent.map((finding, index) => html`<${Urgent} key=${keyOf(finding, index)} finding=${finding} ...${shared} />`)}
    ${lesser.length ? html`<${Others} label=${_("Other alarms")} findings=${lesser} ...${shared} />` : null}
    ${others.length ? html`<${Others} label=${_("No alarm: unknown or in maintenance")} titled findings=${others} ...${shared} />` : null}
    ${data ? html`<${EventList} events=${data.events} why=${data.why} nameOf=${nameOf} days=${DAYS} motors=${plant.motors} ...${shared} />`
      : error ? html`<${ErrorPanel} error=${error} onRetry=${again} />` : html`<p class="soft mt">${_("Loading")}</p>`}`;
}

const keyOf = (finding, index) => `${finding.motor} ${finding.code} ${index}`;

/** "since": the time of day, with the day before today. */
export function since(time, zone, now_ms) {
  const today = day(now_ms, zone) === day(time, zone);
  return today ? clock(time, zone) : `${day(time, zone)}, ${clock(time, zone, false)}`;
}

function Urgent({finding, zone, now_ms}) {
  const {motor, name, priority, text, detail} = finding;
  const duration = finding.since ? age((now_ms - Date.parse(finding.since)) / 1000) : null;
  return html`<section class=${`panel al ${priority}`} aria-label=${unmarked(`${name}: ${text}`)}>
    <div class="b1"><${Badge} priority=${priority} size=${36} /></div>
    <div class="b2">
      <p class="w">${name}</p><h2><${Marked} text=${text} /></h2>
      <${Advice} finding=${finding} />
      ${detail && html`<dl><dt>${_("Why")}</dt><dd><${Marked} text=${detail} /></dd></dl>`}
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
  if (!advice.length) return null;
  if (advice.length === 1) return html`<p class="do"><${Marked} text=${advice[0]} /></p>`;
  return html`<ol>${advice.map((step) => html`<li><${Marked} text=${step} /></li>`)}</ol>`;
}

function What({finding}) {
  const {text, detail} = finding;
  return html`<div class="tx"><${Marked} text=${text} />${detail && html`<span class="small"><${Marked} text=${detail} /></span>`}<${Advice} finding=${finding} /></div>`;
}

/** titled: the label stands above them. */
function Others({label, titled, findings, zone, now_ms}) {
  return html`${titled && html`<h2 class="group">${label}</h2>`}<div class="panel others" role="list" aria-label=${label}>
    ${findings.map((finding, index) => html`<div class="it" role="listitem" key=${keyOf(finding, index)}>
      <${Badge} priority=${finding.priority} />
      <div class="nm">${finding.motor ? html`<a class="stretched" href=${`/m/${encodeURIComponent(finding.motor)}`}>${finding.name}</a>` : finding.name}</div>
      <${What} finding=${finding} />
      <div class="si">${finding.since ? since(finding.since, zone, now_ms) : ""}</div>
      ${finding.motor ? html`<i class="go" aria-hidden="true">›</i>` : html`<i></i>`}
    </div>`)}
  </div>`;
}
