"""A mistake in the wiring of a meter as data for a picture: which conductor reaches which terminal.

The mistakes come as codes: of the live check (`meter_wiring_faults` of the message `explain`), or of a self-check.
Angles are in degrees between voltage and current of a phase, positive lagging.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from agent.analysis.efficiency.reasons import WIRING_FAULTS, WIRING_FAULTS_TOGETHER
from agent.commissioning.selfcheck.reasons import METER_CT_REVERSED, METER_CTS_SWAPPED
from drivers.reasons import Reason

Angles = tuple[float, float, float]
Side = Literal["current", "voltage"]
PHASES = ("L1", "L2", "L3")
_VOLTAGE_DEG = (0.0, -120.0, 120.0)  # of the phase voltages
_LOAD_DEG = (-30.0, 90.0)  # of a load that consumes; 120° wide: one rotation of the phases is within it
_IDENTITY = (0, 1, 2)
_SIDES: tuple[tuple[str, Side], ...] = (("ct", "current"), ("vt", "voltage"))

WireState = Literal["ok", "exchanged", "rotated", "reversed", "missing", "lost"]


class Wire(Struct, frozen=True):
    """One connection at the meter.

    terminal: I1 to I3, or U1 to U3.
    phase: the conductor that reaches it, L1 to L3; None: another one, which the readings do not show.
    state: what is wrong with it.
    reversed: S1 and S2 are exchanged, too.
    """

    terminal: str
    phase: str | None
    state: WireState
    reversed: bool = False


class WiringMistake(Struct, frozen=True):
    """One mistake that explains the readings.

    side: current | voltage.
    order: terminal → phase that reaches it, counted from 0; None: rotated in an unknown direction.
    reversed: terminals whose polarity is wrong.
    missing: terminals without a signal.
    lost: phases that the supply has lost.
    """

    side: Side
    order: tuple[int, int, int] | None = _IDENTITY
    reversed: frozenset[int] = frozenset()
    missing: frozenset[int] = frozenset()
    lost: frozenset[int] = frozenset()

    @property
    def moved(self) -> tuple[int, ...]:
        """The terminals that a wrong phase reaches."""
        return tuple(k for k in range(3) if self.order is None or self.order[k] != k)

    @property
    def wires(self) -> tuple[Wire, ...]:
        return tuple(self._wire(k) for k in range(3))

    def _wire(self, k: int) -> Wire:
        state: WireState = "ok"
        if k in self.lost:
            state = "lost"
        elif k in self.missing:
            state = "missing"
        elif k in self.moved:
            state = "exchanged" if len(self.moved) == 2 else "rotated"
        elif k in self.reversed:
            state = "reversed"
        phase = PHASES[self.order[k]] if self.order else None
        return Wire(f"{'I' if self.side == 'current' else 'U'}{k + 1}", phase, state, k in self.reversed)

    def corrected(self, angles: Angles) -> Angles | None:
        """The angles of the phases L1 to L3 with correct wiring; None where they do not follow from the readings.

        angles: as wired, of the terminals 1 to 3.
        """
        if self.order is None or self.missing or self.lost:
            return None
        found = [0.0, 0.0, 0.0]
        for k, phase in enumerate(self.order):
            turn = 180.0 if k in self.reversed else 0.0
            if self.side == "current":  # the current of `phase` was compared with the voltage of phase k
                found[phase] = _turned(_VOLTAGE_DEG[phase] - (_VOLTAGE_DEG[k] - angles[k]) - turn)
            else:
                found[k] = _turned(_VOLTAGE_DEG[k] - (_VOLTAGE_DEG[phase] - angles[k]) - turn)
        return found[0], found[1], found[2]


def mistake_of(fault: Reason, angles: Angles | None = None) -> WiringMistake | None:
    """The wiring mistake that a code names; None for a code that is no wrong wiring, such as a wrong ratio.

    angles: as wired; the direction of a rotation follows from them.
    """
    data, code = fault.data, fault.code
    if code == WIRING_FAULTS_TOGETHER:
        return _together(fault, angles)
    if code == METER_CTS_SWAPPED:
        return WiringMistake("current", _swapped(_indices((data["phase"], data["other_phase"]))))
    if code == METER_CT_REVERSED:
        return WiringMistake("current", reversed=frozenset(_indices(data["phases"])))
    phases = _indices(str(data.get("phases", "")).replace("-", ",").split(","))
    if code == WIRING_FAULTS["phase_lost"]:
        return WiringMistake("voltage", lost=frozenset(phases))
    for prefix, side in _SIDES:
        if code == WIRING_FAULTS.get(f"{prefix}_reversed"):
            return WiringMistake(side, reversed=frozenset(phases))
        if code == WIRING_FAULTS[f"{prefix}_missing"]:
            return WiringMistake(side, missing=frozenset(phases))
        if code == WIRING_FAULTS[f"{prefix}_swapped"] and len(phases) == 2:
            return WiringMistake(side, _swapped(phases))
        if code == WIRING_FAULTS[f"{prefix}_rotated"] or code == WIRING_FAULTS[f"{prefix}_swapped"]:
            return _rotated(WiringMistake(side, None), angles)
    return None


def angles_of(values: Mapping[str, Any]) -> Angles | None:
    """The angles of the three terminals from active and reactive power of a telemetry message; None without them."""
    found = []
    for k in (1, 2, 3):
        power_w, reactive_var = values.get(f"active_power_l{k}_w"), values.get(f"reactive_power_l{k}_var")
        if power_w is None or reactive_var is None or (power_w == 0 and reactive_var == 0):
            return None
        found.append(math.degrees(math.atan2(reactive_var, power_w)))
    return found[0], found[1], found[2]


def _together(fault: Reason, angles: Angles | None) -> WiringMistake | None:
    """Exchanged or rotated, and reversed at some terminals."""
    second = mistake_of(fault.data["second"])
    if second is None:
        return None
    turned = angles
    if angles is not None:
        one, two, three = (_turned(angles[k] - (180.0 if k in second.reversed else 0.0)) for k in range(3))
        turned = one, two, three
    first = mistake_of(fault.data["first"], turned)
    return WiringMistake(first.side, first.order, second.reversed) if first else None


def _rotated(unknown: WiringMistake, angles: Angles | None) -> WiringMistake:
    """The rotation with which the load consumes, if it follows from the angles."""
    if angles is None:
        return unknown
    for order in ((1, 2, 0), (2, 0, 1)):
        candidate = WiringMistake(unknown.side, order)
        corrected = candidate.corrected(angles)
        if corrected and _LOAD_DEG[0] <= _mean(corrected) < _LOAD_DEG[1]:
            return candidate
    return unknown


def _swapped(phases: Sequence[int]) -> tuple[int, int, int]:
    order = [0, 1, 2]
    a, b = phases
    order[a], order[b] = b, a
    return order[0], order[1], order[2]


def _indices(names: Sequence[str]) -> list[int]:
    return [PHASES.index(name) for name in names if name in PHASES]


def _turned(angle: float) -> float:
    return (angle + 180.0) % 360.0 - 180.0


def _mean(angles: Sequence[float]) -> float:
    x = sum(math.cos(math.radians(angle)) for angle in angles)
    y = sum(math.sin(math.radians(angle)) for angle in angles)
    return math.degrees(math.atan2(y, x))
