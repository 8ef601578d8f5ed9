"""Limits of harmonics, THD and unbalance that the page shows with the measured values."""

from __future__ import annotations

from functools import cache
from itertools import chain

from msgspec import Struct

from dsp.limits import ORDERS, Limit, about, limits

CHOICES = ("iec61000-2-4", "gbt14549", "en50160", "ieee519")
UNBALANCE_OF = {"gbt14549": "gbt15543"}  # standard → the one that limits the unbalance in the same series
_CHINA = ("Asia/Shanghai", "Asia/Urumqi", "Asia/Chongqing", "Asia/Harbin", "PRC")
_LOW_V = 400.0


class ShownLimits(Struct, frozen=True):
    """The strictest limit of each quantity of one standard.

    key: one of CHOICES. title: of the standard. mark: "S" | "M", see `dsp.limits`. source: of the values.
    in_plant: whether the standard applies inside the plant; otherwise it applies at the point of common coupling.
    orders_pct: of the voltage, by order from 0 to 50; None: no limit. thd_pct, unbalance_pct: None: no limit.
    percent, interval_s, period_s: `percent` of the values over interval_s within period_s must not exceed the limit.
    """

    key: str
    title: str
    mark: str
    source: str
    in_plant: bool
    orders_pct: tuple[float | None, ...]
    thd_pct: float | None
    unbalance_pct: float | None
    percent: float
    interval_s: int
    period_s: int


def default_standard(zone: str) -> str:
    """The standard that a plant in this time zone is compared with first."""
    return "gbt14549" if zone in _CHINA else "iec61000-2-4"


@cache
def shown_limits(key: str, line_v: float | None) -> ShownLimits | None:
    """The limits of one of CHOICES at a nominal line voltage (V; None: unknown, low voltage is assumed).

    None: the standard does not cover this voltage.
    """
    info = about(key)
    found = _of(key, line_v)
    if not found:
        return None
    strictest: dict[tuple[str, int], Limit] = {}
    for limit in chain(found, _of(UNBALANCE_OF[key], line_v) if key in UNBALANCE_OF else ()):
        at = limit.quantity, limit.order
        if at not in strictest or limit.high < strictest[at].high:
            strictest[at] = limit
    thd, unbalance = strictest.get(("thd_u", 0)), strictest.get(("u2", 0))
    orders = [strictest.get(("h_u", order)) for order in range(ORDERS + 1)]
    statistic = (thd or found[0]).statistic
    return ShownLimits(
        key, info.title, (thd or found[0]).mark, info.source, "in-plant" in info.places,
        tuple(limit and limit.high for limit in orders), thd and thd.high, unbalance and unbalance.high,
        statistic.percent, statistic.interval_s, statistic.period_s,
    )  # fmt: skip


def _of(key: str, line_v: float | None) -> tuple[Limit, ...]:
    return limits(key, about(key).places[0], line_v or _LOW_V)
