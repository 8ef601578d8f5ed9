"""Loading of register maps: the problems of an invalid map, and directories with the user's maps."""

from __future__ import annotations

import errno
import re
import tomllib
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers import profile_reasons as codes
from drivers.errors import ProfileError
from drivers.file_reasons import DID_YOU_MEAN, FILE_UNREADABLE, KEY_MISSING, KEY_UNKNOWN, TOML_INTEGER_TOO_LARGE
from drivers.profiles import (
    load_file,
    load_profile,
    parse_profile,
    profile_ids,
    profile_parser,
    register_parser,
    set_profile_folders,
)
from drivers.profiles.dlt645_register import identifier_of
from drivers.profiles.model import DIALECTS, GAP_RULES, IDENTIFY_METHODS, Identify
from drivers.reasons import Reason, cause_of

BASE = """
[device]
id = "acme/m1"
vendor = "Acme"
model = "M1"
kind = "meter"
confidence = "one_source"

[protocol]
function_code = 3
max_registers = 10
word_order = "big"

[[register]]
name = "frequency"
address = 10
type = "f32"
unit = "Hz"
poll = "fast"
"""


def problems(text: str) -> list[tuple[str, Reason]]:
    """Place and cause of each problem."""
    with pytest.raises(ProfileError) as caught:
        parse_profile(tomllib.loads(text), "m1.toml")
    found = caught.value.problems
    assert {(problem.code, problem.data["file"]) for problem in found} == {(codes.PROFILE_PROBLEM, "m1.toml")}
    assert len(str(caught.value).splitlines()) == len(found), "one line for each problem"
    return [(problem.data["place"], problem.data["cause"]) for problem in found]


def register(**keys: object) -> str:
    given = {"name": '"voltage_l1n"', "address": 20, "type": '"u16"', "unit": '"V"', "poll": '"fast"'} | keys
    return "\n[[register]]\n" + "\n".join(f"{key} = {value}" for key, value in given.items() if value is not None)


def block(**keys: object) -> str:
    given = {"name": '"harmonics_u_l1"', "address": 100, "type": '"u16"', "count": 40, "first_order": 2, "scale": 0.1,
             "unit": '"%"'} | keys  # fmt: skip
    return "\n[[block]]\n" + "\n".join(f"{key} = {value}" for key, value in given.items() if value is not None)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    set_profile_folders([tmp_path])
    yield tmp_path
    set_profile_folders([])


def test_the_minimum_profile_is_valid() -> None:
    profile = parse_profile(tomllib.loads(BASE), "m1.toml")
    assert profile.registers[0].address == 10
    assert not profile.gaps_allowed


V1 = "register 1 (voltage_l1n): "
TWO_PARTS = "[{ address = 20, scale = 1 }, { address = 21, scale = 10 }]"
TWO_LIMITS = "[{ up_to_kw = 11, scale = 1 }, { up_to_kw = 5, scale = 1 }, { scale = 2 }]"


