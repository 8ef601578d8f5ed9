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
from agent.savings.baseline.models import MARGIN
from agent.savings.baseline.states import STATE_LEAST, STATE_SHARE, known, states_of
from agent.savings.records.interpolation import LAG_S_MAX
from agent.savings.records.model import Interval
from agent.savings.records.stuck_drivers import MOVED, SAME, HeldValue, held_values, is_stuck, spreads_by_value
from drivers.reasons import Reason

PRESENT_MIN = 0.5  # share of the intervals that must have all candidates
WINDOWS = (0, 1, 2, 4, 6, 8)  # intervals by which averaging windows extend on both sides
EXACT = 1e-6  # error relative to the mean power below which there is nothing to improve: rounding
LAG_GAIN = 0.95  # ratio of the prediction errors with and without a lag that a lag must reach
ROUNDS = 2


class PreparedDrivers(NamedTuple):
    """The signals that can be drivers.

    names: of the signals.
    lags_s: time by which the energy follows each numeric signal (negative: precedes), not 0.
    windows_s: by how much longer than an interval the mean of a signal is that the energy follows, not 0.
    constants: bounds of each required signal that always had one value while the motor ran. It distinguishes nothing
        but off from running, which the energy does.
    dropped: why each other signal cannot be used.
    """

    names: list[str]
    lags_s: dict[str, float]
    windows_s: dict[str, float]
    constants: dict[str, tuple[float, float]]
    dropped: list[Reason]

    def are_constant(self, item: Interval) -> bool:
        """Whether the signals of `constants` have their value in this interval, or are missing."""
        return all(
            low <= item.drivers[name].mean <= high
            for name, (low, high) in self.constants.items() if name in item.drivers
        )  # fmt: skip


def prepare_drivers(found: Sequence[Interval], ran: Sequence[bool], required: Sequence[str] | None) -> PreparedDrivers:
    """Candidates for drivers.

    found: usable intervals, in order.
    ran: whether the motor ran all the time, by interval: only these show how the energy depends on a signal.
    required: None: all signals of the intervals.
    """
    names = sorted({name for item in found for name in item.drivers}) if required is None else list(required)
    dropped, lags_s, windows_s, constants = list[Reason](), dict[str, float](), dict[str, float](), {}
    for name in list(names):
        column = np.array([item.drivers[name].mean for item in found if name in item.drivers])
        if required is None and is_constant(column):
            names.remove(name)
            dropped.append(reasons.DRIVER_CONSTANT(driver=name, value=float(column[0])))
        elif required is not None and (bounds := _constant_while_running(found, ran, name)):
            names.remove(name)
            constants[name] = bounds
            dropped.append(reasons.DRIVER_CONSTANT_WHILE_RUNNING(driver=name, value=sum(bounds) / 2))
        elif states_of(column) is None:
            lag_s, window_s = _timing_s(found, ran, name)
            lags_s |= {name: lag_s} if lag_s else {}
            windows_s |= {name: window_s} if window_s else {}
    if required is None:
        dropped += _drop_missing([item for item, flag in zip(found, ran, strict=True) if flag], names)
    return PreparedDrivers(names, lags_s, windows_s, constants, dropped)


class StuckDrivers(NamedTuple):
    """Stuck drivers of a model.

    stuck: when, by driver.
    held_w: driver → (value, usual spread of the power, W) of values that it held repeatedly.
    held_s: weak driver → longest time for which it held a value without being stuck.
    """

    stuck: dict[str, list[HeldValue]]
    held_w: dict[str, list[list[float]]]
    held_s: dict[str, float]


def stuck_drivers(
    found: Sequence[Interval], effects_w: Mapping[str, float], powers_w: Mapping[int, tuple[float, float]],
    scatter_w: float,
) -> StuckDrivers:  # fmt: skip
    """found: in order.
    effects_w: numeric driver of the model → standard deviation of the power that it causes. One that causes less than
        the scatter hides is weak: its energy does not show that it is stuck.
    powers_w: start of an interval → measured and fitted.
    scatter_w: standard deviation of the difference while no signal holds a value.
    """
    result = StuckDrivers({}, {}, {})
    for name, effect_w in effects_w.items():
        weak = effect_w < MOVED * scatter_w
        held, stuck = held_values(found, name, lambda item: powers_w.get(item.start_ms)), list[HeldValue]()
        for _ in range(ROUNDS):
            usual_w = spreads_by_value([item for item in held if item not in stuck])
            longest_s = [max((other.seconds for other in held if other is not item), default=0.0) for item in held]
            stuck = [item for item, others_s in zip(held, longest_s, strict=True)
                     if is_stuck(item, scatter_w, usual_w.get(item.value), others_s if weak else None)]  # fmt: skip
        if weak:
            result.held_s[name] = max((item.seconds for item in held if item not in stuck), default=0.0)
        if stuck:
            result.stuck[name] = stuck
        if usual_w:
            result.held_w[name] = [[value, spread_w] for value, spread_w in sorted(usual_w.items())]
    return result


