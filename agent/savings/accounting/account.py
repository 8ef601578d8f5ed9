"""The saving of one motor over a period: for `baseline show`, the topic `savings` and the monthly report.

All three use `Account`, so that they agree to the last watt-hour.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import asdict, replace

from agent.config.reporting_periods import ReportingPhase, phases_of
from agent.config.topology import Asset
from agent.core.text import as_object
from agent.delivery.store import Store
from agent.savings.accounting.avoided_energy import SavingsAccumulator
from agent.savings.accounting.driver_error import DriverError, driver_errors
from agent.savings.accounting.expired_times import ExpiredTime, expired_times
from agent.savings.accounting.interval_comparison import IntervalResult, expected_wh
from agent.savings.accounting.saving_errors import SavingErrors
from agent.savings.baseline.models import is_off, load_without_energy, numeric_drivers
from agent.savings.records.interpolation import (
    INTERPOLATED_MS_MAX,
    LAG_S_MAX,
    is_transition,
    with_interpolated_drivers,
    with_lagged_drivers,
    with_transitions,
)
from agent.savings.records.interval_lengths import with_amounts_per
from agent.savings.records.meter_identity import MeterClasses, meter_classes
from agent.savings.records.model import QUARTER_MS, Baseline, Interval, NonRoutineEvent, Saving
from agent.savings.records.non_routine_events import excludes
from agent.savings.records.replaced_motor import old_motor_of
from agent.savings.records.repository import (
    FUTURE_MS,
    Source,
    load_events,
    load_frozen,
    load_intervals,
    save_events,
)
from agent.savings.records.stuck_drivers import (
    GAP_MS_MAX,
    HeldValue,
    first_run_end_ms,
    held_values,
    is_stuck,
    last_run_start_ms,
    without_driver,
)
from agent.savings.records.transitions import next_to

Load = Callable[[int, int], Sequence[Interval]]
MARGIN_MS = INTERPOLATED_MS_MAX + int(1000 * LAG_S_MAX)  # time by which drivers of other intervals are needed
STUCK_STEP_MS = 86_400_000  # by which more intervals are read while a signal holds its value


class ClaimableIntervals(NamedTuple):
    """Intervals that can be compared with a baseline.

    intervals: in order, with the drivers as the model takes them.
    settled_ms: intervals that start earlier do not change when later ones are added, UTC.
    """

    intervals: list[Interval]
    settled_ms: int


def claimable_intervals(load: Load, from_ms: int, to_ms: int, now_ms: int, baseline: Baseline) -> ClaimableIntervals:
    """Intervals with from_ms ≤ start < to_ms, with interpolated and lagged drivers, and without those of stuck signals.

    load: returns the intervals that start in a period, in order. It is called with margins, because a driver is
        interpolated over the ends of the period, its values can be needed hours later, and a stuck signal can have
        been stuck since before.
    now_ms: the interval that contains it has not ended; it is omitted.
    """
    names = numeric_drivers(baseline)
    begin_ms, end_ms = from_ms - MARGIN_MS - 2 * GAP_MS_MAX, to_ms + MARGIN_MS + 2 * GAP_MS_MAX
    found = list(load(begin_ms, end_ms))
    while any(
        (first_run_end_ms(_running(found, baseline), name, begin_ms) or 0) > from_ms - MARGIN_MS for name in names
    ):
        if not (more := load(begin_ms - STUCK_STEP_MS, begin_ms)):
            break
        found, begin_ms = [*more, *found], begin_ms - STUCK_STEP_MS
    while any(
        (last_run_start_ms(_running(found, baseline), name, end_ms) or end_ms) < to_ms + MARGIN_MS for name in names
    ):
        if not (more := load(end_ms, end_ms + STUCK_STEP_MS)):
            break
        found, end_ms = [*found, *more], end_ms + STUCK_STEP_MS
    ended = [with_amounts_per(item, baseline.length_s) for item in found if not item.start_ms <= now_ms < item.end_ms]
    newest_ms = now_ms - 2 * GAP_MS_MAX  # the running interval began later, and a run continues over a gap
    changing_ms = [now_ms, *(
        ms for name in names if (ms := last_run_start_ms(_running(ended, baseline), name, newest_ms)) is not None
    )]  # fmt: skip
    off = [is_off(baseline, item) for item in ended]
    ended = with_transitions(ended, next_to(ended, off))
    shape = baseline.shape
    ready = with_lagged_drivers(with_interpolated_drivers(ended), shape.get("lags_s", {}), shape.get("windows_s", {}))
    # an interval with the motor off needs no drivers: it neither continues nor ends a held value
    ready = [replace(item, drivers={}) if is_off else item for item, is_off in zip(ready, off, strict=True)]
    for name in names:
        ready = without_driver(ready, name, stuck_values(baseline, ready, name))
    return ClaimableIntervals([item for item in ready if from_ms <= item.start_ms < to_ms],
                              min(changing_ms) - MARGIN_MS)  # fmt: skip


def stuck_values(baseline: Baseline, found: Sequence[Interval], name: str) -> list[HeldValue]:
    """The times in which a driver was stuck, measured by the residuals of the baseline."""

    def powers(item: Interval) -> tuple[float, float] | None:
        if item.energy_wh is None or not item.energy_s > 0 or _without_use(baseline, item):
            return None
        expected = expected_wh(baseline, item)
        return None if expected is None else (3600 * item.energy_wh / item.energy_s, 3600 * expected / item.energy_s)

    usual_w = {value: spread_w for value, spread_w in baseline.shape.get("held_w", {}).get(name, ())}
    residual_w = 3600 * baseline.residual_wh / baseline.length_s
    held = held_values(found, name, powers)
    longest_s = baseline.shape.get("held_s", {}).get(name)
    return [item for item in held if is_stuck(item, residual_w, usual_w.get(item.value), longest_s)]


def _without_use(baseline: Baseline, item: Interval) -> bool:
    """Whether the energy of an interval does not show what the drivers were."""
    return is_off(baseline, item) or is_transition(item) or bool(load_without_energy(baseline, item))


def _running(found: Sequence[Interval], baseline: Baseline) -> list[Interval]:
    return [item for item in found if not is_off(baseline, item)]


class SavingsBasis(Struct, frozen=True):
    """What the saving of a motor is computed with.

    baseline: the baseline in force.
    reporting: the reporting period.
    meter_classes: of the present meter and its transformers.
    old_motor: nameplate of the replaced motor; None: that of the baseline.
    driver_errors: of each signal.
    expired: times in which a certificate of the meter or of its transformers has expired.
    """

    baseline: Baseline
    reporting: ReportingPhase
    meter_classes: MeterClasses
    old_motor: Mapping[str, float] | None
    driver_errors: Mapping[str, DriverError]
    expired: tuple[ExpiredTime, ...] = ()

    @classmethod
    def of(cls, asset: Asset, zone: str, baseline: Baseline) -> SavingsBasis:
        """The basis by the configuration of a motor. zone: time zone of the site."""
        if (motor := asset.motor) is None:
            raise ValueError(f"{asset.name} is not a motor")
        reporting = reporting_of(phases_of(dict(motor.periods), zone), baseline)
        errors = driver_errors(asset, baseline, reporting, zone)
        expired = expired_times(asset.meter, zone)
        return cls(baseline, reporting, meter_classes(asset.meter, motor), old_motor_of(motor), errors, expired)


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
        self.from_ms = max(period[0], reporting.from_ms)
        self.next_ms = self.from_ms  # intervals before it are added
        self._to_ms = min(ends_ms, default=None)
        self.baseline = basis.baseline
        self._basis = basis
        self._part: SavingsAccumulator | None = None
        self._tally = self._new_tally(events)
        self._load, self._newest_ms = load, 0
        self._added: list[Interval] = []  # the last ones, as the model takes them

    def _new_tally(self, events: Sequence[NonRoutineEvent]) -> SavingsAccumulator:
        basis = self._basis
        return SavingsAccumulator(
            basis.baseline, classes=basis.meter_classes, events=events, old_motor=basis.old_motor,
            driver_errors=basis.driver_errors, expired=basis.expired,
        )  # fmt: skip

    def begin_part(self) -> None:
        """Intervals that are added from now on count for `part_u95_wh`, too."""
        self._part = self._new_tally(self._tally.events)

    def part_u95_wh(self) -> float:
        """U95 of the saving of the intervals since `begin_part`, without those before."""
        assert self._part is not None
        return self._part.saving((self.from_ms, self.next_ms)).u95_wh

    def add_until(self, to_ms: int | None, now_ms: int) -> list[IntervalResult]:
        """Adds the intervals that start before to_ms (None: all of the period) and returns how each was compared."""
        return self._add(to_ms, now_ms, settled=False)

    def add_settled(self, now_ms: int) -> None:
        """Adds the intervals that do not change when later ones are added."""
        self._add(None, now_ms, settled=True)

    def _add(self, to_ms: int | None, now_ms: int, settled: bool) -> list[IntervalResult]:
        end_ms = now_ms + FUTURE_MS if self._to_ms is None else self._to_ms
        end_ms = end_ms if to_ms is None else min(to_ms, end_ms)
        if end_ms <= self.next_ms:
            return []
        found, settled_ms = claimable_intervals(self._load, self.next_ms, end_ms, now_ms, self.baseline)
        if settled:
            end_ms = max(min(end_ms, settled_ms), self.next_ms)
            found = [item for item in found if item.start_ms < end_ms]
        self.next_ms, self._added = end_ms, found
        if found:
            self._newest_ms = found[-1].end_ms
        if self._part is not None:
            for item in found:
                self._part.add(item)
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

    def changed_events(self) -> list[NonRoutineEvent]:
        """Events of the transformer ratio that are not stored yet (number 0), or whose stored end is not right."""
        return self._tally.ratio.changed_events(self._tally.events)

    def copy(self) -> Account:
        """The same state; intervals that are added to the copy do not change this one."""
        found = copy(self)
        found._tally = self._tally.copy()
        return found

    def u95_of_wh(self, start_ms: int) -> float | None:
        """U95 of the saving of one interval alone; None: it is not compared, or is not one of those added last.

        The sum of many is more certain.
        """
        item = next((item for item in self._added if item.start_ms == start_ms), None)
        if item is None:
            return None
        alone = self._new_tally(())
        result = alone.add(item)
        if result.excluded or result.adjusted_wh is None or result.measured_wh is None:
            return None
        return alone.saving((item.start_ms, item.end_ms)).u95_wh

    def saving(self, now_ms: int) -> Saving:
        """The saving of the period up to now, or up to the newest interval if the clock shows an earlier time."""
        return self._tally.saving(self._span(now_ms))

    def errors(self, now_ms: int) -> SavingErrors:
        """The errors of this saving."""
        return self._tally.errors(self._span(now_ms))

    def _span(self, now_ms: int) -> tuple[int, int]:
        end_ms = max(now_ms // QUARTER_MS * QUARTER_MS, self._newest_ms)
        if self._to_ms is not None:
            end_ms = min(end_ms, self._to_ms)
        return self.from_ms, max(end_ms, self.from_ms)


def account_of(source: Source, basis: SavingsBasis, events: Sequence[NonRoutineEvent], now_ms: int) -> Account:
    """The account of the reporting period up to now."""
    asset = basis.baseline.asset
    account = Account(basis, events, lambda from_ms, to_ms: load_intervals(source, asset, from_ms, to_ms))
    account.add_until(None, now_ms)
    return account


def store_ratio_events(store: Store, asset: Asset, zone: str, now_ms: int) -> list[NonRoutineEvent]:
    """Checks the transformer ratio over the reporting period, stores its new and changed events, and returns them.

    zone: time zone of the site. Without a baseline in force nothing is checked. Raises StoreError, InvalidValue.
    """
    if (baseline := load_frozen(store, asset.name)) is None:
        return []
    account = account_of(store, SavingsBasis.of(asset, zone, baseline), load_events(store, asset.name), now_ms)
    changed = account.changed_events()
    return save_events(store, changed) if changed else []


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
