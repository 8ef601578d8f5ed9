"""Months in seconds: each step against the steady-state model that it replaces."""

from __future__ import annotations

import math
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest

from simulators.plant import params, phasors, station_trains
from simulators.plant.faults import Course, Demagnetised, Overheating
from simulators.plant.fleet import Duty, Fleet, FleetTrain
from simulators.plant.fleet_kernel import wander
from simulators.plant.grid import GridSupply
from simulators.plant.random_walk import RandomWalk

DIRECT = FleetTrain(params.IE1_55KW, params.COOLING_PUMP, Duty((0.9, 0.6)))
DRIVEN = FleetTrain(params.MAGNET_55KW, params.COOLING_PUMP, Duty((0.9, 0.6), low=0.5), params.DRIVE_55KW)


def test_each_step_is_that_of_the_steady_tier() -> None:
    """With harmonics, negative sequence and the random variation of the supply.

    Input within 1e-7, shaft 1e-8, speed 1e-9, current and reactive power 1e-6.
    """
    told = Fleet([DIRECT, DRIVEN], Random(3)).run(1, every_s=1)
    supply = GridSupply(params.BUSBAR, Random(1))
    for at in range(0, 3600, 240):
        seen = [{name: float(told[name][k, at]) for name in told} for k in range(2)]
        supply.volts_v, supply.frequency_hz = seen[0]["volts_v"], seen[0]["frequency_hz"]
        trains = (
            station_trains.direct_on_line(params.IE1_55KW, params.COOLING_PUMP, supply, seen[0]["flow_m3_s"]),
            station_trains.on_drive(
                params.MAGNET_55KW, params.DRIVE_55KW, params.COOLING_PUMP, supply, seen[1]["flow_m3_s"],
                seen[1]["winding_degc"],
            ),
        )  # fmt: skip
        for one, train in zip(seen, trains, strict=True):
            assert one["input_w"] == pytest.approx(train.input_w, rel=1e-7)
            assert one["motor_input_w"] == pytest.approx(train.motor_input_w, rel=1e-7)
            assert one["shaft_w"] == pytest.approx(train.shaft_w, rel=1e-8)
            assert one["speed_rad_s"] == pytest.approx(train.speed_rad_s, rel=1e-9)
            rms_a = math.sqrt(sum(x * x for x in phasors.rms_and_thd(train.i_a)[0]) / 3)
            assert one["current_a"] == pytest.approx(rms_a, rel=1e-6)
            reactive = float(phasors.reactive_var(train.u_v, train.i_a).sum())
            assert one["reactive_var"] == pytest.approx(reactive, rel=1e-6)


def test_means_are_the_means_of_the_steps() -> None:
    fine, coarse = (Fleet([DIRECT, DRIVEN], Random(3)).run(2, every_s=every) for every in (1, 60))
    for name in fine:
        assert coarse[name] == pytest.approx(fine[name].reshape(2, -1, 60).mean(axis=2), rel=1e-12), name


def test_same_seed_same_months_and_another_seed_others() -> None:
    first, again, other = (Fleet([DIRECT, DRIVEN], Random(seed)).run(3) for seed in (5, 5, 6))
    assert all((first[name] == again[name]).all() for name in first)
    assert (first["input_w"] != other["input_w"]).all()


def test_the_drift_is_that_of_the_plant() -> None:
    numbers = [float(x) for x in np.random.default_rng(1).standard_normal(50)]
    stream = iter([0.3, *numbers])
    slow = RandomWalk(SimpleNamespace(gauss=lambda mean, sigma: sigma * next(stream)), 0.1, 400.0, 60.0)  # type: ignore[arg-type]
    keep = math.exp(-1 / 400)
    state, out = np.full(2, slow.value), np.empty(50)
    wander(np.array(numbers), keep, 0.1 * math.sqrt(1 - keep**2), math.exp(-1 / 60), state, out)
    assert out == pytest.approx([slow.step(1.0) for _ in range(50)], rel=1e-12)


def test_a_day_has_its_profile_and_the_fault_its_course() -> None:
    """Half the day at 0.9, half at 0.6 of the flow; from noon on the magnets lose flux and the winding gets warmer."""
    faults = (Demagnetised(Course(43200.0, first=0.15)), Overheating(Course(43200.0, first=40.0, most=99.0)))
    sick = FleetTrain(DRIVEN.motor, DRIVEN.pump, DRIVEN.duty, DRIVEN.drive, faults)
    told = Fleet([DRIVEN, sick], Random(2)).run(24, every_s=3600)
    flow = told["flow_m3_s"] / params.COOLING_PUMP.flow_m3_s
    assert flow[0, :12].mean() > flow[0, 12:].mean() + 0.15
    hotter = told["winding_degc"][1, 23] - told["winding_degc"][0, 23]
    assert 40 < hotter < 60
    well, ill = (float(told["input_w"][k, 18:].sum() / told["shaft_w"][k, 18:].sum()) for k in range(2))
    before = [float(told["input_w"][k, :12].sum() / told["shaft_w"][k, :12].sum()) for k in range(2)]
    assert before[1] == pytest.approx(before[0], rel=5e-4)
    assert ill > well * 1.004


def test_a_load_that_cannot_be_turned_is_told_at_its_second() -> None:
    weak = params.Pump(1480.0, 600 / 3600, 400e3, 32.0, 252.0, (0.45, 0.65, -0.10), 8.0, 612.0)
    with pytest.raises(ValueError, match="fleet: train 0 cannot drive its load at 0 s"):
        Fleet([FleetTrain(params.IE1_55KW, weak, Duty((0.9,)))], Random(1)).run(1)


@pytest.mark.parametrize("drive", [None, params.DRIVE_55KW])
def test_what_does_not_belong_together_is_refused(drive: params.DriveParameters | None) -> None:
    motor = params.IE1_55KW if drive else params.MAGNET_55KW
    with pytest.raises(ValueError, match="a magnet motor needs a drive"):
        FleetTrain(motor, params.COOLING_PUMP, Duty((0.9,)), drive)
