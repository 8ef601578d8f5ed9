// Numbers as people read them: thin spaces between thousands, a true minus, the decimals that U allows.
import {locale} from "./text.js";

const THIN = "\u2009";
export const UNKNOWN = "—";

/** A number with a fixed count of decimals; never "−0". null: a dash. */
export function fixed(value, decimals = 0) {
  if (value === null || value === undefined || !Number.isFinite(value)) return UNKNOWN;
  const [whole, part] = Math.abs(value).toFixed(decimals).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, THIN);
  const digits = part === undefined ? grouped : `${grouped}.${part}`;
  return value < 0 && /[1-9]/.test(digits) ? `−${digits}` : digits;
}

/** Decimals with which U has two significant digits, at least `least`, at most `most`. */
export function decimalsOf(u, least = 0, most = 3) {
  if (!(u > 0)) return least;
  return Math.min(most, Math.max(least, 1 - Math.floor(Math.log10(u))));
}

/** The time of day, hh:mm:ss, or hh:mm. time: ISO text or milliseconds; zone: of the plant. */
export function clock(time, zone, seconds = true) {
  const options = {hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone};
  if (seconds) options.second = "2-digit";
  return new Intl.DateTimeFormat("en-GB", options).format(new Date(time));
}

/** Day and month, with the time of day. */
export function dayAndTime(time, zone) {
  const day = new Intl.DateTimeFormat(locale(), {day: "numeric", month: "short", timeZone: zone}).format(new Date(time));
  return `${day}, ${clock(time, zone)}`;
}

/** "12 s", "5 min", "3 h", "2 d"; rounded down. */
export function age(seconds) {
  if (seconds === null || seconds === undefined) return UNKNOWN;
  if (seconds < 100) return `${Math.floor(seconds)} s`;
  if (seconds < 6000) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}
