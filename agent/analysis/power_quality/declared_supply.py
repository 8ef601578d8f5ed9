"""Declared values of the supply of a motor. Imports no numeric packages."""

from __future__ import annotations

import math

from agent.config.model import Motor
from dsp.supply import Supply


def supply_of(motor: Motor | None) -> Supply | None:
    """Declared values of the supply where the waveform is measured; None at a drive output.

    The declared voltage is the `supply` of the waveform, or the rated voltage of a motor direct on line. Without both,
    events are detected relative to the mean voltage of the last minute.
    """
    if motor is None or motor.waveform is None:
        return Supply()
    if motor.waveform.measuring_point == "drive-output":
        return None
    line_v = motor.waveform.supply_v or (motor.volts if motor.waveform.measuring_point == "motor" else None)
    lamp = "120V" if line_v is not None and line_v / math.sqrt(3) < 180 else "230V"
    return Supply(
        voltage_v=line_v / math.sqrt(3) if line_v else None, current_a=motor.amps, demand_a=motor.amps, lamp=lamp
    )
