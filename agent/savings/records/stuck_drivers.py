"""Stuck signals: a transmitter that repeats one value while the energy moves has no value.

A signal may hold one value for hours: a setpoint, a standstill, the end of a measuring range. What tells a stuck one
is energy that the model does not explain. The limits are ours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby
from statistics import fmean, median
from typing import NamedTuple

from agent.savings.records.model import Interval

HELD_S_MIN = 7200.0  # shortest time of one value that is checked
HELD_MIN = 4  # intervals of it
MOVED = 3.0  # standard deviation of the energy, in those of the residuals, from which the signal is stuck
MOVED_AS_OTHERS = 2.0  # the same, in those of other times with this value
OTHERS_MIN = 2  # other times with this value that are needed for this


Powers = Callable[[Interval], tuple[float, float] | None]


class HeldValue(NamedTuple):
    """A time in which a signal repeated one value.

    first, last: positions of its first and last interval.
    value: of the signal.
    spread_w: standard deviation of what the model does not explain of the mean power of its intervals, without the
        first and the last one.
    """

    first: int
    last: int
    value: float
    spread_w: float


def held_values(found: Sequence[Interval], name: str, powers: Powers) -> list[HeldValue]:
    """All times in which a signal repeated one value for long enough.

    found: in order.
    powers: mean power of an interval, and that of the model, W; None: it does not count, as when the motor was off.
    """
    known = [(k, item) for k, item in enumerate(found) if name in item.drivers]
    held = []
    for value, group in groupby(known, key=lambda pair: pair[1].drivers[name].mean):
        members = list(group)
        (first, begin), (last, end) = members[0], members[-1]
        if len(members) < HELD_MIN or end.end_ms - begin.start_ms < 1000 * HELD_S_MIN:
            continue
        pairs = [pair for _, item in members[1:-1] if (pair := powers(item)) is not None]
        if len(pairs) > 1:
            held.append(HeldValue(first, last, value, _unexplained(pairs)))
    return held


def _unexplained(pairs: Sequence[tuple[float, float]]) -> float:
    """Standard deviation of the first values about a line over the second ones: other drivers can move the energy."""
    y_mean, x_mean = fmean([y for y, _ in pairs]), fmean([x for _, x in pairs])
    yy = fmean([(y - y_mean) ** 2 for y, _ in pairs])
    xx = fmean([(x - x_mean) ** 2 for _, x in pairs])
    xy = fmean([(y - y_mean) * (x - x_mean) for y, x in pairs])
    return math.sqrt(max(yy - xy * xy / xx, 0.0)) if xx > 0 else math.sqrt(yy)


def spreads_by_value(held: Sequence[HeldValue]) -> dict[float, float]:
    """Value → median spread of the power while it was held, W; of values that were held more than once."""
    by_value: dict[float, list[float]] = {}
    for item in held:
        by_value.setdefault(item.value, []).append(item.spread_w)
    return {value: median(spreads) for value, spreads in by_value.items() if len(spreads) > OTHERS_MIN}


def is_stuck(held: HeldValue, residual_w: float, usual_w: float | None) -> bool:
    """residual_w: standard deviation of the residuals of the model. usual_w: spread of the power at other times with
    this value; None: there are too few.
    """
    return held.spread_w > max(MOVED * residual_w, MOVED_AS_OTHERS * (usual_w or 0.0))


def without_driver(found: Sequence[Interval], name: str, stuck: Sequence[HeldValue]) -> list[Interval]:
    """The intervals; the signal is missing while it was stuck."""
    result = list(found)
    for item in stuck:
        for k in range(item.first, item.last + 1):
            drivers = {other: value for other, value in result[k].drivers.items() if other != name}
            result[k] = replace(result[k], drivers=drivers)
    return result


def open_run_ms(found: Sequence[Interval], name: str) -> int | None:
    """Start of the time in which a signal has had its newest value (UTC ms); None with fewer than two intervals: it
    can turn out to be stuck.
    """
    known = [item for item in found if name in item.drivers]
    if not known:
        return None
    value, start_ms, n = known[-1].drivers[name].mean, known[-1].start_ms, 0
    for item in reversed(known):
        if item.drivers[name].mean != value:
            break
        start_ms, n = item.start_ms, n + 1
    return start_ms if n > 1 else None
