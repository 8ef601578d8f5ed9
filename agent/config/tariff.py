"""Tariff: prices by time of use, a demand charge, a power-factor rule, and the meter-reading day.

The clock of the site's time zone selects the price; prices change at intervals of 15 min, so an interval has one
price.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from itertools import groupby, product

from msgspec import Struct, field

from agent.config.reasons import NOT_A_MONTH, PRICE_MISSING, PRICES_OVERLAP, TARIFF_GAP, TARIFF_OVERLAP
from agent.core.local_time import local_datetime, zone_of
from drivers.reasons import InvalidValue, Reason

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_KINDS = ("all", "workday", "weekend", "holiday", *DAYS)
QUARTERS = 96


class TariffPeriod(Struct, frozen=True):
    """When a price applies.

    price: a name in Tariff.prices.
    quarters: [first, end) of the local day in intervals of 15 min, 0–96; over midnight when end ≤ first.
    days: of DAY_KINDS.
    months: 1–12.
    """

    price: str
    quarters: tuple[int, int]
    days: tuple[str, ...] = ("all",)
    months: tuple[int, ...] = tuple(range(1, 13))

    def contains(self, quarter: int) -> bool:
        first, end = self.quarters
        return first <= quarter < end if first < end else quarter >= first or quarter < end


class DemandCharge(Struct, frozen=True):
    """A charge on the largest mean power of the month.

    price: per kW or kVA and month.
    per: kW | kVA.
    window_s: averaging time.
    settled_at: site (meter of the plant; the share of one motor is unknown) | motor (this meter is billed).
    """

    price: float
    per: str = "kW"
    window_s: int = 900
    settled_at: str = "site"


class Tariff(Struct, frozen=True):
    """Prices and rules of the energy supplier.

    zone: time zone.
    prices: name → price per kWh.
    prices_in: month "2026-10" → prices that replace them.
    holidays: dates with the day kind holiday.
    power_factor: 0.80, 0.85 or 0.90 of the Chinese rule; None: no rule.
    reading_day: 1–28; the billing month starts on it at 0:00.
    """

    currency: str
    zone: str
    prices: Mapping[str, float]
    periods: tuple[TariffPeriod, ...]
    prices_in: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    holidays: frozenset[date] = frozenset()
    demand: DemandCharge | None = None
    power_factor: float | None = None
    reading_day: int = 1

    def price(self, start_ms: int) -> tuple[str, float]:
        """Name and value per kWh of the price at that time. Raises InvalidValue when there is none or more than one."""
        local = local_datetime(start_ms, self.zone)
        quarter = local.hour * 4 + local.minute // 15
        found = [each.price for each in self.active(local.month, self.day_kind(local.date())) if each.contains(quarter)]
        if not found:
            raise InvalidValue(TARIFF_GAP, at_ms=start_ms)
        if len(found) > 1:
            raise InvalidValue(TARIFF_OVERLAP, n=len(found), at_ms=start_ms)
        name = found[0]
        return name, self.prices_in.get(self.month_of(local.date()), {}).get(name, self.prices[name])

    def active(self, month: int, day_kind: str) -> list[TariffPeriod]:
        """The periods that apply on such a day. day_kind: of `day_kinds`."""
        kinds = {"all", "holiday"} if day_kind == "holiday" else {
            "all", day_kind, "workday" if day_kind in DAYS[:5] else "weekend"}  # fmt: skip
        return [period for period in self.periods if month in period.months and kinds & set(period.days)]

    @property
    def day_kinds(self) -> tuple[str, ...]:
        """The days of the week, and holidays if the tariff has prices for them."""
        return (*DAYS, "holiday") if any("holiday" in period.days for period in self.periods) else DAYS

    def day_kind(self, day: date) -> str:
        return "holiday" if day in self.holidays and "holiday" in self.day_kinds else DAYS[day.weekday()]

    def month_of(self, day: date) -> str:
        """The billing month; with another reading day than the first it has the name of the month in which it ends."""
        if self.reading_day > 1 and day.day >= self.reading_day:
            day = day.replace(day=1) + timedelta(days=32)
        return f"{day:%Y-%m}"

    def bounds_ms(self, month: str) -> tuple[int, int]:
        """Start and end of the billing month "2026-10", UTC. Raises InvalidValue."""
        return month_bounds_ms(month, self.zone, self.reading_day)


def month_bounds_ms(month: str, zone: str, reading_day: int = 1) -> tuple[int, int]:
    """Start and end of a billing month, from reading day to reading day at 0:00 local time. Raises InvalidValue."""
    try:
        first = datetime.strptime(month, "%Y-%m").replace(tzinfo=zone_of(zone))
    except ValueError:
        raise InvalidValue(NOT_A_MONTH, text=month) from None
    if reading_day == 1:
        begin, end = first, (first + timedelta(days=32)).replace(day=1)
    else:
        begin, end = (first - timedelta(days=1)).replace(day=reading_day), first.replace(day=reading_day)
    return round(begin.timestamp() * 1000), round(end.timestamp() * 1000)


def flat(price: float, currency: str, zone: str) -> Tariff:
    """One price at all times."""
    return Tariff(currency, zone, {"flat": price}, (TariffPeriod("flat", (0, QUARTERS)),))


def gaps_and_overlaps(tariff: Tariff) -> list[Reason]:
    """Times without a price and times with several; empty: each interval of every kind of day has one price."""
    found: dict[tuple[int, int, tuple[str, ...]], dict[str, list[int]]] = {}
    for month, kind in product(range(1, 13), tariff.day_kinds):
        for first, end, names in _uneven(tariff.active(month, kind)):
            found.setdefault((first, end, tuple(names)), {}).setdefault(kind, []).append(month)
    return [reason for place, by_kind in found.items() for reason in _reasons_of(*place, by_kind)]


def _uneven(active: list[TariffPeriod]) -> Iterable[tuple[int, int, list[str]]]:
    """Parts of a day in which not exactly one price applies: (first, end, prices)."""

    def prices_at(quarter: int) -> list[str]:
        return [period.price for period in active if period.contains(quarter)]

    for prices, group in groupby(range(QUARTERS), prices_at):
        quarters = list(group)
        if len(prices) != 1:
            yield quarters[0], quarters[-1] + 1, prices


def _reasons_of(first: int, end: int, prices: tuple[str, ...], by_kind: Mapping[str, list[int]]) -> Iterable[Reason]:
    """One reason for all kinds of day that are affected in the same months."""
    by_months: dict[tuple[int, ...], list[str]] = {}
    for kind, months in by_kind.items():
        by_months.setdefault(tuple(months), []).append(kind)
    for in_months, kinds in by_months.items():
        data = {
            "start": _clock(first), "end": _clock(end),
            "days": ("all",) if set(DAYS) <= set(kinds) else tuple(kinds),
            "months": ("all",) if len(in_months) == 12 else tuple(map(str, in_months)),
        }  # fmt: skip
        yield PRICES_OVERLAP(prices=prices, **data) if prices else PRICE_MISSING(**data)


def _clock(quarter: int) -> str:
    return f"{quarter // 4:02d}:{quarter % 4 * 15:02d}"
