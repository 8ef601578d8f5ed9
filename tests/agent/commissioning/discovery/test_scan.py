"""`magwatt scan` on lines with real timing: all devices are found, and no other master is disturbed."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner
from support.announced import Announced
from support.basics import ROOT, interruptible, wait_until
from support.fault_matrix import FaultStep, Line, clean, echo
from support.numbered_slave import NumberedSlave
from support.scripted_slave import open_line
from support.segment_log import broken_silences, sent_by
from support.special_slaves import PrivateDrive

from agent.cli import main
from agent.cli.scan_view import format_result, result_object
from agent.commissioning.discovery import reasons as codes
from agent.commissioning.discovery.config_snippet import to_toml
from agent.commissioning.discovery.identify import Identified, identify
from agent.commissioning.discovery.probe import ProbeResult, Reply
from agent.commissioning.discovery.scan import Scan
from agent.commissioning.discovery.scan_order import (
    CHARACTERS,
    DEVICE_S,
    FIRST_UNITS,
    SHORT_S,
    SLOW_S,
    USUAL,
    by_likelihood,
)
from agent.commissioning.discovery.scan_result import NETWORK_S, ScanOptions, Target, parse_expected
from agent.commissioning.discovery.scan_result import ScanResult as Outcome
from agent.core.clock import SystemClock
from drivers.bus_settings import BusSettings
from drivers.modbus_link import ModbusLink
from drivers.profiles import load_profile, profile_ids
from drivers.serial_sniffer import SerialSetting
from simulators.bus.frames import Ask, ReadBlock
from simulators.bus.line_settings_segment import DeviceStation, LineSettingsSegment
from simulators.bus.plc import Plc
from simulators.bus.tcp import TcpBus
from simulators.devices.device import SimulatedDevice
from simulators.devices.identity import identity_values, identity_words
from simulators.devices.reference_motor import ReferenceMotor, draw_machine

LISTEN_S = 0.3
READS = {4, 0x11, 0x2B}


def device(unit: int, profile_id: str) -> SimulatedDevice:
    """A device of that model with the values of a motor at 60 % load."""
    profile = load_profile(profile_id)
    motor = ReferenceMotor(draw_machine(Random(unit), 55, unit % 2 == 0), 0.6, unit, driven=True)
    values = motor.drive if profile.kind == "vfd" else motor.meter
    truth = {**values(5.0), **identity_values(profile)}
    return SimulatedDevice(unit, profile, lambda: truth, rating_kw=motor.machine.kw, extra=identity_words(profile))


at = lambda settings: pytest.mark.parametrize("line", [settings], indirect=True)  # noqa: E731


def scan(target: Target, options: ScanOptions) -> Outcome:
    return asyncio.run(asyncio.wait_for(Scan(target, options, Announced(SystemClock())).run(), 600))


def on_line(segment: LineSettingsSegment, setting: str | None, options: ScanOptions) -> Outcome:
    port = segment.port("agent")
    segment.start()
    known = None if setting is None else USUAL[[str(item) for item in USUAL].index(setting)]
    return scan(Target(serial=port, setting=known), options)


@at("115200 8N1")
def test_two_devices_are_found_and_named(line: LineSettingsSegment) -> None:
    there = ((1, "yaskawa/ga800"), (37, "eastron/sdm630"))
    stations = [DeviceStation(line, device(*who), turnaround_s=0.003) for who in there]
    result = on_line(line, "115200 8N1", ScanOptions((1, 2, 3, 10, 11, 12, 36, 37), "usual", LISTEN_S, fc03=True))
    assert [found.unit for found in result.found] == [1, 37]
    assert not result.findings
    for found, model in zip(result.found, ("yaskawa/ga800", "eastron/sdm630"), strict=True):
        assert found.identified is not None
        assert model in [match.profile.id for match in found.identified.matches]
    assert {function for station in stations for function in station.functions} <= READS | {3}
    assert not broken_silences(line, "agent")
    sent = sent_by(line, "agent")
    assert all(run.data[1] in READS | {3} for run in sent), "only read functions"
    text = format_result(result)
    assert 'profile = "eastron/sdm630"' in text
    assert "# comm_loss" in text
    body = json.loads(json.dumps(result_object(result)))
    assert [found["unit_id"] for found in body["found"]] == [1, 37]
    evidence = [item for found in body["found"] for model in found["models"] for item in model["for"]]
    assert evidence
    assert all(set(item) == {"code", "data", "text"} for item in evidence)
    (documented,) = re.findall(r"```json\n(.*?)```", (ROOT / "docs/how-to/scan.md").read_text("utf-8"), re.DOTALL)
    shown = json.loads(documented)
    assert shown.keys() == body.keys()
    assert shown["found"][0].keys() == body["found"][1].keys()
    assert shown["found"][0]["models"][0].keys() == body["found"][1]["models"][0].keys()


def test_function_3_is_not_used_without_permission(line: LineSettingsSegment) -> None:
    stations = [DeviceStation(line, device(1, "yaskawa/ga800")), DeviceStation(line, device(2, "eastron/sdm630"))]
    result = on_line(line, "19200 8N1", ScanOptions((1, 2), "full", LISTEN_S))
    assert [(found.unit, found.exception) for found in result.found] == [(1, 2), (2, 0)]
    assert all(0 < found.response_s < 1 for found in result.found), "also that of an exception response"
    assert all(set(station.functions) <= READS for station in stations)
    assert all(run.data[1] in READS for run in sent_by(line, "agent"))
    assert result.found[1].identified is not None
    assert result.found[1].identified.matches[0].profile.id == "eastron/sdm630"


class MuteStation(DeviceStation):
    """Does not respond where other devices return an exception response."""

    def respond(self, data: bytes) -> None:
        if not data[1] & 0x80:
            super().respond(data)


@at("115200 8N1")
def test_a_device_without_exception_responses_is_identified(
    line: LineSettingsSegment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing response is its rejection: a request is not repeated while its response may still arrive."""
    for module in ("drivers.late_responses", "agent.commissioning.discovery.cached_reader"):
        monkeypatch.setattr(f"{module}.QUARANTINE_S", 1.0)
    MuteStation(line, device(11, "eastron/sdm630"), turnaround_s=0.003)
    port = line.port("agent")
    line.start()
    names = [name for name in profile_ids() if name.split("/")[0] in ("eastron", "janitza", "abb")]

    async def scene() -> Identified:
        link = ModbusLink(BusSettings("test", serial_port=port, baud=115200), SystemClock())
        try:
            return await identify(link, 11, 0.1, fc03=True, profiles=map(load_profile, names))
        finally:
            await link.close()

    known = asyncio.run(scene())
    assert known.matches[0].profile.id == "eastron/sdm630"
    assert not known.notes


