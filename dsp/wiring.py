"""How a meter's transformers are wired, from what it shows. Pure functions; angles in degrees, positive lagging.

Every wiring is tried: which conductor's current each terminal gets, which way round. A wiring fits when the phases
then have like angles, and such as the load can have. What several wirings explain is listed, not judged: all current
transformers reversed look like a load that gives energy back; rotated ones, and rotated and reversed ones, look like a
load that leads. Rotated currents look like rotated voltages and have one name.

Names: ct_reversed:A,B, ct_swapped:A-B, vt_swapped:A-B, ct_rotated, ct_rotated+reversed, ct_missing:A, vt_missing:A
"""

from __future__ import annotations

import cmath
import math
from itertools import permutations, product
from typing import NamedTuple

CURRENT_MIN = 0.10  # of rated: below it angles say nothing
OK, UNKNOWN, UNCLEAR = "ok", "unknown", "unclear"
LEADING, REGENERATING, PHASE_LOST = "leading_load", "regenerating", "phase_lost"
_PHASES = "ABC"
_SWAPS = ((1, 0, 2), (0, 2, 1), (2, 1, 0))
_LAG = (0.0, -120.0, 120.0)  # of the phase voltages
_ALIKE_DEG = 28.0  # wirings differ by 60° at least
_GONE, _LOST_V, _WEAK = 0.03, 0.75, 0.25
# (least, largest) angle of a sound load. A diode bridge is near 0 and unbalanced; reactive power definitions differ.
_BUSY, _BUSY_DEG = 0.6, 62.0  # from that current on a motor on the mains carries load, and lags less
_RANGE = {"motor": (-5.0, 89.0), "bridge": (-25.0, 52.0), "drive": (-30.0, 52.0)}


class Phases(NamedTuple):
    """Each of three: rms volts to neutral, rms amperes, signed W and var of one terminal pair."""

    volts_v: tuple[float, float, float]
    amps_a: tuple[float, float, float]
    watts_w: tuple[float, float, float]
    vars_var: tuple[float, float, float]


class Diagnosis(NamedTuple):
    """verdict: "ok", a wiring's name, "ambiguous" (see candidates), "unknown" (too little current), "unclear"."""

    verdict: str
    candidates: tuple[str, ...] = ()

    @property
    def wrong(self) -> bool:
        """Whether nothing that the meter shows should be used for an efficiency."""
        return self.verdict not in (OK, UNKNOWN, UNCLEAR)


def three_wattmeters(phases: Phases, rated_a: float, load: str) -> Diagnosis:
    """3P4W. load: "motor" (on the mains, gives nothing back), "bridge" (drive with diodes), "drive" (may give back)."""
    largest_a = max(phases.amps_a)
    if not all(map(math.isfinite, (*phases.volts_v, *phases.amps_a, *phases.watts_w, *phases.vars_var))):
        return Diagnosis(UNKNOWN)
    if max(phases.volts_v) <= 0 or largest_a < CURRENT_MIN * rated_a:
        return Diagnosis(UNKNOWN)
    lost = [k for k in range(3) if phases.volts_v[k] < _LOST_V * max(phases.volts_v)]
    if lost:
        return _one_or_many([f"vt_missing:{_named(lost)}"])
    phi = [math.degrees(math.atan2(q, p)) for p, q in zip(phases.watts_w, phases.vars_var, strict=True)]
    gone = [k for k in range(3) if phases.amps_a[k] < _GONE * largest_a]
    if gone:
        return _current_gone(gone, phi, load)
    heard = [k for k in range(3) if phases.amps_a[k] >= _WEAK * largest_a]
    return _crossed(phi, heard, load, largest_a / rated_a)


def two_wattmeters(
    lines_v: tuple[float, float, float], amps_a: tuple[float, float, float], watts_w: float, vars_var: float,
    rated_a: float, load: str,
) -> Diagnosis:  # fmt: skip
    """3P3W with current transformers in A and C, voltages against B. lines_v: AB, BC, CA; amps_a: B as shown."""
    if not all(map(math.isfinite, (*lines_v, *amps_a, watts_w, vars_var))):
        return Diagnosis(UNKNOWN)
    a, b, c = amps_a
    if max(lines_v) <= 0 or max(a, c) < CURRENT_MIN * rated_a:
        return Diagnosis(UNKNOWN)
    lost = [k for k in range(3) if lines_v[k] < _LOST_V * max(lines_v)]
    if lost:  # a lead that is off halves the two lines it belongs to
        both = {frozenset((0, 2)): "A", frozenset((0, 1)): "B", frozenset((1, 2)): "C"}
        return _one_or_many([f"vt_missing:{both.get(frozenset(lost), _named(lost))}"])
    if min(a, c) < _GONE * max(a, c):
        return Diagnosis(f"ct_missing:{'A' if a < c else 'C'}")
    seen = complex(watts_w, vars_var) / (math.sqrt(3) * sum(lines_v) / 3 * (a + c) / 2)
    between = b / ((a + c) / 2)
    least = 0.80 if load == "motor" else 0.45  # the fundamental's share of the current
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
    return _judge(fits, abs(between - 1) <= 0.35, load)


