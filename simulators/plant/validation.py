"""Validation of plant parameters. Each error is one line that names the record and the field."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from simulators.plant.phasors import ORDERS

if TYPE_CHECKING:
    from simulators.plant.drive_wave import Converter
    from simulators.plant.params import DriveParameters, Grid, InductionMotor, LineStartMotor, MagnetMotor, Pump


def pole_pairs(poles: int) -> int:
    """Return the pole pairs of a nameplate's number of poles. Raises ValueError for an odd number or less than 2."""
    if poles < 2 or poles % 2:
        raise ValueError(f"poles: must be an even number of at least 2, got {poles}")
    return poles // 2


def induction(motor: InductionMotor) -> None:
    _positive("induction motor", motor, "power_w volts_v frequency_hz speed_rpm current_a rs_ohm rr_ohm xl2_ohm xm_ohm")
    _positive("induction motor", motor, "rfe_ohm inertia_kg_m2")
    _not_negative("induction motor", motor, "xl1_ohm friction_w additional_w")
    _pairs("induction motor", motor.pole_pairs)
    _efficiency("induction motor", motor.power_w, motor.volts_v, motor.current_a)
    synchronous_rpm = 60 * motor.frequency_hz / motor.pole_pairs
    if motor.speed_rpm >= synchronous_rpm:
        raise ValueError(
            f"induction motor: speed_rpm must be below {synchronous_rpm:g} rpm, got {motor.speed_rpm:g} rpm"
        )


def magnet(motor: MagnetMotor) -> None:
    _positive("magnet motor", motor, "power_w volts_v current_a speed_rpm ld_h lq_h flux20_wb inertia_kg_m2")
    _not_negative("magnet motor", motor, "rs20_ohm core_s friction_w additional_w")
    _pairs("magnet motor", motor.pole_pairs)
    if not 0 <= motor.core_hysteresis <= 1:
        raise ValueError(f"magnet motor: core_hysteresis must be between 0 and 1, got {motor.core_hysteresis:g}")
    _efficiency("magnet motor", motor.power_w, motor.volts_v, motor.current_a)


def line_start(motor: LineStartMotor) -> None:
    _positive("line-start motor", motor, "frequency_hz cage_ohm cage_x_ohm")
    machine = motor.machine
    synchronous_rpm = 60 * motor.frequency_hz / machine.pole_pairs
    if not math.isclose(machine.speed_rpm, synchronous_rpm, rel_tol=1e-9):
        raise ValueError(
            f"line-start motor: speed_rpm must be the synchronous {synchronous_rpm:g} rpm,"
            f" got {machine.speed_rpm:g} rpm"
        )


def drive(record: DriveParameters) -> None:
    _positive("drive", record, "power_w current_a choke_ohm capacitor_s carrier_hz")
    _not_negative("drive", record, "line_ohm fixed_w switch_v switch_ohm diode_v diode_ohm switching_j_per_va")
    _not_negative("drive", record, "bridge_v bridge_ohm choke_r_ohm")
    if 2 * record.line_ohm > record.choke_ohm:
        raise ValueError("drive: choke_ohm is that of the complete DC loop and must be at least 2 × line_ohm")


def converter(record: Converter) -> None:
    _positive("converter", record, "choke_h capacitor_f carrier_hz")
    _not_negative("converter", record, "choke_ohm esr_ohm dead_s threshold_v")
    if record.dead_s >= 0.25 / record.carrier_hz:
        raise ValueError(f"converter: dead_s must be below a quarter of the carrier period, got {record.dead_s:g}")


def grid(record: Grid) -> None:
    _positive("grid", record, "volts_v frequency_hz tau_s")
    _not_negative("grid", record, "volts_sigma frequency_sigma_hz source_ohm source_x_ohm")
    if abs(record.negative) >= 1:
        raise ValueError(f"grid: negative must be below 1, the positive sequence, got {abs(record.negative):g}")
    for order, share, _ in record.harmonics:
        if not (2 <= order <= ORDERS - 1 and 0 <= share < 1):
            raise ValueError(
                f"grid: harmonics must have orders from 2 to {ORDERS - 1} and shares below 1, got {order}: {share:g}"
            )


def pump(record: Pump) -> None:
    _positive("pump", record, "speed_rpm flow_m3_s power_w head0_m")
    _not_negative("pump", record, "head_fall static_head_m pipe")
    head_m = record.head0_m - record.head_fall * record.flow_m3_s**2
    if 1000 * 9.80665 * record.flow_m3_s * head_m > record.power_w * sum(record.power_shape):
        raise ValueError("pump: power_w is below the hydraulic power at the design flow: efficiency above 1")


def _positive(what: str, record: object, names: str) -> None:
    for name in names.split():
        value = getattr(record, name)
        if not (value > 0 and math.isfinite(value)):
            raise ValueError(f"{what}: {name} must be positive, got {value:g}")


def _not_negative(what: str, record: object, names: str) -> None:
    for name in names.split():
        value = getattr(record, name)
        if not (value >= 0 and math.isfinite(value)):
            raise ValueError(f"{what}: {name} must not be negative, got {value:g}")


def _pairs(what: str, pairs: int) -> None:
    if not isinstance(pairs, int) or pairs < 1:
        raise ValueError(f"{what}: pole_pairs must be an integer of at least 1, got {pairs}")


def _efficiency(what: str, power_w: float, volts_v: float, current_a: float) -> None:
    apparent_va = math.sqrt(3) * volts_v * current_a
    if power_w > apparent_va:
        share = power_w / apparent_va
        raise ValueError(
            f"{what}: power_w {power_w:g} W from {apparent_va:.0f} VA is an efficiency above 1 ({share:.2f})"
        )
