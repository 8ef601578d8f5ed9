"""Detects how often a device refreshes its values, and meters whose values have stopped changing under load."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from drivers.reading import Value

RUNS, SLOW = 12, 1.4  # consecutive contents, each for at least 1.4 polls on average: refreshed less often than polled
STUCK_POLLS, STUCK_S, STUCK_RUNS = 60, 120.0, 10  # identical contents of a loaded meter: polls, time, × longest run
LOADED = ("active_power", "current_l1", "current_l2", "current_l3")


class RefreshMonitor:
    """Counts the polls for which each content of one block stayed the same."""

    def __init__(self) -> None:
        self._key: object = None
        self._loaded = False
        self._data = b""
        self._run = 1  # polls with the present content
        self._since_ns = 0
        self._runs: deque[int] = deque(maxlen=RUNS)  # polls with each earlier content
        self._longest = 1

    def add(self, key: object, data: bytes, monotonic_ns: int, loaded: bool) -> None:
        """Records one response; only the first block is observed. loaded: the block contains a power or a current."""
        if self._key not in (None, key):
            return
        if self._key is None:
            self._key, self._since_ns, self._loaded = key, monotonic_ns, loaded
        elif data == self._data:
            self._run += 1
        else:
            self._runs.append(self._run)
            self._longest = max(self._longest, self._run)
            self._run, self._since_ns = 1, monotonic_ns
        self._data = data

    def interrupt(self) -> None:
        """Records a failed poll."""
        self._runs.clear()

    def refresh_interval_s(self, polled_s: float) -> float | None:
        """Refresh interval in seconds if clearly longer than the polling interval polled_s; else None."""
        runs = self._runs
        if len(runs) < RUNS or max(runs) - min(runs) > 1 or sum(runs) < SLOW * RUNS:
            return None
        return polled_s * sum(runs) / RUNS

    def stuck_s(self, values: Mapping[str, Value], monotonic_ns: int) -> float:
        """Time in seconds for which a loaded meter has shown identical values; 0 as long as that is plausible.

        At least 60 polls and 2 min, and ten times the longest run so far. Always 0 without load: then constant values
        are normal.
        """
        since_s = (monotonic_ns - self._since_ns) / 1e9
        if not self._loaded or self._run < max(STUCK_POLLS, STUCK_RUNS * self._longest) or since_s < STUCK_S:
            return 0.0
        flows = (values.get(name) for name in LOADED)
        return since_s if any(isinstance(value, int | float) and value for value in flows) else 0.0
