"""A plant on virtual time. Its steps are on a grid and identical for one run and for a run in several parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from drivers.reading import Clock
from simulators.scenarios import Plant
from simulators.truth import Row

OnTruth = Callable[[int, dict[str, Row]], None]  # UTC milliseconds, true values by asset
_NEAR_S = 1e-6  # rounding error of a float after some years


class VirtualPlant:
    """Makes step k at second k·step_s of the plant's time.

    plant: the plant.
    step_s: length of a step, seconds.
    start_utc_ns: UTC time of second 0.
    on_truth: called with the true values every truth_every steps.
    on_progress: called with the simulated time in seconds after each step.
    """

    def __init__(
        self, plant: Plant, step_s: float, start_utc_ns: int, on_truth: Sequence[OnTruth], truth_every: int,
        on_progress: Callable[[float], None],
    ) -> None:  # fmt: skip
        self.plant, self._step_s, self._start_utc_ns = plant, step_s, start_utc_ns
        self._on_truth, self._truth_every, self._on_progress = on_truth, truth_every, on_progress
        self._steps = 0
        self._from_s = 0.0

    def repeat(self, from_s: float) -> None:
        """Repeats the steps of earlier runs without recording them, because those runs have recorded them.

        from_s: seconds of the plant in earlier runs; the run starts there.
        """
        self._from_s = from_s
        while from_s > 0 and self._next_s <= from_s + _NEAR_S:
            self._step()

    def _up_to(self, now_s: float) -> None:
        """Makes and records all steps up to this second of the plant."""
        while self._next_s <= now_s + _NEAR_S:
            at_s, number = self._next_s, self._steps
            self._step()
            if self._on_truth and number % self._truth_every == 0:
                utc_ms, rows = (self._start_utc_ns + round(1e9 * at_s)) // 1_000_000, dict(self.plant.truth())
                for receive in self._on_truth:
                    receive(utc_ms, rows)

    async def run(self, clock: Clock) -> None:
        """Makes the steps as the clock advances, which starts at 0 with this run."""
        while True:
            now_s = self._from_s + clock.monotonic_ns() / 1e9
            self._up_to(now_s)
            await clock.sleep(self._next_s - now_s)

    def end(self, run_s: float) -> None:
        """Makes the remaining steps of a run of this duration."""
        self._up_to(self._from_s + run_s)
        self._on_progress(self._from_s + run_s)

    @property
    def _next_s(self) -> float:
        return self._steps * self._step_s

    def _step(self) -> None:
        self._on_progress(self._next_s)
        self.plant.step(self._step_s)
        self._steps += 1
