"""What tests and benchmarks of the plant share."""

from __future__ import annotations

import math
from typing import Any

from simulators.plant.drive_wave import DriveWave, DriveWaves, spent_j
from simulators.plant.params import MagnetMotor
from simulators.plant.phasors import Component

GRID_400V = [Component(1, 1, complex(400 / math.sqrt(3)))]


def magnet_2kw2() -> MagnetMotor:
    """The 2.2 kW example motor of motulator 0.18.0 (MIT)."""
    return MagnetMotor(
        power_w=2200.0,
        volts_v=400.0,
        current_a=4.3,
        speed_rpm=1500.0,
        pole_pairs=3,
        rs20_ohm=3.6,
        ld_h=0.036,
        lq_h=0.051,
        flux20_wb=0.545,
        core_s=0.0003,
        core_hysteresis=0.0,
        friction_w=0.0006 * (50 * math.pi) ** 2,
        additional_w=0.0,
        inertia_kg_m2=0.015,
    )


def one_second(
    drive: DriveWave, rate: int, settle_s: float = 1.0, **how: Any
) -> tuple[DriveWaves, dict[str, float], float]:
    """Waves, mean powers and the share of the input that the balance misses, over 1 s after settling."""
    drive.run(round(settle_s * rate), rate, **how)
    before, stored = drive.energy, drive.stored_j
    wave = drive.run(rate, rate, **how)
    power = {name: value - before[name] for name, value in drive.energy.items()}
    return wave, power, abs(power["grid"] - spent_j(power) - (drive.stored_j - stored)) / abs(power["grid"])
