"""Impossible and frozen values: one finding, and nothing else is found from them."""

from __future__ import annotations

import pytest
from support.condition.steady_rows import Watched, row


@pytest.mark.parametrize("value", [-3276.8, 3276.7, 6553.5, 1e9, -400.0])
def test_an_impossible_value_for_half_a_minute_is_a_sensor_fault(value: float) -> None:
    watched = Watched().feed(120).feed(40, bearing_de_degc=value)
    assert list(watched.found) == ["sensor_fault"]
    assert watched.found["sensor_fault"].why.data["columns"] == ("bearing_de_degc",)


def test_single_impossible_values_are_dropped() -> None:
    watched = Watched().feed(120)
    for _ in range(30):
        watched.feed(1, winding_degc=-3276.8, torque_pct=-3276.8, u12_v=6553.5).feed(4)
    assert not watched.found


def frozen(t_s: float, **values: float | None) -> dict[str, float | None]:
    return row(t_s, **values) | {"u12_v": 400.1, "ambient_degc": 22.4}


def test_values_that_stop_changing_are_frozen() -> None:
    watched = Watched().feed(200).feed(400, frozen)
    assert list(watched.found) == ["sensor_fault"]
    assert watched.found["sensor_fault"].why.data["columns"] == ("u12_v", "ambient_degc")


def test_a_meter_that_repeats_its_values_is_a_sensor_fault() -> None:
    def stale(t_s: float) -> dict[str, float | None]:
        last = {
            name: value for name, value in row(3.0).items() if name[:2] in ("u1", "u2", "u3", "i1", "i2", "i3", "p_")
        }
        return row(t_s) | last

    watched = Watched().feed(200).feed(500, stale)
    assert list(watched.found) == ["sensor_fault"]


def test_a_value_that_never_changed_is_none() -> None:
    assert not Watched().feed(900, frozen).found


def test_a_coarse_temperature_that_settles_between_two_steps_is_none() -> None:
    """It moved to and fro between 69 and 70 °C first."""
    watched = Watched()
    for second in range(150):
        watched.feed(1, _coarse, winding_degc=69.0 + second % 2)
    assert not watched.feed(600, _coarse, winding_degc=70.0).found


def _coarse(t_s: float, winding_degc: float) -> dict[str, float | None]:
    return row(t_s) | {"winding_degc": winding_degc}


def test_a_coarse_temperature_that_was_seen_to_move_and_is_steady_then_is_none() -> None:
    """A small motor that warms up shows many steps of 1 °C; in steady operation it may stay on one for hours."""
    watched = Watched()
    for second in range(200):
        watched.feed(1, _coarse, winding_degc=float(round(60 + second / 20 + second % 2)))
    assert not watched.feed(900, _coarse, winding_degc=70.0).found
