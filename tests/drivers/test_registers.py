"""Decoding and planning. The bytes follow from the definitions of the types and from the manuals."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import profile_reasons as codes
from drivers.errors import ProfileError
from drivers.file_reasons import DID_YOU_MEAN
from drivers.profiles import CONFIDENCE, GROUPS, WORDS, Register, load_profile, parse_profile, profile_ids
from drivers.reading import Quality
from drivers.reasons import Reason
from drivers.register_blocks import plan_blocks, usable
from drivers.registers import decode
from drivers.vocabulary import metric_name, vocabulary


def row(kind: str, words: int, *, name: str = "active_power", scale: float = 1.0, **more: object) -> Register:
    given_ = {"big_words_first": True, "offset": 0.0, "unit": "W", "group": "fast", "confidence": "two_sources", **more}
    return Register(name=name, address=0, function=3, type=kind, words=words, scale=scale, **given_)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "words", "expected"),
    [
        ("u16", [0xFFFF], 65535),
        ("i16", [0xFFFE], -2),
        ("u32", [0x0001, 0x0000], 65536),
        ("i32", [0xFFFF, 0xFFFF], -1),
        ("f32", [0x4248, 0x0000], 50.0),  # IEEE 754: 50.0 is 0x42480000
        ("f64", [0x4049, 0, 0, 0], 50.0),  # and 0x4049000000000000
        ("i64", [0, 0, 0, 7], 7),
    ],
)
def test_types(kind: str, words: list[int], expected: float) -> None:
    assert decode(row(kind, len(words)), words) == (expected, Quality.GOOD)


def test_little_word_order_swaps_words_not_bytes() -> None:
    assert decode(row("f32", 2, big_words_first=False), [0x0000, 0x4248])[0] == 50.0


def test_nan_and_listed_patterns_are_missing_never_a_number() -> None:
    assert decode(row("f32", 2), [0xFFC0, 0x0000]) == (None, Quality.OUT_OF_RANGE)
    assert decode(row("u16", 1, invalid=(0xFFFF,)), [0xFFFF]) == (None, Quality.OUT_OF_RANGE)


def test_tenths_stay_tenths() -> None:
    assert decode(row("u16", 1, name="output_voltage", scale=0.1), [2345])[0] == 234.5


def test_a_mask_selects_and_shifts_its_bits() -> None:
    assert decode(row("u16", 1, name="state_code", mask=0x0F00), [0x1A55])[0] == 0xA


def test_outside_the_plausible_window_is_kept_and_flagged() -> None:
    assert decode(row("f32", 2, name="frequency"), list(struct.unpack(">2H", struct.pack(">f", 500.0)))) == (
        500.0,
        Quality.OUT_OF_RANGE,
    )


@pytest.mark.parametrize(("raw", "expected"), [(0.9, 0.9), (1.1, 0.9), (-1.1, -0.9), (-0.9, -0.9)])
def test_the_four_quadrant_power_factor_is_at_most_one(raw: float, expected: float) -> None:
    words = list(struct.unpack(">2H", struct.pack(">f", raw)))
    value, flag = decode(row("f32", 2, name="power_factor", encoding="four_quadrant_pf"), words)
    assert value == pytest.approx(expected, abs=1e-7)  # float32 carries 24 bits
    assert flag == Quality.GOOD


def test_the_scale_of_the_yaskawa_current_follows_from_the_drive_size() -> None:
    current = load_profile("yaskawa/ga800").register("motor_current")
    assert current is not None
    assert current.address == 0x0042
    assert decode(current, [1234], 7.5)[0] == 12.34
    assert decode(current, [1234], 55.0)[0] == 123.4
    assert decode(current, [1234], None) == (None, Quality.UNVERIFIED)


# Literal addresses from the manufacturers' lists as recorded in the device facts, not from the files under test.
GOLDEN = [
    ("eastron/sdm630", "voltage_l1n", 4, 0x0000, "f32"),
    ("eastron/sdm630", "current_l1", 4, 0x0006, "f32"),
    ("eastron/sdm630", "active_power", 4, 0x0034, "f32"),
    ("eastron/sdm630", "frequency", 4, 0x0046, "f32"),
    ("eastron/sdm630", "energy_import", 4, 0x0048, "f32"),
    ("schneider/pm5000", "current_l1", 3, 2999, "f32"),
    ("schneider/pm5000", "voltage_l1n", 3, 3027, "f32"),
    ("schneider/pm5000", "active_power", 3, 3059, "f32"),
    ("schneider/pm5000", "frequency", 3, 3109, "f32"),
    ("yaskawa/ga800", "output_frequency", 3, 0x0041, "i16"),
    ("yaskawa/ga800", "dc_bus_voltage", 3, 0x0046, "u16"),
    ("yaskawa/ga800", "motor_power", 3, 0x0047, "i16"),
]


@pytest.mark.parametrize(("profile", "name", "function", "address", "kind"), GOLDEN)
def test_literal_addresses(profile: str, name: str, function: int, address: int, kind: str) -> None:
    found = load_profile(profile).register(name)
    assert found is not None
    assert (found.function, found.address, found.type) == (function, address, kind)


@pytest.mark.parametrize("profile_id", profile_ids())
def test_every_profile_keeps_the_contract(profile_id: str) -> None:
    profile = load_profile(profile_id)
    assert profile.id == profile_id
    assert profile.sources, "a map without a source is a rumour"
    rows = usable(profile)
    for function_rows in (profile.registers, rows):
        blocks = plan_blocks(profile, function_rows)
        assert sum(len(block.registers) for block in blocks) == len(function_rows)
        for block in blocks:
            assert 1 <= block.count <= profile.max_registers
            for item in block.registers:
                assert block.address <= item.address
                assert item.address + item.words <= block.address + block.count
    for item in rows:
        assert item.confidence != "from_memory"
        assert item.unit == vocabulary()[item.name].unit


def test_gaps_are_not_read_where_a_device_rejects_them() -> None:
    profile = load_profile("eastron/sdm630")
    strict = type(profile)(**{**{name: getattr(profile, name) for name in profile.__slots__}, "gaps_allowed": False})
    for block in plan_blocks(strict, usable(strict)):
        assert block.count == sum(item.words for item in block.registers)


def broken(**changes: object) -> dict[str, object]:
    register = {"name": "frequency", "address": 0, "type": "f32", "unit": "Hz", "poll": "fast"}
    protocol = {"function_code": 3, "max_registers": 10, "word_order": "big"}
    device = {"id": "a/b", "vendor": "a", "model": "b", "kind": "meter", "confidence": "one_source"}
    return {"device": device, "protocol": protocol, "register": [{**register, **changes}]}


@pytest.mark.parametrize(
    ("changes", "key", "cause"),
    [
        ({"name": "frequenzy"}, "name", DID_YOU_MEAN(problem=codes.QUANTITY_UNKNOWN(), near="frequency")),
        ({"unit": "rpm"}, "unit", codes.QUANTITY_UNIT(unit="Hz", value="'rpm'")),
        ({"address": 65535}, "address", codes.REGISTER_ADDRESS(first=65535, last=65536)),
        ({"type": "f16"}, "type", codes.PROFILE_CHOICE(allowed=(*WORDS, "string"), value="'f16'")),
        ({"poll": "quick"}, "poll", codes.PROFILE_CHOICE(allowed=GROUPS, value="'quick'")),
        ({"fc": 6}, "fc", codes.PROFILE_CHOICE(allowed=("3", "4"), value="6")),
        ({"confidence": "sure"}, "confidence", codes.PROFILE_CHOICE(allowed=CONFIDENCE, value="'sure'")),
    ],
)
def test_a_problem_names_the_register_and_the_key(changes: dict[str, object], key: str, cause: Reason) -> None:
    with pytest.raises(ProfileError) as caught:
        parse_profile(broken(**changes), "x.toml")
    place = f"register 0 ({changes.get('name', 'frequency')}): {key}"
    assert caught.value.problems == (codes.PROFILE_PROBLEM(file="x.toml", place=place, cause=cause),)


def test_overlapping_registers_are_a_problem() -> None:
    raw = broken()
    raw["register"] += [{"name": "voltage_l1n", "address": 1, "type": "f32", "unit": "V", "poll": "fast"}]  # type: ignore[operator]
    with pytest.raises(ProfileError) as caught:
        parse_profile(raw, "x.toml")
    cause = codes.REGISTER_OVERLAP(other="frequency", address=1)
    assert caught.value.problems == (codes.PROFILE_PROBLEM(file="x.toml", place="voltage_l1n", cause=cause),)


def test_an_unknown_model_is_reported_with_the_most_similar_one() -> None:
    with pytest.raises(ProfileError) as caught:
        load_profile("eastron/sdm360")
    assert caught.value.reason == DID_YOU_MEAN(
        problem=codes.PROFILE_UNKNOWN(profile="eastron/sdm360"), near="eastron/sdm630"
    )
    with pytest.raises(ProfileError) as caught:
        load_profile("zzz")
    assert caught.value.reason == codes.PROFILE_UNKNOWN(profile="zzz")


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_float32_values_are_transmitted_exactly(value: float) -> None:
    words = list(struct.unpack(">2H", struct.pack(">f", value)))
    got, _ = decode(row("f32", 2), words)
    assert isinstance(got, float)
    assert math.copysign(1, got) == math.copysign(1, value)
    assert got == value


@pytest.mark.parametrize(
    ("name", "unit", "expected"),
    [
        ("active_power", "W", "active_power_w"),
        ("motor_power", "kW", "motor_power_kw"),
        ("voltage_unbalance", "%", "voltage_unbalance_pct"),
        ("motor_temperature", "degC", "motor_temperature_degc"),
        ("energy_kwh", "kWh", "energy_kwh"),
        ("motor_load_percent", "%", "motor_load_percent"),
        ("power_factor", "", "power_factor"),
    ],
)
def test_metric_names(name: str, unit: str, expected: str) -> None:
    assert metric_name(name, unit) == expected


def test_each_quantity_has_a_unique_name() -> None:
    names = [metric_name(item.name, item.unit) for item in vocabulary().values()]
    assert len(set(names)) == len(names)


def test_a_unit_without_a_suffix_is_an_error() -> None:
    with pytest.raises(ValueError, match="furlong"):
        metric_name("length", "furlong")
