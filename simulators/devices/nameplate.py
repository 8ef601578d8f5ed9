"""The nameplate of a motor for virtual devices: what is stated, and what physics and usual motors add."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from drivers.reasons import InvalidValue
from simulators import reasons as codes
from simulators.devices.reference_motor import MotorParameters

KINDS = ("induction", "pm")
MAINS_HZ = (50.0, 60.0)
MAINS_V = (230.0, 400.0, 480.0, 690.0)
SLIP_MAX = 0.1
PM_POLES = 8
PM_POWER_FACTOR = 0.95
EFFICIENCY_RANGE = (0.5, 0.995)
# IEC 60034-30-1:2014, efficiency class IE3 at 50 Hz, four poles: coefficients of lg³, lg², lg and 1 of P in kW, percent
_IE3 = (0.0773, -1.8951, 9.2984, 83.7025)
_IE3_KW = (0.75, 200.0)


@dataclass(frozen=True, slots=True)
class Nameplate:
    """What is stated of a motor; None: derived.

    kw: rated shaft power, kW.
    rpm: rated speed, r/min. None: 1.5 % below 1500 r/min for an induction motor, else 1500 r/min.
    volts: rated line voltage, V. None: 400 V.
    amps: rated current, A.
    cos_phi: rated power factor.
    hz: rated frequency, Hz.
    pole_pairs: number of pole pairs.
    kind: induction or pm (permanent-magnet motor). None: induction if the speed has the slip of such a motor.
    """

    kw: float
    rpm: float | None = None
    volts: float | None = None
    amps: float | None = None
    cos_phi: float | None = None
    hz: float | None = None
    pole_pairs: int | None = None
    kind: Literal["induction", "pm"] | None = None


def machine_of(plate: Nameplate) -> MotorParameters:
    """The motor of a nameplate. Raises InvalidValue if its values contradict each other."""
    kind = plate.kind or _kind(plate)
    volts = plate.volts or 400.0
    hz, poles, rpm = _induction_speed(plate) if kind == "induction" else _pm_speed(plate)
    efficiency, cos_phi = _efficiency(plate, kind == "induction", poles, volts)
    return MotorParameters(plate.kw, rpm, poles, volts, kind == "induction", efficiency, cos_phi, hz)


def supply_of(machine: MotorParameters) -> tuple[float, float]:
    """Nominal line voltage and frequency of the supply of a motor."""
    if machine.induction and machine.hertz in MAINS_HZ:
        return machine.volts, machine.hertz
    volts = next((volts for volts in MAINS_V if volts >= machine.volts / 1.05), machine.volts)
    return volts, MAINS_HZ[0]


def _kind(plate: Nameplate) -> str:
    if plate.rpm is None:
        return "induction"
    pairs = (plate.pole_pairs,) if plate.pole_pairs else range(1, 9)
    frequencies = (plate.hz,) if plate.hz else MAINS_HZ
    slips = (1 - plate.rpm * pair / 60 / hz for pair in pairs for hz in frequencies)
    return "induction" if any(0 < slip <= SLIP_MAX for slip in slips) else "pm"


def _induction_speed(plate: Nameplate) -> tuple[float, int, float]:
    """Rated frequency, number of poles, rated speed: the fewest poles and the lowest frequency with a usual slip."""
    if plate.rpm is None:
        hz, pairs = plate.hz or MAINS_HZ[0], plate.pole_pairs or 2
        return hz, 2 * pairs, round(60 * hz / pairs * 0.985)
    found = [
        (slip, hz, 2 * pairs)
        for hz in ((plate.hz,) if plate.hz else MAINS_HZ)
        for pairs in ((plate.pole_pairs,) if plate.pole_pairs else range(1, 9))
        if 0 < (slip := 1 - plate.rpm * pairs / 60 / hz) <= SLIP_MAX
    ]
    if not found:
        raise InvalidValue(codes.PLATE_SLIP, rpm=plate.rpm, slip_max=SLIP_MAX)
    _, hz, poles = min(found)
    return hz, poles, plate.rpm


def _pm_speed(plate: Nameplate) -> tuple[float, int, float]:
    """Rated frequency, number of poles, rated speed of a synchronous machine: f = n · p."""
    if plate.hz and plate.rpm and not plate.pole_pairs:
        pairs = max(1, round(plate.hz * 60 / plate.rpm))
    else:
        pairs = plate.pole_pairs or PM_POLES // 2
    rpm = plate.rpm or (60 * plate.hz / pairs if plate.hz else 1500.0)
    hz = rpm * pairs / 60
    if plate.hz and abs(hz / plate.hz - 1) > 0.005:
        raise InvalidValue(codes.PLATE_FREQUENCY, rpm=rpm, pole_pairs=pairs, hz=hz, stated_hz=plate.hz)
    return hz, 2 * pairs, rpm


def _efficiency(plate: Nameplate, induction: bool, poles: int, volts: float) -> tuple[float, float]:
    """Rated efficiency and power factor, so that P = √3 · U · I · cos φ · η holds."""
    usual = ie3_efficiency(plate.kw)
    usual = usual if induction else usual + (1 - usual) / 3
    if plate.amps is None:
        pf = min(0.9, 0.80 + 0.035 * math.log10(plate.kw)) - 0.015 * max(0, poles // 2 - 2) if induction else None
        return usual, plate.cos_phi or pf or PM_POWER_FACTOR
    product = plate.kw * 1000 / (math.sqrt(3) * volts * plate.amps)
    if plate.cos_phi is not None:
        efficiency, cos_phi = product / plate.cos_phi, plate.cos_phi
    else:
        efficiency, cos_phi = usual, product / usual
    low, high = EFFICIENCY_RANGE
    if not low <= efficiency <= high or not 0.3 <= cos_phi <= 1.0:
        raise InvalidValue(
            codes.PLATE_POWER, kw=plate.kw, volts=volts, amps=plate.amps, cos_phi=cos_phi, efficiency=efficiency
        )
    return efficiency, cos_phi


def ie3_efficiency(kw: float) -> float:
    """Rated efficiency of a four-pole induction motor of class IE3, 0…1."""
    low, high = _IE3_KW
    exponent = math.log10(min(max(kw, low), high))
    total = 0.0
    for coefficient in _IE3:
        total = total * exponent + coefficient
    return total / 100
