"""The configuration: all problems at once, each with file, key, value and the right word; the notes."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from configkit import at_input, bus, drive, load_told, magnet, meter, motor, problems, site

from agent.cli import main
from agent.config_load import load_config
from agent.savings.reasons import PERIOD_ORDER

BASE = site() + bus(tcp="192.0.2.40:502")
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
poll_interval = "1 sec"

[bus.south]
tcp = "192.0.2.40:502"

[meter.m1]
bus = "south"
unit_id = 300
profile = "eastron/sdm360"
measuring_point = "drive-output"
class = "0.5S"

[meter.m2]
bus = "suoth"
unit_id = 2
profil = "eastron/sdm630"
measuring_point = "drive-input"
class = "0.5S"
"""


def test_ten_mistakes_are_ten_findings(tmp_path: Path) -> None:
    found = problems(tmp_path, TEN_MISTAKES)
    expected = [
        'site.id = "Mill 2"',
        "site.timezone = \"Asia/Shangai\": no such time zone; did you mean 'Asia/Shanghai'?",
        'mqtt.url = "http://broker:1883"',
        'bus.north.line = "19200 8X1"',
        'bus.north.poll_interval = "1 sec"',
        "meter.m1.unit_id = 300",
        "meter.m1.profile = \"eastron/sdm360\": no such profile; did you mean 'eastron/sdm630'?",
        'meter.m1.measuring_point = "drive-output": refused',
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
        (BASE + "[metre.x]\nbus = 'b'\n", "unknown table; did you mean 'meter'?"),
        (BASE + at_input("A b"), "not valid TOML"),
        (BASE + at_input('"ä"'), "the name must be"),
        (BASE + at_input("m") + magnet("p", "m"), "cannot run direct on line"),
        (BASE + meter("m") + drive("d", "m"), 'that place is called "drive-input"'),
        (BASE + at_input("m") + drive("d", "m", unit_id=1), "meter.m on bus b has it already"),
        (BASE + at_input("m") + drive("m", "m"), "the name is taken by meter.m"),
        (BASE + at_input("m") + drive("d", "m") + at_input("n", 3, fed_by="d"), "refused: a mains meter reads wrong"),
        (BASE + meter("m", profile="yaskawa/ga800"), "is a drive's profile"),
        (BASE + drive("d", "m", profile="eastron/sdm630"), "no such meter"),
        (BASE + "[bus.c]\ntcp = '192.0.2.40'\n", "bus.b uses 192.0.2.40:502 already"),
        (BASE + "[bus.c]\n", "needs either serial or tcp"),
        (BASE + "[bus.c]\nserial = '/dev/ttyUSB0'\n", "bus.c.line: missing"),
        (BASE + "[mqtt]\nurl = 'mqtt://me:secret@broker'\n", "put them into user and password_file"),
        (BASE + "[mqtt]\nurl = 'mqtt://broker'\npassword = 'x'\n", "did you mean 'password_file'?"),
        (BASE + at_input("m", ct="400:5"), "not a ratio"),
        (BASE + at_input("m", fed_by="m"), "the meter feeds itself: m ← m"),
        (BASE + at_input("m", fed_by="n") + at_input("n", 2, fed_by="m"), "the meter feeds itself: m ← n ← m"),
        (BASE + "[bus.c]\nserial = '/dev/x'\nline = '9600 8N1'\nframing = 'tcp'\n", "a serial line carries Modbus RTU"),
        (BASE + '[store]\nstate_dir = "a\\u0000b"\n', "holds a control character"),
        (BASE.replace('"mill-2"', "0x" + "f" * 5000), "site.id = …: must be 1 to 64"),
        (BASE.replace("[bus", "timezone = '" + "a" * 5000 + "'\n[bus"), "no such time zone"),
        (BASE.replace("[bus", "timezone = 'Asia'\n[bus"), "no such time zone"),
        ("x = " + "[" * 2000 + "]" * 2000, "nested too deep"),
        ("x = " + "9" * 5000, "not valid TOML"),
    ],
)
def test_one_mistake_one_line(tmp_path: Path, text: str, expected: str) -> None:
    found = problems(tmp_path, text)
    assert len([line for line in found if expected in line]) == 1, found


@pytest.mark.parametrize("word", ["['south']", "{a = 1}", "7", "[['south']]", "true", "1979-05-27"])
@pytest.mark.parametrize(
    ("kind", "key"),
    [("meter", "bus"), ("meter", "unit_id"), ("meter", "fed_by"), ("meter", "profile"), ("meter", "measuring_point"),
     ("drive", "bus"), ("drive", "fed_by"), ("drive", "comm_loss"), ("motor", "fed_by"), ("motor", "kind"),
     ("motor", "waveform"), ("signal", "motor"), ("signal", "bus")],
)  # fmt: skip
def test_a_value_of_another_kind_is_a_problem_and_no_more(tmp_path: Path, kind: str, key: str, word: str) -> None:
    signal = '[signal.s]\nbus = "b"\nunit_id = 3\naddress = 1\ntype = "u16"\nunit_of_measure = "m3/h"\nmotor = "p"\n'
    parts = {"meter": at_input("m"), "drive": drive("d", "m"), "motor": magnet("p", "d"), "signal": signal}
    kept = [line for line in parts[kind].splitlines() if not line.startswith(f"{key} ")]
    parts[kind] = "\n".join([*kept, f"{key} = {word}"]) + "\n"
    name = {"meter": "m", "drive": "d", "motor": "p", "signal": "s"}[kind]
    if (key, word) == ("unit_id", "7"):
        load_told(tmp_path, BASE + "".join(parts.values()))
        return
    found = problems(tmp_path, BASE + "".join(parts.values()))
    assert all(line.startswith(f"plant.toml: {kind}.{name}.{key}") for line in found), found


