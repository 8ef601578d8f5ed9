"""Nameplates of virtual devices: closed forms of a rotating machine, and tables of IEC 60034-30-1."""

from __future__ import annotations

import math
from random import Random

import pytest

from drivers.reasons import InvalidValue
from simulators import reasons as codes
from simulators.devices.nameplate import Nameplate, ie3_efficiency, machine_of, supply_of
from simulators.devices.ratios import Ratios, parse_ratio, usual_ct
from simulators.scenarios.bench import DeviceBench, parse_devices
from simulators.scenarios.bench_motor import BenchMotor


@pytest.mark.parametrize(
    ("plate", "induction", "poles", "hz"),
    [
        (Nameplate(90, 1490), True, 4, 50.0),
        (Nameplate(90, 990), True, 6, 50.0),
        (Nameplate(45, 2960), True, 2, 50.0),
        (Nameplate(55, 1780), True, 4, 60.0),
        (Nameplate(55, 1780, hz=60), True, 4, 60.0),
        (Nameplate(55, 735), True, 8, 50.0),
        (Nameplate(90, 1500), False, 8, 100.0),
        (Nameplate(90, 1500, pole_pairs=2), False, 4, 50.0),
        (Nameplate(90, 1500, hz=75), False, 6, 75.0),
        (Nameplate(90, 1490, kind="pm", pole_pairs=3), False, 6, 74.5),
        (Nameplate(90, hz=60, pole_pairs=3), True, 6, 60.0),
        (Nameplate(30, 2570, hz=87, pole_pairs=2), True, 4, 87.0),  # 50 Hz winding in delta at 87 Hz
    ],
)
def test_poles_and_frequency_follow_from_the_speed(plate: Nameplate, induction: bool, poles: int, hz: float) -> None:
    machine = machine_of(plate)
    assert (machine.induction, machine.poles, machine.hertz) == (induction, poles, hz)
    slip = 1 - machine.rpm * machine.poles / 120 / machine.hertz
    assert (0 < slip <= 0.1) if induction else slip == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("kw", "percent"), [(0.75, 82.5), (2.2, 86.7), (11, 91.4), (90, 95.2), (200, 96.0), (315, 96.0)]
)
def test_the_usual_efficiency_is_that_of_the_standard(kw: float, percent: float) -> None:
    """IEC 60034-30-1:2014, table of class IE3 at 50 Hz, four poles, rounded to 0.1 %."""
    assert 100 * ie3_efficiency(kw) == pytest.approx(percent, abs=0.0501)


@pytest.mark.parametrize(
    "plate",
    [
        Nameplate(22, 1475, 380, amps=43.2, cos_phi=0.85),
        Nameplate(22, 1475, 380, amps=43.2),
        Nameplate(22, 1475, 380, cos_phi=0.85),
        Nameplate(22, 1475, 380),
        Nameplate(22, 1500, 340, kind="pm"),
    ],
)
def test_the_rated_power_follows_from_the_other_values(plate: Nameplate) -> None:
    m = machine_of(plate)
    assert math.sqrt(3) * m.volts * m.amps * m.cos_phi * m.efficiency == pytest.approx(1000 * plate.kw)
    assert plate.amps is None or m.amps == pytest.approx(plate.amps)
    assert plate.cos_phi is None or m.cos_phi == plate.cos_phi


@pytest.mark.parametrize(
    ("plate", "code"),
    [
        (Nameplate(90, 1500, kind="induction"), codes.PLATE_SLIP),
        (Nameplate(90, 1200, kind="induction", pole_pairs=2), codes.PLATE_SLIP),
        (Nameplate(90, 1500, hz=50, pole_pairs=3, kind="pm"), codes.PLATE_FREQUENCY),
        (Nameplate(90, 1490, 400, amps=15.7), codes.PLATE_POWER),
        (Nameplate(90, 1490, 400, amps=1570), codes.PLATE_POWER),
        (Nameplate(90, 1490, 400, amps=157, cos_phi=0.5), codes.PLATE_POWER),
    ],
)
def test_a_nameplate_that_contradicts_itself_is_refused(plate: Nameplate, code: str) -> None:
    with pytest.raises(InvalidValue) as error:
        machine_of(plate)
    assert error.value.reason.code == code


def test_the_supply_fits_the_motor() -> None:
    assert supply_of(machine_of(Nameplate(55, 1780, 460, hz=60))) == (460, 60)
    assert supply_of(machine_of(Nameplate(90, 1500, 360, kind="pm"))) == (400, 50)
    assert supply_of(machine_of(Nameplate(90, 1500, 600, kind="pm"))) == (690, 50)


def test_transformers() -> None:
    assert parse_ratio("200/5") == (200, 5)
    assert usual_ct(157) == (200, 5)
    assert usual_ct(40) is None
    for text in ("", "200", "5/200", "0/0", "a/5", "200/-5"):
        with pytest.raises(InvalidValue):
            parse_ratio(text)


def made(*devices: str, plate: Nameplate = Nameplate(90, 1490), in_meter: bool = True) -> DeviceBench:  # noqa: B008
    machine = machine_of(plate)
    motor = BenchMotor(machine, Ratios(usual_ct(machine.amps), None, in_meter))
    return DeviceBench(parse_devices(devices), Random(3), motor=motor)


def test_a_meter_and_a_drive_have_one_motor() -> None:
    meter, drive = made("eastron/sdm630", "abb/acs880").devices
    assert drive.place.fed_by == meter.name
    assert meter.place.measuring_point == "drive-input"
    for _ in range(3):
        meter_kw, drive_kw = meter.values["active_power"], drive.values["motor_power"]
        assert isinstance(meter_kw, float)
        assert isinstance(drive_kw, float)
        assert 1.0 < meter_kw / 1000 / drive_kw < 1.1  # losses of a drive, and 2 % of its display
        for device in (meter, drive):
            device.step(40.0)


def test_the_load_moves_and_stays_below_the_rated_one() -> None:
    (drive,) = made("abb/acs880").devices
    torques = []
    for _ in range(60):
        drive.step(10.0)
        torques.append(drive.values["motor_torque"])
    assert max(torques) - min(torques) > 10  # type: ignore[type-var,operator]  # percent of rated
    assert 10 < min(torques) < max(torques) <= 105  # type: ignore[type-var,operator]


def test_a_meter_that_is_not_set_displays_secondary_values() -> None:
    """The same plant, with and without the ratio 200/5 in the meter."""
    (primary,), (secondary,) = made("chint/dtsu666").devices, made("chint/dtsu666", in_meter=False).devices
    for name, factor in (("current_l1", 40.0), ("active_power", 40.0), ("energy_import", 40.0), ("voltage_l1n", 1.0)):
        assert primary.values[name] / secondary.values[name] == pytest.approx(factor)  # type: ignore[operator]
    assert (primary.values["ct_ratio"], secondary.values["ct_ratio"]) == (40.0, 1.0)


def test_a_device_that_cannot_show_the_motor_is_refused() -> None:
    with pytest.raises(InvalidValue) as error:
        made("siemens/v20", plate=Nameplate(315, 1490))
    reason = error.value.reason
    assert (reason.code, reason.data["profile"]) == (codes.BENCH_RANGE, "siemens/v20")
