"""The correction of the adjusted baseline for weak drivers (agent/savings/baseline/weak_drivers.py).

Only what differs from the baseline period counts: the values of a weak driver less those that the drivers of the model
explained there. By the theorem of Frisch, Waugh and Lovell the sum is the prediction of the model with all drivers.
Plain Python, for the polling process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agent.savings.baseline.models import indicators
from agent.savings.records.model import Driver
from drivers.reasons import InvalidValue

Weak = Mapping[str, Any]


def coefficients(weak: Weak) -> list[float]:
    """Of all terms of the weak drivers, Wh per unit in an interval of the length of the baseline.

    weak: `weak` of the shape of the baseline, empty without weak drivers.
        drivers: in order, each with `driver` (its name), `range` or, of a state, `states` and `within`,
            `coefficients` of its terms (itself, or the indicators of its states but the first), and `explained`: for
            each term the coefficients of its regression on the terms of the model.
        covariance: of all coefficients.
    """
    return [value for item in weak.get("drivers", ()) for value in item["coefficients"]]


def changes(weak: Weak, drivers: Mapping[str, Driver], row: Sequence[float]) -> list[float]:
    """By how much each term of the weak drivers differs from what the drivers of the model explain, in one interval.

    0 where the driver is missing or its state is unknown. A value outside the range of the baseline counts as the end
    of the range: beyond it the effect is not known.

    drivers: of the interval. row: terms of the model.
    """
    found = []
    for item in weak.get("drivers", ()):
        values = _values(item, drivers)
        for k, explained in enumerate(item["explained"]):
            change = 0.0 if values is None else values[k] - sum(a * b for a, b in zip(explained, row, strict=True))
            found.append(change)
    return found


def _values(item: Mapping[str, Any], drivers: Mapping[str, Driver]) -> list[float] | None:
    if item["driver"] not in drivers:
        return None
    mean = drivers[item["driver"]].mean
    if "states" not in item:
        low, high = item["range"]
        return [min(max(mean, low), high)]
    try:
        return indicators(item, mean)[1:]
    except InvalidValue:
        return None