@at("9600 8E1")
def test_nothing_is_sent_while_another_master_is_active(line: LineSettingsSegment) -> None:
    """The finding contains the setting of the other master, although the scan started to listen at another one.

    What the other master reads is offered as a configuration that only listens.
    """
    NumberedSlave(line, 11)
    plc = Plc(line, [ReadBlock(11, 3, 0, 10)], every_s=0.2, timeout_s=1.0)
    port = line.port("agent")
    line.start()
    plc.start()
    result = scan(Target(serial=port), ScanOptions(range(1, 5), "usual", 1.5))
    (finding,) = result.findings
    assert finding.code == codes.SCAN_OTHER_MASTER
    assert finding.data["line"] == "9600 8E1"
    assert finding.data["unit_ids"] == (11,)
    assert finding.data["n_bytes"] > 8
    assert [found.unit for found in result.found] == [11]
    identified = [item.identified for item in result.found if item.identified]
    assert 'mode = "listen"' in to_toml(result.target, result.setting, identified)
    assert result.requests == 0
    assert not sent_by(line, "agent")
    assert plc.wrong == plc.lost == 0


@at("9600 8E1")
def test_unknown_speed_and_parity_are_found(line: LineSettingsSegment) -> None:
    DeviceStation(line, device(1, "eastron/sdm630"))
    DeviceStation(line, device(19, "abb/b23"))
    result = on_line(line, None, ScanOptions((1, 2, 7, 19), "usual", LISTEN_S, identify=False))
    assert str(result.setting) == "9600 8E1"
    assert [found.unit for found in result.found] == [1, 19]
    assert result.duration_s < 10


@at("9600 8E1")
def test_with_the_wrong_parity_no_device_is_found(line: LineSettingsSegment) -> None:
    """The simulated line of the test above does not respond at other settings."""
    DeviceStation(line, device(1, "eastron/sdm630"))
    result = on_line(line, "9600 8N1", ScanOptions((1, 2), "usual", LISTEN_S))
    assert not result.found
    assert not result.findings
    assert result_object(result)["toml"] is None
    assert format_result(result)


def test_noise_leads_to_the_setting(line: LineSettingsSegment) -> None:
    """A meter that ignores the parity of requests and responds with its own: right unit, wrong setting."""
    line.checks_parity = False
    DeviceStation(line, device(1, "eastron/sdm630"))
    result = on_line(line, None, ScanOptions(range(1, 9), "usual", LISTEN_S, identify=False))
    assert [found.unit for found in result.found] == [1]
    assert str(result.setting) == "19200 8N1", "the fourth setting of the scan"
    assert not result.findings
    assert result.requests < 3 * 8, "it was not found by querying all likely units at each setting"


