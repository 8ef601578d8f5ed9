"""Detects how often a device refreshes its values, and meters whose values have stopped changing under load."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from drivers.reading import Value

RUNS, SLOW = 12, 1.4  # consecutive values, each for at least 1.4 polls on average: refreshed less often than polled
STUCK_POLLS, STUCK_S, STUCK_RUNS = 60, 120.0, 10  # identical values of a loaded meter: polls, time, × longest run
LOADED = frozenset({"active_power", "current_l1", "current_l2", "current_l3"})
LOADED_BEHIND_PLC = LOADED | {"motor_current", "motor_power"}  # a PLC that stops keeps the last values of a drive


class RefreshMonitor:
    """Counts the polls for which the watched values stayed the same. loaded: powers and currents that show a load."""

    def __init__(self, loaded: frozenset[str] = LOADED) -> None:
        self._loads = loaded
        self._values: Mapping[str, Value] = {}
        self._run = 0  # polls with the present values
        self._since_ns = 0
        self._runs: deque[int] = deque(maxlen=RUNS)  # polls with each earlier values
        self._longest = 1

    def add(self, values: Mapping[str, Value], monotonic_ns: int) -> None:
        """Records the watched values of one poll."""
        if values == self._values:
            self._run += 1
            return
        if self._values:
            self._runs.append(self._run)
            if self._loaded():  # a stop of any length is no measure of how long values stand still under load
                self._longest = max(self._longest, self._run)
        self._values, self._run, self._since_ns = values, 1, monotonic_ns

    def interrupt(self) -> None:
        """Records a failed poll."""
        self._runs.clear()

    def refresh_interval_s(self, polled_s: float) -> float | None:
        """Refresh interval in seconds if clearly longer than the polling interval polled_s; else None."""
        runs = self._runs
        if len(runs) < RUNS or max(runs) - min(runs) > 1 or sum(runs) < SLOW * RUNS:
            return None
        return polled_s * sum(runs) / RUNS

    def stuck_s(self, monotonic_ns: int) -> float:
        """Time in seconds for which a loaded meter has shown identical values; 0 as long as that is plausible.

        At least 60 polls and 2 min, and ten times the longest run so far. Always 0 without load, that is, without a
        power or current other than 0: then constant values are normal.
        """
        since_s = (monotonic_ns - self._since_ns) / 1e9
        stuck = self._run >= max(STUCK_POLLS, STUCK_RUNS * self._longest) and since_s >= STUCK_S
        return since_s if stuck and self._loaded() else 0.0

    def _loaded(self) -> bool:
        flows = (self._values.get(name) for name in self._loads)
        return any(isinstance(value, int | float) and value for value in flows)
