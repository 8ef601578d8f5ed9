"""Response time of a device, estimated from its recent responses."""

from __future__ import annotations

from collections import deque

MARGIN = 3.0  # factor on the slowest recent response
FLOOR_S = 0.05  # minimum above the transmission time; the operating system may delay a process that long
KEEP = 64  # recent responses


class ResponseTimeEstimator:
    """Response times in seconds, from the first byte sent to the complete response.

    cap_s: upper limit without transmission time, from the profile or the configuration.
    """

    def __init__(self, cap_s: float) -> None:
        self.cap_s = cap_s
        self._seen: deque[float] = deque(maxlen=KEEP)

    def add(self, seconds: float) -> None:
        """Records a response time."""
        self._seen.append(seconds)

    @property
    def known(self) -> bool:
        """Whether the device has responded at least once."""
        return bool(self._seen)

    def longest_s(self, wire_s: float) -> float:
        """Longest time to wait for a response. wire_s: transmission time of request and response."""
        return self.cap_s + wire_s

    def overdue_s(self, wire_s: float) -> float:
        """Time after which a response is overdue; `longest_s` before the first response."""
        if not self._seen:
            return self.longest_s(wire_s)
        return min(self.longest_s(wire_s), max(MARGIN * max(self._seen), wire_s + FLOOR_S))
