// Days as texts "2026-10-01", which compare as days do, and the local time of a plant.
const DAY_MS = 86_400_000;
const QUARTER_MS = 900_000;
const WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

export const isDay = (value) => {
  if (typeof value !== "string" || !/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(value)) return false;
  const ms = Date.parse(`${value}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().slice(0, 10) === value;
};

export const weekday = (day) => WEEKDAYS[new Date(`${day}T00:00:00Z`).getUTCDay()];

const shifted = (day, days) => new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);

export const dayBefore = (day) => shifted(day, -1);
export const dayAfter = (day) => shifted(day, 1);

// first and last: the days of a period, both included; without last it is open.
export const contains = (period, day) => period.first <= day && (!period.last || day <= period.last);

// The clock of a time zone.
export class LocalTime {
  // zone: IANA name. Throws RangeError for one that this browser does not know.
  constructor(zone) {
    const parts = {year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric",
      second: "numeric"};
    this.format = new Intl.DateTimeFormat("en-US-u-ca-gregory-nu-latn", {timeZone: zone, hourCycle: "h23", ...parts});
    this.offsets = new Map();
  }

  // Local time minus UTC, ms; it changes only at quarter hours.
  offset(ms) {
    const quarter = Math.floor(ms / QUARTER_MS);
    if (!this.offsets.has(quarter)) this.offsets.set(quarter, this.computedOffset(quarter * QUARTER_MS));
    return this.offsets.get(quarter);
  }

  computedOffset(ms) {
    const at = Object.fromEntries(this.format.formatToParts(ms).map((part) => [part.type, Number(part.value)]));
    return Date.UTC(at.year, at.month - 1, at.day, at.hour, at.minute, at.second) - ms;
  }

  // {day: "2026-10-31", month: 1–12, quarter: 0–95 of the local day, text: "2026-10-31 23:45"}
  at(ms) {
    const text = new Date(ms + this.offset(ms)).toISOString();
    const quarter = Number(text.slice(11, 13)) * 4 + Math.floor(Number(text.slice(14, 16)) / 15);
    return {day: text.slice(0, 10), month: Number(text.slice(5, 7)), quarter, text: text.slice(0, 16).replace("T", " ")};
  }

  // The moment at which a local day begins, UTC ms. Where the clock skips midnight, the offset before counts.
  beginOf(day) {
    const wall = Date.parse(`${day}T00:00:00Z`);
    const [before, after] = [wall - DAY_MS, wall + DAY_MS].map((ms) => this.offset(ms));
    const found = [before, after].find((offset) => this.offset(wall - offset) === offset);
    return wall - (found === undefined ? before : found);
  }
}
