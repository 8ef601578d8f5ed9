"""What a wire can carry: arithmetic of characters, told by `check` and `plan` alike."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

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


def invoke(folder: Path, command: str, every: str, units: int) -> Result:
    file = folder / "plant.toml"
    file.write_text(PLANT.format(every=every) + "".join(METER.format(unit=1 + number) for number in range(units)))
    return CliRunner().invoke(main, [command, str(file)])


def test_check_names_a_line_that_cannot_carry_what_is_asked(tmp_path: Path) -> None:
    done = invoke(tmp_path, "check", "1s", 6)
    assert done.exit_code == 1
    (found,) = [line for line in done.output.splitlines() if line.startswith("finding")]
    assert "bus.line.poll_interval" in found
    assert done.output.rstrip().endswith("1 bus, 6 meters, 0 drives, 0 motors; 1 finding")
    (fits,) = re.findall(r'poll_interval = "(.*?)"', found)
    assert invoke(tmp_path, "check", fits, 6).exit_code == 0
    assert invoke(tmp_path, "plan", fits, 6).exit_code == 0, "what is proposed leaves room for retries too"


@pytest.mark.parametrize("every", ["1s", "2s"])
def test_the_load_is_that_of_the_characters(tmp_path: Path, every: str) -> None:
    """10 bits a character at 9600 baud: the fast blocks of one meter, once each period, are less than the whole."""
    text = invoke(tmp_path, "plan", every, 1).output
    rows = re.findall(r"m1 +(fast|normal|slow|once) +\d+ +\d+ +(\d+) +\d+ +([\d.]+) +(\S+)", text)
    fast = sum((8 + 5 + 2 * int(count)) * 10 / 9600 for group, count, *_ in rows if group == "fast")
    (load,) = re.findall(r"load (\d+) %", text)
    assert float(load) / 100 > fast / float(every[:-1])
    for _, count, wire_ms, _ in rows:
        assert float(wire_ms) / 1000 > (8 + 5 + 2 * int(count)) * 10 / 9600
