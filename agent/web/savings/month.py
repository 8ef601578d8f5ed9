"""The saving of the running month, which a child process computes from the state file."""

from __future__ import annotations

from msgspec import Struct, field

from agent.core.local_time import local_datetime
from agent.core.text import N_, Catalogue
from agent.web.base import values
from agent.web.base.context import Web
from agent.web.base.values import Absence, PageValue, Why

_MONTHS = (
    N_("January"), N_("February"), N_("March"), N_("April"), N_("May"), N_("June"), N_("July"), N_("August"),
    N_("September"), N_("October"), N_("November"), N_("December"),
)  # fmt: skip


class Money(PageValue):
    """currency: ISO 4217; None: no price is configured."""

    currency: str | None = None


class Day(Struct):
    """Saving of a day of the month, kWh. u_kwh: U95. complete: all its intervals are compared."""

    day: int
    saved_kwh: float | None
    u_kwh: float | None
    complete: bool


class Month(Struct):
    """The saving of a month.

    name: of the month, in the language of the reader. verdict: code of the saving; None: there is none.
    until: RFC 3339 of the last interval. motors: in the sum. of: all motors with a baseline.
    state: ready | pending (it is being computed) | none. running: this month; False: the last one with data.
    """

    month: str
    name: str
    saved_kwh: PageValue
    money: Money
    verdict: str | None = None
    verdict_text: str = ""
    until: str | None = None
    motors: int = 0
    of: int = 0
    days: list[Day] = field(default_factory=list)
    state: str = "none"
    why: Why | None = None
    running: bool = True


def month_name(month: str, catalogue: Catalogue) -> str:
    """ "2026-11" in words: "November 2026"."""
    year, number = month.split("-")
    return catalogue(N_("{month} {year}"), month=catalogue.translate(_MONTHS[int(number) - 1]), year=year)


def no_month(web: Web, absence: Absence, catalogue: Catalogue, state: str = "none") -> Month:
    """The running month without figures."""
    month = f"{local_datetime(web.now_ms(), web.zone):%Y-%m}"
    why = absence.why(catalogue)
    unknown = values.unknown(absence, catalogue)
    return Month(month, month_name(month, catalogue), unknown, Money(None, q="bad", why=why), state=state, why=why)
