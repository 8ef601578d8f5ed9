"""Intervals that a baseline can be learned from, and their values as columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from agent.savings import reasons
from agent.savings.baseline.autocorrelation import Array
from agent.savings.baseline.off_state import whole_wh
from agent.savings.baseline.regression import coverage_gaps, in_gap
from agent.savings.baseline.states import known, states_of
from agent.savings.records.model import Interval
from drivers.reasons import CodedError

UNFIT = ("bypass", "maintenance", "ct_wiring", "ct_ratio", "clock_step")  # flags of intervals that are not used
COVERED = 0.75  # share of the time of an interval from which its means are used


class LearnError(CodedError):
    """No baseline can be learned from these data; the reason states why and what helps."""


class Samples(NamedTuple):
    """What a model is fitted to: intervals in which the motor ran.

    found: the intervals.
    columns: (n,) of each driver.
    y: (n,) measured energy, scaled to the whole interval, Wh.
    gaps: coverage gaps of each driver.
    complete: intervals with all drivers, before those in gaps were left out.
    """

    found: list[Interval]
    columns: dict[str, Array]
    y: Array
    gaps: dict[str, list[tuple[float, float]]]
    complete: list[Interval]


def usable(intervals: Iterable[Interval], bypass: bool = False) -> list[Interval]:
    """Intervals that a baseline can be learned from, in order. bypass: only those with the drive bypassed."""
    unfit = set(UNFIT) - {"bypass"} if bypass else set(UNFIT)
    return sorted(
        (item for item in intervals
         if item.energy_wh is not None and item.coverage >= COVERED and not unfit & set(item.flags)
         and (not bypass or "bypass" in item.flags)),
        key=lambda item: item.start_ms,
    )  # fmt: skip


def samples_of(asset: str, found: list[Interval], names: Sequence[str], least: int) -> Samples:
    """The intervals that have all drivers, without those in which a state changed, and those in coverage gaps. Raises
    LearnError if they are too few.
    """
    complete, columns = complete_columns(found, names)
    if len(complete) < least:
        raise LearnError(reasons.TOO_FEW_COMPLETE_INTERVALS, asset=asset, usable=len(complete), least=least)
    gaps = {name: gaps for name, x in columns.items() if not states_of(x) and (gaps := coverage_gaps(x))}
    outside = np.ones(len(complete), dtype=bool)
    for name, ranges in gaps.items():
        outside &= ~in_gap(columns[name], ranges)
    chosen = [item for item, is_outside in zip(complete, outside, strict=True) if is_outside]
    if len(chosen) < least:
        data = {"usable": len(chosen), "n": len(complete), "drivers": tuple(sorted(gaps)), "least": least}
        raise LearnError(reasons.TOO_FEW_OUTSIDE_GAPS, asset=asset, **data)
    y = np.array([whole_wh(item) for item in chosen])
    return Samples(chosen, {name: x[outside] for name, x in columns.items()}, y, gaps, complete)


def complete_columns(found: list[Interval], names: Sequence[str]) -> tuple[list[Interval], dict[str, Array]]:
    """The intervals that have all drivers and no change of a state, and the columns of their drivers."""
    found = [item for item in found if all(name in item.drivers for name in names)]
    columns = {name: np.array([item.drivers[name].mean for item in found]) for name in names}
    steady = np.ones(len(found), dtype=bool)
    for x in columns.values():
        if len(x) and (level := states_of(x)):
            steady &= known(level, x)
    return [item for item, is_steady in zip(found, steady, strict=True) if is_steady], {
        name: x[steady] for name, x in columns.items()
    }
