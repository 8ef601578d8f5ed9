"""Powers over time, kept for some seconds, so that energies of several sources cover the same interval."""

from __future__ import annotations

from collections import deque

Values = tuple[float, ...]


class TimeSeries:
    """Samples (time s, values) in order of time, linearly interpolated. All samples have the same number of values.

    kept_s: age at which samples are dropped. gap_max_s: longest interval between two samples that is interpolated.
    """

    def __init__(self, kept_s: float, gap_max_s: float = 5.0) -> None:
        self._kept_s = kept_s
        self._gap_max_s = gap_max_s
        self._points: deque[tuple[float, Values]] = deque()

    def add(self, time_s: float, *values: float) -> None:
        """Adds a sample. One not later than the last is ignored; one after a gap > gap_max_s clears the others."""
        if self._points and time_s <= self._points[-1][0]:
            return
        if self._points and time_s - self._points[-1][0] > self._gap_max_s:
            self._points.clear()
        self._points.append((time_s, values))
        while len(self._points) > 2 and self._points[1][0] < time_s - self._kept_s:
            self._points.popleft()

    def clear(self) -> None:
        self._points.clear()

    @property
    def span(self) -> tuple[float, float] | None:
        """First and last time, None before there are two samples."""
        return (self._points[0][0], self._points[-1][0]) if len(self._points) > 1 else None

    @property
    def last(self) -> Values | None:
        return self._points[-1][1] if self._points else None

    def integral(self, start_s: float, end_s: float) -> Values:
        """∫ values dt over [start_s, end_s], which must be inside the span (trapezoidal rule, ends interpolated)."""
        points = iter(self._points)
        last_s, last = next(points)
        total = [0.0] * len(last)
        for time_s, values in points:
            a, b = max(last_s, start_s), min(time_s, end_s)
            if b > a:
                part = ((a + b) / 2 - last_s) / (time_s - last_s)
                for k, (old, new) in enumerate(zip(last, values, strict=True)):
                    total[k] += (b - a) * (old + part * (new - old))
            last_s, last = time_s, values
            if time_s >= end_s:
                break
        return tuple(total)

    def spread(self, start_s: float, end_s: float) -> float:
        """(largest − smallest) over the mean magnitude of the first value in the interval; 0 for fewer than two."""
        values = [values[0] for time_s, values in self._points if start_s <= time_s <= end_s]
        mean = sum(map(abs, values)) / len(values) if values else 0.0
        return (max(values) - min(values)) / mean if len(values) > 1 and mean > 0 else 0.0
