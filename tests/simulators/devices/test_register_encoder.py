"""Register words against bit patterns derived by hand (IEEE 754, two's complement), independent of the driver."""

from __future__ import annotations

import pytest

from drivers.profiles import Register
from simulators.devices.register_encoder import words


def row(kind: str, count: int = 1, **more: object) -> Register:
    base: dict[str, object] = {
        "name": "active_power",
        "address": 0,
        "function": 3,
        "type": kind,
        "words": count,
        "big_words_first": True,
        "scale": 1.0,
        "offset": 0.0,
        "unit": "W",
        "group": "fast",
        "confidence": "two_sources",
    }
    return Register(**(base | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("register", "value", "expected"),
    [
        (row("f32", 2), 230.0, [0x4366, 0x0000]),
        (row("f32", 2, big_words_first=False), 230.0, [0x0000, 0x4366]),
        (row("f32", 2), -1.5, [0xBFC0, 0x0000]),
        (row("f32", 2, scale=1000.0), 55000.0, [0x425C, 0x0000]),
        (row("f32", 2), None, [0xFFC0, 0x0000]),
        (row("f32", 2), float("nan"), [0xFFC0, 0x0000]),
        (row("f32", 2), 1e60, [0x7F7F, 0xFFFF]),
        (row("f64", 4), 1.0, [0x3FF0, 0, 0, 0]),
        (row("u16", scale=0.01), 50.02, [5002]),
        (row("u16"), -3, [0]),
        (row("u16"), 70000, [0xFFFF]),
        (row("i16", scale=0.1), -12.34, [0xFF85]),
        (row("i16"), 40000, [0x7FFF]),
        (row("i16"), -40000, [0x8000]),
        (row("i16", invalid=(0x7FFF,)), None, [0x7FFF]),
        (row("u16", offset=-40.0), 25.0, [65]),
        (row("u32", 2), 0x12345678, [0x1234, 0x5678]),
        (row("u32", 2, big_words_first=False), 0x12345678, [0x5678, 0x1234]),
        (row("i64", 4, scale=0.001), 184321.5, [0, 0, 0x0AFC, 0x85DC]),
        (row("u16", mask=0x0F00), 5, [0x0500]),
        (row("string", 3), "PM5350", [0x504D, 0x3533, 0x3530]),
        (row("string", 2), "A", [0x4100, 0x0000]),
    ],
)
def test_words(register: Register, value: object, expected: list[int]) -> None:
    assert words(register, {"active_power": value}) == expected  # type: ignore[dict-item]


@pytest.mark.parametrize(("rating_kw", "expected"), [(7.5, [5740]), (11, [5740]), (55, [574])])
def test_the_scale_follows_the_rating(rating_kw: float, expected: list[int]) -> None:
    register = row("u16", scale=0.01, scale_by_rating=((11.0, 0.01), (float("inf"), 0.1)))
    assert words(register, {"active_power": 57.4}, rating_kw) == expected


def test_a_missing_rating_is_a_programming_error() -> None:
    register = row("u16", scale_by_rating=((11.0, 0.01), (float("inf"), 0.1)))
    with pytest.raises(ValueError, match="rating"):
        words(register, {"active_power": 57.4})


# PM5000: a leading load reads above 1 or below −1. 1.25 = 0x3FA0_0000, −1.25 = 0xBFA0_0000, 0.75 = 0x3F40_0000.
@pytest.mark.parametrize(
    ("pf", "reactive", "expected"),
    [
        (0.75, 10.0, [0x3F40, 0]),
        (0.75, -10.0, [0x3FA0, 0]),
        (-0.75, 10.0, [0xBF40, 0]),
        (-0.75, -10.0, [0xBFA0, 0]),
        (0.75, None, [0x3F40, 0]),
    ],
)
def test_four_quadrants_of_the_power_factor(pf: float, reactive: float | None, expected: list[int]) -> None:
    register = row("f32", 2, name="power_factor_l2", unit="", encoding="four_quadrant_pf")
    assert words(register, {"power_factor_l2": pf, "reactive_power_l2": reactive}) == expected
