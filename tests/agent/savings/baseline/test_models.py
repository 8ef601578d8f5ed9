"""Baseline models: equal terms for one interval and for arrays, and properties of each model."""

from __future__ import annotations

import numpy as np
import pytest
from support.retrofit import DAMPER_FAN

from agent.savings import reasons
from agent.savings.baseline import regression
from agent.savings.baseline.models import BY_STATE, ReplacedMotor, described, hat_weights, old_losses_wh, terms
from agent.savings.records.model import Interval
from drivers.reasons import InvalidValue, Reason

SHAPES = {
    "constant": {}, "polynomial": {"degree": 3}, "affinity": {}, "production": {},
    "binned": {"centres": [1.0, 2.0, 4.0, 7.0]}, "state": {"states": [0.0, 1.0, 2.0]},
}  # fmt: skip


@pytest.mark.parametrize("kind", SHAPES)
def test_arrays_and_single_values_have_the_same_terms(kind: str) -> None:
    x = np.array([0.0, 1.0, 2.0]) if kind == "state" else np.linspace(0.3, 8.3, 41)
    rows = regression.design(kind, SHAPES[kind], x, len(x))
    for value, row in zip(x, rows, strict=True):
        assert terms(kind, SHAPES[kind], [float(value)]) == pytest.approx(row.tolist(), rel=1e-14)


SEVERAL = {
    "a plane": ("linear", {"powers": [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 2, 0]]}, 3),
    "slopes": ("slopes", {"base": "polynomial", "degree": 2, "states": [1.0, 2.0, 3.0], "within": 0.1}, 1),
    "slopes of a plane": ("slopes", {"base": "linear", "powers": [[0, 0], [1, 0], [0, 1]], "states": [1.0, 2.0],
                                     "within": 0.1}, 2),
    "levels of tonnes": ("indicator", {"base": "production", "states": [1.0, 2.0], "within": 0.1}, 1),
    "slopes of tonnes": ("slopes", {"base": "production", "states": [1.0, 2.0], "within": 0.1}, 1),
    "levels": ("indicator", {"base": "polynomial", "degree": 2, "states": [1.0, 2.0, 3.0], "within": 0.1}, 1),
    "levels of lines": ("indicator", {"base": "binned", "centres": [1.0, 2.0, 5.0], "states": [0.0, 1.0],
                                      "within": 0.1}, 1),
    "levels of a plane": ("indicator", {"base": "linear", "powers": [[0, 0], [1, 0], [0, 1], [1, 1]],
                                        "states": [1.0, 2.0], "within": 0.1}, 2),
}  # fmt: skip


@pytest.mark.parametrize("case", SEVERAL)
def test_of_several_drivers_too(case: str) -> None:
    kind, shape, numbers = SEVERAL[case]
    rng = np.random.default_rng(3)
    x = rng.uniform(0.5, 6, (40, numbers))
    if kind in BY_STATE:
        x = np.concatenate([x, rng.choice(shape["states"], (40, 1)) + rng.uniform(-0.09, 0.09, (40, 1))], axis=1)
    rows = regression.design(kind, shape, x, len(x))
    for values, row in zip(x, rows, strict=True):
        assert terms(kind, shape, [float(value) for value in values]) == pytest.approx(row.tolist(), rel=1e-13)


@pytest.mark.parametrize(
    ("kind", "shape", "drivers", "model"),
    [
        ("polynomial", {"degree": 2}, ["q"], reasons.MODEL_POLYNOMIAL(degree=2, driver="q")),
        ("polynomial", {"degree": 1, "still": 5.0}, ["q"],
         reasons.MODEL_WITH_STANDSTILL(model=reasons.MODEL_POLYNOMIAL(degree=1, driver="q"))),
        ("constant", {}, [], reasons.MODEL_CONSTANT()),
        ("state", {"states": [0.0, 1.0]}, ["on"], reasons.MODEL_STATE(driver="on")),
        ("binned", {"centres": [1.0, 2.0]}, ["q"], reasons.MODEL_BINNED(driver="q")),
        ("production", {}, ["t"], reasons.MODEL_PRODUCTION(driver="t")),
        ("shaft-power", {}, [], reasons.MODEL_SHAFT_POWER()),
        ("linear", {"powers": [[0, 0], [1, 0], [0, 1]]}, ["q", "t"], reasons.MODEL_LINEAR(drivers=("q", "t"))),
        ("linear", {"powers": [[0, 0], [1, 0], [0, 1], [2, 0]]}, ["q", "t"],
         reasons.MODEL_LINEAR_SQUARE(drivers=("q", "t"))),
        ("linear", {"powers": [[0, 0], [1, 0], [0, 1], [1, 1]]}, ["q", "t"],
         reasons.MODEL_LINEAR_PRODUCTS(drivers=("q", "t"))),
        ("linear", {"powers": [[0, 0], [1, 0], [0, 1], [1, 1], [2, 0], [0, 2]]}, ["q", "t"],
         reasons.MODEL_QUADRATIC(drivers=("q", "t"))),
        ("indicator", {"base": "affinity"}, ["q", "shift"],
         reasons.MODEL_WITH_LEVELS(model=reasons.MODEL_AFFINITY(driver="q"), state="shift")),
        ("slopes", {"base": "affinity"}, ["q", "shift"],
         reasons.MODEL_WITH_SLOPES(model=reasons.MODEL_AFFINITY(driver="q"), state="shift")),
    ],
)  # fmt: skip
def test_each_model_has_a_code(kind: str, shape: dict[str, object], drivers: list[str], model: Reason) -> None:
    assert described(kind, shape, drivers) == model


def test_between_centres_the_line_is_straight_and_weights_sum_to_one() -> None:
    centres = [1.0, 2.0, 4.0]
    for value in (0.5, 1.0, 1.3, 2.0, 3.9, 4.5):
        weights = hat_weights(centres, value)
        assert sum(weights) == pytest.approx(1)
        assert sum(w * (3 * c + 1) for w, c in zip(weights, centres, strict=True)) == pytest.approx(3 * value + 1)


def test_an_unseen_state_is_rejected() -> None:
    with pytest.raises(InvalidValue) as error:
        terms("state", SHAPES["state"], [3.0])
    assert error.value.reason == reasons.STATE_UNKNOWN(value=3.0)


def test_an_unknown_model_is_rejected() -> None:
    with pytest.raises(ValueError, match="no such model"):
        terms("spline", {}, [1.0])


def test_the_replaced_motor_has_its_nameplate_losses_at_the_rated_point() -> None:
    old = ReplacedMotor(**DAMPER_FAN.old_plate)
    item = Interval("fan", 0, 1.0, shaft_wh=160e3 / 4, speed_rpm=1500.0)
    assert old_losses_wh(old, item) == pytest.approx(160e3 / 4 * (1 / old.efficiency - 1), rel=1e-9)


def test_without_speed_or_shaft_power_the_replaced_motor_has_no_estimate() -> None:
    old = ReplacedMotor(**DAMPER_FAN.old_plate)
    assert old_losses_wh(old, Interval("fan", 0, 1.0, shaft_wh=1.0)) is None
    assert old_losses_wh(old, Interval("fan", 0, 1.0, speed_rpm=1500.0)) is None
    assert old_losses_wh(old, Interval("fan", 0, 1.0, shaft_wh=0.0, speed_rpm=0.0)) == 0
