// The verification of a bundle: every check in its order, with its result. The first one that fails decides.
import {checkBaselines} from "./baselines.js";
import {LocalTime} from "./calendar.js";
import {hasMembers, isObject} from "./canonical.js";
import {checkFormat, readDocument, ROLES} from "./documents.js";
import {checkEnergies, countingRecords, hiddenRevisions, laterChanges, monthLine} from "./energies.js";
import {readLine, verifyChain, verifyDeclaration, verifyLines} from "./lines.js";
import {checkAmount, checkRevision, newestOf, readRevision} from "./months.js";
import {PLAN, PlanHistory, readPlan} from "./plans.js";
import {partyKeys} from "./plan_form.js";
import {reject, Rejection} from "./rejection.js";
import {isHex} from "./signature_check.js";
import {parse} from "./strict_json.js";
import {Tariff} from "./tariff.js";
import {compareCheckpoints, confirmedRoles} from "./trust.js";

const SCHEMA = "magwatt.bundle/2";
const MEMBERS = ["s", "month", "from_ms", "to_ms", "motors", "key", "before", "lines", "after", "plans", "months"];
const GATEWAY = "gateway";

// What is known of a bundle: {verdict, reason, checks, …}.
// verdict: settled, open (nothing contradicts, but something is missing), rejected.
// text: of the file. trust: {keys: typed keys, checkpoints: [{seq, hash}], plans: parsed files}. check: SignatureCheck.
// progress: called with a number from 0 to 1.
export const verifyBundle = async (text, trust, check, progress) => {
  const examination = new Examination();
  const state = {trust, check, progress, found: {}};
  for (const [code, examine] of STEPS) await examination.step(code, () => examine(state, text));
  return {...examination.result(state.found), ...state.found, method: check.method};
};

// Carries out checks one after the other until one fails.
class Examination {
  constructor() {
    this.checks = [];
    this.failed = null;
  }

  // examine: returns the data of the check, or null: there is nothing to check. Throws Rejection.
  async step(code, examine) {
    if (this.failed) {
      this.checks.push({code, state: "skipped"});
      return;
    }
    try {
      const data = await examine();
      this.checks.push(data === null ? {code, state: "absent"} : {code, state: "passed", data});
    } catch (error) {
      if (!(error instanceof Rejection)) throw error;
      this.failed = {code: error.code, data: error.data};
      this.checks.push({code, state: "failed", reason: this.failed});
    }
  }

  result({revision, newest}) {
    const {checks, failed} = this;
    const open = (code, data) => ({checks, verdict: "open", reason: {code, data}});
    if (failed) return {checks, verdict: "rejected", reason: failed};
    if (!revision) return open("no_month", {});
    const {missing, month} = newest;
    if (newest !== revision) {
      const data = {revision: revision.month.revision, newest: month.revision, why: month.reason, missing};
      return open("newer_unsettled", data);
    }
    const named = {month: month.month, revision: month.revision};
    if (missing.length) return open("not_signed_by", {missing, ...named});
    return {checks, verdict: "settled", reason: {code: "settled", data: named}};
  }
}

const readBundle = (state, text) => {
  const bundle = parse(text);
  checkFormat(bundle === null ? bundle : bundle.s, SCHEMA);
  const lists = ["motors", "before", "lines", "after", "plans", "months"];
  const fits = hasMembers(bundle, MEMBERS) && lists.every((name) => Array.isArray(bundle[name])) &&
    isHex(bundle.key, 64) && Number.isSafeInteger(bundle.from_ms) && Number.isSafeInteger(bundle.to_ms) &&
    /^[0-9]{4}-(0[1-9]|1[0-2])$/.test(bundle.month) && bundle.motors.every((motor) => typeof motor === "string");
  if (!fits) reject("bundle_form");
  state.bundle = bundle;
  Object.assign(state.found, {month: bundle.month, key: bundle.key});
  return {month: bundle.month};
};

const readLines = ({bundle, ...state}) => {
  state.found.lines = {};
  for (const list of ["before", "lines", "after"]) {
    state.found.lines[list] = bundle[list].map((line, at) => readLine(line, {list, position: at + 1}));
  }
  const {lines} = state.found.lines;
  if (!lines.length) reject("no_lines");
  return {count: allLines(state).length, first: lines[0].seq, last: lines[lines.length - 1].seq};
};

