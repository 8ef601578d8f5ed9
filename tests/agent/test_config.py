"""The configuration: all problems at once, each with file, key, value and the right word; the plant as a graph."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli import main
from agent.clock import SystemClock
from agent.config import Config, ConfigError, load_config
from agent.poll import pollers
from agent.schema import Report
from agent.topology import assets, polled_devices
from drivers.profiles import set_profile_folders

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
        (BASE + meter("m") + "fed_by = 'm'\n", "the meter feeds itself: m ← m"),
        (BASE + meter("m") + "fed_by = 'n'\n" + meter("n", 2) + "fed_by = 'm'\n", "the meter feeds itself: m ← n ← m"),
        (BASE + "[bus.b]\nserial = '/dev/x'\nline = '9600 8N1'\nframing = 'tcp'\n", "a serial line carries Modbus RTU"),
        (BASE + '[store]\ndir = "a\\u0000b"\n', "holds a control character"),
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


def test_secrets_are_never_in_the_file_nor_in_its_problems(tmp_path: Path) -> None:
    found = problems(tmp_path, BASE + "[mqtt]\nurl = 'mqtt://me:hunter2@broker'\npassword = 'hunter2'\n")
    assert not any("hunter2" in line for line in found)


@pytest.mark.parametrize("word", ["['south']", "{a = 1}", "7", "[['south']]", "true", "1979-05-27"])
@pytest.mark.parametrize(
    ("kind", "key"),
    [("meter", "bus"), ("meter", "unit"), ("meter", "fed_by"), ("meter", "profile"), ("meter", "at"), ("drive", "bus"),
     ("drive", "fed_by"), ("drive", "comm_loss"), ("motor", "fed_by"), ("motor", "kind"), ("motor", "waveform"),
     ("signal", "of"), ("signal", "bus")],
)  # fmt: skip
def test_a_value_of_another_kind_is_a_problem_and_no_more(tmp_path: Path, kind: str, key: str, word: str) -> None:
    signal = '[signal.s]\nbus = "south"\nunit = 3\naddress = 1\ntype = "u16"\nunit_of_measure = "m3/h"\nof = "p"\n'
    parts = {"meter": meter("m"), "drive": drive("d", "m"), "motor": motor("p", "d"), "signal": signal}
    kept = [line for line in parts[kind].splitlines() if not line.startswith(f"{key} ")]
    parts[kind] = "\n".join([*kept, f"{key} = {word}"]) + "\n"
    name = {"meter": "m", "drive": "d", "motor": "p", "signal": "s"}[kind]
    if (key, word) == ("unit", "7"):
        load(tmp_path, BASE + "".join(parts.values()))
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
    (tmp_path / "plant.toml").write_text(BASE + meter("m"), encoding="utf-8-sig")
    assert load_config(tmp_path / "plant.toml")[0].site.id == "mill-2"


@pytest.mark.parametrize(
    "key", ["pass", "passwort", "passwd", "pwd", "secret", "secret_key", "token", "Password", "passwords"]
)
@pytest.mark.parametrize("value", ["'hunter2'", "['hunter2']", "{a = 'hunter2'}"])
def test_a_password_under_a_near_key_is_not_shown(tmp_path: Path, key: str, value: str) -> None:
    found = problems(tmp_path, BASE + f"[mqtt]\nurl = 'mqtt://broker'\n{key} = {value}\n")
    assert len(found) == 1
    assert f"mqtt.{key} = ***: unknown key" in found[0]


@pytest.mark.parametrize(
    "line", ["also = [{password = 'hunter2'}]", "url = 'mqtt://me:hunter2/@b'", "user = {password = 'hunter2'}"]
)
def test_a_password_inside_another_value_is_not_shown(tmp_path: Path, line: str) -> None:
    found = problems(tmp_path, BASE + "[mqtt]\n" + ("" if "url" in line else "url = 'mqtt://b'\n") + line + "\n")
    assert not any("hunter2" in item for item in found), found


@pytest.mark.parametrize(("mode", "count"), [(0o600, 0), (0o400, 0), (0o640, 1), (0o604, 1), (0o644, 1)])
def test_a_password_that_others_may_read_is_a_finding(tmp_path: Path, mode: int, count: int) -> None:
    (tmp_path / "secret").write_text("hunter2")
    (tmp_path / "secret").chmod(mode)
    text = BASE + meter("m") + "[mqtt]\nurl = 'mqtt://b'\nuser = 'gw'\npassword_file = 'secret'\n"
    _, report = load(tmp_path, text)
    assert len(report.findings) == count
    assert all(f"mode {mode:04o}" in line for line in report.findings)
    assert CliRunner().invoke(main, ["check", str(tmp_path / "plant.toml")]).exit_code == count


@pytest.mark.parametrize(
    ("text", "expected"), [(BASE.partition("[bus")[0], "bus: none"), (BASE, "there is nothing to poll")]
)
def test_a_plant_in_which_nothing_is_polled_is_a_finding(tmp_path: Path, text: str, expected: str) -> None:
    _, report = load(tmp_path, text)
    assert len(report.findings) == 1
    assert expected in report.findings[0]
    assert CliRunner().invoke(main, ["check", str(tmp_path / "plant.toml")]).exit_code == 1


def test_meters_in_a_row_are_no_loop(tmp_path: Path) -> None:
    text = BASE + meter("a") + "fed_by = 'b'\n" + meter("b", 2) + "fed_by = 'c'\n" + meter("c", 3)
    assert load(tmp_path, text)[1].problems == []


def test_a_loop_is_told_once_and_not_by_those_that_hang_on_it(tmp_path: Path) -> None:
    text = BASE + meter("a") + "fed_by = 'b'\n" + meter("b", 2) + "fed_by = 'c'\n" + meter("c", 3) + "fed_by = 'b'\n"
    (only,) = problems(tmp_path, text)
    assert "meter.b.fed_by" in only


def test_the_place_of_a_waveform_is_a_note(tmp_path: Path) -> None:
    text = BASE + meter("m") + drive("d", "m") + motor("p", "d") + '[motor.p.waveform]\ntcp = "a:7000"\nat = "motor"\n'
    notes = load(tmp_path, text)[1].notes
    assert [line for line in notes if "motor.p.waveform.at: accepted" in line]


def test_phases_that_cannot_follow_each_other_are_a_problem(tmp_path: Path) -> None:
    text = BASE + meter("m") + drive("d", "m") + motor("p", "d")
    good = text + "phases = { baseline = 2026-09-01, reporting = 2026-09-20, end = 2027-09-20 }\n"
    assert [name for name, _ in load(tmp_path, good)[0].motors["p"].phases] == ["baseline", "reporting", "end"]
    (only,) = problems(tmp_path, text + "phases = { baseline = 2026-09-20, reporting = 2026-09-01 }\n")
    assert "motor.p.phases: reporting must begin after baseline" in only
    assert any(
        "did you mean 'reporting'" in line for line in problems(tmp_path, text + "phases = { reportin = 2026-09-01 }\n")
    )


def test_the_example_of_the_docs_is_accepted(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    example = page.split("```toml\n", 1)[1].split("```", 1)[0]
    config, report = load(tmp_path, example)
    assert config.motors["descaler-pump-1"].title == "1#除鳞泵"
    assert not any("energy_price" in note or "grid_factor" in note for note in report.notes), "reports use both"


def test_a_meter_that_does_not_tell_its_ratio_is_named(tmp_path: Path) -> None:
    """Where the map has the ratio, commissioning reads it."""
    ct = 'ct = "150/5"\nct_class = "0.5"\n'
    for profile, count in (("eastron/sdm630", 1), ("chint/dtsu666", 0)):
        text = BASE + re.sub(r"profile = .*", f'profile = "{profile}"', meter("m")) + ct
        notes = [note for note in load(tmp_path, text)[1].notes if "meter.m.ratio_in" in note]
        assert len(notes) == count, profile


def test_the_certificate_of_transformers_in_the_place_of_their_class(tmp_path: Path) -> None:
    begin = BASE + meter("m") + 'ct = "150/5"\n'
    for text, kept in (("0.5", "0.5"), ("0.050%, 2.0 min", "0.05 % 2'"), ("0.05 % 2'", "0.05 % 2'")):
        assert load(tmp_path, f'{begin}ct_class = "{text}"\n')[0].meters["m"].ct_class == kept
    [line] = problems(tmp_path, f'{begin}ct_class = "0.2 S"\n')
    assert "did you mean '0.2S'" in line
    assert "0.05 % 2'" in line
    assert any("ct_class" in line for line in problems(tmp_path, f"{begin}ct_class = 0.5\n"))


@pytest.mark.parametrize("table", ["motor", "tariff"])
def test_a_moment_is_no_day(tmp_path: Path, table: str) -> None:
    """TOML's date-times are dates for Python, and never equal to one: a holiday would be priced as a working day."""
    text = BASE + meter("m", at="motor") + motor("p", "m", "induction")
    text += {"motor": "phases = { baseline = 2026-09-01T00:00:00 }\n",
             "tariff": "[tariff]\nprices = { a = 1.0 }\nholidays = [2026-10-01T00:00:00]\n"}[table]  # fmt: skip
    assert any("must be a date" in line for line in problems(tmp_path, text))


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


