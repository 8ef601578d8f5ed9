// Power, old plant and efficiency of a motor over an hour, a day, a week or a month.
import {html, useEffect, useMemo, useRef, useState} from "../core/html.js";
import {get} from "../core/api.js";
import {UNKNOWN, clock, day, dayAndTime, fixed} from "../core/numbers.js";
import {_} from "../core/text.js";
import {Table} from "./chart_table.js";
import {Marked} from "./marked.js";
import {Segmented} from "./segmented.js";
import {Why, parts} from "./value.js";
import {Timeline} from "../charts/timeline.js";

const SPANS = {hour: {s: 3600, every_s: 30}, day: {s: 86400, every_s: 60}, week: {s: 604800, every_s: 600}, month: {s: 2592000, every_s: 1800}};
const POINTS = 900; // about as many as a chart has px
const ROWS = 96;
const RECENT_S = 300; // the history lacks the last one or two minutes; the present value stands at its end
const POWER_HEIGHT = 190;
const LABEL_PX = 46; // height of a name with its value, for a root of 16 px
const EFFICIENCY_HEIGHT = 104;

/** ahead_ms: of the server's clock, by which the values are stored. */
export function MotorHistory({motor, plant, shown, ahead_ms}) {
  const [span, setSpan] = useState("day");
  const [table, setTable] = useState(false);
  const {found, error} = useHistory(motor, SPANS[span], table ? ROWS : POINTS, ahead_ms);
  const names = {hour: _("1 h"), day: _("24 h"), week: _("7 d"), month: _("Month")};
  const titles = {hour: _("One hour"), day: _("24 hours"), week: _("7 days"), month: _("30 days")};
  return html`<section class="panel mt history">
    <div class="head"><h2>${titles[span]}</h2><${Saved} found=${found} />
      <span class="end"><${Segmented} label=${_("Time span")} chosen=${span} onChoose=${setSpan} choices=${Object.entries(names)} />
        <button type="button" class="btn" aria-pressed=${table} onClick=${() => setTable(!table)}>${table ? _("Chart") : _("Table")}</button></span>
    </div>
    <div class="body">${error && !found ? html`<p class="soft"><${Marked} text=${_("The history cannot be shown: {reason}", {reason: error.message})} /></p>`
      : !found ? html`<p class="soft tl-wait">${_("Loading")}</p>`
      : found.power.why && !found.power.t_ms.length ? html`<p class="soft"><${Marked} text=${found.power.why.long || found.power.why.text} /></p>`
      : !found.power.t_ms.length && !found.efficiency.t_ms.length ? html`<p class="soft">${_("No value is stored for this time.")}</p>`
      : table ? html`<${HistoryTable} found=${found} zone=${plant.time_zone} title=${titles[span]} />`
      : html`<${HistoryChart} found=${found} motor=${motor} plant=${plant} shown=${shown} title=${titles[span]} />`}</div>
  </section>`;
}

/** What the area between the lines is worth. */
function Saved({found}) {
  if (!found || !found.old) return null;
  const {saved_kwh: saved} = found.old;
  if (saved.v === null) return html`<span class="note">${saved.why && html`<${Why} why=${saved.why} />`}</span>`;
  const value = fixed(saved.v, Math.abs(saved.v) < 10 ? 1 : 0);
  return html`<span class="note"><i class="tl-area" aria-hidden="true"></i>${_("difference: {value} kWh; its uncertainty is in", {value})} <a class="under" href="/savings">${_("Savings")}</a></span>`;
}

