"""`magwatt doctor` on lines with one known fault each: the finding names it, with the action to take."""

from __future__ import annotations

import asyncio
import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from support import fault_matrix as faults
from support.basics import free_port
from support.fault_matrix import FaultStep, Line, Script
from support.scripted_slave import open_line

from agent.acquisition.scheduler import BusPoller, PolledDevice
from agent.cli import main
from agent.commissioning.doctor import host
from agent.commissioning.doctor import reasons as codes
from agent.commissioning.doctor.bus import BusObservation, bus_findings, examine_bus
from agent.commissioning.doctor.finding import DoctorFinding, Level
from agent.commissioning.doctor.run import examine
from agent.config.loader import load_config
from agent.config.model import Bus, Mqtt
from agent.core.clock import CLOCK_AFTER_LAST_RUN, CLOCK_BEFORE_LAST_RUN, SystemClock
from agent.core.text import as_object
from agent.delivery import site_clock
from agent.delivery.reasons import BROKER_NOT_LISTENING
from agent.delivery.store import Store
from drivers.modbus_device import DeviceSettings, ModbusDevice
from drivers.modbus_link import BusSettings, ModbusLink
from drivers.profiles import load_profile
from drivers.reasons import Code, Reason, reason_of
from drivers.serial_port import LineErrors
from simulators.bus.frames import Ask

M2 = {"device": "m2", "unit_id": 2}
BUS = Bus("b", None, (19200, 8, "N", 1), None, "rtu", 1.0, 0.0, None, None)


def seen_on(script: Script, kind: Line = Line.RTU, units: tuple[int, ...] = (1, 2), rounds: int = 2) -> BusObservation:
    """Examines two PM5000 meters on a line that behaves as the script."""

    async def scene() -> BusObservation:
        line = open_line(kind, script)
        line.start()
        try:
            wire = BusSettings(
                "b", host=line.host, port_number=line.port_number, serial_port=line.serial_port, rtu_framing=kind.is_rtu
            )
            link = ModbusLink(wire, SystemClock())
            profile = load_profile("schneider/pm5000")
            settings = DeviceSettings(timeout_s=0.15, character_s=wire.character_s)
            devices = [
                PolledDevice(
                    ModbusDevice(f"m{unit}", profile, unit, link, SystemClock(), settings),
                    1.0,
                    {},
                )
                for unit in units
            ]
            return await examine_bus(
                BusPoller(BUS, devices, link, SystemClock(), lambda _: None, random.Random(1)), rounds
            )
        finally:
            line.stop()

    return asyncio.run(asyncio.wait_for(scene(), 60))


def findings(seen: BusObservation) -> list[Reason]:
    return [item.reason for item in bus_findings(seen) if item.level is Level.FINDING]


def garbage(ask: Ask) -> list[FaultStep]:
    """Bytes as they are received at a wrong baud rate."""
    return [FaultStep(bytes(byte ^ 0xE5 for byte in ask.frame()[:9]))]


def exception(code: int) -> Script:
    return lambda ask: [FaultStep(ask.exception_frame(code))]


def of_unit(unit: int, bad: Script) -> Script:
    return lambda ask: bad(ask) if ask.unit == unit else faults.clean(ask)


@pytest.mark.parametrize("kind", [Line.RTU, Line.RTU_TCP, Line.TCP], ids=lambda kind: kind.value)
def test_a_faultless_line_has_no_findings(kind: Line) -> None:
    seen = seen_on(faults.clean, kind)
    assert findings(seen) == []
    assert seen.requests == sum(device.valid for device in seen.devices) > 0
    assert [item.level for item in bus_findings(seen)].count(Level.FINE) == 2


@pytest.mark.alone
@pytest.mark.parametrize(
    ("script", "code", "data"),
    [
        (faults.silent, codes.BUS_WITHOUT_RESPONSE, {"line": "19200 8N1"}),
        (garbage, codes.BUS_WRONG_SETTINGS, {"line": "19200 8N1"}),
        (of_unit(2, faults.silent), codes.DEVICE_WITHOUT_RESPONSE, M2),
        (of_unit(2, garbage), codes.DEVICE_WITHOUT_FRAME, M2),
        (faults.every(5, faults.damaged), codes.RESPONSES_CORRUPT, {}),
        (faults.stray(5), codes.STRAY_BYTES, {}),
        (of_unit(2, faults.every(3, faults.silent)), codes.RESPONSES_MISSING, {**M2, "bus": "b"}),
        (of_unit(2, exception(2)), codes.REGISTERS_ILLEGAL, M2),
        (of_unit(2, exception(1)), codes.FUNCTION_UNSUPPORTED, M2),
        (of_unit(2, exception(0x0B)), codes.GATEWAY_WITHOUT_RESPONSE, M2),
    ],
    ids=["silent", "garbage", "one-silent", "one-garbled", "damaged", "noise", "loose", "hole", "function", "gateway"],
)
def test_each_fault_is_one_finding(script: Script, code: Code, data: dict[str, object]) -> None:
    (found,) = findings(seen_on(script))
    assert found.code == code
    assert data.items() <= found.data.items()


