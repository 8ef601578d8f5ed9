"""The table [tariff] → agent.savings.tariff.Tariff; times without a price and overlapping periods are problems."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from agent import config_reasons as codes
from agent import schema
from agent.savings import carbon
from agent.savings.tariff import DAY_KINDS, Demand, Period, Tariff, flat, gaps_and_overlaps
from agent.schema import Key, Report
from drivers.file_reasons import with_suggestion
from drivers.reasons import InvalidValue


def _price(value: Any) -> float:
    return schema.number(-1000, 1e6)(value)


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
    "price": Key(schema.text),
    "from": Key(_clock),
    "to": Key(_clock),
    "days": Key(schema.list_of(schema.one_of(*DAY_KINDS), '["workday"]'), ("all",)),
    "months": Key(schema.list_of(schema.integer(1, 12), "[7, 8]"), tuple(range(1, 13))),
}
DEMAND = {
    "price": Key(schema.number(0, 1e6)),
    "per": Key(schema.one_of("kW", "kVA"), "kW"),
    "window": Key(schema.duration(900, 3600), 900.0),
    "settled_at": Key(schema.one_of("site", "motor"), "site"),
}
TARIFF = {
    "prices": Key(_prices),
    "period": Key(schema.anything, None),
    "prices_in": Key(schema.anything, None),
    "holidays": Key(schema.list_of(schema.day, "[2026-10-01]"), ()),
    "demand": schema.optional_table(DEMAND),
    "power_factor": Key(_standard, None),
    "reading_day": Key(schema.integer(1, 28), 1),
}


def read_tariff(raw: Mapping[str, Any], site: Mapping[str, Any] | None, report: Report) -> Tariff | None:
    """The tariff from [tariff], else one price from site.energy_price, else None: costs are not known."""
    currency, zone = (site["currency"] or "", site["timezone"]) if site else ("", "UTC")
    if site and (named := site["grid_factor"]) is not None:
        try:
            carbon.grid_factor(named)
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
    demand = Demand(read["price"], read["per"], int(read["window"]), read["settled_at"]) if read else None
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


def _periods(values: Mapping[str, Any], report: Report) -> tuple[Period, ...]:
    prices, rows = values["prices"], values["period"]
    if rows is None:
        if len(prices) == 1:
            return (Period(next(iter(prices)), (0, 96)),)
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
            unknown = with_suggestion(codes.PRICE_UNKNOWN(), read["price"], prices)
            report.problem(f"{where}.price", unknown, read["price"])
        elif read["from"] == read["to"] or (read["from"], read["to"]) == (96, 0):
            report.problem(where, codes.TARIFF_PERIOD_EMPTY())
        else:
            found.append(Period(read["price"], (read["from"] % 96, read["to"]), read["days"], read["months"]))
    return tuple(found)


def _prices_in(values: Mapping[str, Any], report: Report) -> dict[str, dict[str, float]]:
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
