"""Flags and states that apply to all messages of the agent or of a motor: unsynchronized clock, maintenance."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from msgspec.structs import replace

from agent.core.clock import rest_s
from agent.core.messages import Message
from agent.core.state_reasons import IN_MAINTENANCE, IN_MAINTENANCE_UNTIL, NOTHING_RECEIVED, STATE_OF_DEVICES
from agent.runtime.maintenance import MaintenanceError, MaintenanceLog, MaintenancePeriod
from drivers.reading import Clock, Quality
from drivers.reasons import Reason

log = logging.getLogger(__name__)

READ_S = 1.0

Emit = Callable[[Message], None]
PublishState = Callable[[str, str, Sequence[Reason]], None]


class MessageFlagger:
    """Adds the flags CLOCK_UNSYNCHRONIZED and MAINTENANCE to messages before they are published.

    `emit`, `publish_state` and `refresh` are for the pipeline thread.
    synchronized: whether the clock is synchronized.
    in_maintenance: motor → its active maintenance.

    During maintenance the state of a motor is `maintenance`, whatever its devices do, and each of its messages has the
    flag MAINTENANCE: messages with this flag raise no alarm. Measurement continues.
    """

    def __init__(
        self,
        emit: Emit,
        publish_state: PublishState,
        clock: Clock,
        maintenance_log: MaintenanceLog,
        synchronized: Callable[[], bool],
    ) -> None:
        self._emit, self._publish_state, self._clock = emit, publish_state, clock
        self._maintenance_log, self._synchronized = maintenance_log, synchronized
        self.in_maintenance: Mapping[str, MaintenancePeriod] = {}
        self._states: dict[str, tuple[str, Sequence[Reason]]] = {}  # as they would be without maintenance
        self._unreadable = False

    def emit(self, message: Message) -> None:
        flags = Quality.GOOD if self._synchronized() else Quality.CLOCK_UNSYNCHRONIZED
        if message.asset in self.in_maintenance:
            flags |= Quality.MAINTENANCE
        self._emit(replace(message, quality=message.quality | flags) if flags else message)

    def publish_state(self, asset: str, state: str, reasons: Sequence[Reason]) -> None:
        """Publishes the state of an asset, during maintenance as `maintenance` with the reasons of both."""
        self._states[asset] = (state, reasons)
        interval = self.in_maintenance.get(asset)
        if interval is None:
            self._publish_state(asset, state, reasons)
        else:
            below = () if state == "online" else (STATE_OF_DEVICES(state=state),)
            self._publish_state(asset, "maintenance", (_reason(interval), *below, *reasons))

    async def run(self, run_on_pipeline: Callable[[Callable[[], None]], None]) -> None:
        """Applies changes of the maintenance file. run_on_pipeline: runs a function in the pipeline thread."""
        while True:
            found = await asyncio.to_thread(self._active)
            if found != self.in_maintenance:
                run_on_pipeline(partial(self._apply, found))
            await self._clock.sleep(rest_s(self._clock.monotonic_ns(), READ_S))

    def refresh(self) -> None:
        """Applies the maintenance intervals that are active now."""
        self._apply(self._active())

    def _active(self) -> Mapping[str, MaintenancePeriod]:
        """Motor → active maintenance; the previous ones while the file cannot be read, which is logged once."""
        try:
            found = self._maintenance_log.active(self._clock.utc_ns() // 1_000_000)
        except MaintenanceError as error:
            if not self._unreadable:
                log.warning("%s; motors in maintenance remain in maintenance", error)
            self._unreadable = True
            return self.in_maintenance
        self._unreadable = False
        return found

    def restore(self, reached_ms: int) -> None:
        """At the start: continues maintenance of earlier runs, and publishes changes since reached_ms as events."""
        self.in_maintenance = self._active()
        try:
            missed = self._maintenance_log.between(reached_ms, self._clock.utc_ns() // 1_000_000 + 1)
        except MaintenanceError:
            return
        for interval in missed:
            if interval.since_ms > reached_ms:
                self._publish_begin(interval)
            if self.in_maintenance.get(interval.motor) != interval:
                self._publish_end(interval)

    def _apply(self, found: Mapping[str, MaintenancePeriod]) -> None:
        """Applies the active maintenance intervals: publishes begin, end and states that changed."""
        before, self.in_maintenance = self.in_maintenance, found
        for motor in dict.fromkeys((*before, *found)):
            old, new = before.get(motor), found.get(motor)
            if old == new:
                continue
            if old is not None:
                self._publish_end(old)
            if new is not None:
                self._publish_begin(new)
            self.publish_state(motor, *self._states.get(motor, ("offline", (NOTHING_RECEIVED(),))))

    def _publish_begin(self, interval: MaintenancePeriod) -> None:
        log.info("%s: %s", interval.motor, _reason(interval))
        self._publish_event(interval, "begin", interval.since_ms)

    def _publish_end(self, interval: MaintenancePeriod) -> None:
        now_ms = self._clock.utc_ns() // 1_000_000
        end_ms = interval.end_ms if interval.end_ms is not None and interval.end_ms <= now_ms else now_ms
        log.info("%s: maintenance ended", interval.motor)
        self._publish_event(interval, "end", end_ms, event_duration_s=max(0, end_ms - interval.since_ms) / 1000)

    def _publish_event(self, interval: MaintenancePeriod, state: str, t_ms: int, **values: float) -> None:
        body = {"event_kind": "maintenance", "event_state": state, "event_start_ms": interval.since_ms, **values,
                "event_text": interval.reason}  # fmt: skip
        self._emit(Message(interval.motor, "event", t_ms, body, quality=Quality.MAINTENANCE))


def _reason(interval: MaintenancePeriod) -> Reason:
    if interval.until_ms is None:
        return IN_MAINTENANCE(note=interval.reason)
    return IN_MAINTENANCE_UNTIL(note=interval.reason, until_ms=interval.until_ms)
