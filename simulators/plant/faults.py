"""Faults of a plant as functions of time that change parameters. Wiring faults are in simulators/meters."""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from simulators.plant.params import ALUMINIUM_PER_K, COPPER_PER_K, InductionMotor, MagnetMotor

DIP_KINDS = ("A", "B", "C", "D")


@dataclass(frozen=True, slots=True)
class Dip:
    """A voltage dip with abrupt beginning and end.

    at_s: beginning, seconds since the start of the plant.
    duration_s: duration, seconds.
    residual: residual voltage as a share of the voltage before the dip.
    every_s: period of repetition, seconds; inf: once.
    kind: type after Bollen: A all phases equal, B one phase to neutral, C two phases, D type C seen through a
        delta-star transformer. The zero sequence of B is neglected.
    jump_degrees: phase-angle jump, degrees.
    Raises ValueError for an unknown kind or a residual outside 0…1.
    """

    at_s: float
    duration_s: float = 0.4
    residual: float = 0.72
    every_s: float = float("inf")
    kind: str = "A"
    jump_degrees: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in DIP_KINDS:
            raise ValueError(f"dip: kind must be one of {', '.join(DIP_KINDS)}, got {self.kind!r}")
        if not 0 <= self.residual <= 1:
            raise ValueError(f"dip: residual must be between 0 and 1, got {self.residual:g}")

    def factor(self, now_s: float) -> float:
        """Return the positive sequence of the voltage relative to before the dip, without the phase jump."""
        return abs(self.sequences(now_s)[0])

    def sequences(self, now_s: float) -> tuple[complex, complex]:
        """Return positive and negative sequence relative to the undisturbed positive sequence; L1 at angle 0."""
        since_s = now_s - self.at_s
        if since_s < 0 or since_s % self.every_s >= self.duration_s:
            return 1 + 0j, 0j
        v = cmath.rect(self.residual, math.radians(self.jump_degrees))
        if self.kind == "A":
            return v, 0j
        if self.kind == "B":
            return (2 + v) / 3, (v - 1) / 3
        half = (1 - v) / 2
        return (1 + v) / 2, half if self.kind == "C" else -half


@dataclass(frozen=True, slots=True)
class Course:
    """Severity over time: 0 before `at_s`, then `first`, increasing by `per_s` each second up to `most`."""

    at_s: float = 0.0
    first: float = 0.0
    per_s: float = 0.0
    most: float = 1.0

    def at(self, now_s: float) -> float:
        since_s = now_s - self.at_s
        return 0.0 if since_s < 0 else min(self.first + self.per_s * since_s, self.most)


@dataclass(frozen=True, slots=True)
class Condition:
    """Combined effect of all faults on one motor and its drive at one instant; the default is a healthy motor.

    bar: relative increase of the rotor resistance on an axis that turns with the rotor.
    gap_static: static eccentricity: rotor offset relative to the air gap, fixed direction.
    gap_dynamic: dynamic eccentricity: rotor offset relative to the air gap, turning with the shaft.
    bearing: amplitude of the torque pulses relative to the load torque.
    bearing_order: pulses for each turn of the shaft.
    flux_lost: lost share of the magnets' flux, equal on all poles.
    pole_lost: share of flux that one pole pair has lost in addition to its opposite.
    open_phase: True: L1 is open.
    turns: shorted share of the turns of phase L1.
    turns_ohm: resistance of the short circuit, Ω.
    capacitance: capacitance of the DC capacitor relative to new.
    esr: series resistance of the DC capacitor relative to new.
    hotter_k: temperature of winding and magnets above that explained by the losses, K.
    Raises ValueError for impossible values.
    """

    bar: float = 0.0
    gap_static: float = 0.0
    gap_dynamic: float = 0.0
    bearing: float = 0.0
    bearing_order: float = 0.0
    flux_lost: float = 0.0
    pole_lost: float = 0.0
    open_phase: bool = False
    turns: float = 0.0
    turns_ohm: float = 0.0
    capacitance: float = 1.0
    esr: float = 1.0
    hotter_k: float = 0.0

    def __post_init__(self) -> None:
        for name in ("bar", "gap_static", "gap_dynamic", "flux_lost", "pole_lost", "turns"):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise ValueError(f"fault: {name} must be between 0 and 1, got {value:g}")
        if self.gap_static + self.gap_dynamic >= 1:
            raise ValueError("fault: gap_static + gap_dynamic must be below 1, at which the rotor touches the stator")
        for name in ("bearing", "turns_ohm", "esr"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"fault: {name} must not be negative, got {getattr(self, name):g}")
        if not self.capacitance > 0:
            raise ValueError(f"fault: capacitance must be positive, got {self.capacitance:g}")


