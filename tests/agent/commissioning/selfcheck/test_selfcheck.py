"""The self-check, case by case: what passes, what stays unverified and why, and what is found."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace
from support.basics import HandClock
from support.selfcheck import DRIVE_UNIT, METER_UNIT, RESPONSE_S, RecordingLink, Scene, check, draw, served_map

from agent.commissioning.selfcheck import reasons as codes
from agent.commissioning.selfcheck.model import DeviceSet, SelfcheckOutcome, device_set_of
from agent.commissioning.selfcheck.run import self_check
from agent.commissioning.wizard.duration import estimate_duration
from agent.config.loader import load_config
from drivers.bus_settings import BusSettings
from drivers.error_reasons import NO_RESPONSE
from drivers.errors import LinkTimeout, ModbusExceptionResponse
from drivers.framing import Request
from drivers.profiles import Profile
from drivers.reasons import Code
from simulators.devices.device import SimulatedDevice
from simulators.devices.reference_motor import MotorParameters
from simulators.endpoints import Endpoints
from simulators.scenarios.pump_station import PumpStation, config_toml

SDM, YASKAWA = "eastron/sdm630", "yaskawa/ga800"
PM55 = MotorParameters(55.0, 1500.0, 8, 360.0, False, 0.95, 0.96)


def scene(load: float = 0.7, meter: str | None = SDM, drive: str | None = YASKAWA, **changes: object) -> Scene:
    maps = [served_map(name) if name else None for name in (meter, drive)]
    return Scene(PM55, *maps, load, 5, **changes)  # type: ignore[arg-type]


def remade(profile: Profile, name: str, **changes: object) -> Profile:
    rows = tuple(replace(row, **changes) if row.name == name else row for row in profile.registers)  # type: ignore[arg-type]
    return replace(profile, registers=rows)


def causes(result: SelfcheckOutcome) -> list[tuple[str, str]]:
    return [(str(item.cause), item.device) for item in result.findings]


def test_a_correct_pair_passes_and_the_rules_used_are_listed() -> None:
    result = check(scene())
    assert result.findings == ()
    verdicts = result.devices["meter-a"].verdicts
    for name in ("voltage_l1n", "current_l2", "active_power", "power_factor_l3", "frequency", "voltage_ll_avg"):
        assert verdicts[name].outcome == "passed", (name, verdicts[name])
    assert verdicts["frequency"].reason.code == "mains_frequency"
    assert verdicts["thd_i_l1"].outcome == "unverified"
    assert verdicts["thd_i_l1"].reason == codes.NOTHING_COMPARABLE()
    drive = result.devices["drive-a"].verdicts
    for name in ("motor_power", "motor_current", "output_voltage", "dc_bus_voltage", "motor_speed", "motor_torque"):
        assert drive[name].outcome == "passed", (name, drive[name])
    assert drive["warning_code"].outcome == "unverified"


def test_a_finding_names_the_device_the_register_and_the_remedy() -> None:
    """The example of the documentation: the words of one 32-bit value swapped."""
    result = check(scene(meter_map=remade(served_map(SDM), "active_power", big_words_first=False)))
    (finding,) = result.findings
    assert finding.reason == codes.REGISTER_WORDS_SWAPPED(device="meter-a", quantity="active_power", word_order="big")
    assert finding.quantities == ("active_power",)
    meter = result.devices["meter-a"]
    assert meter.verdicts["active_power"].reason == finding.reason
    assert meter.failed == ("active_power",)
    assert meter.verdicts["active_power_l1"].outcome == "passed", "its neighbours are not to blame"


def test_a_scale_finding_states_the_correct_scale() -> None:
    ten = check(scene(meter_map=remade(served_map(SDM), "current_l1", scale=10.0)))
    (finding,) = ten.findings
    assert finding.cause == codes.REGISTER_SCALE_WRONG
    assert (finding.device, finding.reason.data["quantity"]) == ("meter-a", "current_l1")
    assert [finding.reason.data[name] for name in ("factor", "scale", "correct_scale")] == pytest.approx([10, 10, 1])
    row = served_map(YASKAWA).register("motor_current")
    assert row
    one = check(scene(drive_map=remade(served_map(YASKAWA), "motor_current", address=row.address + 2)))
    assert (codes.REGISTER_ADDRESS_WRONG, "drive-a") not in causes(one), "an offset of two is not a hypothesis"
    assert one.findings


def test_below_a_tenth_of_load_few_rules_apply_and_none_fails() -> None:
    result = check(scene(load=0.03))
    assert result.findings == ()
    meter = result.devices["meter-a"].verdicts
    assert meter["voltage_l1n"].outcome == "passed"
    assert meter["active_power"].outcome == "unverified"
    assert meter["active_power"].reason == codes.LOAD_INSUFFICIENT(least=0.1)


def test_two_equally_good_explanations_are_both_reported() -> None:
    """Drives and meters of two equal motors: with no serial number either pair may be the exchanged one."""
    a = dataclasses.replace(scene(load=0.9), believed_units=(12, DRIVE_UNIT))
    b = dataclasses.replace(scene(load=0.3), name="b", seed=6, units=(12, 32), believed_units=(METER_UNIT, 32))
    result = check(a, b)
    assert {item.cause for item in result.findings} == {codes.UNIT_IDS_SWAPPED}
    assert {item.group for item in result.findings} == {1}
    assert {item.device for item in result.findings} == {"meter-a", "drive-a"}
    failed = result.devices["meter-b"].failed
    assert "active_power" in failed, "the other one of the pair is as doubtful"


def test_a_serial_number_settles_which_meter_it_is() -> None:
    a = scene(meter="abb/b23", serial="1001", serial_stated="1002")
    b = dataclasses.replace(a, name="b", seed=6, load=0.3, units=(12, 32), serial="1002", serial_stated="1001")
    result = check(a, b)
    assert all(item.cause in codes.UNITS for item in result.findings)
    first = codes.SERIAL_NUMBER_ELSEWHERE(
        device="meter-a", unit_id=METER_UNIT, serial_number="1001", configured="1002", found_at="meter-b"
    )
    assert result.findings[0].reason == first


def test_an_unknown_serial_number_is_a_mismatch() -> None:
    (finding,) = check(scene(meter="abb/b23", serial="1001", serial_stated="1003")).findings
    assert finding.cause == codes.SERIAL_NUMBER_MISMATCH
    assert finding.reason.data["serial_number"] == "1001"
    assert finding.other_device is None


@pytest.mark.parametrize("stated", ["00001001", " 1001 "])
def test_a_serial_number_is_compared_as_a_number_is_read(stated: str) -> None:
    """Labels show zeros in front that no register of 32 bits has."""
    assert check(scene(meter="abb/b23", serial="1001", serial_stated=stated)).findings == ()


def test_a_ratio_read_back_is_compared() -> None:
    """The transformers and the meter agree; the configuration is wrong, and the agent does not multiply."""
    a = scene(meter="chint/dtsu666", ct=(150.0, 5.0))
    assert check(a).findings == ()
    clock = HandClock()
    link = RecordingLink(a.devices(lambda: clock.monotonic_ns() / 1e9), clock)
    subjects = a.subjects(link)
    wrong = replace(subjects[0], device=replace(subjects[0].device, ct=(100.0, 5.0)))
    result = asyncio.run(self_check(DeviceSet((wrong, *subjects[1:]), (a.motor(),)), clock))
    verdict = result.devices["meter-a"].verdicts["ct_ratio"]
    assert verdict.outcome == "failed", result.findings


def test_a_register_from_memory_is_verified_by_a_relation_and_not_by_a_window() -> None:
    doubtful = served_map(YASKAWA)
    for name in ("motor_current", "warning_code"):
        doubtful = remade(doubtful, name, confidence="from_memory")
    drive = check(scene(drive_map=doubtful)).devices["drive-a"]
    assert drive.verified == ("motor_current",)


def test_a_device_without_response_is_a_note_and_the_others_are_checked() -> None:
    a = dataclasses.replace(scene(), believed_units=(99, DRIVE_UNIT))
    result = check(a)
    assert list(result.devices) == ["drive-a"]
    assert result.notes == (codes.DEVICE_NOT_CHECKED(device="meter-a"),)
    assert result.devices["drive-a"].verdicts["motor_speed"].outcome == "passed"


@pytest.mark.parametrize(
    "silence", [LinkTimeout(NO_RESPONSE, unit_id=1, address=0, timeout_s=1.0), ModbusExceptionResponse(0x0B, 1, 0)]
)
@pytest.mark.parametrize("factor", [1.0, 10.0])
@pytest.mark.parametrize(("from_s", "to_s"), [(0.0, 1.5), (4.0, 8.0), (9.0, 16.0)])
def test_a_temporarily_offline_device_is_checked_with_its_other_rounds(
    from_s: float, to_s: float, factor: float, silence: Exception
) -> None:
    """A loose terminal: the meter misses rounds in which its drive responds; a gateway sends exception responses."""
    clock = HandClock()
    a = scene(meter_map=remade(served_map(SDM), "current_l1", scale=factor))
    start_s = clock.monotonic_ns() / 1e9

    class Loose(RecordingLink):
        async def read_block(self, request: Request, timeout_s: float, *rest: float, **more: Any) -> bytes:
            now_s = clock.monotonic_ns() / 1e9 - start_s
            if request.unit == METER_UNIT and from_s <= now_s < to_s:
                clock.move(timeout_s)
                raise silence
            return await super().read_block(request, timeout_s, *rest, **more)

    link = Loose(a.devices(lambda: clock.monotonic_ns() / 1e9), clock)
    result = asyncio.run(self_check(DeviceSet(tuple(a.subjects(link)), (a.motor(),)), clock))
    assert result.notes == ()
    if factor == 1.0:
        assert result.findings == ()
        assert result.devices["meter-a"].verdicts["active_power"].outcome == "passed"
    else:
        assert [(item.cause, item.quantities) for item in result.findings] == [
            (codes.REGISTER_SCALE_WRONG, ("current_l1",))
        ]


def test_another_model_at_the_unit_is_found() -> None:
    """Another meter responds at the unit, and no other device of the bench fits."""
    clock = HandClock()
    a = scene(meter="janitza/umg96rm")
    devices = a.devices(lambda: clock.monotonic_ns() / 1e9)
    other = scene(meter="abb/b23").devices(lambda: clock.monotonic_ns() / 1e9)
    link = RecordingLink({METER_UNIT: other[METER_UNIT], DRIVE_UNIT: devices[DRIVE_UNIT]}, clock)
    result = asyncio.run(self_check(DeviceSet(tuple(a.subjects(link)), (a.motor(),)), clock))
    assert [item.reason for item in result.findings] == [
        codes.MAP_MISMATCH(device="meter-a", profile="janitza/umg96rm", unit_id=METER_UNIT)
    ]


def test_the_check_is_bounded_and_only_reads() -> None:
    clock = HandClock()
    a = scene(meter_map=remade(served_map(SDM), "active_power", scale=10.0))
    link = RecordingLink(a.devices(lambda: clock.monotonic_ns() / 1e9), clock)
    result = asyncio.run(self_check(DeviceSet(tuple(a.subjects(link)), (a.motor(),)), clock))
    assert result.lasted_s < 30
    assert {request.function for request in link.asked} <= {3, 4}
    limits = {METER_UNIT: served_map(SDM).max_registers, DRIVE_UNIT: served_map(YASKAWA).max_registers}
    assert all(request.registers <= limits[request.unit] for request in link.asked)
    assert len(link.asked) < 1000


def test_reversed_and_swapped_transformers_are_distinguished() -> None:
    crossed = check(scene(crossed=(0, 2)))
    assert [item.reason for item in crossed.findings] == [
        codes.METER_CTS_SWAPPED(device="meter-a", phase="L1", other_phase="L3")
    ]
    turned = check(scene(reversed_phase=1))
    assert [item.reason for item in turned.findings] == [codes.METER_CT_REVERSED(device="meter-a", phases=("L2",))]
    assert "voltage_l1n" not in turned.devices["meter-a"].failed


@pytest.mark.parametrize("share", [5.0, 1 / 5, 2.0, 1 / 30])
@pytest.mark.parametrize("ratio_applied_by", ["meter", "agent"])
def test_a_wrong_ratio_is_detected_by_comparison_with_the_drive(share: float, ratio_applied_by: str) -> None:
    result = check(scene(ct=(150.0, 5.0), ct_stated=(150.0 * share, 5.0), ratio_applied_by=ratio_applied_by))
    code = codes.CT_SETTING_WRONG if ratio_applied_by == "agent" else codes.METER_CT_SETTING_WRONG
    assert {item.cause for item in result.findings} == {code}
    corrections = [each for item in result.findings for each in item.reason.data["corrections"]]
    true = codes.CT_RATIO_OPTION(primary_a=150, secondary_a=5.0)
    assert true in corrections or (share in (5.0, 1 / 5) and corrections)


def test_same_seed_same_findings() -> None:
    rng = Random(3)
    a = draw(rng, SDM, YASKAWA, 0.5)
    bad = dataclasses.replace(a, meter_map=remade(served_map(SDM), "current_l3", address=9))
    assert check(bad) == check(dataclasses.replace(bad))


class Slow(RecordingLink):
    """2400 baud: a response estimate the time of its characters; one that exceeds the timeout is lost."""

    character_s = 11 / 2400

    def __init__(self, devices: Mapping[int, SimulatedDevice], clock: HandClock) -> None:
        super().__init__(devices, clock, BusSettings("slow", serial_port="none", baud=2400, parity="E"))

    async def read_block(  # type: ignore[override]
        self, request: Request, timeout_s: float, inter_request_delay_s: float = 0.0, **more: Any
    ) -> bytes:
        await self.clock.sleep(inter_request_delay_s)
        if RESPONSE_S + (13 + 2 * request.registers) * self.character_s > timeout_s:
            await self.clock.sleep(timeout_s)
            raise LinkTimeout(NO_RESPONSE, unit_id=request.unit, address=request.address, timeout_s=timeout_s)
        return await super().read_block(request, timeout_s, inter_request_delay_s, **more)


def test_a_slow_line_is_given_the_time_that_its_characters_take() -> None:
    clock = HandClock()
    a = scene()
    link = Slow(a.devices(lambda: clock.monotonic_ns() / 1e9), clock)
    subjects = tuple(replace(item, timeout_s=0.2, character_s=Slow.character_s) for item in a.subjects(link))
    result = asyncio.run(self_check(DeviceSet(subjects, (a.motor(),)), clock))
    assert result.notes == ()
    assert result.findings == ()
    assert result.devices["meter-a"].verdicts["active_power"].outcome == "passed"


@pytest.mark.parametrize("factor", [1.0, 10.0])
def test_the_duration_equals_the_announced_duration(tmp_path: Path, factor: float) -> None:
    """On a line so slow that its characters, not the pauses, make the time; and when something is odd."""
    file = tmp_path / "plant.toml"
    device = '[meter.meter-a]\nbus = "b"\nunit_id = 11\nprofile = "eastron/sdm630"\n'
    device += 'measuring_point = "feeder"\nclass = "1"\n'
    head = '[site]\nid = "x"\ngateway = "g"\n[store]\nstate_dir = "s"\n'
    file.write_text(head + '[bus.b]\nserial = "/dev/a"\nline = "2400 8E1"\npoll_interval = "100ms"\n' + device)
    config, _ = load_config(file)
    clock = HandClock()
    a = scene(drive=None, meter_map=None)
    link = Slow(a.devices(lambda: clock.monotonic_ns() / 1e9), clock)
    bench = device_set_of(config, {"b": link})
    wrong = remade(bench.subjects[0].profile, "current_l1", scale=factor)
    bench = DeviceSet((replace(bench.subjects[0], profile=wrong),), (a.motor(),))
    estimate = estimate_duration(config, bench, 10, clock)
    result = asyncio.run(self_check(bench, clock))
    assert bool(result.findings) == (factor != 1.0)
    listen_s = config.buses["b"].listen_before_start_s  # this link does not listen
    announced_s = (estimate.sound if factor == 1.0 else estimate.odd) - listen_s
    assert result.lasted_s == pytest.approx(announced_s, rel=0.1)  # nor does it keep silences


def test_the_announced_duration_includes_a_device_without_response(tmp_path: Path) -> None:
    head = '[site]\nid = "x"\ngateway = "g"\n[store]\nstate_dir = "s"\n'
    head += '[bus.b]\ntcp = "127.0.0.1:502"\npoll_interval = "1s"\n'
    device = (
        '[meter.m{0}]\nbus = "b"\nunit_id = {0}\nprofile = "eastron/sdm630"\nmeasuring_point = "feeder"\nclass = "1"\n'
    )
    file = tmp_path / "plant.toml"
    file.write_text(head + device.format(METER_UNIT) + device.format(99))
    config, _ = load_config(file)
    clock = HandClock()
    link = RecordingLink(scene(drive=None).devices(lambda: clock.monotonic_ns() / 1e9), clock)
    bench = device_set_of(config, {"b": link})
    estimate = estimate_duration(config, bench, 10, clock)
    result = asyncio.run(self_check(bench, clock))
    assert result.notes
    assert estimate.sound < result.lasted_s < estimate.lossy * 1.1


def test_a_rejected_register_is_found_and_a_busy_device_is_not() -> None:
    """Exception code 0x02 is permanent, 0x06 is not."""

    gone = {row.address + k for row in served_map(SDM).registers if "thd" in row.name for k in range(row.words)}

    class Moody(RecordingLink):
        lesser = False

        async def read_block(self, request: Request, *rest: float, **more: Any) -> bytes:
            wanted = range(request.address, request.address + request.registers)
            if self.lesser and request.unit == METER_UNIT and gone & set(wanted):
                raise ModbusExceptionResponse(2, request.unit, request.address)
            if request.unit == DRIVE_UNIT and len(self.asked) % 7 == 3:
                self.asked.append(request)
                raise ModbusExceptionResponse(6, request.unit, request.address)
            return await super().read_block(request, *rest, **more)

    def found(lesser: bool) -> SelfcheckOutcome:
        clock = HandClock()
        a = scene()
        link = Moody(a.devices(lambda: clock.monotonic_ns() / 1e9), clock)
        link.lesser = lesser
        return asyncio.run(self_check(DeviceSet(tuple(a.subjects(link)), (a.motor(),)), clock))

    assert found(False).findings == ()
    result = found(True)
    assert causes(result) == [(codes.MAP_REGISTERS_REJECTED, "meter-a")]
    assert {name for name in result.findings[0].quantities} >= {"thd_i_l1", "thd_u_l1"}
    assert all("thd" in name for name in result.findings[0].quantities)
    assert not result.devices["meter-a"].failed
    data = result.findings[0].reason.data
    assert (data["n"], data["total"], data["profile"]) == (len(result.findings[0].quantities), 64, SDM)
    assert set(data["examples"]) <= set(result.findings[0].quantities)


def test_registers_whose_reading_is_a_command_are_not_requested() -> None:
    """Siemens: reading the telegram's control word starts the drive's watchdog. Its neighbours may be suspects."""
    g120 = served_map("siemens/g120")
    kept = {
        address
        for row in g120.registers
        if row.feeds_watchdog
        for address in range(row.address, row.address + row.words)
    }
    assert kept
    clock = HandClock()
    a = scene(drive="siemens/g120", drive_map=remade(g120, "motor_speed", scale=10.0))
    link = RecordingLink(a.devices(lambda: clock.monotonic_ns() / 1e9), clock)
    result = asyncio.run(self_check(DeviceSet(tuple(a.subjects(link)), (a.motor(),)), clock))
    assert causes(result) == [(codes.REGISTER_SCALE_WRONG, "drive-a")]
    asked = {item.address + k for item in link.asked if item.unit == DRIVE_UNIT for k in range(item.registers)}
    assert not asked & kept


def test_a_device_with_a_private_protocol_is_not_polled() -> None:
    a = scene(drive="huanyang/hy")
    clock = HandClock()
    link = RecordingLink(a.devices(lambda: clock.monotonic_ns() / 1e9), clock)
    result = asyncio.run(self_check(DeviceSet(tuple(a.subjects(link)), (a.motor(),)), clock))
    assert DRIVE_UNIT not in {item.unit for item in link.asked}
    assert {verdict.outcome for verdict in result.devices["drive-a"].verdicts.values()} == {"unverified"}


class StationClock(HandClock):
    """Time that moves the plant along."""

    def __init__(self, station: PumpStation) -> None:
        super().__init__()
        self._station = station

    def move(self, seconds: float) -> None:
        super().move(seconds)
        while seconds > 0:
            self._station.step(min(seconds, 0.2))
            seconds -= 0.2


def test_the_pump_station_passes_as_it_is_configured(tmp_path: Path) -> None:
    """Another simulator, with dynamics, and a configuration read from its file."""
    station = PumpStation(Random(2))
    clock = StationClock(station)
    file = tmp_path / "plant.toml"
    file.write_text(config_toml(Endpoints("127.0.0.1:502", "/dev/a", "/dev/b"), "mqtt://localhost:1883", str(tmp_path)))
    config, _ = load_config(file)

    for _ in range(300):
        station.step(0.2)
    by_unit: dict[str, dict[int, SimulatedDevice]] = {
        "north": {device.unit: device for device in station.tcp_devices},
        "south": {device.unit: device for device in station.rtu_devices},
    }
    bench = device_set_of(config, {name: RecordingLink(devices, clock) for name, devices in by_unit.items()})
    result = asyncio.run(self_check(bench, clock))
    assert result.findings == ()
    assert {name for name, item in result.devices.items() if not item.failed} == {"mcc-1", "mcc-2", "vfd-2"}
    assert result.devices["vfd-2"].verdicts["motor_power"].outcome == "passed"


def test_each_cause_is_documented() -> None:
    page = (Path(__file__).parents[4] / "docs" / "how-to" / "selfcheck.md").read_text(encoding="utf-8")
    causes = [code for code in vars(codes).values() if isinstance(code, Code) and "device" in code.fields]
    assert len(causes) > 15
    for cause in causes:
        assert f"`{cause}`" in page
