"""Whether a device renews what it shows: more seldom than it is polled, or, under load, not at all any more."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from drivers.reading import Value

RUNS, SLOW = 12, 1.4  # contents in a row that each lasted as long, and for how many polls: it renews more slowly
STUCK_POLLS, STUCK_S, STUCK_RUNS = 60, 120.0, 10  # no digit of a loaded meter stands still that long
LOADED = ("active_power", "current_l1", "current_l2", "current_l3")


class Renewal:
    """Counts for how many polls each content of one block lasted."""

    def __init__(self) -> None:
        self._key: object = None
        self._loaded = False
        self._data = b""
        self._run = 1  # polls that brought what it holds now
        self._since_ns = 0
        self._runs: deque[int] = deque(maxlen=RUNS)  # and what it held before
        self._longest = 1

    def note(self, key: object, data: bytes, monotonic_ns: int, loaded: bool) -> None:
        """One answer; only the block that came first is counted. loaded: a power or a current is in it."""
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

    def broken(self) -> None:
        """A poll brought nothing."""
        self._runs.clear()

    def every_s(self, polled_s: float) -> float | None:
        """How often it renews its values, when that is clearly more seldom than it is polled; None otherwise."""
        runs = self._runs
        if len(runs) < RUNS or max(runs) - min(runs) > 1 or sum(runs) < SLOW * RUNS:
            return None
        return polled_s * sum(runs) / RUNS

    def stuck_s(self, values: Mapping[str, Value], monotonic_ns: int) -> float:
        """For how long a meter under load has shown the very same digits; 0 while that may be true.

        60 polls and 2 min at least, and ten times as long as ever before. Without load a value may stand still: nothing
        is said.
        """
        since_s = (monotonic_ns - self._since_ns) / 1e9
        if not self._loaded or self._run < max(STUCK_POLLS, STUCK_RUNS * self._longest) or since_s < STUCK_S:
            return 0.0
        flows = (values.get(name) for name in LOADED)
        return since_s if any(isinstance(value, int | float) and value for value in flows) else 0.0
