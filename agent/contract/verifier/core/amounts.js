// The amount of a month: from whole watt-hours to the fee with tax.
import {Fraction, ONE, ZERO} from "./fraction.js";
import {reject} from "./rejection.js";

const WH = Fraction.of(1000);  // per kWh
const HOUR_S = Fraction.of(3600);
export const ONE_PRICE = "";  // name of the figure of a formula that gives one for the month

// {motors: name → {kwh: price → Fraction, adjusted: Fraction}, value, year, share, net, vat, gross} of a month.
// firstDay: of the billing month. figures: motor → {energies: price → [M, C, A] in Wh, quantity, running_s}.
export const amountOf = (plan, firstDay, figures) => {
  const {rounding, energy_decimals: decimals, money_decimals: cents, negative_month: negative} = plan.settlement;
  const {year, share} = shareOf(plan.sharing, firstDay);
  const motors = Object.create(null);
  let value = ZERO;
  for (const [name, motor] of Object.entries(plan.motor)) {
    if (!(name in figures)) reject("motor_without_figures", {motor: name});
    const exact = contractKwh(name, motor, figures[name], Object.keys(plan.price.per_kwh).length > 1);
    const kwh = Object.create(null);
    for (const [price, energy] of Object.entries(exact)) {
      kwh[price] = energy.rounded(decimals, rounding);
      value = value.plus(kwh[price].times(priceOf(plan.price.per_kwh, price)));
    }
    const [, compared, adjusted] = sumOf(Object.values(figures[name].energies));
    motors[name] = {kwh, adjusted: Fraction.of(adjusted - compared).over(WH).rounded(decimals, rounding)};
  }
  if (negative === "zero" && value.negative) value = ZERO;
  const taxed = taxedFee(plan, value.times(share));
  return {motors, value: value.rounded(cents, rounding), exact: value, year, share, ...taxed};
};

// Year of the sharing period and the share in it.
const shareOf = (sharing, day) => {
  if (day < sharing.first) reject("before_sharing", {day, first: sharing.first});
  const begun = day.slice(5) >= sharing.first.slice(5) ? 1 : 0;
  const year = Number(day.slice(0, 4)) - Number(sharing.first.slice(0, 4)) + begun;
  const share = sharing.energy_service_company[year - 1];
  return share === undefined ? reject("no_share", {year}) : {year, share: Fraction.of(share)};
};

// The figure of the formula of a motor in kWh, by price, exact.
const contractKwh = (name, motor, figures, byPrice) => {
  const {energies} = figures;
  const rows = byPrice ? energies : {[ONE_PRICE]: sumOf(Object.values(energies))};
  const each = (kwh) =>
    Object.fromEntries(Object.entries(rows).map(([price, row]) => [price, kwh(...row.map(Fraction.of))]));
  if (motor.formula === "adjusted_baseline") return each((_, compared, adjusted) => adjusted.minus(compared).over(WH));
  if (motor.formula === "saving_rate") {
    const rate = Fraction.of(motor.saving_rate);
    return each((measured) => measured.times(rate).over(ONE.minus(rate).times(WH)));
  }
  const measured = Fraction.of(sumOf(Object.values(energies))[0]).over(WH);
  if (motor.formula === "specific_energy") {
    if (figures.quantity === null) reject("figure_missing", {motor: name, figure: "quantity"});
    return {[ONE_PRICE]: Fraction.of(motor.specific_energy_kwh).times(Fraction.of(figures.quantity)).minus(measured)};
  }
  if (figures.running_s === null) reject("figure_missing", {motor: name, figure: "running_s"});
  const reference = Fraction.of(motor.reference_kw).times(Fraction.of(figures.running_s)).over(HOUR_S);
  return {[ONE_PRICE]: reference.minus(measured)};
};

const sumOf = (rows) => rows.reduce((sum, row) => sum.map((wh, column) => wh + row[column]), [0, 0, 0]);

// The price of that name; of a plan with one price always that one.
const priceOf = (prices, name) => {
  const values = Object.values(prices);
  if (values.length === 1) return Fraction.of(values[0]);
  return name in prices ? Fraction.of(prices[name]) : reject("price_not_in_plan", {price: name});
};

// The fee without tax, the tax, and the fee with it.
const taxedFee = ({price, settlement: {money_decimals: cents, rounding}}, fee) => {
  const rate = Fraction.of(price.vat_rate);
  const first = fee.rounded(cents, rounding);
  if (price.includes_vat) {
    const vat = first.times(rate).over(ONE.plus(rate)).rounded(cents, rounding);
    return {net: first.minus(vat), vat, gross: first};
  }
  const vat = first.times(rate).rounded(cents, rounding);
  return {net: first, vat, gross: first.plus(vat)};
};
