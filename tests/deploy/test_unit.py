"""The systemd unit: its exposure level according to systemd, and the settings that the product needs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from agent.cli import main

DEPLOY = Path(__file__).parents[2] / "deploy"
UNIT, WEB_UNIT = DEPLOY / "magwatt.service", DEPLOY / "magwatt-web.service"
EXPOSURE_MAX = 2.0


def settings(unit: Path = UNIT) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in unit.read_text(encoding="utf-8").splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def systemd_command(name: str) -> str:
    """A command of Debian's package systemd, version 252 or later. Missing in CI: a failure where it is installable."""
    found = shutil.which(name)
    if found is None:
        if os.environ.get("CI") == "true" and shutil.which("apt-cache"):
            policy = subprocess.run(["apt-cache", "policy", "systemd"], capture_output=True, text=True).stdout
            assert "Candidate: (none)" in policy or "Candidate" not in policy, f"{name}: apt-get install systemd"
        pytest.skip(f"{name} is not installed; sudo apt-get install -y systemd")
    return found


@pytest.mark.parametrize("unit", [UNIT, WEB_UNIT], ids=lambda unit: unit.stem)
def test_the_exposure_score_of_systemd_is_low(unit: Path) -> None:
    command = systemd_command("systemd-analyze")
    done = subprocess.run(
        [command, "security", "--offline=true", "--no-pager", str(unit)], capture_output=True, text=True
    )
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert float(found[1]) <= EXPOSURE_MAX, done.stdout


@pytest.mark.parametrize("unit", [UNIT, WEB_UNIT], ids=lambda unit: unit.stem)
def test_systemd_knows_every_setting(tmp_path: Path, unit: Path) -> None:
    """systemd ignores a misspelt key with a warning in the journal, so it would have no effect."""
    command = systemd_command("systemd-analyze")
    here = tmp_path / unit.name
    here.write_text(unit.read_text(encoding="utf-8").replace("/opt/magwatt/bin/magwatt", sys.executable))
    done = subprocess.run([command, "verify", "--man=no", str(here)], capture_output=True, text=True)
    messages = [line for line in done.stderr.splitlines() if unit.name in line]
    assert messages == [], messages
    here.write_text(here.read_text().replace("ProtectHome", "ProtectHouse"))
    done = subprocess.run([command, "verify", "--man=no", str(here)], capture_output=True, text=True)
    assert "ProtectHouse" in done.stderr, "it does look"


@pytest.mark.parametrize("name", ["magwatt-load", "magwatt-retention"])
def test_systemd_reads_the_timers_of_the_database(tmp_path: Path, name: str) -> None:
    command = systemd_command("systemd-analyze")
    for kind in ("service", "timer"):
        text = (DEPLOY / "timescaledb" / f"{name}.{kind}").read_text(encoding="utf-8")
        (tmp_path / f"{name}.{kind}").write_text(re.sub(r"ExecStart=\S+", f"ExecStart={sys.executable}", text))
    units = [str(path) for path in tmp_path.iterdir()]
    done = subprocess.run([command, "verify", "--man=no", *units], capture_output=True, text=True)
    assert [line for line in done.stderr.splitlines() if name in line] == []


def test_the_account_can_be_made() -> None:
    command = systemd_command("systemd-sysusers")
    done = subprocess.run([command, "--dry-run", str(DEPLOY / "magwatt.sysusers.conf")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    user, member = (line.split() for line in (DEPLOY / "magwatt.sysusers.conf").read_text().splitlines()[1:])
    assert (user[1], member[1:]) == (settings()["User"][0], ["magwatt", settings()["SupplementaryGroups"][0]])


def test_it_runs_commands_that_exist_and_never_as_root() -> None:
    unit = settings()
    assert unit["User"][0] not in ("", "root", "0")
    assert unit["ExecStart"][0].split()[1] in main.list_commands(click.Context(main))
    assert unit["ExecStart"] == ["/opt/magwatt/bin/magwatt run --config /etc/magwatt/plant.toml"]


def test_registers_are_measured_while_kernels_compile() -> None:
    """The package compiles them before a restart, and the agent those that are missing, in another process."""
    assert "ExecStartPre" not in settings()


def test_without_a_configuration_it_waits() -> None:
    assert settings()["ConditionPathExists"] == [settings()["ExecStart"][0].split()[-1]]


def test_what_the_product_does_is_allowed() -> None:
    """numba writes and executes code; serial ports are devices; the kernel gives
    the clock status; systemd is notified.
    """
    unit = settings()
    assert "MemoryDenyWriteExecute" not in unit
    assert "PrivateDevices" not in unit
    assert "ProtectClock" not in unit
    assert "PrivateNetwork" not in unit
    assert unit["Type"] == ["notify"]
    assert "AF_UNIX" in unit["RestrictAddressFamilies"][0], "sd_notify"
    assert set(unit["DeviceAllow"]) == {f"char-tty{kind} rw" for kind in ("USB", "ACM", "S", "AMA")}
    assert "adjtimex" in " ".join(unit["SystemCallFilter"])
    assert unit["CapabilityBoundingSet"] == [""]


def test_the_watchdog_timeout_is_30_to_300_seconds() -> None:
    """The agent stops the notifications when a part hangs; there are at least three within each watchdog period."""
    (seconds,) = settings()["WatchdogSec"]
    assert 30 <= float(seconds.removesuffix("s")) <= 300


def test_the_pages_of_the_installation_name_each_file_of_deploy() -> None:
    docs = DEPLOY.parent / "docs" / "how-to"
    page = "".join((docs / name).read_text(encoding="utf-8") for name in ("install.md", "install-from-source.md"))
    for file in (path for path in DEPLOY.iterdir() if path.is_file()):  # these folders are examples for other servers
        assert f"deploy/{file.name}" in page, file.name
    for name in re.findall(r"deploy/([\w.-]+\w)", page):
        assert (DEPLOY / name).exists(), name
