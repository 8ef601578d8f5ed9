"""The saving over given intervals, without a configuration and a state file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from agent.savings.accounting.account import claimable_intervals
from agent.savings.accounting.avoided_energy import SavingsAccumulator
from agent.savings.accounting.driver_error import DriverError
from agent.savings.accounting.interval_comparison import IntervalResult
from agent.savings.accounting.verdict import ExcludedEnergy
from agent.savings.records.meter_identity import MeterClasses
from agent.savings.records.model import Baseline, Interval, NonRoutineEvent, Saving


def evaluate(
    baseline: Baseline,
    intervals: Iterable[Interval],
    *,
    classes: tuple[str, str] | MeterClasses = ("", ""),
    events: Sequence[NonRoutineEvent] = (),
    old_motor: Mapping[str, float] | None = None,
    span: tuple[int, int] | None = None,
    driver_errors: Mapping[str, DriverError] | None = None,
) -> tuple[Saving, list[IntervalResult]]:
    """The saving, and each interval; intervals in any order.

    span: None: from the first to the last interval.
    driver_errors: None: calibrations state that no driver has changed, as in a generator without drift.
    """
    errors = dict.fromkeys(baseline.drivers, DriverError(calibrated=True)) if driver_errors is None else driver_errors
    tally = SavingsAccumulator(
        baseline, classes=MeterClasses(*classes), events=events, old_motor=old_motor, driver_errors=errors
    )
    given = sorted(intervals, key=lambda item: item.start_ms)

    def load(from_ms: int, to_ms: int) -> list[Interval]:
        return [item for item in given if from_ms <= item.start_ms < to_ms]

    first_ms, last_ms = (given[0].start_ms, given[-1].end_ms) if given else (0, 0)
    found = claimable_intervals(load, first_ms, last_ms, last_ms, baseline).intervals
    lines = [tally.add(item) for item in found]
    return tally.saving(span or ((found[0].start_ms, found[-1].end_ms) if found else (0, 0))), lines


def excluded_energy(lines: Iterable[IntervalResult]) -> ExcludedEnergy:
    """The energy of these intervals by the cause of their exclusion."""
    found = ExcludedEnergy()
    for line in lines:
        found.add(line.measured_wh, line.excluded)
    return found
