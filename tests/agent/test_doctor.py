"""The doctor on lines with one known trouble each: it says which, and what to do."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path

import pytest
from support.faulty import open_line
from testkit import free_port

from agent.clock import SystemClock
from agent.config import Bus, Mqtt
from agent.config_load import load_config
from agent.doctor import examine, host
from agent.doctor.finding import Finding, Level
from agent.doctor.wire import WireSeen, judge, look
from agent.poll import BusPoller, Polled
from agent.store import Store
from agent.timekeeping import KIND, REACHED
from drivers.bus import ModbusLink, Wire
from drivers.modbus import ModbusDevice
from drivers.profiles import load_profile
from drivers.serial_port import LineErrors
from simulators.bus import faults
from simulators.bus.faults import Ask, Line, Script, Step

BUS = Bus("b", None, (19200, 8, "N", 1), None, "rtu", 1.0, 0.0, None, None)


def seen_on(script: Script, kind: Line = Line.RTU, units: tuple[int, ...] = (1, 2), rounds: int = 2) -> WireSeen:
    """Two PM5000 meters on a line that behaves like that."""

    async def scene() -> WireSeen:
        line = open_line(kind, script)
        line.start()
        try:
            wire = Wire(
                "b", host=line.host, port_number=line.port_number, serial_port=line.serial_port, rtu_framing=kind.is_rtu
            )
            link = ModbusLink(wire, SystemClock())
            profile = load_profile("schneider/pm5000")
            devices = [
                Polled(
                    ModbusDevice(
                        f"m{unit}", profile, unit, link, SystemClock(), timeout_s=0.15, character_s=wire.character_s
                    ),
                    1.0,
                    {},
                )
                for unit in units
            ]
            return await look(BusPoller(BUS, devices, link, SystemClock(), lambda _: None, random.Random(1)), rounds)
        finally:
            line.stop()

    return asyncio.run(asyncio.wait_for(scene(), 60))


def findings(seen: WireSeen) -> list[str]:
    return [item.text for item in judge(seen) if item.level is Level.FINDING]


def garbage(ask: Ask) -> list[Step]:
    """What a line at another speed sounds like."""
    return [Step(bytes(byte ^ 0xE5 for byte in ask.frame()[:9]))]


def refused(code: int) -> Script:
    return lambda ask: [Step(ask.refusal(code))]


def of_unit(unit: int, bad: Script) -> Script:
    return lambda ask: bad(ask) if ask.unit == unit else faults.clean(ask)


@pytest.mark.parametrize("kind", [Line.RTU, Line.RTU_TCP, Line.TCP], ids=lambda kind: kind.value)
def test_a_sound_line_has_no_findings(kind: Line) -> None:
    seen = seen_on(faults.clean, kind)
    assert findings(seen) == []
    assert seen.asked == sum(device.answered for device in seen.devices) > 0
    assert [item.level for item in judge(seen)].count(Level.FINE) == 2


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (faults.silent, ("nobody answers", "Swap A and B")),
        (garbage, ("speed or parity is wrong", "19200 8N1", "scan")),
        (of_unit(2, faults.silent), ("m2 (unit 2): silent while others answer", "unit id")),
        (of_unit(2, garbage), ("m2 (unit 2): bytes come, but never a frame", "two devices")),
        (faults.every(5, faults.damaged), ("answers are damaged", "terminators")),
        (faults.stray(5), ("stray bytes", "bias")),
        (of_unit(2, faults.every(3, faults.silent)), ("m2 (unit 2): silent", "loose clamp")),
        (of_unit(2, refused(2)), ("m2 (unit 2): refuses", "identify")),
        (of_unit(2, refused(1)), ("m2 (unit 2): does not know the read function",)),
        (of_unit(2, refused(0x0B)), ("m2 (unit 2): the gateway gets no answer",)),
    ],
    ids=["silent", "garbage", "one-silent", "one-garbled", "damaged", "noise", "loose", "hole", "function", "gateway"],
)
def test_each_trouble_is_named_with_its_remedy(script: Script, words: tuple[str, ...]) -> None:
    found = findings(seen_on(script))
    assert len(found) == 1, found
    for word in words:
        assert word in found[0]


def test_an_echo_is_told_from_noise_and_needs_nothing() -> None:
    seen = seen_on(faults.echo)
    assert findings(seen) == []
    assert seen.echoes == seen.asked
    assert any("echoes" in item.text for item in judge(seen) if item.level is Level.NOTE)


def test_what_only_the_port_can_tell() -> None:
    seen = seen_on(faults.every(3, faults.damaged))
    seen.errors = LineErrors(frame=1, overrun=0, parity=9, breaks=0)
    seen.latency_timer_ms, seen.stable_name = 16, "/dev/serial/by-id/usb-x"
    texts = [item.text for item in judge(seen)]
    assert any("9 parity errors" in text for text in texts)
    assert any("up to 16 ms" in text for text in texts)
    assert any("/dev/serial/by-id/usb-x stays" in text for text in texts)


def test_a_port_that_is_not_there_and_a_gateway_that_refuses(tmp_path: Path) -> None:
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
    told: list[Finding] = []
    loaded, _ = load_config(config)
    assert not asyncio.run(examine(loaded, 1, told.append, lambda what: None))
    text = {item.where: item.text for item in told if item.level is Level.FINDING}
    assert "does not exist" in text["bus.a"]
    assert "no server listens" in text["bus.b"]
    assert "no broker listens" in text["mqtt.url"]
    assert json.dumps([item.level for item in told])


def test_the_broker_is_asked_for_the_agents_own_topic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that lets each gateway read its own topics only would refuse another one."""
    asked: list[str] = []

    class Noted:
        def __init__(self, _broker: Mqtt, topic: str) -> None:
            asked.append(topic)

        def start(self) -> None: ...

        def stop(self) -> None: ...

    monkeypatch.setattr("agent.subscribe.Follower", Noted)
    path = tmp_path / "plant.toml"
    path.write_text('[site]\nid = "s"\ngateway = "g"\ntopic_prefix = "works/mill"\n[mqtt]\nurl = "mqtt://127.0.0.1"\n')
    assert [item.level for item in host.broker(load_config(path)[0])] == [Level.FINE]
    assert asked == ["works/mill/g/status"]


