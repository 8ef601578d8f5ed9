"""Diagnose the wiring of the transformers of a meter from its readings. Angles are in degrees, positive lagging.

All possible wirings are tried: which current each terminal gets, and with which polarity. A wiring fits if the phases
then have similar angles that are possible for the load. If several wirings explain the readings they are listed without
a decision: all current transformers reversed look like a regenerating load; rotated ones, and rotated and reversed
ones, look like a leading load. Rotated currents look like rotated voltages and have one name.

Names: ct_reversed:A,B, ct_swapped:A-B, vt_swapped:A-B, ct_rotated, ct_rotated+reversed, ct_missing:A, vt_missing:A
"""

from __future__ import annotations

import cmath
import math
from itertools import permutations, product
from typing import NamedTuple

CURRENT_MIN = 0.10  # of rated: below it angles are not reliable
OK, UNKNOWN, UNCLEAR = "ok", "unknown", "unclear"
LEADING, REGENERATING, PHASE_LOST = "leading_load", "regenerating", "phase_lost"
_PHASES = "ABC"
_SWAPS = ((1, 0, 2), (0, 2, 1), (2, 1, 0))
_LAG = (0.0, -120.0, 120.0)  # of the phase voltages
_ALIKE_DEG = 28.0  # largest difference between similar angles; wirings differ by at least 60°
_GONE, _LOST_V, _WEAK = 0.03, 0.75, 0.25
# A motor on the mains whose current is above _BUSY of rated carries load, and lags less than _BUSY_DEG.
_BUSY, _BUSY_DEG = 0.6, 62.0
# (smallest, largest) angle of a correctly wired load. A diode bridge is near 0 and unbalanced; definitions of reactive
# power differ between meters.
_RANGE = {"motor": (-5.0, 89.0), "bridge": (-25.0, 52.0), "drive": (-30.0, 52.0)}


class Phases(NamedTuple):
    """Readings of a meter with neutral, each for the three phases.

    volts_v: voltages to neutral, V rms.
    amps_a: currents, A rms.
    watts_w: active power of one terminal pair, W, signed.
    vars_var: reactive power of one terminal pair, var, signed, positive = inductive.
    """

    volts_v: tuple[float, float, float]
    amps_a: tuple[float, float, float]
    watts_w: tuple[float, float, float]
    vars_var: tuple[float, float, float]


class Diagnosis(NamedTuple):
    """Result of a wiring diagnosis.

    verdict: "ok", the name of a wiring, "ambiguous", "unknown" (not enough current, or NaN) or "unclear" (no wiring
        fits).
    candidates: possible wirings if the verdict is "ambiguous"; otherwise empty.
    """

    verdict: str
    candidates: tuple[str, ...] = ()

    @property
    def wrong(self) -> bool:
        """True if no reading of the meter should be used for an efficiency."""
        return self.verdict not in (OK, UNKNOWN, UNCLEAR)


def three_wattmeters(phases: Phases, rated_a: float, load: str) -> Diagnosis:
    """Diagnose a 3P4W connection.

    rated_a: rated current, A.
    load: "motor" (on the mains, does not regenerate), "bridge" (drive with diode rectifier) or "drive" (may
        regenerate).
    NaN in a reading gives "unknown".
    """
    largest_a = max(phases.amps_a)
    readings = (*phases.volts_v, *phases.amps_a, *phases.watts_w, *phases.vars_var)
    if not all(map(math.isfinite, readings)) or max(phases.volts_v) <= 0 or largest_a < CURRENT_MIN * rated_a:
        return Diagnosis(UNKNOWN)
    lost = [k for k in range(3) if phases.volts_v[k] < _LOST_V * max(phases.volts_v)]
    if lost:
        return _diagnosis_of([f"vt_missing:{_named(lost)}"])
    phi = [math.degrees(math.atan2(q, p)) for p, q in zip(phases.watts_w, phases.vars_var, strict=True)]
    missing = [k for k in range(3) if phases.amps_a[k] < _GONE * largest_a]
    if missing:
        return _missing_current(missing, phi, load)
    present = [k for k in range(3) if phases.amps_a[k] >= _WEAK * largest_a]
    return _swapped_or_reversed(phi, present, load, largest_a / rated_a)