const allLines = ({found: {lines}}) => [...lines.before, ...lines.lines, ...lines.after];

// The plans of the bundle, and those that the ledger contains, so that a version cannot be left out.
const readPlans = async ({bundle, check, found}) => {
  if (!bundle.plans.length) reject("no_plan");
  const recorded = allLines({found}).filter(({body}) => body.kind === "plan").map(({body}) => body.plan);
  const own = await plansInForce(bundle.plans, check);
  found.history = await plansInForce([...bundle.plans, ...recorded], check);
  return {count: own.versions.length};
};

const plansInForce = async (files, check) => {
  const versions = [];
  for (const file of files) versions.push(await readPlan(file, check));
  const history = await PlanHistory.of(versions, check);
  for (const version of history.versions) {
    const problem = history.notInForce(version);
    if (problem) reject(problem.code, problem.data);
  }
  return history;
};

// One version applies to each motor on the first and on the last day of the month.
const findPlan = (state) => {
  const {bundle, found} = state;
  const {history} = found;
  const latest = history.versions.find((version) => bundle.motors.some((motor) => motor in version.plan.motor));
  if (!latest) reject("plan_none_for_motors");
  const time = new LocalTime(latest.plan.project.timezone);
  const [first, last] = [bundle.from_ms, bundle.to_ms - 1].map((ms) => time.at(ms).day);
  const motors = bundle.motors.filter((motor) => history.versions.some((version) => motor in version.plan.motor));
  const applying = [...new Set(motors.flatMap((motor) => [first, last].map((day) => history.inForce(motor, day))))];
  const version = applying.find((each) => each.id === namedPlan(bundle.months)) || applying[0];
  if (applying.length > 1 && version.id !== namedPlan(bundle.months)) reject("plans_several", {month: bundle.month});
  const tariff = new Tariff(version.plan.price, new LocalTime(version.plan.project.timezone));
  const bounds = tariff.bounds(bundle.month);
  if (bundle.from_ms !== bounds[0] || bundle.to_ms !== bounds[1]) reject("month_bounds", {month: bundle.month});
  if (!Object.keys(version.plan.motor).every((motor) => bundle.motors.includes(motor))) reject("bundle_motors");
  Object.assign(found, {version, tariff, plan: version.plan, days: [first, last]});
  return {contract: version.plan.contract, version: version.plan.version, first, last};
};

// The plan that the month names, which is compared later; of a bundle of several contracts the month tells which one counts.
const namedPlan = (months) => {
  const file = months[months.length - 1];
  return hasMembers(file, ["s", "document", "signatures"]) && isObject(file.document) ? file.document.plan : undefined;
};

// The plan is one that the user has from another source, so that its keys are not only those of the bundle.
const compareOwnPlans = async ({check, found, trust}) => {
  if (!trust.plans.length) return null;
  const ids = [];
  for (const file of trust.plans) ids.push((await readDocument(file, PLAN, check)).id);
  if (!ids.includes(found.version.id)) reject("own_plan_other", {id: found.version.id.slice(0, 16)});
  found.ownPlan = true;
  return {id: found.version.id.slice(0, 16)};
};

// The key of the ledger is the one that the parties signed in the plan, or that the person typed.
const checkKey = async (state) => {
  const {bundle, check, found, trust} = state;
  const {plan} = found;
  const named = plan.project.gateway_key;
  const owners = {[GATEWAY]: [bundle.key]};
  for (const role of ROLES) owners[role] = partyKeys(plan, role);
  found.confirmed = await confirmedRoles(trust.keys, owners, check);
  if (named && named !== bundle.key) reject("key_not_of_plan", {key: bundle.key.slice(0, 16), named: named.slice(0, 16)});
  found.owner = found.confirmed.has(GATEWAY) ? "person" : named ? "plan" : null;
  found.fingerprints = {};
  for (const [role, keys] of Object.entries(owners)) found.fingerprints[role] = await check.fingerprint(keys[0]);
  return {source: found.owner, fingerprint: found.fingerprints[GATEWAY]};
};

const checkSignatures = async (state) => {
  const {bundle, check, progress} = state;
  const all = allLines(state);
  await verifyLines(all, bundle.key, check, (count) => progress(count / all.length));
  await verifyDeclaration(all, bundle.key, check);
  return {count: all.length};
};

