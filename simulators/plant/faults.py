"""What can go wrong in a plant, as functions of time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dip:
    """The supply falls to `residual` of its voltage at once, for a while, and comes back at once.

    every_s: again and again at that distance; inf: once.
    """

    at_s: float
    duration_s: float = 0.4
    residual: float = 0.72
    every_s: float = float("inf")

    def factor(self, now_s: float) -> float:
        """Of the supply's voltage."""
        since_s = now_s - self.at_s
        if since_s < 0:
            return 1.0
        return self.residual if since_s % self.every_s < self.duration_s else 1.0
