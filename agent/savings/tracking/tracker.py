"""Savings of one motor while the agent runs: intervals stored, events opened, the saving published each 15 min."""

from __future__ import annotations

import contextlib
import logging
import math
import zlib
from collections.abc import Callable, Iterable, Mapping

from msgspec.structs import replace

from agent.analysis.efficiency.energy_window import EnergyCell
from agent.analysis.efficiency.reasons import DRIVE_BYPASSED, METER_RATIO, METER_WIRING
from agent.config.reporting_periods import phases_of
from agent.config.topology import Asset
from agent.config.transformer_ratio import energy_step_kwh
from agent.core.messages import Message, codes
from agent.core.usable_number import usable_number
from agent.delivery.store import Store, StoreError
from agent.savings.accounting.account import MARGIN_MS, Account, SavingsBasis, period_at
from agent.savings.accounting.interval_comparison import IntervalResult
from agent.savings.reasons import ENERGY_FACTOR, SAVING_NOT_COMPUTED
from agent.savings.records import repository
from agent.savings.records.meter_identity import identity
from agent.savings.records.model import Baseline, Interval, NonRoutineEvent, Saving
from agent.savings.tracking.event_detector import NonRoutineEventDetector
from agent.savings.tracking.intervals import IntervalBuilder, IntervalSettings
from agent.savings.tracking.messages import (
    event_message,
    interval_values,
    saving_reasons,
    saving_uncertainties,
    saving_values,
)
from drivers.reading import BAD, ORIGIN, Quality, Reading, Value
from drivers.reasons import CodedError, Reason, local_time

log = logging.getLogger(__name__)

UNSAVED_MAX = 5000  # intervals that wait while the file cannot be written: a filled gap of 40 days, and ten days
UNSAVED_EVENTS_MAX = 500  # of one motor while the file cannot be written
HISTORY_MS = 14 * 86_400_000  # intervals from which the comparison of energies is restored after a restart
FLAGS = {
    METER_WIRING: "ct_wiring",
    METER_RATIO: "ct_ratio",
    DRIVE_BYPASSED: "bypass",
}  # finding of the estimator → flag


