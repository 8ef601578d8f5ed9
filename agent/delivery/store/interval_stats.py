"""Statistics of a metric over an interval, and those of a longer interval from its parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Stats(NamedTuple):
    """n: number of usable values.
    mean, minimum, maximum: of these values. minimum and maximum None: not kept of this metric.
    flags: union of their flags.
    u: mean of their expanded uncertainties (k = 2), which is that of the mean if their errors are common to all of
        them, else an upper bound; None: the metric has none, or it was not kept.
    """

    n: int
    mean: float
    minimum: float | None
    maximum: float | None
    flags: int = 0
    u: float | None = None

    def rounded(self, digits: int) -> Stats:
        """With this number of significant digits."""
        low, high, u = (
            None if value is None else float(f"{value:.{digits}g}") for value in (self.minimum, self.maximum, self.u)
        )
        return Stats(self.n, float(f"{self.mean:.{digits}g}"), low, high, self.flags, u)


def merged(one: Stats, other: Stats) -> Stats:
    """The statistics of both together; means are weighted by the number of values."""
    n = one.n + other.n
    share = other.n / n
    low = None if one.minimum is None or other.minimum is None else min(one.minimum, other.minimum)
    high = None if one.maximum is None or other.maximum is None else max(one.maximum, other.maximum)
    if one.u is not None and other.u is not None:
        u: float | None = one.u + (other.u - one.u) * share
    else:
        u = other.u if one.u is None else one.u
    return Stats(n, one.mean + (other.mean - one.mean) * share, low, high, one.flags | other.flags, u)


def joined(parts: Iterable[Mapping[str, Stats]]) -> dict[str, Stats]:
    """The statistics of all metrics over several intervals."""
    found: dict[str, Stats] = {}
    for part in parts:
        for name, stats in part.items():
            found[name] = merged(found[name], stats) if name in found else stats
    return found
