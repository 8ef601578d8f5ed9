"""The month of the plant: the sum of the motors of a report, with the rules of the report's own overview."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from agent.core.text import N_, Catalogue
from agent.savings.accounting.verdict import COVERAGE_LEAST, NEGATIVE, NOT_PROVEN, PROVEN, PROVISIONAL, UNDECIDED
from agent.web.base.values import PageValue, Why
from agent.web.savings.month import Day, Money
from drivers.reasons import Code

NOTHING_COMPARED = Code(
    "month_nothing_compared", "No saving is calculated for this month: no interval is compared with a baseline."
)
NO_PRICE = Code("month_no_price", "The saved money is unknown: the configuration states no price.")
CURRENCIES_DIFFER = Code("month_currencies_differ", "The motors have prices in several currencies: {currencies}.")


class MonthSum(Struct):
    """motors: with a saving. of: in the report. verdict: a word of the savings; None: no saving is calculated.

    days: by date; complete: at least 90 % of the day was measured and compared, with each motor that has a saving.
    """

    saved_kwh: PageValue
    money: Money
    verdict: str | None
    motors: int
    of: int
    days: list[Day]


def month_sum(motors: Sequence[dict[str, Any]], catalogue: Catalogue) -> MonthSum:
    """motors: of the JSON of a report. Uncertainties are added linearly, as in the report."""
    saved = [motor for motor in motors if motor["saving"] is not None and motor["saving"]["intervals"]]
    if not saved:
        why = _why(NOTHING_COMPARED(), N_("no baseline"), catalogue)
        return MonthSum(PageValue(None, q="bad", why=why), _money([], why, catalogue), None, 0, len(motors), [])
    kwh = sum(motor["saving"]["saved_wh"] for motor in saved) / 1000
    u_kwh = sum(motor["saving"]["u95_wh"] for motor in saved) / 1000
    verdict = _verdict(kwh, u_kwh, [motor["saving"]["verdict"] for motor in saved])
    quality = "good" if verdict == PROVEN else "uncertain"
    money = _money([motor["money"] for motor in saved if motor.get("money")], None, catalogue)
    return MonthSum(PageValue(kwh, u_kwh, quality), money, verdict, len(saved), len(motors), _days(saved))


def _verdict(kwh: float, u_kwh: float, verdicts: Sequence[str]) -> str:
    """As of one motor; PROVEN if the saving of each motor is."""
    if UNDECIDED in verdicts:
        return UNDECIDED
    if kwh + u_kwh < 0:
        return NEGATIVE
    if kwh - u_kwh <= 0:
        return NOT_PROVEN
    return PROVEN if set(verdicts) == {PROVEN} else PROVISIONAL


def _money(found: Sequence[dict[str, Any]], why: Why | None, catalogue: Catalogue) -> Money:
    currencies = sorted({str(money["currency"]) for money in found})
    if not found:
        return Money(None, q="bad", why=why or _why(NO_PRICE(), N_("no price"), catalogue))
    if len(currencies) > 1:
        reason = CURRENCIES_DIFFER(currencies=tuple(currencies))
        return Money(None, q="bad", why=_why(reason, N_("several currencies"), catalogue))
    return Money(sum(money["saved"] for money in found), sum(money["u95"] for money in found),
                      currency=currencies[0])  # fmt: skip


def _days(motors: Sequence[dict[str, Any]]) -> list[Day]:
    by_date: dict[str, list[dict[str, Any]]] = {}
    for motor in motors:
        for day in motor["days"]:
            by_date.setdefault(day["date"], []).append(day)
    found = []
    for date, days in sorted(by_date.items()):
        compared = [day for day in days if day["saved_wh"] is not None]
        u_wh = [day["u95_day_wh"] for day in compared]
        complete = len(compared) == len(motors) and all(day["coverage"] >= COVERAGE_LEAST for day in compared)
        found.append(
            Day(int(date[8:]), sum(day["saved_wh"] for day in compared) / 1000 if compared else None,
                sum(u_wh) / 1000 if u_wh and None not in u_wh else None, complete)
        )  # fmt: skip
    return found


def _why(reason: Any, short: str, catalogue: Catalogue) -> Why:
    return Why(str.__str__(reason.code), catalogue(short), catalogue.reason(reason))
