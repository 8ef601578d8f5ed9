"""Drivers with few values: states such as shift, product, or pumps in operation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.savings.baseline.autocorrelation import Array

STATES_MOST = 6
STATE_SHARE = 0.9  # share of the intervals that are in a state; the others are changes of state
STATE_LEAST = 12  # intervals of each state
STATE_REACH = 0.1  # share of the distance between states within which a mean belongs to a state: a late change


def states_of(x: Array) -> dict[str, Any] | None:
    """The states of a driver with few values, and the largest distance of a mean from its state; None: numeric driver.

    Intervals in which the state changes have mean values between two states; these values are not states.
    """
    x = np.round(x, 9)
    values, where, counts = np.unique(x, return_inverse=True, return_counts=True)
    if len(values) < 2:
        return None
    if len(values) > STATES_MOST:
        values = values[(counts >= STATE_LEAST) & ~_transient(x, where)]
        if not 1 < len(values) <= STATES_MOST or np.count_nonzero(np.diff(x)) > len(x) / 4:
            return None
    elif (lasting := ~_transient(x, where)).sum() > 1:
        values = values[lasting]
    found = {
        "states": [float(value) for value in values],
        "within": float(STATE_REACH * np.diff(values).min()),
    }
    return found if known(found, x).mean() >= STATE_SHARE else None


def _transient(x: Array, where: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Values that occur only between a lower and a higher value of the neighbouring intervals. where: (n,) index of
    each value.
    """
    on_the_way = np.zeros(len(x))
    on_the_way[1:-1] = (x[1:-1] - x[:-2]) * (x[2:] - x[1:-1]) > 0
    found: NDArray[np.bool_] = np.bincount(where, on_the_way) == np.bincount(where)
    return found


def known(level: Mapping[str, Any], x: Array) -> NDArray[np.bool_]:
    """(n,) of bool: intervals whose value is one of the states."""
    distance: Array = np.abs(np.subtract.outer(x, np.asarray(level["states"])))
    found: NDArray[np.bool_] = (distance <= level["within"]).any(axis=1)
    return found