const checkChain = ({found: {lines}}) => {
  verifyChain(lines.before, lines.lines, lines.after);
  return {first: lines.lines[0].seq, last: lines.lines[lines.lines.length - 1].seq};
};

// A file can contain checkpoints of several gateways.
const checkCheckpoints = (state) => {
  const {found: {plan}, trust} = state;
  if (!trust.checkpoints.length) return null;
  const own = trust.checkpoints.filter((each) =>
    ["site", "gateway"].every((key) => each[key] === undefined || each[key] === plan.project[key]));
  const compared = compareCheckpoints(own, allLines(state));
  if (!compared) reject("checkpoint_elsewhere");
  return {compared, given: trust.checkpoints.length};
};

const checkMonths = async ({bundle, check, found}) => {
  if (!bundle.months.length) return null;
  const revisions = [];
  for (const file of bundle.months) {
    const revision = await readRevision(file, found.history, check);
    checkRevision(revision);
    if (revision.month.month !== bundle.month) reject("month_other", {month: revision.month.month});
    if (revision.month.gateway_key !== bundle.key) reject("month_other_key", {month: bundle.month});
    revisions.push(revision);
  }
  const {counting, newest, applying} = newestOf(revisions, found.history);
  Object.assign(found, {documents: revisions, revisions: applying, revision: counting, newest});
  return {revision: counting.month.revision, count: revisions.length, missing: counting.missing};
};

// Each revision is in a line of the kind month, as the gateway recorded it, and each line of that kind is one of them.
const checkRecorded = ({bundle, found: {documents = [], history, lines}}) => {
  for (const {month} of documents) {
    if (!monthLine(month, lines)) reject("month_not_recorded", {revision: month.revision});
  }
  const [hidden] = hiddenRevisions(documents, bundle.month, contractsOf(documents, history, bundle.motors), lines);
  if (hidden) reject("revision_hidden", {seq: hidden.seq});
  return documents.length ? {seq: monthLine(documents[documents.length - 1].month, lines).seq} : null;
};

// The contract of the revisions; without one, those of the plans that contain a motor of the bundle.
const contractsOf = (revisions, history, motors) => {
  if (revisions.length) return [revisions[0].month.contract];
  return history.versions.map(({plan}) => plan).filter(({motor}) => motors.some((name) => name in motor))
    .map(({contract}) => contract);
};

const checkMonthEnergies = ({found}) => {
  const {revisions, revision, plan, lines, tariff} = found;
  if (!revisions) return null;
  for (const each of revisions) {
    const checked = checkEnergies(each.month, plan, lines, tariff);
    if (each === revision) Object.assign(found, checked);
  }
  found.later = laterChanges(revision.month, lines);
  return {records: found.records, first: revision.month.ledger.first, last: revision.month.ledger.last};
};

const checkAmounts = ({found}) => {
  if (!found.revisions) return null;
  for (const each of found.revisions) {
    const amount = checkAmount(each, found.days[0]);
    if (each === found.revision) found.amount = amount;
  }
  const {month, version: {plan}} = found.revision;
  return {gross: month.amount.gross, currency: plan.price.currency};
};

const checkMonthBaselines = async ({check, found: {revisions, plan, lines}}) => {
  if (!revisions) return null;
  let count = 0;
  for (const {month} of revisions) count = await checkBaselines(month, plan, lines, check);
  return count ? {count} : null;
};

// Measured energy of each motor, for a bundle without a month: it follows from the lines alone.
const measureOnly = ({bundle, found}) => {
  if (found.revisions) return null;
  found.measured = {};
  for (const motor of bundle.motors) {
    const records = countingRecords(found.lines.lines, motor, bundle);
    found.measured[motor] = records.reduce((sum, {body}) => sum + (body.energy_wh || 0) + (body.auxiliary_wh || 0), 0);
  }
  return {motors: bundle.motors};
};

const STEPS = [
  ["bundle", readBundle], ["line_forms", readLines], ["plans", readPlans], ["plan_applies", findPlan],
  ["own_plan", compareOwnPlans],
  ["gateway_key", checkKey], ["signatures", checkSignatures], ["chain", checkChain], ["checkpoints", checkCheckpoints],
  ["months", checkMonths], ["recorded", checkRecorded], ["baselines", checkMonthBaselines],
  ["energies", checkMonthEnergies], ["amounts", checkAmounts],
  ["measured", measureOnly],
];