@pytest.mark.parametrize("text", ["x = " + "[" * 2000, "x = " + "9" * 5000, '"a\\nb" = 1', BASE + '[meter."a\\nb"]\n'])
def test_what_trips_the_parser_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "plant.toml").write_text(text)
    done = CliRunner().invoke(main, ["check", str(tmp_path / "plant.toml")])
    assert done.exit_code == 2
    assert isinstance(done.exception, SystemExit)
    for line in done.output.splitlines()[:-1]:
        assert line.startswith("plant.toml: ")


def test_a_file_of_notepad(tmp_path: Path) -> None:
    (tmp_path / "plant.toml").write_text(BASE + at_input("m"), encoding="utf-8-sig")
    assert load_config(tmp_path / "plant.toml")[0].site.id == "mill-2"


@pytest.mark.parametrize(
    ("text", "expected"), [(BASE.partition("[bus")[0], "bus: none"), (BASE, "there is nothing to poll")]
)
def test_a_plant_in_which_nothing_is_polled_is_a_finding(tmp_path: Path, text: str, expected: str) -> None:
    _, report = load_told(tmp_path, text)
    assert len(report.findings) == 1
    assert expected in report.findings[0]
    assert CliRunner().invoke(main, ["check", str(tmp_path / "plant.toml")]).exit_code == 1


def test_the_place_of_a_waveform_is_a_note(tmp_path: Path) -> None:
    text = (
        BASE
        + at_input("m")
        + drive("d", "m")
        + magnet("p", "d", waveform={"tcp": "a:7000", "measuring_point": "motor"})
    )
    notes = load_told(tmp_path, text)[1].notes
    assert [line for line in notes if "motor.p.waveform.measuring_point: accepted" in line]


def test_phases_that_cannot_follow_each_other_are_a_problem(tmp_path: Path) -> None:
    text = BASE + at_input("m") + drive("d", "m") + magnet("p", "d")
    good = text + "periods = { baseline = 2026-09-01, reporting = 2026-09-20, end = 2027-09-20 }\n"
    assert [name for name, _ in load_told(tmp_path, good)[0].motors["p"].periods] == ["baseline", "reporting", "end"]
    (only,) = problems(tmp_path, text + "periods = { baseline = 2026-09-20, reporting = 2026-09-01 }\n")
    assert only.endswith(f"motor.p.periods: {PERIOD_ORDER(later='reporting', earlier='baseline')}")
    assert any(
        "did you mean 'reporting'" in line
        for line in problems(tmp_path, text + "periods = { reportin = 2026-09-01 }\n")
    )


def test_the_example_of_the_docs_is_accepted(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    example = page.split("```toml\n", 1)[1].split("```", 1)[0]
    config, report = load_told(tmp_path, example)
    assert config.motors["descaler-pump-1"].title == "1#除鳞泵"
    assert not any("energy_price" in note or "grid_factor" in note for note in report.notes), "reports use both"


def test_a_meter_that_does_not_tell_its_ratio_is_named(tmp_path: Path) -> None:
    """Where the map has the ratio, commissioning reads it."""
    ct = 'ct = "150/5"\nct_class = "0.5"\n'
    for profile, count in (("eastron/sdm630", 1), ("chint/dtsu666", 0)):
        text = BASE + at_input("m", profile=profile) + ct
        notes = [note for note in load_told(tmp_path, text)[1].notes if "meter.m.ratio_applied_by" in note]
        assert len(notes) == count, profile


def test_the_certificate_of_transformers_in_the_place_of_their_class(tmp_path: Path) -> None:
    begin = BASE + at_input("m") + 'ct = "150/5"\n'
    for text, kept in (("0.5", "0.5"), ("0.050%, 2.0 min", "0.05 % 2'"), ("0.05 % 2'", "0.05 % 2'")):
        assert load_told(tmp_path, f'{begin}ct_class = "{text}"\n')[0].meters["m"].ct_class == kept
    [line] = problems(tmp_path, f'{begin}ct_class = "0.2 S"\n')
    assert "did you mean '0.2S'" in line
    assert "0.05 % 2'" in line
    assert any("ct_class" in line for line in problems(tmp_path, f"{begin}ct_class = 0.5\n"))


@pytest.mark.parametrize("table", ["motor", "tariff"])
def test_a_moment_is_no_day(tmp_path: Path, table: str) -> None:
    """TOML's date-times are dates for Python, and never equal to one: a holiday would be priced as a working day."""
    text = BASE + meter("m") + motor("p", "m")
    text += {"motor": "periods = { baseline = 2026-09-01T00:00:00 }\n",
             "tariff": "[tariff]\nprices = { a = 1.0 }\nholidays = [2026-10-01T00:00:00]\n"}[table]  # fmt: skip
    assert any("must be a date" in line for line in problems(tmp_path, text))


def test_every_problem_line_is_one_line(tmp_path: Path) -> None:
    for line in problems(tmp_path, TEN_MISTAKES):
        assert "\n" not in line
