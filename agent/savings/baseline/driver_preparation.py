"""Signals as candidates for drivers: which of them can be used, where they were stuck, how far the energy lags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.savings import reasons
from agent.savings.baseline import regression
from agent.savings.baseline.autocorrelation import Array
from agent.savings.baseline.states import states_of
from agent.savings.records.interpolation import LAG_S_MAX
from agent.savings.records.model import Interval
from agent.savings.records.stuck_drivers import SAME, HeldValue, held_values, is_stuck, spreads_by_value, without_driver
from drivers.reasons import Reason

PRESENT_MIN = 0.5  # share of the intervals that must have all candidates
LAG_GAIN = 0.95  # ratio of the prediction errors with and without a lag that a lag must reach
TRIMMED = 3.5  # residuals beyond this many robust standard deviations are left out of the preliminary fit
ROUNDS = 3
FREEDOM = 12  # intervals for each coefficient of the preliminary fit


class PreparedDrivers(NamedTuple):
    """The intervals with the signals that can be drivers.

    intervals: without the values of stuck signals.
    names: of the signals.
    lags_s: time by which the energy follows each numeric signal (negative: precedes), not 0.
    held_w: signal → (value, usual spread of the power, W) of values that it held repeatedly.
    dropped: why each other signal cannot be used.
    remarks: what was left out of the used ones.
    """

    intervals: list[Interval]
    names: list[str]
    lags_s: dict[str, float]
    held_w: dict[str, list[list[float]]]
    dropped: list[Reason]
    remarks: list[Reason]


def prepare_drivers(found: Sequence[Interval], required: Sequence[str] | None) -> PreparedDrivers:
    """Candidates for drivers. found: usable intervals, in order. required: None: all signals of the intervals."""
    counts = Counter(name for item in found for name in item.drivers)
    names, dropped, remarks = sorted(counts) if required is None else list(required), list[Reason](), list[Reason]()
    result, held_w, lags_s = list(found), dict[str, list[list[float]]](), dict[str, float]()
    for name in list(names):
        column = np.array([item.drivers[name].mean for item in found if name in item.drivers])
        if required is None and is_constant(column):
            names.remove(name)
            dropped.append(reasons.DRIVER_CONSTANT(driver=name, value=float(column[0])))
            continue
        if states_of(column) is not None:
            continue
        stuck, usual_w = _stuck(result, name)
        if usual_w:
            held_w[name] = [[value, spread_w] for value, spread_w in sorted(usual_w.items())]
        if stuck:
            n = sum(item.last - item.first + 1 for item in stuck)
            remarks.append(reasons.DRIVER_STUCK(driver=name, n=n, value=stuck[0].value,
                                                start_ms=found[stuck[0].first].start_ms))  # fmt: skip
            result = without_driver(result, name, stuck)
        if lag_s := _lag_s(result, name):
            lags_s[name] = lag_s
    if required is None:
        dropped += _drop_missing(result, names)
    return PreparedDrivers(result, names, lags_s, held_w, dropped, remarks)


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


def _stuck(found: Sequence[Interval], name: str) -> tuple[list[HeldValue], dict[float, float]]:
    """The times in which a signal was stuck, and the usual spread of the power at values that it held repeatedly."""
    held = held_values(found, name)
    if not held:
        return [], {}
    rows = [k for k, item in enumerate(found) if name in item.drivers]
    x = np.array([found[k].drivers[name].mean for k in rows])
    w = np.array([3600 * (found[k].energy_wh or 0.0) / found[k].energy_s for k in rows])
    stuck, usual_w = list[HeldValue](), spreads_by_value(held)
    for _ in range(ROUNDS):
        inside = np.ones(len(rows), dtype=bool)
        for item in stuck:
            inside &= ~((np.array(rows) >= item.first) & (np.array(rows) <= item.last))
        residual_w = _scatter(x[inside], w[inside])
        now = [item for item in held if is_stuck(item, residual_w, usual_w.get(item.value))]
        if now == stuck:
            break
        stuck = now
        usual_w = spreads_by_value([item for item in held if item not in stuck])
    return stuck, usual_w


def _scatter(x: Array, y: Array) -> float:
    """Robust standard deviation of y about a cubic in x; 0 with too few values."""
    scale = float(np.abs(x).max(initial=0.0)) or 1.0
    terms = np.stack([(x / scale) ** power for power in range(4)], axis=1)
    inside = np.ones(len(y), dtype=bool)
    spread = 0.0
    for _ in range(ROUNDS):
        if inside.sum() < 4 * FREEDOM:
            return spread
        residuals = y - terms @ np.linalg.lstsq(terms[inside], y[inside], rcond=None)[0]
        spread = 1.4826 * float(np.median(np.abs(residuals)))
        inside = np.abs(residuals) <= TRIMMED * spread
    return spread


def _lag_s(found: Sequence[Interval], name: str) -> float:
    """The lag with which a cubic in the lagged signal predicts the energy best, if it does so clearly better than
    without; 0 if not, and if it is as long as the longest one that is tried: then something slower is similar.
    """
    rows = [item for item in found if name in item.drivers]
    starts_ms = np.array([item.start_ms for item in rows])
    x = np.array([item.drivers[name].mean for item in rows])
    y = np.array([(item.energy_wh or 0.0) / item.energy_s for item in rows])
    length_ms = 1000 * rows[0].length_s if rows else 0
    steps = int(1000 * LAG_S_MAX) // length_ms if rows else 0
    errors = {step: _error(starts_ms, x, y, step * length_ms) for step in range(-steps, steps + 1)}
    if not steps or not np.isfinite(errors[0]):
        return 0.0
    best = min(errors, key=lambda step: (errors[step], abs(step)))
    if errors[best] > LAG_GAIN * errors[0] or abs(best) == steps:
        return 0.0
    return best * length_ms / 1000


def _error(starts_ms: NDArray[np.int64], x: Array, y: Array, lag_ms: int) -> float:
    """Cross-validated error of a cubic in the signal lag_ms before each interval; inf if it cannot be fitted."""
    at = np.searchsorted(starts_ms, starts_ms - lag_ms)
    at = np.minimum(at, len(starts_ms) - 1)
    known = starts_ms[at] == starts_ms - lag_ms
    if known.sum() < PRESENT_MIN * len(x):
        return float("inf")
    terms = np.stack([x[at[known]] ** power for power in range(4)], axis=1)
    errors = regression.prediction_errors(terms, y[known])
    return float("inf") if errors is None else float(np.sqrt(np.mean(errors**2)))


def columns_of(found: Iterable[Interval], names: Sequence[str]) -> Mapping[str, Array]:
    """(n,) of each driver. All intervals must have them."""
    rows = list(found)
    return {name: np.array([item.drivers[name].mean for item in rows]) for name in names}
