"""The saving over given intervals, without a configuration and a state file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from agent.savings.adjust import Line, Tally
from agent.savings.bridge import with_interpolated_drivers
from agent.savings.types import Baseline, Event, Interval, Saving
from agent.savings.verdict import ExcludedEnergy


def evaluate(
    baseline: Baseline, intervals: Iterable[Interval], *, classes: tuple[str, str] = ("", ""),
    events: Sequence[Event] = (), old_motor: Mapping[str, float] | None = None, span: tuple[int, int] | None = None,
) -> tuple[Saving, list[Line]]:  # fmt: skip
    """The saving, and each interval; intervals in any order. span: None: from the first to the last interval."""
    tally = Tally(baseline, classes=classes, events=events, old_motor=old_motor)
    found = with_interpolated_drivers(sorted(intervals, key=lambda item: item.start_ms))
    lines = [tally.add(item) for item in found]
    return tally.saving(span or ((found[0].start_ms, found[-1].end_ms) if found else (0, 0))), lines


def excluded_energy(lines: Iterable[Line]) -> ExcludedEnergy:
    """The energy of these intervals by the cause of their exclusion."""
    found = ExcludedEnergy()
    for line in lines:
        found.add(line.measured_wh, line.excluded)
    return found
