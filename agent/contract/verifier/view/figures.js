// The tables of a month: plan, energies, amounts, signed and recalculated.
import {element, factsOf, tableOf} from "./dom.js";
import {wordText} from "./gateway_reason.js";
import {grouped, hoursOf, kwhOf, percentOf} from "./numbers.js";

// The sections of a revision whose figures were recalculated.
export const contractFigures = (result, text, language) => {
  const motors = Object.keys(result.revision.month.motor).map((motor) => energiesOf(motor, result, text, language));
  return [amountsOf(result, text), ...motors];
};

const amountsOf = ({revision: {month}, plan, amount, tariff, days, records}, text) => {
  const {currency, vat_rate: rate} = plan.price;
  const cents = plan.settlement.money_decimals;
  const row = (code, key, data, className) => Object.assign([text(code, data), grouped(month.amount[key]),
    grouped(amount[key].text(cents)), same(text)], {className});
  const share = [text("share", {year: month.amount.year}), percentOf(month.amount.share),
    percentOf(plan.sharing.energy_service_company[amount.year - 1]), same(text)];
  const rows = [row("value", "value", {currency}), share, row("net", "net", {currency}),
    row("vat", "vat", {currency, rate: percentOf(rate)}), row("gross", "gross", {currency}, "total")];
  const revision = [text("revision_of", {revision: month.revision, issued: tariff.time.at(month.drafted_ms).text})];
  if (month.reason) revision.push(element("div", {}, text("corrects", {reason: month.reason})));
  const facts = [
    [text("plan"), text("plan_of", {contract: plan.contract, version: plan.version, title: plan.project.title})],
    [text("boundary"), plan.project.boundary], [text("billing_month"), `${days[0]} – ${days[1]}`],
    [text("revision"), ...revision], [text("rounding"), text(plan.settlement.rounding)],
    [text("ledger_range"), text("range_of", {...month.ledger, records})],
  ];
  return element("section", {"data-part": "amounts"}, element("h2", {}, text("amounts_of_month", {month: month.month})),
    tableOf([text("quantity"), `#${text("signed")}`, `#${text("recalculated")}`, text("equal")], rows), factsOf(facts));
};

const same = (text) => element("span", {class: "passed"}, `✓ ${text("is_equal")}`);

const energiesOf = (name, result, text, language) => {
  const {revision: {month}, plan, amount} = result;
  const [motor, planned, calculated] = [month.motor[name], plan.motor[name], amount.motors[name]];
  const decimals = plan.settlement.energy_decimals;
  const columns = [text("price"), `#${text("measured_kwh")}`, `#${text("compared_kwh")}`, `#${text("adjusted_kwh")}`,
    `#${text("per_kwh", {currency: plan.price.currency})}`, `#${text("contract_kwh")}`];
  const kwh = (price) => (price in calculated.kwh ? grouped(calculated.kwh[price].text(decimals)) : "");
  const rows = Object.entries(plan.price.per_kwh).map(([price, value]) =>
    [priceText(price, text), ...motor.energies[price].map(kwhOf), value, kwh(price)]);
  const sums = [0, 1, 2].map((column) => Object.values(motor.energies).reduce((sum, row) => sum + row[column], 0));
  const total = Object.values(calculated.kwh).reduce((sum, each) => sum.plus(each)).text(decimals);
  rows.push(Object.assign([text("sum"), ...sums.map(kwhOf), "", grouped(total)], {className: "total"}));
  const heading = text("energies_of", {motor: `${name} (${planned.title})`});
  return element("section", {"data-motor": name}, element("h2", {}, heading),
    tableOf(columns, rows, "stacked"), factsOf(motorFacts(name, result, text, language)));
};

const PRICES = ["sharp", "peak", "flat", "valley"];

const priceText = (price, text) => (PRICES.includes(price) ? text(`price_${price}`) : price);

const motorFacts = (name, {revision: {month, missing}, plan, amount, registers, recalculated}, text, language) => {
  const [motor, planned] = [month.motor[name], plan.motor[name]];
  const term = planned.saving_rate || planned.specific_energy_kwh || planned.reference_kw;
  const accepted = motor.evidence === "provisional" && missing.length === 0;
  const facts = [
    [text("formula"), text(planned.formula, {term, unit: planned.quantity})],
    [text("adjusted_saving"), grouped(amount.motors[name].adjusted.text(plan.settlement.energy_decimals))],
    [text("uncertainty"), text("uncertainty_of",
      {u80: kwhOf(motor.u80_wh), u90: kwhOf(motor.u90_wh), u95: kwhOf(motor.u95_wh)})],
    [text("evidence"), text(`evidence_${accepted ? "accepted" : motor.evidence}`)],
    [text("excluded"), ...excludedOf(motor, text, language)],
    [text("unmeasured"), hoursOf(motor.unmeasured_s)],
  ];
  const {count, energy, recorded} = recalculated[name];
  if (count) {
    const data = {count, energy: kwhOf(energy), recorded: kwhOf(recorded)};
    facts.push([text("baseline_recalculated"), text("baseline_recalculated_of", data)]);
  }
  if (motor.running_s !== null) facts.push([text("running"), hoursOf(motor.running_s)]);
  if (motor.quantity !== null) facts.push([text("production"), grouped(motor.quantity)]);
  if (registers[name]) {
    const [first, last] = registers[name];
    const data = {first: kwhOf(first), last: kwhOf(last), difference: kwhOf(last - first)};
    facts.push([text("register"), text("register_of", data)]);
  }
  return facts;
};

const excludedOf = ({excluded_wh: excluded}, text, language) => {
  const parts = Object.entries(excluded).map(([code, energy]) =>
    element("div", {}, text("excluded_of", {cause: wordText(code, language), energy: kwhOf(energy)})));
  return parts.length ? parts : ["0 kWh"];
};
