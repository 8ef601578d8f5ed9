// Revisions of a month: signatures, what they have to agree with in the plan, and which one counts.
import {LocalTime} from "./calendar.js";
import {amountOf} from "./amounts.js";
import {CLOCK_TOLERANCE_MS, readDocument, ROLES, signaturesOf} from "./documents.js";
import {Fraction} from "./fraction.js";
import {checkMonth} from "./month_form.js";
import {reject} from "./rejection.js";
import {Tariff} from "./tariff.js";

export const MONTH = "magwatt.month/1";
const GATEWAY = "gateway";

// A revision of a month with its plan: {month, version, id, signatures, missing, problems}. history: PlanHistory.
export const readRevision = async (file, history, check) => {
  const found = await readDocument(file, MONTH, check);
  const month = found.document;
  checkMonth(month);
  const version = history.byId.get(month.plan);
  if (!version) reject("month_plan_missing", {month: month.month, plan: month.plan.slice(0, 16)});
  const signers = {[GATEWAY]: [month.gateway_key]};
  for (const role of ROLES) signers[role] = [version.plan.party[role].public_key];
  const {missing, problems} = await signaturesOf(found, signers, check);
  return {...found, month, version, problems, issued: !missing.includes(GATEWAY),
    missing: missing.filter((role) => role !== GATEWAY)};
};

// Rejects a revision whose signatures are wrong, or that does not fit the plan that it names or itself.
export const checkRevision = (revision) => {
  const {month, version} = revision;
  if (revision.problems.length) reject(revision.problems[0].code, {...revision.problems[0].data, document: month.month});
  if (!revision.issued) reject("month_not_issued", {month: month.month});
  checkSignedAfterPlan(revision);
  const {plan} = version;
  const pairs = {contract: plan.contract, site: plan.project.site, gateway: plan.project.gateway,
    gateway_key: plan.project.gateway_key};
  for (const [key, expected] of Object.entries(pairs)) {
    if (month[key] !== expected) reject("month_not_of_plan", {key, found: month[key], expected: expected || "–"});
  }
  const tariff = new Tariff(plan.price, new LocalTime(plan.project.timezone));
  const bounds = tariff.bounds(month.month);
  if (month.from_ms !== bounds[0] || month.to_ms !== bounds[1]) reject("month_bounds", {month: month.month});
  if (month.drafted_ms < month.to_ms) reject("month_issued_early", {month: month.month});
  const names = Object.keys(plan.motor);
  if (names.length !== Object.keys(month.motor).length || !names.every((name) => name in month.motor)) {
    reject("month_motors", {month: month.month});
  }
  for (const name of names) checkMotor(name, month.motor[name], month, plan);
  revision.days = [month.from_ms, month.to_ms - 1].map((ms) => tariff.time.at(ms).day);
};

// The motor and the day to which not only the plan of the revision applies; undefined: there is none.
const otherVersion = ({month, version, days}, history) => {
  for (const motor of Object.keys(version.plan.motor)) {
    for (const day of days) {
      const found = history.applying(motor, day);
      if (found.length !== 1 || found[0].id !== month.plan) return {motor, day};
    }
  }
  return undefined;
};

// The parties sign a month after they have signed its plan. The gateway is not compared: a simulated one has another clock.
const checkSignedAfterPlan = ({signatures, version}) => {
  const plan = Math.max(version.plan.drafted_ms, ...version.signatures.map((each) => each.signed_ms));
  const early = signatures.find(({role, signed_ms: at}) => ROLES.includes(role) && at < plan - CLOCK_TOLERANCE_MS);
  if (early) reject("signature_before_plan", {by: early.by, role: early.role});
};