@pytest.mark.parametrize(
    ("added", "place", "cause"),
    [
        (register(name='"voltage_l1nn"'), "register 1 (voltage_l1nn): name",
         DID_YOU_MEAN(problem=codes.QUANTITY_UNKNOWN(), near="voltage_l1n")),
        (register(name='"zzz"'), "register 1 (zzz): name", codes.QUANTITY_UNKNOWN()),
        (register(name=None), "register 1: name", codes.QUANTITY_UNKNOWN()),
        (register(adress=3), V1 + "adress", DID_YOU_MEAN(problem=KEY_UNKNOWN(), near="address")),
        (register(zzz=3), V1 + "zzz", KEY_UNKNOWN()),
        (register(address=None), V1 + "address", KEY_MISSING()),
        (register(address='"20"'), V1 + "address", codes.PROFILE_INTEGER(value="'20'")),
        (register(address="true"), V1 + "address", codes.PROFILE_INTEGER(value="True")),
        (register(address=65536), V1 + "address", codes.REGISTER_ADDRESS(first=65536, last=65536)),
        (register(address=65535, type='"u32"'), V1 + "address", codes.REGISTER_ADDRESS(first=65535, last=65536)),
        (register(address=10), "voltage_l1n", codes.REGISTER_OVERLAP(other="frequency", address=10)),
        (register(address=9, type='"u32"'), "voltage_l1n", codes.REGISTER_OVERLAP(other="frequency", address=10)),
        (register(address=10, mask="0xFF"), "voltage_l1n", codes.REGISTER_OVERLAP(other="frequency", address=10)),
        (register(unit='"A"'), V1 + "unit", codes.QUANTITY_UNIT(unit="V", value="'A'")),
        (register(scale=0), V1 + "scale", codes.SCALE_NUMBER(value="0")),
        (register(scale="nan"), V1 + "scale", codes.PROFILE_NUMBER(value="nan")),
        (register(word_order='"middle"'), V1 + "word_order",
         codes.PROFILE_CHOICE(allowed=("big", "little"), value="'middle'")),
        (register(mask="0x10000"), V1 + "mask", codes.UNSIGNED_EXPECTED(bits=16, value="65536")),
        (register(mask=0), V1 + "mask", codes.MASK_ZERO()),
        (register(invalid="[70000]"), V1 + "invalid", codes.UNSIGNED_EXPECTED(bits=16, value="[70000]")),
        (register(type='"f32"', mask=1), V1 + "mask", codes.INTEGER_TYPE_REQUIRED(type="f32")),
        (register(plausible="[5, 1]"), V1 + "plausible", codes.PLAUSIBLE_LIMITS()),
        (register(invalid_high_word=65536), V1 + "invalid_high_word",
         codes.PROFILE_LIMITS(low=0, high=65535, value="65536")),
        (register(count=3), V1 + "count", codes.REGISTER_COUNT()),
        (register(type='"string"', count=11, name='"serial_number"', unit='""'),
         "register 1 (serial_number): address", codes.REGISTER_TOO_LONG(n=11, n_max=10)),
        (register(name='"frequency"', unit='"Hz"'), "frequency", codes.REGISTER_TWICE()),
        (register(scale_by_rating="[{ up_to_kw = 11, scale = 1 }]"), V1 + "scale_by_rating", codes.RATING_LAST()),
        (register(scale_by_rating=TWO_LIMITS), V1 + "scale_by_rating", codes.RATING_ORDER()),
        (register(scale_by_rating="[{ upto_kw = 11, scale = 1 }, { scale = 2 }]"), V1 + "scale_by_rating",
         codes.RATING_ENTRY()),
        (register(scale_by_rating="[{ up_to_kw = 11, scale = 0 }, { scale = 2 }]"), V1 + "scale_by_rating",
         codes.RATING_NUMBERS()),
        (register(scale_from='{ address = 40, kind = "decimals" }'), "voltage_l1n",
         codes.SCALE_REGISTER_MISSING(address=40)),
        (register(scale_from='{ address = 21, kind = "tens" }'), V1 + "scale_from.kind",
         codes.PROFILE_CHOICE(allowed=("exponent", "decimals"), value="'tens'")),
        (register(scale_from='{ adress = 21, kind = "exponent" }'), V1 + "scale_from.adress",
         DID_YOU_MEAN(problem=KEY_UNKNOWN(), near="address")),
        (register(parts="[{ address = 20, scale = 1 }]", address=None), V1 + "parts", codes.PARTS_TOO_FEW()),
        (register(parts="[{ address = 20, scale = 0 }]", address=None), V1 + "parts", codes.PARTS_INCOMPLETE()),
        (register(parts=TWO_PARTS), V1 + "parts", codes.PARTS_COMBINED(keys=("address",))),
        (register(parts=TWO_PARTS, address=None, offset=5), V1 + "parts", codes.PARTS_COMBINED(keys=("offset",))),
        (register(parts=TWO_PARTS, address=None, full_scale=9), V1 + "parts",
         codes.PARTS_COMBINED(keys=("full_scale",))),
        (register(parts="[{ address = 20, scale = 1 }, { address = 24, scale = 10 }]", address=None), "voltage_l1n",
         codes.PARTS_WITH_GAP()),
        ('[bits.frequenzy]\n"0" = "x"', "bits.frequenzy",
         DID_YOU_MEAN(problem=codes.REGISTER_UNKNOWN(), near="frequency")),
        ('[bits.frequency]\n"64" = "x"', "bits.frequency", codes.BIT_NUMBERS_EXPECTED()),
        ('[faults]\nof = "fault"\n', "faults.of", codes.REGISTER_UNKNOWN()),
        ('[faults.codes]\n"x" = "y"', "faults.codes", codes.FAULT_CODE_EXPECTED(value="'x'")),
        ('[[identify]]\nmethod = "guess"', "identify 0: method",
         codes.PROFILE_CHOICE(allowed=IDENTIFY_METHODS, value="'guess'")),
        ('[[identify]]\nmethod = "register"\naddress = 65536\ntype = "u16"', "identify 0: address",
         codes.IDENTIFY_ADDRESS(address="65536", type="u16")),
        (block(unit=None), "block 0 (harmonics_u_l1): unit", KEY_MISSING()),
        (block(name='"harmonics_u_11"'), "block 0 (harmonics_u_11): name",
         DID_YOU_MEAN(problem=codes.HARMONICS_UNKNOWN(), near="harmonics_u_l1")),
        (block(name='"frequency"'), "block 0 (frequency): name", codes.HARMONICS_UNKNOWN()),
        (block(address=65530), "block 0 (harmonics_u_l1): address",
         codes.BLOCK_ADDRESS(n=40, type="u16", address=65530)),
        ('[comm_los]\nparameter = "x"', "comm_los", DID_YOU_MEAN(problem=KEY_UNKNOWN(), near="comm_loss")),
    ],
)  # fmt: skip
def test_a_single_mistake_is_a_single_problem(added: str, place: str, cause: Reason) -> None:
    assert problems(BASE + added) == [(place, cause)]


