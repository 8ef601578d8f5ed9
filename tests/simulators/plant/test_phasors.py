"""Sums of symmetrical components against phases written by hand."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest

from simulators.plant.phasors import ORDERS, PhasorComponent, phasors


@pytest.mark.parametrize("sequence", [1, -1, 0])
@pytest.mark.parametrize("order", [0, 1, ORDERS - 1])
def test_one_component_is_only_in_its_order_and_has_its_sequence(sequence: int, order: int) -> None:
    found = phasors([PhasorComponent(order, sequence, 2 + 1j), PhasorComponent(order, sequence, 1 - 1j)])
    turn = cmath.exp(-2j * math.pi / 3 * sequence)
    assert found[:, order] == pytest.approx([3, 3 * turn, 3 * turn**2], abs=1e-12)
    assert np.count_nonzero(found) == 3


@pytest.mark.parametrize("sequence", [1, -1, 0])
def test_an_order_beyond_the_last_is_an_error_and_no_other_order(sequence: int) -> None:
    with pytest.raises(IndexError):
        phasors([PhasorComponent(ORDERS, sequence, 1 + 0j)])
