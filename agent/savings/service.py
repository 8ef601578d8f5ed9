"""The savings of one motor, as the commands `baseline` and `adjustment` show and change them."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from agent.config.model import Config, Motor
from agent.config.reporting_periods import begin_ms, phases_of
from agent.config.topology import assets
from agent.core.linear_algebra import check_linear_algebra
from agent.delivery.store import Store
from agent.savings.accounting.account import SavingsBasis, account_of, reporting_of, store_ratio_events
from agent.savings.baseline.baseline import collinear_drivers, freeze, from_nameplate, learn
from agent.savings.ledger import recorder
from agent.savings.ledger.signing_key import LedgerKeyError
from agent.savings.reasons import ADJUSTMENT_BEFORE_REPORTING, ADJUSTMENT_NOT_ENDED, EVENT_IN_BASELINE
from agent.savings.records import repository
from agent.savings.records.baseline_json import to_json
from agent.savings.records.interval_lengths import of_one_length
from agent.savings.records.meter_identity import meter_classes
from agent.savings.records.model import Baseline, Interval, NonRoutineEvent, Saving
from agent.savings.records.non_routine_events import decided
from agent.savings.records.replaced_motor import old_motor_of
from agent.savings.records.static_factors import check_load, merged, not_frozen
from agent.savings.tracking.event_detector import NonRoutineEventDetector
from drivers.reasons import Code, CodedError, InvalidValue, Reason

PERIOD_EMPTY = Code("period_empty", "--from {from_ms:local} is not before --to {to_ms:local}")
NEVER_MEASURED = Code(
    "never_measured",
    "{asset}: the state file has no data of this motor; `magwatt import` adds the history of a meter",
)
NOT_MEASURED_BEFORE = Code(
    "not_measured_before",
    "{asset}: no data before {to_ms:local}; the state file has data from {first_ms:local} to {last_ms:local}",
)
NOT_MEASURED_BETWEEN = Code(
    "not_measured_between",
    "{asset}: no data from {from_ms:local} to {to_ms:local}; the state file has data from {first_ms:local} to "
    "{last_ms:local}",
)
REPLACED_MOTOR_MISSING = Code(
    "replaced_motor_missing",
    "motor.{asset}.replaced_motor is not set; it describes the motor before the retrofit, from which the baseline is "
    "calculated",
)
DRAFT_MISSING = Code(
    "draft_missing", "{asset}: there is no draft of a baseline; first run: magwatt baseline learn {asset}"
)
BASELINE_ALREADY_FROZEN = Code(
    "baseline_already_frozen",
    "{asset}: a baseline is already frozen ({hash}, by {by}); --replace puts the draft in force instead, and the "
    "ledger contains both",
)
EVENT_MISSING = Code("event_missing", "{asset}: there is no event {number:d}; the events are: {known}")
NO_EVENTS = Code("no_events", "{asset}: there is no event {number:d}; the motor has no events")
NOT_RECORDED = Code("not_recorded", "nothing was changed, because the ledger cannot record it: {cause}")
DRIVER_UNKNOWN = Code("driver_unknown", "{asset}: no driver {driver}; the drivers are: {known}")
NO_DRIVERS = Code("no_drivers", "{asset}: no driver {driver}; the data contain no driver")
DATE_INVALID = Code("date_invalid", "{text:quoted} is not a date; write for example 2026-09-15 or 2026-09-15T06:00")


class SavingsError(CodedError):
    """The request cannot be carried out."""


class SavingsService:
    """The savings of one motor. Its methods raise CodedError or StoreError."""

    def __init__(self, config: Config, store: Store, motor: str, now_ms: int) -> None:
        self._config, self._store, self._now_ms = config, store, now_ms
        self.motor: Motor = config.motors[motor]
        self.zone = config.site.timezone
        self._asset = next(asset for asset in assets(config) if asset.name == motor)
        self._phases = phases_of(dict(self.motor.periods), self.zone)
        self._classes = meter_classes(self._asset.meter)[:2]

    def learn(
        self, span: tuple[int | None, int | None], drivers: Sequence[str], kind: str | None, bypass: bool
    ) -> tuple[Baseline, list[Reason]]:
        """Fits a baseline and stores it as a draft. Returns it, and what is unusual in its data. Intervals of several
        lengths are summed to the longest one, if it is a multiple of the others.

        span: start and end in UTC ms. None: that of the baseline period; without such a period, all data before the
            reporting period or before the old motor was replaced; for a bypass test, all data.
        drivers: empty: chosen by cross-validation.
        kind: of the model; None: chosen by cross-validation.
        Raises LinearAlgebraError on a computer whose linear algebra is wrong.
        """
        check_linear_algebra()
        first_ms, end_ms = (0, None) if bypass else self._old_plant()
        from_ms = first_ms if span[0] is None else span[0]
        to_ms = span[1] if span[1] is not None else end_ms or self._now_ms
        if from_ms >= to_ms:
            raise SavingsError(PERIOD_EMPTY, from_ms=from_ms, to_ms=to_ms)
        found = repository.load_intervals(self._store, self.motor.name, from_ms, to_ms)
        if not found:
            raise SavingsError(self._no_data(from_ms, to_ms))
        found = of_one_length(found)
        names = [self._driver(name, found) for name in drivers] or None
        draft = learn(self.motor.name, found, drivers=names, kind=kind, classes=self._classes, bypass=bypass)
        if (old := old_motor_of(self.motor)) is not None:
            draft = replace(draft, shape={**draft.shape, "old_motor": old})
        repository.save_draft(self._store, draft)
        detector, suspect = NonRoutineEventDetector(self.motor.name), collinear_drivers(found) if not bypass else []
        detector.set_model(draft)
        for item in found:
            suspect += [
                EVENT_IN_BASELINE(start_ms=event.from_ms, kind=event.kind, cause=event.cause)
                for event in detector.on_interval(item)
                if event.kind in ("load_shift", "meter_replaced", "ct_ratio", "ct_wiring")
            ]
        return draft, list(dict.fromkeys(suspect))

    def from_nameplate(self) -> Baseline:
        """Calculates a baseline from the nameplate of the replaced motor and stores it as a draft."""
        old = old_motor_of(self.motor)
        if old is None:
            raise SavingsError(REPLACED_MOTOR_MISSING, asset=self.motor.name)
        draft = from_nameplate(self.motor.name, old, self._now_ms, self._classes)
        repository.save_draft(self._store, draft)
        return draft

    def freeze(self, by: str, again: bool, stated: Sequence[tuple[str, str]] = ()) -> Baseline:
        """Puts the draft in force, and stores it permanently under its hash, in the state file and in the ledger.

        stated: static factors (key, statement) in addition to those of the configuration; all become part of the
            baseline, stated by `by` now.
        """
        draft = self.draft()
        if draft is None:
            raise SavingsError(DRAFT_MISSING, asset=self.motor.name)
        before = repository.load_frozen_of_any_kind(self._store, self.motor.name)
        if before is not None and not again:
            raise SavingsError(BASELINE_ALREADY_FROZEN, asset=self.motor.name, hash=before.hash[:16], by=before.by)
        factors = merged([*self.motor.static_factors, *stated], by, self._now_ms)
        frozen = freeze(draft, self._now_ms, by, factors)
        check_load(frozen)
        body = {"baseline": to_json(frozen), "by": by, "replaces": before.hash if before else ""}

        def write(db: sqlite3.Connection) -> Mapping[str, Any]:
            repository.insert_frozen(db, frozen, self._now_ms)
            return body

        self._record("baseline", write)
        return frozen

    def frozen(self) -> Baseline | None:
        """The baseline in force; None: there is none."""
        return repository.load_frozen(self._store, self.motor.name)

    def draft(self) -> Baseline | None:
        """The draft; None: there is none."""
        return repository.load_draft(self._store, self.motor.name)

    def factors_not_frozen(self, baseline: Baseline) -> list[Reason]:
        """The static factors of the configuration that have no effect, because they are not in this baseline."""
        return not_frozen(self.motor, baseline)

    def saving(self, baseline: Baseline) -> Saving:
        """The saving since the start of the reporting period."""
        basis = SavingsBasis.of(self._asset, self.zone, baseline)
        events = repository.load_events(self._store, self.motor.name)
        return account_of(self._store, basis, events, self._now_ms).saving(self._now_ms)

    def events(self) -> list[NonRoutineEvent]:
        """All non-routine events, by their numbers; those of the transformer ratio are stored first."""
        with contextlib.suppress(InvalidValue):  # `baseline show` reports a baseline that cannot be used
            store_ratio_events(self._store, self._asset, self.zone, self._now_ms)
        return repository.load_events(self._store, self.motor.name)

    def decide(self, number: int, decision: str, by: str, reason: str, adjust_wh: float) -> NonRoutineEvent:
        """Decides on an event; the decision is recorded in the ledger and takes effect, both or neither."""

        def write(db: sqlite3.Connection) -> Mapping[str, Any]:
            event = self._event(db, number)
            found = decided(event, decision, by, reason, self._now_ms, adjust_wh)
            if decision == "adjust":
                self._require_counted(event)
            repository.insert_event(db, found, self._now_ms)
            return {"event": repository.event_json(found)}

        self._record("decision", write)
        return self._event(self._store, number)

    def _require_counted(self, event: NonRoutineEvent) -> None:
        """Raises SavingsError for an event of which an added energy would be in no saving, or in only a part."""
        data = {"number": event.number, "kind": event.kind}
        if event.to_ms is None and event.kind in ("ct_ratio", "ct_wiring"):
            raise SavingsError(ADJUSTMENT_NOT_ENDED, **data)
        if (baseline := self.frozen()) is not None:
            reporting = reporting_of(self._phases, baseline)
            if event.from_ms < reporting.from_ms:
                raise SavingsError(ADJUSTMENT_BEFORE_REPORTING, **data, from_ms=reporting.from_ms)

    def _event(self, source: repository.Source, number: int) -> NonRoutineEvent:
        events = {event.number: event for event in repository.load_events(source, self.motor.name)}
        if number in events:
            return events[number]
        if known := tuple(str(known) for known in events):
            raise SavingsError(EVENT_MISSING, asset=self.motor.name, number=number, known=known)
        raise SavingsError(NO_EVENTS, asset=self.motor.name, number=number)

    def _old_plant(self) -> tuple[int, int | None]:
        """Start and end (None: not known) of the time of the old motor, according to the configuration."""
        by_name = {phase.name: phase for phase in self._phases}
        if phase := by_name.get("baseline"):
            return phase.from_ms, phase.to_ms
        if phase := by_name.get("reporting"):
            return 0, phase.from_ms
        old = self.motor.replaced_motor
        return 0, begin_ms(old.since, self.zone) if old and old.since else None

    def _no_data(self, from_ms: int, to_ms: int) -> Reason:
        asset = self.motor.name
        if (span := repository.interval_span(self._store, asset)) is None:
            return NEVER_MEASURED(asset=asset)
        known = {"first_ms": span[0], "last_ms": span[1]}
        if not from_ms:
            return NOT_MEASURED_BEFORE(asset=asset, to_ms=to_ms, **known)
        return NOT_MEASURED_BETWEEN(asset=asset, from_ms=from_ms, to_ms=to_ms, **known)

    def _record(self, kind: str, write: Callable[[sqlite3.Connection], Mapping[str, Any]]) -> None:
        try:
            recorder.record(self._store, self._config, self._now_ms, kind, write)
        except LedgerKeyError as error:
            raise SavingsError(NOT_RECORDED, cause=error.reason) from None

    def _driver(self, name: str, found: Sequence[Interval]) -> str:
        """The metric of a signal; name: as configured or as published."""
        known = sorted({metric for item in found for metric in item.drivers})
        if name in known:
            return name
        begin = f"signal_{name.replace('-', '_')}_"
        matching = [metric for metric in known if metric.startswith(begin) or metric == begin[:-1]]
        if len(matching) == 1:
            return matching[0]
        if known:
            raise SavingsError(DRIVER_UNKNOWN, asset=self.motor.name, driver=name, known=tuple(known))
        raise SavingsError(NO_DRIVERS, asset=self.motor.name, driver=name)


def moment_ms(text: str, zone: str) -> int:
    """UTC ms of a date or time on the plant's clock. Raises InvalidValue."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidValue(DATE_INVALID, text=text) from None
    return begin_ms(moment, zone)
