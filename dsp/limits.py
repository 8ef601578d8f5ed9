"""Power quality limits by standard and place, and comparison of values with them (tables/limits.toml).

Limits apply at the point of common coupling ("pcc") or inside the plant ("in-plant"). At the output of a drive
("drive-output") there are none, because its voltage is pulse-width modulated.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

PLACES = ("pcc", "in-plant", "drive-output")
STANDARDS = ("ieee519", "en50160", "gbt14549", "gbt15543", "gbt24337", "iec61000-2-4")
ORDERS = 50
DAY_S, WEEK_S = 86400, 604800


class Statistic(NamedTuple):
    """`percent` of the values must not exceed the limit.

    interval_s: aggregation interval of a value, s.
    percent: percentile that is compared, %.
    period_s: observation period, s.
    """

    interval_s: int
    percent: float
    period_s: int


class Limit(NamedTuple):
    """One limit value.

    quantity: h_u (% of nominal), thd_u (%), isg_u (% of nominal), u2 (%), plt, u (deviation, % of nominal), frequency
        (deviation, %), h_i and tdd (% of IL, or A).
    order: harmonic order of h_u, h_i and isg_u; otherwise 0.
    low: lower limit; -inf if only the upper side is limited.
    high: upper limit.
    unit: unit of low and high.
    statistic: percentile and period to which the limit applies.
    standard: title of the standard.
    mark: "S": seen in public sources; "M": from memory.
    """

    quantity: str
    order: int
    low: float
    high: float
    unit: str
    statistic: Statistic
    standard: str
    mark: str


class LimitFinding(NamedTuple):
    """A value compared with its limit.

    limit: the limit.
    value: in the unit of the limit; NaN if not measured.
    use: used share of the limit, 1 at the limit; NaN if not measured.
    complies: True if the value complies with the limit; None if there is no value.
    """

    limit: Limit
    value: float
    use: float
    complies: bool | None


class Standard(NamedTuple):
    """Description of a set of limits.

    title: title of the standard.
    places: members of PLACES where it applies.
    source: where the values were read.
    """

    title: str
    places: tuple[str, ...]
    source: str


def about(standard: str) -> Standard:
    """Description of one of STANDARDS. Raises ValueError for any other name."""
    table = _of(standard)
    return Standard(table["title"], tuple(table["places"]), table["source"])


def limits(
    standard: str,
    place: str,
    nominal_v: float,
    *,
    isc_over_il: float | None = None,
    short_circuit_mva: float | None = None,
    plant_class: int = 2,
    nominal_hz: float = 50.0,
) -> tuple[Limit, ...]:
    """All limits of a standard at a place; empty where the standard does not apply.

    standard: one of STANDARDS.
    place: one of PLACES.
    nominal_v: nominal line-to-line voltage, V.
    isc_over_il: short-circuit current over maximum demand load current; None: IEEE 519 gives voltage limits only.
    short_circuit_mva: short-circuit power at the point of common coupling, MVA; None: GB/T 14549 gives voltage limits
        only.
    plant_class: class 1, 2 or 3 of IEC 61000-2-4.
    nominal_hz: nominal frequency, Hz; determines which interharmonics are below 100 Hz.
    Raises ValueError for an unknown standard, place or class, and for a voltage that is not positive.
    """
    table = _of(standard)
    if place not in PLACES:
        raise ValueError(f"place must be one of {', '.join(PLACES)}, got {place!r}")
    if not nominal_v > 0.0:
        raise ValueError(f"nominal_v must be positive, got {nominal_v}")
    if place not in table["places"] or nominal_v > table.get("up_to_v", math.inf):
        return ()
    found: Mapping[str, Callable[[], Iterable[Limit]]] = {
        "ieee519": lambda: _ieee519(table, nominal_v, isc_over_il),
        "en50160": lambda: _en50160(table),
        "gbt14549": lambda: _gbt14549(table, nominal_v, short_circuit_mva),
        "gbt15543": lambda: (
            *_each(table, "u2", 0, table["unbalance"], "%", table["statistics"]),
            *_each(table, "u2", 0, table["unbalance_short"], "%", table["short_statistics"]),
        ),
        "gbt24337": lambda: _gbt24337(table, nominal_v, nominal_hz),
        "iec61000-2-4": lambda: _iec61000_2_4(table, plant_class),
    }
    return tuple(found[standard]())


@cache
def _of(standard: str) -> Mapping[str, Any]:
    if standard not in STANDARDS:
        raise ValueError(f"standard must be one of {', '.join(STANDARDS)}, got {standard!r}")
    tables: dict[str, dict[str, Any]] = tomllib.loads((files("dsp.tables") / "limits.toml").read_text("utf-8"))
    return tables[standard]


def _each(
    table: Mapping[str, Any], quantity: str, order: int, value: float, unit: str, statistics: Iterable[list[float]],
    mark: str | None = None, low: float = -math.inf,
) -> Iterable[Limit]:  # fmt: skip
    for interval_s, percent, period_s, factor in statistics:
        yield Limit(
            quantity, order, low * factor, value * factor, unit,
            Statistic(int(interval_s), float(percent), int(period_s)), table["title"], mark or table["mark"],
        )  # fmt: skip


def _up_to(rows: Iterable[list[float]], value: float) -> list[float]:
    return next(row for row in rows if value <= row[0])


def _ieee519(table: Mapping[str, Any], nominal_v: float, isc_over_il: float | None) -> Iterable[Limit]:
    _, each, thd = _up_to(table["voltage"], nominal_v)
    for order in range(2, ORDERS + 1):
        yield from _each(table, "h_u", order, each, "%", table["voltage_statistics"])
    yield from _each(table, "thd_u", 0, thd, "%", table["voltage_statistics"])
    if isc_over_il is None:
        return
    rows = next((block["rows"] for block in table["current"] if nominal_v <= block["up_to_v"]), None)
    if rows is None:
        return
    row = next(row for row in rows if isc_over_il < row[0])
    for order in range(2, ORDERS + 1):
        band = sum(order >= start for start in table["current_bands"][1:])
        share = table["even_share_to_6"] if order % 2 == 0 and order <= 6 else 1.0
        yield from _each(table, "h_i", order, share * row[1 + band], "% of IL", table["current_statistics"])
    yield from _each(table, "tdd", 0, row[-1], "% of IL", table["current_statistics"])


def _en50160(table: Mapping[str, Any]) -> Iterable[Limit]:
    first, last, rest = table["even_above"]
    orders = {int(order): value for order, value in table["orders"].items()}
    for order in range(2, last + 2):
        value = orders.get(order, rest if order % 2 == 0 and order >= first else None)
        if value is not None:
            yield from _each(table, "h_u", order, value, "%", table["statistics"])
    yield from _each(table, "thd_u", 0, table["thd"], "%", table["statistics"])
    other = table["other"]
    yield from _each(table, "u2", 0, other["unbalance"]["value"], "%", table["statistics"])
    plt = other["plt"]
    yield from _each(table, "plt", 0, plt["value"], "", [[7200, 95, WEEK_S, 1.0]], plt["mark"])
    u, f = other["voltage"], other["frequency"]
    yield from _each(table, "u", 0, u["high"], "%", table["statistics"], u["mark"], u["low"])
    yield from _each(table, "frequency", 0, f["high"], "%", [f["statistic"]], f["mark"], f["low"])


def _nearest(rows: Iterable[Any], nominal_v: float, of: Any) -> Any:
    """Row whose nominal voltage is nearest by ratio: 400 V uses the row of 380 V."""
    return min(rows, key=lambda row: abs(math.log(of(row) / nominal_v)))


def _gbt14549(table: Mapping[str, Any], nominal_v: float, short_circuit_mva: float | None) -> Iterable[Limit]:
    _, thd, odd, even = _nearest(table["voltage"], nominal_v, lambda row: row[0])
    first, last = table["voltage_orders"]
    for order in range(first, last + 1):
        yield from _each(table, "h_u", order, odd if order % 2 else even, "%", table["statistics"])
    yield from _each(table, "thd_u", 0, thd, "%", table["statistics"])
    if short_circuit_mva is None:
        return
    row = _nearest(table["current"], nominal_v, lambda row: row["nominal_v"])
    for order, amperes in enumerate(row["amperes"], 2):
        yield from _each(table, "h_i", order, amperes * short_circuit_mva / row["base_mva"], "A", table["statistics"])


def _gbt24337(table: Mapping[str, Any], nominal_v: float, nominal_hz: float) -> Iterable[Limit]:
    rows = table["all_users"]
    if nominal_v > rows[-1][0]:
        return
    _, slow, fast = _up_to(rows, nominal_v)
    for order in range(int(800.0 / nominal_hz)):  # entry h is between the orders h and h + 1
        value = slow if (order + 1) * nominal_hz <= 100.0 else fast
        yield from _each(table, "isg_u", order, value, "%", table["statistics"])


def _iec61000_2_4(table: Mapping[str, Any], plant_class: int) -> Iterable[Limit]:
    if plant_class not in (1, 2, 3):
        raise ValueError(f"plant_class must be 1, 2 or 3, got {plant_class}")
    one = table[f"class{plant_class}"]
    for order in range(2, ORDERS + 1):
        kind = "even" if order % 2 == 0 else "triplen" if order % 3 == 0 else "odd"
        value = one[kind].get(str(order))
        if value is None and kind == "triplen":
            value = one["triplen_beyond"]
        elif value is None:
            a, b = one[f"{kind}_beyond"]
            value = a * 10.0 / order + b if kind == "even" else a * 17.0 / order - b
        yield from _each(table, "h_u", order, value, "%", table["statistics"])
    yield from _each(table, "thd_u", 0, one["thd"], "%", table["statistics"])
    yield from _each(table, "u2", 0, one["unbalance"], "%", table["statistics"])
    up = 10.0 if plant_class == 3 else one["voltage"]
    yield from _each(table, "u", 0, up, "%", table["statistics"], low=-one["voltage"])


def compare(
    which: Iterable[Limit], values: Mapping[tuple[str, int, Statistic], float | tuple[float, float]]
) -> list[LimitFinding]:
    """Compare each limit with its value.

    which: limits, from limits().
    values: values of the worst phase by (quantity, order, statistic); a pair holds the lower and upper percentile of a
        deviation.
    A missing or NaN value gives complies None: a quantity that was not measured is not reported as compliant.
    """
    out = []
    for limit in which:
        given = values.get((limit.quantity, limit.order, limit.statistic), math.nan)
        low, high = given if isinstance(given, tuple) else (0.0, given)
        if math.isnan(low) or math.isnan(high):
            out.append(LimitFinding(limit, math.nan, math.nan, None))
            continue
        under = low / limit.low if low < 0.0 and math.isfinite(limit.low) else 0.0
        over = high / limit.high if limit.high > 0.0 else math.inf if high > 0.0 else 0.0
        value, use = (low, under) if under > over else (high, over)
        out.append(LimitFinding(limit, value, use, use <= 1.0))
    return out
