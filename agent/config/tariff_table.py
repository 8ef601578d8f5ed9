"""The table [tariff] → agent.config.tariff.Tariff; times without a price and overlapping periods are problems."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from agent.config import emission_factors, schema
from agent.config import reasons as codes
from agent.config.schema import ConfigReport, KeySpec
from agent.config.tariff import DAY_KINDS, DemandCharge, Tariff, TariffPeriod, flat, gaps_and_overlaps
from drivers.file_reasons import with_suggestion
from drivers.reasons import InvalidValue

_price = schema.number(-1000, 1e6)


def _prices(value: Any) -> dict[str, float]:
    if not isinstance(value, dict) or not value:
        raise InvalidValue(codes.PRICES_EXPECTED)
    return {str(name): _price(price) for name, price in value.items()}


def _clock(value: Any) -> int:
    found = schema.matched(value, r"(\d\d?):(00|15|30|45)", codes.QUARTER_HOUR_EXPECTED())
    quarter = int(found[1]) * 4 + int(found[2]) // 15
    if quarter > 96:
        raise InvalidValue(codes.QUARTER_HOUR_EXPECTED)
    return quarter


def _standard(value: Any) -> float:
    if value not in (0.80, 0.85, 0.90):
        raise InvalidValue(codes.POWER_FACTOR_STANDARD_EXPECTED)
    return float(value)


PERIOD = {
    "price": KeySpec(schema.text),
    "from": KeySpec(_clock),
    "to": KeySpec(_clock),
    "days": KeySpec(schema.list_of(schema.one_of(*DAY_KINDS), '["workday"]'), ("all",)),
    "months": KeySpec(schema.list_of(schema.integer(1, 12), "[7, 8]"), tuple(range(1, 13))),
}
DEMAND = {
    "price": KeySpec(schema.number(0, 1e6)),
    "per": KeySpec(schema.one_of("kW", "kVA"), "kW"),
    "window": KeySpec(schema.duration(900, 3600), 900.0),
    "settled_at": KeySpec(schema.one_of("site", "motor"), "site"),
}
TARIFF = {
    "prices": KeySpec(_prices),
    "period": KeySpec(schema.anything, None),
    "prices_in": KeySpec(schema.anything, None),
    "holidays": KeySpec(schema.list_of(schema.day, "[2026-10-01]"), ()),
    "demand": schema.optional_table(DEMAND),
    "power_factor": KeySpec(_standard, None),
    "reading_day": KeySpec(schema.integer(1, 28), 1),
}


def read_tariff(raw: Mapping[str, Any], site: Mapping[str, Any] | None, report: ConfigReport) -> Tariff | None:
    """The tariff from [tariff], else one price from site.energy_price, else None: costs are not known."""
    currency, zone = (site["currency"] or "", site["timezone"]) if site else ("", "UTC")
    if site and (named := site["grid_factor"]) is not None:
        try:
            emission_factors.grid_factor(named)
        except ValueError as error:
            report.problem("site.grid_factor", schema.reason_of_error(error), named)
    table = raw.get("tariff")
    if table is None:
        price = site["energy_price"] if site else None
        return flat(price, currency, zone) if price is not None else None
    before = len(report.problems)
    values = schema.read_table(table, TARIFF, "tariff", report)
    if values is None:
        return None
    if site and site["energy_price"] is not None:
        report.finding("site.energy_price", codes.PRICE_UNUSED(), site["energy_price"])
    if not currency:
        report.finding("site.currency", codes.TARIFF_CURRENCY_MISSING())
    periods = _periods(values, report)
    months = _prices_in(values, report)
    read = values["demand"]
    demand = DemandCharge(read["price"], read["per"], int(read["window"]), read["settled_at"]) if read else None
    if demand and demand.window_s % 900:
        report.problem("tariff.demand.window", codes.WINDOW_NOT_QUARTER_HOURS())
    if len(report.problems) > before:
        return None
    days: frozenset[date] = frozenset(values["holidays"])
    tariff = Tariff(currency, zone, values["prices"], periods, months, days, demand, values["power_factor"],
                    values["reading_day"])  # fmt: skip
    for problem in gaps_and_overlaps(tariff):
        report.problem("tariff.period", problem)
    return tariff if len(report.problems) == before else None


def _periods(values: Mapping[str, Any], report: ConfigReport) -> tuple[TariffPeriod, ...]:
    prices, rows = values["prices"], values["period"]
    if rows is None:
        if len(prices) == 1:
            return (TariffPeriod(next(iter(prices)), (0, 96)),)
        report.problem("tariff.period", codes.PERIODS_MISSING(prices=tuple(prices)))
        return ()
    if not isinstance(rows, list):
        report.problem("tariff.period", codes.PERIOD_TABLES_EXPECTED())
        return ()
    found = []
    for number, row in enumerate(rows, 1):
        where = f"tariff.period {number}"
        read = schema.read_table(row, PERIOD, where, report)
        if read is None:
            continue
        if read["price"] not in prices:
            report.problem(
                f"{where}.price", with_suggestion(codes.PRICE_UNKNOWN(), read["price"], prices), read["price"]
            )
        elif read["from"] == read["to"] or (read["from"], read["to"]) == (96, 0):
            report.problem(where, codes.TARIFF_PERIOD_EMPTY())
        else:
            found.append(TariffPeriod(read["price"], (read["from"] % 96, read["to"]), read["days"], read["months"]))
    return tuple(found)


def _prices_in(values: Mapping[str, Any], report: ConfigReport) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    table = values["prices_in"] if values["prices_in"] is not None else {}
    if not isinstance(table, dict):
        report.problem("tariff.prices_in", codes.MONTH_PRICES_EXPECTED(), table)
        return found
    for month, prices in table.items():
        where = f"tariff.prices_in.{month}"
        if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
            report.problem(where, codes.MONTH_EXPECTED())
            continue
        try:
            found[month] = _prices(prices)
        except ValueError as error:
            report.problem(where, schema.reason_of_error(error), prices)
            continue
        for name in found[month].keys() - values["prices"].keys():
            report.problem(f"{where}.{name}", codes.PRICE_UNKNOWN())
    return found
