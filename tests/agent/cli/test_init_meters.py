"""`magwatt init` on a line with a meter of DL/T 645: no questions on its wiring and on who applies the ratio."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.init_session import GATEWAY, session
from support.virtual_line import VirtualLine

from agent.config.loader import load_config
from simulators.devices.energy_meter import EnergyMeter

PORT = "/dev/ttyS7"
VALUES = {"voltage_l12": 100.0, "voltage_l23": 100.2, "current_l1": 2.5, "current_l3": 2.4, "energy_import": 12.0}
SCAN = (PORT, "", "yes", "no", "", "yes")  # port, unknown settings, scan, without function 03, unknown number, complete
METER = ("feeder", "0.5S", "200/5", "", "10000/100", "")
MOTOR = ("fan", "induction", "160", "10000", "11.5", "50", "1485", "0.86", "IE3", "")


def test_a_scanned_meter_gets_its_address_wiring_and_ratio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    meter = EnergyMeter("000000000161", lambda: VALUES, three_wires=True)
    line = VirtualLine({meter: 0.05}, 2400, "E")
    done = session(monkeypatch, tmp_path / "plant.toml", (*GATEWAY, *SCAN, "", *METER, *MOTOR, "", ""), line=line)
    text = (tmp_path / "plant.toml").read_text(encoding="utf-8") if (tmp_path / "plant.toml").exists() else done.output
    assert 'unit_id = "000000000161"' in text, done.output
    config, _ = load_config(tmp_path / "plant.toml")
    bus, found = config.buses["line"], config.meters["meter-161"]
    assert (bus.framing, bus.line) == ("dlt645", (2400, 8, "E", 1))
    assert (found.unit_id, found.profile, found.wiring) == (161, "generic/dlt645-three-wire", "3P3W")
    assert (found.ct, found.vt, found.ratio_applied_by) == ((200, 5), (10000, 100), "agent")