HEALTHY = Condition()


@dataclass(frozen=True, slots=True)
class BrokenBar:
    """Broken rotor bars.

    The course is δ. One broken bar of N gives about δ = 1.3/N (small-signal estimate, from memory).
    """

    course: Course

    def apply(self, to: Condition, now_s: float) -> Condition:
        return replace(to, bar=to.bar + self.course.at(now_s))


@dataclass(frozen=True, slots=True)
class Eccentricity:
    """Rotor eccentricity. Only both kinds together appear at f ± fr (Nandi and Toliyat)."""

    static: Course = Course()
    dynamic: Course = Course()

    def apply(self, to: Condition, now_s: float) -> Condition:
        return replace(to, gap_static=self.static.at(now_s), gap_dynamic=self.dynamic.at(now_s))


@dataclass(frozen=True, slots=True)
class Bearing:
    """A spall on the outer race: one torque pulse for each ball that passes it."""

    course: Course
    balls: int = 9
    ball_to_pitch: float = 0.2
    contact_degrees: float = 0.0

    @property
    def order(self) -> float:
        """Pulses for each turn of the shaft: n/2·(1 − d/D·cos α)."""
        return self.balls / 2 * (1 - self.ball_to_pitch * math.cos(math.radians(self.contact_degrees)))

    def apply(self, to: Condition, now_s: float) -> Condition:
        return replace(to, bearing=self.course.at(now_s), bearing_order=self.order)


@dataclass(frozen=True, slots=True)
class Demagnetised:
    """Demagnetisation.

    course: flux lost by all poles.
    uneven: flux lost by one pole pair in addition to its opposite.
    """

    course: Course
    uneven: Course = Course()

    def apply(self, to: Condition, now_s: float) -> Condition:
        return replace(to, flux_lost=self.course.at(now_s), pole_lost=self.uneven.at(now_s))


@dataclass(frozen=True, slots=True)
class PhaseLoss:
    """L1 opens at its next current zero."""

    at_s: float
    until_s: float = float("inf")

    def apply(self, to: Condition, now_s: float) -> Condition:
        return replace(to, open_phase=self.at_s <= now_s < self.until_s)


@dataclass(frozen=True, slots=True)
class TurnFault:
    """A share of the turns of L1 shorted through a resistance."""

    course: Course
    fault_ohm: float = 0.0

    def apply(self, to: Condition, now_s: float) -> Condition:
        return replace(to, turns=self.course.at(now_s), turns_ohm=self.fault_ohm)


@dataclass(frozen=True, slots=True)
class AgeingCapacitor:
    """Ageing of the DC capacitor.

    Course from 0 (new) to 1 (end of life: a fifth of the capacitance lost, twice the ESR).
    """

    course: Course

    def apply(self, to: Condition, now_s: float) -> Condition:
        age = self.course.at(now_s)
        return replace(to, capacitance=1 - 0.2 * age, esr=1 + age)


@dataclass(frozen=True, slots=True)
class Overheating:
    """Blocked cooling; the course is the additional temperature in kelvin, limited by its `most`."""

    course: Course

    def apply(self, to: Condition, now_s: float) -> Condition:
        return replace(to, hotter_k=self.course.at(now_s))


def weakened(motor: InductionMotor | MagnetMotor, state: Condition) -> InductionMotor | MagnetMotor:
    """Return the motor record of the steady-state model under a condition, as far as mean values show it.

    Magnet motor: lost flux; its heating is in the temperatures supplied by the caller. Induction motor: heating.
    Faults that only rotate or pulse do not change mean values.
    """
    if isinstance(motor, InductionMotor):
        k = state.hotter_k
        return replace(
            motor, rs_ohm=motor.rs_ohm * (1 + COPPER_PER_K * k), rr_ohm=motor.rr_ohm * (1 + ALUMINIUM_PER_K * k)
        )
    return replace(motor, flux20_wb=motor.flux20_wb * (1 - state.flux_lost) * (1 - state.pole_lost / 2))


Fault = BrokenBar | Eccentricity | Bearing | Demagnetised | PhaseLoss | TurnFault | AgeingCapacitor | Overheating


def condition(faults: Iterable[Fault], now_s: float) -> Condition:
    """Return the combined condition of all faults of one motor."""
    state = HEALTHY
    for fault in faults:
        state = fault.apply(state, now_s)
    return state
