"""Meters stay within their class, counters follow the power, displayed values are not newer than the refresh
interval.
"""

from __future__ import annotations

import cmath
import math
from random import Random

import numpy as np
import pytest

from drivers.reasons import InvalidValue
from simulators.meters.meter import EXACT, MeterErrors, SimulatedMeter, draw_errors
from simulators.meters.readings import electrical
from simulators.meters.wiring import wiring_of
from simulators.plant.phasors import PhasorComponent, Phasors, phasors
from simulators.reasons import WIRING_FAULT_UNKNOWN
from simulators.scenarios.two_pumps import TwoPumps


def load(pf: float, amps: float = 80.0) -> tuple[Phasors, Phasors]:
    """Return 230 V and a balanced lagging load (a leading one is not needed here)."""
    return (
        phasors([PhasorComponent(1, 1, 230 + 0j)]),
        phasors([PhasorComponent(1, 1, cmath.rect(amps, -math.acos(pf)))]),
    )


@pytest.mark.parametrize("pf", [0.5, 0.8, 1.0])
def test_inside_class_over_many_seeds(pf: float) -> None:
    """Power class 0.5 (0.6 at pf 0.5 would be allowed; 0.5 is kept), voltage and current 0.2."""
    u, i = load(pf)
    exact = electrical(u, i, 50.0)
    worst = 0.0
    for seed in range(500):
        meter = SimulatedMeter(draw_errors(Random(seed)))
        meter.step(u, i, 50.0, 0.2)
        displayed = meter.values
        for k in ("l1", "l2", "l3"):
            assert displayed[f"voltage_{k}n"] == pytest.approx(exact[f"voltage_{k}n"], rel=0.002)
            assert displayed[f"current_{k}"] == pytest.approx(exact[f"current_{k}"], rel=0.002)
            assert displayed[f"active_power_{k}"] == pytest.approx(exact[f"active_power_{k}"], rel=0.005)
        worst = max(worst, abs(displayed["active_power"] / exact["active_power"] - 1))
        assert displayed["frequency"] == pytest.approx(50.0, abs=0.002)
    assert 0.0015 < worst < 0.005  # the errors are present


def test_energy_has_the_gain_of_the_power() -> None:
    u, i = load(0.8)
    meter = SimulatedMeter(draw_errors(Random(5)), start_kwh=100.0)
    for _ in range(100):
        meter.step(u, i, 50.0, 36.0)
    assert meter.values["energy_import"] - 100 == pytest.approx(meter.values["active_power"] / 1000, rel=1e-9)
    phases = sum(meter.values[f"energy_import_l{k}"] for k in (1, 2, 3))
    assert phases == pytest.approx(meter.values["energy_import"], rel=1e-12)


def test_regenerated_power_is_counted_separately() -> None:
    u, i = load(0.8)
    meter = SimulatedMeter(EXACT)
    meter.step(u, -i, 50.0, 3600.0)
    assert meter.values["active_power"] < 0
    assert meter.values["energy_import"] == 0
    assert meter.values["energy_export"] == pytest.approx(3 * 230 * 80 * 0.8 / 1000)


def test_values_are_not_newer_than_the_refresh() -> None:
    meter = SimulatedMeter(EXACT, refresh_s=1.0)
    meter.step(*load(0.8, 80.0), 50.0, 0.2)
    assert meter.values["current_l1"] == pytest.approx(80)
    for _ in range(4):
        meter.step(*load(0.8, 90.0), 50.0, 0.2)
        assert meter.values["current_l1"] == pytest.approx(80)
    meter.step(*load(0.8, 90.0), 50.0, 0.2)
    assert meter.values["current_l1"] == pytest.approx(90)


def test_readings_of_a_known_load() -> None:
    """230 V, 80 A, pf 0.8 lagging and 20 % fifth harmonic current: textbook values."""
    u, i = load(0.8)
    i = i + phasors([PhasorComponent(5, -1, 16 + 0j)])
    displayed = electrical(u, i, 50.0)
    assert displayed["active_power"] == pytest.approx(3 * 230 * 80 * 0.8)
    assert displayed["reactive_power"] == pytest.approx(3 * 230 * 80 * 0.6)
    assert displayed["current_l2"] == pytest.approx(80 * math.sqrt(1.04))
    assert displayed["thd_i_l3"] == pytest.approx(20.0)
    assert displayed["voltage_l12"] == pytest.approx(230 * math.sqrt(3))
    assert displayed["power_factor"] == pytest.approx(0.8 / math.sqrt(1.04))
    assert displayed["current_n"] == pytest.approx(0, abs=1e-9)
    assert displayed["voltage_unbalance"] == pytest.approx(0, abs=1e-9)


