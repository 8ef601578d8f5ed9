"""Values in parts, shared registers, scale registers, SunSpec's model chain: words derived by hand."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.profiles import load_profile
from simulators.devices.device import ILLEGAL_ADDRESS, Refused, SimulatedDevice
from simulators.devices.register_encoder import choose_exponents, words


def device(profile: str, values: dict[str, Any], **more: Any) -> SimulatedDevice:
    return SimulatedDevice(1, load_profile(profile), lambda: values, rating_kw=55.0, **more)


@pytest.mark.parametrize(
    ("profile", "address", "kwh", "expected"),
    [
        ("abb/acs880", 20235, 2_345_678.0, [2, 0, 345, 0, 678, 0]),  # GWh, MWh, kWh, low word first
        ("schneider/atv630", 10606, 2_345_678.901, [901, 678, 345, 2]),  # Wh, kWh, MWh, GWh
        ("schneider/atv630", 10606, 0.9994, [999, 0, 0, 0]),
        ("schneider/atv630", 10606, 0.9996, [0, 1, 0, 0]),  # rounds into the next part
        ("invertek/optidrive-e3", 31, 12_999.9, [9999, 12]),
    ],
)
def test_the_parts_of_an_energy(profile: str, address: int, kwh: float, expected: list[int]) -> None:
    assert device(profile, {"energy_kwh": kwh}).read(3, address, len(expected)) == expected


def test_two_codes_in_one_register() -> None:
    assert device("delta/c2000", {"fault_code": 7, "warning_code": 0x18}).read(3, 0x2100, 1) == [0x1807]


@pytest.mark.parametrize(("amps", "raw", "decimals"), [(12.34, 1234, 2), (655.34, 65534, 2), (700.0, 7000, 1)])
def test_delta_drops_a_decimal_where_16_bits_overflow(amps: float, raw: int, decimals: int) -> None:
    drive = device("delta/c2000", {"motor_current": amps})
    assert drive.read(3, 0x2104, 1) == [raw]
    assert drive.read(3, 0x211F, 1) == [decimals << 8]


def test_carlo_gavazzi_overflows_in_the_high_word() -> None:
    assert device("carlo-gavazzi/em340", {}).read(4, 0x0C, 2) == [0x0000, 0x7FFF]  # low word first


@pytest.mark.parametrize(("amps", "raw"), [(100.0, 10000), (163.83, 16383), (400.0, 16383)])
def test_g120_saturates(amps: float, raw: int) -> None:
    assert device("siemens/g120", {"motor_current": amps}).read(3, 344, 1) == [raw]


def test_sunspec_is_in_its_chain() -> None:
    meter = device("sunspec/meter-203", {"voltage_l1n": 230.1, "active_power": 46_200.0, "frequency": 50.02})
    assert meter.read(3, 40000, 4) == [0x5375, 0x6E53, 1, 66]
    assert meter.read(3, 40070, 2) == [203, 105]
    assert meter.read(3, 40070 + 107, 2) == [0xFFFF, 0]
    volts, factor = meter.read(3, 40070 + 8, 1)[0], meter.read(3, 40070 + 15, 1)[0]
    assert (volts, factor) == (23010, 0x10000 - 2)  # 230.1 V: hundredths are the finest resolution of 16 bits
    assert meter.read(3, 40070 + 18, 1) == [4620]
    assert meter.read(3, 40070 + 22, 1) == [1]
    assert meter.read(3, 40070 + 3, 1) == [0x8000]  # no current available


def test_one_scale_applies_to_all_its_values() -> None:
    profile = load_profile("sunspec/meter-203")
    found = choose_exponents(profile, {"voltage_l1n": 230.0, "voltage_l12": 690.0})
    assert found[3, 15] == -1  # 690.00 V would need 69000


def test_a_scale_register_must_be_known() -> None:
    row = load_profile("delta/c2000").register("motor_current")
    assert row is not None
    with pytest.raises(ValueError, match="register that was not given"):
        words(row, {"motor_current": 1.0})


def test_the_model_code_is_returned_only_if_read_alone() -> None:
    meter = device("carlo-gavazzi/em340", {"model_code": 341, "voltage_l31": 400.0})
    assert meter.read(4, 11, 1) == [341]
    assert meter.read(4, 10, 2) == [4000, 0]


@pytest.mark.parametrize(
    ("profile", "function", "address", "count"),
    [
        ("danfoss/fc302", 3, 16129, 2),  # each parameter is a separate block
        ("carlo-gavazzi/em24", 4, 4, 4),  # ends in a reserved register
        ("siemens/g120", 3, 320, 1),
    ],
)
def test_gaps_are_rejected(profile: str, function: int, address: int, count: int) -> None:
    with pytest.raises(Refused) as caught:
        device(profile, {}).read(function, address, count)
    assert caught.value.code == ILLEGAL_ADDRESS


def test_a_gap_inside_may_be_read_over() -> None:
    assert len(device("carlo-gavazzi/em24", {}).read(4, 4, 10)) == 10