OWN_PROFILE = """
schema = 1
[device]
id = "acme/p9"
vendor = "Acme"
model = "P9"
kind = "meter"
confidence = "one_source"
[protocol]
transports = ["tcp"]
function_code = 3
max_registers = 20
word_order = "big"
byte_order = "big"
addressing = "as printed"
dialect = "modbus"
max_registers_basis = "documented"
min_gap_ms = 0
timeout_ms = 500
refresh_ms = 1000
reads_across_gaps = "unknown"
[protocol.tcp]
port = 502
unit_id = 1
[[register]]
name = "active_power"
address = 7
type = "i32"
scale = 0.1
unit = "W"
poll = "fast"
[[source]]
kind = "vendor_manual_page"
ref = "Acme P9 manual, page 12"
covers = "all"
"""
OWN = """
[site]
id = "s"
gateway = "g"
profiles = "maps"
[bus.b]
tcp = "127.0.0.1:502"
[meter.m]
bus = "b"
unit = 1
profile = "acme/p9"
at = "feeder"
class = "0.5"
"""


def test_a_folder_of_own_profiles(tmp_path: Path) -> None:
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "p9.toml").write_text(OWN_PROFILE, encoding="utf-8")
    (tmp_path / "plant.toml").write_text(OWN, encoding="utf-8")
    try:
        config, _ = load_config(tmp_path / "plant.toml")
        assert config.meters["m"].profile == "acme/p9"
        (poller,) = pollers(config, SystemClock(), lambda reading: None)
        assert [(b.function, b.address, b.count) for b in poller.devices[0].device.blocks()] == [(3, 7, 2)]
    finally:
        set_profile_folders(())


def test_a_folder_of_own_profiles_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "plant.toml").write_text(OWN, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load_config(tmp_path / "plant.toml")
    assert any("site.profiles" in line and "no such folder" in line for line in refused.value.problems)
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "p9.toml").write_text(OWN_PROFILE.replace("active_power", "activ_power"), encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load_config(tmp_path / "plant.toml")
    set_profile_folders(())
    assert any("activ_power" in line and "did you mean 'active_power'" in line for line in refused.value.problems)