/** The series of a time span up to now, read again now and then; the old ones of the same span stay meanwhile. */
function useHistory(motor, {s: span_s, every_s}, points, ahead_ms) {
  const ahead = useRef(ahead_ms);
  ahead.current = ahead_ms;
  const [state, setState] = useState({found: null, error: null});
  const {power, efficiency} = motor.history;
  useEffect(() => {
    const aborting = new AbortController();
    setState({found: null, error: null});
    const load = () => {
      const to = Math.round(Date.now() + ahead.current);
      return read(motor.id, power, efficiency, {from: to - span_s * 1000, to, points}, aborting.signal).then(
        (found) => setState({found, error: null}),
        (error) => error.name === "AbortError" || setState((old) => ({...old, error})),
      );
    };
    load();
    const repeating = setInterval(load, every_s * 1000);
    return () => {
      aborting.abort();
      clearInterval(repeating);
    };
  }, [motor.id, power, efficiency, span_s, points]);
  return state;
}

async function read(id, power, efficiency, query, signal) {
  const path = `/motors/${encodeURIComponent(id)}`;
  const [of_power, of_efficiency, old] = await Promise.all([
    get(`${path}/history`, {...query, metric: power}, signal), get(`${path}/history`, {...query, metric: efficiency}, signal),
    get(`${path}/old-plant`, {from: query.from, to: query.to}, signal).catch((error) => (error.name === "AbortError" ? Promise.reject(error) : null)),
  ]);
  return {from_ms: query.from, to_ms: query.to, power: of_power, efficiency: of_efficiency, old};
}

function HistoryChart({found, motor, plant, shown, title}) {
  const [at_s, setMoment] = useState(null); // of the cursor
  const scale = motor.history.power_scale;
  const now = shown.lost || shown.stale ? null : {t_ms: Date.parse(motor.t), power: motor.power_w.v, efficiency: motor.efficiencies.system_efficiency_pct.v};
  const u_pct = uncertaintyNow(motor);
  const chart = useMemo(() => chartOf(found, scale, now, u_pct), [found, scale]);
  const at = nearest(chart.t_s, at_s);
  const zone = plant.time_zone;
  const gaps = useMemo(() => chart.gaps.map((gap) => ({...gap, text: `${gap.why.text} ${duration(gap, chart.to_s - chart.from_s, zone)}`})), [chart, zone]);
  return html`<${Timeline} ...${chart} gaps=${gaps} zone=${zone} at=${at} onMove=${(index) => setMoment(index === null ? null : chart.t_s[index])} label=${_("{title}: power and efficiency over time. The table has the values.", {title})}>
      ${(ends) => html`<${Ends} ends=${ends} motor=${motor} shown=${shown} chart=${chart} zone=${zone} />`}
    <//>
    <p class="small tl-read"><span role="status">${at === null ? _("Arrow keys or a tap show the values of a moment.") : readout(chart, at, zone)}</span>
      ${u_pct !== null && html`<span><i class="tl-band" aria-hidden="true"></i>${_("± {u} %: uncertainty of the efficiency as it is now, k = 2", {u: fixed(u_pct, 1)})}</span>`}</p>`;
}

/** U of the efficiency of drive and motor, points of %: of now, or as last explained; null: not known. The history has none. */
function uncertaintyNow(motor) {
  const {u} = motor.efficiencies[motor.history.efficiency] || {u: null};
  const budget = motor.budgets.find((item) => item.of === "system") || motor.budgets[0];
  return u ?? (budget ? budget.root_pct : null);
}

/** When a gap was: times of the day, or days in a chart of more than a day. */
function duration({from_s, to_s}, span_s, zone) {
  const name = (moment_s) => (span_s > 1.1 * SPANS.day.s ? day(moment_s * 1000, zone) : clock(moment_s * 1000, zone, false));
  const [from, to] = [name(from_s), name(to_s)];
  return from === to ? from : `${from}–${to}`;
}

/** Index of the time that is nearest to a moment; null: there is none in the chart. */
function nearest(t_s, at_s) {
  if (at_s === null || !t_s.length || at_s < t_s[0] || at_s > t_s[t_s.length - 1]) return null;
  const after = t_s.findIndex((moment) => moment >= at_s);
  return after > 0 && at_s - t_s[after - 1] < t_s[after] - at_s ? after - 1 : after;
}

