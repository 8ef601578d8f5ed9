"""Meters of DL/T 645 are found and identified on a line, in real time; the configuration made from them is read."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from support.announced import Announced
from support.init_session import scan_on
from support.meter_line import MetersOnLine
from support.segment_log import sent_by
from support.timed_line import finished
from support.virtual_line import VirtualLine

from agent.cli.scan_view import format_result, result_object
from agent.commissioning.discovery import meters
from agent.commissioning.discovery import reasons as codes
from agent.commissioning.discovery.identify import models_at
from agent.commissioning.discovery.meters import parse_addresses
from agent.commissioning.discovery.scan import Scan
from agent.commissioning.discovery.scan_result import ScanOptions, ScanResult, Target
from agent.config.loader import load_config
from agent.core.clock import SystemClock
from agent.core.text import text_of
from drivers.error_reasons import METER_NO_RESPONSE
from drivers.errors import LinkTimeout
from drivers.profiles import load_profile
from drivers.reasons import InvalidValue, Reason
from drivers.serial_sniffer import SerialSetting
from simulators.bus.line_settings_segment import LineSettingsSegment
from simulators.bus.meter_station import MeterLine, MeterStation
from simulators.devices.energy_meter import EnergyMeter

pytestmark = pytest.mark.alone
LINE = "9600 8E1"
VALUES = {
    **{f"voltage_l{k}n": 230.0 + k for k in (1, 2, 3)}, **{f"current_l{k}": 2.0 + k / 10 for k in (1, 2, 3)},
    "voltage_l12": 100.1, "voltage_l23": 99.9, "active_power": 1500.5, "energy_import": 4711.25, "frequency": 50.02,
}  # fmt: skip
CONTROL = 12  # offset of the control code in a request with its preamble


def station(segment: LineSettingsSegment, address: str, turnaround_s: float = 0.03) -> MeterStation:
    meter = EnergyMeter(address, lambda: VALUES)
    return MeterStation(segment, MeterLine(meter, Random(1), None, (turnaround_s, turnaround_s)))


def scanned(
    segment: LineSettingsSegment, options: ScanOptions, setting: SerialSetting | None = None,
    announced: Announced | None = None,
) -> ScanResult:  # fmt: skip
    port = segment.port("agent")
    segment.start()
    target = Target(serial=port, setting=setting)
    return asyncio.run(asyncio.wait_for(Scan(target, options, announced or Announced(SystemClock())).run(), 60))


def only(meters: tuple[int, ...] = ()) -> ScanOptions:
    return ScanOptions((1,), "quick", 0.3, meters=meters)


@pytest.mark.parametrize("line", ["9600 8E1", "2400 8E1"], indirect=True)
def test_a_single_meter_is_found_by_the_wildcard(line: LineSettingsSegment, tmp_path: Path) -> None:
    meter = station(line, "000000000161")
    result = scanned(line, only())
    assert [(found.unit, str(found.setting)) for found in result.found] == [(161, f"{line.baud} 8E1")]
    assert (result.findings, result.notes) == ([], [codes.METER_LINE()])
    assert set(meter.controls) == {0x11, 0x13}
    assert {run.data[CONTROL] for run in sent_by(line, "agent") if run.data[0] == 0xFE} <= {0x11, 0x13}
    body = json.loads(json.dumps(result_object(result)))
    assert [found["unit_id"] for found in body["found"]] == ["000000000161"]
    assert [model["profile"] for model in body["found"][0]["models"]] == ["generic/dlt645-three-phase"]
    assert "000000000161" in format_result(result)
    file = tmp_path / "plant.toml"
    file.write_text('[site]\nid = "a"\ngateway = "b"\n' + body["toml"], encoding="utf-8")
    config, _ = load_config(file)
    (bus,) = config.buses.values()
    assert (bus.framing, bus.line) == ("dlt645", (line.baud, 8, "E", 1))
    assert next(iter(config.meters.values())).unit_id == 161


def scanned_virtually(meter: EnergyMeter) -> ScanResult:
    """The scan of a line with this meter on virtual time."""
    return scan_on(VirtualLine({meter: 0.05}, 2400, "E"))(Target(serial="/dev/ttyS7"), ScanOptions((1,), "quick"))


@pytest.mark.parametrize(
    ("keys", "profile", "reason"),
    [({}, "generic/dlt645-three-phase", codes.METER_THREE_PHASES()),
     ({"phases": 1}, "generic/dlt645-single-phase", codes.METER_ONE_PHASE()),
     ({"three_wires": True}, "generic/dlt645-three-wire", codes.METER_THREE_WIRES())],
)  # fmt: skip
def test_the_voltages_show_the_profile(keys: dict[str, Any], profile: str, reason: Reason) -> None:
    identified = scanned_virtually(EnergyMeter("202311001234", lambda: VALUES, **keys)).found[0].identified
    assert identified is not None
    assert identified.conclusive
    assert [(match.profile.id, match.pro) for match in identified.matches] == [(profile, (reason,))]
    assert identified.reported == "DTZ-SIM"


def test_without_voltage_two_profiles_are_possible() -> None:
    off = {name: 0.0 if name.startswith("voltage") else value for name, value in VALUES.items()}
    identified = scanned_virtually(EnergyMeter("202311001234", lambda: off)).found[0].identified
    assert identified is not None
    assert not identified.conclusive
    assert len(identified.matches) == 2


def test_meters_that_respond_at_the_same_time_are_a_finding(line: LineSettingsSegment) -> None:
    for address in ("000000000161", "000000000007"):
        station(line, address)
    collide, announced = codes.METERS_COLLIDE(line="9600 8E1"), Announced(SystemClock())
    result = scanned(line, only(), SerialSetting(9600, 8, "E"), announced)
    assert result.found == []
    assert collide in result.findings
    assert announced.texts[-1] == (1, text_of(collide)), "before the search for other devices"


def test_several_meters_are_found_by_their_addresses(line: LineSettingsSegment) -> None:
    for address in ("000000000161", "000000000007"):
        station(line, address)
    result = scanned(line, only(parse_addresses("000000000161,000000000007,000000000099")))
    assert [found.unit for found in result.found] == [7, 161]
    assert result.findings == [codes.METERS_SILENT(n=1, addresses=("000000000099",))]


def test_the_addresses_of_several_meters_are_searched_by_their_last_digits() -> None:
    """Virtual time; two meters share two digits, and respond at the same time."""
    addresses = ("000000000161", "000000000261", "202311001207", "000000000042")
    line = MetersOnLine(
        [MeterLine(EnergyMeter(address, lambda: VALUES), Random(1), None, (0.03, 0.03)) for address in addresses]
    )
    queries = 0

    def on_query() -> None:
        nonlocal queries
        queries += 1

    with line.link() as link:
        link.begin(None, listened=True)
        found = finished(meters.search_meters(link, SerialSetting(2400, 8, "E"), Announced(SystemClock()), on_query))
    assert sorted(item.unit for item in found) == [42, 161, 261, 202311001207]
    assert queries == 200
    assert line.controls == {0x11}


@pytest.mark.parametrize("text", ["161", "00000000016A", "", "000000000161;000000000162", "AAAAAAAAAAAA"])
def test_an_address_has_12_digits(text: str) -> None:
    with pytest.raises(InvalidValue):
        parse_addresses(text)


class Stopping(EnergyMeter):
    """It reports its address, and does not respond any more."""

    def read(self, identifier: int) -> bytes | None:
        raise LinkTimeout(METER_NO_RESPONSE, meter=self.address, identifier=f"{identifier:08X}", timeout_s=0.7)


def test_a_meter_that_stops_responding_is_listed_without_a_model() -> None:
    (item,) = scanned_virtually(Stopping("000000000161", lambda: VALUES)).found
    assert item.identified is not None
    assert (item.unit, item.identified.matches) == (161, [])
    assert item.identified.notes == [codes.DEVICE_STOPPED_RESPONDING()]


def test_a_meter_is_not_compared_with_models_of_modbus() -> None:
    """`read` and `commission` look for other models only of devices with Modbus: nothing is sent."""

    class NoLink:
        response_s = 0.0

        async def read_block(self, *_request: object, **_more: object) -> bytes:
            raise AssertionError("a request was sent")

        async def close(self) -> None: ...

    profile = load_profile("generic/dlt645-three-phase")
    assert asyncio.run(models_at(NoLink(), 161, profile, 0.7, 0.0)) is None
