"""`magwatt fleet demo`: a fleet into a broker and a lake, and its report."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.basics import real_command
from support.command_line import invoke


@pytest.mark.soak
@pytest.mark.alone
def test_the_demo_ends_with_a_report_that_contains_the_true_saving(tmp_path: Path) -> None:
    real_command("mosquitto")
    folder = tmp_path / "demo"
    words = ["fleet", "demo", "--gateways", "3", "--folder", str(folder)]
    command = [sys.executable, "-m", "agent.cli", "--lang", "en", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["fleet.html", "fleet.json", "fleet.svg", "lake"]
    found = json.loads((folder / "fleet.json").read_text(encoding="utf-8"))
    true_wh = 1000 * float(done.stdout.rstrip().rpartition(": ")[2].removesuffix(" kWh"))
    assert abs(found["total"]["saved_wh"] - true_wh) <= found["total"]["u95_wh"]
    named = {item["code"] for item in found["attention"]}
    assert {"gateway_silent", "alarm_of_motor", "lake_file_unreadable"} <= named
    rows = json.loads(invoke("fleet", "query", "coverage", "--lake", str(folder / "lake"), "--json").stdout)["rows"]
    assert {row["gateway"] for row in rows} == {"gw-0001"}, "the file of gw-0002 is damaged, gw-0003 is silent"


def test_an_existing_folder_is_not_overwritten(tmp_path: Path) -> None:
    assert invoke("fleet", "demo", "--folder", str(tmp_path)).exit_code == 2
    assert list(tmp_path.iterdir()) == []
