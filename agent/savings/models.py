"""The old plant's energy in one interval as a sum of known terms: coefficients times what is returned here.

constant    E = a
state       E = a mean for each state of a driver that knows few (off, idle, run)
binned      E = straight lines between the centres of ten bins of one driver
polynomial  E = a + b·d + c·d² + …, to degree 3
affinity    E = a + b·q + c·q³: a pump with static head, q its flow
production  E = a + b·t: t tonnes; learnt from whole shifts, for what is rolled now is heated before
shaft-power E = (shaft energy + what the old motor would lose at it); a coefficient that errs as the plate's losses do
Plain Python, for the process that polls; agent/savings/fit.py has the same terms for arrays, and a test holds them
together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from agent.savings.types import Baseline, Driver, Interval

MARGIN = 0.02  # of a driver's width, that a model may be asked beyond what it was learnt from


class OldMotor(NamedTuple):
    """What the nameplate or class of the replaced motor says; efficiency a fraction."""

    rated_w: float
    efficiency: float
    rpm: float
    sync_rpm: float


def terms(kind: str, shape: Mapping[str, Any], values: Sequence[float]) -> list[float]:
    """What the coefficients are multiplied with. Raises ValueError for a kind or state that is not known."""
    if kind == "constant":
        return [1.0]
    value = values[0]
    if kind == "polynomial":
        return [value**power for power in range(int(shape["degree"]) + 1)]
    if kind == "affinity":
        return [1.0, value, value**3]
    if kind == "production":
        return [1.0, value]
    if kind == "binned":
        return hats(shape["centres"], value)
    if kind == "state":
        states = shape["states"]
        if value not in states:
            raise ValueError(f"a state that the baseline does not know: {value:g}")
        return [float(value == state) for state in states]
    if kind == "shaft-power":
        return [value]
    raise ValueError(f"no such model: {kind}")


def hats(centres: Sequence[float], value: float) -> list[float]:
    """Weights of the centres for a straight line between them; beyond the ends the last line goes on."""
    found = [0.0] * len(centres)
    k = 0
    while k < len(centres) - 2 and value > centres[k + 1]:
        k += 1
    share = (value - centres[k]) / (centres[k + 1] - centres[k])
    found[k], found[k + 1] = 1 - share, share
    return found


def values_of(baseline: Baseline, interval: Interval) -> list[Driver] | None:
    """The drivers that the model asks for; None when one is missing."""
    if baseline.kind == "shaft-power":
        old = OldMotor(**baseline.shape["old_motor"])
        lost = old_losses_wh(old, interval)
        return None if lost is None or interval.shaft_wh is None else [Driver(interval.shaft_wh + lost)]
    found = [interval.drivers.get(name) for name in baseline.drivers]
    known = [item for item in found if item is not None]
    return known if len(known) == len(found) else None


def beyond(baseline: Baseline, values: Sequence[Driver]) -> str:
    """The driver that lies beyond what the baseline saw, in words; empty: none does."""
    for name, (mean, _) in zip(baseline.drivers, values, strict=False):
        if name not in baseline.ranges:
            continue
        low, high = baseline.ranges[name]
        slack = MARGIN * (high - low)
        if not low - slack <= mean <= high + slack:
            return f"{name} {mean:g} is beyond {low:g} to {high:g}"
    return ""


def old_losses_wh(old: OldMotor, interval: Interval) -> float | None:
    """What the old motor would lose at this shaft energy and speed, on a drive where the speed is not its own.

    Method M1's split: the class's losses by torque and speed. None without shaft energy or speed.
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
