"""The systemd unit of the page: how exposed it is, and that it has no way to a device."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.test_unit import DEPLOY, systemd_command

UNIT = DEPLOY / "magwatt-web.service"
EXPOSURE_MAX = 2.0


@pytest.fixture(scope="module")
def settings() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def test_the_exposure_score_of_the_page_is_low() -> None:
    command = systemd_command("systemd-analyze")
    done = subprocess.run(
        [command, "security", "--offline=true", "--no-pager", str(UNIT)], capture_output=True, text=True
    )
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert float(found[1]) <= EXPOSURE_MAX, done.stdout


def test_systemd_knows_every_setting_of_the_page(tmp_path: Path) -> None:
    command = systemd_command("systemd-analyze")
    here = tmp_path / "magwatt-web.service"
    here.write_text(UNIT.read_text(encoding="utf-8").replace("/opt/magwatt/bin/magwatt", sys.executable))
    done = subprocess.run([command, "verify", "--man=no", str(here)], capture_output=True, text=True)
    assert [line for line in done.stderr.splitlines() if "magwatt-web.service" in line] == []


def test_the_page_reaches_no_device_and_no_privilege(settings: dict[str, list[str]]) -> None:
    assert "DeviceAllow" not in settings
    assert "SupplementaryGroups" not in settings
    assert settings["PrivateDevices"] == ["yes"]
    assert settings["CapabilityBoundingSet"] == [""]
    assert settings["User"] == ["magwatt"]
    assert not {"StateDirectory", "ReadWritePaths"} & settings.keys(), "the state of the agent is read only"


def test_the_unit_listens_on_this_computer_only(settings: dict[str, list[str]]) -> None:
    assert settings["ExecStart"] == ["/opt/magwatt/bin/magwatt web --config /etc/magwatt/plant.toml"]
