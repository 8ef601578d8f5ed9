// The form of the document of a month: which members it has and what each contains.
import {hasMembers, isObject} from "./canonical.js";
import {isDecimal} from "./fraction.js";
import {reject} from "./rejection.js";
import {isHex} from "./signature_check.js";

const EVIDENCE = ["proven", "provisional", "not_proven", "negative", "none"];
const DECISIONS = ["exclude", "keep", "adjust"];

const text = (value) => typeof value === "string" && value !== "";
const integer = (value) => Number.isSafeInteger(value);
const count = (value) => integer(value) && value >= 0;
const positive = (value) => integer(value) && value > 0;
const hash = (value) => isHex(value, 64);
const orNull = (item) => (value) => value === null || item(value);
const oneOf = (allowed) => (value) => allowed.includes(value);
const list = (item) => (value) => Array.isArray(value) && value.every(item);
const row = (...items) => (value) =>
  Array.isArray(value) && value.length === items.length && value.every((each, at) => items[at](each));
const mapOf = (item) => (value) => isObject(value) && Object.values(value).every(item);
const table = (required, optional = {}) => (value) =>
  hasMembers(value, Object.keys(required), Object.keys(optional)) &&
  Object.keys(value).every((key) => (required[key] || optional[key])(value[key]));

const decision = {line: hash, event: positive, decision: oneOf(DECISIONS), energy_wh: mapOf(integer)};
const MOTOR = {
  energies: mapOf(row(integer, integer, integer)), running_s: orNull(count), quantity: orNull(isDecimal),
  excluded: list(row(integer, integer, text)), excluded_wh: mapOf(integer), recalculated: list(row(integer, integer)),
  decisions: list(table(decision)), unmeasured_s: count, u80_wh: count, u90_wh: count, u95_wh: count,
  evidence: oneOf(EVIDENCE), assumptions: list(table({code: text, data: isObject})), contract_kwh: mapOf(isDecimal),
  adjusted_kwh: isDecimal,
};
const MONTH = {
  s: text, contract: text, plan: hash, month: (value) => /^[0-9]{4}-(0[1-9]|1[0-2])$/.test(value), from_ms: count,
  to_ms: count, revision: positive, drafted_ms: count, site: text, gateway: text, gateway_key: hash,
  ledger: table({first: positive, last: positive, hash}), motor: isObject,
  amount: table({value: isDecimal, year: positive, share: isDecimal, net: isDecimal, vat: isDecimal, gross: isDecimal}),
};
const COUNTED = {counted: table({compared: isDecimal, measured: isDecimal})};
const SIMULATED = {simulated: (value) => value === true};
const REVISION = {replaces: hash, reason: (value) => text(value) && value.trim() !== ""};

// Rejects a document whose form is wrong, naming the member.
export const checkMonth = (month) => {
  checkMembers(month, month.revision === 1 ? MONTH : {...MONTH, ...REVISION}, SIMULATED, "");
  for (const [name, motor] of Object.entries(month.motor)) {
    if (!isObject(motor)) reject("month_form", {key: `motor.${name}`});
    checkMembers(motor, MOTOR, COUNTED, `motor.${name}.`);
  }
};

const checkMembers = (value, required, optional, place) => {
  for (const key of new Set([...Object.keys(required), ...Object.keys(value)])) {
    const member = key in required ? required[key] : key in optional && optional[key];
    if (!member || !(key in value) || !member(value[key])) reject("month_form", {key: place + key});
  }
};