def test_third_harmonic_adds_up_in_the_neutral() -> None:
    u, i = load(1.0)
    displayed = electrical(u, i + phasors([PhasorComponent(3, 0, 5 + 0j)]), 50.0)
    assert displayed["current_n"] == pytest.approx(15.0)


def test_phasors_agree_with_sampled_sums() -> None:
    """The same quantities from a synthesised period: rms and power are means over time."""
    train = TwoPumps(Random(2)).trains["pump-2"]
    angle = 2 * math.pi * np.arange(512) / 512
    basis = np.exp(1j * np.outer(np.arange(51), angle))
    u, i = (math.sqrt(2) * (x @ basis).real for x in (train.u_v, train.i_a))
    displayed = electrical(train.u_v, train.i_a, 50.0)
    assert displayed["active_power"] == pytest.approx(float((u * i).mean(axis=1).sum()), rel=1e-9)
    assert displayed["current_l3"] == pytest.approx(float(np.sqrt((i[2] ** 2).mean())), rel=1e-9)
    assert displayed["voltage_l31"] == pytest.approx(float(np.sqrt(((u[2] - u[0]) ** 2).mean())), rel=1e-9)


def test_errors_are_the_same_for_the_same_seed() -> None:
    one, two = draw_errors(Random(9)), draw_errors(Random(9))
    assert isinstance(one, MeterErrors)
    assert np.array_equal(one.i, two.i)


# P relative to the correct value at cos φ 0.86, balanced: closed form, the sum of cos(φ + angle between terminal
# voltage and current) / 3 cos φ.
@pytest.mark.parametrize(
    ("fault", "share"),
    [
        ("reversed ct1", 1 / 3), ("reversed ct1, reversed ct2", -1 / 3), ("swapped ct12", 0.0),
        ("reversed ct1, reversed ct2, reversed ct3", -1.0), ("missing ct2", 2 / 3), ("missing vt1", 2 / 3),
        ("rotated ct", -1.01387), ("rotated ct back", 0.01387), ("ratio ct 2.0", 2.0),
        ("swapped ct12, swapped vt12", 1.0),
        ("rotated ct, rotated vt", 1.0),
    ],
)  # fmt: skip
def test_wiring_faults_have_their_share_of_the_power(fault: str, share: float) -> None:
    u, i = load(0.86)
    meter = SimulatedMeter(EXACT, wiring=wiring_of(fault))
    meter.step(u, i, 50.0, 3600.0)
    right_w = 3 * 230 * 80 * 0.86
    assert meter.values["active_power"] == pytest.approx(share * right_w, abs=1e-5 * right_w)
    net_kwh = meter.values["energy_import"] - meter.values["energy_export"]
    assert net_kwh == pytest.approx(meter.values["active_power"] / 1000)


@pytest.mark.parametrize("fault", ["reversed ct4", "upside down", "swapped ct11", "ratio ct x"])
def test_an_unknown_wiring_fault_is_an_error(fault: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        wiring_of(fault)
    reason = caught.value.reason
    assert (reason.code, reason.data["fault"]) == (WIRING_FAULT_UNKNOWN, fault)
    for example in reason.data["examples"]:
        wiring_of(example)


@pytest.mark.parametrize("accuracy", [0.2, 0.5, 1.0])
def test_errors_of_each_class_reach_its_limits_and_stay_within(accuracy: float) -> None:
    u, i = load(0.5)
    worst = 0.0
    for seed in range(300):
        meter = SimulatedMeter(draw_errors(Random(seed), accuracy))
        meter.step(u, i, 50.0, 0.2)
        worst = max(worst, abs(meter.values["active_power_l1"] / (230 * 80 * 0.5) - 1))
    assert 0.4 * accuracy < 100 * worst < accuracy