class SavingsTracker:
    """Used by the pipeline thread only. Errors of the store are logged; the saving then has a caveat.

    in_maintenance: whether a motor is in maintenance.
    record: records intervals in the ledger, in the transaction that writes them.
    power: quantity of the meter from which energy is integrated (agent/acquisition/minute_mean.py).

    The account of the reporting period contains the settled intervals. Those of the last five hours, and those since a
    signal holds its value, are added to a copy of it each time, because a driver that returns and the register of the
    meter change them. It is computed from the start (0.7 to 1.2 s for a year) if an earlier interval changes, or
    another process wrote to the state file.
    """

    def __init__(
        self, asset: Asset, period_s: float, store: Store, emit: Callable[[Message], None], zone: str,
        in_maintenance: Callable[[str], bool] = lambda _: False, record: repository.Record | None = None,
    ) -> None:  # fmt: skip
        motor = asset.motor
        if motor is None:
            raise ValueError(f"{asset.name} is not a motor")
        self._asset, self._motor = asset, motor
        self._store, self._emit, self._record = store, emit, record
        self._in_maintenance, self.power = in_maintenance, "active_power"
        self._zone, self._phases = zone, phases_of(dict(motor.periods), zone)
        self._detector = NonRoutineEventDetector(asset.name)
        self._baseline: Baseline | None = None
        self._account: Account | None = None
        self._file_version: object = None
        self._problem: Reason | None = None
        self._changed: dict[int, Interval] = {}  # since the last reading or row
        self._submitted: dict[int, Interval] = {}  # passed to the writer last
        self._unsaved_events: dict[tuple[str, int], NonRoutineEvent] = {}  # kind and start → repeated with an interval
        self._finished: list[int] = []  # starts of intervals that the present reading or row ended
        self._quality, self._exports = Quality.GOOD, False
        last, register_mwh = self._restore()
        accuracy = {item.metric.name: item.accuracy for item in asset.signals if item.accuracy is not None}
        self._drivers = {item.metric.name for item in asset.signals if item.measures is None}
        step_wh = 1000 * energy_step_kwh(asset.meter, "energy_import") if asset.meter else 0.0
        settings = IntervalSettings(asset.name, period_s, 1000 * motor.kw, motor.auxiliary_w, accuracy, step_wh)
        self._intervals = IntervalBuilder(settings, self._stored, self._on_change, self._on_interval, last,
                                          None if register_mwh is None else register_mwh / 1000)  # fmt: skip
        self._intervals.meter = identity(asset.meter, None) if asset.meter else ""

    def on_meter(self, reading: Reading, values: Mapping[str, Value], flags: Mapping[str, Quality]) -> None:
        """A reading of the meter. values: the share of this motor if the meter measures several; then no register fills
        gaps.
        """
        self._quality = reading.quality & ORIGIN
        if reading.quality & Quality.NO_REPLY or self._asset.meter is None:
            return
        w = _number(values, flags, self.power)
        if w is None:  # a meter that rejects it
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
            self._intervals.meter = identity(self._asset.meter, serial)
        utc_ms = reading.came_ns // 1_000_000
        self._intervals.add_power(reading.middle_s, utc_ms, w, _number(values, flags, "reactive_power"), register_wh)
        self._finish_intervals()
        self._write()

    def on_signals(self, reading: Reading) -> None:
        """A reading of driver signals."""
        if reading.quality & Quality.NO_REPLY:
            return
        for name in self._drivers & reading.values.keys():
            if (value := _number(reading.values, reading.flags, name)) is not None:
                self._intervals.add_driver(name, reading.middle_s, value)

    def on_drive(self, reading: Reading) -> None:
        """A reading of the drive: its output power confirms the ratio of a meter that measures this motor only."""
        kw = usable_number(reading, "motor_power")
        if kw is not None and not reading.quality & Quality.NO_REPLY and not self._asset.shared:
            self._intervals.add_drive_output(reading.middle_s, 1000 * kw)

    def on_row(
        self, cells: Iterable[EnergyCell], speed_rpm: float | None, withheld: Reason | None, utc_ms: int
    ) -> None:
        """Called once a row: what the estimator measured since the last call, and why it withholds its results (None:
        it does not).
        """
        if speed_rpm is None and self._asset.drive is None and self._motor.kind != "induction":
            speed_rpm = self._motor.rpm  # on the mains a magnet motor runs at synchronous speed
        self._intervals.end_overdue(utc_ms)
        self._finish_intervals()
        self._intervals.add_cells(cells, speed_rpm)
        if withheld is not None and withheld.code in FLAGS:
            self._flag(FLAGS[withheld.code], utc_ms, withheld)
        if self._in_maintenance(self._asset.name):
            self._flag("maintenance", utc_ms, None)
        self._write()

    def _flag(self, flag: str, utc_ms: int, cause: Reason | None) -> None:
        """Flags the running interval and opens the event of the flag."""
        self._intervals.flag(flag)
        if opened := self._detector.open_event(flag, utc_ms, cause):
            self._store_events(opened)

    def close(self) -> None:
        """Stores the running interval; the next run continues it."""
        self._intervals.close()
        self._write()
        try:
            self._store.flush()
        except StoreError as error:
            self._report(error)

    def _restore(self) -> tuple[Interval | None, int | None]:
        """Restores the comparison of energies and the open events without publishing; returns the last interval and the
        register of the meter at its end. Energies of an earlier motor or drive are left out: its successor uses less.
        """
        asset, register_mwh = self._asset.name, None
        try:
            register_mwh = self._store.counters().get(self._register_name)
            last = repository.last_interval(self._store, asset)
            baseline = None
            with contextlib.suppress(ValueError):  # reported when it is used
                if (baseline := repository.load_frozen(self._store, asset)) is not None:
                    self._detector.set_model(baseline)
            since_ms = max(last.start_ms - HISTORY_MS if last else 0, self._era_ms(last))
            for item in repository.load_intervals(self._store, asset, since_ms):
                self._detector.on_interval(item)
            known = repository.load_events(self._store, asset)
        except (StoreError, ValueError) as error:
            self._report(error)
            return None, register_mwh
        self._detector.open = {event.kind: event for event in known if event.to_ms is None}
        self._check_ratio_against(baseline)
        return last, register_mwh

    def _check_ratio_against(self, baseline: Baseline | None) -> None:
        """With a baseline in force the account opens and ends the events of the transformer ratio, except those that
        the estimator finds.
        """
        self._detector.compares_ratio = baseline is None
        opened = self._detector.open.get("ct_ratio")
        if baseline is not None and opened is not None and opened.cause.code == ENERGY_FACTOR:
            del self._detector.open["ct_ratio"]

    def _era_ms(self, last: Interval | None) -> int:
        """Since when this motor runs on this drive, UTC ms; 0: always."""
        motor, drive = self._motor, self._asset.drive
        name, counters = f"{self._asset.name}/savings_era", self._store.counters()
        era = zlib.crc32(f"{motor.kind} {motor.kw} {motor.rpm} {drive.name if drive else ''}".encode())
        if counters.get(name) != era:
            counters = {name: era, f"{name}_ms": last.end_ms if last else 0}
            self._store.save_counters(counters)
        return counters.get(f"{name}_ms", 0)

    def _load(self, from_ms: int, to_ms: int) -> list[Interval]:
        """Intervals that start in this time, in order, also those that are not committed yet."""
        waiting = self._uncommitted() | self._changed  # before the file is read: the writer may commit them meanwhile
        found = {item.start_ms: item
                 for item in repository.load_intervals(self._store, self._asset.name, from_ms, to_ms)}  # fmt: skip
        found |= {at_ms: item for at_ms, item in waiting.items() if from_ms <= at_ms < to_ms}
        return [found[start_ms] for start_ms in sorted(found)]

    def _stored(self, start_ms: int) -> Interval | None:
        try:
            return next(iter(self._load(start_ms, start_ms + 1)), None)
        except (StoreError, ValueError) as error:
            self._report(error)
            return None

    def _on_change(self, interval: Interval) -> None:
        """The running interval, or an earlier one to which the register of the meter added energy."""
        self._changed[interval.start_ms] = interval
        if self._account is not None and interval.start_ms < self._account.next_ms + MARGIN_MS:
            self._account = None

    def _on_interval(self, interval: Interval) -> None:
        """An interval that is over; the same reading can still add energy from the register."""
        self._on_change(interval)
        self._finished.append(interval.start_ms)

    def _finish_intervals(self) -> None:
        """Checks and publishes the intervals that are over."""
        finished, self._finished = self._finished, []
        for start_ms in finished:
            interval = self._changed[start_ms]
            account, result = self._compare(interval)
            changed = self._detector.on_interval(interval, result.excluded if result else None)
            if account is not None:
                changed += account.changed_events()
            if self._store_events(changed):
                account, result = self._compare(interval)
            saving = account.saving(self._store.now_ms) if account is not None else None
            expected_wh = result.adjusted_wh if result and not result.excluded else None
            u95_wh = account.u95_of_wh(start_ms) if account is not None and expected_wh is not None else None
            self._publish(interval, saving, expected_wh, u95_wh)

    def _write(self) -> None:
        """Stores what one reading or row changed, in one transaction with the register value that belongs to it: the
        next run computes the missing energy from it and counts none twice. A failed write is repeated with the next
        one.
        """
        if not self._changed:
            return
        self._submitted, self._changed = self._uncommitted() | self._changed, {}
        if surplus := list(self._submitted)[:-UNSAVED_MAX]:
            from_ms, to_ms = min(surplus), max(self._submitted.pop(start_ms).end_ms for start_ms in surplus)
            log.warning(
                "%s: savings: lost %d intervals from %s to %s, because the state file could not be written",
                self._asset.name, len(surplus), local_time(from_ms), local_time(to_ms),
            )  # fmt: skip
        register_wh = self._intervals.register_wh
        counters = {} if register_wh is None else {self._register_name: round(1000 * register_wh)}
        repository.save_interval(self._store, *self._submitted.values(), counters=counters, record=self._record)

    def _uncommitted(self) -> dict[int, Interval]:
        """Intervals that were passed to the writer and are not in the file: it waits, or it could not write."""
        with contextlib.suppress(StoreError):
            if all(repository.is_stored(self._store, item) for item in self._submitted.values()):
                self._submitted = {}
        return self._submitted

    @property
    def _register_name(self) -> str:
        return f"{self._asset.name}/savings_register"

    def _compare(self, interval: Interval) -> tuple[Account | None, IntervalResult | None]:
        """The account so far, and how this interval was compared; None without a baseline, or after an error."""
        now_ms = self._store.now_ms
        try:
            account = self._settled(now_ms)
            if account is None:
                return None, None
            account = account.copy()
            results = {result.start_ms: result for result in account.add_until(None, now_ms)}
        except (StoreError, ValueError) as error:
            self._report(error)
            self._account = self._baseline = None
            return None, None
        self._problem = None
        return account, results.get(interval.start_ms)

    def _settled(self, now_ms: int) -> Account | None:
        """The account with all settled intervals, with the baseline in force and the present decisions."""
        asset = self._asset.name
        baseline, events = repository.load_frozen(self._store, asset), repository.load_events(self._store, asset)
        version = self._store.rows("pragma data_version")  # changes when another process writes
        account = self._account
        if baseline != self._baseline or version != self._file_version or not (account and account.set_events(events)):
            account = None
        self._baseline, self._file_version = baseline, version
        self._check_ratio_against(baseline)
        if account is None and baseline is not None:
            self._detector.set_model(baseline)
            account = Account(SavingsBasis.of(self._asset, self._zone, baseline), events, self._load)
        if account is not None:
            account.add_settled(now_ms)
        self._account = account
        return account

    def _store_events(self, changed: Iterable[NonRoutineEvent]) -> bool:
        """Stores and publishes events, also those that could not be stored before; True if there were any."""
        self._unsaved_events |= {(event.kind, event.from_ms): event for event in changed}
        for key in list(self._unsaved_events)[:-UNSAVED_EVENTS_MAX]:
            lost = self._unsaved_events.pop(key)
            log.warning("%s: savings: lost the event %s of %s", lost.asset, lost.kind, local_time(lost.from_ms))
        # the energy of an open event has grown since it could not be stored
        events = [(self._opened(event) if event.to_ms is None else None) or event
                  for event in self._unsaved_events.values()]  # fmt: skip
        if not events:
            return False
        try:
            stored = repository.save_events(self._store, events)
        except (StoreError, ValueError) as error:
            self._report(error)
            return False
        self._unsaved_events = {}
        for event, stored_event in zip(events, stored, strict=True):
            if event.to_ms is None and self._opened(event):
                self._detector.open[event.kind] = stored_event
            self._emit(event_message(stored_event, self._quality))
        return True

    def _opened(self, event: NonRoutineEvent) -> NonRoutineEvent | None:
        """The open event of the detector with the same start; None: another part opened this one."""
        found = self._detector.open.get(event.kind)
        return found if found is not None and found.from_ms == event.from_ms else None

    def _publish(
        self, interval: Interval, saving: Saving | None, expected_wh: float | None, u95_wh: float | None
    ) -> None:
        """expected_wh, u95_wh: of this interval alone."""
        values = interval_values(interval, period_at(self._phases, interval.start_ms, self._baseline), expected_wh)
        message = Message(self._asset.name, "savings", interval.end_ms, values, quality=self._quality)
        if saving is not None:
            own = {} if u95_wh is None else {"interval_saved_wh": float(f"{u95_wh:.4g}")}
            message = replace(message, values=values | saving_values(saving), reasons=saving_reasons(saving),
                              uncertainties=own | saving_uncertainties(saving))  # fmt: skip
        elif self._problem:
            caveats = [self._problem]
            message = replace(message, values=values | {"savings_caveats": codes(caveats)},
                              reasons={"savings_caveats": caveats})  # fmt: skip
        self._emit(message)
        repository.save_message(self._store, self._asset.name, message)

    def _report(self, error: StoreError | ValueError) -> None:
        """Logs an error once; it is the caveat of the saving until the next sum succeeds."""
        problem = error.reason if isinstance(error, CodedError) else SAVING_NOT_COMPUTED(error=str(error))
        if problem != self._problem:
            log.warning("%s: savings: %s", self._asset.name, problem)
        self._problem = problem


def _number(values: Mapping[str, Value], flags: Mapping[str, Quality], name: str) -> float | None:
    value = values.get(name)
    if not isinstance(value, int | float) or not math.isfinite(value) or flags.get(name, Quality.GOOD) & BAD:
        return None
    return float(value)
