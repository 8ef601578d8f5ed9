// The plant as the page keeps it: events merged in, rows in order, the age of a row by the browser's own clock.

const ORDER = ["safety", "high", "medium", "low", "unknown", "maintenance", "normal"];
const LATE_S_MIN = 3; // as the server: three intervals, but not below
const FORGOTTEN_S = 60; // older values are not shown any more

/** The plant with the changes of an event. heard_ms: when it came, by the browser's clock. An event with `ids` names all
 * motors in their order: others are gone. */
export function merged(plant, event, heard_ms) {
  const changed = new Map(event.motors.map((row) => [row.id, {...row, heard_ms}]));
  const motors = plant.motors.map((row) => changed.get(row.id) || row);
  const known = new Set(plant.motors.map((row) => row.id));
  const added = [...changed.values()].filter((row) => !known.has(row.id));
  const place = event.ids && new Map(event.ids.map((id, index) => [id, index]));
  const all = [...motors, ...added].filter((row) => !place || place.has(row.id));
  if (place) all.sort((one, other) => place.get(one.id) - place.get(other.id));
  return {...plant, ...event, motors: all, sparks: continued(plant.sparks || {}, event.motors, Date.parse(event.t))};
}

/** The first plant of the page, as if its rows had just come. */
export const received = (plant, heard_ms) => ({...plant, motors: plant.motors.map((row) => ({...row, heard_ms}))});

/** Trouble first; equal rows keep the order of the configuration. */
export function inOrder(motors) {
  const rank = (row) => 2 * ORDER.indexOf(row.priority) + (row.acknowledged ? 1 : 0);
  return [...motors].sort((one, other) => rank(one) - rank(other));
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
    const spark = next[row.id];
    if (!spark || !row.power_w || row.power_w.v === null) continue;
    const step_ms = spark.step_s * 1000;
    const steps = Math.min(spark.kw.length, Math.max(0, Math.floor((now_ms - spark.end_ms) / step_ms)));
    const kw = [...spark.kw.slice(steps), ...Array(steps).fill(null)];
    kw[kw.length - 1] = row.power_w.v / 1000;
    next[row.id] = {...spark, kw, end_ms: spark.end_ms + steps * step_ms};
  }
  return next;
}
