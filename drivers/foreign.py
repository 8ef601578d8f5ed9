"""Notices another master by the bytes that it and its slaves leave between our exchanges."""

from __future__ import annotations

import time

from drivers.errors import LinkBusy

BYTES, TIMES, WITHIN_S = 6, 3, 2.0  # unexplained bytes, so often, each time within that of the last


class Foreign:
    """One per open line."""

    def __init__(self, line: str) -> None:
        self._line = line
        self._times, self._last_s = 0, 0.0

    def note(self, count: int) -> None:
        """count: bytes heard since our last exchange that belong to nothing we asked for. Raises LinkBusy."""
        now_s = time.monotonic()
        if now_s - self._last_s > WITHIN_S:
            self._times = 0
        if count >= BYTES:
            self._times, self._last_s = self._times + 1, now_s
        if self._times >= TIMES:
            raise LinkBusy(f"{self._line}: frames nobody here asked for: another master talks; nothing is sent")
