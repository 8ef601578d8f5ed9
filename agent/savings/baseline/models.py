"""The adjusted baseline of one interval as a sum of terms: coefficients times the values that `terms` returns.

    constant      E = a
    polynomial    E = a + b·d + c·d² + …, up to degree 3
    affinity      E = a + b·q + c·q³: a pump with static head, q its flow
    linear        E = a + Σ b·d of two or three drivers, with products or squares if cross-validation prefers them
    shaft-power   E = (shaft energy + losses of the old motor at this shaft power); the coefficient has the uncertainty
                  of the nameplate

The shape of the first four can add, by its keys:

    states        the last driver is a state with few values (shift, product, pumps in operation). `by_state` "levels":
                  an offset for each state; "slopes": separate coefficients in each state
    off           a mean for intervals in which the motor was off: their energy is below a limit
    lags_s        driver → time by which the energy follows it (negative: precedes)
    windows_s     driver → by how much longer than the interval the mean is that the energy follows
    constants     required drivers that had one value while the motor ran, with its bounds: nothing else is compared
    weak          drivers that the model predicts almost as well without, and the correction for them
                  (agent/savings/accounting/weak_effect.py)

Plain Python, for the polling process; agent/savings/baseline/regression.py has the same terms for arrays, and a test
compares both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

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
FAILED_SHARE = (
    0.04  # of the limit of the off state: 0.2 % of a busy interval, less than a drive takes that turns a motor
)
IDLE_SHARE = 0.1  # of the largest value of a driver; below it the driver shows no load
MARGIN = 0.02  # share of the width of a driver by which a value may exceed the range

Shape = Mapping[str, Any]
_SUPERSCRIPTS = {0: "", 1: "", 2: "²", 3: "³"}


class ReplacedMotor(NamedTuple):
    """Nameplate or class of the replaced motor; efficiency as a fraction."""

    rated_w: float
    efficiency: float
    rpm: float
    sync_rpm: float


def terms(kind: str, shape: Shape, values: Sequence[float]) -> list[float]:
    """The factors of the coefficients. Raises InvalidValue for an unknown state."""
    if kind == "shaft-power":
        return [values[0]]
    numbers = values[:-1] if "states" in shape else values
    row: list[float] = [math.prod(map(pow, numbers, powers)) for powers in powers_of(kind, shape)]
    if "states" in shape:
        flags = indicators(shape, values[-1])
        row = [flag * factor for flag in flags for factor in row] if slopes(shape) else row + flags[1:]
    return row


def powers_of(kind: str, shape: Shape) -> Sequence[Sequence[int]]:
    """Exponents of the numeric drivers, by term. Raises ValueError for an unknown kind."""
    if kind == "polynomial":
        return [[power] for power in range(int(shape["degree"]) + 1)]
    if kind == "linear":
        powers: Sequence[Sequence[int]] = shape["powers"]
        return powers
    if kind == "affinity":
        return [[0], [1], [3]]
    if kind == "constant":
        return [[]]
    raise ValueError(f"no model of kind {kind!r}: baselines of earlier versions are rejected when they are loaded")


def indicators(shape: Shape, value: float) -> list[float]:
    """1 for the state that this value is within reach of, 0 for the others. Raises InvalidValue for an unknown one."""
    found = [float(abs(value - state) <= shape["within"]) for state in shape["states"]]
    if not any(found):
        raise InvalidValue(STATE_UNKNOWN, value=value)
    return found


def slopes(shape: Shape) -> bool:
    """Whether the coefficients are separate in each state."""
    return bool(shape.get("by_state") == "slopes")


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


def is_off(baseline: Baseline, item: Interval) -> bool:
    """Whether the motor was off, as it was in the baseline period at these values of the drivers.

    If it is off where it always ran before, the retrofit switched it off: that is a saving, except for a model without
    drivers, which cannot show a stop of the plant, and where a driver shows load.
    """
    off = baseline.shape.get("off")
    if off is None or not _at_most(baseline, item, off["limit_wh"]):
        return False
    near = all(
        low - _idle(baseline, name) <= item.drivers[name].mean <= high + _idle(baseline, name)
        for name, (low, high) in off["ranges"].items()
        if name in item.drivers
    )
    return not baseline.drivers or (off["n"] > 0 and near)


def load_without_energy(baseline: Baseline, item: Interval) -> tuple[str, ...]:
    """The drivers that show load in an interval without energy: a fan on a drive at low speed still has its losses. A
    temperature shows no load.
    """
    off = baseline.shape.get("off")
    if off is None or not _at_most(baseline, item, FAILED_SHARE * off["limit_wh"]):
        return ()
    means = {name: abs(item.drivers[name].mean) for name in numeric_drivers(baseline) if name in item.drivers}
    return tuple(name for name, mean in means.items()
                 if not name.endswith(("_degc", "_c")) and mean > _idle(baseline, name))  # fmt: skip


def _at_most(baseline: Baseline, item: Interval, limit_wh: float) -> bool:
    """Whether the energy of an interval is known and at most a limit per interval of the baseline."""
    if item.energy_wh is None or not item.energy_s > 0:
        return False
    return bool((item.energy_wh + item.auxiliary_wh) * baseline.length_s <= limit_wh * item.energy_s)


def _idle(baseline: Baseline, name: str) -> float:
    """Largest absolute value of a driver that shows no load."""
    return IDLE_SHARE * max(map(abs, baseline.ranges[name])) if name in baseline.ranges else 0.0


def is_state(baseline: Baseline, k: int) -> bool:
    """Whether driver k of the model is a state, not a numeric driver."""
    return "states" in baseline.shape and k == len(baseline.drivers) - 1


def numeric_drivers(baseline: Baseline) -> tuple[str, ...]:
    """The drivers that are not a state."""
    return baseline.drivers[:-1] if "states" in baseline.shape else baseline.drivers


def out_of_range(baseline: Baseline, values: Sequence[Driver]) -> Reason | None:
    """Why the drivers of an interval are outside the data of the baseline; None when they are not.

    A driver is below or above its range, or in a coverage gap of it, as between standstill and the lowest flow
    (agent/savings/baseline/regression.py). Drivers can also be within their ranges but never in this combination: then
    the leverage (hat value) exceeds that of every baseline interval. In a model with slopes by state, ranges and
    leverage are those of the state.
    """
    by_state = slopes(baseline.shape)
    at = indicators(baseline.shape, values[-1].mean).index(1.0) if by_state else 0
    for k, (name, (mean, _)) in enumerate(zip(baseline.drivers, values, strict=False)):
        if name not in baseline.ranges or is_state(baseline, k):
            continue
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
        row = terms(baseline.kind, baseline.shape, [value.mean for value in values])
        if quadratic(row, baseline.covariance) > (most[at] if by_state else most) * (1 + MARGIN) ** 2:
            together = tuple(f"{value.mean:g}" for value in values)
            return DRIVERS_OUT_OF_RANGE_TOGETHER(drivers=baseline.drivers, values=together)
    return None


def left_constant(baseline: Baseline, item: Interval) -> Reason | None:
    """Which signal has another value than it always had in the baseline while the motor ran; None: none, as far as they
    are known.
    """
    for name, (low, high) in baseline.shape.get("constants", {}).items():
        if name in item.drivers and not low <= (mean := item.drivers[name].mean) <= high:
            return DRIVER_OUT_OF_RANGE(driver=name, value=mean, low=low, high=high)
    return None


def quadratic(vector: Sequence[float], matrix: Sequence[Sequence[float]]) -> float:
    """v·M·vᵀ."""
    rows = (sum(c * b for c, b in zip(row, vector, strict=True)) for row in matrix)
    return sum(a * b for a, b in zip(vector, rows, strict=True))


def others_at_mean(baseline: Baseline, interval: Interval) -> Interval:
    """The interval with all drivers except the first at the mean of the baseline, a state at the most frequent one: for
    a curve over the first driver. Weak drivers are removed, so that the curve is not corrected for them. Where this
    state has no data at this value, the first driver is removed.
    """
    if weak := {item["driver"] for item in baseline.shape.get("weak", {}).get("drivers", ())}:
        kept = {name: driver for name, driver in interval.drivers.items() if name not in weak}
        interval = replace(interval, drivers=kept)
    means = baseline.shape.get("means")
    if not means or not baseline.drivers:
        return interval
    others = {name: Driver(means[name]) for name in baseline.drivers[1:]}
    found = replace(interval, drivers={**interval.drivers, **others})
    if slopes(baseline.shape) and (values := values_of(baseline, found)) is not None:
        at = indicators(baseline.shape, values[-1].mean).index(1.0)
        low, high = baseline.shape["ranges"][baseline.drivers[0]][at]
        if not low <= values[0].mean <= high:
            return replace(found, drivers=others)
    return found


def described(kind: str, shape: Shape, drivers: Sequence[str]) -> Reason:
    """The model as a code with its drivers; the code's text describes it."""
    timed = {
        name: (shape.get("lags_s", {}).get(name, 0.0), shape.get("windows_s", {}).get(name, 0.0)) for name in drivers
    }
    if (name := max(timed, key=lambda name: max(map(abs, timed[name])), default="")) and any(timed[name]):
        lag_s, window_s = timed[name]
        model = described(kind, _without(_without(shape, "lags_s"), "windows_s"), drivers)
        if window_s:
            from_min, to_min = (-lag_s - window_s / 2) / 60, (-lag_s + window_s / 2) / 60
            return reasons.MODEL_WITH_WINDOW(model=model, driver=name, from_min=from_min, to_min=to_min)
        code = reasons.MODEL_WITH_LAG if lag_s > 0 else reasons.MODEL_WITH_LEAD
        return code(model=model, driver=name, lag_min=abs(lag_s) / 60)
    if (shape.get("off") or {}).get("n"):
        return reasons.MODEL_WITH_STANDSTILL(model=described(kind, _without(shape, "off"), drivers))
    if "states" in shape:
        if kind == "constant":
            return reasons.MODEL_STATE(driver=drivers[-1])
        code = reasons.MODEL_WITH_SLOPES if slopes(shape) else reasons.MODEL_WITH_LEVELS
        return code(model=described(kind, _without(shape, "states"), drivers[:-1]), state=drivers[-1])
    if kind == "constant":
        return reasons.MODEL_CONSTANT()
    if kind == "polynomial":
        return reasons.MODEL_POLYNOMIAL(degree=int(shape["degree"]), driver=drivers[0])
    if kind == "affinity":
        return reasons.MODEL_AFFINITY(driver=drivers[0])
    if kind == "shaft-power":
        return reasons.MODEL_SHAFT_POWER()
    return _described_linear(powers_of(kind, shape))(drivers=tuple(drivers))


def _without(shape: Shape, key: str) -> dict[str, Any]:
    return {name: value for name, value in shape.items() if name != key}


def _described_linear(powers: Sequence[Sequence[int]]) -> Code:
    squares = any(max(row) == 2 for row in powers)
    if any(sum(row) > max(row) for row in powers):
        return reasons.MODEL_QUADRATIC if squares else reasons.MODEL_LINEAR_PRODUCTS
    return reasons.MODEL_LINEAR_SQUARE if squares else reasons.MODEL_LINEAR


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


def factors(kind: str, shape: Shape, names: Sequence[str]) -> list[str]:
    """What each coefficient is multiplied by: "" for the constant, `q²`, `q·t`; `[s = 2]` is 1 in that state and
    otherwise 0.
    """
    if kind == "shaft-power":
        return ["shaft and losses"]
    if "states" in shape:
        flags = [f"[{names[-1]} = {state:g}]" for state in shape["states"]]
        base = factors(kind, _without(shape, "states"), names[:-1])
        if not slopes(shape):
            return base + flags[1:]
        return ["·".join(filter(None, (mark, flag))) for flag in flags for mark in base]
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