@pytest.mark.parametrize("synchronised", [False, None])
@pytest.mark.parametrize("off_days", [0, 300, 425, -2])
def test_a_clock_that_the_agent_will_not_believe_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, synchronised: bool | None, off_days: int
) -> None:
    """0: the agent is running. 425: the gateway lay in a cupboard. -2: its clock was set back."""
    now_ns = 1_900_000_000_000_000_000
    monkeypatch.setattr(host, "kernel_synchronised", lambda: synchronised)
    monkeypatch.setattr(host.time, "time_ns", lambda: now_ns)
    file = tmp_path / "plant.toml"
    text = f'[site]\nid = "s"\ngateway = "g"\n[store]\nstate_dir = "{tmp_path}"\n[bus.b]\ntcp = "127.0.0.1"\n'
    text += (
        '[meter.m]\nbus = "b"\nunit_id = 1\nprofile = "schneider/pm5000"\nmeasuring_point = "feeder"\nclass = "0.5"\n'
    )
    file.write_text(text)
    store = Store(tmp_path, SystemClock())
    store.save_note(KIND, REACHED, "", {"utc_ms": now_ns // 1_000_000 - off_days * 86_400_000})
    store.close()
    (found,) = host.clock(load_config(file)[0])
    doubted = {425: "more than a year after the last run", -2: "before the last run"}.get(off_days)
    if doubted:
        assert found.level is Level.FINDING
        assert doubted in found.text
        assert "assume_clock_synchronized" in found.text
    else:
        assert "not believed" not in found.text
    file.write_text(text.replace('"g"\n', '"g"\nassume_clock_synchronized = true\n', 1))
    (found,) = host.clock(load_config(file)[0])
    assert "not believed" not in found.text
