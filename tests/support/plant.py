"""Common to the tests and benchmarks of the plant."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from drivers.reasons import Reason
from simulators import scenarios
from simulators.plant.drive_wave import DriveWave, DriveWaves
from simulators.plant.params import InductionMotor, MagnetMotor
from simulators.plant.phasors import PhasorComponent
from simulators.reasons import SCENARIO_PROBLEM

GRID_400V = [PhasorComponent(1, 1, complex(400 / math.sqrt(3)))]


def machine_truth(data_file: Callable[[str], Path], name: str) -> dict[str, Any]:
    """The results of another code base for one of its runs, and the parameters of its machine."""
    found: dict[str, Any] = json.loads(data_file("machines/truth.json").read_text())[name]
    return found


def dip_phases(kind: str, v: complex) -> list[complex]:
    """Bollen's phase voltages of a dip to v, without their zero sequence; L1 has angle 0 before the dip."""
    root = math.sqrt(3)
    abc = {
        "A": [v, v * (-0.5 - 0.5j * root), v * (-0.5 + 0.5j * root)],
        "B": [v, -0.5 - 0.5j * root, -0.5 + 0.5j * root],
        "C": [1, -0.5 - 0.5j * root * v, -0.5 + 0.5j * root * v],
        "D": [v, -0.5 * v - 0.5j * root, -0.5 * v + 0.5j * root],
    }[kind]
    return [value - sum(abc) / 3 for value in abc]


def scenario_file(name: str) -> dict[str, Any]:
    """The contents of a scenario's file, for a test to modify."""
    return tomllib.loads((Path(scenarios.__file__).parent / "data" / f"{name}.toml").read_text(encoding="utf-8"))


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


def induction_of(truth: Mapping[str, float]) -> InductionMotor:
    """The motor of a reference result of motulator.

    Its Γ circuit has no stator leakage: xl1 = 0. B·ω is the friction of our model at rated speed. Rated power and
    current have no effect, because there are no additional losses.
    """
    omega, speed_rpm = 2 * math.pi * 50, 1450.0
    return InductionMotor(
        power_w=1000.0,
        volts_v=400.0,
        frequency_hz=50.0,
        pole_pairs=2,
        speed_rpm=speed_rpm,
        current_a=300.0,
        rs_ohm=truth["R_s"],
        xl1_ohm=0.0,
        rr_ohm=truth["R_r_gamma"],
        xl2_ohm=omega * truth["L_ell_gamma"],
        xm_ohm=omega * truth["L_s_gamma"],
        rfe_ohm=1 / truth["G_c"],
        friction_w=truth["B"] * (speed_rpm * math.pi / 30) ** 2,
        additional_w=0.0,
        inertia_kg_m2=truth["J"],
    )


def spent_j(energy: dict[str, float]) -> float:
    """Return the sum of all energies that have left the system: heat and work, J."""
    return sum(value for name, value in energy.items() if name not in ("grid", "link", "terminal"))


def one_second(
    drive: DriveWave, rate: int, settle_s: float = 1.0, **how: Any
) -> tuple[DriveWaves, dict[str, float], float]:
    """Waves, mean powers and the error of the power balance relative to the input, over 1 s after settling."""
    drive.run(round(settle_s * rate), rate, **how)
    before, stored = drive.energy, drive.stored_j
    wave = drive.run(rate, rate, **how)
    power = {name: value - before[name] for name, value in drive.energy.items()}
    return wave, power, abs(power["grid"] - spent_j(power) - (drive.stored_j - stored)) / abs(power["grid"])


def scenario_problem(reason: Reason) -> tuple[str, Reason | str]:
    """Place and cause of an error in a scenario: "train.pump.motor: poles", and what is wrong there."""
    places, cause = [], reason
    while isinstance(cause, Reason) and cause.code == SCENARIO_PROBLEM:
        places.append(cause.data["place"])
        cause = cause.data["cause"]
    return ": ".join(places), cause
