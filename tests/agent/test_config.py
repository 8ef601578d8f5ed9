"""The configuration: all problems at once, each with file, key, value and the right word; the plant as a graph."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli import main
from agent.config import Config, ConfigError, load_config
from agent.schema import Report
from agent.topology import assets, polled_devices

BASE = """
[site]
id = "mill-2"
gateway = "gw-07"

[bus.south]
tcp = "192.0.2.40:502"
"""

METER = """
[meter.{name}]
bus = "south"
unit = {unit}
profile = "schneider/pm5000"
at = "{at}"
class = "0.5S"
"""

DRIVE = """
[drive.{name}]
bus = "south"
unit = {unit}
profile = "yaskawa/ga800"
fed_by = "{fed_by}"
comm_loss = "not used"
"""

MOTOR = """
[motor.{name}]
kind = "{kind}"
kw = {kw}
rpm = 1500
poles = 4
volts = 380
fed_by = "{fed_by}"
"""


def load(tmp_path: Path, text: str) -> tuple[Config, Report]:
    file = tmp_path / "plant.toml"
    file.write_text(text, encoding="utf-8")
    return load_config(file)


def problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    return caught.value.problems


def meter(name: str, unit: int = 1, at: str = "drive-input") -> str:
    return METER.format(name=name, unit=unit, at=at)


def drive(name: str, fed_by: str, unit: int = 2) -> str:
    return DRIVE.format(name=name, fed_by=fed_by, unit=unit)


def motor(name: str, fed_by: str, kind: str = "pm", kw: float = 100) -> str:
    return MOTOR.format(name=name, fed_by=fed_by, kind=kind, kw=kw)


TEN_MISTAKES = """
[site]
id = "Mill 2"
gateway = "gw-07"
timezone = "Asia/Shangai"

[mqtt]
url = "http://broker:1883"

[bus.north]
serial = "/dev/ttyUSB0"
line = "19200 8X1"
every = "1 sec"

[bus.south]
tcp = "192.0.2.40:502"

[meter.m1]
bus = "south"
unit = 300
profile = "eastron/sdm360"
at = "drive-output"
class = "0.5S"

