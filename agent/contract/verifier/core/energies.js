// Whether the energies of a month follow from the lines of the ledger.
import {dayAfter} from "./calendar.js";
import {Fraction} from "./fraction.js";
import {canonical, isObject} from "./canonical.js";
import {reject} from "./rejection.js";
import {OtherNumber} from "./strict_json.js";

const QUARTER_MS = 900_000;
const COLUMNS = ["measured", "compared", "adjusted"];

// Rejects a document whose energies differ from those of its lines. Returns {records, registers: motor → readings of
// its meter at both ends, recalculated: motor → {count, energy, recorded}}.
// bundle: {before, lines, after} with hashes. tariff: of the plan.
export const checkEnergies = (month, plan, bundle, tariff) => {
  const own = rangeOf(month, bundle.lines);
  const registers = Object.create(null);
  const recalculated = Object.create(null);
  let records = 0;
  for (const [name, motor] of Object.entries(month.motor)) {
    const counting = countingRecords(own, name, month);
    const found = sumsOf(counting, name, motor, plan.motor[name], tariff);
    addDecisions(found, name, month, plan, bundle, tariff);
    compareSums(found, name, motor);
    records += counting.length;
    registers[name] = registersOf(counting);
    recalculated[name] = recalculatedOf(counting, motor);
  }
  return {records, registers, recalculated};
};

// Lines of the range that the document names.
const rangeOf = ({ledger}, lines) => {
  const own = lines.filter((line) => ledger.first <= line.seq && line.seq <= ledger.last);
  if (!own.length || own[0].seq !== ledger.first || own[own.length - 1].seq !== ledger.last) {
    reject("month_lines_missing", {first: ledger.first, last: ledger.last});
  }
  if (own[own.length - 1].hash !== ledger.hash) reject("month_lines_other", {seq: ledger.last});
  return own;
};

// The records of a motor and month that count: of several with one start the last one, without those withdrawn.
export const countingRecords = (lines, motor, month) => {
  const newest = new Map();
  for (const line of lines) {
    const {kind, asset, from_ms: start} = line.body;
    if (kind !== "interval" || asset !== motor) continue;
    checkRecord(line);
    if (month.from_ms <= start && start < month.to_ms) newest.set(start, line);
  }
  const found = [...newest.values()].sort((one, two) => one.body.from_ms - two.body.from_ms);
  return found.filter((line) => line.body.length_s > 0);
};

const checkRecord = ({seq, body}) => {
  const whole = (value) => Number.isSafeInteger(value);
  const orNone = (value) => value === null || value === undefined || whole(value);
  const fits = whole(body.from_ms) && whole(body.length_s) && "energy_wh" in body &&
    [body.energy_wh, body.auxiliary_wh, body.adjusted_wh].every(orNone);
  if (!fits) reject("line_form_interval", {seq});
};

// Sums by price: {price: {measured, compared, adjusted}}, of the excluded records by code, and how many are in the saving.
const sumsOf = (records, name, motor, planned, tariff) => {
  const sums = Object.create(null);
  const excluded = Object.create(null);
  let inside = 0;
  const recalculated = new Map(motor.recalculated);
  for (const line of records) {
    const {from_ms: start, length_s: length, energy_wh: energy, auxiliary_wh: auxiliary} = line.body;
    const measured = (energy || 0) + (auxiliary || 0);
    const parts = partsOf(start, length, tariff);
    addParts(sums, "measured", parts, measured, length);
    const exclusion = motor.excluded.find(([from, to]) => from <= start && start < to);
    if (exclusion) {
      excluded[exclusion[2]] = (excluded[exclusion[2]] || 0) + measured;
      continue;
    }
    const adjusted = recalculated.has(start) ? recalculated.get(start) : recordedBaseline(line, planned);
    recalculated.delete(start);
    inside += 1;
    addParts(sums, "compared", parts, measured, length);
    addParts(sums, "adjusted", parts, adjusted, length);
  }
  for (const start of recalculated.keys()) reject("recalculated_unknown", {motor: name, at: tariff.time.at(start).text});
  return {sums, excluded, inside};
};

const recordedBaseline = ({seq, body}, planned) => {
  if (!Number.isSafeInteger(body.adjusted_wh)) reject("baseline_energy_missing", {seq});
  if (!planned.baseline || body.baseline !== planned.baseline.slice(0, 16)) reject("baseline_other", {seq});
  return body.adjusted_wh;
};

// The parts of an interval between the quarter hours: {price, end: seconds from its start}.
const partsOf = (start, length, tariff) => {
  const parts = [];
  const end = start + 1000 * length;
  for (let at = start; at < end;) {
    const next = Math.min((Math.floor(at / QUARTER_MS) + 1) * QUARTER_MS, end);
    parts.push({price: tariff.price(at), end: (next - start) / 1000});
    at = next;
  }
  return parts;
};

const addParts = (sums, column, parts, energy, length) => {
  let given = 0;
  for (const {price, end} of parts) {
    const due = end === length ? energy : evenly(energy, end, length);
    add(sums, price, column, due - given);
    given = due;
  }
};

// energy × seconds / length in whole Wh, ties to even.
const evenly = (energy, seconds, length) =>
  Number(Fraction.of(energy).times(Fraction.of(seconds)).over(Fraction.of(length)).rounded(0, "half_even").top);

const add = (sums, price, column, energy) => {
  sums[price] = sums[price] || {measured: 0, compared: 0, adjusted: 0};
  sums[price][column] += energy;
};

