"""How long a device takes to answer, learnt from its own answers."""

from __future__ import annotations

from collections import deque

MARGIN = 3.0  # times the slowest of the last answers
FLOOR_S = 0.05  # above the time on the wire; an operating system may be busy that long
KEEP = 64


class Latency:
    """Seconds from the first byte sent to the answer whole. cap_s: the device's own part of it at most, by its profile
    or the configuration."""

    def __init__(self, cap_s: float) -> None:
        self.cap_s = cap_s
        self._seen: deque[float] = deque(maxlen=KEEP)

    def add(self, seconds: float) -> None:
        self._seen.append(seconds)

    @property
    def known(self) -> bool:
        return bool(self._seen)

    def longest_s(self, wire_s: float) -> float:
        """How long an answer is waited for at most. wire_s: request and answer on the wire."""
        return self.cap_s + wire_s

    def overdue_s(self, wire_s: float) -> float:
        """After that an answer is overdue; the longest before anything is known."""
        if not self._seen:
            return self.longest_s(wire_s)
        return min(self.longest_s(wire_s), max(MARGIN * max(self._seen), wire_s + FLOOR_S))
