"""Efficiency classes that are consistent with the measured losses of a motor.

Losses that were derived from a class must not be used here: the result would be circular.
"""

from __future__ import annotations

from dsp.efficiency_induction import Plate, m1_losses
from dsp.tables import IE_CLASSES, converter_fed, ie_efficiency, poles_of_speed
from dsp.tables.regulations import (
    HP_W,
    gb18613,
    gb30253_converter,
    gb30253_line_start,
    nema_energy_efficient,
    nema_premium,
)

SPEED_MIN, TORQUE_MIN = 0.8, 0.6  # of rated; from lower values the rated point cannot be estimated
# Scheme → largest rated voltage of its tables, V, and the standard above it
_ABOVE = {
    "IEC": (1000, ""),
    "GB cage": (1000, "GB 30254"),
    "GB magnet": (1140, "GB 30253-2024 (3, 6, 10 kV)"),
    "NEMA": (600, "NEMA MG 1, 12-13"),
}
_TO_RATED_U = 0.20  # of the difference between the losses at the operating point and at the rated point


def at_rated_point(
    efficiency: float, u: float, plate: Plate, speed: float, torque: float
) -> tuple[float, float] | None:
    """Efficiency (fraction) at rated speed and torque, and its U (k = 2), from a measured operating point.

    efficiency, u: measured efficiency (fraction) and its U (k = 2).
    speed, torque: of the operating point, relative to rated.
    Returns None if the operating point is below SPEED_MIN or TORQUE_MIN, or if the efficiency is not between 0 and 1.
    """
    if speed < SPEED_MIN or torque < TORQUE_MIN or not 0 < efficiency < 1:
        return None
    here_w = plate.rated_w * speed * torque * (1 / efficiency - 1)
    ratio = m1_losses(plate, 1.0).total_w / m1_losses(plate, torque, speed).total_w
    rated = 1 / (1 + here_w * ratio / plate.rated_w)
    return rated, u * (1 - rated) / (1 - efficiency) + (1 - rated) * abs(ratio - 1) * _TO_RATED_U


def standard_above(scheme: str, rated_v: float, kind: str) -> str | None:
    """The standard for motors of this voltage, if the tables of the scheme end below it; None where they apply.

    scheme, kind: as in limits(). rated_v: line to line, V, from the nameplate.
    IEC 60034-30-1:2014 and TS 60034-30-2:2016 end at 1 kV [M]; no other IEC standard has classes above it: "".
    GB 18613-2020 ends at 1 kV [M]; GB 30254 is for cage motors of high voltage. GB 30253-2024, clause 1, separates
    motors up to 1140 V from those of 3, 6 and 10 kV. NEMA MG 1: tables 12-11 and 12-12 are for 600 V or less, 12-13
    for medium voltage [M].
    """
    national = scheme if scheme != "GB" else "GB cage" if kind == "induction" else "GB magnet"
    volts_max, standard = _ABOVE[national]
    return standard if rated_v > volts_max else None


def limits(
    scheme: str, rated_kw: float, poles: int, rated_rpm: float, rated_v: float, kind: str, on_drive: bool
) -> dict[str, float]:
    """Classes of a scheme, lowest class first, with their efficiency limits (fractions) for a motor.

    scheme: "IEC" (60034-30-1; on a drive TS 60034-30-2), "GB" (18613; 30253 for permanent-magnet motors) or "NEMA" (MG
        1 tables 12-11 and 12-12).
    rated_kw, poles, rated_rpm, rated_v: from the nameplate; V line to line.
    kind: "induction", or a kind of permanent-magnet motor.
    on_drive: True if a frequency converter feeds the motor.
    Classes without a limit for this motor are omitted, all of them where standard_above() is not None.
    """
    if standard_above(scheme, rated_v, kind) is not None:
        return {}
    names = {"IEC": IE_CLASSES, "GB": ("grade 3", "grade 2", "grade 1"), "NEMA": ("energy efficient", "premium")}
    found: dict[str, float] = {}
    for name in names[scheme]:
        try:
            found[name] = _limit(scheme, name, rated_kw, poles, rated_rpm, kind, on_drive)
        except ValueError:
            continue
    return found


def _limit(scheme: str, name: str, kw: float, poles: int, rpm: float, kind: str, on_drive: bool) -> float:
    if scheme == "IEC":
        limit = ie_efficiency(name, kw, poles_of_speed(rpm) if on_drive else poles)
        return converter_fed(limit, kw) if on_drive else limit
    if scheme == "GB":
        grade = int(name[-1])
        if kind == "induction":
            return gb18613(grade, kw, poles)
        return gb30253_converter(grade, kw, rpm) if on_drive else gb30253_line_start(grade, kw, poles)
    table = nema_premium if name == "premium" else nema_energy_efficient
    return table(kw * 1000 / HP_W, poles)


def observed(efficiency: float, u: float, classes: dict[str, float]) -> str:
    """The classes that efficiency ± u covers: "IE4" for one, "IE3…IE4" for several, "<IE1" below the lowest limit.

    efficiency, u: fractions, U with k = 2.
    classes: from limits(), lowest class first; without classes the result is "".
    """
    if not classes:
        return ""
    names = [f"<{next(iter(classes))}", *classes]
    low = sum(limit <= efficiency - u for limit in classes.values())
    high = sum(limit <= efficiency + u for limit in classes.values())
    return names[low] if low == high else f"{names[low]}…{names[high]}"
