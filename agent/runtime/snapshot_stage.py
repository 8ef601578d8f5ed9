"""The stage that takes snapshots of the waveform of one motor: one a day while it runs, and one around each event."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from agent.alarms.messages import EVENT_KIND as ALARM
from agent.alarms.model import Change
from agent.analysis.condition.configured import machine_of
from agent.analysis.efficiency.nameplate import nameplate_of
from agent.analysis.power_quality.declared_supply import supply_of
from agent.core.local_time import format_date
from agent.core.messages import Message
from agent.delivery.files.snapshots import DAILY, SnapshotHeader
from agent.runtime.stage import Stage, StageContext
from drivers.reading import Waveform

if TYPE_CHECKING:
    from agent.runtime.snapshot_ring import SnapshotRing

CURRENTS = ("i1", "i2", "i3")
ROLES = ("u1", "u2", "u3", *CURRENTS)
WIRING = "3P4W"  # as the agent analyses the six channels
LENGTH_S, AFTER_S = 10.0, 5.0  # of a snapshot; of this, after the message of an event
APART_S = 600.0  # between two snapshots of events
EVENTS_A_DAY = 12  # 20 MB of a motor at 10 kHz
RUNS = 0.1  # of the rated current
MISSING_MAX = 0.1  # of the samples of a daily snapshot
WAVEFORM_EVENTS = frozenset(("dip", "swell", "interruption", "rapid_change", "inrush"))


class SnapshotServices(Struct, frozen=True):
    """What the stage needs of the agent.

    count: number of snapshots that are on the disk: motor, UTC day.
    write: writes a snapshot without waiting: header, samples.
    config: returns the hash of the configuration in force.
    """

    count: Callable[[str, str], int]
    write: Callable[[SnapshotHeader, Any], object]
    config: Callable[[], str]


class SnapshotStage(Stage):
    """Keeps the last seconds of the waveform. A snapshot of an event ends AFTER_S after its message.

    Events closer than APART_S to the last snapshot, and those after EVENTS_A_DAY, are counted in the next one. After a
    start, a day with any snapshot on the disk has its daily one.
    """

    def __init__(self, context: StageContext, services: SnapshotServices) -> None:
        motor = context.asset.motor
        assert motor is not None
        self._name, self._services = context.asset.name, services
        self._machine = machine_of(context.asset)
        self._supply = supply_of(motor)
        point = motor.waveform.measuring_point if motor.waveform else ""
        nameplate = nameplate_of(context.asset, context.drive_kw)
        self._plate = nameplate.cage if point == "motor" and motor.r1_ohm else None
        self._runs_a = RUNS * math.sqrt(2) * nameplate.rated_a
        self._ring: SnapshotRing | None = None
        self._wanted: tuple[str, int] | None = None  # reason, and index after its last sample
        self._omitted = 0
        self._day, self._daily, self._events = "", False, 0  # UTC day, whether it has its daily one, number of events
        self._apart_s = self._look_s = 0.0  # monotonic time of the earliest next snapshot of an event, and daily one

    def request(self, reason: str, now_s: float) -> None:
        """Takes a snapshot around now, unless there are too many."""
        if self._ring is None:
            return
        if self._wanted is None and now_s >= self._apart_s and self._events < EVENTS_A_DAY:
            self._wanted = reason, self._ring.end + round(AFTER_S * self._ring.rate_hz)
            self._apart_s = now_s + APART_S
            self._events += 1
        else:
            self._omitted += 1

    def on_waveform(self, block: Waveform, now_s: float) -> None:
        if self._ring is None or not self._ring.continues(block):
            from agent.runtime.snapshot_ring import SnapshotRing  # imports numpy

            self._ring, self._wanted = SnapshotRing(LENGTH_S, block), None
        ring = self._ring
        ring.add(block)
        if self._wanted is not None and ring.end >= self._wanted[1]:
            reason, self._wanted = self._wanted[0], None
            self._write(reason)
        elif now_s >= self._look_s:
            self._look_s = now_s + LENGTH_S
            self._look_at_day(block)

    def _look_at_day(self, block: Waveform) -> None:
        assert self._ring is not None
        day = format_date(block.start_ns // 1_000_000, "UTC")
        if day != self._day:
            known = self._services.count(self._name, day) if not self._day else 0
            self._day, self._daily, self._events = day, known > 0, max(0, known - 1)
        if self._daily or not self._ring.is_full or not self._runs():
            return
        self._daily = self._write(DAILY, MISSING_MAX)

    def _runs(self) -> bool:
        """Whether the motor runs; True if its current is not measured."""
        assert self._ring is not None
        rows = [row for row, name in enumerate(self._ring.channels) if name in CURRENTS]
        return not rows or self._ring.largest(rows) >= self._runs_a

    def _write(self, reason: str, missing_max: float = 1.0) -> bool:
        """Hands a snapshot over; returns whether it did: not if too many samples are missing."""
        ring = self._ring
        assert ring is not None
        samples, missing, quality = ring.take()
        if missing > missing_max * ring.length:
            return False
        header = SnapshotHeader(
            asset=self._name, start_ns=ring.start_ns, rate_hz=ring.rate_hz, samples=ring.length, missing=missing,
            channels=ring.channels, scales=ring.newest.scales,
            clipping=tuple(limit if math.isfinite(limit) else None for limit in ring.newest.clipping),
            wiring=WIRING if all(role in ring.channels for role in ROLES) else None, quality=tuple(quality.names()),
            reason=reason, omitted=self._omitted, config=self._services.config(),
            machine=msgspec.to_builtins(self._machine), plate=self._plate._asdict() if self._plate else None,
            supply=asdict(self._supply) if self._supply else None,
        )  # fmt: skip
        self._omitted = 0
        self._services.write(header, samples)
        return True


class Snapshots:
    """The stages by motor, and which messages are a reason for a snapshot. For the pipeline thread."""

    def __init__(self, services: SnapshotServices, now_s: Callable[[], float]) -> None:
        self._services, self._now_s = services, now_s
        self._stages: dict[str, SnapshotStage] = {}

    def stage(self, context: StageContext) -> Stage | None:
        """None for a motor without a waveform."""
        name, motor = context.asset.name, context.asset.motor
        self._stages.pop(name, None)
        if motor is None or motor.waveform is None:
            return None
        found = self._stages[name] = SnapshotStage(context, self._services)
        return found

    def on_message(self, message: Message) -> None:
        """A message that is published: an event of the supply or a new alarm of a motor is a reason."""
        stage = self._stages.get(message.asset or "")
        if stage is not None and message.kind == "event" and (reason := reason_of(message.values)):
            stage.request(reason, self._now_s())


def reason_of(values: Mapping[str, Any]) -> str:
    """The code of an event that is worth a snapshot; empty: it is not."""
    kind = str(values.get("event_kind", ""))
    if kind == ALARM:
        return str(values.get("alarm", "")) if values.get("alarm_change") == Change.RAISED else ""
    return kind if kind in WAVEFORM_EVENTS else ""
