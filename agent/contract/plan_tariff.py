"""The tariff of a plan: when each of its prices applies. The amount of a month uses it, whatever the configuration has.

Its periods are written as those of [tariff] in the configuration (agent.config.tariff_table).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from agent.config.schema import ConfigReport, Diagnostic
from agent.config.tariff import Tariff
from agent.config.tariff_table import read_tariff

TARIFF_KEYS = ("period", "holidays", "reading_day")


def plan_tariff(
    price: Mapping[str, Any], prices: Mapping[str, Decimal], zone: str, report: ConfigReport
) -> Tariff | None:  # fmt: skip
    """The tariff of the table [price]; None when it is wrong, and the report has the problems."""
    table = {key: price[key] for key in TARIFF_KEYS if price.get(key) not in (None, ())}
    if "holidays" in table:
        table["holidays"] = [_day(item) for item in table["holidays"]]
    table["prices"] = {name: float(value) for name, value in prices.items()}
    site = {"currency": price["currency"], "timezone": zone, "grid_factor": None, "energy_price": None}
    found = ConfigReport(report.file, report.lines)
    tariff = read_tariff({"tariff": table}, site, found)
    report.problems += [_in_plan(problem) for problem in found.problems]
    return tariff


def tariff_tables(tariff: Tariff) -> dict[str, Any]:
    """The keys of a tariff of the configuration, as the table [price] contains them."""
    found: dict[str, Any] = {"reading_day": tariff.reading_day}
    if tariff.holidays:
        found["holidays"] = sorted(day.isoformat() for day in tariff.holidays)
    if len(tariff.prices) > 1:
        found["period"] = [
            {"price": each.price, "from": _clock(each.quarters[0]), "to": _clock(each.quarters[1]),
             "days": list(each.days), "months": list(each.months)}
            for each in tariff.periods
        ]  # fmt: skip
    return found


def _clock(quarter: int) -> str:
    return f"{quarter // 4:02d}:{quarter % 4 * 15:02d}"


def _day(text: object) -> object:
    """A date from its text; what is none stays as it is and is reported."""
    try:
        return date.fromisoformat(text) if isinstance(text, str) else text
    except ValueError:
        return text


def _in_plan(problem: Diagnostic) -> Diagnostic:
    """The key of the plan instead of that of the configuration."""
    return replace(problem, key="price" + problem.key.removeprefix("tariff"))
