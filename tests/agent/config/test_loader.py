"""The configuration: all problems in one report, each with line, key, value and correction; findings and notes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from support.config_text import at_input, bus, drive, load_all, magnet, meter, motor, problems, site

from agent.cli import main
from agent.config import reasons as codes
from agent.config.loader import load_config
from agent.config.reasons import PERIOD_ORDER
from agent.config.schema import Diagnostic
from agent.core.text import text_of
from drivers.file_reasons import (
    DID_YOU_MEAN,
    INVALID_TOML,
    KEY_UNKNOWN,
    TABLE_EXPECTED,
    TOML_INTEGER_TOO_LARGE,
    TOML_TOO_DEEP,
)
from drivers.reasons import Code, Reason
from drivers.toml_lines import key_lines, line_of
from drivers.toml_reasons import TOML_KEY_CHARACTERS, TOML_STATEMENT_EXPECTED
from dsp.efficiency_meter import METER_CLASSES

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
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
    assert problems(tmp_path, TEN_MISTAKES) == [
        Diagnostic("problem", "plant.toml", line, key, value, reason)
        for line, key, value, reason in (
            (3, "site.id", '"Mill 2"', codes.IDENTIFIER_EXPECTED()),
            (
                5,
                "site.timezone",
                '"Asia/Shangai"',
                DID_YOU_MEAN(problem=codes.TIME_ZONE_UNKNOWN(), near="Asia/Shanghai"),
            ),
            (8, "mqtt.url", '"http://broker:1883"', codes.BROKER_URL_EXPECTED()),
            (12, "bus.north.line", '"19200 8X1"', codes.LINE_SETTINGS_EXPECTED()),
            (13, "bus.north.poll_interval", '"1 sec"', codes.DURATION_EXPECTED()),
            (20, "meter.m1.unit_id", "300", codes.INTEGER_LIMITS(low=1, high=255)),
            (
                21,
                "meter.m1.profile",
                '"eastron/sdm360"',
                DID_YOU_MEAN(problem=codes.CONFIG_PROFILE_UNKNOWN(), near="eastron/sdm630"),
            ),
            (22, "meter.m1.measuring_point", '"drive-output"', codes.METER_AT_DRIVE_OUTPUT()),
            (28, "meter.m2.profil", '"eastron/sdm630"', DID_YOU_MEAN(problem=KEY_UNKNOWN(), near="profile")),
            (26, "meter.m2.bus", '"suoth"', codes.REFERENCE_MISSPELLED(kind="bus", near="south")),
        )
    ]


def test_check_prints_them_and_exits_2(tmp_path: Path) -> None:
    (tmp_path / "plant.toml").write_text(TEN_MISTAKES)
    done = CliRunner().invoke(main, ["check", str(tmp_path / "plant.toml")])
    assert done.exit_code == 2
    lines = done.output.splitlines()
    assert len([line for line in lines if line.startswith("plant.toml:")]) == len(lines) - 1 == 10
    assert lines[0].startswith('plant.toml:3: site.id = "Mill 2": ')


def test_check_prints_json(tmp_path: Path) -> None:
    file = tmp_path / "plant.toml"
    file.write_text(TEN_MISTAKES)
    done = CliRunner().invoke(main, ["check", str(file), "--json"])
    assert done.exit_code == 2
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert rows == [item.as_object() for item in problems(tmp_path, TEN_MISTAKES)]
    reason = rows[1].pop("reason")
    assert rows[1] == {
        "level": "problem", "file": "plant.toml", "line": 5, "key": "site.timezone", "value": '"Asia/Shangai"',
        "source": None, "column": None,
    }  # fmt: skip
    assert (reason["code"], reason["data"]) == (
        "did_you_mean",
        {"problem": {"code": "time_zone_unknown", "data": {}}, "near": "Asia/Shanghai"},
    )
    assert reason["text"]
    file.write_text(BASE + at_input("m", ct="150/5"))
    done = CliRunner().invoke(main, ["check", str(file), "--json"])
    assert done.exit_code == 0
    assert [(row["level"], row["key"], row["reason"]["code"]) for row in map(json.loads, done.stdout.splitlines())] == [
        ("note", "meter.m.ct_class", "ct_class_assumed"),
        ("note", "meter.m.ratio_applied_by", "ratio_not_readable"),
        ("note", "meter.m.profile", "registers_disabled"),
    ]


def test_check_prints_equal_notes_once(tmp_path: Path) -> None:
    file = tmp_path / "plant.toml"
    file.write_text(BASE + at_input("m", ct="150/5") + at_input("n", ct="150/5").replace("unit_id = 1", "unit_id = 2"))
    done = CliRunner().invoke(main, ["check", str(file)])
    assert done.exit_code == 0, done.output
    (line,) = [line for line in done.stdout.splitlines() if text_of(codes.RATIO_NOT_READABLE()) in line]
    assert "meter.m.ratio_applied_by" in line
    assert "meter.n.ratio_applied_by" in line


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("", "site", codes.SITE_MISSING()),
        ("this is no toml", "", TOML_STATEMENT_EXPECTED),
        ("site = 3", "site", TABLE_EXPECTED()),
        (BASE + "[metre.x]\nbus = 'b'\n", "metre", DID_YOU_MEAN(problem=codes.CONFIG_TABLE_UNKNOWN(), near="meter")),
        (BASE + at_input("A b"), "", TOML_KEY_CHARACTERS),
        (BASE + at_input('"ä"'), "meter.ä", codes.TABLE_NAME_INVALID(cause=codes.IDENTIFIER_EXPECTED())),
        (BASE + at_input("m") + magnet("p", "m"), "motor.p.fed_by", codes.PM_WITHOUT_DRIVE()),
        (BASE + meter("m") + drive("d", "m"), "meter.m.measuring_point", codes.FEEDS_DRIVE(drive="d")),
        (BASE + at_input("m") + drive("d", "m", rectifier=False), "meter.m.measuring_point",
         codes.FEEDS_RECTIFIER(drive="d")),
        (BASE + at_input("m") + drive("d", "m", unit_id=1), "drive.d.unit_id",
         codes.UNIT_ID_TAKEN(other="meter.m", bus="b")),
        (BASE + at_input("m") + drive("m", "m"), "drive.m", codes.NAME_TAKEN(other="meter.m")),
        (BASE + at_input("m") + drive("d", "m") + at_input("n", 3, fed_by="d"), "meter.n.fed_by",
         codes.METER_AT_DRIVE_OUTPUT()),
        (BASE + meter("m", profile="yaskawa/ga800"), "meter.m.profile", codes.METER_PROFILE_EXPECTED()),
        (BASE + drive("d", "m", profile="eastron/sdm630"), "drive.d.fed_by",
         codes.REFERENCE_WITHOUT_TARGET(kind="meter")),
        (BASE + "[bus.c]\ntcp = '192.0.2.40'\n", "bus.c", codes.PORT_TAKEN(other="bus.b", port="192.0.2.40:502")),
        (BASE + "[bus.c]\n", "bus.c", codes.SERIAL_OR_TCP()),
        (BASE + "[bus.c]\nserial = '/dev/ttyUSB0'\n", "bus.c.line", codes.LINE_SETTINGS_MISSING()),
        (BASE + "[mqtt]\nurl = 'mqtt://me:secret@broker'\n", "mqtt.url", codes.URL_WITH_CREDENTIALS()),
        (BASE + "[mqtt]\nurl = 'mqtt://broker'\npassword = 'x'\n", "mqtt.password",
         DID_YOU_MEAN(problem=KEY_UNKNOWN(), near="password_file")),
        (BASE + at_input("m", ct="400:5"), "meter.m.ct", codes.RATIO_EXPECTED()),
        (BASE + at_input("m", fed_by="m"), "meter.m.fed_by", codes.FED_BY_LOOP(meters=("m",))),
        (BASE + at_input("m", fed_by="n") + at_input("n", 2, fed_by="m"), "meter.m.fed_by",
         codes.FED_BY_LOOP(meters=("m", "n"))),
        (BASE + "[bus.c]\nserial = '/dev/x'\nline = '9600 8N1'\nframing = 'tcp'\n", "bus.c.framing",
         codes.SERIAL_FRAMING()),
        (BASE + '[store]\nstate_dir = "a\\u0000b"\n', "store.state_dir", codes.CONTROL_CHARACTER()),
        (BASE.replace('"mill-2"', "0x" + "f" * 5000), "site.id", TOML_INTEGER_TOO_LARGE()),
        (BASE.replace("[bus", "timezone = '" + "a" * 5000 + "'\n[bus"), "site.timezone", codes.TIME_ZONE_UNKNOWN()),
        (BASE.replace("[bus", "timezone = 'Asia'\n[bus"), "site.timezone", DID_YOU_MEAN),
        ("x = " + "[" * 2000 + "]" * 2000, "", TOML_TOO_DEEP()),
        ("x = " + "9" * 5000, "", INVALID_TOML),
    ],
)  # fmt: skip
def test_one_mistake_one_problem(tmp_path: Path, text: str, key: str, expected: Reason | Code) -> None:
    found = problems(tmp_path, text)
    [reason] = [item.reason for item in found if item.key == key]
    assert expected in (reason, reason.code), found


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
        load_all(tmp_path, BASE + "".join(parts.values()))
        return
    found = problems(tmp_path, BASE + "".join(parts.values()))
    assert all(f"{item.key}.".startswith(f"{kind}.{name}.{key}.") for item in found), found


@pytest.mark.parametrize("text", ["x = " + "[" * 2000, "x = " + "9" * 5000, '"a\\nb" = 1', BASE + '[meter."a\\nb"]\n'])
def test_a_text_that_the_parser_rejects_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "plant.toml").write_text(text)
    done = CliRunner().invoke(main, ["check", str(tmp_path / "plant.toml")])
    assert done.exit_code == 2
    assert isinstance(done.exception, SystemExit)
    lines = done.output.splitlines()[:-1]
    assert lines
    for line in lines:
        assert line.startswith("plant.toml:")


def test_a_file_of_notepad(tmp_path: Path) -> None:
    (tmp_path / "plant.toml").write_text(BASE + at_input("m"), encoding="utf-8-sig")
    assert load_config(tmp_path / "plant.toml")[0].site.id == "mill-2"


@pytest.mark.parametrize(
    ("text", "expected"), [(BASE.partition("[bus")[0], codes.BUS_MISSING()), (BASE, codes.NO_DEVICE_TO_POLL())]
)
def test_a_plant_in_which_nothing_is_polled_is_a_finding(tmp_path: Path, text: str, expected: Reason) -> None:
    _, report = load_all(tmp_path, text)
    assert [(item.key, item.reason) for item in report.findings] == [("bus", expected)]
    assert CliRunner().invoke(main, ["check", str(tmp_path / "plant.toml")]).exit_code == 1


def test_the_place_of_a_waveform_is_a_note(tmp_path: Path) -> None:
    text = (
        BASE
        + at_input("m")
        + drive("d", "m")
        + magnet("p", "d", waveform={"tcp": "a:7000", "measuring_point": "motor"})
    )
    notes = load_all(tmp_path, text)[1].notes
    assert ("motor.p.waveform.measuring_point", codes.WAVEFORM_POINT()) in [(note.key, note.reason) for note in notes]


def test_periods_in_an_impossible_order_are_a_problem(tmp_path: Path) -> None:
    text = BASE + at_input("m") + drive("d", "m") + magnet("p", "d")
    good = text + "periods = { baseline = 2026-09-01, reporting = 2026-09-20, end = 2027-09-20 }\n"
    assert [name for name, _ in load_all(tmp_path, good)[0].motors["p"].periods] == [
        "baseline",
        "reporting",
        "end",
    ]
    (only,) = problems(tmp_path, text + "periods = { baseline = 2026-09-20, reporting = 2026-09-01 }\n")
    assert (only.key, only.reason) == ("motor.p.periods", PERIOD_ORDER(later="reporting", earlier="baseline"))
    (only,) = problems(tmp_path, text + "periods = { reportin = 2026-09-01 }\n")
    assert (only.key, only.reason) == (
        "motor.p.periods.reportin",
        DID_YOU_MEAN(problem=KEY_UNKNOWN(), near="reporting"),
    )


def test_the_example_of_the_docs_is_accepted(tmp_path: Path) -> None:
    page = REFERENCE.joinpath("configuration.md").read_text(encoding="utf-8")
    example = page.split("```toml\n", 1)[1].split("```", 1)[0]
    config, report = load_all(tmp_path, example)
    assert config.motors["descaler-pump-1"].title == "1#除鳞泵"
    keys = [item.key for item in (*report.findings, *report.notes)]
    assert not any("energy_price" in key or "grid_factor" in key for key in keys), "reports use both"


def test_the_tables_of_the_docs_are_accepted_and_show_the_defaults(tmp_path: Path) -> None:
    """Of both pages; `[site]` and `[mqtt]` of the short example are left out."""
    names = ("configuration.md", "configuration-site.md")
    pages = "".join(REFERENCE.joinpath(name).read_text(encoding="utf-8") for name in names)
    example, *tables = re.findall(r"^```toml\n(\[.*?)^```$", pages, flags=re.MULTILINE | re.DOTALL)
    text = example[example.index("[bus.north]") :] + "".join(tables)
    config, _ = load_all(tmp_path, text)
    without, defaults = re.subn(r"^\w+ = .*# default\b.*\n", "", text, flags=re.MULTILINE)
    assert defaults > 20
    same, _ = load_all(tmp_path, without)
    assert replace(same, hash=config.hash) == config


def test_a_meter_without_a_ratio_register_is_a_note(tmp_path: Path) -> None:
    """Where the map has the ratio, commissioning reads it."""
    ct = 'ct = "150/5"\nct_class = "0.5"\n'
    for profile, count in (("eastron/sdm630", 1), ("chint/dtsu666", 0)):
        text = BASE + at_input("m", profile=profile) + ct
        found = [note.reason for note in load_all(tmp_path, text)[1].notes if note.key == "meter.m.ratio_applied_by"]
        assert found == [codes.RATIO_NOT_READABLE()] * count, profile


def test_the_certificate_of_transformers_replaces_their_class(tmp_path: Path) -> None:
    begin = BASE + at_input("m") + 'ct = "150/5"\n'
    for text, kept in (("0.5", "0.5"), ("0.050%, 2.0 min", "0.05 % 2'"), ("0.05 % 2'", "0.05 % 2'")):
        assert load_all(tmp_path, f'{begin}ct_class = "{text}"\n')[0].meters["m"].ct_class == kept
    [problem] = problems(tmp_path, f'{begin}ct_class = "0.2 S"\n')
    assert problem.reason.code == DID_YOU_MEAN
    assert problem.reason.data["near"] == "0.2S"
    [problem] = problems(tmp_path, f'{begin}ct_class = "5 % 2 min"\n')
    assert problem.reason == codes.CT_LIMITS_RANGE()
    [problem] = problems(tmp_path, f"{begin}ct_class = 0.5\n")
    assert (problem.key, problem.value, problem.reason) == ("meter.m.ct_class", "0.5", codes.TEXT_EXPECTED())


def test_the_certificate_of_a_meter_replaces_its_class(tmp_path: Path) -> None:
    for text, kept in (("0.5S", "0.5S"), ("0.170%", "0.17 %"), ("0.17 %", "0.17 %")):
        assert load_all(tmp_path, BASE + at_input("m", class_=text))[0].meters["m"].accuracy_class == kept
    [problem] = problems(tmp_path, BASE + at_input("m", class_="5 %"))
    assert problem.reason == codes.METER_LIMIT_RANGE()
    [problem] = problems(tmp_path, BASE + at_input("m", class_="0.5 S"))
    assert problem.reason.data["near"] == "0.5S"


def test_voltage_transformers_have_a_class(tmp_path: Path) -> None:
    begin = BASE + at_input("m", ct="150/5", ct_class="0.5", vt="10000/100")
    for text, kept in (("0.2", "0.2"), ("0.1 % 4 min", "0.1 % 4'")):
        assert load_all(tmp_path, f'{begin}vt_class = "{text}"\n')[0].meters["m"].vt_class == kept
    [problem] = problems(tmp_path, f'{begin}vt_class = "0.5S"\n')
    assert problem.key == "meter.m.vt_class"
    assert problem.reason.code == DID_YOU_MEAN
    assert problem.reason.data["near"] == "0.5"
    config, report = load_all(tmp_path, begin)[:2]
    assert config.meters["m"].vt_class_applied == "1"
    assert [note.reason for note in report.notes if note.key == "meter.m.vt_class"] == [codes.CT_CLASS_ASSUMED()]


def test_a_class_of_voltage_transformers_without_transformers_is_a_problem(tmp_path: Path) -> None:
    [problem] = problems(tmp_path, BASE + at_input("m", vt_class="0.5"))
    assert (problem.key, problem.value, problem.reason) == ("meter.m.vt_class", '"0.5"', codes.VT_CLASS_WITHOUT_VT())


@pytest.mark.parametrize("name", ["A", "B", "C", "D", "E"])
def test_classes_of_gb_17215_321_are_accepted(tmp_path: Path, name: str) -> None:
    assert load_all(tmp_path, BASE + at_input("m", class_=name))[0].meters["m"].accuracy_class == name


@pytest.mark.parametrize("table", ["motor", "tariff"])
def test_a_time_is_rejected_where_a_date_is_expected(tmp_path: Path, table: str) -> None:
    """TOML's date-times are dates for Python, and never equal to one: a holiday would be priced as a working day."""
    text = BASE + meter("m") + motor("p", "m")
    text += {"motor": "periods = { baseline = 2026-09-01T00:00:00 }\n",
             "tariff": "[tariff]\nprices = { a = 1.0 }\nholidays = [2026-10-01T00:00:00]\n"}[table]  # fmt: skip
    assert codes.DATE_EXPECTED() in [item.reason for item in problems(tmp_path, text)]


