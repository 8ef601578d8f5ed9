"""Detects another master on the bus by received bytes that belong to none of our requests."""

from __future__ import annotations

import time

from drivers.error_reasons import FRAMES_NOT_REQUESTED
from drivers.errors import ForeignMasterActive

BYTES, TIMES, WITHIN_S = 6, 3, 2.0  # at least 6 unexplained bytes, 3 times, each within 2 s of the previous time


class ForeignMasterDetector:
    """Detector of one open line. target: serial port, or host:port, for messages."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._times, self._last_s = 0, 0.0

    def add(self, count: int) -> None:
        """Counts bytes received since the last exchange that belong to no request. Raises ForeignMasterActive."""
        now_s = time.monotonic()
        if now_s - self._last_s > WITHIN_S:
            self._times = 0
        if count >= BYTES:
            self._times, self._last_s = self._times + 1, now_s
        if self._times >= TIMES:
            raise ForeignMasterActive(FRAMES_NOT_REQUESTED, target=self._target)