def is_constant(x: Array) -> bool:
    """Whether a signal never changed, except for rounding errors of its means. x: (n,), not empty."""
    return bool(np.ptp(x) <= SAME * np.abs(x).max())


def _constant_while_running(
    found: Sequence[Interval], ran: Sequence[bool], name: str
) -> tuple[float, float] | None:  # fmt: skip
    """Bounds of the only value or state of a signal while the motor ran; None: it had several, or the motor was never
    off.
    """
    pairs = [(item.drivers[name].mean, flag) for item, flag in zip(found, ran, strict=True) if name in item.drivers]
    x, on = np.array([mean for mean, _ in pairs]), np.array([flag for _, flag in pairs], dtype=bool)
    if on.all() or not on.any():
        return None
    if is_constant(x[on]):
        value, reach = float(x[on][0]), MARGIN * float(np.ptp(x))
    elif level := states_of(x):  # a late change of the state is none of its values
        counts = [int(known({**level, "states": [state]}, x[on]).sum()) for state in level["states"]]
        if sum(n >= STATE_LEAST for n in counts) != 1 or max(counts) < STATE_SHARE * on.sum():
            return None
        value, reach = level["states"][counts.index(max(counts))], level["within"]
    else:
        return None
    return value - reach, value + reach


def _drop_missing(found: Sequence[Interval], names: list[str]) -> list[Reason]:
    """Removes the rarest candidates from `names` until enough intervals have all of the others."""
    counts, dropped = Counter(name for item in found for name in item.drivers), list[Reason]()
    while names and sum(all(name in item.drivers for name in names) for item in found) < PRESENT_MIN * len(found):
        rarest = min(names, key=lambda name: counts[name])
        names.remove(rarest)
        dropped.append(reasons.DRIVER_MOSTLY_MISSING(driver=rarest, found=counts[rarest], n=len(found)))
    return dropped


def _timing_s(found: Sequence[Interval], ran: Sequence[bool], name: str) -> tuple[float, float]:
    """The lag and the averaging window with which a cubic in the signal predicts the energy best.

    (0, 0) unless it predicts clearly better than without, and if they reach the longest time that is tried: then
    something slower is similar. A window must predict clearly better than a lag alone.
    """
    rows = [item for item in found if name in item.drivers]
    if not rows:
        return 0.0, 0.0
    length_ms = 1000 * rows[0].length_s
    first_ms = rows[0].start_ms
    grid = np.full((rows[-1].start_ms - first_ms) // length_ms + 1, np.nan)
    for item in rows:
        grid[(item.start_ms - first_ms) // length_ms] = item.drivers[name].mean
    y = np.array([(item.energy_wh or 0.0) / item.energy_s for item, flag in zip(found, ran, strict=True) if flag])
    at = np.array([(item.start_ms - first_ms) // length_ms for item, flag in zip(found, ran, strict=True) if flag])
    steps = int(1000 * LAG_S_MAX) // length_ms
    without = _error(grid, at, y)
    if not steps or not np.isfinite(without) or without < EXACT * float(y.mean()):
        return 0.0, 0.0
    tried = []  # (error, half window, lag), in intervals
    for half in (half for half in WINDOWS if half < steps):
        averaged = np.convolve(grid, np.full(2 * half + 1, 1 / (2 * half + 1)), "same")
        averaged[:half] = averaged[len(grid) - half :] = np.nan
        reach = steps - half
        errors = {step: _error(averaged, at - step, y) for step in range(-reach, reach + 1)}
        step = min(errors, key=lambda step: (errors[step], abs(step)))
        if abs(step) < reach:
            tried.append((errors[step], half, step))
    lagged = next((found for found in tried if not found[1]), (without, 0, 0))
    best = min([lagged, *(found for found in tried if found[0] <= LAG_GAIN * lagged[0])])
    if best[0] > LAG_GAIN * without:
        return 0.0, 0.0
    return best[2] * length_ms / 1000, 2 * best[1] * length_ms / 1000


def _error(values: Array, at: NDArray[np.int64], y: Array) -> float:
    """Cross-validated error of a cubic in the values of a signal; inf if it cannot be fitted.

    values: (m,) of a regular grid, NaN where missing. at: (n,) position in it of each power. y: (n,) powers.
    """
    known = (at >= 0) & (at < len(values))
    known[known] = np.isfinite(values[at[known]])
    if known.sum() < PRESENT_MIN * len(y):
        return float("inf")
    terms = np.stack([values[at[known]] ** power for power in range(4)], axis=1)
    errors = regression.prediction_errors(terms, y[known])
    return float("inf") if errors is None else float(np.sqrt(np.mean(errors**2)))
