// What is known about one alarm: what to do, why, what follows, evidence; and its priority, times and state.
import {html} from "../core/html.js";
import {UNKNOWN, age, clock, day, decimalsOf, fixed} from "../core/numbers.js";
import {stateOf} from "../core/plant.js";
import {_} from "../core/text.js";
import {priorityName} from "./badge.js";
import {Marked} from "./marked.js";

const DECIMALS_MAX = 3;

/** A time of day, with the day before today. */
export function since(time, zone, now_ms) {
  const today = day(now_ms, zone) === day(time, zone);
  return today ? clock(time, zone) : `${day(time, zone)}, ${clock(time, zone, false)}`;
}

/** When its condition began; of what the page derived: since when it stands. */
export const began = (finding) => (finding.alarm && finding.alarm.raised) || finding.since;

/** The state of an alarm in words. */
export function stateInWords(finding, zone, now_ms) {
  const {alarm} = finding;
  const names = {
    UNACK: () => _("not acknowledged"), ACKED: () => _("acknowledged"), RTNUN: () => _("returned, not acknowledged"), NORM: () => _("normal"), OOSRV: () => _("out of service"),
    DSUPR: () => (alarm.suppressed_by && !alarm.caused_by ? _("suppressed: {why}", {why: alarm.suppressed_by}) : _("suppressed")),
    SHLVD: () => (alarm.shelved_until ? _("shelved until {time}", {time: since(alarm.shelved_until, zone, now_ms)}) : _("shelved")),
  };
  return names[stateOf(finding)]();
}

/** Who acknowledged or shelved it, when and why; of a consequence its cause. */
export function note({alarm}, zone, now_ms) {
  if (!alarm) return "";
  if (alarm.state === "SHLVD") return [alarm.shelved_by, alarm.shelved_why].filter(Boolean).join(_(": "));
  if (alarm.state === "ACKED" && alarm.acked) return [alarm.acked_by, since(alarm.acked, zone, now_ms)].filter(Boolean).join(" ");
  return alarm.caused_by ? _("consequence of: {cause}", {cause: alarm.caused_by}) : "";
}

/** What to do, numbered if there are several steps. */
export function Advice({advice}) {
  if (!advice.length) return null;
  if (advice.length === 1) return html`<p class="do"><${Marked} text=${advice[0]} /></p>`;
  return html`<ol>${advice.map((step) => html`<li><${Marked} text=${step} /></li>`)}</ol>`;
}

/** Why, what follows if nothing is done, and the evidence. nameOf: of a motor's id. */
export function Grounds({finding, nameOf}) {
  const {alarm} = finding;
  const lines = [
    [_("Why"), finding.detail],
    [_("If nothing is done"), alarm && alarm.consequence],
    [_("Evidence"), alarm && evidence(alarm)],
    [_("Motors"), alarm && alarm.assets.map(nameOf).join(_(", "))],
    [_("Consequences"), alarm && alarm.consequences ? _("{n} alarms suppressed", {n: alarm.consequences}) : ""],
    [_("Data"), alarm && alarm.quality === "uncertain" ? _("There are no data; the state is the last known one.") : ""],
  ].filter(([, text]) => text);
  if (!lines.length) return null;
  return html`<dl>${lines.map(([name, text]) => html`<dt>${name}</dt><dd><${Marked} text=${text} /></dd>`)}</dl>`;
}

/** Priority, times and state. */
export function Times({finding, zone, now_ms}) {
  const {alarm, priority} = finding;
  const start = began(finding);
  const end = stateOf(finding) === "RTNUN" ? finding.since : null;
  const duration = start ? age(((end ? Date.parse(end) : now_ms) - Date.parse(start)) / 1000) : null;
  const respond = alarm ? responseTime(alarm.time_to_respond_min) : null;
  return html`<dl class="tm">
    <dt>${_("Priority")}</dt><dd class="first">${priorityName(priority)}</dd>
    ${duration && html`<dt>${_("Since")}</dt><dd>${since(start, zone, now_ms)}</dd>
      ${end && html`<dt>${_("Ended")}</dt><dd>${since(end, zone, now_ms)}</dd>`}
      <dt>${_("For")}</dt><dd class="for">${duration}</dd>`}
    ${respond && html`<dt>${_("Respond")}</dt><dd class="first">${respond}</dd>`}
    ${alarm && html`<dt>${_("State")}</dt><dd class="first">${stateInWords(finding, zone, now_ms)}</dd>`}
    ${alarm && alarm.count_24h > 1 ? html`<dt>${_("In 24 h")}</dt><dd>${_("{n} times", {n: alarm.count_24h})}</dd>` : null}
  </dl>`;
}

/** An index with U, unit and limit. value, u95, limit, unit: of the API. */
export function indexInWords({value, u95, limit, unit}) {
  if (value === null) return UNKNOWN;
  const decimals = u95 > 0 ? decimalsOf(u95, 0, DECIMALS_MAX) : decimalsOf(Math.abs(value), 0, DECIMALS_MAX);
  const number = u95 === null ? fixed(value, decimals) : `${fixed(value, decimals)} ± ${fixed(u95, decimals)}`;
  return [`${number} ${unit}`.trim(), limit === null ? "" : _("limit {limit}", {limit: `${fixed(limit, Math.max(decimals, 0))} ${unit}`.trim()})].filter(Boolean).join(_(", "));
}

export function confidenceName(confidence) {
  const names = {certain: _("certain"), likely: _("likely"), possible: _("possible")};
  return names[confidence] || "";
}

function evidence(alarm) {
  const found = alarm.value === null ? "" : indexInWords(alarm);
  return [found, confidenceName(alarm.confidence)].filter(Boolean).join(_(", "));
}

function responseTime(minutes) {
  if (minutes === null) return null;
  return minutes > 0 ? age(60 * minutes) : _("immediately");
}
