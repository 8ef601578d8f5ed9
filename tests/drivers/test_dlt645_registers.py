"""The values of a meter as registers: from the profile to values, over a simulated meter that shares no code."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from support.basics import HandClock

from drivers.error_reasons import METER_VALUE_LENGTH
from drivers.errors import MeterRejection
from drivers.framing import Request
from drivers.modbus_device import ModbusDevice
from drivers.profiles import load_profile
from drivers.profiles.dlt645_register import identifier_of
from drivers.reading import Quality, Value
from simulators.devices.energy_meter import ITEMS, EnergyMeter

VALUES = {
    "voltage_l1n": 230.1, "voltage_l2n": 229.8, "voltage_l3n": 231.0, "voltage_l12": 101.2, "voltage_l23": 99.8,
    "current_l1": 1.234, "current_l2": -2.345, "current_l3": 3.456, "active_power": -1234.5, "active_power_l1": 100.1,
    "active_power_l2": -2345.6, "active_power_l3": 1011.0, "reactive_power": -77.7, "apparent_power": 1300.2,
    "power_factor": -0.949, "frequency": 49.98, "energy_import": 123456.78, "energy_export": 0.26,
    "reactive_energy_import": 12.34, "reactive_energy_export": 56.78, "active_power_mean_1min": -1230.4,
    "demand_active_power": 900.4, "device_temperature": -7.5,
}  # fmt: skip
SATURDAY = datetime(2018, 12, 29, 18, 53, 32, tzinfo=UTC)  # of the published frames in test_dlt645_frames.py
CLOCK = {"clock_date": 18122906, "clock_time": 185332}
ADDRESS = "202311001234"
PROFILES = {"single-phase": {"phases": 1}, "three-phase": {}, "three-wire": {"three_wires": True}}


class MeterOfMemory:
    """A link to a meter without a line. asked: data identifiers."""

    response_s = 0.1

    def __init__(self, meter: EnergyMeter, altered: dict[int, bytes] | None = None) -> None:
        self._meter, self._altered = meter, altered or {}
        self.asked: list[int] = []

    async def read_block(
        self, request: Request, timeout_s: float, delay_s: float = 0.0, *, edges: Sequence[int] = (), tries: int = 1,
        silence_tries: int | None = None, retry_after_s: float | None = None,
    ) -> bytes:  # fmt: skip
        self.asked.append(request.address)
        data = self._altered.get(request.address, self._meter.read(request.address))
        if data is None:
            raise MeterRejection(2, ADDRESS, f"{request.address:08X}")
        return data

    async def close(self) -> None: ...


def device(name: str, link: MeterOfMemory) -> ModbusDevice:
    return ModbusDevice("m", load_profile(f"generic/dlt645-{name}"), int(ADDRESS), link, HandClock())


@pytest.mark.parametrize("name", PROFILES)
def test_each_value_of_each_profile_is_that_of_the_meter(name: str) -> None:
    meter = EnergyMeter(ADDRESS, lambda: VALUES, clock=lambda: SATURDAY, **PROFILES[name])  # type: ignore[arg-type]
    link = MeterOfMemory(meter)
    reading = asyncio.run(device(name, link).poll())
    names = {row.name for row in load_profile(f"generic/dlt645-{name}").registers}
    expected: dict[str, Value] = {item: VALUES[item] for item in names & VALUES.keys()}
    if name == "three-wire":  # two wattmeters: P/2 and the share of Q with both signs
        expected |= {"active_power_l1": -594.8, "active_power_l3": -639.7}
    if name == "three-phase":
        expected["current_l2"] = 2.345  # a magnitude; the sign is that of the power
    expected |= CLOCK | {"serial_number": ADDRESS, "model_code": "DTZ-SIM"}
    assert reading.values == {item: pytest.approx(value) for item, value in expected.items()}
    assert reading.quality | Quality.GOOD == Quality.GOOD
    assert reading.flags == {}


def test_the_fast_values_of_a_three_phase_meter_need_four_requests() -> None:
    link = MeterOfMemory(EnergyMeter(ADDRESS, lambda: VALUES))
    asyncio.run(device("three-phase", link).poll(frozenset({"fast"})))
    assert link.asked == [0x00010000, 0x0201FF00, 0x0202FF00, 0x0203FF00]


def test_the_published_clock_is_that_of_its_frames() -> None:
    """Bytes of a meter in the field, the lowest first: the day of the week is the lowest of the date."""
    sent = {0x04000101: bytes.fromhex("06291218"), 0x04000102: bytes.fromhex("325318")}
    meter = EnergyMeter(ADDRESS, lambda: VALUES, clock=lambda: SATURDAY)
    assert {identifier: meter.read(identifier) for identifier in sent} == sent
    link = MeterOfMemory(EnergyMeter(ADDRESS, lambda: VALUES), sent)
    reading = asyncio.run(device("three-phase", link).poll(frozenset({"slow", "once"})))
    assert {name: reading.values[name] for name in CLOCK} == CLOCK
    assert link.asked.count(0x04000102) == 1, "it is not read together with the serial number"


def test_a_meter_without_blocks_is_asked_for_single_values() -> None:
    link = MeterOfMemory(EnergyMeter(ADDRESS, lambda: VALUES, blocks=False))
    meter = device("three-phase", link)
    asyncio.run(meter.poll(frozenset({"fast"})))
    link.asked.clear()
    reading = asyncio.run(meter.poll(frozenset({"fast"})))
    assert link.asked == [0x00010000, *(base | k << 8 for base, ks in (
        (0x02010000, (1, 2, 3)), (0x02020000, (1, 2, 3)), (0x02030000, (0, 1, 2, 3))) for k in ks)]  # fmt: skip
    assert reading.values["active_power_l2"] == pytest.approx(-2345.6)
    assert not meter.unsupported.registers


def test_data_that_the_meter_refuses_are_not_read_again() -> None:
    class Without(EnergyMeter):
        def read(self, identifier: int) -> bytes | None:
            return None if identifier == 0x02050000 else super().read(identifier)

    link = MeterOfMemory(Without(ADDRESS, lambda: VALUES, clock=lambda: SATURDAY))
    meter = device("three-phase", link)
    asyncio.run(meter.poll())
    assert meter.unsupported.registers == {"apparent_power"}
    assert "apparent_power" not in meter.names()


@pytest.mark.parametrize(
    ("data", "watts", "flag"),
    [("452381", -1234.5, Quality.GOOD), ("000080", 0.0, Quality.GOOD), ("999979", 79999.9, Quality.GOOD),
     ("ffffff", None, Quality.OUT_OF_RANGE), ("0000fa", None, Quality.OUT_OF_RANGE),
     ("0b0000", None, Quality.OUT_OF_RANGE)],
    ids=["reverse", "minus zero", "largest", "not available", "digit above 9", "no digit"],
)  # fmt: skip
def test_sign_and_digits_of_a_power(data: str, watts: float | None, flag: Quality) -> None:
    """The sign is the highest bit of the highest byte; what is no digit then is "not available"."""
    block = bytes.fromhex(data) + bytes(9)
    link = MeterOfMemory(EnergyMeter(ADDRESS, lambda: VALUES), {0x0203FF00: block})
    reading = asyncio.run(device("three-phase", link).poll(frozenset({"fast"})))
    assert reading.values["active_power"] == watts
    assert reading.flags.get("active_power", Quality.GOOD) == flag


def test_an_energy_has_no_sign() -> None:
    link = MeterOfMemory(EnergyMeter(ADDRESS, lambda: VALUES), {0x00010000: bytes.fromhex("00000099")})
    reading = asyncio.run(device("three-phase", link).poll(frozenset({"fast"})))
    assert reading.values["energy_import"] == pytest.approx(990000.0)


def test_a_shorter_block_leaves_the_other_phases_without_value() -> None:
    link = MeterOfMemory(EnergyMeter(ADDRESS, lambda: VALUES), {0x0201FF00: bytes.fromhex("0123")})
    reading = asyncio.run(device("three-phase", link).poll(frozenset({"fast"})))
    assert [reading.values[f"voltage_l{k}n"] for k in (1, 2, 3)] == [230.1, None, None]
    assert reading.flags["voltage_l2n"] == Quality.OUT_OF_RANGE


def test_a_value_of_another_length_is_discarded() -> None:
    link = MeterOfMemory(EnergyMeter(ADDRESS, lambda: VALUES), {0x00010000: bytes(5)})
    reading = asyncio.run(device("three-phase", link).poll(frozenset({"fast"})))
    assert reading.values["energy_import"] is None
    assert Quality.NO_REPLY in reading.flags["energy_import"]
    assert reading.error is not None
    assert reading.error.code == METER_VALUE_LENGTH


def test_profiles_and_simulated_meter_agree_on_formats_independently_written() -> None:
    for name in PROFILES:
        for row in load_profile(f"generic/dlt645-{name}").registers:
            if row.type in ("string", "bcd12") or row.name in CLOCK:
                continue
            item = ITEMS[identifier_of(row)]
            assert row.type == f"{'s' if item.signed else ''}bcd{2 * item.n_bytes}", row.name
            assert row.scale == pytest.approx(item.unit / 10**item.decimals), row.name


def test_a_step_of_the_energy_is_40_kwh_on_the_primary_side() -> None:
    """0.01 kWh times 200/5 and 10000/100; it rolls over at a million kWh on the secondary side."""
    row = load_profile("generic/dlt645-three-wire").register("energy_import")
    assert row is not None
    assert row.scale * 200 / 5 * 10_000 / 100 == pytest.approx(40.0)
    assert row.wraps_at() == pytest.approx(1_000_000.0)


def test_a_request_to_a_meter_is_not_repeated_before_a_slow_response_can_arrive() -> None:
    """The meter is usually fast, but may take longer at any time: an early repetition would collide."""
    health = device("three-phase", MeterOfMemory(EnergyMeter(ADDRESS, lambda: VALUES))).health
    health.silences = 1  # other devices wait, and it did not respond yet
    assert health.attempt_timeout_s(0.2, contended=True) == pytest.approx(0.2 + 0.6)
    for _ in range(20):
        health.responded(0.23, 0.2)
    assert health.retry_after_s(0.2) == pytest.approx(0.2 + 0.3)
    assert health.attempt_timeout_s(0.2, contended=True) == pytest.approx(0.2 + 0.3)
    assert health.attempt_timeout_s(0.2, contended=False) == pytest.approx(0.2 + 0.7)