def test_every_problem_is_printed_in_one_line(tmp_path: Path) -> None:
    for item in problems(tmp_path, TEN_MISTAKES + 'serial_number = "a\\nb\\u2028c"\n'):
        assert len(str(item).splitlines()) == 1


@pytest.mark.text
def test_a_problem_has_place_key_value_and_correction(tmp_path: Path) -> None:
    text = BASE + at_input("m").replace('"0.5"', "0.5")
    [problem] = problems(tmp_path, text)
    number = text.splitlines().index("class = 0.5") + 1
    expected = f'expected one of {", ".join(METER_CLASSES)}, or the limit from a certificate, for example "0.12 %"'
    assert str(problem) == f"plant.toml:{number}: meter.m.class = 0.5: {expected}"


LINES = """\
a = 1
[site] # [not.a.table]
id = "x"
"quoted key" = 2
text = \'\'\'
[no.table]
no_key = 1
\'\'\'
after = 3
[[tariff.period]]
price = 1
[[tariff.period]]
price = 2
[motor]
p-1 = { kind = "pm", periods = { reporting = 2026-09-01 } }
p-2.kind = "pm"
[motor . 'p 3']
kw = 1
"""


@pytest.mark.parametrize(
    ("key", "line"),
    [("a", 1), ("site", 2), ("site.id", 3), ("site.quoted key", 4), ("site.missing", 2), ("site.after", 9),
     ("tariff.period", 10), ("tariff.period 1.price", 11), ("tariff.period 2", 12), ("tariff.period 2.price", 13),
     ("motor.p-1.periods.reporting", 15), ("motor.p-2.kind", 16), ("motor.p 3.kw", 18), ("store", None),
     ("no.table.no_key", None)],
)  # fmt: skip
def test_the_line_of_a_key(key: str, line: int | None) -> None:
    """By hand. A key that is missing or in an inline table has the line of the table around it."""
    assert line_of(key, key_lines(LINES)) == line


def test_missing_drive_losses_are_one_note_for_equal_drives(tmp_path: Path) -> None:
    """What eight points gain is stated once for two equal drives, and not where they are configured."""
    watts = "{ points = 'eight-point', watts = [300, 400, 700, 320, 450, 800, 600, 1100] }\n"
    text = BASE + at_input("m") + drive("d", "m", kw=55, class_="IE2") + drive("e", None, 3, kw=55, class_="IE2")
    text += drive("f", None, 4, kw=55, class_="IE2") + f"losses = {watts}"
    file = tmp_path / "plant.toml"
    file.write_text(text)
    done = CliRunner().invoke(main, ["check", str(file), "--json"])
    rows = [row for row in map(json.loads, done.stdout.splitlines()) if row["key"].endswith(".losses")]
    assert [(row["level"], row["key"]) for row in rows] == [("note", "drive.d.losses")]
    assert rows[0]["reason"]["code"] == "eight_points_missing_equal"
    gain = rows[0]["reason"]["data"]["first"]["data"]
    assert gain["rated_by_points"] < gain["rated_by_class"] / 3
