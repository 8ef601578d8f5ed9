"""The load of a bus, calculated from characters: the same in `check` and `plan`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.acquisition.poll_plan import BUS_OVERLOADED, RETRY_MARGIN_MISSING
from agent.cli import main

PLANT = """
[site]
id = "x"
gateway = "gw"
[store]
state_dir = "state"
[bus.line]
serial = "/dev/ttyUSB9"
line = "9600 8N1"
poll_interval = "{every}"
"""
METER = """
[meter.m{unit}]
bus = "line"
unit_id = {unit}
profile = "eastron/sdm630"
measuring_point = "feeder"
class = "1"
"""


def invoke(folder: Path, command: str, every: str, units: int, *options: str) -> Result:
    file = folder / "plant.toml"
    file.write_text(PLANT.format(every=every) + "".join(METER.format(unit=1 + number) for number in range(units)))
    return CliRunner().invoke(main, [command, str(file), *options])


def test_check_reports_a_bus_that_cannot_carry_its_requests(tmp_path: Path) -> None:
    done = invoke(tmp_path, "check", "1s", 6, "--json")
    assert done.exit_code == 1
    (found,) = [row for row in map(json.loads, done.stdout.splitlines()) if row["level"] == "finding"]
    assert (found["key"], found["reason"]["code"]) == ("bus.line.poll_interval", BUS_OVERLOADED)
    assert found["reason"]["data"]["utilization"] > 1
    fitting = f"{found['reason']['data']['interval_s']:.1f}s"
    assert invoke(tmp_path, "check", fitting, 6).exit_code == 0
    assert invoke(tmp_path, "plan", fitting, 6).exit_code == 0, "the proposed interval has margin for retries"
    done = invoke(tmp_path, "plan", "1s", 6, "--json")
    assert done.exit_code == 1
    assert RETRY_MARGIN_MISSING in [reason["code"] for reason in json.loads(done.stdout)["problems"]]


@pytest.mark.text
def test_check_ends_with_a_summary(tmp_path: Path) -> None:
    output = invoke(tmp_path, "check", "1s", 6).output
    assert output.rstrip().endswith("1 bus, 6 meters, 0 drives, 0 motors; 1 finding")
    (finding,) = [line for line in output.splitlines() if line.startswith("finding")]
    assert re.search(r'plant\.toml:10: bus\.line\.poll_interval: .* poll_interval = "[\d.]+s" or more', finding)


@pytest.mark.parametrize("every", ["1s", "2s"])
def test_the_load_is_that_of_the_characters(tmp_path: Path, every: str) -> None:
    """10 bits a character at 9600 baud: the fast blocks of one meter alone are less than the load."""
    text = invoke(tmp_path, "plan", every, 1).output
    rows = re.findall(r"m1 +(fast|normal|slow|once) +\d+ +\d+ +(\d+) +\d+ +([\d.]+) ms +(\S+)", text)
    fast = sum((8 + 5 + 2 * int(count)) * 10 / 9600 for group, count, *_ in rows if group == "fast")
    assert fast
    found = json.loads(invoke(tmp_path, "plan", every, 1, "--json").stdout)
    assert found["utilization_pct"] / 100 > fast / float(every[:-1])
    assert f"{found['utilization_pct']:.0f} %" in text
    assert len(rows) == len(found["blocks"])
    for _, count, time_ms, _ in rows:
        assert float(time_ms) / 1000 > (8 + 5 + 2 * int(count)) * 10 / 9600
