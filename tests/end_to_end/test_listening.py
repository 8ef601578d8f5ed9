"""A line that a PLC polls: every command reads by listening, and none sends a byte.

The segment logs all transmissions. The PLC reads a meter and a drive whose watchdog would trip the motor.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner
from support.config_text import at_input, bus, drive, magnet, site
from support.plc_cabinet import PlcCabinet

from agent.acquisition.pollers import pollers
from agent.cli import main
from agent.commissioning.discovery.config_snippet import to_toml
from agent.commissioning.discovery.scan import Scan
from agent.commissioning.discovery.scan_result import ScanOptions, Target
from agent.commissioning.doctor.listening import listening_findings
from agent.commissioning.doctor.reasons import DEVICE_HEARD
from agent.config.loader import load_config
from agent.config.model import Config
from agent.core.clock import SystemClock
from drivers.reading import Quality, Reading
from drivers.serial_sniffer import SerialSetting
from simulators.bus.meter_station import MeterLine, MeterStation
from simulators.bus.segment import Segment
from simulators.devices.energy_meter import EnergyMeter
from simulators.devices.meter_frames import READ, meter_frame
from simulators.scenarios.noisy_line import METERS

pytestmark = pytest.mark.alone
UNIT = next(item.unit for item in METERS if item.name == "mcc-2")


class Cabinet(PlcCabinet):
    """With a configuration that listens."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.file = folder / "plant.toml"
        line = bus("line", None, serial=self.port, line="38400 8E1", mode="listen")
        meter = at_input("m", UNIT, profile="eastron/sdm630", bus="line")
        self.file.write_text(
            site() + f'[store]\nstate_dir = "{folder}"\n' + line + meter
            + drive("d", "m", 31, bus="line", comm_loss="armed") + magnet("p", "d")
        )  # fmt: skip

    @property
    def config(self) -> Config:
        return load_config(self.file)[0]


class Silent:
    """Progress that is not shown."""

    def __getattr__(self, name: str) -> object:
        return lambda *arguments: None


@pytest.fixture
def cabinet(tmp_path: Path) -> Iterator[Cabinet]:
    made = Cabinet(tmp_path)
    yield made
    made.stop()


def test_the_readings_are_those_of_the_plant(cabinet: Cabinet) -> None:
    """Power and energy of the meter; the speed of a drive that may not be polled."""
    readings: list[Reading] = []

    async def scene() -> None:
        (poller,) = pollers(cabinet.config, SystemClock(), readings.append)
        task = asyncio.create_task(poller.run())
        await asyncio.sleep(4.0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(scene())
    of_meter = [item for item in readings if item.device == "m" and item.values.get("active_power") is not None]
    of_drive = [item for item in readings if item.device == "d" and item.values.get("output_frequency") is not None]
    assert of_drive
    truth = cabinet.plant.truth()["pump-2"]["active_power_w"]
    assert of_meter[-1].values["active_power"] == pytest.approx(truth, rel=0.05)  # the plant moves between the two
    assert all(Quality.LISTENED in item.quality for item in readings)
    assert cabinet.responses > 10
    assert cabinet.sent == 0


def test_no_command_sends_a_byte(cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch) -> None:
    """check, plan, read and doctor; both listen for 4 s instead of 10 s."""
    for module in ("agent.commissioning.doctor.listening", "agent.cli.read_view"):
        monkeypatch.setattr(f"{module}.listening_s", lambda bus: 4.0)
    file, runner = str(cabinet.file), CliRunner()
    runner.invoke(main, ["check", file])
    planned = json.loads(runner.invoke(main, ["plan", file, "--json"]).stdout.splitlines()[0])
    assert (planned["mode"], planned["blocks"]) == ("listen", [])
    shown = [json.loads(line) for line in runner.invoke(main, ["read", file, "--json"]).stdout.splitlines()]
    assert {body["device"] for body in shown} == {"m", "d"}
    assert all("LISTENED" in body["quality"] for body in shown)
    (poller,) = pollers(cabinet.config, SystemClock(), lambda reading: None)
    heard = [item.reason for item in asyncio.run(listening_findings(poller))]
    assert [reason.data["device"] for reason in heard if reason.code == DEVICE_HEARD] == ["m", "d"]
    assert cabinet.responses > 20
    assert cabinet.sent == 0


def test_a_scan_that_only_listens(cabinet: Cabinet) -> None:
    target = Target(serial=cabinet.port, setting=SerialSetting(38400, 8, "E"))
    options = ScanOptions(listen_s=3.0, listen_only=True)
    result = asyncio.run(Scan(target, options, Silent()).run())  # type: ignore[arg-type]
    assert {found.unit for found in result.found} == {12, 31, 32}
    assert result.target.listens
    assert (result.requests, cabinet.sent) == (0, 0)


def test_a_meter_of_dlt645_that_another_master_reads() -> None:
    """Its voltages show the profile; the configuration that is offered listens with frames of DL/T 645."""
    segment = Segment(9600, 11)
    meter = EnergyMeter("000000000161", lambda: {f"voltage_l{k}n": 230.0 + k for k in (1, 2, 3)})
    MeterStation(segment, MeterLine(meter, Random(1), None, (0.02, 0.06)))
    send = segment.attach("master", lambda data: None)
    request = meter_frame("000000000161", READ, (0x0201FF00).to_bytes(4, "little"))

    def poll() -> None:
        send(request)
        segment.at(segment.now() + 0.3, poll)

    port = segment.port("agent")
    segment.start()
    segment.ask(poll)
    try:
        target = Target(serial=port, setting=SerialSetting(9600, 8, "E"))
        result = asyncio.run(Scan(target, ScanOptions(listen_s=1.5, listen_only=True), Silent()).run())  # type: ignore[arg-type]
        assert segment.sent_bytes["agent"] == 0
    finally:
        segment.stop()
    (found,) = result.found
    assert found.unit == 161
    assert found.identified is not None
    assert [match.profile.id for match in found.identified.matches] == ["generic/dlt645-three-phase"]
    toml = to_toml(result.target, result.setting, [found.identified])
    assert 'framing = "dlt645"' in toml
    assert 'mode = "listen"' in toml
