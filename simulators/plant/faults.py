"""Voltage dips, and the faults of a motor and its drive at one instant. Wiring faults are in simulators/meters."""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass

from simulators.plant import validation
from simulators.reasons import SCENARIO_CHOICE, require

DIP_KINDS = ("A", "B", "C", "D")


@dataclass(frozen=True, slots=True)
class Dip:
    """A voltage dip with abrupt beginning and end.

    at_s: beginning, seconds since the start of the plant.
    duration_s: duration, seconds.
    residual: residual voltage as a share of the voltage before the dip.
    kind: type after Bollen: A all phases equal, B one phase to neutral, C two phases, D type C seen through a
        delta-star transformer. The zero sequence of B is neglected.
    jump_degrees: phase-angle jump, degrees.
    Raises ValueError for an unknown kind or a residual outside 0…1.
    """

    at_s: float
    duration_s: float = 0.4
    residual: float = 0.72
    kind: str = "A"
    jump_degrees: float = 0.0

    def __post_init__(self) -> None:
        require(self.kind in DIP_KINDS, "dip: kind", SCENARIO_CHOICE, allowed=DIP_KINDS, value=self.kind)
        validation.shares("dip", self, "residual")

    def sequences(self, now_s: float) -> tuple[complex, complex]:
        """Return positive and negative sequence relative to the undisturbed positive sequence; L1 at angle 0."""
        if not 0 <= now_s - self.at_s < self.duration_s:
            return 1 + 0j, 0j
        v = cmath.rect(self.residual, math.radians(self.jump_degrees))
        if self.kind == "A":
            return v, 0j
        if self.kind == "B":
            return (2 + v) / 3, (v - 1) / 3
        half = (1 - v) / 2
        return (1 + v) / 2, half if self.kind == "C" else -half


@dataclass(frozen=True, slots=True)
class Condition:
    """Faults of one motor and its drive at one instant; the default is a healthy motor.

    bar: relative increase of the rotor resistance on an axis that turns with the rotor; one broken bar of N gives about
        1.3/N (small-signal estimate, from memory).
    gap_static: static eccentricity: rotor offset relative to the air gap, fixed direction.
    gap_dynamic: dynamic eccentricity: rotor offset relative to the air gap, turning with the shaft. Only both kinds
        together appear at f ± fr (Nandi and Toliyat).
    bearing: amplitude of the torque pulses relative to the load torque.
    bearing_order: pulses for each turn of the shaft; see bearing_order().
    flux_lost: lost share of the magnets' flux, equal on all poles.
    pole_lost: share of flux that one pole pair has lost in addition to its opposite.
    open_phase: True: L1 opens at its next current zero; with a drive, L1 of its supply.
    diode_open: True: the upper diode of L1 in the bridge of the drive does not conduct.
    turns: shorted share of the turns of phase L1.
    turns_ohm: resistance of the short circuit, Ω.
    capacitance: capacitance of the DC capacitor relative to new; 0.8 at the end of its life.
    esr: series resistance of the DC capacitor relative to new; 2 at the end of its life.
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
    diode_open: bool = False
    turns: float = 0.0
    turns_ohm: float = 0.0
    capacitance: float = 1.0
    esr: float = 1.0
    hotter_k: float = 0.0

    def __post_init__(self) -> None:
        validation.shares("fault", self, "bar gap_static gap_dynamic flux_lost pole_lost turns")
        validation.not_negative("fault", self, "bearing turns_ohm esr")
        validation.positive("fault", self, "capacitance")
        if max(self.bar, self.flux_lost, self.pole_lost, self.turns) >= 1:
            raise ValueError("fault: bar, flux_lost, pole_lost and turns must be below 1")
        if self.gap_static + self.gap_dynamic >= 1:
            raise ValueError("fault: gap_static + gap_dynamic must be below 1, at which the rotor touches the stator")


HEALTHY = Condition()


def bearing_order(balls: int = 9, ball_to_pitch: float = 0.2, contact_degrees: float = 0.0) -> float:
    """Return the torque pulses for each turn of the shaft by a spall on the outer race: n/2·(1 − d/D·cos α)."""
    return balls / 2 * (1 - ball_to_pitch * math.cos(math.radians(contact_degrees)))
