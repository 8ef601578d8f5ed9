// Reasons that the gateway states in a month: a code with data, rendered by texts of magwatt.
// REASONS: code → English and Chinese text; WORDS: word → both. The file is put together with them.
import {LANGUAGES} from "./language.js";

const UNITS = [["_m3_h", " m³/h"], ["_t_h", " t/h"], ["_pct", " %"], ["_t", " t"], ["_rpm", " r/min"],
  ["_bar", " bar"]];

// The text of {code, data}; a code without a text is shown as it is.
export const reasonText = ({code, data}, language, time) => {
  const at = LANGUAGES.indexOf(language);
  if (!(code in REASONS)) return `${code} ${JSON.stringify(data)}`;
  return REASONS[code][at].replace(/\{(\w+)(?::([^}]*))?\}/g, (_, name, format = "") =>
    fieldText(data[name], format, language, time));
};

// A word of the gateway, such as the cause of an exclusion; an unknown one is shown as it is.
export const wordText = (word, language) => (word in WORDS ? WORDS[word][LANGUAGES.indexOf(language)] : word);

const SEPARATORS = {en: ", ", zh: "、"};

const fieldText = (value, format, language, time) => {
  if (Array.isArray(value)) {
    return value.map((item) => fieldText(item, format, language, time)).join(SEPARATORS[language]);
  }
  if (value !== null && typeof value === "object") return reasonText(value, language, time);
  if (format.includes("|")) return format.split("|")[Number(value) === 1 ? 0 : 1];
  if (value === null || value === undefined) return "–";
  if (format === "word") return wordText(value, language);
  if (format === "signal") return signalText(value);
  if (format === "quoted") return `'${value}'`;
  if (format === "local") return time.at(Number(value)).text;
  return numberText(value, format);
};

const signalText = (name) => {
  const short = name.replace(/^signal_/, "");
  const [ending, unit] = UNITS.find(([end]) => short.endsWith(end)) || ["", ""];
  return short.slice(0, short.length - ending.length).replaceAll("_", " ") + unit;
};

const SCALES = {kwh: [0.001, 1], kw: [0.001, 2], pct: [100, 0], pct1: [100, 1]};

const numberText = (value, format) => {
  const number = Number(value);
  if (format in SCALES) return (SCALES[format][0] * number).toFixed(SCALES[format][1]);
  const fixed = /^\.(\d)f$/.exec(format);
  if (fixed) return number.toFixed(Number(fixed[1]));
  return /^(\.\d)?g$/.test(format) ? String(Number(number.toPrecision(Number(format[1]) || 6))) : String(value);
};
