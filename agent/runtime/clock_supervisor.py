"""Follows the system clock while the agent runs: publishes steps, corrects the time of earlier rows."""

from __future__ import annotations

import logging
from collections.abc import Callable

from agent.core.clock import (
    SYNCHRONIZED,
    UNSYNCHRONIZED,
    ClockStep,
    ClockWatch,
    SystemClock,
    rest_s,
)
from agent.core.messages import Message, event
from agent.delivery.store import Store, StoreError
from drivers.reasons import Code, local_time

log = logging.getLogger(__name__)

CHECK_S = 1.0
IMPLAUSIBLE = "implausible"  # not synchronized, and not plausible

CLOCK_STEPPED = Code(
    "clock_stepped",
    "the clock was stepped by {step_s:+.3f} s; the time of {rows:d} unsent {rows:row|rows} was corrected",
)


class ClockSupervisor:
    """Watches the clock while the agent runs.

    run_on_pipeline: runs a function in the pipeline thread, after everything that was measured before.
    steps: number of clock steps.
    """

    def __init__(
        self, watch: ClockWatch, clock: SystemClock, store: Store, emit: Callable[[Message], None],
        run_on_pipeline: Callable[[Callable[[], None]], None],
    ) -> None:  # fmt: skip
        self.steps = 0
        self._watch, self._clock, self._store = watch, clock, store
        self._emit, self._run_on_pipeline = emit, run_on_pipeline
        self._last_synchronized = 0  # last row with a synchronized clock: steps do not correct rows up to it
        self._logged = ""
        self._log()

    async def run(self) -> None:
        while True:
            self.check()
            await self._clock.sleep(rest_s(self._clock.monotonic_ns(), CHECK_S))

    def check(self) -> None:
        if self._watch.state == SYNCHRONIZED:  # until now
            self._run_on_pipeline(self._record_synchronized)
        before = self._store.sequence
        step = self._watch.update()
        self._log()
        if step is not None:
            self.steps += 1
            old_ms = self._clock.utc_ns() // 1_000_000 - step.delta_ms
            self._run_on_pipeline(lambda: self._correct(step, (before, old_ms)))

    def _record_synchronized(self) -> None:
        self._last_synchronized = self._store.sequence

    def _correct(self, step: ClockStep, before: tuple[int, int]) -> None:
        """Corrects the time of unsent rows. Sent rows keep the old time; the event contains the difference."""
        corrected = 0
        if step.correct:
            try:
                corrected = self._store.correct_unsent_timestamps(
                    self._store.run_id, step.delta_ms, self._last_synchronized, before
                )
            except StoreError as error:
                log.warning("the time of unsent rows was not corrected: %s", error)
        reason = CLOCK_STEPPED(step_s=step.delta_ms / 1000, rows=corrected)
        log.warning("%s", reason)
        now_ms = self._clock.utc_ns() // 1_000_000
        values = {
            "event_start_ms": now_ms - step.delta_ms,
            "event_clock_step_s": step.delta_ms / 1000,
            "event_rows": corrected,
        }
        self._emit(event(None, now_ms, "clock_step", [reason], values))

    def _log(self) -> None:
        before, state, cause = self._logged, self._watch.state, self._watch.implausibility
        if state == UNSYNCHRONIZED and cause is not None:
            state = IMPLAUSIBLE
        if state == before:
            return
        self._logged = state
        if state == IMPLAUSIBLE:
            log.warning("%s. Until then the agent assumes %s, and rows carry CLOCK_UNSYNCHRONIZED", cause,
                        local_time(self._clock.utc_ns() / 1e6))  # fmt: skip
        elif state == UNSYNCHRONIZED:
            log.warning("the clock is not synchronized; rows carry CLOCK_UNSYNCHRONIZED until it is")
        elif before:
            log.info("the clock is %s; rows no longer carry CLOCK_UNSYNCHRONIZED", state)
