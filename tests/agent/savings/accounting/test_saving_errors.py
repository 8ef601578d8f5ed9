"""The errors of a saving: their signs, and that they are those of its U95."""

from __future__ import annotations

import math

import pytest

from agent.savings.accounting.saving_errors import SavingErrors

NORMAL = {"model": 3.0, "scatter": 4.0, "interpolation": 0.0, "gaps": 0.0}


def test_without_rectangular_errors_the_half_width_is_student_t() -> None:
    """5 Wh with 10 degrees of freedom: t = 2.2281 (table of Student's t)."""
    errors = SavingErrors(NORMAL, 10.0, {}, {})
    assert errors.half_width() == pytest.approx(2.2281 * 5, rel=1e-4)
    assert SavingErrors(NORMAL, math.inf, {}, {}).half_width() == pytest.approx(1.95996 * 5, rel=1e-5)


def test_signs_do_not_change_the_uncertainty_of_one_saving() -> None:
    errors = SavingErrors(NORMAL, math.inf, {"flow": 6.0}, {"meter_gain": (9.0, -2.0)})
    turned = SavingErrors(NORMAL, math.inf, {"flow": -6.0}, {"meter_gain": (-9.0, 2.0)})
    assert errors.half_width() == turned.half_width()
    assert errors.causes == turned.causes
    assert errors.causes["meter_gain"] == pytest.approx(math.sqrt(85 / 3))
    assert sorted(errors.limits) == [-2.0, 6.0, 9.0]