@pytest.mark.alone
def test_findings_count_what_was_received() -> None:
    """Two meters, two rounds: each fault occurs in a known share of the requests."""
    seen = seen_on(faults.every(5, faults.damaged))
    (found,) = findings(seen)
    assert found.data["total"] == seen.responses == seen.requests
    assert found.data["n"] == sum(device.corrupt for device in seen.devices) > 0
    assert found.data["share"] == pytest.approx(found.data["n"] / found.data["total"])
    seen = seen_on(of_unit(2, exception(2)))
    (found,) = findings(seen)
    assert found.data["n"] == found.data["total"] == seen.devices[1].requests


@pytest.mark.text
@pytest.mark.alone
@pytest.mark.parametrize(
    ("script", "action"),
    [
        (faults.silent, "Swap conductors A and B"),
        (garbage, "`magwatt scan`"),
        (of_unit(2, faults.silent), "unit identifier"),
        (of_unit(2, garbage), "two devices"),
        (faults.every(5, faults.damaged), "termination"),
        (faults.stray(5), "bias"),
        (of_unit(2, faults.every(3, faults.silent)), "loose terminal"),
        (of_unit(2, exception(2)), "`magwatt identify`"),
    ],
)
def test_each_finding_states_the_action(script: Script, action: str) -> None:
    (found,) = findings(seen_on(script, rounds=1))
    assert action in str(found)


def test_an_echo_is_a_note() -> None:
    seen = seen_on(faults.echo)
    assert findings(seen) == []
    assert seen.echoes == seen.requests
    notes = [item.reason for item in bus_findings(seen) if item.level is Level.NOTE]
    assert codes.ADAPTER_ECHO(n=seen.requests) in notes


def test_properties_of_the_port_are_reported() -> None:
    seen = seen_on(faults.every(3, faults.damaged))
    seen.errors = LineErrors(frame=1, overrun=0, parity=9, breaks=0)
    seen.latency_timer_ms, seen.stable_name = 16, "/dev/serial/by-id/usb-x"
    reasons = {item.reason.code: item.reason.data for item in bus_findings(seen)}
    assert reasons[codes.PARITY_ERRORS]["errors"] == 9
    assert reasons[codes.ADAPTER_LATENCY] == {"timer_ms": 16}
    assert reasons[codes.PORT_NAME_UNSTABLE]["stable_name"] == "/dev/serial/by-id/usb-x"
    assert reasons[codes.UART_COUNTERS] == {"framing": 1, "overrun": 0, "parity": 9, "breaks": 0}


def test_a_missing_port_and_a_rejected_connection_are_findings(tmp_path: Path) -> None:
    config = tmp_path / "plant.toml"
    config.write_text(
        f"""
[site]
id = "x"
gateway = "gw"
[store]
state_dir = "state"
[mqtt]
url = "mqtt://127.0.0.1:{free_port()}"
[bus.a]
serial = "{tmp_path}/ttyUSB9"
line = "19200 8E1"
listen_before_start = "0s"
[bus.b]
tcp = "127.0.0.1:{free_port()}"
[meter.m1]
bus = "a"
unit_id = 1
profile = "schneider/pm5000"
measuring_point = "feeder"
class = "0.5"
[meter.m2]
bus = "b"
unit_id = 1
profile = "schneider/pm5000"
measuring_point = "feeder"
class = "0.5"
""",
        encoding="utf-8",
    )
    reported: list[DoctorFinding] = []
    loaded, _ = load_config(config)
    assert not asyncio.run(examine(loaded, 1, reported.append, lambda what: None))
    found = {item.where: item.reason for item in reported if item.level is Level.FINDING}
    assert found["bus.a"].code in (codes.SERIAL_PORT_MISSING, codes.SERIAL_PORT_UNAVAILABLE)
    assert f"{tmp_path}/ttyUSB9" in str(found["bus.a"])
    assert found["bus.b"].code == codes.TCP_BUS_UNAVAILABLE
    assert found["mqtt.url"].data["host"] == "127.0.0.1"
    assert found["mqtt.url"].data["cause"].code == BROKER_NOT_LISTENING
    assert json.dumps([as_object(item.reason) for item in reported])