def test_noise_from_one_unit_does_not_slow_the_pass_over_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """That unit is queried with a long timeout at every setting; the others keep the short timeout."""
    noisy, others = 56, range(57, 76)
    response_times: dict[int, set[float]] = {}

    async def probe(link: ModbusLink, unit: int, function: int, timeout_s: float, registers: int = 1) -> Reply:
        device_s = timeout_s - NETWORK_S - CHARACTERS * link.wire.character_s
        response_times.setdefault(unit, set()).add(round(device_s, 6))
        return Reply(ProbeResult.NOISE if unit == noisy else ProbeResult.NOTHING)

    monkeypatch.setattr("agent.commissioning.discovery.unit_sweep.probe", probe)
    units = (*range(40, 40 + FIRST_UNITS), noisy, *others)
    result = scan(Target(host="converter", rtu=True), ScanOptions(units, identify=False))
    assert result.findings == [codes.UNIT_WITHOUT_FRAME(unit_id=noisy, line=str(USUAL[0]))]
    assert all(response_times[unit] == {SHORT_S} for unit in others)
    assert response_times[noisy] == {SHORT_S, DEVICE_S, SLOW_S}


def test_an_echo_of_the_adapter_is_not_a_device() -> None:
    server = open_line(Line.RTU, lambda ask: echo(ask) if ask.unit == 3 else [FaultStep(ask.raw)])
    server.start()
    try:
        target = Target(serial=server.serial_port, setting=SerialSetting(19200))
        result = scan(target, ScanOptions(range(1, 6), "usual", LISTEN_S, identify=False))
    finally:
        server.stop()
    assert [found.unit for found in result.found] == [3]
    assert not result.findings
    assert result.notes == [codes.SCAN_ECHO()]


@pytest.mark.alone
def test_two_devices_with_one_unit_identifier_are_a_finding(line: LineSettingsSegment) -> None:
    DeviceStation(line, device(5, "eastron/sdm630"), name="first")
    DeviceStation(line, device(5, "abb/b23"), name="second")
    DeviceStation(line, device(6, "eastron/sdm630"))
    result = on_line(line, "19200 8N1", ScanOptions((5, 6, 7), "usual", LISTEN_S, identify=False))
    assert [found.unit for found in result.found] == [6]
    assert result.findings == [codes.UNIT_ID_SHARED(unit_id=5)]


def test_a_private_protocol_gets_one_request_only(line: LineSettingsSegment) -> None:
    """Also if function 03 is permitted: one request with function 04 only, and no command to its motor."""
    drive = PrivateDrive(line, 4)
    DeviceStation(line, device(6, "eastron/sdm630"))
    result = on_line(line, "19200 8N1", ScanOptions((4, 5, 6), "full", LISTEN_S, fc03=True, identify=False))
    assert [found.unit for found in result.found] == [6]
    (finding,) = result.findings
    assert finding.code == codes.SCAN_PRIVATE_PROTOCOL
    assert finding.data["unit_id"] == 4
    assert bytes.fromhex(finding.data["data"])[0] == 4
    assert drive.asked_times == 1
    assert drive.commands == 0


def test_a_slow_device_is_found_by_its_late_response(line: LineSettingsSegment) -> None:
    """Its response time of 0.22 s exceeds the first timeout; the late response causes a second request."""
    DeviceStation(line, device(5, "eastron/sdm630"), turnaround_s=0.22)
    result = on_line(line, "19200 8N1", ScanOptions((4, 5, 6), "usual", LISTEN_S, identify=False))
    assert [found.unit for found in result.found] == [5]


@pytest.mark.parametrize("fc03", [False, True])
def test_a_gateway_that_reports_absent_units_is_scanned_quickly(fc03: bool) -> None:
    async def scene() -> Outcome:
        bus = TcpBus([device(3, "eastron/sdm630"), device(77, "schneider/pm5000")])
        host, port = (await bus.start()).split(":")
        try:
            options = ScanOptions(identify=False, fc03=fc03)
            return await Scan(Target(host=host, port_number=int(port)), options, Announced(SystemClock())).run()
        finally:
            await bus.stop()

    result = asyncio.run(scene())
    assert [found.unit for found in result.found] == [3, 77]
    assert result.requests >= 247
    assert result.duration_s / result.requests < 0.005


