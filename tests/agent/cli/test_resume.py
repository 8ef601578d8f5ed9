"""`magwatt resume`: lists the stopped buses, and confirms that the other master was removed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.basics import HandClock
from support.config_text import bus, site

from agent.acquisition.bus_stops import RESUME, STOP, stop_as_object
from agent.cli import main
from agent.delivery.store import Store
from drivers.foreign_master import ForeignTraffic
from drivers.modbus_link import BusSettings, ModbusLink

SINCE_MS = 1_790_000_000_000


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    """A configuration with two buses; the first is stopped."""
    file = tmp_path / "plant.toml"
    buses = [bus(name, tcp=None, serial=f"/dev/tty{name}", line="19200 8N1") for name in ("north", "south")]
    file.write_text(site() + f'[store]\nstate_dir = "{tmp_path}"\n' + "".join(buses), encoding="utf-8")
    store = Store(tmp_path, HandClock())
    link = ModbusLink(BusSettings("north", serial_port="/dev/ttynorth"), HandClock())
    traffic = ForeignTraffic(SINCE_MS, 0.0, Counter({(31, 3, 64): 5}))
    store.save_entry(STOP, "north", "", stop_as_object(link, traffic))
    store.close()
    return file


def invoke(plant: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["resume", *words, "--config", str(plant)])


def test_the_stopped_buses_are_listed_with_what_was_received(plant: Path) -> None:
    done = invoke(plant)
    assert done.exit_code == 0
    (line,) = done.output.splitlines()
    assert line.startswith("north: /dev/ttynorth")
    assert "unit 31, function 3, address 64" in line


def test_a_confirmation_names_the_stop_and_the_operator(plant: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "li")
    done = invoke(plant, "north")
    assert done.exit_code == 0, done.output
    store = Store(plant.parent, HandClock())
    assert store.entry(RESUME, "north", str(SINCE_MS))["by"] == "li"
    store.close()


def test_a_bus_that_is_not_stopped_is_a_finding(plant: Path) -> None:
    assert invoke(plant, "south").exit_code == 1


def test_an_unknown_bus_is_wrong_usage(plant: Path) -> None:
    done = invoke(plant, "nort")
    assert done.exit_code == 2
    assert "north" in done.output
