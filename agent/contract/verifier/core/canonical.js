// Canonical JSON of documents: RFC 8785 (JCS) of values without fractions.
import {reject} from "./rejection.js";

const DEPTH_MAX = 12;
const HALF_PAIR = /[\ud800-\udbff](?![\udc00-\udfff])|(?:[^\ud800-\udbff]|^)[\udc00-\udfff]/;

// The canonical text of a value of strict_json.js.
export const canonical = (value, depth = DEPTH_MAX) => {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return isText(value) ? JSON.stringify(value) : reject("text_not_unicode");
  if (typeof value === "number") return Number.isSafeInteger(value) ? String(value) : reject("number_not_exact");
  if (!Array.isArray(value) && !isObject(value)) return reject("number_not_exact", {number: value.text});
  if (depth === 0) return reject("json_too_deep");
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item, depth - 1)).join(",")}]`;
  const keys = Object.keys(value).sort();  // by UTF-16 code units
  return `{${keys.map((key) => `${canonical(key)}:${canonical(value[key], depth - 1)}`).join(",")}}`;
};

// Whether a string consists of characters, not of halves of them.
export const isText = (text) => !HALF_PAIR.test(text);

// Whether a value of strict_json.js is an object, not a list or a number.
export const isObject = (value) => value !== null && typeof value === "object" && Object.getPrototypeOf(value) === null;

// Whether an object has these members, all of them, and at most the optional ones besides.
export const hasMembers = (value, names, optional = []) =>
  isObject(value) && names.every((name) => name in value) &&
  Object.keys(value).every((name) => names.includes(name) || optional.includes(name));