/** Common times and columns of the two plots. now: the present values; null: there are none. u_pct: half width of the
 * band around the efficiency, which is not narrower than lowest and highest value; null: unknown. */
function chartOf({from_ms, to_ms, power, efficiency, old}, scale, now, u_pct) {
  const step_ms = 1000 * Math.max(power.step_s, efficiency.step_s);
  const of_power = indexOf(power);
  const of_efficiency = indexOf(efficiency);
  const starts = [...new Set([...of_power.keys(), ...of_efficiency.keys()])].sort((one, other) => one - other);
  const moments = [];
  starts.forEach((start, index) => {
    if (index && start - starts[index - 1] > 1.6 * step_ms) moments.push(starts[index - 1] + step_ms);
    moments.push(start);
  });
  const old_of = oldPlant(old);
  const kw = (watts) => (watts === undefined || watts === null ? null : watts / 1000);
  const pick = (series, index, name) => (index === undefined ? null : series[name][index]);
  const t_s = moments.map((start) => (start + step_ms / 2) / 1000);
  const measured = moments.map((start) => (of_power.has(start) ? (scale * pick(power, of_power.get(start), "mean")) / 1000 : null));
  const before = moments.map((start) => kw(old_of(start)));
  const of = (name) => moments.map((start) => pick(efficiency, of_efficiency.get(start), name));
  const [mean, u] = [of("mean"), of("u")];
  const [low, high] = [["min", -1], ["max", 1]].map(([name, sign]) => of(name).map((value, index) => (u[index] === null ? value : mean[index] + sign * u[index])));
  const last_ms = moments.length ? moments[moments.length - 1] + step_ms : 0;
  if (now && now.t_ms > last_ms && now.t_ms - last_ms < Math.max(1000 * RECENT_S, step_ms)) {
    t_s.push(now.t_ms / 1000);
    measured.push(kw(now.power));
    before.push(null);
    mean.push(now.efficiency);
    low.push(null);
    high.push(null);
  }
  const edge = (values, choose, step) => values.map((value, index) => {
    const known = [value, mean[index] === null || u_pct === null ? null : mean[index] + step].filter((pct) => pct !== null && pct !== undefined);
    return known.length ? choose(...known) : null;
  });
  const band = [edge(low, Math.min, -u_pct), edge(high, Math.max, u_pct)];
  return {
    t_s, from_s: from_ms / 1000, to_s: to_ms / 1000, range: [low, high],
    gaps: power.gaps.map((gap) => ({from_s: gap.from_ms / 1000, to_s: gap.to_ms / 1000, why: gap.why})),
    plots: [
      {key: "power", unit: "kW", height: POWER_HEIGHT, zero: true, named: true, columns: [before, measured], bands: [[1, 2, "accent-soft"]],
        lines: [{stroke: "soft", width: 1.5, dash: [6, 3]}, {stroke: "accent", width: 2.2}]},
      {key: "efficiency", unit: "%", height: EFFICIENCY_HEIGHT, zero: false, named: false, columns: [...band, mean], bands: [[2, 1, "fill2"]],
        lines: [{}, {}, {stroke: "ink", width: 1.8}]},
    ],
  };
}

const indexOf = (series) => new Map(series.t_ms.map((start, index) => [start, index]));

/** Power of the old plant at a time, W; null: not compared. */
function oldPlant(old) {
  if (!old || !old.t_ms.length) return () => null;
  const step_ms = 1000 * old.step_s;
  const known = new Map(old.t_ms.map((start, index) => [start, old.old_w[index]]));
  return (t_ms) => known.get(Math.floor(t_ms / step_ms) * step_ms) ?? null;
}

