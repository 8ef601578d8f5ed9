"""Nominal values of the mains supply at the measuring point, and thresholds of events."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

LAMPS = ("230V", "120V")
WIRINGS = ("3P4W", "3P3W", "3P3W-2")


@dataclass(frozen=True, slots=True)
class Supply:
    """Settings of analyses that are defined for mains only: events and flicker. Do not use it at the output of a drive.

    Thresholds are in percent of the declared voltage (usual values of IEC 61000-4-30 [M]), for inrush in percent of the
    rated current.

    voltage_v: declared voltage as the channels measure it, V rms; None: sliding reference (5.4.4 [M]).
    current_a: rated current, A rms; None: no inrush events.
    demand_a: maximum demand load current IL of IEEE 519, A rms; None: no TDD.
    lamp: "230V" or "120V": lamp type of the flickermeter; None: no flicker. Below flicker.RATE_MIN_HZ there is none.
    dip_pct: dip threshold.
    swell_pct: swell threshold.
    interruption_pct: interruption threshold.
    hysteresis_pct: hysteresis of dips, swells and interruptions.
    rapid_change_pct: threshold of rapid voltage changes, with half of it as hysteresis; 0: off.
    inrush_pct: inrush threshold.
    before_s: length of the waveform before an event, s.
    after_s: length of the waveform after the start of an event, s.
    Raises ValueError for values that are not positive or contradict each other.
    """

    voltage_v: float | None = None
    current_a: float | None = None
    demand_a: float | None = None
    lamp: str | None = None
    dip_pct: float = 90.0
    swell_pct: float = 110.0
    interruption_pct: float = 5.0
    hysteresis_pct: float = 2.0
    rapid_change_pct: float = 5.0
    inrush_pct: float = 150.0
    before_s: float = 0.1
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
            raise ValueError(f"interruption, dip, 100 % and swell must differ by two hystereses each, got {steps}")
        if not (0.0 <= self.before_s <= 0.15 and 0.0 < self.after_s <= 2.0):
            raise ValueError(
                f"before_s must be at most 0.15 and after_s at most 2, got {self.before_s} and {self.after_s}"
            )
