"""Looks at the clock once a second: tells its steps, corrects what was stamped before, remembers how far time came."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from agent.clock import SYNCHRONISED, UNSURE, ClockWatch, Step, SystemClock, shown
from agent.messages import Message
from agent.store import Store, StoreError

log = logging.getLogger(__name__)

LOOK_S, REMEMBER_S = 1.0, 10.0
KIND, REACHED = "clock", "reached"
IMPOSSIBLE = "impossible"  # unsure, and not followed


def last_utc_ns(store: Store) -> int:
    """No earlier run went beyond this UTC; 0 when nothing is known."""
    body = store.note(KIND, REACHED, "")
    return int(body["utc_ms"]) * 1_000_000 + int(REMEMBER_S * 1e9) if body else 0


class Timekeeper:
    """`in_order` runs a function in the computing thread, after all that was measured before it."""

    def __init__(
        self, watch: ClockWatch, clock: SystemClock, store: Store, emit: Callable[[Message], None],
        in_order: Callable[[Callable[[], None]], None],
    ) -> None:  # fmt: skip
        self.steps = 0
        self._watch, self._clock, self._store, self._emit, self._in_order = watch, clock, store, emit, in_order
        self._sound = 0  # the last row that was made by a synchronised clock: no step corrects rows up to it
        self._told = ""
        self._tell()

    async def run(self) -> None:
        next_s = 0.0
        while True:
            self.look()
            if self._clock.monotonic_ns() / 1e9 >= next_s:
                next_s = self._clock.monotonic_ns() / 1e9 + REMEMBER_S
                await asyncio.to_thread(self.remember)
            await self._clock.sleep(LOOK_S)

    def look(self) -> None:
        if self._watch.word == SYNCHRONISED:  # until now
            self._in_order(self._note_sound)
        before = self._store.sequence
        step = self._watch.look()
        self._tell()
        if step is not None:
            self.steps += 1
            old_ms = self._clock.utc_ns() // 1_000_000 - step.delta_ms
            self._in_order(lambda: self._correct(step, (before, old_ms)))

    def remember(self) -> None:
        """Trouble with the disk is said elsewhere."""
        with contextlib.suppress(StoreError):
            self._store.save_note(KIND, REACHED, "", {"utc_ms": self._clock.utc_ns() // 1_000_000})

    def _note_sound(self) -> None:
        self._sound = self._store.sequence

    def _correct(self, step: Step, seen: tuple[int, int]) -> None:
        """Rows still here get the new time; what is gone already keeps the old one, and the event tells by how much."""
        corrected = 0
        if step.correct:
            try:
                corrected = self._store.shift_unsent(self._store.boot, step.delta_ms, self._sound, seen)
            except StoreError as error:
                log.warning("rows that were not sent yet keep their wrong time: %s", error)
        text = f"the clock was put {'forward' if step.delta_ms > 0 else 'back'} by {abs(step.delta_ms) / 1000:.3f} s"
        log.warning("%s; %d rows that were not sent yet got the new time", text, corrected)
        now_ms = self._clock.utc_ns() // 1_000_000
        values = {
            "event_kind": "clock_step",
            "event_start_ms": now_ms - step.delta_ms,
            "event_clock_step_s": step.delta_ms / 1000,
            "event_rows": corrected,
            "event_text": text,
        }
        self._emit(Message(None, "event", now_ms, values))

    def _tell(self) -> None:
        told, word = self._told, self._watch.word
        doubt = self._watch.doubt
        if word == UNSURE and doubt:
            word = IMPOSSIBLE
        if word == told:
            return
        self._told = word
        if word == IMPOSSIBLE:
            log.warning(
                "the system's clock is not believed: %s. Meanwhile it is taken to be %s, and rows carry "
                "CLOCK_UNSYNCHRONIZED",
                doubt, shown(self._clock.utc_ns()),
            )  # fmt: skip
        elif word == UNSURE:
            log.warning("the clock follows no reference: rows carry CLOCK_UNSYNCHRONIZED until it does")
        elif told:
            log.info("the clock can be relied on (%s)", word)
