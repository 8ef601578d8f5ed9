// Which price of a plan applies when, and the bounds of a billing month.
import {weekday} from "./calendar.js";
import {reject} from "./rejection.js";

const QUARTERS = 96;
const DAYS = ["mon", "tue", "wed", "thu", "fri"];
const MONTHS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

// The quarter hour 0 to 96 of "7:15"; null: it is none.
export const quarterOf = (clock) => {
  const found = typeof clock === "string" && /^([0-9]{1,2}):(00|15|30|45)$/.exec(clock);
  const quarter = found ? Number(found[1]) * 4 + Number(found[2]) / 15 : QUARTERS + 1;
  return quarter <= QUARTERS ? quarter : null;
};

export class Tariff {
  // price: table of a plan that was checked. time: LocalTime of the plan.
  constructor(price, time) {
    this.time = time;
    this.readingDay = price.reading_day || 1;
    this.prices = Object.keys(price.per_kwh);
    this.periods = (price.period || []).map((row) => ({
      price: row.price, first: quarterOf(row.from) % QUARTERS, end: quarterOf(row.to), days: row.days || ["all"],
      months: row.months || MONTHS,
    }));
    const named = this.periods.some((period) => period.days.includes("holiday"));
    this.holidays = new Set(named ? price.holidays || [] : []);
  }

  // Name of the price at that time, UTC ms.
  price(ms) {
    if (this.prices.length === 1) return this.prices[0];
    const at = this.time.at(ms);
    const found = this.active(at).filter((period) => covers(period, at.quarter));
    return found.length === 1 ? found[0].price : reject("price_ambiguous", {at: at.text, count: found.length});
  }

  active(at) {
    const day = weekday(at.day);
    const kinds = this.holidays.has(at.day) ? ["all", "holiday"]
      : ["all", day, DAYS.includes(day) ? "workday" : "weekend"];
    return this.periods.filter((period) => period.months.includes(at.month) &&
      kinds.some((kind) => period.days.includes(kind)));
  }

  // Begin and end of the billing month "2026-10", UTC ms; it is named after the month in which it ends.
  bounds(month) {
    const [year, number] = month.split("-").map(Number);
    const shift = this.readingDay === 1 ? 0 : -1;
    const days = [0, 1].map((more) => new Date(Date.UTC(year, number - 1 + more + shift, this.readingDay)));
    return days.map((day) => this.time.beginOf(day.toISOString().slice(0, 10)));
  }
}

const covers = ({first, end}, quarter) =>
  first < end ? first <= quarter && quarter < end : quarter >= first || quarter < end;
