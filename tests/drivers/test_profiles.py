"""The loader: messages for invalid register maps, and folders with additional maps."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.errors import ProfileError
from drivers.profiles import load_file, load_profile, parse, parse_profile, profile_ids, rows, set_profile_folders
from drivers.profiles.shape import Identify

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


def problems(text: str) -> list[str]:
    with pytest.raises(ProfileError) as caught:
        parse_profile(tomllib.loads(text), "m1.toml")
    return str(caught.value).splitlines()


def register(**keys: object) -> str:
    given = {"name": '"voltage_l1n"', "address": 20, "type": '"u16"', "unit": '"V"', "poll": '"fast"'} | keys
    return "\n[[register]]\n" + "\n".join(f"{key} = {value}" for key, value in given.items() if value is not None)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    set_profile_folders([tmp_path])
    yield tmp_path
    set_profile_folders([])


def test_the_least_that_a_map_needs() -> None:
    profile = parse_profile(tomllib.loads(BASE), "m1.toml")
    assert profile.registers[0].address == 10
    assert not profile.gaps_allowed


@pytest.mark.parametrize(
    ("added", "told"),
    [
        (register(name='"voltage_l1nn"'), "voltage_l1nn): not in the vocabulary; did you mean 'voltage_l1n'?"),
        (register(adress=3), "adress: unknown key; did you mean 'address'?"),
        (register(address=None), "address: missing"),
        (register(address='"20"'), "address: expected an integer, found '20'"),
        (register(address="true"), "address: expected an integer, found True"),
        (register(address=65536), "address: 65536…65536 is not in 0…65535"),
        (register(address=65535, type='"u32"'), "address: 65535…65536 is not in 0…65535"),
        (register(address=10), "at address 10"),
        (register(address=9, type='"u32"'), "at address 10"),
        (register(address=10, mask="0xFF"), "overlap"),
        (register(scale=0), "scale: expected a finite number, and a scale that is not 0; found 0"),
        (register(scale="nan"), "scale: expected a number, found nan"),
        (register(word_order='"middle"'), "word_order: expected one of big, little, found 'middle'"),
        (register(mask="0x10000"), "must be unsigned integers of 16 bits"),
        (register(mask=0), "mask must not be 0"),
        (register(invalid="[70000]"), "must be unsigned integers of 16 bits"),
        (register(type='"f32"', mask=1), "for integer types only, not for f32"),
        (register(plausible="[5, 1]"), "low < high"),
        (register(count=3), "count: only valid for strings"),
        (
            register(type='"string"', count=11, name='"serial_number"', unit='""'),
            "max_registers is 10",
        ),
        (register(name='"frequency"', unit='"Hz"'), "frequency: defined twice"),
        (register(scale_by_rating="[{ up_to_kw = 11, scale = 1 }]"), "scale_by_rating: the last entry"),
        (
            register(scale_by_rating="[{ up_to_kw = 11, scale = 1 }, { up_to_kw = 5, scale = 1 }, { scale = 2 }]"),
            "up_to_kw must increase",
        ),
        (register(scale_by_rating="[{ upto_kw = 11, scale = 1 }, { scale = 2 }]"), "scale_by_rating"),
        (
            register(scale_from='{ address = 40, kind = "decimals" }'),
            "scale_from.address 40 cannot be read",
        ),
        (register(scale_from='{ address = 21, kind = "tens" }'), "found 'tens'"),
        (register(scale_from='{ adress = 21, kind = "exponent" }'), "did you mean 'address'?"),
        (register(parts="[{ address = 20, scale = 1 }]", address=None), "at least two"),
        (
            register(parts="[{ address = 20, scale = 1 }, { address = 21, scale = 10 }]"),
            "cannot be combined with address",
        ),
        (
            register(parts="[{ address = 20, scale = 1 }, { address = 21, scale = 10 }]", address=None, offset=5),
            "parts: cannot be combined with offset",
        ),
        (
            register(parts="[{ address = 20, scale = 1 }, { address = 21, scale = 10 }]", address=None, full_scale=9),
            "parts: cannot be combined with full_scale",
        ),
        (
            register(parts="[{ address = 20, scale = 1 }, { address = 24, scale = 10 }]", address=None),
            "there is a gap",
        ),
        ('[bits.frequenzy]\n"0" = "x"', "bits.frequenzy: unknown register; did you mean 'frequency'?"),
        ('[bits.frequency]\n"64" = "x"', "bit numbers 0…63"),
        ('[faults]\nof = "fault"\n', "faults.of: unknown register 'fault'"),
        ('[faults.codes]\n"x" = "y"', "faults.codes: expected an integer as key, found 'x'"),
        (
            '[[identify]]\nmethod = "guess"',
            "method: expected one of fc43, fc17, register",
        ),
        ('[[identify]]\nmethod = "register"\naddress = 65536\ntype = "u16"', "identify 0: address 65536"),
        ('[[block]]\nname = "harmonics_u_l1"', "block 0 (harmonics_u_l1): address, type, count"),
        ('[comm_los]\nparameter = "x"', "comm_los: unknown key; did you mean 'comm_loss'?"),
    ],
)
def test_a_mistake_is_told_in_one_line(added: str, told: str) -> None:
    found = problems(BASE + added)
    assert len(found) == 1, found
    assert told in found[0]
    assert found[0].startswith("m1.toml: ")


def test_all_mistakes_are_told_at_once() -> None:
    found = problems(BASE + register(unit='"A"', poll='"quick"') + register(name='"voltage_l2n"', type='"u17"'))
    assert len(found) == 3


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("max_registers = 10", "max_registers = 126", "max_registers: expected 1…125, found 126"),
        ("max_registers = 10", "max_registers = 10\ntimeout_ms = 0", "timeout_ms: expected at least 1, found 0"),
        ("max_registers = 10", "max_registers = 10\nmin_gap_ms = -5", "min_gap_ms: expected at least 0, found -5"),
        ("function_code = 3", "function_code = 16", "function_code: expected one of 3, 4, found 16"),
        ('word_order = "big"', "", "protocol.word_order: missing"),
        ('kind = "meter"', 'kind = "metre"', "device.kind: expected one of vfd, meter, motor_relay, found 'metre'"),
        ('word_order = "big"', 'word_order = "big"\ndialect = "profibus"', "found 'profibus'"),
        ('word_order = "big"', 'word_order = "big"\nreads_across_gaps = "yes"', "found 'yes'"),
        ("[[register]]", "[[registers]]", "registers: unknown key; did you mean 'register'?"),
    ],
)
def test_mistakes_of_the_head(old: str, new: str, told: str) -> None:
    assert told in problems(BASE.replace(old, new))[0]


def test_bit_fields_may_share_a_register() -> None:
    both = register(name='"fault_code"', unit='""', mask=0x00FF) + register(
        name='"warning_code"', unit='""', mask=0xFF00
    )
    assert len(parse_profile(tomllib.loads(BASE + both), "x").registers) == 3
    assert "overlap" in problems(BASE + both.replace("65280", "65281"))[0]


def test_identification_is_typed() -> None:
    assert load_profile("sunspec/meter-203").identify == (
        Identify("sunspec", model_id=203, bases=(40000, 50000, 0), marker=0x53756E53,
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


def test_parts_replace_an_address_and_what_went_with_it(folder: Path) -> None:
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
    ("files", "told"),
    [
        ({"a.toml": "x = ["}, "a.toml: not valid TOML"),
        ({"a.toml": BASE, "b.toml": BASE}, "b.toml: same id 'acme/m1' as"),
        ({"a.toml": "[device]\nvendor = 'x'"}, "a.toml: device.id: missing"),
        ({"a.toml": 'extends = "delta/c200"\n[device]\nid = "x/y"'}, "did you mean 'delta/c2000'?"),
        ({"a.toml": 'extends = "delta/c2000"\nremove = ["speed"]'}, "remove: delta/c2000 has no register 'speed'"),
        ({"a.toml": 'extends = "x/b"\n[device]\nid = "x/a"', "b.toml": 'extends = "x/a"\n[device]\nid = "x/b"'},
         "circular reference"),
    ],
)  # fmt: skip
def test_a_bad_folder_is_told(folder: Path, files: dict[str, str], told: str) -> None:
    for name, text in files.items():
        (folder / name).write_text(text)
    with pytest.raises(ProfileError) as caught:
        [load_profile(name) for name in profile_ids()]
    (line,) = str(caught.value).splitlines()
    assert told in line
    assert str(folder) in line


def test_a_folder_that_is_not_there_or_not_readable_is_told(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    try:
        set_profile_folders([tmp_path / "no", file])
        with pytest.raises(ProfileError) as caught:
            profile_ids()
    finally:
        set_profile_folders([])
    assert str(caught.value).splitlines() == [
        f"{tmp_path / 'no'}: no such directory of profiles",
        f"{file}: no such directory of profiles",
    ]


def test_a_file_that_cannot_be_read_is_told(folder: Path) -> None:
    (folder / "gone.toml").symlink_to(folder / "nowhere")
    with pytest.raises(ProfileError, match=r"gone\.toml: cannot be read \(No such file"):
        profile_ids()
    with pytest.raises(ProfileError, match="cannot be read"):
        load_file(folder / "nowhere.toml")


def raw_of(profile_id: str) -> dict[str, Any]:
    path = Path(parse.__file__).parent / f"{profile_id}.toml"
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
def test_whatever_stands_in_a_file_gives_a_profile_or_clear_lines(profile_id: str, data: st.DataObject) -> None:
    raw = raw_of(profile_id)
    for _ in range(data.draw(st.integers(1, 3))):
        container, key = data.draw(st.sampled_from(places(raw)))
        container[key] = data.draw(JUNK)
    told = ""
    try:
        parse_profile(raw, "x.toml")
    except ProfileError as error:
        told = str(error)
    assert all(line.startswith("x.toml: ") for line in told.splitlines())


DOCS = Path(__file__).parents[2] / "docs"


def test_each_key_of_a_register_stands_in_the_docs() -> None:
    page = (DOCS / "profiles.md").read_text(encoding="utf-8")
    for key in (*parse._DEVICE, *parse._PROTOCOL, *rows.REGISTER, *parse._BLOCK, *parse._COMM_LOSS):
        assert f"`{key}`" in page, f"docs/profiles.md does not explain {key}"


def test_the_profile_in_the_docs_is_one(folder: Path) -> None:
    page = (DOCS / "adding-a-device.md").read_text(encoding="utf-8")
    meter, _, large, _ = (block.split("```")[0] for block in page.split("```toml\n")[1:])
    (folder / "pm-1.toml").write_text(meter.replace("activ_power", "active_power"))
    (folder / "mine.toml").write_text(large)
    assert len(load_profile("acme/pm-1").registers) == 3
    power = load_profile("delta/c2000-large").register("motor_power")
    assert power is not None
    assert power.address == 0x2206
