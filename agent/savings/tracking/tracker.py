"""Savings of one motor while the agent runs: intervals stored, events opened, the saving published each 15 min."""

from __future__ import annotations

import contextlib
import logging
import math
import sqlite3
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from agent.analysis.efficiency.energy_window import EnergyCell
from agent.analysis.efficiency.reasons import DRIVE_BYPASSED, METER_RATIO, METER_WIRING
from agent.config.reporting_periods import phase_at, phases_of, reporting_of
from agent.config.topology import Asset
from agent.core.messages import Message, codes
from agent.delivery.store import Store, StoreError
from agent.savings.accounting.avoided_energy import Checkpoint, IntervalResult, SavingsAccumulator
from agent.savings.accounting.interpolation import BRIDGED_MS, bridged
from agent.savings.accounting.meter_uncertainty import identity
from agent.savings.reasons import SAVING_NOT_COMPUTED
from agent.savings.records import keep
from agent.savings.records.model import QUARTER_MS, Baseline, Interval, NonRoutineEvent
from agent.savings.records.replaced_motor import old_motor_of
from agent.savings.tracking.event_detector import NonRoutineEventDetector
from agent.savings.tracking.intervals import IntervalBuilder
from agent.savings.tracking.messages import (
    event_message,
    rounded_wh,
    saving_reasons,
    saving_uncertainties,
    saving_values,
)
from drivers.reading import BAD, Quality, Reading, Value
from drivers.reasons import CodedError, Reason

log = logging.getLogger(__name__)

RECENT = 200  # intervals in memory: more than one commit writes
LONGEST = 5000  # intervals that wait while the file cannot be written: a filled gap of 40 days, and ten days
BRIDGEABLE = 2 * BRIDGED_MS // QUARTER_MS  # intervals from which those of the last hour are interpolated
REMEMBERED_MS = 14 * 86_400_000  # intervals from which the comparison of energies is restored after a restart
FLAGS = {
    METER_WIRING: "ct_wiring",
    METER_RATIO: "ct_ratio",
    DRIVE_BYPASSED: "bypass",
}  # finding of the estimator → flag


