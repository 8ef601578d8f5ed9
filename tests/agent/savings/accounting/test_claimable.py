"""Drivers of an interval do not depend on the requested period, nor on when the intervals were added.

Histories of days with a random lag: a signal that is stuck for hours to days, is missing for minutes to days, and has
intervals missing altogether.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from support.retrofit import FLOW, START_MS

from agent.config.reporting_periods import ReportingPhase
from agent.savings.accounting.account import Account, SavingsBasis, claimable_intervals
from agent.savings.accounting.driver_error import DriverError
from agent.savings.baseline.baseline import freeze, learn
from agent.savings.records.meter_identity import MeterClasses
from agent.savings.records.model import Baseline, Driver, Interval

DAY_MS = 86_400_000


def plant(numbers: range, seed: int, length_s: int = 900) -> list[Interval]:
    """20 Wh for each unit of a flow that swings with periods of 7 and 31 h."""
    rng = np.random.default_rng(seed)
    found = []
    for k in numbers:
        hour = k * length_s / 3600
        flow = 600 + 150 * np.sin(2 * np.pi * hour / 7) + 130 * np.sin(2 * np.pi * hour / 31) + rng.normal(0, 5)
        wh = (5000 + 20 * flow + 50 * rng.normal()) * length_s / 900
        item = Interval("pump", START_MS + k * 1000 * length_s, float(wh), length_s=length_s, meter="m 1")
        found.append(replace(item, drivers={FLOW: Driver(float(flow))}, reactive_varh=float(wh / 2)))
    return found


@cache
def learned() -> Baseline:
    return learn("pump", plant(range(-960, 0), 0), classes=("0.5S", "0.5"))


def history(seed: int) -> tuple[Baseline, list[Interval]]:
    rng = np.random.default_rng(seed)
    length_s = int(rng.choice([900, 900, 1800, 3600]))
    items = plant(range(int(12 * 86_400 / length_s)), seed, length_s)
    hour = 3600 // length_s
    for _ in range(rng.integers(1, 5)):  # stuck, often within or beside a gap
        at, n = int(rng.integers(0, len(items))), int(rng.integers(hour, 60 * hour))
        value = items[at].drivers.get(FLOW, Driver(600.0))
        items[at : at + n] = [replace(item, drivers={FLOW: value}) for item in items[at : at + n]]
    for _ in range(rng.integers(2, 12)):
        at, n = int(rng.integers(0, len(items))), int(rng.choice([1, 2, hour, 2 * hour, 30 * hour]))
        items[at : at + n] = [replace(item, drivers={}) for item in items[at : at + n]]
    for _ in range(rng.integers(0, 4)):
        at = int(rng.integers(0, len(items)))
        del items[at : at + int(rng.choice([1, hour, 30 * hour]))]
    lag_s = float(rng.choice([0, 0, length_s, -length_s, 3600, 4 * 3600 - length_s, -3 * 3600]))
    shape = {**learned().shape, "lags_s": {FLOW: lag_s}}
    return freeze(replace(learned(), shape=shape), 0, "test"), items


class Reader:
    """Reads as the state file does: intervals that start in a period and have begun."""

    def __init__(self, items: list[Interval]) -> None:
        self.items, self.now_ms = items, 1 << 62

    def __call__(self, from_ms: int, to_ms: int) -> list[Interval]:
        return [item for item in self.items if from_ms <= item.start_ms < to_ms and item.start_ms <= self.now_ms]


def seeds(end: int) -> list[Any]:
    return [pytest.param(seed, marks=[pytest.mark.soak] if seed >= 5 else []) for seed in range(end)]


@pytest.mark.parametrize("seed", seeds(1000))
def test_periods_have_the_intervals_of_the_whole(seed: int) -> None:
    baseline, items = history(seed)
    load, rng = Reader(items), np.random.default_rng(seed + 1)
    first_ms, end_ms = items[0].start_ms, items[-1].end_ms
    cuts = sorted(first_ms + int(part * (end_ms - first_ms)) // 900_000 * 900_000 for part in rng.random(6))
    edges = [first_ms, *cuts, end_ms]
    whole = claimable_intervals(load, first_ms, end_ms, end_ms, baseline).intervals
    parts = [item for a, b in pairwise(edges) for item in claimable_intervals(load, a, b, end_ms, baseline).intervals]
    assert parts == whole
    assert [item.start_ms for item in whole] == [item.start_ms for item in items]


@pytest.mark.parametrize("seed", seeds(300))
def test_an_account_that_grows_is_that_of_all_intervals(seed: int) -> None:
    """Settled intervals are added once and the others to a copy, as the running agent does; at random times."""
    baseline, items = history(seed)
    load, rng = Reader(items), np.random.default_rng(seed + 1)
    first_ms = items[0].start_ms
    basis = SavingsBasis(
        baseline,
        ReportingPhase("reporting", first_ms),
        MeterClasses("0.5S", "0.5"),
        None,
        {FLOW: DriverError(relative=0.01)},
    )
    live = Account(basis, (), load)
    for item in items:
        if rng.random() > 0.08:
            continue
        now_ms = load.now_ms = item.end_ms
        live.add_settled(now_ms)
        growing = live.copy()
        growing.add_until(None, now_ms)
        complete = Account(basis, (), load)
        complete.add_until(None, now_ms)
        one, other = growing.saving(now_ms), complete.saving(now_ms)
        assert (one.intervals, one.caveats, one.coverage) == (other.intervals, other.caveats, other.coverage)
        for name in ("adjusted_wh", "measured_wh", "excluded_wh", "u95_wh"):
            assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-12, abs=1e-3), name
    assert live.next_ms > first_ms + 3 * DAY_MS, "intervals settle"
