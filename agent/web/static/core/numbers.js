// Numbers as people read them: thin spaces between thousands, a true minus, the decimals that U allows.
import {_, locale} from "./text.js";

const THIN = "\u2009";
export const UNKNOWN = "—";

/** A number with a fixed count of decimals; never "−0". A negative count rounds to tens, hundreds. null: a dash. */
export function fixed(value, decimals = 0) {
  if (value === null || value === undefined || !Number.isFinite(value)) return UNKNOWN;
  const step = 10 ** Math.max(0, -decimals);
  const [whole, part] = (step === 1 ? Math.abs(value) : Math.round(Math.abs(value) / step) * step).toFixed(Math.max(0, decimals)).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, THIN);
  const digits = part === undefined ? grouped : `${grouped}.${part}`;
  return value < 0 && /[1-9]/.test(digits) ? `−${digits}` : digits;
}

/** Decimals with which U has two significant digits, at least `least`, at most `most`. */
export function decimalsOf(u, least = 0, most = 3) {
  if (!(u > 0)) return Math.max(0, least);
  const exact = 1 - Math.floor(Math.log10(u));
  const next = Math.round(u * 10 ** exact) >= 100 ? exact - 1 : exact; // 0.0998 becomes 0.10
  return Math.min(most, Math.max(least, next));
}

/** The time of day, hh:mm:ss, or hh:mm. time: ISO text or milliseconds; zone: of the plant. */
export function clock(time, zone, seconds = true) {
  const options = {hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone};
  return formatter("en-GB", seconds ? {...options, second: "2-digit"} : options).format(new Date(time));
}

/** Day and month; year: with the year. */
export function day(time, zone, year = false) {
  const options = {day: "numeric", month: "short", timeZone: zone};
  return formatter(locale(), year ? {...options, year: "numeric"} : options).format(new Date(time));
}

/** Day and month, with the time of day. */
export const dayAndTime = (time, zone, seconds = true) => `${day(time, zone)}, ${clock(time, zone, seconds)}`;

/** "12 s", "5 min", "3 h", "2 d"; rounded down. */
export function age(seconds) {
  if (seconds === null || seconds === undefined) return UNKNOWN;
  return words(seconds).replace(" ", "\u00a0");
}

function words(seconds) {
  if (seconds < 100) return _("{n} s", {n: Math.floor(Math.max(0, seconds))});
  if (seconds < 6000) return _("{n} min", {n: Math.floor(seconds / 60)});
  if (seconds < 172800) return _("{n} h", {n: Math.floor(seconds / 3600)});
  return _("{n} d", {n: Math.floor(seconds / 86400)});
}

const formatters = new Map();

function formatter(language, options) {
  const key = language + JSON.stringify(options);
  if (!formatters.has(key)) formatters.set(key, new Intl.DateTimeFormat(language, options));
  return formatters.get(key);
}