def test_a_device_that_responds_to_every_unit_is_one_device() -> None:
    server = open_line(Line.TCP, clean)
    server.start()
    try:
        result = scan(Target(host=server.host, port_number=server.port_number), ScanOptions(identify=False))
    finally:
        server.stop()
    assert [found.unit for found in result.found] == [1]
    target = f"{server.host}:{server.port_number}"
    assert result.notes == [codes.ONE_DEVICE_ALL_UNITS(target=target)]
    assert result.requests < 10
    assert server.connections == 0 or server.connections == 1


def test_a_bus_behind_a_converter_is_scanned_like_a_port() -> None:
    server = open_line(Line.RTU_TCP, lambda ask: clean(ask) if ask.unit in (2, 9) else [])
    server.start()
    target = Target(host=server.host, port_number=server.port_number, rtu=True, setting=SerialSetting(19200))
    try:
        result = scan(target, ScanOptions(range(1, 12), "usual", LISTEN_S, identify=False))
    finally:
        server.stop()
    assert [found.unit for found in result.found] == [2, 9]
    assert not result.findings


def test_a_slow_gateway_gets_a_longer_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its exception responses arrive after the timeout was reduced; a device that responds between them is found."""
    monkeypatch.setattr("agent.commissioning.discovery.scan.GATEWAY_S", 0.1)
    monkeypatch.setattr("agent.commissioning.discovery.unit_sweep.GATEWAY_S", 0.1)
    monkeypatch.setattr("agent.commissioning.discovery.unit_sweep.QUIET_TCP_S", 0.05)

    def answer(ask: Ask) -> list[FaultStep]:
        return clean(ask) if ask.unit == 7 else [FaultStep(ask.exception_frame(0x0B), 0.14)]

    server = open_line(Line.TCP, answer)
    server.start()
    try:
        result = scan(
            Target(host=server.host, port_number=server.port_number), ScanOptions(range(1, 10), identify=False)
        )
    finally:
        server.stop()
    assert [found.unit for found in result.found] == [7]
    assert result.duration_s < 20


@at("9600 8E1")
def test_a_private_protocol_confirms_the_setting(line: LineSettingsSegment) -> None:
    drive = PrivateDrive(line, 1)
    result = on_line(line, None, ScanOptions((1, 2), "usual", LISTEN_S, identify=False))
    assert str(result.setting) == "9600 8E1"
    assert not result.found
    (finding,) = result.findings
    assert (finding.code, finding.data["unit_id"]) == (codes.SCAN_PRIVATE_PROTOCOL, 1)
    assert drive.asked_times == 1


def test_an_interrupted_scan_shows_its_results(line: LineSettingsSegment, tmp_path: Path) -> None:
    """Ctrl-C during the sweep: the device is in the result, and the exit code is 130."""
    DeviceStation(line, device(1, "eastron/sdm630"))
    port = line.port("agent")
    line.start()
    with (tmp_path / "err").open("w+") as err:
        process = subprocess.Popen(
            interruptible("scan", "--serial", port, "--line", "19200 8N1", "--listen", "2", "--json"),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=err, text=True,
        )  # fmt: skip
        try:
            found = re.compile(r"^.*\b1\b.*19200 8N1.*$", re.MULTILINE)
            wait_until(lambda: found.search((tmp_path / "err").read_text()) is not None, 20, "the device is found")
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=180)
        finally:
            process.kill()
    body = json.loads(out)
    assert body["stopped"] is True
    assert [found["unit_id"] for found in body["found"]] == [1]
    assert process.returncode == 130
    assert "Traceback" not in (tmp_path / "err").read_text()


class DozingStation(DeviceStation):
    """Does not respond to the first request."""

    missed = 0

    def respond(self, data: bytes) -> None:
        if self.missed:
            super().respond(data)
        self.missed += 1


@at("115200 8N1")
@pytest.mark.parametrize("expect", ["3", "1,2,7"])
def test_expected_devices_get_a_second_request(line: LineSettingsSegment, expect: str) -> None:
    """Three devices are expected; one misses the first request, one is off."""
    DeviceStation(line, device(1, "eastron/sdm630"), turnaround_s=0.003)
    dozing = DozingStation(line, device(2, "eastron/sdm630"), turnaround_s=0.003)
    expected = parse_expected(expect)
    result = on_line(
        line, "115200 8N1", ScanOptions(range(1, 10), "usual", LISTEN_S, identify=False, expected=expected)
    )
    assert [found.unit for found in result.found] == [1, 2]
    assert dozing.missed > 1
    if expected.units:
        assert result.findings == [codes.EXPECTED_UNITS_SILENT(n=1, expected=3, unit_ids=(7,))]
    else:
        assert result.findings == [codes.EXPECTED_DEVICES_MISSING(expected=3, responded=2, missing=1)]


def test_a_missing_device_is_exit_1() -> None:
    async def scene() -> tuple[int, str]:
        bus = TcpBus([device(1, "eastron/sdm630")])
        place = await bus.start()
        words = ["scan", "--tcp", place, "--unit-ids", "1-2", "--allow-fc03", "--json"]
        try:
            done = [await asyncio.to_thread(_exit_of, [*words, "--expect", number]) for number in ("1", "2")]
        finally:
            await bus.stop()
        assert done[0][0] == 0, done[0]
        return done[1]

    code, out = asyncio.run(scene())
    assert code == 1
    body = json.loads(out)
    assert [found["unit_id"] for found in body["found"]] == [1]
    (finding,) = body["findings"]
    assert finding["code"] == codes.EXPECTED_DEVICES_MISSING
    assert finding["data"] == {"expected": 2, "responded": 1, "missing": 1}
    assert "2" in finding["text"]


def _exit_of(words: list[str]) -> tuple[int, str]:
    code = "from agent.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, *words], capture_output=True, text=True, timeout=180, check=False
    )
    return done.returncode, done.stdout


@pytest.mark.text
def test_a_busy_port_is_an_error(line: LineSettingsSegment) -> None:
    import serial

    port = line.port("agent")
    line.start()
    with serial.Serial(port, exclusive=True):
        done = CliRunner().invoke(main, ["scan", "--serial", port, "--line", "19200 8N1"])
    assert done.exit_code == 2
    assert "in use by another program" in done.output


TEN = (3, 17, 18, 40, 77, 112, 150, 199, 230, 247)
UNLIKELY = (13, 17, 43, 77, 112, 150, 166, 199, 213, 230)


def ten(segment: LineSettingsSegment, units: Sequence[int] = TEN) -> list[DeviceStation]:
    models = ("eastron/sdm630", "abb/b23", "yaskawa/ga800", "schneider/pm5000", "danfoss/fc302")
    return [DeviceStation(segment, device(unit, models[k % 5])) for k, unit in enumerate(units)]


@pytest.mark.soak
@pytest.mark.alone
@pytest.mark.parametrize("line", ["9600 8E1", "19200 8N1"], indirect=True)
def test_ten_devices_at_the_right_speed_within_a_minute(line: LineSettingsSegment) -> None:
    ten(line)
    setting = f"{line.baud} 8{line.parity}1"
    result = on_line(line, setting, ScanOptions(identify=False))
    print(f"\n{setting}: {len(result.found)} of 10 in {result.duration_s:.1f} s, {result.requests} questions")
    assert [found.unit for found in result.found] == list(TEN)
    assert result.duration_s < 60


@pytest.mark.soak
@pytest.mark.alone
@pytest.mark.parametrize("line", ["9600 8E1", "38400 8N1"], indirect=True)
def test_ten_known_devices_take_the_announced_time_on_a_real_port(line: LineSettingsSegment) -> None:
    """± 10 % from the announcement before the identification; at the start the models are not known, hence ± 15 %."""
    ten(line)
    port = line.port("agent")
    line.start()
    setting = SerialSetting(line.baud, 8, line.parity)
    announced = Announced(SystemClock())
    options = ScanOptions(fc03=True, expected=parse_expected("10"))
    result = asyncio.run(Scan(Target(serial=port, setting=setting), options, announced).run())
    first_s, last_s = announced.ends_s[0], announced.ends_s[announced.parts[-1] - 1]
    print(f"\n{setting}: announced {first_s:.1f} s, then {last_s:.1f} s; taken {result.duration_s:.1f} s")
    assert all(found.identified for found in result.found)
    assert first_s == pytest.approx(result.duration_s, rel=0.15)
    assert last_s == pytest.approx(result.duration_s, rel=0.10)


@pytest.mark.soak
@pytest.mark.alone
@pytest.mark.parametrize("line", ["19200 8E1", "9600 8N1", "115200 8E1", "2400 8E1"], indirect=True)
def test_ten_devices_at_an_unknown_speed_within_five_minutes(line: LineSettingsSegment) -> None:
    """None of them is at a unit that is queried first."""
    assert not set(UNLIKELY) & set(by_likelihood(range(1, 248))[:16])
    ten(line, UNLIKELY)
    result = on_line(line, None, ScanOptions(identify=False))
    print(f"\n{line.baud} 8{line.parity}1, unknown: {len(result.found)} of 10 in {result.duration_s:.1f} s")
    assert result.setting == SerialSetting(line.baud, 8, line.parity)
    assert [found.unit for found in result.found] == list(UNLIKELY)
    assert result.duration_s < 300
