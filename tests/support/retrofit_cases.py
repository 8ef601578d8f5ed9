"""Complete retrofits generated from a seed: the agent's saving and the true saving of the same intervals."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from support.accounting import evaluate
from support.retrofit import (  # fmt: skip
    DAMPER_FAN,
    PUMP_HIGH_HEAD,
    PUMPS,
    SHIFT,
    SWAP,
    TEMPERATURE,
    VOLTS,
    Array,
    Hours,
    MeterErrors,
    Retrofit,
    ar1,
    draw_meter,
    flows,
    hours,
)

from agent.config.reporting_periods import ReportingPhase
from agent.savings.accounting.account import Account, SavingsBasis
from agent.savings.accounting.driver_error import DriverError
from agent.savings.accounting.interval_comparison import IntervalResult
from agent.savings.baseline.baseline import freeze, learn
from agent.savings.records.meter_identity import MeterClasses
from agent.savings.records.model import Baseline, Saving

CLASSES = ("0.5S", "0.5")


class Reported(NamedTuple):
    """Result of one case. true_wh and its parts: over the intervals for which a saving is counted."""

    saving: Saving
    lines: list[IntervalResult]
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


def real_retrofit(seed: int) -> Reported:
    """14 days with a meter only, then 30 days with drive and magnet motor and 10 % less production; the same meter.

    For one of three seeds the engineer specifies a polynomial; for one the flow meter saturates, so that no model is
    exact.
    """
    rng = np.random.default_rng(seed)
    kind = ("", "polynomial", "")[seed % 3]
    sensor = (None, None, _saturating)[seed % 3]
    meter = draw_meter(rng)
    return _run(PUMP_HIGH_HEAD, rng, (14 * 96, 30 * 96), (0.89, 0.801), (meter, meter), kind, sensor)


def single_intervals(seed: int, days: int = 1) -> list[tuple[float, float]]:
    """Error of the saving of each interval alone, and its U95, Wh, in the first days after the same retrofit."""
    plant, rng = PUMP_HIGH_HEAD, np.random.default_rng(seed)
    meter = draw_meter(rng)
    before = _hours(plant, rng, 14 * 96, 0.89, meter, None, new=False)
    after = _hours(plant, rng, days * 96, 0.801, meter, None, new=True, first=15 * 96)
    frozen = freeze(learn("pump", before.intervals, classes=CLASSES), 0, "test")
    present = MeterClasses(*CLASSES, va_per_a=math.sqrt(3) * VOLTS)
    calibrated = dict.fromkeys(frozen.drivers, DriverError(calibrated=True))
    basis = SavingsBasis(frozen, ReportingPhase("reporting", 0), present, plant.old_plate, calibrated)
    given = after.intervals
    account = Account(basis, (), lambda from_ms, to_ms: [item for item in given if from_ms <= item.start_ms < to_ms])
    found = []
    for line, true_wh in zip(account.add_until(None, given[-1].end_ms), after.old_wh - after.new_wh, strict=True):
        u95_wh = account.u95_of_wh(line.start_ms)
        if u95_wh is not None and line.adjusted_wh is not None and line.measured_wh is not None:
            found.append((line.adjusted_wh - line.measured_wh - float(true_wh), u95_wh))
    return found


def large_retrofit(seed: int) -> Reported:
    """500 h of a fan with a damper, 720 h with drive and magnet motor, demand 10 % lower."""
    rng = np.random.default_rng(seed)
    meter = draw_meter(rng)
    return _run(DAMPER_FAN, rng, (2000, 2880), (0.85, 0.765), (meter, meter))


def large_retrofit_fine(seed: int) -> Reported:
    """The same with meter and transformers of class 0.2S, as for billing."""
    rng = np.random.default_rng(seed)
    meter = draw_meter(rng, accuracy=0.002, ct_class="0.2S")
    return _run(DAMPER_FAN, rng, (2000, 2880), (0.85, 0.765), (meter, meter), classes=("0.2S", "0.2S"))


def large_retrofit_certified(seed: int) -> Reported:
    """A meter of class 0.2S with transformers certified to 0.05 % and 2′."""
    rng = np.random.default_rng(seed)
    meter = draw_meter(rng, accuracy=0.002, ct_class="0.05 % 2'")
    return _run(DAMPER_FAN, rng, (2000, 2880), (0.85, 0.765), (meter, meter), classes=("0.2S", "0.05 % 2'"))


def nothing_saved(seed: int) -> Reported:
    """The old motor remains, production decreases by 15 %, the meter is replaced."""
    rng = np.random.default_rng(seed)
    meters = draw_meter(rng), draw_meter(rng, "30001177")
    return _run(PUMP_HIGH_HEAD, rng, (14 * 96, 30 * 96), (0.90, 0.765), meters, changed=False)


def motor_swap(seed: int) -> Reported:
    """Only the motor is replaced, without a drive. The transformers' phase errors matter, because the power factor
    changes.
    """
    rng = np.random.default_rng(seed)
    meter = draw_meter(rng, ct_a=150.0)
    return _run(SWAP, rng, (14 * 96, 30 * 96), (0.88, 0.88), (meter, meter))


def swap_with_another_meter(seed: int) -> Reported:
    rng = np.random.default_rng(seed)
    meters = draw_meter(rng, ct_a=150.0), draw_meter(rng, "30001177", ct_a=150.0)
    return _run(SWAP, rng, (14 * 96, 30 * 96), (0.88, 0.88), meters)


def two_drivers(seed: int) -> Reported:
    """The pumped liquid is denser when it is colder (1 % for 4 K).

    The reporting period is 4 K warmer, within the observed range.
    """
    return _with_temperature(seed, 0.0025)


def weak_temperature(seed: int) -> Reported:
    """A third of the unmeasured influence: too weak to be selected every time; the reporting period is 4 K warmer."""
    return _with_temperature(seed, 0.0007)


def weaker_temperature(seed: int) -> Reported:
    """A fifth of the unmeasured influence: rarely selected, and then the saving would be wrong by a third of U95."""
    return _with_temperature(seed, 0.00045)


def needless_temperature(seed: int) -> Reported:
    """The same temperatures without any effect on the energy."""
    return _with_temperature(seed, 0.0)


def nothing_saved_with_two_drivers(seed: int) -> Reported:
    """The old motor remains, the meter is replaced, production decreases and it is warmer."""
    return _with_temperature(seed, 0.0025, changed=False)


def by_shift(seed: int) -> Reported:
    """The load at the same flow depends on the shift: 3 % more, 2 % less. The reporting period has more nights."""
    return _with_shifts(seed, (0.0, 0.03, -0.02))


def needless_shift(seed: int) -> Reported:
    return _with_shifts(seed, (0.0, 0.0, 0.0))


def by_pumps(seed: int) -> Reported:
    """One pump, or two that share the flow: each case has its own line of this pump's energy over the station's flow.

    The second pump starts at 95 % and stops at 80 % of the flow of one pump. In the reporting period the flow is lower.
    """
    return _with_pumps(seed)


def nothing_saved_by_pumps(seed: int) -> Reported:
    """The old motor remains, the meter is replaced, and the flow is lower."""
    return _with_pumps(seed, changed=False)


def by_grade(seed: int) -> Reported:
    """Grades whose load increases or decreases with the flow: by 2.5 % or 2 % for a tenth of the flow.

    The reporting period has more of the last grade.
    """
    return _with_shifts(seed, (0.0, 0.0, 0.0), (0.0, 0.25, -0.2))


def weak_slopes(seed: int) -> Reported:
    """A twelfth of these slopes, in addition to different levels: too weak to be selected every time."""
    return _with_shifts(seed, (0.0, 0.03, -0.02), (0.0, 0.02, -0.016))


CASES = {
    "real retrofit": real_retrofit, "large retrofit": large_retrofit,
    "large retrofit, class 0.2S": large_retrofit_fine,
    "large retrofit, certified transformers": large_retrofit_certified,
    "nothing saved": nothing_saved, "motor swap": motor_swap,
    "motor swap, another meter": swap_with_another_meter, "two drivers": two_drivers,
    "two drivers, weak temperature": weak_temperature, "two drivers, weaker temperature": weaker_temperature,
    "two drivers, needless temperature": needless_temperature,
    "two drivers, nothing saved": nothing_saved_with_two_drivers, "by shift": by_shift,
    "by shift, needless": needless_shift, "by pumps": by_pumps, "by pumps, nothing saved": nothing_saved_by_pumps,
    "by grade": by_grade, "by grade, weak slopes": weak_slopes,
}  # fmt: skip


def _run(
    plant: Retrofit, rng: np.random.Generator, lengths: tuple[int, int], means: tuple[float, float],
    meters: tuple[MeterErrors, MeterErrors], kind: str = "", sensor: object = None, *, changed: bool = True,
    classes: tuple[str, str] = CLASSES,
) -> Reported:  # fmt: skip
    before = _hours(plant, rng, lengths[0], means[0], meters[0], sensor, new=False)
    after = _hours(plant, rng, lengths[1], means[1], meters[1], sensor, new=changed, first=lengths[0] + 96)
    return _reported(plant, before, after, kind, changed=changed, classes=classes)


def _reported(
    plant: Retrofit, before: Hours, after: Hours, kind: str = "", *, changed: bool = True,
    classes: tuple[str, str] = CLASSES,
) -> Reported:  # fmt: skip
    frozen = freeze(learn("pump", before.intervals, kind=kind or None, classes=classes), 0, "test")
    present = MeterClasses(*classes, va_per_a=math.sqrt(3) * VOLTS)  # the identity of the meter has the rated current
    saving, lines = evaluate(frozen, after.intervals, classes=present, old_motor=plant.old_plate)
    claimed = np.array([line.excluded is None for line in lines])
    new_wh = after.new_wh if changed else after.old_wh
    return Reported(
        saving, lines, frozen, float((after.old_wh - new_wh)[claimed].sum()), float(after.motor_wh[claimed].sum()),
        float(after.drive_wh[claimed].sum()), float(after.old_wh[claimed].sum()),
    )  # fmt: skip


def _hours(
    plant: Retrofit, rng: np.random.Generator, n: int, mean: float, meter: MeterErrors, sensor: object, *, new: bool,
    first: int = 0,
) -> Hours:  # fmt: skip
    """Unmeasured influences change the load by 1 % and are correlated over about an hour."""
    influence = ar1(rng, n, 0.6, 0.01)
    assert sensor is None or callable(sensor)
    return hours(plant, flows(rng, n, mean), influence, meter, new=new, first=first, sensor=sensor)


def _with_temperature(seed: int, per_k: float, *, changed: bool = True) -> Reported:
    rng = np.random.default_rng(seed)
    first = draw_meter(rng)
    second = first if changed else draw_meter(rng, "30001177")

    def half(n: int, mean: float, warmer_k: float, meter: MeterErrors, begin: int, new: bool) -> Hours:
        hour = np.arange(n) / 4
        inlet_c = 18 + warmer_k + 4 * np.sin(2 * np.pi * (hour - 9) / 24) + ar1(rng, n, 0.995, 4.0)
        influence = (1 + ar1(rng, n, 0.6, 0.01)) * (1 - per_k * (inlet_c - 18)) - 1
        return hours(PUMP_HIGH_HEAD, flows(rng, n, mean), influence, meter, new=new, first=begin,
                     more={TEMPERATURE: inlet_c})  # fmt: skip

    before = half(14 * 96, 0.89, 0.0, first, 0, False)
    return _reported(PUMP_HIGH_HEAD, before, half(30 * 96, 0.82, 4.0, second, 15 * 96, changed), changed=changed)


def _with_shifts(seed: int, more: tuple[float, ...], tilts: tuple[float, ...] = (0.0, 0.0, 0.0)) -> Reported:
    """more: load of each shift at the same flow, relative. tilts: increase of this load with the flow (1: rated)."""
    rng = np.random.default_rng(seed)
    meter = draw_meter(rng)

    def half(n: int, mean: float, nights: float, begin: int, new: bool) -> Hours:
        shift = np.repeat(np.where(rng.random(n // 32) < nights, 2, np.arange(n // 32) % 3), 32)
        influence = (1 + ar1(rng, n, 0.6, 0.01)) * (1 + np.asarray(more)[shift]) - 1
        flow = flows(rng, n, mean)
        influence = (1 + influence) * (1 + np.asarray(tilts)[shift] * (flow - 0.89)) - 1
        return hours(PUMP_HIGH_HEAD, flow, influence, meter, new=new, first=begin, more={SHIFT: shift + 1.0})

    before = half(14 * 96, 0.89, 0.0, 0, False)
    return _reported(PUMP_HIGH_HEAD, before, half(30 * 96, 0.82, 0.3, 15 * 96, True))


def _with_pumps(seed: int, *, changed: bool = True) -> Reported:
    rng = np.random.default_rng(seed)
    first = draw_meter(rng)
    second = first if changed else draw_meter(rng, "30001177")

    def half(n: int, mean: float, meter: MeterErrors, begin: int, new: bool) -> Hours:
        wanted = flows(rng, n, 1.0, 0.5, 1.6) * mean + np.repeat(rng.normal(0, 0.18, n // 48 + 1), 48)[:n]
        wanted, pumps, running = np.clip(wanted, 0.45, 1.7), np.ones(n), 1.0
        for k, flow in enumerate(wanted):
            running = 2.0 if flow > 0.95 else 1.0 if flow < 0.8 else running
            pumps[k] = running
        return hours(PUMP_HIGH_HEAD, wanted / pumps, ar1(rng, n, 0.6, 0.01), meter, new=new, first=begin,
                     sensor=lambda flow: flow * pumps, more={PUMPS: pumps})  # fmt: skip

    before = half(14 * 96, 0.92, first, 0, False)
    return _reported(PUMP_HIGH_HEAD, before, half(30 * 96, 0.85, second, 15 * 96, changed), changed=changed)


def _saturating(flow: Array) -> Array:
    """A flow meter that shows 4 % too little at full flow: no model form fits exactly."""
    found: Array = flow - 0.04 * np.clip((flow - 0.6) / 0.5, 0, None) ** 2
    return found
