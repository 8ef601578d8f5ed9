"""Uncertainty of the active power of a meter, from the classes of the meter and its transformers."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

CURRENT_ASSUMED = 0.2  # relative to rated: where the current is unknown. Motors and their transformers are chosen so
# that the current of a running motor is larger [M], and the limits increase towards low currents.
_CURRENT_MIN = 0.001  # relative to rated: limits do not increase further below it


class PowerLimits(NamedTuple):
    """Limits of error of a metered active power (relative, rectangular distribution), by cause.

    meter: of the meter.
    ct_ratio, vt_ratio: ratio errors of current and voltage transformers.
    ct_phase_rad, vt_phase_rad: their phase displacements, rad; the error of the power is tan φ times as large.
    """

    meter: float
    ct_ratio: float = 0.0
    ct_phase_rad: float = 0.0
    vt_ratio: float = 0.0
    vt_phase_rad: float = 0.0


class PowerU(NamedTuple):
    """Relative U (k = 2) of an active power, by cause.

    meter: accuracy class of the meter.
    ct_ratio, vt_ratio: ratio errors of current and voltage transformers.
    ct_phase, vt_phase: their phase displacements.
    feeder: losses of cables and other loads between the meter and the machine.
    """

    meter: float
    ct_ratio: float = 0.0
    ct_phase: float = 0.0
    vt_ratio: float = 0.0
    vt_phase: float = 0.0
    feeder: float = 0.0

    @property
    def total(self) -> float:
        """Root sum of squares of all parts."""
        return math.hypot(*self)


def power_limits(
    accuracy_class: str, ct_class: str | None, power_factor: float, current: float = 1.0, vt_class: str | None = None
) -> PowerLimits:
    """Limits of error from accuracy classes of IEC 62053-21/-22 or GB/T 17215.321 (meter), IEC 61869-2 (current
    transformers) and IEC 61869-3 (voltage transformers, between 80 and 120 % of rated voltage).

    accuracy_class: class of the meter, or the limit of its certificate.
    ct_class, vt_class: class of the transformers, or limits from their certificate; None or "": no transformers.
    power_factor: of the load; the sign is ignored.
    current: relative to rated current.
    Raises ValueError for an unknown class.
    """
    meter = meter_limit(accuracy_class, power_factor, current)
    ct_ratio, ct_minutes = ct_limits(ct_class, current) if ct_class else (0.0, 0.0)
    vt_ratio, vt_minutes = vt_limits(vt_class) if vt_class else (0.0, 0.0)
    return PowerLimits(meter, ct_ratio, math.radians(ct_minutes / 60), vt_ratio, math.radians(vt_minutes / 60))


def power_u_parts(
    accuracy_class: str, ct_class: str | None, power_factor: float, current: float = 1.0, vt_class: str | None = None
) -> PowerU:
    """Relative U (k = 2) of an active power, by cause. Arguments and errors: see `power_limits`.

    Limits are taken as rectangular distributions (÷ √3). A phase displacement counts times tan φ: at power factor 0.5
    the 30′ of class 0.5 are 1.5 %.
    """
    limits = power_limits(accuracy_class, ct_class, power_factor, current, vt_class)
    cos_phi = min(1.0, max(0.05, abs(power_factor)))
    tan_phi = math.sqrt(1 - cos_phi**2) / cos_phi
    return PowerU(
        _K * limits.meter, _K * limits.ct_ratio, _K * limits.ct_phase_rad * tan_phi, _K * limits.vt_ratio,
        _K * limits.vt_phase_rad * tan_phi,
    )  # fmt: skip


def power_u(
    accuracy_class: str, ct_class: str | None, power_factor: float, current: float = 1.0, vt_class: str | None = None
) -> float:
    """Relative U (k = 2) of an active power: root sum of squares of power_u_parts."""
    return power_u_parts(accuracy_class, ct_class, power_factor, current, vt_class).total


def meter_limit(accuracy_class: str, power_factor: float, current: float = 1.0) -> float:
    """Limit of error of a meter, relative. current: relative to rated.

    The class applies from 5 % of rated current (classes 1 and 2: from 10 %), and from twice that below a power factor
    of 0.8, where the limit of the classes up to 0.2 is 1.5 times, of 0.5 1.2 times as wide; below it doubles, below 1 %
    it is five times as wide. Source: IEC 62053-21:2003 and -22:2003, table 4 (load points) [M]; twice is 1.5 times in
    -21, and what applies below 1 % is not stated there.
    accuracy_class: or a certificate, written as `0.12 %`: largest error found at the load points of the plant, plus its
        uncertainty. Below a power factor of 0.8 and at low currents it widens like that of a class up to 0.2.
    Raises ValueError for an unknown class.
    """
    limit, low_pf, full_from = _METER.get(accuracy_class) or _meter_certificate(accuracy_class)
    if abs(power_factor) < 0.8:
        limit, full_from = low_pf * limit, 2 * full_from
    return limit * (1.0 if current >= full_from else 2.0 if current >= 0.01 else 5.0)


def ct_limits(ct_class: str, current: float = 1.0) -> tuple[float, float]:
    """Limits of ratio error (relative) and phase displacement (minutes) of current transformers.

    ct_class: a class of IEC 61869-2, table 201, or a certificate, written as `0.05 % 2'`: largest error found at the
        burden and in the range of currents of the plant, plus its uncertainty. A certificate applies at all currents.
    current: relative to rated. Between the points of the table the limits are interpolated in the current. Below the
        lowest point, where the standard states none, they are proportional to 1/current, because the magnetizing
        current decreases more slowly than the current [M]; above 120 % they remain.
    Raises ValueError for any other text.
    """
    if (points := _CT.get(ct_class)) is None:
        return _certificate(ct_class, CT_CLASSES)
    lowest, ratio, minutes = points[0]
    current = max(current, _CURRENT_MIN)
    if current <= lowest:
        return ratio * lowest / current, minutes * lowest / current
    for k in range(1, len(points)):
        upper, ratio_1, minutes_1 = points[k]
        if current <= upper:
            share = (current - lowest) / (upper - lowest)
            return ratio + share * (ratio_1 - ratio), minutes + share * (minutes_1 - minutes)
        lowest, ratio, minutes = upper, ratio_1, minutes_1
    return ratio, minutes


def vt_limits(vt_class: str) -> tuple[float, float]:
    """Limits of ratio error (relative) and phase displacement (minutes) of voltage transformers, at 80 to 120 % of
    rated voltage.

    vt_class: a class of IEC 61869-3, table 301 [M], or a certificate as in `ct_limits`. The standard limits no phase
    displacement in class 3; 120′ is assumed, as for current transformers.
    Raises ValueError for any other text.
    """
    return _VT[vt_class] if vt_class in _VT else _certificate(vt_class, VT_CLASSES)


def energy_u(
    accuracy_class: str, ct_class: str | None, exchanges: int = 0, current: float = CURRENT_ASSUMED,
    vt_class: str | None = None,
) -> float:  # fmt: skip
    """Relative U (k = 2) of a metered energy at a typical power factor of 0.85.

    exchanges: see `exchanged`.
    current: relative to rated.
    """
    return exchanged(power_u(accuracy_class, ct_class, 0.85, current, vt_class), exchanges)


def exchanged(u: float, exchanges: int) -> float:
    """Relative U (k = 2) of an energy with replacements of the meter, or changes of its ratio, within the period.

    u: without a replacement. The gain error of one meter is one common error. After a replacement the errors of the two
    parts are independent, and the readings at the moment of the change are not known: each replacement adds the class
    once more in quadrature.
    """
    return u * math.sqrt(1 + exchanges)


def _meter_certificate(text: str) -> tuple[float, float, float]:
    found = METER_LIMIT.fullmatch(text.strip())
    if found is None:
        raise ValueError(
            f"must be one of {', '.join(METER_CLASSES)}, or the limit of a certificate, for example 0.12 %"
        )
    limit = float(found[1]) / 100
    if not 0.0001 <= limit <= 0.03:
        raise ValueError(f"the limit of a certificate must be within 0.01 to 3 %, got {text!r}")
    return limit, *_FINE


def _certificate(text: str, classes: tuple[str, ...]) -> tuple[float, float]:
    found = CERTIFICATE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"must be one of {', '.join(classes)}, or limits from a certificate, for example 0.05 % 2'")
    ratio, minutes = float(found[1]) / 100, float(found[2])
    if not (0.0001 <= ratio <= 0.03 and 0.5 <= minutes <= 120):
        raise ValueError(f"limits of a certificate must be within 0.01 to 3 % and 0.5' to 120', got {text!r}")
    return ratio, minutes


_K = 2 / math.sqrt(3)  # from the limit of a rectangular distribution to U (k = 2)

# Limit at rated current and power factor 1, factor below power factor 0.8, lowest current at which they apply.
# A to E: GB/T 17215.321-2021, where C, B and A are those of EN 50470-3, and D and E about 0.2S and 0.1S [M].
_FINE, _HALF, _COARSE = (1.5, 0.05), (1.2, 0.05), (1.0, 0.10)
_METER = {
    "0.1": (0.001, *_FINE), "0.2": (0.002, *_FINE), "0.2S": (0.002, *_FINE), "0.5": (0.005, *_HALF),
    "0.5S": (0.005, *_HALF), "1": (0.01, *_COARSE), "2": (0.02, *_COARSE),
    "A": (0.02, *_COARSE), "B": (0.01, *_COARSE), "C": (0.005, *_HALF), "D": (0.002, *_FINE), "E": (0.001, *_FINE),
}  # fmt: skip
METER_CLASSES = tuple(_METER)

# Current relative to rated, ratio error (relative), phase displacement (minutes): IEC 61869-2, table 201 (classes 0.1
# [M] and 3 [M: 50 to 120 %, no phase displacement stated, 120′ assumed]).
_CT = {
    "0.1": ((0.05, 0.004, 15), (0.2, 0.002, 8), (1.0, 0.001, 5)),
    "0.2": ((0.05, 0.0075, 30), (0.2, 0.0035, 15), (1.0, 0.002, 10)),
    "0.2S": ((0.01, 0.0075, 30), (0.05, 0.0035, 15), (0.2, 0.002, 10), (1.0, 0.002, 10)),
    "0.5": ((0.05, 0.015, 90), (0.2, 0.0075, 45), (1.0, 0.005, 30)),
    "0.5S": ((0.01, 0.015, 90), (0.05, 0.0075, 45), (0.2, 0.005, 30), (1.0, 0.005, 30)),
    "1": ((0.05, 0.03, 180), (0.2, 0.015, 90), (1.0, 0.01, 60)),
    "3": ((0.5, 0.03, 120),),
}
CT_CLASSES = tuple(_CT)
_VT = {"0.1": (0.001, 5.0), "0.2": (0.002, 10.0), "0.5": (0.005, 20.0), "1": (0.01, 40.0), "3": (0.03, 120.0)}
VT_CLASSES = tuple(_VT)
METER_LIMIT = re.compile(r"(\d+(?:\.\d+)?) ?%")
CERTIFICATE = re.compile(r"(\d+(?:\.\d+)?) ?% ?[,/]? ?(\d+(?:\.\d+)?) ?(?:'|′|min)")
