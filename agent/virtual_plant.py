"""A plant on virtual time: steps on a grid, the same whether it runs in one go or goes on from an earlier run."""

from __future__ import annotations

from collections.abc import Callable

from drivers.reading import Clock
from simulators.scenarios import Plant
from simulators.truth import Row, TruthLog

Told = Callable[[int, dict[str, Row]], None]  # UTC ms, the truth then
_NEAR_S = 1e-6  # a float's last digits after some years


class VirtualPlant:
    """Step k is made at second k·step_s of the plant's time and holds until the next.

    log, on_truth: get a row every truth_every steps. passed: gets the plant's second with each step.
    """

    def __init__(
        self, plant: Plant, step_s: float, start_utc_ns: int, log: TruthLog | None, on_truth: Told | None,
        truth_every: int, passed: Callable[[float], None],
    ) -> None:  # fmt: skip
        self.plant, self._step_s, self._start_utc_ns = plant, step_s, start_utc_ns
        self._log, self._on_truth, self._truth_every, self._passed = log, on_truth, truth_every, passed
        self._made = 0

    def bring(self, from_s: float) -> None:
        """To where an earlier run ended, without a word: what was true then was told by it."""
        while from_s > 0 and self._next_s <= from_s + _NEAR_S:
            self._step()

    def up_to(self, now_s: float) -> None:
        while self._next_s <= now_s + _NEAR_S:
            at_s, number = self._next_s, self._made
            self._step()
            if number % self._truth_every == 0:
                self._tell((self._start_utc_ns + round(1e9 * at_s)) // 1_000_000)

    async def move(self, clock: Clock, from_s: float) -> None:
        """Times of a grid: no error adds up over a month."""
        while True:
            now_s = from_s + clock.monotonic_ns() / 1e9
            self.up_to(now_s)
            await clock.sleep(self._next_s - now_s)

    @property
    def _next_s(self) -> float:
        return self._made * self._step_s

    def _step(self) -> None:
        self._passed(self._next_s)
        self.plant.step(self._step_s)
        self._made += 1

    def _tell(self, utc_ms: int) -> None:
        if self._log is None and self._on_truth is None:
            return
        rows = dict(self.plant.truth())
        if self._log is not None:
            self._log.write(utc_ms, rows)
        if self._on_truth is not None:
            self._on_truth(utc_ms, rows)
