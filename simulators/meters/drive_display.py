"""Values that a frequency converter displays: accurate frequency, fair current, rough torque estimate."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from random import Random

from simulators.meters.readings import Values
from simulators.plant.train import Train


@dataclass(frozen=True, slots=True)
class DriveErrors:
    """Relative errors of the displayed values.

    Drives state no tolerance; errors of the torque estimate of 2–10 % are usual in the field [M].

    current: of the motor current.
    volts: of the output voltage.
    dc_bus: of the DC bus voltage.
    power: of the motor power.
    torque: of the motor torque.
    """

    current: float = 0.0
    volts: float = 0.0
    dc_bus: float = 0.0
    power: float = 0.0
    torque: float = 0.0


def draw_errors(rng: Random) -> DriveErrors:
    return DriveErrors(
        current=rng.uniform(-0.005, 0.005),
        volts=rng.uniform(-0.005, 0.005),
        dc_bus=rng.uniform(-0.003, 0.003),
        power=rng.uniform(-0.01, 0.01),
        torque=rng.uniform(-0.03, 0.03),
    )


class GateState(Enum):
    """RUN: the drive runs. BLOCKED: gates off by command. TRIPPED: gates off by a fault. UNDERVOLTAGE: by a dip."""

    RUN = "run"
    BLOCKED = "blocked"
    TRIPPED = "tripped"
    UNDERVOLTAGE = "undervoltage"


# Bits of the Yaskawa manuals. First word: run 0, ready 2, fault 3. Second: run 0, speed agree 2, ready 6,
# undervoltage 7, baseblock 8, fault 14
_STATUS = {
    GateState.RUN: (1 << 0 | 1 << 2, 1 << 0 | 1 << 2 | 1 << 6),
    GateState.BLOCKED: (1 << 2, 1 << 8),
    GateState.TRIPPED: (1 << 3, 1 << 14),
    GateState.UNDERVOLTAGE: (1 << 3, 1 << 7 | 1 << 14),
}


def display(train: Train, errors: DriveErrors, gates: GateState = GateState.RUN, speed_sensor: bool = False) -> Values:
    """Return the displayed values.

    speed_sensor: True: the drive knows the speed of a coasting shaft; False: it shows 0.
    Raises ValueError for a train without a drive.
    """
    out = train.output
    if out is None:
        raise ValueError("this train has no drive")
    values: Values = {
        "tripped": int(gates in (GateState.TRIPPED, GateState.UNDERVOLTAGE)),
        "status_word": _STATUS[gates][0],
        "status_word_2": _STATUS[gates][1],
        "fault_bits": 0,
        "warning_code": 0,
        "reference_frequency": out.frequency_hz,
        "output_frequency": out.frequency_hz,
        "motor_current": out.current_a * (1 + errors.current),
        "output_voltage": out.volts_v * (1 + errors.volts),
        "dc_bus_voltage": out.dc_bus_v * (1 + errors.dc_bus),
        "motor_power": train.motor_input_w / 1000 * (1 + errors.power),
        "motor_torque": out.torque_pct * (1 + errors.torque),
        "motor_speed": train.speed_rpm if gates is GateState.RUN or speed_sensor else 0.0,
    }
    if train.winding_degc is not None:
        values["motor_temperature"] = train.winding_degc  # measured by a sensor in the winding
    return values