const checkMotor = (name, motor, month, plan) => {
  const wrong = (key) => reject("month_part", {motor: name, key});
  const prices = Object.keys(plan.price.per_kwh);
  const same = (table, names) => Object.keys(table).length === names.length && names.every((each) => each in table);
  if (!same(motor.energies, prices)) wrong("energies");
  if (!motor.decisions.every((each) => Object.keys(each.energy_wh).every((price) => prices.includes(price)))) {
    wrong("decisions");
  }
  if (!increasing(motor.decisions.map((each) => each.event))) wrong("decisions");
  let end = month.from_ms;
  for (const [from, to] of motor.excluded) {
    if (from < end || to <= from || to > month.to_ms) wrong("excluded");
    end = to;
  }
  if (!same(motor.excluded_wh, [...new Set(motor.excluded.map(([, , code]) => code))])) wrong("excluded_wh");
  if (motor.counted && !fitsCounted(motor, plan.motor[name])) wrong("counted");
  const starts = motor.recalculated.map(([start]) => start);
  if (!increasing([month.from_ms - 1, ...starts, month.to_ms])) wrong("recalculated");
};

// The part of production or operating hours in the saving, and the part that was measured; both enter no amount.
const fitsCounted = ({counted, quantity, running_s: running}, {formula}) => {
  const total = {specific_energy: quantity, direct_comparison: running}[formula];
  if (total === undefined || total === null) return false;
  const parts = ["0", counted.compared, counted.measured, total].map(Fraction.of);
  return parts.every((part, at) => at === 0 || !part.minus(parts[at - 1]).negative);
};

const increasing = (values) => values.every((value, at) => at === 0 || values[at - 1] < value);

// The amount by the plan and the energies of the document. Rejects when the document states another one.
export const checkAmount = ({month, version: {plan}}, firstDay) => {
  const amount = amountOf(plan, firstDay, month.motor);
  const {energy_decimals: decimals, money_decimals: cents} = plan.settlement;
  const same = (key, found, expected) => found === expected || reject("month_figure", {key, found, expected});
  for (const [name, motor] of Object.entries(amount.motors)) {
    const signed = month.motor[name];
    same(`${name}.adjusted_kwh`, signed.adjusted_kwh, motor.adjusted.text(decimals));
    for (const price of new Set([...Object.keys(motor.kwh), ...Object.keys(signed.contract_kwh)])) {
      const expected = price in motor.kwh ? motor.kwh[price].text(decimals) : "–";
      const found = price in signed.contract_kwh ? signed.contract_kwh[price] : "–";
      same([name, "contract_kwh", price].filter(Boolean).join("."), found, expected);
    }
  }
  for (const key of ["value", "net", "vat", "gross"]) same(key, month.amount[key], amount[key].text(cents));
  same("year", month.amount.year, amount.year);
  same("share", month.amount.share, plan.sharing.energy_service_company[amount.year - 1]);
  return amount;
};

// The revision that counts: the newest settled one, or the newest; the newest; and those by the plan that applies.
// Rejects revisions that do not follow, and a newest one by another plan. A settled revision stays settled until a newer
// one is; one by a version of the plan that does not apply any more is corrected.
export const newestOf = (revisions, history) => {
  const ordered = [...revisions].sort((one, two) => one.month.revision - two.month.revision);
  ordered.forEach((revision, at) => {
    const {month} = revision;
    const before = ordered[at - 1];
    if (before && before.month.revision === month.revision) reject("revision_twice", {revision: month.revision});
    if (month.revision === 1) return;
    const follows = before && before.id === month.replaces && before.month.revision === month.revision - 1 &&
      before.month.contract === month.contract && month.drafted_ms >= before.month.drafted_ms - CLOCK_TOLERANCE_MS;
    if (!follows) reject("revision_not_successor", {revision: month.revision});
  });
  const newest = ordered[ordered.length - 1];
  const other = otherVersion(newest, history);
  if (other) {
    history.inForce(other.motor, other.day);
    reject("month_other_version", other);
  }
  const applying = ordered.filter((revision) => !otherVersion(revision, history));
  const settled = applying.filter((revision) => revision.missing.length === 0);
  return {counting: settled.pop() || newest, newest, applying};
};
