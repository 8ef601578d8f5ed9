// What needs me, and what happened last night?
import {html} from "../core/html.js";
import {useData} from "../core/data.js";
import {stateOf, verdictLine} from "../core/plant.js";
import {_} from "../core/text.js";
import {AlarmActions} from "../components/alarm_actions.js";
import {Advice, Grounds, Times, began, note, since, stateInWords} from "../components/alarm_facts.js";
import {Badge} from "../components/badge.js";
import {ErrorPanel} from "../components/error.js";
import {EventList, nightInWords} from "../components/event_list.js";
import {Marked, unmarked} from "../components/marked.js";

const AGAIN_S = 60;
const URGENT = ["safety", "high"];
const ALARMS = [...URGENT, "medium", "low"]; // the others, unknown and maintenance, are no alarms
const OPEN = ["UNACK", "RTNUN", "ACKED"];
const DAYS = 30;

export default function AlarmsView({plant, server_ms}) {
  const key = plant.motors.map((row) => `${row.id}:${row.priority}:${row.state.word}`).join(" ");
  const {data, error, again} = useData("/events", {days: DAYS}, {every_s: AGAIN_S, key});
  const names = new Map(plant.motors.map((row) => [row.id, row.name]));
  const nameOf = (motor) => names.get(motor) || motor || _("Gateway");
  const alarms = plant.findings.filter((finding) => ALARMS.includes(finding.priority));
  const open = alarms.filter((finding) => OPEN.includes(stateOf(finding)));
  const urgent = open.filter((finding) => URGENT.includes(finding.priority) && stateOf(finding) === "UNACK");
  const lesser = open.filter((finding) => !urgent.includes(finding));
  const quiet = alarms.filter((finding) => !open.includes(finding));
  const others = plant.findings.filter((finding) => !ALARMS.includes(finding.priority));
  const shared = {zone: plant.time_zone, now_ms: server_ms, nameOf};
  return html`<div class="mh"><h1>${verdictLine(plant.verdict)}</h1><span class="soft">${counts(plant.verdict, urgent, lesser)}</span>
      ${data && html`<a class="end soft night" href="#events">${_("Last night: {what}", {what: data.why ? data.why.text : nightInWords(data.events, nameOf, plant.time_zone, server_ms)})}</a>`}</div>
    ${error && data && html`<p class="contact"><${Marked} text=${error.message} /></p>`}
    ${urgent.map((finding) => html`<${Urgent} key=${keyOf(finding)} finding=${finding} ...${shared} />`)}
    ${lesser.length ? html`<${Others} label=${_("Other alarms")} findings=${lesser} ...${shared} />` : null}
    ${quiet.length ? html`<${Others} label=${_("Shelved, suppressed or out of service")} titled findings=${quiet} ...${shared} />` : null}
    ${others.length ? html`<${Others} label=${_("No alarm: unknown or in maintenance")} titled findings=${others} ...${shared} />` : null}
    ${data ? html`<${EventList} events=${data.events} why=${data.why} nameOf=${nameOf} days=${DAYS} motors=${plant.motors} ...${shared} />`
      : error ? html`<${ErrorPanel} error=${error} onRetry=${again} />` : html`<p class="soft mt">${_("Loading")}</p>`}`;
}

const keyOf = ({motor, code, text, alarm}) => `${motor} ${code} ${alarm ? alarm.part : text}`;

/** How many alarms of which state stand below those that need action. */
function counts({returned, acknowledged, shelved, suppressed}, urgent, lesser) {
  const waiting = lesser.filter((finding) => stateOf(finding) === "UNACK").length;
  return [
    urgent.length && waiting ? _("{n} of them medium or low", {n: waiting}) : "",
    returned ? _("{n} returned", {n: returned}) : "",
    acknowledged ? _("{n} acknowledged", {n: acknowledged}) : "",
    shelved ? _("{n} shelved", {n: shelved}) : "",
    suppressed ? _("{n} suppressed", {n: suppressed}) : "",
  ].filter(Boolean).join(" · ");
}

const MotorLink = ({motor}) => motor && html`<a class="btn" href=${`/m/${encodeURIComponent(motor)}`}>${_("Open the motor")}</a>`;

function Urgent({finding, zone, now_ms, nameOf}) {
  const {motor, name, priority, text} = finding;
  return html`<section class=${`panel al ${priority}`} aria-label=${unmarked(`${name}: ${text}`)}>
    <div class="b1"><${Badge} priority=${priority} size=${36} /></div>
    <div class="b2">
      <p class="w">${name}</p><h2><${Marked} text=${text} /></h2>
      <${Advice} advice=${finding.advice} />
      <${Grounds} finding=${finding} nameOf=${nameOf} />
    </div>
    <div class="b3">
      <${Times} finding=${finding} zone=${zone} now_ms=${now_ms} />
      <div class="b3-end">${finding.alarm && html`<${AlarmActions} finding=${finding} />`}<${MotorLink} motor=${motor} /></div>
    </div>
  </section>`;
}

/** titled: the label stands above them. */
function Others({label, titled, findings, ...shared}) {
  return html`${titled && html`<h2 class="group">${label}</h2>`}<div class="panel others" role="list" aria-label=${label}>
    ${findings.map((finding) => (finding.alarm ? html`<${Recorded} key=${keyOf(finding)} finding=${finding} ...${shared} />` : html`<${Derived} key=${keyOf(finding)} finding=${finding} ...${shared} />`))}
  </div>`;
}

/** An alarm of the agent: one line, which opens to what is known about it and to its buttons. */
function Recorded({finding, zone, now_ms, nameOf}) {
  const state = stateOf(finding);
  const more = note(finding, zone, now_ms);
  return html`<details class="rec" role="listitem">
    <summary class="it">
      <${Badge} priority=${finding.priority} acknowledged=${!["UNACK", "RTNUN"].includes(state)} />
      <div class="nm">${finding.name}</div>
      <div class="tx"><${Marked} text=${finding.text} /><span class="small"><span class="first">${stateInWords(finding, zone, now_ms)}</span>${more && html` · ${more}`}</span></div>
      <div class="si">${began(finding) ? since(began(finding), zone, now_ms) : ""}</div>
      <i class="go" aria-hidden="true">›</i>
    </summary>
    <div class="rec-more"><div><${Advice} advice=${finding.advice} /><${Grounds} finding=${finding} nameOf=${nameOf} /></div>
      <div class="rec-end"><${Times} finding=${finding} zone=${zone} now_ms=${now_ms} /><${AlarmActions} finding=${finding} /><${MotorLink} motor=${finding.motor} /></div></div>
  </details>`;
}

/** What the page derived: the line leads to the motor. */
function Derived({finding, zone, now_ms}) {
  const {motor, name, text, detail} = finding;
  return html`<div class="it" role="listitem">
    <${Badge} priority=${finding.priority} />
    <div class="nm">${motor ? html`<a class="stretched" href=${`/m/${encodeURIComponent(motor)}`}>${name}</a>` : name}</div>
    <div class="tx"><${Marked} text=${text} />${detail && html`<span class="small"><${Marked} text=${detail} /></span>`}<${Advice} advice=${finding.advice} /></div>
    <div class="si">${finding.since ? since(finding.since, zone, now_ms) : ""}</div>
    ${motor ? html`<i class="go" aria-hidden="true">›</i>` : html`<i></i>`}
  </div>`;
}