def test_the_subscription_is_to_the_agents_own_topic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that permits each gateway its own topics only would reject another topic."""
    topics: list[str] = []

    class Noted:
        def __init__(self, _broker: Mqtt, topic: str) -> None:
            topics.append(topic)

        def start(self) -> None: ...

        def stop(self) -> None: ...

    monkeypatch.setattr("agent.delivery.mqtt.follower.Follower", Noted)
    path = tmp_path / "plant.toml"
    path.write_text('[site]\nid = "s"\ngateway = "g"\ntopic_prefix = "works/mill"\n[mqtt]\nurl = "mqtt://127.0.0.1"\n')
    assert [item.level for item in host.broker(load_config(path)[0])] == [Level.FINE]
    assert topics == ["works/mill/g/status"]


@pytest.mark.parametrize("synchronised", [False, None])
@pytest.mark.parametrize("off_days", [0, 300, 425, -2])
def test_a_clock_that_the_agent_does_not_use_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, synchronised: bool | None, off_days: int
) -> None:
    """0: the agent is running. 425: the gateway was off for more than a year. -2: its clock was stepped back."""
    now_ns = 1_900_000_000_000_000_000
    for module in (host, site_clock):
        monkeypatch.setattr(module, "kernel_synchronized", lambda: synchronised)
    monkeypatch.setattr(host.time, "time_ns", lambda: now_ns - off_days * 86_400 * 10**9)
    file = tmp_path / "plant.toml"
    text = f'[site]\nid = "s"\ngateway = "g"\n[store]\nstate_dir = "{tmp_path}"\n[bus.b]\ntcp = "127.0.0.1"\n'
    text += (
        '[meter.m]\nbus = "b"\nunit_id = 1\nprofile = "schneider/pm5000"\nmeasuring_point = "feeder"\nclass = "0.5"\n'
    )
    file.write_text(text)
    store = Store(tmp_path, SystemClock(host.time.time_ns, lambda: 0))
    assert store.run_id
    store.close()
    monkeypatch.setattr(host.time, "time_ns", lambda: now_ns)
    (found,) = host.clock(load_config(file)[0])
    other = codes.CLOCK_UNSYNCHRONIZED() if synchronised is False else codes.CLOCK_STATE_UNKNOWN()
    implausible = {425: CLOCK_AFTER_LAST_RUN, -2: CLOCK_BEFORE_LAST_RUN}.get(off_days)
    if implausible is not None:
        assert found.level is Level.FINDING
        assert found.reason.code == codes.CLOCK_NOT_USED
        cause = found.reason.data["cause"]
        assert cause.code == implausible
        assert cause.data["shown_ms"] - cause.data["reached_ms"] == off_days * 86_400_000
        assert "assume_clock_synchronized = true" in str(found.reason)
    else:
        assert found.reason == other
    file.write_text(text.replace('"g"\n', '"g"\nassume_clock_synchronized = true\n', 1))
    (found,) = host.clock(load_config(file)[0])
    assert found.reason == other


def test_json_is_one_object_per_finding_with_code_data_and_text(tmp_path: Path) -> None:
    """The findings of the configuration are the first ones."""
    file = tmp_path / "plant.toml"
    file.write_text(
        f'[site]\nid = "s"\ngateway = "g"\n[store]\nstate_dir = "{tmp_path}/state"\n'
        f'[bus.b]\ntcp = "127.0.0.1:{free_port()}"\n[drive.d]\nbus = "b"\nunit_id = 1\nprofile = "abb/acs880"\n'
    )
    done = CliRunner().invoke(main, ["doctor", str(file), "--rounds", "1", "--json"])
    assert done.exit_code == 1
    items = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(set(item) == {"level", "where", "reason"} for item in items)
    assert all(set(item["reason"]) == {"code", "data", "text"} for item in items)
    assert (items[0]["level"], items[0]["where"]) == ("finding", "drive.d.comm_loss")
    disk = next(item["reason"] for item in items if item["where"] == "store.state_dir")
    assert disk["code"] in (codes.DISK_SPACE, codes.DISK_ALMOST_FULL)
    assert disk["data"]["path"] == f"{tmp_path}/state"
    assert disk["text"] == str(reason_of(disk))


@pytest.mark.parametrize(("days", "level"), [(-2, "finding"), (30, "note"), (90, None)])
def test_certificates_of_meters_are_examined(tmp_path: Path, days: int, level: str | None) -> None:
    until = datetime.now(UTC).date() + timedelta(days)
    stated = f'{{ number = "E1", laboratory = "L", issued = 2020-01-01, valid_until = {until} }}'
    file = tmp_path / "plant.toml"
    file.write_text(
        f'[site]\nid = "s"\ngateway = "g"\n[store]\nstate_dir = "{tmp_path}/state"\n'
        f'[bus.b]\ntcp = "127.0.0.1:1"\n[meter.m]\nbus = "b"\nunit_id = 1\nprofile = "eastron/sdm630"\nclass = "0.5"\n'
        f'measuring_point = "motor"\ncertificate = {stated}\n'
    )
    done = CliRunner().invoke(main, ["doctor", str(file), "--rounds", "1", "--json"])
    items = [json.loads(line) for line in done.stdout.splitlines()]
    assert [item["level"] for item in items if item["where"] == "meter.m.certificate"] == ([level] if level else [])


@pytest.mark.text
def test_lines_show_level_place_and_text(tmp_path: Path) -> None:
    file = tmp_path / "plant.toml"
    file.write_text(f'[site]\nid = "s"\ngateway = "g"\n[store]\nstate_dir = "{tmp_path}/state"\n'
                    f'[bus.b]\ntcp = "127.0.0.1:1"\n')  # fmt: skip
    done = CliRunner().invoke(main, ["doctor", str(file)])
    (line,) = [line for line in done.stdout.splitlines() if " mqtt: " in line]
    assert line == f"note     mqtt: {codes.NO_BROKER_CONFIGURED()}"