def test_all_mistakes_are_reported_together() -> None:
    found = problems(BASE + register(unit='"A"', poll='"quick"') + register(name='"voltage_l2n"', type='"u17"'))
    assert [place for place, _ in found] == [
        "register 1 (voltage_l1n): poll", "register 1 (voltage_l1n): unit", "register 2 (voltage_l2n): type",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "place", "cause"),
    [
        ("max_registers = 10", "max_registers = 126", "protocol.max_registers",
         codes.PROFILE_LIMITS(low=1, high=125, value="126")),
        ("max_registers = 10", "max_registers = 10\ntimeout_ms = 0", "protocol.timeout_ms",
         codes.PROFILE_LIMITS(low=1, high=60000, value="0")),
        ("max_registers = 10", "max_registers = 10\nmin_gap_ms = -5", "protocol.min_gap_ms",
         codes.PROFILE_LIMITS(low=0, high=60000, value="-5")),
        ("function_code = 3", "function_code = 16", "protocol.function_code",
         codes.PROFILE_CHOICE(allowed=("3", "4"), value="16")),
        ('word_order = "big"', "", "protocol.word_order", KEY_MISSING()),
        ('kind = "meter"', 'kind = "metre"', "device.kind",
         codes.PROFILE_CHOICE(allowed=("vfd", "meter", "motor_relay"), value="'metre'")),
        ('word_order = "big"', 'word_order = "big"\ntransports = ["can"]', "protocol.transports",
         codes.PROFILE_CHOICE(allowed=("rtu", "tcp"), value="'can'")),
        ('word_order = "big"', 'word_order = "big"\nrtu = { unit_id = 0 }', "protocol.rtu.unit_id",
         codes.PROFILE_LIMITS(low=1, high=255, value="0")),
        ('word_order = "big"', 'word_order = "big"\ntcp = { unit_id = 256 }', "protocol.tcp.unit_id",
         codes.PROFILE_LIMITS(low=0, high=255, value="256")),
        ('word_order = "big"', 'word_order = "big"\nrtu = { parity = "M" }', "protocol.rtu.parity",
         codes.PROFILE_CHOICE(allowed=("N", "E", "O"), value="'M'")),
        ('word_order = "big"', 'word_order = "big"\ndialect = "profibus"', "protocol.dialect",
         codes.PROFILE_CHOICE(allowed=DIALECTS, value="'profibus'")),
        ('word_order = "big"', 'word_order = "big"\nreads_across_gaps = "yes"', "protocol.reads_across_gaps",
         codes.PROFILE_CHOICE(allowed=GAP_RULES, value="'yes'")),
        ("[[register]]", "[[registers]]", "registers", DID_YOU_MEAN(problem=KEY_UNKNOWN(), near="register")),
    ],
)  # fmt: skip
def test_problems_of_device_and_protocol(old: str, new: str, place: str, cause: Reason) -> None:
    assert (place, cause) in problems(BASE.replace(old, new))


