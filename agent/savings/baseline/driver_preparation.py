"""Signals as candidates for drivers: which of them can be used, where they were stuck, how far the energy lags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.savings import reasons
from agent.savings.baseline import regression
from agent.savings.baseline.autocorrelation import Array
from agent.savings.baseline.states import states_of
from agent.savings.records.interpolation import LAG_S_MAX
from agent.savings.records.model import Interval
from agent.savings.records.stuck_drivers import SAME, HeldValue, held_values, is_stuck, spreads_by_value
from drivers.reasons import Reason

PRESENT_MIN = 0.5  # share of the intervals that must have all candidates
LAG_GAIN = 0.95  # ratio of the prediction errors with and without a lag that a lag must reach
ROBUST = 1.4826  # standard deviation over median absolute deviation, of a normal distribution
ROUNDS = 2


class PreparedDrivers(NamedTuple):
    """The signals that can be drivers.

    names: of the signals.
    lags_s: time by which the energy follows each numeric signal (negative: precedes), not 0.
    dropped: why each other signal cannot be used.
    """

    names: list[str]
    lags_s: dict[str, float]
    dropped: list[Reason]


def prepare_drivers(found: Sequence[Interval], ran: Sequence[bool], required: Sequence[str] | None) -> PreparedDrivers:
    """Candidates for drivers.

    found: usable intervals, in order.
    ran: whether the motor ran all the time, by interval: only these show how the energy depends on a signal.
    required: None: all signals of the intervals.
    """
    names = sorted({name for item in found for name in item.drivers}) if required is None else list(required)
    dropped, lags_s = list[Reason](), dict[str, float]()
    for name in list(names):
        column = np.array([item.drivers[name].mean for item in found if name in item.drivers])
        if required is None and is_constant(column):
            names.remove(name)
            dropped.append(reasons.DRIVER_CONSTANT(driver=name, value=float(column[0])))
        elif states_of(column) is None and (lag_s := _lag_s(found, ran, name)):
            lags_s[name] = lag_s
    if required is None:
        dropped += _drop_missing([item for item, flag in zip(found, ran, strict=True) if flag], names)
    return PreparedDrivers(names, lags_s, dropped)


class StuckDrivers(NamedTuple):
    """Stuck drivers of a model.

    stuck: when, by driver.
    held_w: driver → (value, usual spread of the power, W) of values that it held repeatedly.
    """

    stuck: dict[str, list[HeldValue]]
    held_w: dict[str, list[list[float]]]


def stuck_drivers(
    found: Sequence[Interval], names: Sequence[str], powers_w: Mapping[int, tuple[float, float]]
) -> StuckDrivers:
    """found: in order. names: numeric drivers of the model. powers_w: start of an interval → measured and fitted."""
    residual_w = np.array([measured - fitted for measured, fitted in powers_w.values()])
    scatter_w = ROBUST * float(np.median(np.abs(residual_w - np.median(residual_w))))
    result = StuckDrivers({}, {})
    for name in names:
        held, stuck = held_values(found, name, lambda item: powers_w.get(item.start_ms)), list[HeldValue]()
        for _ in range(ROUNDS):
            usual_w = spreads_by_value([item for item in held if item not in stuck])
            stuck = [item for item in held if is_stuck(item, scatter_w, usual_w.get(item.value))]
        if stuck:
            result.stuck[name] = stuck
        if usual_w:
            result.held_w[name] = [[value, spread_w] for value, spread_w in sorted(usual_w.items())]
    return result


def is_constant(x: Array) -> bool:
    """Whether a signal never changed, except for rounding errors of its means. x: (n,), not empty."""
    return bool(np.ptp(x) <= SAME * np.abs(x).max())


def _drop_missing(found: Sequence[Interval], names: list[str]) -> list[Reason]:
    """Removes the rarest candidates from `names` until enough intervals have all of the others."""
    counts, dropped = Counter(name for item in found for name in item.drivers), list[Reason]()
    while names and sum(all(name in item.drivers for name in names) for item in found) < PRESENT_MIN * len(found):
        rarest = min(names, key=lambda name: counts[name])
        names.remove(rarest)
        dropped.append(reasons.DRIVER_MOSTLY_MISSING(driver=rarest, found=counts[rarest], n=len(found)))
    return dropped


def _lag_s(found: Sequence[Interval], ran: Sequence[bool], name: str) -> float:
    """The lag with which a cubic in the lagged signal predicts the energy best, if it does so clearly better than
    without; 0 if not, and if it is as long as the longest one that is tried: then something slower is similar.
    """
    rows = [item for item in found if name in item.drivers]
    starts_ms = np.array([item.start_ms for item in rows])
    x = np.array([item.drivers[name].mean for item in rows])
    y = np.array([(item.energy_wh or 0.0) / item.energy_s for item, flag in zip(found, ran, strict=True) if flag])
    at_ms = np.array([item.start_ms for item, flag in zip(found, ran, strict=True) if flag])
    length_ms = 1000 * rows[0].length_s if rows else 0
    steps = int(1000 * LAG_S_MAX) // length_ms if rows else 0
    errors = {step: _error(starts_ms, x, at_ms - step * length_ms, y) for step in range(-steps, steps + 1)}
    if not steps or not np.isfinite(errors[0]):
        return 0.0
    best = min(errors, key=lambda step: (errors[step], abs(step)))
    if errors[best] > LAG_GAIN * errors[0] or abs(best) == steps:
        return 0.0
    return best * length_ms / 1000


def _error(starts_ms: NDArray[np.int64], x: Array, at_ms: NDArray[np.int64], y: Array) -> float:
    """Cross-validated error of a cubic in the values of a signal at other times; inf if it cannot be fitted.

    starts_ms, x: (m,) of the signal. at_ms, y: (n,) times of the values, and powers.
    """
    at = np.minimum(np.searchsorted(starts_ms, at_ms), len(starts_ms) - 1)
    known = starts_ms[at] == at_ms
    if known.sum() < PRESENT_MIN * len(y):
        return float("inf")
    terms = np.stack([x[at[known]] ** power for power in range(4)], axis=1)
    errors = regression.prediction_errors(terms, y[known])
    return float("inf") if errors is None else float(np.sqrt(np.mean(errors**2)))
