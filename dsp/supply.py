"""What the mains should be where it is measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

LAMPS = ("230V", "120V")
WIRINGS = ("3P4W", "3P3W", "3P3W-2")


@dataclass(frozen=True, slots=True)
class Supply:
    """Its presence turns on what is defined for mains only: events, flicker. Never give it for a drive's output.

    Thresholds in percent of the declared voltage (IEC 61000-4-30's usual values [M]), of the rated current for inrush.
    """

    voltage_v: float | None = None  # declared, as the channels measure it; None: sliding reference (5.4.4 [M])
    current_a: float | None = None  # rated; None: no inrush events
    demand_a: float | None = None  # maximum demand load current IL of IEEE 519; None: no TDD
    lamp: str | None = None  # "230V" or "120V" turns on flicker
    dip_pct: float = 90.0
    swell_pct: float = 110.0
    interruption_pct: float = 5.0
    hysteresis_pct: float = 2.0
    rapid_change_pct: float = 5.0  # half of it is the hysteresis; 0: none are looked for
    inrush_pct: float = 150.0
    before_s: float = 0.1  # of the waveform around an event
    after_s: float = 0.4

    def __post_init__(self) -> None:
        for name in ("voltage_v", "current_a", "demand_a"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0.0):
                raise ValueError(f"{name} must be positive, got {value}")
        if self.lamp is not None and self.lamp not in LAMPS:
            raise ValueError(f"lamp must be one of {', '.join(LAMPS)}, got {self.lamp!r}")
        steps = (self.interruption_pct, self.dip_pct, 100.0, self.swell_pct)
        if not (0.0 < self.hysteresis_pct < 10.0) or any(b - a < 2.0 * self.hysteresis_pct for a, b in pairwise(steps)):
            raise ValueError(f"interruption, dip, 100 and swell must rise by two hystereses each, got {steps}")
        if not (0.0 <= self.before_s <= 0.15 and 0.0 < self.after_s <= 2.0):
            raise ValueError(f"before_s is at most 0.15, after_s at most 2, got {self.before_s} and {self.after_s}")