def test_a_map_without_registers_is_invalid() -> None:
    assert problems(BASE.partition("[[register]]")[0]) == [("register", codes.PROFILE_WITHOUT_REGISTERS())]


def test_bit_fields_may_share_a_register() -> None:
    both = register(name='"fault_code"', unit='""', mask=0x00FF) + register(
        name='"warning_code"', unit='""', mask=0xFF00
    )
    assert len(parse_profile(tomllib.loads(BASE + both), "x").registers) == 3
    overlap = codes.REGISTER_OVERLAP(other="fault_code", address=20)
    assert problems(BASE + both.replace("65280", "65281")) == [("warning_code", overlap)]


def test_identification_is_typed() -> None:
    assert load_profile("sunspec/meter-203").identify == (
        Identify("sunspec", model_id=203, bases=(40000, 50000, 0),
                 note="find 'SunS' at a base, then walk models: id, length, data"),
    )  # fmt: skip
    (product, dc_bus) = load_profile("abb/acs880").identify
    assert (product.method, product.vendor_contains, product.contains) == ("fc43", "ABB", "ACS880")
    assert (dc_bus.register, dc_bus.low, dc_bus.high) == ("dc_bus_voltage", 250.0, 1300.0)
    code = load_profile("carlo-gavazzi/em340").identify[0]
    assert (code.address, code.function, code.type, code.words, 341 in code.equals_any) == (11, 4, "u16", 1, True)


def test_an_own_profile_adds_a_model(folder: Path) -> None:
    (folder / "acme").mkdir()
    (folder / "acme" / "anything.toml").write_text(BASE)
    assert "acme/m1" in profile_ids()
    assert load_profile("acme/m1").vendor == "Acme"


def test_an_own_profile_replaces_a_shipped_one(folder: Path) -> None:
    (folder / "mine.toml").write_text(BASE.replace("acme/m1", "eastron/sdm630"))
    assert load_profile("eastron/sdm630").vendor == "Acme"
    assert profile_ids().count("eastron/sdm630") == 1
    set_profile_folders([])
    assert load_profile("eastron/sdm630").vendor == "Eastron"


def test_a_profile_extends_a_shipped_one(folder: Path) -> None:
    (folder / "big.toml").write_text(
        'extends = "delta/c2000"\nremove = ["drive_temperature"]\n[device]\nid = "delta/c2000-big"\n'
        '[protocol]\nmax_registers = 12\n[[register]]\nname = "motor_power"\naddress = 0x2206\nscale = 0.1\n'
        '[[register]]\nname = "run_hours"\naddress = 0x2300\ntype = "u16"\nunit = "h"\npoll = "slow"\n'
    )
    big, plain = load_profile("delta/c2000-big"), load_profile("delta/c2000")
    power = big.register("motor_power")
    assert power is not None
    assert (power.address, power.scale, power.unit, power.group) == (0x2206, 0.1, "kW", "fast")
    assert big.register("drive_temperature") is None
    assert big.register("run_hours") is not None
    assert (big.max_registers, plain.max_registers) == (12, 20)
    assert big.vendor == plain.vendor
    assert big.sources == plain.sources