// Adds the decided adjustments and compares the decisions with their lines.
const addDecisions = (found, name, month, plan, bundle, tariff) => {
  const known = decisionsOn(name, month, bundle);
  const listed = new Map(month.motor[name].decisions.map((each) => [each.event, each]));
  for (const [number, line] of known) {
    const missing = overlaps(line.body.event, month) && !listed.has(number);
    if (missing) reject("decision_not_listed", {motor: name, event: number, seq: line.seq});
  }
  const [first, end] = adjustedSpan(month, plan.motor[name].reporting_period, tariff.time);
  for (const decision of listed.values()) {
    const line = known.get(decision.event);
    if (!line || line.hash !== decision.line || line.body.event.decision !== decision.decision) {
      reject("decision_other", {motor: name, event: decision.event});
    }
    const {event} = line.body;
    const within = found.inside > 0 && first <= event.from_ms && event.from_ms < end;
    const adjusts = within && decision.decision === "adjust";
    const sum = Object.values(decision.energy_wh).reduce((total, energy) => total + energy, 0);
    const fits = adjusts ? sum === wholeWh(event.adjust_wh) : Object.keys(decision.energy_wh).length === 0;
    if (!fits) reject("decision_energy", {motor: name, event: decision.event});
    for (const [price, energy] of Object.entries(decision.energy_wh)) add(found.sums, price, "adjusted", energy);
  }
};

const overlaps = ({from_ms: from, to_ms: to}, month) =>
  from < month.to_ms && (to === null || to > month.from_ms);

// How many intervals and decisions of the month were recorded after it was issued: {intervals, decisions}.
export const laterChanges = (month, bundle) => {
  const {lines, after} = bundle;
  const newer = lines.filter((line) => line.seq > month.ledger.last);
  const issued = monthLine(month, bundle).seq;
  const decisions = [...lines, ...after].filter(({seq, body: {kind, event}}) =>
    kind === "decision" && seq > issued && isObject(event) && event.asset in month.motor && overlaps(event, month));
  const intervals = Object.keys(month.motor).flatMap((motor) => countingRecords(newer, motor, month));
  return {intervals: intervals.length, decisions: decisions.length};
};

// In which an event must begin to adjust the month: in the month and in the reporting period.
const adjustedSpan = (month, period, time) => {
  const end = period.last ? time.beginOf(dayAfter(period.last)) : month.to_ms;
  return [Math.max(month.from_ms, time.beginOf(period.first)), Math.min(month.to_ms, end)];
};

// Number of the event → line of the last decision on it, before the line of the month.
const decisionsOn = (name, month, bundle) => {
  const {before, lines, after} = bundle;
  const found = new Map();
  const issued = monthLine(month, bundle);
  for (const line of [...before, ...lines, ...after]) {
    if (issued && line.seq >= issued.seq) break;
    const {kind, event} = line.body;
    if (kind !== "decision") continue;
    const fits = isObject(event) && Number.isSafeInteger(event.number) && Number.isSafeInteger(event.from_ms) &&
      (event.to_ms === null || Number.isSafeInteger(event.to_ms));
    if (!fits) reject("line_form_decision", {seq: line.seq});
    if (event.asset === name) found.set(event.number, line);
  }
  return found;
};

// The first line of the ledger, after those of its energies, that contains the document of a month.
export const monthLine = (month, {lines, after}) => {
  const text = canonical(month);
  return [...lines, ...after].find(({seq, body}) => body.kind === "month" && seq > month.ledger.last &&
    isObject(body.month) && isSame(body.month.document, text));
};

// The lines of the kind month with a document of that month and of one of the contracts that none of these revisions is.
export const hiddenRevisions = (revisions, name, contracts, {lines, after}) => {
  const known = new Set(revisions.map(({month}) => canonical(month)));
  return [...lines, ...after].filter(({body}) => {
    const document = body.kind === "month" && isObject(body.month) && isObject(body.month.document) && body.month.document;
    const own = document && document.month === name && contracts.includes(document.contract);
    return own && ![...known].some((text) => isSame(document, text));
  });
};

const isSame = (document, text) => {
  try {
    return canonical(document) === text;
  } catch {
    return false;  // contains what no signed document does
  }
};

// A number of a decision in whole Wh, ties to even.
const wholeWh = (value) => {
  const energy = value instanceof OtherNumber ? Number(value.text) : value || 0;
  const low = Math.floor(energy);
  const rest = energy - low;
  return rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1;
};

const compareSums = ({sums, excluded}, name, motor) => {
  const none = {measured: 0, compared: 0, adjusted: 0};
  for (const price of new Set([...Object.keys(motor.energies), ...Object.keys(sums)])) {
    const signed = motor.energies[price];
    if (!signed) reject("energy_price", {motor: name, price});
    COLUMNS.forEach((column, at) => {
      const expected = (sums[price] || none)[column];
      if (signed[at] !== expected) reject(`energy_${column}`, {motor: name, price, found: signed[at], expected});
    });
  }
  for (const [code, energy] of Object.entries(motor.excluded_wh)) {
    const expected = excluded[code] || 0;
    if (energy !== expected) reject("energy_excluded", {motor: name, price: code, found: energy, expected});
  }
};

// Of the recalculated baseline energies: how many, their sum, and the sum that their lines state; unknown ones are 0 there.
const recalculatedOf = (records, {recalculated}) => {
  const stated = new Map(records.map(({body}) => [body.from_ms, body.adjusted_wh || 0]));
  const sum = (values) => values.reduce((total, value) => total + value, 0);
  return {count: recalculated.length, energy: sum(recalculated.map(([, energy]) => energy)),
    recorded: sum(recalculated.map(([start]) => stated.get(start)))};
};

// Readings of the meter at the first and the last poll of the month; null: it has no register.
const registersOf = (records) => {
  const read = records.map((line) => line.body.register_wh).filter((pair) => Array.isArray(pair) && pair.length === 2);
  return read.length ? [read[0][0], read[read.length - 1][1]] : null;
};
