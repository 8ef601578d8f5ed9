// Events of 30 days in the plane of duration and voltage, and the waveform of the last one or of a chosen one.
import {html, useEffect, useRef, useState} from "../core/html.js";
import {get} from "../core/api.js";
import {dayAndTime, fixed} from "../core/numbers.js";
import {_} from "../core/text.js";
import {EventPlane, durationText, outcomeText, placed} from "../charts/event_plane.js";
import {Waveform} from "../charts/waveform.js";
import {ChartWithTable} from "./chart_table.js";
import {Fit} from "./fit.js";
import {Marked} from "./marked.js";
import {Panel} from "./panel.js";
import {Segmented} from "./segmented.js";

const ABSENT = {}; // a waveform that is not there any more

export function EventsPanel({events, zone, has_device}) {
  const {list, curve} = events;
  const none = has_device ? _("none") : _("not measured");
  const count = list.length ? _("{n}; {below} below the curve", {n: list.length, below: events.below}) : none;
  const head = [_("time"), _("event"), _("voltage"), _("duration"), _("phases"), _("motor")];
  const rows = [...list].reverse().map((event) => [
    dayAndTime(event.start_ms, zone), event.text, event.pct === null ? "—" : `${fixed(event.pct, 1)} %`,
    event.duration_s === null ? "—" : durationText(event.duration_s), event.phases.map((phase) => `L${phase}`).join(" ") || "—", outcomeText(event) || "—",
  ]);
  return html`<${Panel} title=${_("Events of 30 days")} note=${count}>
    <${ChartWithTable} caption=${_("Events of 30 days")} head=${head} rows=${rows} extra=${html`<${Legend} list=${list} />`}>
      <${Fit}>${(width) => html`<${EventPlane} events=${list} last=${events.last_ms} worst=${events.worst_ms} curve=${curve} none=${none} zone=${zone} width=${width} />`}<//>
    <//>
    ${events.why && html`<p class="chart-note"><${Marked} text=${_("Events before this page was started are not known: {why}", {why: events.why})} /></p>`}
    <p class="chart-note">${curve.title}${_(": ")}${curve.source_text}</p>
  <//>`;
}

/** Only the marks that are in the plane. */
function Legend({list}) {
  const outcomes = new Set(placed(list).map((event) => event.outcome));
  const marks = [["ran", "ring", _("motor ran on")], ["stopped", "cross", _("motor stopped")], [null, "ring unknown", _("effect not known")]].filter(([outcome]) => outcomes.has(outcome));
  if (!marks.length) return null;
  return html`<span class="small legend">${marks.map(([, mark, text]) => html`<span><svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">${mark === "cross" ? html`<path d="M2 2l12 12m0-12l-12 12" class="mark-cross" />` : html`<circle cx="8" cy="8" r="5" class=${`mark-${mark}`} />`}</svg>${text}</span>`)}
    <span><svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="6" class="mark-last" /></svg>${_("the last one")}</span></span>`;
}

/** chosen: the time that names an event; null: the last one. */
export function EventPanel({id, events, chosen, zone}) {
  const place = useRef(null);
  useEffect(() => void (chosen && place.current.scrollIntoView({block: "center"})), [chosen]);
  return html`<div class="event-panel" ref=${place}><${Shown} id=${id} events=${events} chosen=${chosen} zone=${zone} /></div>`;
}

function Shown({id, events, chosen, zone}) {
  const event = events.list.find((one) => one.t_ms === (chosen === null ? events.last_ms : chosen)) || null;
  const [waveform, setWaveform] = useState(null);
  const [kind, setKind] = useState("u");
  const t_ms = event && event.has_waveform ? event.t_ms : null;
  useEffect(() => {
    setWaveform(null);
    if (t_ms === null) return undefined;
    const ending = new AbortController();
    get(`/motors/${encodeURIComponent(id)}/power-quality/events/${t_ms}`, {}, ending.signal).then(setWaveform, () => ending.signal.aborted || setWaveform(ABSENT));
    return () => ending.abort();
  }, [id, t_ms]);
  const back = chosen !== null && chosen !== events.last_ms && html`<a class="under" href=${`/m/${encodeURIComponent(id)}/pq`}>${_("Show the last event")}</a>`;
  if (!event) return html`<${Panel} title=${chosen === null ? _("Last event") : _("Chosen event")} end=${back}><p class="soft">${chosen === null ? _("No event in 30 days.") : _("This event is not among those of the last 30 days.")}</p><//>`;
  const title = chosen !== null && event.t_ms !== events.last_ms ? _("Chosen event: {event}", {event: event.text}) : _("Last event: {event}", {event: event.text});
  if (!waveform || waveform === ABSENT) return html`<${Panel} title=${title} note=${dayAndTime(event.start_ms, zone)} end=${back}><p class="soft">${t_ms === null || waveform ? _("Its waveform is not stored.") : _("Loading")}</p><//>`;
  const choices = [["u", _("voltage")], ["i", _("current")]];
  const table = rmsTable(waveform);
  return html`<${Panel} title=${title} note=${dayAndTime(event.start_ms, zone)} end=${back}>
    <${ChartWithTable} caption=${_("One-cycle rms, % of the declared voltage")} head=${table.head} rows=${table.rows} extra=${html`<${Segmented} choices=${choices} chosen=${kind} onChoose=${setKind} label=${_("Waveform")} />`}>
      <${Fit}>${(width) => html`<${Waveform} waveform=${waveform} kind=${kind} width=${width} />`}<//>
      <p class="chart-note">${beyond(waveform)}${kind === "u" ? (event.kind === "swell" ? _("Axis: ms after the start; at the right the highest one-cycle rms.") : _("Axis: ms after the start; at the right the lowest one-cycle rms.")) : _("Axis: ms after the start; at the right the peak value.")}</p>
    <//>
  <//>`;
}

/** Says when the event ended, if that is not in the picture. */
function beyond(waveform) {
  const last_ms = waveform.start_ms + (1000 * Math.max(...waveform.u_v.map((samples) => samples.length))) / waveform.rate_hz;
  return waveform.end_ms > last_ms ? `${_("The event lasted {ms} ms.", {ms: fixed(waveform.end_ms - waveform.begin_ms, 0)})} ` : "";
}

function rmsTable(waveform) {
  const {rms} = waveform;
  const count = Math.max(...rms.u_pct.map((values) => values.length));
  const rows = Array.from({length: count}, (_unused, k) => [fixed(rms.first_ms + k * rms.step_ms - waveform.begin_ms, 0), ...rms.u_pct.map((values) => fixed(values[k], 1))]);
  return {head: [_("ms after the start"), "U1 %", "U2 %", "U3 %"], rows};
}
