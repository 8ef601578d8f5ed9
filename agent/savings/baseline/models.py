"""The adjusted baseline of one interval as a sum of terms: coefficients times the values that `terms` returns.

    constant      E = a
    state         E = a mean for each state of a driver with few values (off, idle, run)
    binned        E = piecewise linear between the centres of ten bins of one driver
    polynomial    E = a + b·d + c·d² + …, up to degree 3
    affinity      E = a + b·q + c·q³: a pump with static head, q its flow
    production    E = a + b·t, t in tonnes; fitted to complete shifts, because the product may be heated earlier
    linear        E = a + Σ b·d of two or three drivers, with products or squares if cross-validation prefers them
    indicator     E = one of the above for numeric drivers, plus an offset for each state of a driver with few values
                  (indicator variables; ISO 50006 calls both drivers relevant variables [M])
    slopes        E = polynomial, affinity, linear or production with separate coefficients in each state of such a
                  driver: one pump running or two, a damper open or closed
    shaft-power   E = (shaft energy + losses of the old motor at this shaft power); the coefficient has the uncertainty
                  of the nameplate

binned, polynomial and affinity can have a separate mean at standstill, if almost no data are between standstill and the
lowest value of the driver.
Plain Python, for the polling process; agent/savings/baseline/regression.py has the same terms for arrays, and a test
compares both.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from agent.savings import reasons
from agent.savings.reasons import (
    DRIVER_IN_COVERAGE_GAP,
    DRIVER_OUT_OF_RANGE,
    DRIVER_OUT_OF_RANGE_IN_STATE,
    DRIVERS_OUT_OF_RANGE_TOGETHER,
    STATE_UNKNOWN,
)
from agent.savings.records.model import Baseline, Driver, Interval
from drivers.reasons import Code, InvalidValue, Reason

FILLED_MOST = 2.0  # largest extrapolation of shaft energy and losses, a factor
STARTED = 0.05  # share of an interval; between this and the rest of it the motor started or stopped
MARGIN = 0.02  # share of the width of a driver by which a value may exceed the range


OF_ONE = ("polynomial", "affinity", "binned")  # kinds of one numeric driver that can have a mean at standstill
BY_STATE = ("indicator", "slopes")  # kinds whose last driver is a state
_SUPERSCRIPTS = {0: "", 1: "", 2: "²", 3: "³"}
_POWERS_OF = {"affinity": ((0,), (1,), (3,)), "production": ((0,), (1,))}


class ReplacedMotor(NamedTuple):
    """Nameplate or class of the replaced motor; efficiency as a fraction."""

    rated_w: float
    efficiency: float
    rpm: float
    sync_rpm: float


def terms(kind: str, shape: Mapping[str, Any], values: Sequence[float]) -> list[float]:
    """The factors of the coefficients. Raises ValueError for an unknown kind, InvalidValue for an unknown state."""
    if kind == "constant":
        return [1.0]
    if "still" in shape and kind in OF_ONE:
        row = terms(kind, without_standstill(shape), values)
        return [0.0, *row] if values[0] > shape["still"] else [1.0, *[0.0] * len(row)]
    if kind in BY_STATE:
        base, flags = terms(shape["base"], shape, values[:-1]), _indicators(shape, values[-1])
        return base + flags[1:] if kind == "indicator" else [flag * factor for flag in flags for factor in base]
    if kind == "binned":
        return hat_weights(shape["centres"], values[0])
    if kind == "state":
        return _indicators(shape, values[0])
    if kind == "shaft-power":
        return [values[0]]
    return [math.prod(map(pow, values, powers)) for powers in powers_of(kind, shape)]


def powers_of(kind: str, shape: Mapping[str, Any]) -> Sequence[Sequence[int]]:
    """Exponents of the drivers, by term, of a kind whose terms are products of powers. Raises ValueError for others."""
    if kind == "polynomial":
        return [[power] for power in range(int(shape["degree"]) + 1)]
    if kind == "linear":
        powers: Sequence[Sequence[int]] = shape["powers"]
        return powers
    if kind not in _POWERS_OF:
        raise ValueError(f"no such model: {kind}")
    return _POWERS_OF[kind]


def without_standstill(shape: Mapping[str, Any]) -> dict[str, Any]:
    """The shape of a model with a separate mean at standstill, without it."""
    return {key: value for key, value in shape.items() if key != "still"}


def _indicators(shape: Mapping[str, Any], value: float) -> list[float]:
    """1 for the state that this value is within reach of, 0 for the others."""
    reach = shape.get("within", 0.0)
    found = [float(abs(value - state) <= reach) for state in shape["states"]]
    if not any(found):
        raise InvalidValue(STATE_UNKNOWN, value=value)
    return found


def hat_weights(centres: Sequence[float], value: float) -> list[float]:
    """Weights of the centres for linear interpolation; outside the ends the last line is extrapolated."""
    found = [0.0] * len(centres)
    k = min(max(bisect_left(centres, value) - 1, 0), len(centres) - 2)
    share = (value - centres[k]) / (centres[k + 1] - centres[k])
    found[k], found[k + 1] = 1 - share, share
    return found


def values_of(baseline: Baseline, interval: Interval) -> list[Driver] | None:
    """The values of the drivers of the model; None when one is missing."""
    if baseline.kind == "shaft-power":
        old = ReplacedMotor(**baseline.shape["old_motor"])
        losses_wh = old_losses_wh(old, interval)
        if losses_wh is None or interval.shaft_wh is None:
            return None
        return [Driver((interval.shaft_wh + losses_wh) * extrapolation_factor(interval))]
    complete = all(name in interval.drivers for name in baseline.drivers)
    return [interval.drivers[name] for name in baseline.drivers] if complete else None


def covered_ranges(baseline: Baseline, name: str) -> list[tuple[float, float]]:
    """The range of a driver, from lowest to highest: one, or several with coverage gaps between them."""
    low, high = baseline.ranges[name]
    found = []
    for begin, end in baseline.shape.get("holes", {}).get(name, ()):
        found.append((low, float(begin)))
        low = float(end)
    return [*found, (low, high)]


def is_transition(interval: Interval) -> bool:
    """Whether the motor was started or stopped within the interval: its mean values then fit no curve. False when the
    running time is unknown.
    """
    if interval.running_s is None or not interval.coverage > 0:
        return False
    share = interval.running_s / (interval.length_s * interval.coverage)
    return STARTED < share < 1 - STARTED


def is_state(baseline: Baseline, k: int) -> bool:
    """Whether driver k of the model is a state, not a numeric driver."""
    return baseline.kind == "state" or (baseline.kind in BY_STATE and k == len(baseline.drivers) - 1)


def state_number(baseline: Baseline, values: Sequence[Driver]) -> int:
    """Index of the set of coefficients that applies to an interval.

    Model with slopes: the index of its state, which must be known. Model with a standstill: 1 while the motor runs,
    0 at standstill. Other models: 0.
    """
    if baseline.kind in OF_ONE and "still" in baseline.shape:
        return int(values[0].mean > baseline.shape["still"])
    return _indicators(baseline.shape, values[-1].mean).index(1.0) if baseline.kind == "slopes" else 0


def residuals_wh(baseline: Baseline) -> Sequence[float]:
    """Standard deviation of the residual of one interval, by state_number."""
    return baseline.shape.get("residuals_wh") or [baseline.residual_wh]


def out_of_range(baseline: Baseline, values: Sequence[Driver]) -> Reason | None:
    """Why the drivers of an interval are outside the data of the baseline; None when they are not.

    A driver is below or above its range, or in a coverage gap of it, as between standstill and the lowest flow
    (agent/savings/baseline/regression.py). Drivers can also be within their ranges but never in this combination: then
    the leverage (hat value) exceeds that of every baseline interval. In a model with slopes by state, ranges and
    leverage are those of the state.
    """
    at = state_number(baseline, values)
    for k, (name, (mean, _)) in enumerate(zip(baseline.drivers, values, strict=False)):
        if name not in baseline.ranges or (is_state(baseline, k) and "within" in baseline.shape):
            continue
        by_state = baseline.kind == "slopes"
        low, high = baseline.shape["ranges"][name][at] if by_state else baseline.ranges[name]
        slack = MARGIN * (high - low)
        if not low - slack <= mean <= high + slack:
            if not by_state:
                return DRIVER_OUT_OF_RANGE(driver=name, value=mean, low=low, high=high)
            state_driver, state = baseline.drivers[-1], baseline.shape["states"][at]
            return DRIVER_OUT_OF_RANGE_IN_STATE(
                driver=name, value=mean, low=low, high=high, state_driver=state_driver, state=state
            )
        for begin, end in baseline.shape.get("holes", {}).get(name, ()):
            if begin + slack < mean < end - slack:
                return DRIVER_IN_COVERAGE_GAP(driver=name, value=mean, low=begin, high=end)
    most = baseline.shape.get("variance_most_wh2")
    if most is not None:
        most = most[at] if baseline.kind == "slopes" else most
        row = terms(baseline.kind, baseline.shape, [value.mean for value in values])
        if quadratic(row, baseline.covariance) > most * (1 + MARGIN) ** 2:
            together = tuple(f"{value.mean:g}" for value in values)
            return DRIVERS_OUT_OF_RANGE_TOGETHER(drivers=baseline.drivers, values=together)
    return None


def quadratic(vector: Sequence[float], matrix: Sequence[Sequence[float]]) -> float:
    """v·M·vᵀ."""
    rows = (sum(c * b for c, b in zip(row, vector, strict=True)) for row in matrix)
    return sum(a * b for a, b in zip(vector, rows, strict=True))


def others_at_mean(baseline: Baseline, interval: Interval) -> Interval:
    """The interval with all drivers except the first at the mean of the baseline, a state at the most frequent one: for
    a curve over the first driver. Unchanged for models of one driver. Where this state has no data at this value,
    the first driver is removed.
    """
    means = baseline.shape.get("means")
    if not means or not baseline.drivers:
        return interval
    others = {name: Driver(means[name]) for name in baseline.drivers[1:]}
    found = replace(interval, drivers={**interval.drivers, **others})
    if baseline.kind == "slopes" and (values := values_of(baseline, found)) is not None:
        low, high = baseline.shape["ranges"][baseline.drivers[0]][state_number(baseline, values)]
        if not low <= values[0].mean <= high:
            return replace(found, drivers=others)
    return found


def described(kind: str, shape: Mapping[str, Any], drivers: Sequence[str]) -> Reason:
    """The model as a code with its drivers; the code's text describes it."""
    if kind in BY_STATE:
        code = reasons.MODEL_WITH_LEVELS if kind == "indicator" else reasons.MODEL_WITH_SLOPES
        return code(model=described(shape["base"], shape, drivers[:-1]), state=drivers[-1])
    if "still" in shape and kind in OF_ONE:
        return reasons.MODEL_WITH_STANDSTILL(model=described(kind, without_standstill(shape), drivers))
    if kind == "polynomial":
        return reasons.MODEL_POLYNOMIAL(degree=int(shape["degree"]), driver=drivers[0])
    if kind == "linear":
        return _described_linear(shape["powers"])(drivers=tuple(drivers))
    return _DESCRIBED[kind](driver=drivers[0]) if drivers else _DESCRIBED[kind]()