def two_wattmeters(
    lines_v: tuple[float, float, float], amps_a: tuple[float, float, float], watts_w: float, vars_var: float,
    rated_a: float, load: str,
) -> Diagnosis:  # fmt: skip
    """Diagnose a 3P3W connection with current transformers in A and C and voltages against B.

    lines_v: line-to-line voltages AB, BC, CA, V rms.
    amps_a: currents A, B, C, A rms; B as the meter displays it.
    watts_w, vars_var: total active and reactive power, signed.
    rated_a, load: as for three_wattmeters.
    NaN in a reading gives "unknown".
    """
    if not all(map(math.isfinite, (*lines_v, *amps_a, watts_w, vars_var))):
        return Diagnosis(UNKNOWN)
    a, b, c = amps_a
    if max(lines_v) <= 0 or max(a, c) < CURRENT_MIN * rated_a:
        return Diagnosis(UNKNOWN)
    lost = [k for k in range(3) if lines_v[k] < _LOST_V * max(lines_v)]
    if lost:  # a disconnected lead halves the two line-to-line voltages that it belongs to
        both = {frozenset((0, 2)): "A", frozenset((0, 1)): "B", frozenset((1, 2)): "C"}
        return _diagnosis_of([f"vt_missing:{both.get(frozenset(lost), _named(lost))}"])
    if min(a, c) < _GONE * max(a, c):
        return Diagnosis(f"ct_missing:{'A' if a < c else 'C'}")
    seen = complex(watts_w, vars_var) / (math.sqrt(3) * sum(lines_v) / 3 * (a + c) / 2)
    between = b / ((a + c) / 2)
    least = 0.80 if load == "motor" else 0.45  # minimum share of the fundamental in the current
    fits: list[tuple[int, str]] = []
    for name, cost, factor, ratio in _TWO:
        if abs(between - ratio) > 0.35:
            continue
        if factor == 0:
            if abs(seen) < 0.25:
                fits.append((cost, name))
            continue
        size, angle = abs(seen) / abs(factor), math.degrees(cmath.phase(seen / factor))
        if least < size < 1.15:
            fits += _possible(cost, name, angle, load, max(a, c) / rated_a)
    return _diagnosis(fits, abs(between - 1) <= 0.35, load)


def ratio_of(measured_w: float, expected_w: float, u_expected: float) -> float | None:
    """Ratio of measured to expected power if it cannot be correct (off by more than 1.5 U and 25 %), otherwise None.

    u_expected: relative U (k = 2) of the expected power. A wrong transformer ratio causes an error of at least 20 %.
    """
    if not (expected_w > 0 and math.isfinite(measured_w)):
        return None
    ratio = abs(measured_w) / expected_w
    wide = 1 + max(0.25, 1.5 * u_expected)
    return None if 1 / wide < ratio < wide else ratio


def _missing_current(missing: list[int], phi: list[float], load: str) -> Diagnosis:
    """Missing current: a disconnected current transformer, or an open phase.

    With an open phase the two other currents are equal and opposite.
    """
    if len(missing) > 1:
        return _diagnosis_of([f"ct_missing:{_named(missing)}"])
    one, two = (k for k in range(3) if k not in missing)
    apart = _turned((_LAG[one] - phi[one]) - (_LAG[two] - phi[two]))
    if abs(abs(apart) - 180) < _ALIKE_DEG:
        return Diagnosis(f"{PHASE_LOST}:{_PHASES[missing[0]]}")
    low, high = _RANGE[load]
    if all(low - 10 <= angle <= high + 10 for angle in (phi[one], phi[two])):
        return Diagnosis(f"ct_missing:{_PHASES[missing[0]]}")
    return Diagnosis("ambiguous", (f"ct_missing:{_PHASES[missing[0]]}", f"{PHASE_LOST}:{_PHASES[missing[0]]}"))


def _swapped_or_reversed(phi: list[float], present: list[int], load: str, current: float) -> Diagnosis:
    low, high = _RANGE[load]
    if all(low <= phi[k] <= min(high, 60.0) for k in present) and _spread([phi[k] for k in present]) <= _ALIKE_DEG:
        return Diagnosis(OK)  # the usual case, and a hundred times faster than trying all wirings
    angles = [_LAG[k] - phi[k] for k in range(3)]  # angle of the current at terminal k
    fits: list[tuple[int, str]] = []
    balanced = _spread([phi[k] for k in present]) <= _ALIKE_DEG
    for signs in product((False, True), repeat=3):
        turn = [180.0 if wrong else 0.0 for wrong in signs]
        for order in permutations(range(3)):
            true = [_LAG[order[k]] - angles[k] - turn[k] for k in present]
            if _spread(true) <= _ALIKE_DEG:
                fits += _possible(*_name(order, signs, "ct"), _mean(true), load, current)
        for order in _SWAPS:  # swapped voltages: terminal k measures relative to the voltage of another phase
            true = [_LAG[k] - (_LAG[order[k]] - phi[k]) - turn[k] for k in present]
            if _spread(true) <= _ALIKE_DEG:
                fits += _possible(*_name(order, signs, "vt"), _mean(true), load, current)
    return _diagnosis(fits, balanced, load)