def test_parts_replace_an_address_and_its_dependent_keys(folder: Path) -> None:
    (folder / "ours.toml").write_text(
        'extends = "eastron/sdm630"\n[[register]]\nname = "energy_import"\ntype = "u16"\n'
        "parts = [{ address = 500, scale = 1 }, { address = 501, scale = 1000 }]\n"
    )
    energy = load_profile("eastron/sdm630").register("energy_import")
    assert energy is not None
    assert (energy.address, [part.scale for part in energy.parts]) == (500, [1.0, 1000.0])


def test_an_override_keeps_the_id(folder: Path) -> None:
    (folder / "ours.toml").write_text('extends = "yaskawa/ga800"\n[protocol]\nmin_gap_ms = 50\n')
    assert load_profile("yaskawa/ga800").min_gap_s == 0.05
    (folder / "more.toml").write_text('extends = "yaskawa/ga800"\n[device]\nid = "yaskawa/ga800-slow"\n')
    set_profile_folders([folder])
    assert load_profile("yaskawa/ga800-slow").min_gap_s == 0.05  # extends the override


@pytest.mark.parametrize(
    ("files", "code", "data"),
    [
        ({"a.toml": "x = ["}, codes.PROFILE_FILE_NOT_TOML, {}),
        ({"a.toml": "x = '" + "a" * 20_000 + "'"}, codes.PROFILE_FILE_NOT_TOML, {}),
        ({"a.toml": BASE + "scale = " + "9" * 400}, TOML_INTEGER_TOO_LARGE, {}),
        ({"a.toml": BASE + "scale = 1" + "0" * 15}, codes.PROFILE_NUMBER, {"value": "1000000000000000"}),
        ({"a.toml": BASE + "scale = 5e-324"}, codes.PROFILE_NUMBER, {"value": "5e-324"}),
        ({"a.toml": BASE + "scale = 1e400"}, codes.PROFILE_NUMBER, {"value": "inf"}),
        ({"a.toml": BASE + "offset = -1e300"}, codes.PROFILE_NUMBER, {"value": "-1e+300"}),
        ({"a.toml": BASE + "plausible = [0, 1e300]"}, codes.PLAUSIBLE_LIMITS, {}),
        ({"a.toml": BASE.replace("[[", "timeout_ms = 1e9\n[[")}, codes.PROFILE_LIMITS, {"value": "1000000000.0"}),
        ({"a.toml": "\ufeff" + BASE, "b.toml": BASE}, codes.PROFILE_ID_DUPLICATE, {"profile": "acme/m1"}),
        ({"a.toml": "[device]\nvendor = 'x'"}, KEY_MISSING, {}),
        ({"a.toml": 'extends = "delta/c200"\n[device]\nid = "x/y"'}, DID_YOU_MEAN, {"near": "delta/c2000"}),
        ({"a.toml": 'extends = "zzz"\n[device]\nid = "x/y"'}, codes.PROFILE_UNKNOWN, {"profile": "zzz"}),
        ({"a.toml": 'extends = 1\n[device]\nid = "x/y"'}, codes.PROFILE_ID_EXPECTED, {"value": "1"}),
        ({"a.toml": 'remove = []\n[device]\nid = "x/y"'}, codes.REMOVE_WITHOUT_EXTENDS, {}),
        ({"a.toml": 'extends = "delta/c2000"\nremove = "speed"'}, codes.REGISTER_NAMES_EXPECTED, {"value": "'speed'"}),
        ({"a.toml": 'extends = "delta/c2000"\nregister = 1'}, codes.REGISTER_TABLES_EXPECTED, {"value": "1"}),
        ({"a.toml": 'extends = "delta/c2000"\nremove = ["speed"]'}, codes.REMOVE_UNKNOWN,
         {"profile": "delta/c2000", "register": "speed"}),
        ({"a.toml": 'extends = "x/b"\n[device]\nid = "x/a"', "b.toml": 'extends = "x/a"\n[device]\nid = "x/b"'},
         codes.EXTENDS_CIRCULAR, {"profiles": ("x/a", "x/b", "x/a")}),
    ],
)  # fmt: skip
def test_a_problem_in_a_directory_of_profiles(
    folder: Path, files: dict[str, str], code: str, data: dict[str, object]
) -> None:
    for name, text in files.items():
        (folder / name).write_text(text)
    with pytest.raises(ProfileError) as caught:
        [load_profile(name) for name in profile_ids()]
    (problem,) = caught.value.problems
    cause = problem.data["cause"] if problem.code == codes.PROFILE_PROBLEM else problem
    assert cause.code == code
    assert data.items() <= cause.data.items()
    (line,) = str(caught.value).splitlines()
    assert str(folder) in line


