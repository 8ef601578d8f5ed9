"""Nameplates that agree are accepted, with rounding and manufacturing tolerance; a misread value is detected."""

from __future__ import annotations

import math
from typing import Any

import pytest

from agent.commissioning.init import reasons as codes
from agent.commissioning.init.nameplate import contradictions, poles_of
from drivers.reasons import InvalidValue

# Rated power, efficiency in percent (IEC 60034-30-1:2014, table 8: IE3, 50 Hz, 4 poles) and usual power factor
IE3_4_POLES = (
    (0.75, 82.5, 0.74),
    (2.2, 86.7, 0.80),
    (7.5, 90.4, 0.83),
    (22, 93.0, 0.84),
    (90, 95.2, 0.86),
    (200, 96.0, 0.87),
)


def three_digits(value: float) -> float:
    return float(f"{value:.3g}")


def plate(kw: float, efficiency_pct: float, cos_phi: float) -> dict[str, Any]:
    """A nameplate at 400 V; the current follows from the others and is rounded as on a nameplate."""
    amps = three_digits(1000 * kw / (math.sqrt(3) * 400 * cos_phi * efficiency_pct / 100))
    values = {"kind": "induction", "kw": kw, "volts": 400, "amps": amps, "rpm": 1470, "poles": 4, "cos_phi": cos_phi}
    return {**values, "class": "IE3", "efficiency": efficiency_pct}


@pytest.mark.parametrize("row", IE3_4_POLES)
def test_a_nameplate_that_agrees_is_accepted(row: tuple[float, float, float]) -> None:
    assert not contradictions(plate(*row))
    assert not contradictions({**plate(*row), "cos_phi": ""})
    assert not contradictions({**plate(*row), "class": ""})
    kw, efficiency_pct, cos_phi = row
    better = {**plate(kw, 100 - 0.8 * (100 - efficiency_pct), cos_phi), "efficiency": ""}
    assert not contradictions(better), "a motor may be better than its class"


@pytest.mark.parametrize("row", IE3_4_POLES)
@pytest.mark.parametrize(
    "misread",
    [
        lambda good: {"volts": 230},  # the current of 400 V with the voltage of the other connection
        lambda good: {"amps": three_digits(good["amps"] * math.sqrt(3))},
        lambda good: {"amps": good["amps"] * 10},
        lambda good: {"kw": good["kw"] * 1.341},  # horsepower
        lambda good: {"kw": good["kw"] / 10},
    ],
)
def test_a_misread_value_is_noticed(row: tuple[float, float, float], misread: Any) -> None:
    good = plate(*row)
    assert contradictions({**good, **misread(good)})


def test_without_cos_phi_the_other_connection_is_noticed() -> None:
    good = {**plate(90, 95.2, 0.86), "cos_phi": ""}
    assert [found.code for found in contradictions({**good, "volts": 230})] == [codes.CURRENT_UNUSUAL]


def test_an_efficiency_of_another_class_is_noticed() -> None:
    assert [found.code for found in contradictions(plate(7.5, 80.0, 0.83))] == [codes.EFFICIENCY_OUTSIDE_CLASS]


@pytest.mark.parametrize(
    ("kind", "hz", "rpm", "poles"),
    [
        ("induction", 50, 2970, 2), ("induction", 50, 1480, 4), ("induction", 50, 735, 8), ("induction", 60, 1770, 4),
        ("induction", 50, 1390, 4), ("pm", 100, 1500, 8), ("pm", 75, 1500, 6), ("pm-line-start", 50, 1500, 4),
        ("pm", 33.3, 1000, 4),
    ],
)  # fmt: skip
def test_poles_follow_from_frequency_and_speed(kind: str, hz: float, rpm: float, poles: int) -> None:
    """n = 120 f / p; an induction motor is a few percent slower."""
    assert poles_of(kind, hz, rpm) == poles


@pytest.mark.parametrize(("kind", "hz", "rpm"), [("induction", 50, 1500), ("induction", 50, 1200), ("pm", 100, 1600)])
def test_a_speed_that_no_number_of_poles_has_is_rejected(kind: str, hz: float, rpm: float) -> None:
    with pytest.raises(InvalidValue):
        poles_of(kind, hz, rpm)
