"""Fundamental phasors of a motor's supply: measured from samples, or composed of the values of a meter."""

from __future__ import annotations

import cmath
import math
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

PHASES = (1, 2, 3)
Numbers = list[float | None]
_GEOMETRY_DEG = 3.0  # three angles of line voltages that miss 360 degrees by more contradict each other
_TURN = cmath.exp(2j * math.pi / 3)


class Phasors(Struct):
    """Lists hold phases 1 to 3; None: unknown. Angles in degrees relative to U1, positive when leading.

    source: "waveform" or "meter". assumed: the voltages of a meter are drawn 120 degrees apart, because its line
        voltages are missing or contradict each other.
    u_v, i_a, p_w: of the fundamental from samples (p_w: U I cos phi), with harmonics from a meter.
    phi_deg: angle of u minus angle of i, positive when inductive.
    sequence: 1: phases follow each other as 1, 2, 3; -1: as 1, 3, 2; None: not measured.
    voltage_unbalance_pct, current_unbalance_pct: negative divided by positive sequence.
    """

    source: str
    frequency_hz: float | None
    u_v: Numbers
    u_deg: Numbers
    i_a: Numbers
    i_deg: Numbers
    phi_deg: Numbers
    p_w: Numbers
    sequence: int | None
    voltage_unbalance_pct: float | None
    current_unbalance_pct: float | None
    assumed: bool = False


def phasors_of_waveform(pq3s: Mapping[str, Any], harmonics: Mapping[str, Any]) -> Phasors:
    """From the values (key `v`) of the messages pq3s and harmonics."""
    u_v = [_first(harmonics, f"harmonic_u_l{n}_v") or _number(pq3s, f"voltage_l{n}n_v") for n in PHASES]
    i_a = [_first(harmonics, f"harmonic_i_l{n}_a") or _number(pq3s, f"current_l{n}_a") for n in PHASES]
    u_deg: Numbers = [0.0 if u_v[0] else None, *(_number(pq3s, f"angle_u_l{n}_deg") for n in (2, 3))]
    i_deg = [_number(pq3s, f"angle_i_l{n}_deg") for n in PHASES]
    second = u_deg[1]
    return _complete(
        "waveform", _number(pq3s, "frequency_hz"), u_v, u_deg, i_a, i_deg,
        None if second is None else 1 if second < 0 else -1,
        _number(pq3s, "voltage_unbalance_pct"), _number(pq3s, "current_unbalance_pct"),
    )  # fmt: skip


def phasors_of_meter(telemetry: Mapping[str, Any]) -> Phasors | None:
    """From the values (key `v`) of a telemetry message; None: the meter has no phase voltages.

    The angle of each current follows from P and Q of its phase, those of the voltages from the triangle of the line
    voltages. The phase order of the voltages cannot be seen in them: 1, 2, 3 is drawn.
    """
    u_v = [_number(telemetry, f"voltage_l{n}n_v") for n in PHASES]
    if None in u_v:
        return None
    around = _triangle([u or 0.0 for u in u_v], [_number(telemetry, f"voltage_l{n}_v") for n in ("12", "23", "31")])
    u_deg: Numbers = [0.0, -around[0], around[1]] if around else [0.0, -120.0, 120.0]
    i_a = [_number(telemetry, f"current_l{n}_a") for n in PHASES]
    phi = [_angle(telemetry, n) for n in PHASES]
    i_deg = [None if u is None or p is None else _wrapped(u - p) for u, p in zip(u_deg, phi, strict=True)]
    unbalance = _unbalance_pct(u_v, u_deg) if around else None
    found = _complete(
        "meter", _number(telemetry, "frequency_hz"), u_v, u_deg, i_a, i_deg, None, unbalance,
        _unbalance_pct(i_a, i_deg) if around else None, assumed=around is None,
    )  # fmt: skip
    found.p_w = _rounded([_number(telemetry, f"active_power_l{n}_w") for n in PHASES], 1)
    return found


def _complete(
    source: str, frequency_hz: float | None, u_v: Numbers, u_deg: Numbers, i_a: Numbers, i_deg: Numbers,
    sequence: int | None, u2_pct: float | None, i2_pct: float | None, *, assumed: bool = False,
) -> Phasors:  # fmt: skip
    phi: Numbers = [None if u is None or i is None else _wrapped(u - i) for u, i in zip(u_deg, i_deg, strict=True)]
    p_w = [
        None if u is None or i is None or angle is None else u * i * math.cos(math.radians(angle))
        for u, i, angle in zip(u_v, i_a, phi, strict=True)
    ]
    return Phasors(
        source, frequency_hz, _rounded(u_v, 2), _rounded(u_deg, 2), _rounded(i_a, 3), _rounded(i_deg, 2),
        _rounded(phi, 2), _rounded(p_w, 1), sequence, u2_pct, i2_pct, assumed,
    )  # fmt: skip


def _triangle(phase_v: Sequence[float], line_v: Sequence[float | None]) -> tuple[float, float] | None:
    """Angles (degrees) between U1 and U2 and between U3 and U1, by the law of cosines.

    None: a voltage is missing, or the three angles do not close to 360 degrees.
    """
    angles = []
    for k, line in enumerate(line_v):
        a, b = phase_v[k], phase_v[(k + 1) % 3]
        if line is None or a * b <= 0 or abs(cosine := (a * a + b * b - line * line) / (2 * a * b)) > 1:
            return None
        angles.append(math.degrees(math.acos(cosine)))
    return (angles[0], angles[2]) if abs(sum(angles) - 360.0) <= _GEOMETRY_DEG else None


def _angle(telemetry: Mapping[str, Any], phase: int) -> float | None:
    """phi (degrees) of a phase, from its active and reactive power."""
    p, q = _number(telemetry, f"active_power_l{phase}_w"), _number(telemetry, f"reactive_power_l{phase}_var")
    return math.degrees(math.atan2(q, p)) if p is not None and q is not None and (p or q) else None


def _unbalance_pct(sizes: Numbers, degrees: Numbers) -> float | None:
    """Negative divided by positive sequence, percent."""
    rows = [
        cmath.rect(size, math.radians(angle))
        for size, angle in zip(sizes, degrees, strict=True)
        if size is not None and angle is not None
    ]
    if len(rows) < 3:
        return None
    one, two = (abs(rows[0] + turn * rows[1] + turn.conjugate() * rows[2]) for turn in (_TURN, _TURN.conjugate()))
    return round(100 * two / one, 2) if one > 0 else None


def _wrapped(degrees: float) -> float:
    return degrees - 360.0 * math.ceil((degrees - 180.0) / 360.0)


def _rounded(values: Numbers, decimals: int) -> Numbers:
    return [None if value is None else round(value, decimals) for value in values]


def _number(values: Mapping[str, Any], name: str) -> float | None:
    value = values.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _first(values: Mapping[str, Any], name: str) -> float | None:
    """The component of order 1 of a list by order."""
    orders = values.get(name)
    found = orders[1] if isinstance(orders, list) and len(orders) > 1 else None
    return float(found) if isinstance(found, int | float) else None
