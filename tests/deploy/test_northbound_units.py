"""The systemd units of the servers for other systems: how exposed they are, and that they have no way to a device."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.test_unit import DEPLOY, systemd_command

UNITS = ["magwatt-modbus.service", "magwatt-opcua.service"]
EXPOSURE_MAX = 2.0


@pytest.mark.parametrize("name", UNITS)
def test_the_exposure_score_is_low(name: str) -> None:
    done = subprocess.run(
        [systemd_command("systemd-analyze"), "security", "--offline=true", "--no-pager", str(DEPLOY / name)],
        capture_output=True, text=True,
    )  # fmt: skip
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert float(found[1]) <= EXPOSURE_MAX, done.stdout


@pytest.mark.parametrize("name", UNITS)
def test_systemd_knows_every_setting(name: str, tmp_path: Path) -> None:
    here = tmp_path / name
    here.write_text((DEPLOY / name).read_text(encoding="utf-8").replace("/opt/magwatt/bin/magwatt", sys.executable))
    done = subprocess.run(
        [systemd_command("systemd-analyze"), "verify", "--man=no", str(here)], capture_output=True, text=True
    )
    assert [line for line in done.stderr.splitlines() if name in line] == []


@pytest.mark.parametrize("name", UNITS)
def test_it_reaches_no_device_and_not_the_state_of_the_agent(name: str) -> None:
    lines = (DEPLOY / name).read_text(encoding="utf-8").splitlines()
    settings = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    assert not {"DeviceAllow", "SupplementaryGroups", "ReadWritePaths"} & settings.keys()
    assert settings["PrivateDevices"] == "yes"
    assert settings["CapabilityBoundingSet"] == ""
    assert settings["StateDirectory"] == name.removesuffix(".service")
    assert "--listen" not in settings["ExecStart"], "on this computer only"
