// Events by day, last night first, with filters.
import {html, useMemo, useState} from "../core/html.js";
import {age, clock, day} from "../core/numbers.js";
import {_} from "../core/text.js";
import {Marked} from "./marked.js";
import {Segmented} from "./segmented.js";

const POWER_QUALITY = ["dip", "swell", "interruption", "rapid_change", "inrush"];
const SILENT = ["offline", "stale"]; // both say that there was no reply
const NIGHT_FROM_H = 22;
const NIGHT_TO_H = 6;
const MINUTE_MS = 60000;
const HOUR_MS = 60 * MINUTE_MS;
const MOTORS_NAMED = 3;
const AT_ONCE = 60; // rows shown before "show all"

/** events: of the API, newest first; why: they are not known; days: how far back they reach; nameOf: of a motor's id; now_ms: of the server. */
export function EventList({events, why, days, motors, nameOf, zone, now_ms}) {
  const [motor, setMotor] = useState("");
  const [kind, setKind] = useState("");
  const [span, setSpan] = useState(7);
  const [all, setAll] = useState(false);
  const hour = Math.floor(now_ms / HOUR_MS);
  const kinds = useMemo(() => [...new Set(events.map((event) => kindName(event.kind)))].sort(), [events]);
  const shown = useMemo(
    () => events.filter((event) => (!motor || event.motor === motor) && (!kind || kindName(event.kind) === kind) && now_ms - Date.parse(event.t) <= span * 24 * HOUR_MS),
    [events, motor, kind, span, hour],
  );
  const {night, groups} = useMemo(() => byDay(shown, zone, now_ms), [shown, zone, hour]);
  const spans = [[1, _("1 d")], [7, _("7 d")], [30, _("30 d")]].filter(([count]) => count <= days);
  if (why) return html`<section class="panel mt" id="events"><div class="head"><h2>${_("Events")}</h2></div><div class="body"><p class="soft"><${Marked} text=${why.long || why.text} /></p></div></section>`;
  let left = all ? Infinity : AT_ONCE;
  return html`<section class="panel mt events" id="events">
    <div class="head"><h2>${_("Events")}</h2></div>
    <div class="filters">
      <label><span>${_("Motor")}</span><select value=${motor} onChange=${(event) => setMotor(event.target.value)}><option value="">${_("all")}</option>${motors.map((row) => html`<option value=${row.id}>${row.name}</option>`)}</select></label>
      <label><span>${_("Kind")}</span><select value=${kind} onChange=${(event) => setKind(event.target.value)}><option value="">${_("all")}</option>${kinds.map((name) => html`<option value=${name}>${name}</option>`)}</select></label>
      <${Segmented} choices=${spans} chosen=${span} onChoose=${setSpan} label=${_("Days")} />
    </div>
    <${Group} title=${_("Last night")} note=${`${day(night.from_ms, zone)} ${clock(night.from_ms, zone, false)} – ${day(night.to_ms, zone)} ${clock(night.to_ms, zone, false)}`} answer=${summary(night.events, nameOf)} events=${night.events} nameOf=${nameOf} zone=${zone} />
    ${groups.map((group) => {
      if (left <= 0) return null;
      const part = group.events.slice(0, left);
      left -= part.length;
      return html`<${Group} key=${group.title} title=${group.title} answer=${summary(group.events, nameOf)} events=${part} nameOf=${nameOf} zone=${zone} />`;
    })}
    ${left <= 0 && html`<p class="more"><button type="button" class="btn" onClick=${() => setAll(true)}>${_("Show all {n} events", {n: shown.length})}</button></p>`}
    ${!shown.length && html`<p class="more soft">${_("No event in {n} days", {n: span})}</p>`}
  </section>`;
}

function Group({title, note, answer, events, nameOf, zone}) {
  return html`<div class="day"><h3>${title}</h3>${note && html`<span class="small">${note}</span>`}<b class="sum">${answer}</b></div>
    ${events.length ? html`<ul class="ev">${events.map((event) => html`<${Event} event=${event} nameOf=${nameOf} zone=${zone} />`)}</ul>` : null}`;
}

function Event({event, nameOf, zone}) {
  const quality = POWER_QUALITY.includes(event.kind);
  const view = event.has_waveform ? `/pq?event=${event.t_ms}` : quality ? "/pq" : "";
  const target = event.motor && `/m/${encodeURIComponent(event.motor)}${view}`;
  const text = SILENT.includes(event.kind) && event.duration_s !== null ? event.text + _(", ") + seconds(event.duration_s) : event.text;
  const from = Date.parse(event.t);
  const when = event.open ? _("since {time}", {time: clock(from, zone, false)})
    : event.duration_s >= 60 ? `${clock(from, zone, false)}–${clock(from + event.duration_s * 1000, zone, false)}`
    : clock(from, zone);
  return html`<li class="it">
    <span class="when">${when}</span>
    <b class="nm">${nameOf(event.motor)}</b>
    <span class="tx"><${Marked} text=${text} />${event.detail && html`<span class="small"><${Marked} text=${event.detail} /></span>`}</span>
    ${target ? html`<a class="to stretched" href=${target}>${event.has_waveform ? _("Waveform") : quality ? _("Power quality") : _("Motor")}<i aria-hidden="true">›</i></a>` : html`<span class="to"></span>`}
  </li>`;
}

