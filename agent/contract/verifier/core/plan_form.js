// The form of a plan: which keys it has and what each contains. Unknown keys are rejected.
import {isDay, LocalTime} from "./calendar.js";
import {hasMembers, isObject} from "./canonical.js";
import {ROLES} from "./documents.js";
import {Fraction, isDecimal} from "./fraction.js";
import {reject} from "./rejection.js";
import {isHex} from "./signature_check.js";
import {quarterOf} from "./tariff.js";

export const ROUNDINGS = ["half_up", "half_even", "down"];
const BY_PRICE = ["adjusted_baseline", "saving_rate"];  // formulas that give a figure for each price
const FORMULA_TERMS = {
  adjusted_baseline: [], direct_comparison: ["reference_kw"], saving_rate: ["saving_rate"],
  specific_energy: ["specific_energy_kwh", "quantity"],
};
const DAY_KINDS = ["all", "workday", "weekend", "holiday", "mon", "tue", "wed", "thu", "fri", "sat", "sun"];

const text = (value) => typeof value === "string" && value !== "" && !/[\x00-\x1f\x7f-\x9f\u2028\u2029]/.test(value);
const name = (value) => typeof value === "string" && /^[a-z0-9_-]{1,64}$/.test(value);
const hash = (value) => isHex(value, 64);
const boolean = (value) => typeof value === "boolean";
const oneOf = (...allowed) => (value) => allowed.includes(value);
const integer = (low, high) => (value) => Number.isSafeInteger(value) && low <= value && value <= high;
const list = (item, least = 1) => (value) => Array.isArray(value) && value.length >= least && value.every(item);
const decimal = (low, high) => (value) => isDecimal(value) && !Fraction.of(value).minus(Fraction.of(low)).negative &&
  !Fraction.of(high).minus(Fraction.of(value)).negative;
const table = (required, optional = {}) => (value) =>
  hasMembers(value, Object.keys(required), Object.keys(optional)) &&
  Object.keys(value).every((key) => (required[key] || optional[key])(value[key]));
const mapOf = (key, item) => (value) =>
  isObject(value) && Object.keys(value).length > 0 && Object.keys(value).every((each) => key(each) && item(value[each]));
const zone = (value) => {
  try {
    return text(value) && Boolean(new LocalTime(value));
  } catch {
    return false;
  }
};

const period = table({first: isDay}, {last: isDay});
const certificateForm = table({number: text, laboratory: text, issued: isDay, valid_until: isDay});
const certificate = (value) => certificateForm(value) && value.issued <= value.valid_until;
const factors = {load: text, product_mix: text, ambient: text, maintenance: text};
const meter = table({name: text, class: text}, {
  serial_number: text, ct: text, ct_class: text, vt: text, vt_class: text, certificate, ct_certificate: certificate,
  vt_certificate: certificate,
});
const motor = table({
  title: text, boundary: text, method: oneOf("baseline_model", "direct_comparison"),
  formula: oneOf(...Object.keys(FORMULA_TERMS)), baseline_period: period, reporting_period: period,
}, {
  baseline: hash, factors: list(text, 0), static_factors: table({}, factors), saving_rate: decimal("0.0001", "0.9999"),
  specific_energy_kwh: decimal("0.000001", "100000"), quantity: oneOf("t", "m3"),
  reference_kw: decimal("0.001", "100000"), meter,
});
const quarter = (value) => quarterOf(value) !== null;
const tariffRow = table({price: text, from: quarter, to: quarter},
  {days: list(oneOf(...DAY_KINDS)), months: list(integer(1, 12))});
const FORM = {
  s: text, contract: text, version: integer(1, 9999), drafted_ms: integer(0, 2 ** 52), applies: period,
  project: table({title: text, boundary: text, site: name, gateway: name, timezone: zone}, {gateway_key: hash}),
  party: table(Object.fromEntries(ROLES.map((role) =>
    [role, table({title: text, signatory: text, public_key: hash}, {former_public_key: hash})]))),
  motor: mapOf(name, motor),
  price: table({currency: text, per_kwh: mapOf(text, decimal("0", "1000")), vat_rate: decimal("0", "0.5"),
    includes_vat: boolean}, {period: list(tariffRow), holidays: list(isDay, 0), reading_day: integer(1, 28)}),
  sharing: table({first: isDay, energy_service_company: list(decimal("0", "1"))}),
  settlement: table({rounding: oneOf(...ROUNDINGS), energy_decimals: integer(0, 3), money_decimals: integer(0, 2),
    negative_month: oneOf("zero", "settle")}),
};

// Rejects a plan whose form is wrong, naming the key.
export const checkPlan = (plan) => {
  for (const key of Object.keys(FORM)) if (!(key in plan)) reject("plan_form", {key});
  for (const key of Object.keys(plan)) {
    const known = key in FORM ? FORM[key] : key === "replaces" && hash;
    if (!known || !known(plan[key])) reject("plan_form", {key});
  }
  if ((plan.version > 1) !== "replaces" in plan) reject("plan_form", {key: "replaces"});
  const keys = [...partyKeys(plan, ROLES[0]), ...partyKeys(plan, ROLES[1]), plan.project.gateway_key];
  if (new Set(keys).size < keys.length) reject("plan_form", {key: "public_key"});
  if (isReversed(plan.applies)) reject("plan_form", {key: "applies"});
  const {per_kwh: prices, period: rows} = plan.price;
  const count = Object.keys(prices).length;
  for (const [motorName, each] of Object.entries(plan.motor)) checkMotor(`motor.${motorName}`, each, count);
  const named = (rows || []).every((row) => row.price in prices);
  if (!named || (count > 1 && !rows)) reject("plan_form", {key: "price.period"});
};

// Public keys that must sign for a role.
export const partyKeys = (plan, role) => {
  const {public_key: own, former_public_key: former} = plan.party[role];
  return former ? [own, former] : [own];
};

const isReversed = ({first, last}) => last !== undefined && last < first;

const checkMotor = (key, motor_, prices) => {
  const terms = Object.keys(motor_).filter((term) => Object.values(FORMULA_TERMS).flat().includes(term));
  const needed = FORMULA_TERMS[motor_.formula];
  if (terms.length !== needed.length || !needed.every((term) => term in motor_)) reject("plan_form", {key});
  if (motor_.method === "baseline_model" ? !motor_.baseline : motor_.formula === "adjusted_baseline") {
    reject("plan_form", {key: `${key}.baseline`});
  }
  if (prices > 1 && !BY_PRICE.includes(motor_.formula)) reject("plan_form", {key: `${key}.formula`});
  const {baseline_period: before, reporting_period: after} = motor_;
  if (!before.last || isReversed(before) || isReversed(after) || before.last >= after.first) {
    reject("plan_form", {key: `${key}.reporting_period`});
  }
};
