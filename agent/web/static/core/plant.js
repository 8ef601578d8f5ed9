// The plant as the page keeps it: events merged in, rows in order, the age of a row by the browser's own clock.

import {_} from "./text.js";

const ORDER = ["safety", "high", "medium", "low", "unknown", "maintenance", "normal"];
const LATE_S_MIN = 3; // as the server: three intervals, but not below
const SPARK_STEP_S = 60;
const SPARK_STEPS = 60;
const FORGOTTEN_S = 60; // older values are not shown any more

/** The plant with the changes of an event, which names all motors in `ids` when one came or went.
 * heard_ms: when it came, by the browser's clock. */
export function merged(plant, event, heard_ms) {
  const changed = new Map(event.motors.map((row) => [row.id, {...row, heard_ms}]));
  const rows = new Map([...plant.motors.map((row) => [row.id, row]), ...changed]);
  const motors = event.ids ? event.ids.map((id) => rows.get(id)).filter(Boolean) : [...rows.values()];
  return {...plant, ...event, motors, sparks: continued(plant.sparks || {}, event.motors, Date.parse(event.t))};
}

/** The first plant of the page, as if its rows had just come. */
export const received = (plant, heard_ms) => ({...plant, motors: plant.motors.map((row) => ({...row, heard_ms}))});

/** Trouble first; equal rows keep the order of the configuration. */
export function inOrder(motors) {
  const rank = (row) => 2 * ORDER.indexOf(row.priority) + (row.acknowledged ? 1 : 0);
  return [...motors].sort((one, other) => rank(one) - rank(other));
}

/** The state of an alarm, as in ISA-18.2; what the page derived itself needs action. */
export const stateOf = (finding) => (finding.alarm ? finding.alarm.state : "UNACK");

/** What the plant's verdict is, in one line. */
export function verdictLine({unacknowledged, acknowledged, returned, reporting, motors}) {
  if (unacknowledged === 1) return _("1 alarm needs action");
  if (unacknowledged) return _("{n} alarms need action", {n: unacknowledged});
  if (!reporting) return _("No motor reports");
  if (returned) return _("{returned} returned, not acknowledged. {n} of {total} motors report.", {returned, n: reporting, total: motors});
  if (acknowledged) return _("No alarm needs action. {n} of {total} motors report.", {n: reporting, total: motors});
  return _("No alarm. {n} of {total} motors report.", {n: reporting, total: motors});
}

/** Seconds since the values of a row were measured; null: there are none. */
export const ageOf = (row, now_ms) => (row.age_s === null || row.age_s === undefined ? null : row.age_s + Math.max(0, now_ms - row.heard_ms) / 1000);

/** "fresh"; "stale": older than three intervals; "lost": also older than a minute, so that the value is not shown. */
export function freshness(row, now_ms, outdated) {
  const age_s = ageOf(row, now_ms);
  const late_s = Math.max(LATE_S_MIN, 3 * row.interval_s);
  if (!outdated && !row.stale && !(age_s > late_s)) return "fresh";
  return age_s > Math.max(FORGOTTEN_S, late_s) ? "lost" : "stale";
}

/** The sparklines with the powers of an event: the last point is the current minute. */
function continued(sparks, rows, now_ms) {
  const next = {...sparks};
  for (const row of rows) {
    if (row.power_w.v === null) continue;
    const spark = next[row.id] || {step_s: SPARK_STEP_S, end_ms: now_ms, kw: Array(SPARK_STEPS).fill(null)};
    const step_ms = spark.step_s * 1000;
    const steps = Math.min(spark.kw.length, Math.max(0, Math.floor((now_ms - spark.end_ms) / step_ms)));
    const kw = [...spark.kw.slice(steps), ...Array(steps).fill(null)];
    kw[kw.length - 1] = row.power_w.v / 1000;
    next[row.id] = {...spark, kw, end_ms: spark.end_ms + steps * step_ms};
  }
  return next;
}