/** {night: {from_ms, to_ms, events}, groups: [{title, events}]}: the last night, then the days, newest first. */
function byDay(events, zone, now_ms) {
  const night = lastNight(zone, now_ms);
  const groups = new Map();
  const today = day(now_ms, zone, true);
  const yesterday = day(now_ms - 24 * HOUR_MS, zone, true);
  const inNight = [];
  for (const event of events) {
    const time = Date.parse(event.t);
    if (time >= night.from_ms && time < night.to_ms) {
      inNight.push(event);
      continue;
    }
    const date = day(time, zone, true);
    const title = date === today ? _("Today") : date === yesterday ? _("Yesterday") : date;
    groups.set(title, [...(groups.get(title) || []), event]);
  }
  return {night: {...night, events: inNight}, groups: [...groups].map(([title, found]) => ({title, events: found}))};
}

/** What happened in the last night, in words. */
export const nightInWords = (events, nameOf, zone, now_ms) => summary(byDay(events, zone, now_ms).night.events, nameOf);

/** From 22:00 of yesterday to 06:00 of today by the plant's clock, or to now. An hour off after a change of the clock. */
function lastNight(zone, now_ms) {
  const [hour, minute] = clock(now_ms, zone, false).split(":").map(Number);
  const midnight_ms = Math.floor(now_ms / MINUTE_MS) * MINUTE_MS - (hour * 60 + minute) * MINUTE_MS;
  return {from_ms: midnight_ms - (24 - NIGHT_FROM_H) * HOUR_MS, to_ms: Math.min(midnight_ms + NIGHT_TO_H * HOUR_MS, now_ms + 1)};
}

/** How many of which kind, in words. */
function summary(events, nameOf) {
  if (!events.length) return _("nothing happened");
  const counts = new Map();
  for (const event of events) if (!SILENT.includes(event.kind) && !isFollowUp(event)) counts.set(event.kind, (counts.get(event.kind) || 0) + 1);
  const rank = (kind) => (POWER_QUALITY.includes(kind) ? POWER_QUALITY.indexOf(kind) : POWER_QUALITY.length);
  const known = [...counts].sort(([one], [other]) => rank(one) - rank(other));
  const deepest = events.filter((event) => event.kind === "dip" && event.pct !== null).sort((one, other) => one.pct - other.pct)[0];
  const listed = known.flatMap(([kind, n]) => [
    _("{kind}: {n}", {kind: kindName(kind), n}),
    ...(kind === "dip" && deepest ? [_("deepest dip {pct} %, {time}", {pct: deepest.pct.toFixed(0), time: seconds(deepest.duration_s)})] : []),
  ]);
  return [...listed, ...silences(events, nameOf)].join(" · ") || _("no new alarm");
}

/** Whether it is a later change of an alarm, such as its end: an alarm counts once, when it is announced. */
const isFollowUp = (event) => event.kind === "alarm" && event.priority === "normal";

/** Which motors did not reply, and for how long; of many only how many, and the longest time. */
function silences(events, nameOf) {
  const times = new Map();
  for (const event of events.filter(({kind}) => SILENT.includes(kind))) times.set(event.motor, [...(times.get(event.motor) || []), event.duration_s]);
  const sum = (durations) => (durations.includes(null) ? null : durations.reduce((one, other) => one + other, 0));
  if (times.size > MOTORS_NAMED) {
    const known = [...times.values()].map(sum).filter((duration_s) => duration_s !== null);
    return [_("no reply of {n} motors, up to {time}", {n: times.size, time: seconds(known.length ? Math.max(...known) : null)})];
  }
  return [...times].map(([motor, durations]) => {
    const found = {motor: nameOf(motor), n: durations.length, time: seconds(sum(durations))};
    if (durations.includes(null)) return _("no reply of {motor} until now", found);
    return durations.length === 1 ? _("no reply of {motor}, {time}", found) : _("no reply of {motor}, {n} times, {time} in all", found);
  });
}

const MINUTE_S = 60;

/** A duration, rounded to the minute above 100 s. */
const seconds = (duration_s) => (duration_s === null ? "—" : duration_s < 10 ? _("{n} s", {n: duration_s.toFixed(duration_s < 1 ? 2 : 0)}).replace(" ", "\u00a0") : age(duration_s < 100 ? duration_s : MINUTE_S * Math.round(duration_s / MINUTE_S)));

/** The name of a kind of event. */
export function kindName(kind) {
  const names = {
    dip: _("dip"), swell: _("swell"), interruption: _("interruption"), rapid_change: _("rapid voltage change"), inrush: _("inrush"),
    maintenance: _("maintenance"), data_gap: _("data gap"), clock_step: _("clock step"), config_changed: _("configuration changed"),
    config_rejected: _("configuration rejected"), bus_stopped: _("bus stopped"), meter_wiring: _("wiring fault"), meter_wiring_ok: _("wiring corrected"),
    meter_replaced: _("meter replaced"), meter_register_reset: _("meter register reset"), meter_register_jump: _("meter register jump"),
    ct_ratio_changed: _("transformer ratio changed"), offline: _("no reply"), stale: _("no reply"), agent_stopped: _("agent stopped"),
    state_file_corrupt: _("state file"), state_file_missing: _("state file"), state_file_unwritable: _("state file"),
    client_id_conflict: _("client identifier used twice"), certificate_expiring: _("certificate expires"), alarm: _("alarm"),
  };
  return names[kind] || (kind.startsWith("nre_") ? _("non-routine event") : kind.replaceAll("_", " "));
}
