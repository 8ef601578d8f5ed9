"""Forecast of the time until the spool is full, from its growth over the last minutes."""

from __future__ import annotations

from collections import deque

from drivers.reading import Clock


class SpoolForecast:
    """samples_max: values of the spool's size that are considered."""

    def __init__(self, clock: Clock, samples_max: int = 10) -> None:
        self._clock = clock
        self._samples: deque[tuple[int, float]] = deque(maxlen=samples_max)  # monotonic ns, size

    def hours_left(self, used: float, limit: float) -> float | None:
        """Hours until the spool is full; 0 when it is full, None while it does not grow. Call it with each sample."""
        self._samples.append((self._clock.monotonic_ns(), used))
        if used >= limit:
            return 0.0
        first_ns, before = self._samples[0]
        hours = (self._samples[-1][0] - first_ns) / 3.6e12
        if hours <= 0 or used <= before:
            return None
        return (limit - used) / ((used - before) / hours)