def _described_linear(powers: Sequence[Sequence[int]]) -> Code:
    squares = any(max(row) == 2 for row in powers)
    if any(sum(row) > max(row) for row in powers):
        return reasons.MODEL_QUADRATIC if squares else reasons.MODEL_LINEAR_PRODUCTS
    return reasons.MODEL_LINEAR_SQUARE if squares else reasons.MODEL_LINEAR


_DESCRIBED = {
    "constant": reasons.MODEL_CONSTANT, "shaft-power": reasons.MODEL_SHAFT_POWER,
    "state": reasons.MODEL_STATE, "binned": reasons.MODEL_BINNED, "affinity": reasons.MODEL_AFFINITY,
    "production": reasons.MODEL_PRODUCTION,
}  # fmt: skip


def old_losses_wh(old: ReplacedMotor, interval: Interval) -> float | None:
    """Losses of the old motor at this shaft energy and speed; fed by a drive, if the speed is not its own.

    Split of the losses by torque and speed as in method M1. None without shaft energy or speed.
    """
    from dsp.efficiency_induction import Plate, m1_losses

    if interval.shaft_wh is None or interval.speed_rpm is None:
        return None
    hours = (interval.running_s if interval.running_s is not None else interval.length_s) / 3600
    if hours <= 0 or interval.speed_rpm <= 0:
        return 0.0
    speed = interval.speed_rpm / old.sync_rpm
    load = max(interval.shaft_wh, 0.0) / hours / old.rated_w / speed
    plate = Plate(old.rated_w, old.efficiency, 400.0, 1.0, old.rpm, old.sync_rpm, 4)
    return m1_losses(plate, load, speed).total_w * hours


