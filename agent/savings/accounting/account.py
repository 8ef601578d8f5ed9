"""The saving of one motor over a period: for `baseline show`, the topic `savings` and the monthly report.

All three use `Account`, so that they agree to the last watt-hour.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass
from typing import Any

from agent.config.reporting_periods import ReportingPhase, phases_of
from agent.config.topology import Asset
from agent.core.text import as_object
from agent.savings.accounting.avoided_energy import IntervalResult, SavingsAccumulator
from agent.savings.records.interpolation import INTERPOLATED_MS_MAX, with_interpolated_drivers
from agent.savings.records.meter_identity import meter_classes
from agent.savings.records.model import QUARTER_MS, Baseline, Interval, NonRoutineEvent, Saving
from agent.savings.records.non_routine_events import excludes
from agent.savings.records.replaced_motor import old_motor_of
from agent.savings.records.repository import FUTURE_MS, Source, load_intervals

Load = Callable[[int, int], Sequence[Interval]]


def claimable_intervals(load: Load, from_ms: int, to_ms: int, now_ms: int) -> list[Interval]:
    """Intervals with from_ms ≤ start < to_ms that can be compared with a baseline, with interpolated drivers, in order.

    load: returns the intervals that start in a period, in order. It is called with margins, because a driver is
        interpolated over the ends of the period, too.
    now_ms: the interval that contains it has not ended; it is omitted.
    """
    found = load(from_ms - INTERPOLATED_MS_MAX, to_ms + INTERPOLATED_MS_MAX)
    ended = [item for item in found if not item.start_ms <= now_ms < item.end_ms]
    return [item for item in with_interpolated_drivers(ended) if from_ms <= item.start_ms < to_ms]


@dataclass(frozen=True, slots=True)
class SavingsBasis:
    """What the saving of a motor is computed with.

    baseline: the baseline in force.
    reporting: the reporting period.
    meter_classes: of the present meter and of its current transformers.
    old_motor: nameplate of the replaced motor; None: that of the baseline.
    """

    baseline: Baseline
    reporting: ReportingPhase
    meter_classes: tuple[str, str]
    old_motor: Mapping[str, float] | None

    @classmethod
    def of(cls, asset: Asset, zone: str, baseline: Baseline) -> SavingsBasis:
        """The basis by the configuration of a motor. zone: time zone of the site."""
        if (motor := asset.motor) is None:
            raise ValueError(f"{asset.name} is not a motor")
        reporting = reporting_of(phases_of(dict(motor.periods), zone), baseline)
        return cls(baseline, reporting, meter_classes(asset.meter), old_motor_of(motor))


class Account:
    """The saving of a period; intervals are added in the order of time.

    period: UTC ms; the part of it in the reporting period counts. Its end None: it has not ended.
    load: see `claimable_intervals`.
    """

    def __init__(
        self,
        basis: SavingsBasis,
        events: Sequence[NonRoutineEvent],
        load: Load,
        period: tuple[int, int | None] = (0, None),
    ) -> None:
        reporting = basis.reporting
        ends_ms = [end_ms for end_ms in (period[1], reporting.to_ms) if end_ms is not None]
        self.from_ms = -(-max(period[0], reporting.from_ms) // QUARTER_MS) * QUARTER_MS
        self.next_ms = self.from_ms  # intervals before it are added
        self._to_ms = min(ends_ms, default=None)
        self._tally = SavingsAccumulator(
            basis.baseline, classes=basis.meter_classes, events=events, old_motor=basis.old_motor
        )
        self._load, self._newest_ms = load, 0

    def add_until(self, to_ms: int | None, now_ms: int) -> list[IntervalResult]:
        """Adds the intervals that start before to_ms (None: all of the period) and returns how each was compared."""
        end_ms = now_ms + FUTURE_MS if self._to_ms is None else self._to_ms
        end_ms = end_ms if to_ms is None else min(to_ms, end_ms)
        if end_ms <= self.next_ms:
            return []
        found = claimable_intervals(self._load, self.next_ms, end_ms, now_ms)
        self.next_ms = end_ms
        if found:
            self._newest_ms = found[-1].end_ms
        return [self._tally.add(item) for item in found]

    def set_events(self, events: Sequence[NonRoutineEvent]) -> bool:
        """Applies the present events; False if they change how intervals were treated that are already added."""
        before, self._tally.events = self._tally.events, events
        return self._exclusions(before) == self._exclusions(events)

    def _exclusions(self, events: Sequence[NonRoutineEvent]) -> list[tuple[object, ...]]:
        return [
            (event.number, event.kind, event.decision, event.from_ms, min(event.to_ms or self.next_ms, self.next_ms))
            for event in events
            if excludes(event) and event.from_ms < self.next_ms
        ]

    def copy(self) -> Account:
        """The same state; intervals that are added to the copy do not change this one."""
        found = copy(self)
        found._tally = self._tally.copy()
        return found

    def saving(self, now_ms: int) -> Saving:
        """The saving of the period up to now, or up to the newest interval if the clock shows an earlier time."""
        end_ms = max(now_ms // QUARTER_MS * QUARTER_MS, self._newest_ms)
        if self._to_ms is not None:
            end_ms = min(end_ms, self._to_ms)
        return self._tally.saving((self.from_ms, max(end_ms, self.from_ms)))


def account_of(source: Source, basis: SavingsBasis, events: Sequence[NonRoutineEvent], now_ms: int) -> Saving:
    """The saving of the reporting period up to now."""
    asset = basis.baseline.asset
    account = Account(basis, events, lambda from_ms, to_ms: load_intervals(source, asset, from_ms, to_ms))
    account.add_until(None, now_ms)
    return account.saving(now_ms)


def period_at(phases: Sequence[ReportingPhase], t_ms: int, baseline: Baseline | None) -> str:
    """Name of the period; "": none."""
    if baseline is not None and reporting_of(phases, baseline).contains(t_ms):
        return "reporting"
    return next((phase.name for phase in phases if phase.contains(t_ms)), "")


def reporting_of(phases: Sequence[ReportingPhase], baseline: Baseline) -> ReportingPhase:
    """The reporting period: as dated, and never before the baseline ends; without a date it follows the baseline."""
    for phase in phases:
        if phase.name == "reporting":
            return phase._replace(from_ms=max(phase.from_ms, baseline.to_ms))
    return ReportingPhase("reporting", baseline.to_ms)


def saving_json(saving: Saving) -> dict[str, Any]:
    """A saving for JSON; reasons with code, data and English text."""
    return asdict(saving) | {
        "share": saving.share, "parts": {name: part._asdict() for name, part in saving.parts.items()},
        "caveats": [as_object(caveat) for caveat in saving.caveats],
        "assumptions": [asdict(item) | {"reason": as_object(item.reason)} for item in saving.assumptions],
        "advice": as_object(saving.advice) if saving.advice else None,
    }  # fmt: skip