[meter.m2]
bus = "suoth"
unit = 2
profil = "eastron/sdm630"
at = "drive-input"
class = "0.5S"
"""


def test_ten_mistakes_are_ten_findings(tmp_path: Path) -> None:
    found = problems(tmp_path, TEN_MISTAKES)
    expected = [
        'site.id = "Mill 2"',
        "site.timezone = \"Asia/Shangai\": no such time zone; did you mean 'Asia/Shanghai'?",
        'mqtt.url = "http://broker:1883"',
        'bus.north.line = "19200 8X1"',
        'bus.north.every = "1 sec"',
        "meter.m1.unit = 300",
        "meter.m1.profile = \"eastron/sdm360\": no such profile; did you mean 'eastron/sdm630'?",
        'meter.m1.at = "drive-output": refused',
        "meter.m2.profil = \"eastron/sdm630\": unknown key; did you mean 'profile'?",
        "meter.m2.bus = \"suoth\": no such bus; did you mean 'south'?",
    ]
    assert len(found) == len(expected)
    for line, start in zip(found, expected, strict=True):
        assert line.startswith(f"plant.toml: {start}"), line


def test_check_says_them_and_exits_2(tmp_path: Path) -> None:
    (tmp_path / "plant.toml").write_text(TEN_MISTAKES)
    done = CliRunner().invoke(main, ["check", str(tmp_path / "plant.toml")])
    assert done.exit_code == 2
    assert len([line for line in done.output.splitlines() if line.startswith("plant.toml: ")]) == 10


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "site: missing"),
        ("this is no toml", "not valid TOML"),
        ("site = 3", "must be a table"),
        (BASE + "[metre.x]\nbus = 'south'\n", "unknown table; did you mean 'meter'?"),
        (BASE + meter("A b"), "not valid TOML"),
        (BASE + meter('"ä"'), "the name must be"),
        (BASE + meter("m") + motor("p", "m", "pm"), "cannot run direct on line"),
        (BASE + meter("m", at="motor") + drive("d", "m"), 'that place is called "drive-input"'),
        (BASE + meter("m") + drive("d", "m", unit=1), "meter.m on bus south has it already"),
        (BASE + meter("m") + drive("m", "m"), "the name is taken by meter.m"),
        (BASE + meter("m") + drive("d", "m") + meter("n", 3) + "fed_by = 'd'\n", "refused: a mains meter reads wrong"),
        (BASE + meter("m").replace("schneider/pm5000", "yaskawa/ga800"), "is a drive's profile"),
        (BASE + drive("d", "m").replace("yaskawa/ga800", "eastron/sdm630"), "no such meter"),
        (BASE + "[bus.b]\ntcp = '192.0.2.40'\n", "bus.south uses 192.0.2.40:502 already"),
        (BASE + "[bus.b]\n", "needs either serial or tcp"),
        (BASE + "[bus.b]\nserial = '/dev/ttyUSB0'\n", "bus.b.line: missing"),
        (BASE + "[mqtt]\nurl = 'mqtt://me:secret@broker'\n", "put them into user and password_file"),
        (BASE + "[mqtt]\nurl = 'mqtt://broker'\npassword = 'x'\n", "did you mean 'password_file'?"),
        (BASE + meter("m") + "ct = '400:5'\n", "not a ratio"),
    ],
)
def test_one_mistake_one_line(tmp_path: Path, text: str, expected: str) -> None:
    found = problems(tmp_path, text)
    assert len([line for line in found if expected in line]) == 1, found


def test_secrets_are_never_in_the_file_nor_in_its_problems(tmp_path: Path) -> None:
    found = problems(tmp_path, BASE + "[mqtt]\nurl = 'mqtt://me:hunter2@broker'\npassword = 'hunter2'\n")
    assert not any("hunter2" in line for line in found)


def test_the_example_of_the_docs_is_accepted(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    example = page.split("```toml\n", 1)[1].split("```", 1)[0]
    config, report = load(tmp_path, example)
    assert config.motors["descaler-pump-1"].title == "1#除鳞泵"
    notes = "\n".join(report.notes)
    for unbuilt in ("energy_price", "grid_factor", "sparkplug", "homeassistant", "losses", "replaces", "signal."):
        assert unbuilt in notes, f"{unbuilt} is accepted but not named as not built yet"


def test_a_watchdog_nobody_looked_at_is_a_finding_and_the_drive_is_not_polled(tmp_path: Path) -> None:
    text = BASE + meter("m") + drive("d", "m").replace('comm_loss = "not used"\n', "") + motor("p", "d")
    config, report = load(tmp_path, text)
    assert len(report.findings) == 1
    assert "drive.d.comm_loss: not stated" in report.findings[0]
    assert "H5-0" in report.findings[0]  # the profile names the parameter to look at
    assert [item.name for item in polled_devices(config)] == ["m"]
    done = CliRunner().invoke(main, ["check", str(tmp_path / "plant.toml")])
    assert done.exit_code == 1


def test_a_motor_with_a_meter_only(tmp_path: Path) -> None:
    config, _ = load(tmp_path, BASE + meter("m", at="motor") + motor("p", "m", "induction"))
    (only,) = assets(config)
    assert only.meter is not None
    assert (only.name, only.meter.name, only.drive, only.shared) == ("p", "m", None, False)


def test_two_drives_behind_one_meter_share_it_by_their_power(tmp_path: Path) -> None:
    text = BASE + meter("m") + drive("d1", "m", 2) + drive("d2", "m", 3) + motor("p1", "d1") + motor("p2", "d2")
    config, _ = load(tmp_path, text)
    found = {asset.name: asset for asset in assets(config)}
    assert set(found) == {"p1", "p2", "m"}, "the shared meter is an asset of its own"
    assert found["p1"].rule == "drive-power"
    assert found["p1"].shared
    assert [branch.name for branch in found["p1"].branches] == ["d1", "d2"]


def test_a_motor_direct_on_line_beside_a_drive_is_shared_by_rating(tmp_path: Path) -> None:
    text = BASE + meter("m", at="feeder") + drive("d", "m") + motor("p1", "d") + motor("p2", "m", "induction", 50)
    config, _ = load(tmp_path, text)
    found = {asset.name: asset for asset in assets(config)}
    assert found["p2"].rule == "rated-power"
    assert {branch.name: branch.rated_kw for branch in found["p2"].branches} == {"d": 100, "p2": 50}


def test_two_motors_behind_one_drive_share_it_by_rating(tmp_path: Path) -> None:
    text = BASE + meter("m") + drive("d", "m") + motor("p1", "d", kw=30) + motor("p2", "d", kw=10)
    config, _ = load(tmp_path, text)
    found = {asset.name: asset for asset in assets(config)}
    assert (found["p1"].drive_share, found["p2"].drive_share) == (0.75, 0.25)
    assert found["p1"].shared


def test_every_problem_line_is_one_line(tmp_path: Path) -> None:
    for line in problems(tmp_path, TEN_MISTAKES):
        assert "\n" not in line
