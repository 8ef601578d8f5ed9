"""Literal addresses of the manuals, so that an error common to driver and simulator is detected.

PM5000: register number − 1 (voltage A-N is 3028, total active power 3060 in kW, active energy 3204 in Wh as INT64).
SDM630: input register 30001 is 0. GA800: the hexadecimal number is the address; 16 registers at most.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from random import Random

import pytest

from drivers.profiles import load_profile
from drivers.reading import Value
from simulators.devices.device import ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, ILLEGAL_VALUE, Refused, SimulatedDevice
from simulators.scenarios.pump_station import PumpStation

VALUES: Mapping[str, Value] = {
    "voltage_l1n": 231.5,
    "current_l2": 81.25,
    "active_power": 46_208.0,
    "frequency": 50.02,
    "power_factor": 0.828,
    "energy_import": 184_321.5,
    "output_frequency": 81.2,
    "motor_current": 57.5,
    "dc_bus_voltage": 541.3,
    "motor_power": 27.8,
    "motor_speed": 1218.0,
    "status_word": 5,
}


def device(profile: str, rating_kw: float | None = None) -> SimulatedDevice:
    return SimulatedDevice(1, load_profile(profile), lambda: VALUES, rating_kw=rating_kw)


def f32(pair: list[int]) -> float:
    return float(struct.unpack(">f", struct.pack(">HH", *pair))[0])


@pytest.mark.parametrize(
    ("number", "expected"), [(3028, 231.5), (3002, 81.25), (3060, 46.208), (3110, 50.02), (3084, 0.828)]
)
def test_pm5000(number: int, expected: float) -> None:
    assert f32(device("schneider/pm5000").read(3, number - 1, 2)) == pytest.approx(expected, rel=1e-6)


def test_pm5000_energy_in_wh() -> None:
    got = device("schneider/pm5000").read(3, 3204 - 1, 4)
    assert struct.unpack(">q", struct.pack(">4H", *got))[0] == 184_321_500


def test_pm5000_marks_what_it_does_not_measure() -> None:
    assert device("schneider/pm5000").read(3, 3036 - 1, 2) == [0xFFC0, 0x0000]  # no voltage_ln_avg in VALUES


@pytest.mark.parametrize(
    ("number", "expected"),
    [(30001, 231.5), (30009, 81.25), (30053, 46_208.0), (30071, 50.02), (30063, 0.828), (30073, 184_321.5)],
)
def test_sdm630(number: int, expected: float) -> None:
    assert f32(device("eastron/sdm630").read(4, number - 30001, 2)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("address", "expected"), [(0x20, 5), (0x41, 8120), (0x42, 575), (0x46, 541), (0x47, 278), (0xAC, 1218)]
)
def test_ga800_of_55_kw(address: int, expected: int) -> None:
    assert device("yaskawa/ga800", 55.0).read(3, address, 1) == [expected]


def test_one_read_holds_many_values() -> None:
    got = device("yaskawa/ga800", 55.0).read(3, 0x40, 9)
    assert got == [0, 8120, 575, 0, 0, 0, 541, 278, 0]


def test_half_a_value_is_returned_as_requested() -> None:
    whole = device("eastron/sdm630").read(4, 0x34, 2)
    assert device("eastron/sdm630").read(4, 0x35, 1) == whole[1:]


@pytest.mark.parametrize(
    ("function", "address", "count", "code"),
    [
        (6, 0x20, 1, ILLEGAL_FUNCTION),
        (3, 0x20, 17, ILLEGAL_VALUE),
        (3, 0x20, 0, ILLEGAL_VALUE),
        (3, 0x1F, 1, ILLEGAL_ADDRESS),
        (3, 0xAC, 2, ILLEGAL_ADDRESS),
        (4, 0x20, 1, ILLEGAL_ADDRESS),
    ],
)
def test_invalid_requests_are_rejected(function: int, address: int, count: int, code: int) -> None:
    with pytest.raises(Refused) as caught:
        device("yaskawa/ga800", 55.0).read(function, address, count)
    assert caught.value.code == code


def test_the_plant_fills_every_register_of_its_profiles() -> None:
    plant = PumpStation(Random(1))
    plant.step(0.2)
    for item in (*plant.tcp_devices, *plant.rtu_devices):
        for register in item.profile.registers:
            got = item.read(register.function, register.address, register.words)
            if register.type == "f32":
                assert got != [0xFFC0, 0], f"{item.profile.id} {register.name}"


def test_identity_registers() -> None:
    plant = PumpStation(Random(1))
    assert plant.tcp_devices[0].read(3, 49, 3) == [0x504D, 0x3533, 0x3530]
    assert plant.rtu_devices[0].read(3, 0xFC00, 2) == [22091734 >> 16, 22091734 & 0xFFFF]
