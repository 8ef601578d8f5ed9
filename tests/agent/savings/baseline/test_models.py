"""Baseline models: equal terms for one interval and for arrays, and properties of each model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from support.retrofit import DAMPER_FAN

from agent.savings import reasons
from agent.savings.baseline import regression
from agent.savings.baseline.models import ReplacedMotor, described, factors, old_losses_wh, terms
from agent.savings.records.model import Interval
from drivers.reasons import InvalidValue, Reason

PLANE = {"powers": [[0, 0], [1, 0], [0, 1], [1, 1]]}
STATES = {"states": [1.0, 2.0, 3.0], "within": 0.1}
FORMS = {
    "constant": ("constant", {}, 0),
    "polynomial": ("polynomial", {"degree": 3}, 1),
    "affinity": ("affinity", {}, 1),
    "plane": ("linear", {"powers": [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 2, 0]]}, 3),
    "state only": ("constant", {**STATES, "by_state": "levels"}, 0),
    "levels": ("polynomial", {"degree": 2, **STATES, "by_state": "levels"}, 1),
    "slopes": ("polynomial", {"degree": 2, **STATES, "by_state": "slopes"}, 1),
    "levels of an affinity law": ("affinity", {**STATES, "by_state": "levels"}, 1),
    "levels of a plane": ("linear", {**PLANE, **STATES, "by_state": "levels"}, 2),
    "slopes of a plane": ("linear", {**PLANE, **STATES, "by_state": "slopes"}, 2),
}  # fmt: skip


def values_of(shape: Mapping[str, Any], numbers: int) -> np.ndarray:
    """40 rows of random values; a state is within reach of one of its values."""
    rng = np.random.default_rng(3)
    x = rng.uniform(0.5, 6, (40, numbers))
    if "states" not in shape:
        return x
    return np.concatenate([x, rng.choice(shape["states"], (40, 1)) + rng.uniform(-0.09, 0.09, (40, 1))], axis=1)


@pytest.mark.parametrize("case", FORMS)
def test_arrays_and_single_values_have_the_same_terms(case: str) -> None:
    kind, shape, numbers = FORMS[case]
    x = values_of(shape, numbers)
    for values, row in zip(x, regression.design(kind, shape, x), strict=True):
        assert terms(kind, shape, [float(value) for value in values]) == pytest.approx(row.tolist(), rel=1e-13)


@pytest.mark.parametrize("case", FORMS)
def test_each_term_has_a_factor_in_the_formula(case: str) -> None:
    kind, shape, numbers = FORMS[case]
    names = ["x", "y", "z"][:numbers] + ["s"] * ("states" in shape)
    values = [2.0] * numbers + [3.0] * ("states" in shape)
    assert len(factors(kind, shape, names)) == len(terms(kind, shape, values))


def test_levels_are_offsets_and_slopes_are_separate_coefficients() -> None:
    levels = {"degree": 1, **STATES, "by_state": "levels"}
    assert terms("polynomial", levels, [5.0, 1.0]) == [1, 5, 0, 0]
    assert terms("polynomial", levels, [5.0, 3.0]) == [1, 5, 0, 1]
    assert terms("polynomial", {**levels, "by_state": "slopes"}, [5.0, 2.0]) == [0, 0, 1, 5, 0, 0]


@pytest.mark.parametrize(
    ("kind", "shape", "drivers", "model"),
    [
        ("polynomial", {"degree": 2}, ["q"], reasons.MODEL_POLYNOMIAL(degree=2, driver="q")),
        ("polynomial", {"degree": 2, "off": {"n": 0}}, ["q"], reasons.MODEL_POLYNOMIAL(degree=2, driver="q")),
        ("polynomial", {"degree": 2, "off": None}, ["q"], reasons.MODEL_POLYNOMIAL(degree=2, driver="q")),
        ("polynomial", {"degree": 1, "off": {"n": 96}}, ["q"],
         reasons.MODEL_WITH_STANDSTILL(model=reasons.MODEL_POLYNOMIAL(degree=1, driver="q"))),
        ("constant", {}, [], reasons.MODEL_CONSTANT()),
        ("constant", {"states": [0.0, 1.0], "by_state": "levels"}, ["on"], reasons.MODEL_STATE(driver="on")),
        ("constant", {"states": [0.0, 1.0], "by_state": "levels", "lags_s": {"on": 0.0}}, ["on"],
         reasons.MODEL_STATE(driver="on")),
        ("affinity", {"lags_s": {"q": 3600.0}}, ["q"],
         reasons.MODEL_WITH_LAG(model=reasons.MODEL_AFFINITY(driver="q"), driver="q", lag_min=60.0)),
        ("affinity", {"lags_s": {"q": -900.0}}, ["q"],
         reasons.MODEL_WITH_LEAD(model=reasons.MODEL_AFFINITY(driver="q"), driver="q", lag_min=15.0)),
        ("shaft-power", {}, [], reasons.MODEL_SHAFT_POWER()),
        ("linear", {"powers": [[0, 0], [1, 0], [0, 1]]}, ["q", "t"], reasons.MODEL_LINEAR(drivers=("q", "t"))),
        ("linear", {"powers": [[0, 0], [1, 0], [0, 1], [2, 0]]}, ["q", "t"],
         reasons.MODEL_LINEAR_SQUARE(drivers=("q", "t"))),
        ("linear", {"powers": [[0, 0], [1, 0], [0, 1], [1, 1]]}, ["q", "t"],
         reasons.MODEL_LINEAR_PRODUCTS(drivers=("q", "t"))),
        ("linear", {"powers": [[0, 0], [1, 0], [0, 1], [1, 1], [2, 0], [0, 2]]}, ["q", "t"],
         reasons.MODEL_QUADRATIC(drivers=("q", "t"))),
        ("affinity", {"states": [1.0, 2.0], "by_state": "levels"}, ["q", "shift"],
         reasons.MODEL_WITH_LEVELS(model=reasons.MODEL_AFFINITY(driver="q"), state="shift")),
        ("affinity", {"states": [1.0, 2.0], "by_state": "slopes"}, ["q", "shift"],
         reasons.MODEL_WITH_SLOPES(model=reasons.MODEL_AFFINITY(driver="q"), state="shift")),
    ],
)  # fmt: skip
def test_each_model_has_a_code(kind: str, shape: dict[str, object], drivers: list[str], model: Reason) -> None:
    assert described(kind, shape, drivers) == model


def test_an_unseen_state_is_rejected() -> None:
    with pytest.raises(InvalidValue) as error:
        terms("constant", {**STATES, "by_state": "levels"}, [3.2])
    assert error.value.reason == reasons.STATE_UNKNOWN(value=3.2)


def test_an_unknown_model_is_rejected() -> None:
    with pytest.raises(ValueError, match="no model of kind 'spline'"):
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
