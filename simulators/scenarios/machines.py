"""Machines of any size for scenarios: from a nameplate, or from the library of fitted motors."""

from __future__ import annotations

import math
import tomllib
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from simulators.plant.params import (  # fmt: skip
    COPPER_PER_K,
    DRIVE_55KW,
    LINE_START_55KW,
    NDFEB_PER_K,
    DriveParameters,
    InductionMotor,
    LineStartMotor,
    MagnetMotor,
)
from simulators.reasons import POLES_ODD, SHARE_OUT_OF_RANGE, VALUE_NOT_POSITIVE, require

DATA = Path(__file__).parent / "data"
HOT_WINDING_DEGC, HOT_MAGNET_DEGC = 100.0, 85.0
LINE_START = {"55kw-line-start": LINE_START_55KW}
LOSS_SPLIT = (0.50, 0.30, 0.12, 0.08)  # copper, core, friction, additional share of the rated losses: an assumption
_EMF, _XD, _XQ = 0.88, 0.32, 0.42  # of rated voltage; per unit: middle of the usual range, no measured motor
_FIXED = 0.68  # exponent of a drive's fixed loss against its power, from the same table as DRIVE_55KW.fixed_w


@cache
def library() -> dict[str, dict[str, Any]]:
    """Return the induction motors by name: circuit parameters fitted to catalogue values."""
    found: dict[str, dict[str, Any]] = tomllib.loads((DATA / "motors.toml").read_text(encoding="utf-8"))
    return found


def line_motor(name: str) -> InductionMotor | LineStartMotor:
    """Return a motor for direct-on-line operation. Raises KeyError for a name that is not in line_motors()."""
    return LINE_START[name] if name in LINE_START else induction_motor(name)


def line_motors() -> tuple[str, ...]:
    return (*library(), *LINE_START)


def induction_motor(name: str) -> InductionMotor:
    return InductionMotor(**{key: value for key, value in library()[name].items() if key != "class"})


def magnet_motor(kw: float, rpm: float, poles: int, volts: float, efficiency: float) -> MagnetMotor:
    """Return a magnet motor with this efficiency at its rated point on a drive. Raises ValueError for impossible
    values.

    kw: rated power, kW.
    rpm: rated speed, rpm.
    poles: number of poles.
    volts: rated line voltage, V.
    efficiency: rated efficiency, 0…1.
    """
    require(0 < efficiency < 1, "efficiency", SHARE_OUT_OF_RANGE, value=efficiency)
    for name, value in (("kw", kw), ("rpm", rpm), ("volts", volts)):
        require(value > 0, name, VALUE_NOT_POSITIVE, value=value)
    require(poles >= 2 and poles % 2 == 0, "poles", POLES_ODD, value=poles)
    pairs = poles // 2
    power_w = 1000 * kw
    losses_w = power_w * (1 / efficiency - 1)
    copper_w, core_w, friction_w, additional_w = (part * losses_w for part in LOSS_SPLIT)
    omega = rpm / 60 * 2 * math.pi * pairs
    emf_v = _EMF * volts  # line to line, hot
    torque_a = (power_w + friction_w + additional_w) / (math.sqrt(3) * emf_v)
    base_ohm = volts**2 / power_w
    across_v = math.hypot(emf_v, math.sqrt(3) * _XQ * base_ohm * torque_a)  # at the core branch
    core_s = core_w / across_v**2
    current_a = torque_a + core_s * emf_v / math.sqrt(3)
    rs_ohm = copper_w / 3 / current_a**2
    reactance_v = math.sqrt(3) * _XQ * base_ohm * torque_a
    return MagnetMotor(
        power_w=power_w,
        volts_v=math.hypot(emf_v + math.sqrt(3) * rs_ohm * current_a, reactance_v),
        current_a=current_a,
        speed_rpm=rpm,
        pole_pairs=pairs,
        rs20_ohm=rs_ohm / (1 + COPPER_PER_K * (HOT_WINDING_DEGC - 20)),
        ld_h=_XD * base_ohm / omega,
        lq_h=_XQ * base_ohm / omega,
        flux20_wb=emf_v * math.sqrt(2 / 3) / omega / (1 + NDFEB_PER_K * (HOT_MAGNET_DEGC - 20)),
        core_s=core_s,
        core_hysteresis=0.4,
        friction_w=friction_w,
        additional_w=additional_w,
        losses_w=losses_w,
    )


def drive_of(kw: float, current_a: float) -> DriveParameters:
    """Return the 55 kW drive scaled: semiconductors by the motor current, choke and capacitor by the power."""
    k, amps = kw * 1000 / DRIVE_55KW.power_w, 1.03 * current_a / DRIVE_55KW.current_a
    by_power = ("choke_ohm", "line_ohm", "choke_r_ohm", "bridge_ohm")
    by_current = ("switch_ohm", "diode_ohm")
    return replace(
        DRIVE_55KW,
        power_w=kw * 1000,
        current_a=1.03 * current_a,
        capacitor_s=DRIVE_55KW.capacitor_s * k,
        fixed_w=DRIVE_55KW.fixed_w * k**_FIXED,
        **{name: getattr(DRIVE_55KW, name) / k for name in by_power},
        **{name: getattr(DRIVE_55KW, name) / amps for name in by_current},
    )
