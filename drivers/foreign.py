"""Detects another master on the bus by received bytes that belong to none of our requests."""

from __future__ import annotations

import time

from drivers.errors import LinkBusy

BYTES, TIMES, WITHIN_S = 6, 3, 2.0  # at least 6 unexplained bytes, 3 times, each within 2 s of the previous time


class Foreign:
    """Detector of one open line."""

    def __init__(self, line: str) -> None:
        self._line = line
        self._times, self._last_s = 0, 0.0

    def note(self, count: int) -> None:
        """Counts bytes received since the last exchange that belong to no request. Raises LinkBusy."""
        now_s = time.monotonic()
        if now_s - self._last_s > WITHIN_S:
            self._times = 0
        if count >= BYTES:
            self._times, self._last_s = self._times + 1, now_s
        if self._times >= TIMES:
            raise LinkBusy(
                f"{self._line}: received frames that match no request: another master is active on the bus; "
                "no request is sent"
            )
