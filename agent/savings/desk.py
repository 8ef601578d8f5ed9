"""What `magwatt baseline` and `magwatt adjustment` do, behind the command line."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from agent.config import Config, Meter, Motor
from agent.core.text import as_object
from agent.savings import bookkeeper, keep
from agent.savings.adjust import evaluate
from agent.savings.baseline import LearnError, alike_drivers, freeze, from_plate, learn, to_json
from agent.savings.events import Watch, decided
from agent.savings.ledger_key import LedgerKeyError
from agent.savings.old_motor import old_motor_of
from agent.savings.phases import begin_ms, phases_of, place_of, reporting_of
from agent.savings.reasons import EVENT_IN_BASELINE
from agent.savings.types import QUARTER_MS, Baseline, Event, Saving
from agent.store import Store
from drivers.reasons import Reason

_SPAN = "select min(start_ms), max(start_ms) from interval where asset = ?"


class DeskError(Exception):
    """What is asked for cannot be done; the message says why."""


class Desk:
    """One motor's savings, looked at and decided by a person. Errors are DeskError or StoreError."""

    def __init__(self, config: Config, store: Store, motor: str, now_ms: int) -> None:
        self._config, self._store, self._now_ms = config, store, now_ms
        self.motor: Motor = config.motors[motor]
        self.zone = config.site.timezone
        self.phases = phases_of(dict(self.motor.periods), self.zone)
        self._meter = _meter_of(config, self.motor)

    @property
    def classes(self) -> tuple[str, str]:
        if (meter := self._meter) is None:
            return "2", ""
        return meter.accuracy_class, (meter.ct_class or "1") if meter.ct else ""

    def learn(
        self, span: tuple[int | None, int | None], drivers: Sequence[str], kind: str | None, bypass: bool
    ) -> tuple[Baseline, list[Reason]]:
        """A draft, and what is unusual in its data. span: UTC ms; None: the phase of that name, or all
        that was measured before reporting, or before the old motor was taken out; of a bypass all there is."""
        first_ms, end_ms = (0, None) if bypass else self._old_plant()
        from_ms = first_ms if span[0] is None else span[0]
        to_ms = span[1] if span[1] is not None else end_ms or self._now_ms
        if from_ms >= to_ms:
            raise DeskError(f"--from {self.local(from_ms)} lies behind --to {self.local(to_ms)}: nothing is between")
        found = keep.load_intervals(self._store, self.motor.name, from_ms, to_ms)
        if not found:
            raise DeskError(f"{self.motor.name}: {self._nothing(from_ms, to_ms)}")
        names = [self._driver(name, found) for name in drivers] or None
        try:
            draft = learn(self.motor.name, found, drivers=names, kind=kind, classes=self.classes, bypass=bypass)
        except LearnError as error:
            raise DeskError(str(error)) from None
        if (old := old_motor_of(self.motor)) is not None:
            draft = _with_shape(draft, {"old_motor": old})
        keep.save_draft(self._store, draft)
        watch, odd = Watch(self.motor.name), alike_drivers(found) if not bypass else []
        watch.follow_model(draft)
        for item in found:
            odd += [
                EVENT_IN_BASELINE(start_ms=event.from_ms, kind=event.kind, cause=event.cause)
                for event in watch.take(item)
                if event.kind in ("load_shift", "meter_replaced", "ct_ratio", "ct_wiring")
            ]
        return draft, list(dict.fromkeys(odd))

    def from_plate(self) -> Baseline:
        old = old_motor_of(self.motor)
        if old is None:
            raise DeskError(f"motor.{self.motor.name}.replaced_motor: missing; it says what the old motor was")
        draft = from_plate(self.motor.name, old, self._now_ms, self.classes)
        keep.save_draft(self._store, draft)
        return draft

    def freeze(self, by: str, again: bool) -> Baseline:
        """Kept under its hash for ever, in the store and in the ledger."""
        draft = self.draft()
        if draft is None:
            raise DeskError(
                f"{self.motor.name}: nothing is learnt yet; first: magwatt baseline learn {self.motor.name}"
            )
        before = self.frozen()
        if before is not None and not again:
            raise DeskError(
                f"{self.motor.name}: a baseline is frozen already ({before.hash[:16]}, by {before.by}); "
                "--replace puts this one in its place, and the ledger shows both"
            )
        frozen = freeze(draft, self._now_ms, by)
        body = {"baseline": to_json(frozen), "by": by, "replaces": before.hash if before else ""}
        self._record("baseline", body, lambda db: keep.insert_frozen(db, frozen, self._now_ms))
        return frozen

    def frozen(self) -> Baseline | None:
        try:
            return keep.load_frozen(self._store, self.motor.name)
        except ValueError as error:
            raise DeskError(str(error)) from None

    def draft(self) -> Baseline | None:
        try:
            return keep.load_draft(self._store, self.motor.name)
        except ValueError as error:
            raise DeskError(str(error)) from None

    def saving(self, baseline: Baseline) -> Saving:
        """Since reporting began."""
        phase = reporting_of(self.phases, baseline)
        to_ms = phase.to_ms or self._now_ms
        found = keep.load_intervals(self._store, self.motor.name, phase.from_ms, to_ms)
        return evaluate(
            baseline, found, classes=self.classes, events=self.events(), old_motor=old_motor_of(self.motor)
        )[0]

    def events(self) -> list[Event]:
        return keep.load_events(self._store, self.motor.name)

    def decide(self, number: int, decision: str, by: str, reason: str, adjust_wh: float) -> Event:
        """Recorded in the ledger and in force, both or neither."""
        event = next((item for item in self.events() if item.number == number), None)
        if event is None:
            known = ", ".join(str(item.number) for item in self.events()) or "none"
            raise DeskError(f"{self.motor.name}: no event {number}; there are: {known}")
        try:
            found = decided(event, decision, by, reason, self._now_ms, adjust_wh)
        except ValueError as error:
            raise DeskError(str(error)) from None
        self._record(
            "decision", {"event": keep.event_json(found)}, lambda db: keep.insert_event(db, found, self._now_ms)
        )
        return found

    def local(self, utc_ms: int) -> str:
        return datetime.fromtimestamp(utc_ms / 1000, place_of(self.zone)).strftime("%Y-%m-%d %H:%M")

    def _old_plant(self) -> tuple[int, int | None]:
        """From when to when the old motor stood there, as far as the plant's file says so."""
        dated = {phase.name: phase for phase in self.phases}
        if phase := dated.get("baseline"):
            return phase.from_ms, phase.to_ms
        if phase := dated.get("reporting"):
            return 0, phase.from_ms
        old = self.motor.replaced_motor
        return 0, begin_ms(old.since, self.zone) if old and old.since else None

    def _nothing(self, from_ms: int, to_ms: int) -> str:
        after = f" from {self.local(from_ms)}" if from_ms else ""
        said = f"nothing was measured or imported{after} before {self.local(to_ms)}"
        [(first, last)] = self._store.rows(_SPAN, (self.motor.name,))
        if first is None:
            return f"{said}, nor at any other time (an older history: magwatt import)"
        return f"{said}; there is some from {self.local(first)} to {self.local(last + QUARTER_MS)}"

    def _record(self, kind: str, body: Mapping[str, Any], then: Callable[[sqlite3.Connection], None]) -> None:
        try:
            bookkeeper.record(self._store, self._config, self._now_ms, kind, body, then)
        except LedgerKeyError as error:
            raise DeskError(f"not done, for the ledger cannot record it: {error}") from None

    def _driver(self, name: str, found: Sequence[Any]) -> str:
        """A signal's name, as configured or as published."""
        known = sorted({metric for item in found for metric in item.drivers})
        if name in known:
            return str(name)
        begin = f"signal_{name.replace('-', '_')}_"
        fitting = [metric for metric in known if metric.startswith(begin) or metric == begin[:-1]]
        if len(fitting) == 1:
            return str(fitting[0])
        raise DeskError(f"{self.motor.name}: no driver {name}; there are: {', '.join(known) or 'none'}")


def saving_json(saving: Saving) -> dict[str, Any]:
    """As `--json` prints it: reasons with code, data and English text."""
    return {name: getattr(saving, name) for name in Saving.__slots__} | {
        "parts": {name: part._asdict() for name, part in saving.parts.items()},
        "caveats": [as_object(caveat) for caveat in saving.caveats],
        "advice": as_object(saving.advice) if saving.advice else None,
    }


def moment_ms(text: str, zone: str) -> int:
    """A date or a time of the plant, as a person writes it. Raises ValueError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no date; write for example 2026-09-15 or 2026-09-15T06:00") from None
    return begin_ms(moment, zone)


def _with_shape(baseline: Baseline, more: Mapping[str, Any]) -> Baseline:
    return replace(baseline, shape={**baseline.shape, **more})


def _meter_of(config: Config, motor: Motor) -> Meter | None:
    drive = config.drives.get(motor.fed_by)
    name = drive.fed_by if drive else motor.fed_by
    return config.meters.get(name) if name else None