def _possible(cost: int, name: str, angle: float, load: str, current: float) -> list[tuple[int, str]]:
    """The wiring, if the load can have that angle; a rare state of the load counts as one more error."""
    low, high = _RANGE[load]
    if load == "motor" and current > _BUSY:
        high = _BUSY_DEG
    if low <= angle <= high:
        return [(cost, name)]
    if load == "drive" and low <= _turned(angle + 180) <= high:
        return [(cost + 1, REGENERATING if name == OK else name)]
    if load == "motor" and name == OK and -88.0 <= angle < low:
        return [(1, LEADING)]
    return []


def _diagnosis(fits: list[tuple[int, str]], balanced: bool, load: str) -> Diagnosis:
    if not fits:
        return Diagnosis(UNCLEAR)
    least = min(cost for cost, _ in fits)
    if least == 0:
        return Diagnosis(OK)
    # A rare load state competes with wirings of two mistakes, a load that may regenerate with three; otherwise only the
    # wirings with the fewest mistakes count.
    most = 3 if load == "drive" else 2 if balanced else least
    return _diagnosis_of(list(dict.fromkeys(name for cost, name in sorted(fits) if cost <= most)))


def _diagnosis_of(names: list[str]) -> Diagnosis:
    return Diagnosis(names[0]) if len(names) == 1 else Diagnosis("ambiguous", tuple(names))


def _name(order: tuple[int, ...], signs: tuple[bool, ...], side: str) -> tuple[int, str]:
    """Number of errors and name of a wiring; three reversed transformers count as one error."""
    reversed_at = [k for k in range(3) if signs[k]]
    cost = 1 if len(reversed_at) == 3 else len(reversed_at)
    if order == (0, 1, 2):
        return cost, f"ct_reversed:{_named(reversed_at)}" if reversed_at else OK
    moved = [k for k in range(3) if order[k] != k]
    what = "ct_rotated" if len(moved) == 3 else f"{side}_swapped:{_PHASES[moved[0]]}-{_PHASES[moved[1]]}"
    if len(reversed_at) == 3:
        return cost + 1, f"{what}+reversed"
    return cost + 1, f"{what}+reversed:{_named(reversed_at)}" if reversed_at else what


def _named(phases: list[int]) -> str:
    return ",".join(_PHASES[k] for k in phases)


def _turned(angle: float) -> float:
    return (angle + 180.0) % 360.0 - 180.0


def _mean(angles: list[float]) -> float:
    return math.degrees(cmath.phase(sum(cmath.rect(1, math.radians(angle)) for angle in angles)))


def _spread(angles: list[float]) -> float:
    return max(abs(_turned(a - b)) for a in angles for b in angles)


_R3, _TURN = math.sqrt(3), cmath.rect(1, math.radians(120))
# name, number of mistakes, factor of the complex power, current B over the mean of A and C (from phasor diagrams)
_TWO: tuple[tuple[str, int, complex, float], ...] = (
    (OK, 0, 1, 1.0),
    ("ct_reversed:A", 1, -1j / _R3, _R3),
    ("ct_reversed:C", 1, 1j / _R3, _R3),
    ("ct_reversed:A,C", 1, -1, 1.0),
    ("ct_swapped:A-C", 1, 0, 1.0),
    ("vt_swapped", 1, 0, 1.0),
    ("vt_rotated", 1, _TURN, 1.0),
    ("vt_rotated", 1, 1 / _TURN, 1.0),
    ("vt_rotated+reversed", 2, -_TURN, 1.0),
    ("vt_rotated+reversed", 2, -1 / _TURN, 1.0),
    ("ct_swapped:A-C+reversed:A", 2, -2j / _R3, _R3),
    ("ct_swapped:A-C+reversed:C", 2, 2j / _R3, _R3),
)
