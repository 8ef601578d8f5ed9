"""A line that a PLC polls: every command reads by listening, and none sends a byte.

The segment logs all transmissions. The PLC reads a meter and a drive whose watchdog would trip the motor.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.config_text import at_input, bus, drive, magnet, site
from support.plc_cabinet import PlcCabinet

from agent.acquisition.pollers import pollers
from agent.cli import main
from agent.commissioning.discovery.scan import Scan
from agent.commissioning.discovery.scan_result import ScanOptions, Target
from agent.commissioning.doctor.listening import listening_findings
from agent.commissioning.doctor.reasons import DEVICE_HEARD
from agent.config.loader import load_config
from agent.config.model import Config
from agent.core.clock import SystemClock
from drivers.reading import Quality, Reading
from drivers.serial_sniffer import SerialSetting
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
    class Silent:
        def __getattr__(self, name: str) -> object:
            return lambda *arguments: None

    target = Target(serial=cabinet.port, setting=SerialSetting(38400, 8, "E"))
    options = ScanOptions(listen_s=3.0, listen_only=True)
    result = asyncio.run(Scan(target, options, Silent()).run())  # type: ignore[arg-type]
    assert {found.unit for found in result.found} == {12, 31, 32}
    assert result.target.listens
    assert (result.requests, cabinet.sent) == (0, 0)