class SavingsTracker:
    """Used by the pipeline thread only. Errors of the store are logged; the saving then has a caveat.

    held: whether a motor is in maintenance.
    record: records intervals in the ledger, in the transaction that writes them and before it replaces stored ones.
    """

    def __init__(
        self, asset: Asset, period_s: float, store: Store, emit: Callable[[Message], None], zone: str,
        held: Callable[[str], bool] = lambda _: False,
        record: Callable[[sqlite3.Connection, Sequence[Interval], int], None] | None = None,
    ) -> None:  # fmt: skip
        motor = asset.motor
        if motor is None:
            raise ValueError(f"{asset.name} is not a motor")
        self._asset, self._store, self._emit, self._held, self._record = asset, store, emit, held, record
        self._phases = phases_of(dict(motor.periods), zone)
        self._old_motor = old_motor_of(motor)
        meter = asset.meter
        self.classes = (meter.accuracy_class, (meter.ct_class or "1") if meter.ct else "") if meter else ("2", "")
        self._watch = NonRoutineEventDetector(asset.name)
        self._baseline: Baseline | None = None
        self._tally: SavingsAccumulator | None = None
        self._added: deque[tuple[Interval, Checkpoint]] = deque(
            maxlen=BRIDGEABLE
        )  # last intervals of the tally, with its state before each
        self._filled: set[int] = set()  # stored since the last interval was done
        self._told_events: tuple[NonRoutineEvent, ...] = ()
        self._stale = True
        self._trouble: Reason | None = None
        self._recent: dict[int, Interval] = {}
        self._unsaved: dict[int, Interval] = {}  # since the last reading or row
        self._posted: dict[int, Interval] = {}  # passed to the writer last
        self._quality, self._exports = Quality.GOOD, False
        last = self._recall()
        accuracy = {item.metric.name: item.accuracy for item in asset.signals if item.accuracy is not None}
        self._drivers = {item.metric.name for item in asset.signals if item.measures is None}
        self.hours = IntervalBuilder(
            asset.name, period_s, 1000 * motor.kw, self._known, self._keep, self._done, last=last,
            mark_wh=self._mark_wh(),
            auxiliary_w=motor.auxiliary_w, accuracy=accuracy,
        )  # fmt: skip
        self.hours.meter = identity(meter, None) if meter else ""

    def take_meter(self, reading: Reading, values: Mapping[str, Value], flags: Mapping[str, Quality]) -> None:
        """A reading of the meter. values: the share of this motor if the meter measures several; then no register fills
        gaps.
        """
        self._quality = reading.quality & Quality.SIMULATED
        if reading.quality & Quality.NO_REPLY or self._asset.meter is None:
            return
        w = _number(values, flags, "active_power")
        if w is None:
            return
        register_wh = None
        if not self._asset.shared and (kwh := _number(values, flags, "energy_import")) is not None:
            export = _number(values, flags, "energy_export")
            self._exports |= export is not None
            if export is not None or not self._exports:  # otherwise one of two is missing
                register_wh = 1000 * (kwh - (export or 0.0))
        if (serial := reading.values.get("serial_number")) is not None:
            self.hours.meter = identity(self._asset.meter, serial)
        utc_ms = reading.came_ns // 1_000_000
        self.hours.take_power(reading.middle_s, utc_ms, w, _number(values, flags, "reactive_power"), register_wh)
        self._put_down()

    def take_signals(self, reading: Reading) -> None:
        """A reading of driver signals."""
        if reading.quality & Quality.NO_REPLY:
            return
        for name in self._drivers & reading.values.keys():
            if (value := _number(reading.values, reading.flags, name)) is not None:
                self.hours.take_driver(name, reading.middle_s, value)

    def take_row(
        self, cells: Iterable[EnergyCell], speed_rpm: float | None, withheld: Reason | None, utc_ms: int
    ) -> None:
        """Called once a row: what the estimator measured since the last call, and why it withholds its results (None:
        it does not).
        """
        motor = self._asset.motor
        assert motor is not None
        if speed_rpm is None and self._asset.drive is None and motor.kind != "induction":
            speed_rpm = motor.rpm  # on the mains a magnet motor runs at synchronous speed
        self.hours.roll(utc_ms)
        self.hours.take_cells(cells, speed_rpm)
        flags: dict[str, Reason | None] = {}
        if withheld is not None and withheld.code in FLAGS:
            flags[FLAGS[withheld.code]] = withheld
        if self._held(self._asset.name):
            flags["maintenance"] = None
        for flag, cause in flags.items():
            self.hours.flag(flag)
            self._note(self._watch.raised(flag, utc_ms, cause))
        self._put_down()

    def close(self) -> None:
        """Stores the running interval; the next run continues it."""
        self.hours.close()
        self._put_down()
        try:
            self._store.flush()
        except StoreError as error:
            self._report(error)

    def _recall(self) -> Interval | None:
        """Restores the comparison of energies and the open events without publishing. Energies of an earlier motor or
        drive are left out: its successor uses less.
        """
        try:
            last = keep.last_interval(self._store, self._asset.name)
            self._follow_baseline()
            since_ms = max(last.start_ms - REMEMBERED_MS if last else 0, self._era_ms(last))
            for item in keep.load_intervals(self._store, self._asset.name, since_ms):
                self._watch.take(item)
            known = keep.load_events(self._store, self._asset.name)
        except (StoreError, ValueError) as error:
            self._report(error)
            return None
        self._watch.open = {event.kind: event for event in known if event.to_ms is None}
        return last

    def _follow_baseline(self) -> None:
        with contextlib.suppress(ValueError):  # reported when it is used
            if (baseline := keep.load_frozen(self._store, self._asset.name)) is not None:
                self._watch.follow_model(baseline)

    def _era_ms(self, last: Interval | None) -> int:
        """Since when this motor runs on this drive, UTC ms; 0: always."""
        asset, motor = self._asset, self._asset.motor
        assert motor is not None
        name, kept = f"{asset.name}/savings_era", self._store.counters()
        words = f"{motor.kind} {motor.kw} {motor.rpm} {asset.drive.name if asset.drive else ''}"
        era = zlib.crc32(words.encode())
        if kept.get(name) == era:
            return kept.get(f"{name}_ms", 0)
        since_ms = last.end_ms if last else 0
        self._store.save_counters({name: era, f"{name}_ms": since_ms})
        return since_ms

    def _known(self, start_ms: int) -> Interval | None:
        if start_ms in self._recent:  # possibly not committed yet
            return self._recent[start_ms]
        try:
            found = keep.load_intervals(self._store, self._asset.name, start_ms, start_ms + 1)
        except StoreError as error:
            self._report(error)
            return None
        return found[0] if found else None

    def _keep(self, interval: Interval) -> None:
        self._stale |= self._tally is not None and interval.end_ms <= self._newest_ms
        self._filled.add(interval.start_ms)
        self._save(interval)

    _newest_ms = 0

    def _done(self, interval: Interval) -> None:
        self._stale |= interval.end_ms <= self._newest_ms or bool(self._filled - {interval.start_ms})
        self._filled.clear()
        self._save(interval)
        self._newest_ms = max(self._newest_ms, interval.end_ms)
        try:
            drawn = self._renew(interval)
        except (StoreError, ValueError) as error:
            self._report(error)
            self._tally = self._baseline = None
            drawn = interval
        line = None
        if self._tally is not None and self._phase(interval) == "reporting":
            line = self._add(self._tally, drawn)
        self._note(self._watch.take(interval, line.excluded if line else None))
        self._publish(interval, line.adjusted_wh if line and not line.excluded else None)

    def _save(self, interval: Interval) -> None:
        self._unsaved[interval.start_ms] = self._recent[interval.start_ms] = interval
        while len(self._recent) > RECENT:
            del self._recent[next(iter(self._recent))]

    def _put_down(self) -> None:
        """Stores what one reading or row changed, in one transaction with the register value that belongs to it: the
        next run computes the missing energy from it and counts none twice. A failed write is repeated with the next
        one.
        """
        if not self._unsaved:
            return
        if self._posted and not self._arrived():
            self._unsaved = {**self._posted, **self._unsaved}
            while len(self._unsaved) > LONGEST:
                del self._unsaved[next(iter(self._unsaved))]
        self._posted, self._unsaved = self._unsaved, {}
        mark_wh = self.hours.mark_wh
        counters = {} if mark_wh is None else {self._mark_name: round(1000 * mark_wh)}
        keep.save_interval(self._store, *self._posted.values(), counters=counters, record=self._record)

    def _arrived(self) -> bool:
        newest = next(reversed(self._posted.values()))
        try:
            return keep.holds(self._store, newest)
        except StoreError:
            return False

    def _mark_wh(self) -> float | None:
        kept = self._store.counters().get(self._mark_name)
        return None if kept is None else kept / 1000

    @property
    def _mark_name(self) -> str:
        return f"{self._asset.name}/savings_register"

    def _add(self, tally: SavingsAccumulator, item: Interval) -> IntervalResult:
        self._added.append((item, tally.mark()))
        return tally.add(item)

    def _bridge(self, tally: SavingsAccumulator, interval: Interval) -> None:
        """A driver has a value again: intervals of the last hour without it are replaced in the sum by interpolated
        ones, as in a report.
        """
        before = self._known(interval.start_ms - QUARTER_MS)
        if before is not None and not interval.drivers.keys() - before.drivers.keys():
            return
        back = range(interval.start_ms - BRIDGEABLE * QUARTER_MS, interval.start_ms, QUARTER_MS)
        told = [item for start_ms in back if (item := self._known(start_ms)) is not None]
        drawn = {item.start_ms: item for item in bridged([*told, interval])
                 if item.start_ms >= interval.start_ms - BRIDGED_MS}  # fmt: skip
        added = list(self._added)
        first = next((k for k, (item, _) in enumerate(added) if drawn.get(item.start_ms, item) != item), len(added))
        if first < len(added):
            tally.back(added[first][1])
            self._added = deque(added[:first], BRIDGEABLE)
            for item, _ in added[first:]:
                self._add(tally, drawn.get(item.start_ms, item))

    def _renew(self, interval: Interval) -> Interval:
        """Loads the baseline in force and the decisions. The sum is calculated again, without this interval, when one
        of them changed, a gap was filled, or the clock stepped back.

        Returns the interval as it is to be added: a driver can be interpolated.
        """
        baseline = keep.load_frozen(self._store, self._asset.name)
        events = tuple(keep.load_events(self._store, self._asset.name))
        decisions = tuple((event.number, event.decision, event.adjust_wh) for event in events)
        before = tuple((event.number, event.decision, event.adjust_wh) for event in self._told_events)
        same = baseline == self._baseline and decisions == before and not self._stale
        self._baseline, self._told_events = baseline, events
        if same:
            if self._tally is not None:
                self._bridge(self._tally, interval)
            return interval
        self._stale, self._trouble, self._tally = False, None, None
        self._added.clear()
        drawn = interval
        if baseline is not None:
            self._watch.follow_model(baseline)
            phase = reporting_of(self._phases, baseline)
            tally = SavingsAccumulator(baseline, classes=self.classes, events=events, old_motor=self._old_motor)
            from_ms, to_ms = phase.from_ms - BRIDGED_MS, phase.to_ms and phase.to_ms + BRIDGED_MS
            held = keep.load_intervals(self._store, self._asset.name, from_ms, to_ms)
            known = {item.start_ms: item for item in held}
            end_ms = self._store.now_ms + 1 if to_ms is None else to_ms
            known |= {at_ms: item for at_ms, item in self._recent.items() if from_ms <= at_ms < end_ms}
            self._newest_ms = 0  # discards that of a clock that was years ahead
            known[interval.start_ms] = interval
            for item in bridged([known[start_ms] for start_ms in sorted(known)]):
                if item.start_ms == interval.start_ms:
                    drawn = item
                elif phase.holds(item.start_ms):
                    self._add(tally, item)
                    self._newest_ms = max(self._newest_ms, item.end_ms)
            self._tally = tally
        return drawn

    def _phase(self, interval: Interval) -> str:
        return phase_at(self._phases, interval.start_ms, self._baseline)

    def _note(self, changed: Iterable[NonRoutineEvent]) -> None:
        for event in changed:
            new = event.number == 0
            try:
                kept = keep.save_event(self._store, self._as_decided(event))
            except StoreError as error:
                self._report(error)
                continue
            if event.to_ms is None:
                self._watch.open[event.kind] = kept
            self._stale = True
            if new or event.to_ms is not None:
                self._emit(event_message(kept, self._quality))

    def _as_decided(self, event: NonRoutineEvent) -> NonRoutineEvent:
        """The event with a decision that another process stored meanwhile."""
        for known in keep.load_events(self._store, self._asset.name) if event.number else ():
            if known.number == event.number and known.decision is not None:
                return replace(known, to_ms=event.to_ms, energy_wh=event.energy_wh)
        return event

    def _publish(self, interval: Interval, expected_wh: float | None) -> None:
        measured = None if interval.energy_wh is None else interval.energy_wh + interval.auxiliary_wh
        values: dict[str, object] = {
            "interval_energy_wh": rounded_wh(measured), "interval_adjusted_baseline_wh": rounded_wh(expected_wh),
            "interval_coverage_pct": round(100 * min(interval.coverage, 1.0), 1),
            "savings_period": self._phase(interval) or None,
            "interval_saved_wh": None if measured is None or expected_wh is None else round(expected_wh - measured, 1),
        }  # fmt: skip
        uncertainties: dict[str, float] = {}
        found: Mapping[str, Sequence[Reason]] = {}
        if self._tally is not None and self._baseline is not None:
            saving = self._tally.saving(self._span(interval))
            values |= saving_values(saving)
            uncertainties, found = saving_uncertainties(saving), saving_reasons(saving)
        elif self._trouble:
            values["savings_caveats"], found = codes([self._trouble]), {"savings_caveats": [self._trouble]}
        self._emit(Message(self._asset.name, "savings", interval.end_ms, values, uncertainties, quality=self._quality,
                           reasons=found))  # fmt: skip

    def _span(self, interval: Interval) -> tuple[int, int]:
        assert self._baseline is not None
        phase = reporting_of(self._phases, self._baseline)
        first_ms = -(-phase.from_ms // QUARTER_MS) * QUARTER_MS
        newest_ms = max(self._newest_ms, interval.end_ms)
        return first_ms, max(min(phase.to_ms or newest_ms, newest_ms), first_ms)

    def _report(self, error: StoreError | ValueError) -> None:
        """Logs an error once; it is the caveat of the saving until the next sum succeeds."""
        trouble = error.reason if isinstance(error, CodedError) else SAVING_NOT_COMPUTED(error=str(error))
        if trouble != self._trouble:
            log.warning("%s: savings: %s", self._asset.name, trouble)
        self._trouble = trouble


def _number(values: Mapping[str, Value], flags: Mapping[str, Quality], name: str) -> float | None:
    value = values.get(name)
    if not isinstance(value, int | float) or not math.isfinite(value) or flags.get(name, Quality.GOOD) & BAD:
        return None
    return float(value)