def extrapolation_factor(interval: Interval) -> float:
    """Factor by which shaft energy and losses, known for the measured part of the interval only, are extrapolated to
    energy that the register filled in. 1 when all of the energy is filled in.
    """
    energy_wh = interval.energy_wh or 0.0
    measured_wh = energy_wh - interval.filled_wh
    return min(max(energy_wh / measured_wh, 1 / FILLED_MOST), FILLED_MOST) if measured_wh > 0 else 1.0


def factors(kind: str, shape: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """What each coefficient is multiplied by: "" for the constant, `q²`, `q·t`; `[s = 2]` is 1 in that state and
    otherwise 0; `[q → 700]` is the weight of the centre 700 in the linear interpolation.
    """
    if kind == "constant":
        return [""]
    flags = [f"[{names[-1]} = {state:g}]" for state in shape.get("states", ())]
    if kind in BY_STATE:
        base = factors(shape["base"], shape, names[:-1])
        if kind == "indicator":
            return base + flags[1:]
        return ["·".join(filter(None, (mark, flag))) for flag in flags for mark in base]
    if "still" in shape and kind in OF_ONE:
        runs, stands = f"[{names[0]} > {shape['still']:.4g}]", f"[{names[0]} ≤ {shape['still']:.4g}]"
        return [
            stands,
            *("·".join(filter(None, (mark, runs))) for mark in factors(kind, without_standstill(shape), names)),
        ]
    if kind == "state":
        return flags
    if kind == "binned":
        return [f"[{names[0]} → {centre:.4g}]" for centre in shape["centres"]]
    if kind == "shaft-power":
        return ["shaft and losses"]
    return [
        "·".join(f"{name}{_SUPERSCRIPTS[power]}" for name, power in zip(names, row, strict=False) if power)
        for row in powers_of(kind, shape)
    ]


def formula(coefficients: Sequence[float], marks: Sequence[str]) -> str:
    """The sum as an equation, with the factors of `factors`."""
    found = ""
    for value, mark in zip(coefficients, marks, strict=True):
        sign = "−" if value < 0 else "+" if found else ""
        found += f"{' ' if found else ''}{sign}{' ' if found else ''}{abs(value):.6g}{'·' if mark else ''}{mark}"
    return found