def test_a_missing_directory_is_a_problem(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    try:
        set_profile_folders([tmp_path / "no", file])
        with pytest.raises(ProfileError) as caught:
            profile_ids()
    finally:
        set_profile_folders([])
    assert caught.value.problems == tuple(
        codes.PROFILE_FOLDER_MISSING(path=str(path)) for path in (tmp_path / "no", file)
    )


def test_an_unreadable_file_is_a_problem(folder: Path) -> None:
    error = cause_of(FileNotFoundError(errno.ENOENT, "No such file or directory"))
    (folder / "gone.toml").symlink_to(folder / "nowhere")
    with pytest.raises(ProfileError) as caught:
        profile_ids()
    assert caught.value.problems == (FILE_UNREADABLE(path=str(folder / "gone.toml"), error=error),)
    with pytest.raises(ProfileError) as caught:
        load_file(folder / "nowhere.toml")
    assert caught.value.reason == FILE_UNREADABLE(path=str(folder / "nowhere.toml"), error=error)


def raw_of(profile_id: str) -> dict[str, Any]:
    path = Path(profile_parser.__file__).parent / f"{profile_id}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def places(node: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a tree of tables and lists."""
    found = []
    if isinstance(node, dict | list):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            found += [(node, key), *places(value)]
    return found


JUNK = st.sampled_from(
    [None, True, -1, 0, 1.5, 65536, 10**30, float("nan"), float("inf"), "", "x", "\0", [], [1], [[]], {}, {"a": 1},
     [{}], {"address": 1}, {"0": 1}]
)  # fmt: skip


@settings(max_examples=40)
@given(st.sampled_from(["delta/c2000", "sunspec/meter-203", "wiren-board/map3h", "schneider/atv630", "abb/acs880",
                        "yaskawa/ga800"]), st.data())  # fmt: skip
def test_any_content_of_a_file_gives_a_profile_or_problems(profile_id: str, data: st.DataObject) -> None:
    raw = raw_of(profile_id)
    for _ in range(data.draw(st.integers(1, 3))):
        container, key = data.draw(st.sampled_from(places(raw)))
        container[key] = deepcopy(data.draw(JUNK))  # the next draw may change what is inside
    failure: ProfileError | None = None
    try:
        parse_profile(raw, "x.toml")
    except ProfileError as error:
        failure = error
    if failure is not None:
        assert {(problem.code, problem.data["file"]) for problem in failure.problems} == {
            (codes.PROFILE_PROBLEM, "x.toml")
        }
        lines = str(failure).splitlines()
        assert len(lines) == len(failure.problems)
        assert all("x.toml: " in line for line in lines)


DOCS = Path(__file__).parents[3] / "docs"


def test_each_key_of_a_register_is_in_the_docs() -> None:
    page = (DOCS / "reference" / "profiles.md").read_text(encoding="utf-8")
    for key in (
        *profile_parser.DEVICE,
        *profile_parser.PROTOCOL,
        *register_parser.REGISTER,
        *profile_parser.BLOCK,
        *profile_parser.COMM_LOSS,
    ):
        shown = re.search(rf"`{key}`|^(# )?{key} = |^\[protocol.{key}\]", page, re.MULTILINE)
        assert shown, f"docs/reference/profiles.md does not explain {key}"


def test_the_profile_of_the_reference_is_valid_and_shows_the_defaults() -> None:
    page = (DOCS / "reference" / "profiles.md").read_text(encoding="utf-8")
    text = "".join(block.split("```", 1)[0] for block in page.split("```toml\n")[1:])
    without, defaults = re.subn(r"^\w+ = .*# default\b.*\n", "", text, flags=re.MULTILINE)
    assert defaults > 8
    assert parse_profile(tomllib.loads(text), "vf-1.toml") == parse_profile(tomllib.loads(without), "vf-1.toml")


def test_the_profile_in_the_docs_is_valid(folder: Path) -> None:
    page = (DOCS / "how-to" / "adding-a-device.md").read_text(encoding="utf-8")
    meter, _, large, _ = (block.split("```")[0] for block in page.split("```toml\n")[1:])
    (folder / "pm-1.toml").write_text(meter.replace("activ_power", "active_power"))
    (folder / "mine.toml").write_text(large)
    assert len(load_profile("acme/pm-1").registers) == 3
    power = load_profile("delta/c2000-large").register("motor_power")
    assert power is not None
    assert power.address == 0x2206


METER = """
[device]
id = "acme/d1"
vendor = "Acme"
model = "D1"
kind = "meter"
confidence = "one_source"

[protocol]
dialect = "dlt645"

[[register]]
name = "active_power_l1"
di = "02030100"
format = "XX.XXXX"
signed = true
scale = 1000
unit = "W"
poll = "fast"
"""


def test_a_register_of_a_meter_has_a_data_identifier_and_a_format() -> None:
    profile = parse_profile(tomllib.loads(METER), "d1.toml")
    (row,) = profile.registers
    assert (row.type, row.words, row.scale, row.function) == ("sbcd6", 2, pytest.approx(0.1), 0x11)
    assert identifier_of(row) == 0x02030100
    assert not profile.uses_modbus


@pytest.mark.parametrize(
    ("old", "new", "place", "cause"),
    [
        ('di = "02030100"', 'di = "0203FF00"', "di", codes.DATA_IDENTIFIER_EXPECTED(value="'0203FF00'")),
        ('di = "02030100"', 'di = "2030100"', "di", codes.DATA_IDENTIFIER_EXPECTED(value="'2030100'")),
        ('di = "02030100"', 'di = "0203010a"', "di", codes.DATA_IDENTIFIER_EXPECTED(value="'0203010a'")),
        ('di = "02030100"\n', "", "di", KEY_MISSING()),
        ('"XX.XXXX"', '"XX.XXX"', "format", codes.VALUE_FORMAT_EXPECTED(value="'XX.XXX'")),
        ('"XX.XXXX"', '"text9"', "format", codes.VALUE_FORMAT_EXPECTED(value="'text9'")),
        ('"XX.XXXX"', '"99.9999"', "format", codes.VALUE_FORMAT_EXPECTED(value="'99.9999'")),
        ("scale = 1000", "address = 5", "address", codes.METER_KEY_NOT_ALLOWED()),
        ('unit = "W"', 'unit = "kW"', "unit", codes.QUANTITY_UNIT(unit="W", value="'kW'")),
    ],
)
def test_a_mistake_in_a_register_of_a_meter_is_a_single_problem(
    old: str, new: str, place: str, cause: Reason
) -> None:  # fmt: skip
    assert problems(METER.replace(old, new).replace("d1.toml", "m1.toml")) == [
        (f"register 0 (active_power_l1): {place}", cause)
    ]
