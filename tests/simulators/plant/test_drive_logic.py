"""States of a drive: every transition, and a complete outage with the drive in time."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simulators.plant.drive_logic import DriveInputs, DriveLogic, Limits, LogicState, RunningDrive, Trip
from simulators.plant.drive_wave import COAST, SPEED, Converter, DriveWave
from simulators.plant.params import MAGNET_55KW
from simulators.plant.phasors import PhasorComponent
from simulators.plant.wave_load import WaveLoad

HEALTHY = DriveInputs(run=True, dc_v=540.0, current_a=100.0, speed_rad_s=150.0)


def running(limits: Limits) -> DriveLogic:
    logic = DriveLogic(limits)
    assert logic.step(0.0, HEALTHY._replace(run=False, speed_rad_s=0.0)) is LogicState.READY
    assert logic.step(1.0, HEALTHY) is LogicState.RUN
    return logic


@pytest.mark.parametrize(
    ("seen", "trip"),
    [
        ({"dc_v": 379.0}, Trip.UNDERVOLTAGE),
        ({"dc_v": 781.0}, Trip.OVERVOLTAGE),
        ({"current_a": 301.0}, Trip.OVERCURRENT),
        ({"winding_degc": 156.0}, Trip.OVERHEATED),
        ({"cause": Trip.OVERLOADED}, Trip.OVERLOADED),
    ],
)
def test_a_trip_stays_until_it_is_acknowledged(seen: dict[str, float], trip: Trip) -> None:
    logic = running(Limits(over_a=300.0))
    sick = HEALTHY._replace(**seen)
    assert logic.step(2.0, sick) is LogicState.FAULT
    assert logic.trip is trip
    logic.reset(sick)
    assert logic.state is LogicState.FAULT  # the cause persists
    assert logic.step(900.0, HEALTHY) is LogicState.FAULT
    logic.reset(HEALTHY)
    assert (logic.state, logic.trip) == (LogicState.COAST, Trip.NONE)
    assert logic.step(901.0, HEALTHY) is LogicState.RUN


def test_a_stop_coasts_until_the_shaft_is_at_standstill() -> None:
    logic = running(Limits(over_a=300.0))
    stop = HEALTHY._replace(run=False, current_a=0.0)
    assert logic.step(2.0, stop) is LogicState.COAST
    assert logic.step(3.0, stop._replace(speed_rad_s=1.0)) is LogicState.COAST
    assert logic.step(4.0, stop._replace(speed_rad_s=0.1)) is LogicState.READY
    assert logic.step(5.0, HEALTHY._replace(dc_v=0.0)) is LogicState.READY  # undervoltage at standstill is not a trip


def test_a_blocked_drive_coasts_and_accelerates_again() -> None:
    drive, coast = RunningDrive(Limits(over_a=300.0)), lambda speed, dt_s: max(speed - 10 * dt_s, 0.0)
    seen = []
    for second in range(8):
        drive.step(second, 1.0, HEALTHY._replace(run=not 2 <= second < 5), 150.0, 20.0, coast)
        seen.append((drive.coasts, drive.tripped, drive.free_rad_s))
    assert seen == [
        (False, False, None), (False, False, None), (True, False, 140.0), (True, False, 130.0), (True, False, 120.0),
        (False, False, 140.0), (False, False, None), (False, False, None),
    ]  # fmt: skip


def test_a_jammed_shaft_stands_and_starts_from_there() -> None:
    drive, coast = RunningDrive(Limits(over_a=300.0)), lambda speed, _dt_s: speed
    drive.step(0.0, 1.0, HEALTHY, 150.0, 20.0, coast, jammed=True)
    assert (drive.free_rad_s, drive.coasts) == (0.0, False)
    drive.step(1.0, 1.0, HEALTHY, 150.0, 20.0, coast)
    assert drive.free_rad_s == 20.0


def test_after_an_outage_it_restarts_on_the_turning_shaft() -> None:
    """C·(U0² − U1²)/2P: 6 mF for 100 kW last 4.4 ms from 540 to 380 V.

    Then the load alone decelerates the shaft; half a second after the grid returns, the drive catches the motor at its
    speed.
    """
    speed, rate = 90.0, 10000  # below 380 V / √3 of back-EMF: the full torque remains available
    converter = Converter(choke_h=0.764e-3, choke_ohm=0.1, capacitor_f=1.8e-3)
    drive = DriveWave(MAGNET_55KW, converter, dc_v=545.0, speed_rad_s=speed)
    logic = DriveLogic(Limits(over_a=400.0, restart_s=0.5))
    load = WaveLoad(square=330.0 / speed**2, inertia_kg_m2=2.0)
    grid = [PhasorComponent(1, 1, complex(400 / math.sqrt(3)))]
    outage_s, step_s = 0.8, 2 / rate
    states: list[tuple[float, LogicState]] = []
    peak_a = 0.0
    link_w = dc_v = 0.0
    while drive.now_s < 3.0:
        now = drive.now_s
        state = logic.step(now, DriveInputs(True, drive.dc_v, peak_a, drive.speed_rad_s))
        if not states or states[-1][1] is not state:
            states.append((now, state))
        before = drive.energy["link"]
        wave = drive.run(
            2, rate, grid=[] if outage_s <= now + step_s / 2 < outage_s + 0.3 else grid,
            mode=SPEED if state is LogicState.RUN else COAST, target_rad_s=speed, torque_max_nm=700.0, load=load,
        )  # fmt: skip
        peak_a = float(np.abs(wave.i).max())
        if drive.now_s < outage_s + step_s / 2:
            link_w = 0.99 * link_w + 0.01 * (drive.energy["link"] - before) / step_s
            dc_v = drive.dc_v
    assert [state for _, state in states] == [LogicState.RUN, LogicState.FAULT, LogicState.RUN]
    held_s = states[1][0] - outage_s
    assert held_s == pytest.approx(1.8e-3 * (dc_v**2 - 380**2) / 2 / link_w, abs=2 * step_s)
    assert held_s * link_w / 1.8e-3 == pytest.approx(4.4e-3 * 100e3 / 6e-3, rel=0.1)
    assert states[2][0] - outage_s - 0.3 == pytest.approx(0.5, abs=0.003)
    assert drive.speed_rad_s == pytest.approx(speed, rel=1e-5)
