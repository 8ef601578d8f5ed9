"""Forecast of the time until the spool is full, from its growth over the last minutes."""

from __future__ import annotations

from collections import deque

from drivers.reading import Clock

SAMPLES = 10  # that are considered


class SpoolForecast:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._samples: deque[tuple[int, float]] = deque(maxlen=SAMPLES)  # monotonic ns, percent of the quota

    def hours_left(self, used_pct: float) -> float | None:
        """Hours until the spool is full; 0 when it is full, None while it does not grow. Call it with each sample."""
        self._samples.append((self._clock.monotonic_ns(), used_pct))
        if used_pct >= 100.0:
            return 0.0
        first_ns, before_pct = self._samples[0]
        hours = (self._samples[-1][0] - first_ns) / 3.6e12
        return (100.0 - used_pct) / ((used_pct - before_pct) / hours) if hours > 0 and used_pct > before_pct else None