/** Names and present values at the right end of the lines; of the old plant the last one that is known, with its time. */
function Ends({ends, motor, shown, chart, zone}) {
  const [old = null, measured = null] = ends.power || [];
  const [, , efficiency = null] = ends.efficiency || [];
  const room = LABEL_PX * (parseFloat(getComputedStyle(document.documentElement).fontSize) / 16);
  const [at_old, at_measured] = apart(old, measured, room);
  const before = chart.plots[0].columns[0];
  const last = before.findLastIndex((value) => value !== null);
  return html`<div class="tl-ends">
    ${last >= 0 && html`<${End} name=${_("old plant, same work")} value=${{v: before[last], u: null}} decimals=${1} unit=${`kW, ${moment(chart.t_s[last], chart, zone)}`} y=${at_old} shown=${{}} />`}
    <${End} name=${_("measured")} accent value=${motor.power_w} scale=${1000} decimals=${1} unit="kW" y=${at_measured} shown=${shown} />
    <${End} name=${_("efficiency")} value=${motor.efficiencies.system_efficiency_pct} least=${1} unit="%" y=${efficiency} shown=${shown} />
  </div>`;
}

/** Two heights with room between them; null: there is no such line. */
function apart(one, other, room) {
  if (one === null || other === null || Math.abs(one - other) >= room) return [one, other];
  const middle = (one + other) / 2;
  return one <= other ? [middle - room / 2, middle + room / 2] : [middle + room / 2, middle - room / 2];
}

/** A time of a chart: of the day, or with the date in a chart of more than a day. */
const moment = (t_s, {from_s, to_s}, zone) => (to_s - from_s > 1.1 * SPANS.day.s ? dayAndTime(t_s * 1000, zone, false) : clock(t_s * 1000, zone, false));

function End({name, value, scale = 1, decimals, least, unit, y, accent, shown}) {
  const missing = shown.lost || !value || value.v === null;
  const {number, u} = missing ? {number: UNKNOWN, u: ""} : parts(value, scale, decimals, least);
  return html`<div class="tl-end" style=${{top: y === null ? undefined : `${y}px`}}><span class=${accent ? "tl-name accent" : "tl-name"}>${name}</span>
    <span><b class=${shown.stale ? "val stale" : "val"}>${number}</b> <span class="u">${missing ? (value && value.why && value.why.text) || _("stale") : `${u} ${unit}`}</span></span></div>`;
}

function readout(chart, at, zone) {
  const [before, measured] = chart.plots[0].columns.map((column) => column[at]);
  const mean = chart.plots[1].columns[2][at];
  const [low, high] = chart.range.map((column) => column[at]);
  const texts = [dayAndTime(chart.t_s[at] * 1000, zone, false)];
  texts.push(measured === null ? _("no value") : _("measured {kw} kW", {kw: fixed(measured, 1)}));
  if (before !== null) texts.push(_("old plant {kw} kW", {kw: fixed(before, 1)}));
  if (mean !== null) texts.push(low === null ? _("efficiency {pct} %", {pct: fixed(mean, 1)}) : _("efficiency {pct} % ({low} to {high})", {pct: fixed(mean, 1), low: fixed(low, 1), high: fixed(high, 1)}));
  return texts.join(" · ");
}

function HistoryTable({found, zone, title}) {
  const {power, efficiency, old} = found;
  const of_efficiency = indexOf(efficiency);
  const old_of = oldPlant(old);
  const kw = (watts) => fixed(watts === null || watts === undefined ? null : watts / 1000, 1);
  const rows = power.t_ms.map((start, index) => [
    dayAndTime(start, zone, false), kw(power.mean[index]), `${kw(power.min[index])} – ${kw(power.max[index])}`, kw(old_of(start)),
    fixed(efficiency.mean[of_efficiency.get(start)], 1),
  ]);
  const head = [_("From"), _("Power kW"), _("lowest – highest"), _("Old plant kW"), _("Efficiency %")];
  return html`<${Table} head=${head} rows=${rows.reverse()} caption=${_("{title}, means of {minutes} min", {title, minutes: fixed(power.step_s / 60, power.step_s < 60 ? 1 : 0)})} />`;
}
