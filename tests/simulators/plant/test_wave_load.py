"""Loads in time: each law against its closed form, and a hoist and a roller on a complete drive."""

from __future__ import annotations

import math
from typing import Any

import pytest
from support.plant import spent_j

from simulators.plant.drive_wave import STIFF, Converter, DriveWave
from simulators.plant.params import MAGNET_55KW
from simulators.plant.wave_load import WaveLoad
from simulators.scenarios.load_profiles import Conveyor
from simulators.scenarios.two_pumps import PUMP

RATE = 10240


def torque_nm(load: WaveLoad, speed: float) -> float:
    dry = load.dry_nm * math.tanh(speed / load.dry_rad_s)
    return load.constant_nm + load.linear * speed + load.square * speed * abs(speed) + dry


@pytest.mark.parametrize("share", [0.3, 0.72, 1.0])
@pytest.mark.parametrize("relative", [0.6, 1.0])
def test_pump(share: float, relative: float) -> None:
    speed = relative * 1480 * math.pi / 30
    assert torque_nm(PUMP.in_time(share), speed) * speed == pytest.approx(PUMP.throttled_w(share, speed), rel=1e-12)


def test_conveyor() -> None:
    belt = Conveyor(1000.0, friction_nm=60.0, loaded_nm=40.0, viscous_nm_s=0.2, lift_nm=60.0)
    load = belt.in_time(0.5)
    assert torque_nm(load, 100.0) == pytest.approx(80 + 20 + 30)
    assert torque_nm(load, -100.0) == pytest.approx(-80 - 20 + 30)


def driven(load: WaveLoad, targets: tuple[float, ...], hold_s: float, ramp: float) -> list[dict[str, float]]:
    """Return energies by phase; each phase balances."""
    drive = DriveWave(MAGNET_55KW, Converter(front=STIFF, averaged=True, carrier_hz=5120.0))
    how: dict[str, Any] = {"ramp_rad_s2": ramp, "torque_max_nm": 800.0, "load": load, "step_s": 1e-4}
    phases = []
    for target in targets:
        before, stored = drive.energy, drive.stored_j
        drive.run(round(hold_s * RATE), RATE, target_rad_s=target, **how)
        used = {name: value - before[name] for name, value in drive.energy.items()}
        assert drive.speed_rad_s == pytest.approx(target, abs=0.02)
        missed = used["grid"] - spent_j(used) - (drive.stored_j - stored)
        assert abs(missed) < 1e-6 * (abs(used["grid"]) + used["copper"])
        phases.append(used)
    return phases


def test_hoist_in_four_quadrants() -> None:
    """Lifting takes m·g·h/η, lowering returns m·g·h·η.

    The motor is then a generator, and at standstill it holds the load.
    """
    mass, per_rad, gear = 3000.0, 0.01, 0.92
    weight_nm = mass * 9.81 * per_rad
    load = WaveLoad(
        constant_nm=weight_nm * (1 / gear + gear) / 2, dry_nm=weight_nm * (1 / gear - gear) / 2,
        inertia_kg_m2=mass * per_rad**2,
    )  # fmt: skip
    assert torque_nm(load, 50.0) == pytest.approx(mass * 9.81 * per_rad / gear)
    assert torque_nm(load, -50.0) == pytest.approx(mass * 9.81 * per_rad * gear)
    lift, sink = (driven(load, (speed, speed), 1.0, 400.0)[1] for speed in (80.0, -80.0))
    height = 80.0 * 1.0 * per_rad
    assert lift["shaft"] == pytest.approx(mass * 9.81 * height / gear, rel=1e-5)
    assert sink["shaft"] == pytest.approx(-mass * 9.81 * height * gear, rel=1e-5)
    assert lift["terminal"] > lift["shaft"] > 0
    assert sink["shaft"] < sink["terminal"] < 0


def test_a_roller_gives_its_kinetic_energy_back_to_the_bus() -> None:
    """Reversing: J·ω²/2 less friction and copper loss is returned, and taken again."""
    load = WaveLoad(dry_nm=60.0, inertia_kg_m2=4.0)
    turned = driven(load, (60.0, -60.0, 60.0), 1.0, 300.0)
    kinetic = (4.0 + MAGNET_55KW.inertia_kg_m2) * 60.0**2 / 2
    assert turned[0]["terminal"] > kinetic + turned[0]["shaft"]
    assert turned[1]["shaft"] == pytest.approx(turned[2]["shaft"], rel=1e-5)
    # a reversal takes only friction and losses
    assert turned[1]["terminal"] == pytest.approx(spent_j(turned[1]), rel=1e-3)
    assert turned[1]["terminal"] < kinetic
