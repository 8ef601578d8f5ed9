"""What is said about every message on its way out: that the clock is unsure, that somebody works on its motor."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from agent.hold import Hold, HoldBook, HoldError
from agent.messages import Message
from drivers.reading import Clock, Quality

log = logging.getLogger(__name__)

LOOK_S = 1.0

Emit = Callable[[Message], None]
TellState = Callable[[str, str, str], None]


class Marks:
    """Stands between computing and publishing. `emit`, `tell_state` and `take_holds` are for the computing thread.

    During maintenance the state of a motor is `maintenance`, whatever its devices do, and each of its messages has the
    flag MAINTENANCE: messages with this flag raise no alarm. Measurement continues.
    """

    def __init__(
        self, emit: Emit, tell_state: TellState, clock: Clock, book: HoldBook, sure: Callable[[], bool],
        zone: str = "UTC",
    ) -> None:  # fmt: skip
        self.zone = zone
        self._emit, self._tell_state, self._clock, self._book, self._sure = emit, tell_state, clock, book, sure
        self._holds: dict[str, Hold] = {}
        self._states: dict[str, tuple[str, str]] = {}  # as they would be without a hold
        self._trouble = ""

    def emit(self, message: Message) -> None:
        mark = Quality.GOOD if self._sure() else Quality.CLOCK_UNSYNCHRONIZED
        if message.asset in self._holds:
            mark |= Quality.MAINTENANCE
        self._emit(replace(message, quality=message.quality | mark) if mark else message)

    def tell_state(self, asset: str, word: str, reason: str) -> None:
        self._states[asset] = (word, reason)
        hold = self._holds.get(asset)
        if hold is None:
            self._tell_state(asset, word, reason)
        else:
            self._tell_state(asset, "maintenance", self._reason(hold, word, reason))

    async def run(self, in_order: Callable[[Callable[[], None]], None]) -> None:
        """Looks for new holds; in_order runs a function in the computing thread."""
        while True:
            found = await asyncio.to_thread(self.look)
            if found != self._holds:
                in_order(lambda found=found: self.take_holds(found))  # type: ignore[misc]
            await self._clock.sleep(LOOK_S)

    def look(self) -> dict[str, Hold]:
        """The holds of this moment; those of before when the file cannot be read, which is said once."""
        try:
            found = self._book.active(self._clock.utc_ns() // 1_000_000)
        except HoldError as error:
            if not self._trouble:
                log.warning("holds: %s; what was on hold stays so", error)
            self._trouble = str(error)
            return self._holds
        self._trouble = ""
        return found

    def recall(self, reached_ms: int) -> None:
        """At the start: the holds of before go on without a word; what changed after reached_ms is told."""
        self._holds = self.look()
        try:
            missed = self._book.between(reached_ms, self._clock.utc_ns() // 1_000_000 + 1)
        except HoldError:
            return
        for hold in missed:
            if hold.since_ms > reached_ms:
                self._began(hold)
            if hold.motor not in self._holds or self._holds[hold.motor] != hold:
                self._ended(hold)

    @property
    def motors_in_maintenance(self) -> int:
        return len(self._holds)

    def held(self, motor: str) -> bool:
        return motor in self._holds

    def take_holds(self, found: dict[str, Hold]) -> None:
        before, self._holds = self._holds, found
        for motor, hold in before.items():
            if found.get(motor) != hold:
                self._ended(hold)
        for motor, hold in found.items():
            if before.get(motor) != hold:
                self._began(hold)
        for motor in before.keys() | found.keys():
            if before.get(motor) != found.get(motor):
                self.tell_state(motor, *self._states.get(motor, ("offline", "nothing heard yet")))

    def _began(self, hold: Hold) -> None:
        log.info("%s is on hold: %s", hold.motor, self._reason(hold, "", ""))
        values = {
            "event_kind": "maintenance",
            "event_state": "begin",
            "event_start_ms": hold.since_ms,
            "event_text": hold.reason,
        }
        self._emit(Message(hold.motor, "event", hold.since_ms, values, quality=Quality.MAINTENANCE))

    def _ended(self, hold: Hold) -> None:
        now_ms = self._clock.utc_ns() // 1_000_000
        end_ms = hold.end_ms if hold.end_ms is not None and hold.end_ms <= now_ms else now_ms
        log.info("%s is no longer on hold", hold.motor)
        values = {
            "event_kind": "maintenance",
            "event_state": "end",
            "event_start_ms": hold.since_ms,
            "event_duration_s": (end_ms - hold.since_ms) / 1000,
            "event_text": hold.reason,
        }
        self._emit(Message(hold.motor, "event", end_ms, values, quality=Quality.MAINTENANCE))

    def _reason(self, hold: Hold, word: str, reason: str) -> str:
        until = f", until {local(hold.until_ms, self.zone)}" if hold.until_ms is not None else ""
        below = f" ({word}{f': {reason}' if reason else ''})" if word not in ("", "online") else ""
        return f"{hold.reason}{until}{below}"


def local(utc_ms: int, zone: str) -> str:
    """A moment as the plant's people read it, with the difference to UTC; in UTC where the zone is not known here."""
    try:
        place = ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        place = UTC  # type: ignore[assignment]
    return datetime.fromtimestamp(utc_ms / 1000, place).strftime("%Y-%m-%d %H:%M %z")
