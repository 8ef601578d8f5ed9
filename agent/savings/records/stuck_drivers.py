"""Stuck signals: a transmitter that repeats one value while the energy moves has no value.

A signal may hold one value for hours: a setpoint, a standstill, the end of a measuring range. A stuck one shows
by energy that the model does not explain. The limits are ours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import fmean, median
from typing import NamedTuple

from msgspec.structs import replace

from agent.savings.records.model import Interval

HELD_S_MIN = 7200.0  # shortest time of one value that is checked
HELD_MIN = 4  # intervals of it
MOVED = 3.0  # standard deviation of the energy, in those of the residuals, from which the signal is stuck
MOVED_AS_OTHERS = 2.0  # the same, in those of other times with this value
LONG_S, LONGER, MOVED_AT_ALL = 43_200.0, 5.0, 0.5  # a value that is held for longer than this, and for several times
# the longest time otherwise, is stuck if the energy moves at all: a temperature that has little effect on the energy
SLOPE_MOST = 3.0  # effect of the other drivers to that in the baseline: power over flow is cubic with variable speed
SAME = 1e-9  # relative difference of equal values: a mean over time has rounding errors
GAP_MS_MAX = 3_600_000  # time without a value over which a signal still holds it; a longer one ends the run
OTHERS_MIN = 2  # other times with this value that are needed for this


Powers = Callable[[Interval], tuple[float, float] | None]


class HeldValue(NamedTuple):
    """A time in which a signal repeated one value.

    first, last: positions of its first and last interval.
    value: of the signal, rounded to 9 digits.
    seconds: how long it was held.
    spread_w: standard deviation of what the model does not explain of the mean power of its intervals, without the
        first and the last one.
    """

    first: int
    last: int
    value: float
    seconds: float
    spread_w: float


def held_values(found: Sequence[Interval], name: str, powers: Powers) -> list[HeldValue]:
    """All times in which a signal repeated one value for long enough.

    found: in order.
    powers: mean power of an interval, and that of the model, W; None: it does not count, as when the motor was off.
    """
    held = []
    for members in _runs(found, name):
        (first, begin), (last, end) = members[0], members[-1]
        if len(members) < HELD_MIN or end.end_ms - begin.start_ms < 1000 * HELD_S_MIN:
            continue
        pairs = [pair for _, item in members[1:-1] if (pair := powers(item)) is not None]
        if len(pairs) > 1:
            value, seconds = float(f"{begin.drivers[name].mean:.9g}"), (end.end_ms - begin.start_ms) / 1000
            held.append(HeldValue(first, last, value, seconds, _unexplained(pairs)))
    return held


def _unexplained(pairs: Sequence[tuple[float, float]]) -> float:
    """Standard deviation of the first values about a line over the second ones: other drivers can move the energy.

    The slope is limited: a driver with little effect that resembles the true values of the stuck one must not explain
    all of their effect.
    """
    y_mean, x_mean = fmean([y for y, _ in pairs]), fmean([x for _, x in pairs])
    yy = fmean([(y - y_mean) ** 2 for y, _ in pairs])
    xx = fmean([(x - x_mean) ** 2 for _, x in pairs])
    xy = fmean([(y - y_mean) * (x - x_mean) for y, x in pairs])
    slope = min(max(xy / xx, 0.0), SLOPE_MOST) if xx > 0 else 0.0
    return math.sqrt(max(yy - 2 * slope * xy + slope * slope * xx, 0.0))


def spreads_by_value(held: Sequence[HeldValue]) -> dict[float, float]:
    """Value → median spread of the power while it was held, W; of values that were held more than once."""
    by_value: dict[float, list[float]] = {}
    for item in held:
        by_value.setdefault(item.value, []).append(item.spread_w)
    return {value: median(spreads) for value, spreads in by_value.items() if len(spreads) > OTHERS_MIN}


def is_stuck(held: HeldValue, residual_w: float, usual_w: float | None, longest_s: float | None) -> bool:
    """residual_w: standard deviation of the residuals of the model. usual_w: spread of the power at other times with
    this value; None: there are too few. longest_s: longest time that another value was held; None: unknown.
    """
    if longest_s is not None and held.seconds > max(LONG_S, LONGER * longest_s):
        return held.spread_w > MOVED_AT_ALL * residual_w
    return held.spread_w > max(MOVED * residual_w, MOVED_AS_OTHERS * (usual_w or 0.0))


def without_driver(found: Sequence[Interval], name: str, stuck: Sequence[HeldValue]) -> list[Interval]:
    """The intervals; the signal is missing while it was stuck."""
    result = list(found)
    for item in stuck:
        for k in range(item.first, item.last + 1):
            drivers = {other: value for other, value in result[k].drivers.items() if other != name}
            result[k] = replace(result[k], drivers=drivers)
    return result


def first_run_end_ms(found: Sequence[Interval], name: str, begin_ms: int) -> int | None:
    """End of the run of one value that may have begun before begin_ms (UTC ms); None: there is none.

    found: in order, from begin_ms on.
    """
    runs = _runs(found, name)
    return runs[0][-1][1].end_ms if runs and runs[0][0][1].start_ms - begin_ms <= GAP_MS_MAX else None


def last_run_start_ms(found: Sequence[Interval], name: str, end_ms: int) -> int | None:
    """Start of the run of one value that may continue after end_ms (UTC ms); None: there is none.

    found: in order, up to end_ms.
    """
    runs = _runs(found, name)
    return runs[-1][0][1].start_ms if runs and end_ms - runs[-1][-1][1].end_ms <= GAP_MS_MAX else None


def _runs(found: Sequence[Interval], name: str) -> list[list[tuple[int, Interval]]]:
    """The intervals that have the signal, with their positions, divided where its value changes and by long gaps."""
    runs: list[list[tuple[int, Interval]]] = []
    for k, item in enumerate(found):
        if name not in item.drivers:
            continue
        last = runs[-1][-1][1] if runs else None
        if last is not None and _holds(last, item, name) and item.start_ms - last.end_ms <= GAP_MS_MAX:
            runs[-1].append((k, item))
        else:
            runs.append([(k, item)])
    return runs


def _holds(one: Interval, other: Interval, name: str) -> bool:
    return math.isclose(one.drivers[name].mean, other.drivers[name].mean, rel_tol=SAME, abs_tol=1e-12)