def ratio_of(measured_w: float, expected_w: float, u_expected: float) -> float | None:
    """Measured over expected power where that cannot be right: off by more than 1.5 U and a quarter; None else.

    u_expected: relative U (k = 2) of the expectation. A wrong current transformer is off by a fifth at least.
    """
    if not (expected_w > 0 and math.isfinite(measured_w)):
        return None
    ratio = abs(measured_w) / expected_w
    wide = 1 + max(0.25, 1.5 * u_expected)
    return None if 1 / wide < ratio < wide else ratio


def _current_gone(gone: list[int], phi: list[float], load: str) -> Diagnosis:
    """A current transformer off, or the conductor itself: then the two others carry one current there and back."""
    if len(gone) > 1:
        return _one_or_many([f"ct_missing:{_named(gone)}"])
    one, two = (k for k in range(3) if k not in gone)
    apart = _turned((_LAG[one] - phi[one]) - (_LAG[two] - phi[two]))
    if abs(abs(apart) - 180) < _ALIKE_DEG:
        return Diagnosis(f"{PHASE_LOST}:{_PHASES[gone[0]]}")
    low, high = _RANGE[load]
    if all(low - 10 <= angle <= high + 10 for angle in (phi[one], phi[two])):
        return Diagnosis(f"ct_missing:{_PHASES[gone[0]]}")
    return Diagnosis("ambiguous", (f"ct_missing:{_PHASES[gone[0]]}", f"{PHASE_LOST}:{_PHASES[gone[0]]}"))


def _crossed(phi: list[float], heard: list[int], load: str, current: float) -> Diagnosis:
    low, high = _RANGE[load]
    if all(low <= phi[k] <= min(high, 60.0) for k in heard) and _spread([phi[k] for k in heard]) <= _ALIKE_DEG:
        return Diagnosis(OK)  # nearly always, and a hundred times as quick
    arrows = [_LAG[k] - phi[k] for k in range(3)]  # angle of the current at terminal k
    fits: list[tuple[int, str]] = []
    balanced = _spread([phi[k] for k in heard]) <= _ALIKE_DEG
    for signs in product((False, True), repeat=3):
        turn = [180.0 if wrong else 0.0 for wrong in signs]
        for order in permutations(range(3)):
            true = [_LAG[order[k]] - arrows[k] - turn[k] for k in heard]
            if _spread(true) <= _ALIKE_DEG:
                fits += _possible(*_name(order, signs, "ct"), _mean(true), load, current)
        for order in _SWAPS:  # of voltages: terminal k measures from another angle than its own
            true = [_LAG[k] - (_LAG[order[k]] - phi[k]) - turn[k] for k in heard]
            if _spread(true) <= _ALIKE_DEG:
                fits += _possible(*_name(order, signs, "vt"), _mean(true), load, current)
    return _judge(fits, balanced, load)


def _possible(cost: int, name: str, angle: float, load: str, current: float) -> list[tuple[int, str]]:
    """Whether the load can have that angle; loads that are rarely so count as one more thing that must be believed."""
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


def _judge(fits: list[tuple[int, str]], balanced: bool, load: str) -> Diagnosis:
    if not fits:
        return Diagnosis(UNCLEAR)
    least = min(cost for cost, _ in fits)
    if least == 0:
        return Diagnosis(OK)
    # A rare load competes with wirings of two mistakes, one that may give back with three; else the fewest explain it.
    most = 3 if load == "drive" else 2 if balanced else least
    return _one_or_many(list(dict.fromkeys(name for cost, name in sorted(fits) if cost <= most)))


def _one_or_many(names: list[str]) -> Diagnosis:
    return Diagnosis(names[0]) if len(names) == 1 else Diagnosis("ambiguous", tuple(names))


def _name(order: tuple[int, ...], signs: tuple[bool, ...], side: str) -> tuple[int, str]:
    """Number of mistakes and the wiring's name; all reversed at once is one mistake."""
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
# name, mistakes, factor on the complex power, current of B over the mean of A and C (textbook phasors).
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
