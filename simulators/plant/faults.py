"""What can go wrong in a plant, as functions of time on the parameters. Wiring faults belong to the meters."""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from simulators.plant.params import ALUMINIUM_PER_K, COPPER_PER_K, InductionMotor, MagnetMotor

DIP_KINDS = ("A", "B", "C", "D")


@dataclass(frozen=True, slots=True)
class Dip:
    """The supply falls to `residual` of its voltage at once, for a while, and comes back at once.

    every_s: again and again at that distance; inf: once. kind, after Bollen: A all phases alike, B one phase to
    neutral, C two phases, D as C looks behind a delta-star transformer; of B the zero sequence is left out.
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
            raise ValueError(f"dip: residual must lie between 0 and 1, got {self.residual:g}")

    def factor(self, now_s: float) -> float:
        """Of the supply's voltage: of its positive sequence without the phase jump."""
        return abs(self.sequences(now_s)[0])

    def sequences(self, now_s: float) -> tuple[complex, complex]:
        """Positive and negative sequence against the undisturbed positive one; L1 at angle 0."""
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
    """A severity over time: 0 before `at_s`, then `first`, growing by `per_s` up to `most`."""

    at_s: float = 0.0
    first: float = 0.0
    per_s: float = 0.0
    most: float = 1.0

    def at(self, now_s: float) -> float:
        since_s = now_s - self.at_s
        return 0.0 if since_s < 0 else min(self.first + self.per_s * since_s, self.most)


@dataclass(frozen=True, slots=True)
class Condition:
    """What all faults together do to one motor and its drive at one instant; the default is health."""

    bar: float = 0.0  # relative rise of the rotor resistance that turns with the rotor
    gap_static: float = 0.0  # offset of the rotor against the gap: where it points stands still
    gap_dynamic: float = 0.0  # … turns with the shaft
    bearing: float = 0.0  # depth of the torque pulses against the load torque
    bearing_order: float = 0.0  # pulses per turn of the shaft
    flux_lost: float = 0.0  # share of the magnets' flux, all poles alike
    pole_lost: float = 0.0  # share that one pole pair has lost more than its opposite
    open_phase: bool = False  # L1
    turns: float = 0.0  # shorted share of the turns of phase L1
    turns_ohm: float = 0.0  # resistance at the short
    capacitance: float = 1.0  # of the DC capacitor against new
    esr: float = 1.0  # its series resistance against new
    hotter_k: float = 0.0  # winding and magnets above what the losses explain

    def __post_init__(self) -> None:
        for name in ("bar", "gap_static", "gap_dynamic", "flux_lost", "pole_lost", "turns"):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise ValueError(f"fault: {name} must lie between 0 and 1, got {value:g}")
        if self.gap_static + self.gap_dynamic >= 1:
            raise ValueError("fault: gap_static + gap_dynamic must lie below 1, where the rotor touches")
        for name in ("bearing", "turns_ohm", "esr"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"fault: {name} must not be negative, got {getattr(self, name):g}")
        if not self.capacitance > 0:
            raise ValueError(f"fault: capacitance must be positive, got {self.capacitance:g}")


HEALTHY = Condition()


@dataclass(frozen=True, slots=True)
class BrokenBar:
    """A course of δ; one of N bars gives about δ = 1.3/N (small-signal estimate, from memory)."""

    course: Course

    def apply(self, to: Condition, now_s: float) -> Condition:
        return replace(to, bar=to.bar + self.course.at(now_s))


@dataclass(frozen=True, slots=True)
class Eccentricity:
    """Rotor off centre against the gap. Only both kinds together show at f ± fr (Nandi and Toliyat)."""

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
        """Pulses per turn of the shaft: n/2·(1 − d/D·cos α)."""
        return self.balls / 2 * (1 - self.ball_to_pitch * math.cos(math.radians(self.contact_degrees)))

    def apply(self, to: Condition, now_s: float) -> Condition:
        return replace(to, bearing=self.course.at(now_s), bearing_order=self.order)


@dataclass(frozen=True, slots=True)
class Demagnetised:
    """Flux lost by all poles, and by one pole pair more than by its opposite."""

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
    """Course from 0 (new) to 1 (end of life: a fifth of the capacitance gone, twice the series resistance)."""

    course: Course

    def apply(self, to: Condition, now_s: float) -> Condition:
        age = self.course.at(now_s)
        return replace(to, capacitance=1 - 0.2 * age, esr=1 + age)


@dataclass(frozen=True, slots=True)
class Overheating:
    """Blocked cooling, as a course of kelvin on top (so `most` says how many)."""

    course: Course

    def apply(self, to: Condition, now_s: float) -> Condition:
        return replace(to, hotter_k=self.course.at(now_s))


def weakened(motor: InductionMotor | MagnetMotor, state: Condition) -> InductionMotor | MagnetMotor:
    """The record in the steady tier under that condition, where a mean shows it: lost flux of a magnet motor (whose
    heat is in the temperatures that come with it), heat of an induction motor. What only turns or pulses leaves the
    means alone.
    """
    if isinstance(motor, InductionMotor):
        k = state.hotter_k
        return replace(
            motor, rs_ohm=motor.rs_ohm * (1 + COPPER_PER_K * k), rr_ohm=motor.rr_ohm * (1 + ALUMINIUM_PER_K * k)
        )
    return replace(motor, flux20_wb=motor.flux20_wb * (1 - state.flux_lost) * (1 - state.pole_lost / 2))


Fault = BrokenBar | Eccentricity | Bearing | Demagnetised | PhaseLoss | TurnFault | AgeingCapacitor | Overheating


def condition(faults: Iterable[Fault], now_s: float) -> Condition:
    """All faults of one motor together."""
    state = HEALTHY
    for fault in faults:
        state = fault.apply(state, now_s)
    return state
