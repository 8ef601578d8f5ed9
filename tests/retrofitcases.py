"""Whole retrofits from a seed, each with the saving that the agent tells and what is true of the same intervals."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from retrofitkit import (
    DAMPER_FAN,
    PUMP_HIGH_HEAD,
    SWAP,
    Array,
    Hours,
    MeterErrors,
    Retrofit,
    ar1,
    draw_meter,
    flows,
    hours,
)  # fmt: skip

from agent.savings.adjust import Line, evaluate
from agent.savings.baseline import freeze, learn
from agent.savings.types import Baseline, Saving

CLASSES = ("0.5S", "0.5")


class Told(NamedTuple):
    """true_wh and parts: over the intervals that a saving was claimed for."""

    saving: Saving
    lines: list[Line]
    baseline: Baseline
    true_wh: float
    motor_wh: float
    drive_wh: float
    true_adjusted_wh: float

    @property
    def covered(self) -> bool:
        return abs(self.saving.saved_wh - self.true_wh) <= self.saving.u95_wh

    @property
    def relative_u(self) -> float:
        return self.saving.u95_wh / self.true_wh


def real_retrofit(seed: int) -> Told:
    """14 days with a meter only, then 30 days of drive and magnet motor with 10 % less production; the same meter. In
    one of three seeds the engineer insists on a straight line, in one the flow meter saturates: wrong models."""
    rng = np.random.default_rng(seed)
    kind = ("", "polynomial", "")[seed % 3]
    sensor = (None, None, _saturating)[seed % 3]
    meter = draw_meter(rng)
    return _run(PUMP_HIGH_HEAD, rng, (14 * 96, 30 * 96), (0.89, 0.801), (meter, meter), kind, sensor)


def large_retrofit(seed: int) -> Told:
    """500 h of a fan with a damper, 720 h of drive and magnet motor, demand 10 % lower."""
    rng = np.random.default_rng(seed)
    meter = draw_meter(rng)
    return _run(DAMPER_FAN, rng, (2000, 2880), (0.85, 0.765), (meter, meter))


def large_retrofit_fine(seed: int) -> Told:
    """The same with meter and transformers of class 0.2S, as for billing."""
    rng = np.random.default_rng(seed)
    meter = draw_meter(rng, accuracy=0.002, ct=0.002, minutes=10)
    return _run(DAMPER_FAN, rng, (2000, 2880), (0.85, 0.765), (meter, meter), classes=("0.2S", "0.2S"))


def nothing_saved(seed: int) -> Told:
    """The old motor stays, production falls by 15 %, the meter is exchanged."""
    rng = np.random.default_rng(seed)
    meters = draw_meter(rng), draw_meter(rng, "mcc-1 30001177 400/5")
    return _run(PUMP_HIGH_HEAD, rng, (14 * 96, 30 * 96), (0.90, 0.765), meters, changed=False)


def motor_swap(seed: int) -> Told:
    """Only the motor, on the line as before; the phase errors of the transformers count with the power factor."""
    rng = np.random.default_rng(seed)
    meter = draw_meter(rng)
    return _run(SWAP, rng, (14 * 96, 30 * 96), (0.88, 0.88), (meter, meter))


def swap_with_another_meter(seed: int) -> Told:
    rng = np.random.default_rng(seed)
    meters = draw_meter(rng), draw_meter(rng, "mcc-1 30001177 400/5")
    return _run(SWAP, rng, (14 * 96, 30 * 96), (0.88, 0.88), meters)


CASES = {
    "real retrofit": real_retrofit, "large retrofit": large_retrofit,
    "large retrofit, class 0.2S": large_retrofit_fine, "nothing saved": nothing_saved, "motor swap": motor_swap,
    "motor swap, another meter": swap_with_another_meter,
}  # fmt: skip


def _run(
    plant: Retrofit, rng: np.random.Generator, lengths: tuple[int, int], means: tuple[float, float],
    meters: tuple[MeterErrors, MeterErrors], kind: str = "", sensor: object = None, *, changed: bool = True,
    classes: tuple[str, str] = CLASSES,
) -> Told:  # fmt: skip
    before = _hours(plant, rng, lengths[0], means[0], meters[0], sensor, new=False)
    after = _hours(plant, rng, lengths[1], means[1], meters[1], sensor, new=changed, first=lengths[0] + 96)
    frozen = freeze(learn("pump", before.intervals, kind=kind or None, classes=classes), 0, "test")
    saving, lines = evaluate(frozen, after.intervals, classes=classes, old_motor=plant.old_plate)
    claimed = np.array([not line.why for line in lines])
    new_wh = after.new_wh if changed else after.old_wh
    return Told(
        saving, lines, frozen, float((after.old_wh - new_wh)[claimed].sum()), float(after.motor_wh[claimed].sum()),
        float(after.drive_wh[claimed].sum()), float(after.old_wh[claimed].sum()),
    )  # fmt: skip


def _hours(
    plant: Retrofit, rng: np.random.Generator, n: int, mean: float, meter: MeterErrors, sensor: object, *, new: bool,
    first: int = 0,
) -> Hours:  # fmt: skip
    """What nobody measures moves the load by 1 %, and hangs together over about an hour."""
    influence = ar1(rng, n, 0.6, 0.01)
    assert sensor is None or callable(sensor)
    return hours(plant, flows(rng, n, mean), influence, meter, new=new, first=first, sensor=sensor)


def _saturating(flow: Array) -> Array:
    """A flow meter that shows 4 % too little at full flow: no model's shape fits any more."""
    found: Array = flow - 0.04 * np.clip((flow - 0.6) / 0.5, 0, None) ** 2
    return found
