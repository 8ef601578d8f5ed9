"""State of a motor train at one instant."""

from __future__ import annotations

import math
from typing import NamedTuple

from simulators.plant.phasors import Phasors, reactive_var

_RPM = 30 / math.pi


class TrainLosses(NamedTuple):
    """Losses of the motor, W."""

    copper_w: float
    core_w: float
    mechanical_w: float
    additional_w: float


class Output(NamedTuple):
    """Motor side of the drive.

    frequency_hz: output frequency.
    volts_v: output line voltage, V.
    current_a: output current, rms, A.
    torque_pct: torque in percent of the motor's rated torque.
    dc_bus_v: DC bus voltage, V.
    """

    frequency_hz: float
    volts_v: float
    current_a: float
    torque_pct: float
    dc_bus_v: float


class Train(NamedTuple):
    """A motor with its drive, load and feeder at one instant.

    u_v, i_a: phasors at the meter, positive into the train.
    frequency_hz: frequency of the supply.
    input_w: active power at the meter, W.
    motor_input_w: active power at the motor, W.
    motor_losses: losses of the motor.
    drive_losses_w: losses of the drive, W; 0 without a drive.
    shaft_w: shaft power, W.
    speed_rad_s: speed of the shaft.
    winding_degc: winding temperature, °C. None: not modelled.
    output: motor side of the drive. None: no drive.
    feeder_w: power of cable and auxiliaries between the meter and the train, W.
    """

    u_v: Phasors
    i_a: Phasors
    frequency_hz: float
    input_w: float
    motor_input_w: float
    motor_losses: TrainLosses
    drive_losses_w: float
    shaft_w: float
    speed_rad_s: float
    winding_degc: float | None = None
    output: Output | None = None
    feeder_w: float = 0.0

    @property
    def reactive_var(self) -> float:
        """Reactive power of the fundamental at the meter, var; positive for a lagging current."""
        return float(reactive_var(self.u_v, self.i_a).sum())

    @property
    def speed_rpm(self) -> float:
        return self.speed_rad_s * _RPM
