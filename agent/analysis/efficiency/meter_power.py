"""Uncertainty of the active power of a configured meter at its present current and power factor."""

from __future__ import annotations

from agent.config.model import Meter
from agent.core.usable_number import usable_number
from drivers.reading import Reading
from dsp.efficiency_meter import CURRENT_ASSUMED, PowerU, power_u_parts

PF_ASSUMED = 0.85  # of a loaded induction motor


def current_of(reading: Reading) -> float | None:
    """Line current, A; None where the meter does not report it."""
    return usable_number(reading, "current_avg") or usable_number(reading, "current_l1")


def meter_power_u(meter: Meter, reading: Reading, current_a: float | None) -> PowerU:
    """Relative U (k = 2) of the active power, without the part of the feeder.

    current_a: line current; None: unknown, then CURRENT_ASSUMED of rated current. Without current transformers the
    current does not count, because the rated current of the meter is not known.
    """
    relative = 1.0
    if meter.ct:
        relative = CURRENT_ASSUMED if current_a is None else abs(current_a) / meter.ct[0]
    pf = usable_number(reading, "cos_phi") or usable_number(reading, "power_factor") or PF_ASSUMED
    return power_u_parts(meter.accuracy_class, meter.ct_class_applied, pf, relative, meter.vt_class_applied)
