"""Published tables as data files; the first lines of each file give its source and how far it was verified."""

from __future__ import annotations

import math
import tomllib
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

IE_CLASSES = ("IE1", "IE2", "IE3", "IE4", "IE5")


@cache
def _coefficients() -> dict[str, Any]:
    text = Path(__file__).with_name("iec60034_30_coefficients.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def _drive_losses() -> tuple[tuple[float, float], ...]:
    text = Path(__file__).with_name("drive_reference_losses.csv").read_text(encoding="utf-8")
    rows = [line.split(",") for line in text.splitlines() if line and not line.startswith("#")][1:]
    return tuple((float(motor_kw), float(loss_kw) * 1000) for _, motor_kw, loss_kw in rows)


def ie_efficiency(ie_class: str, rated_kw: float, poles: int) -> float:
    """Nominal efficiency limit of an IE class at 50 Hz, as a fraction.

    The limit is rounded to 0.1 percentage points as in the standard.
    ie_class: one of IE_CLASSES.
    rated_kw: rated power, 0.12 to 1000 kW.
    poles: 2, 4, 6 or 8.
    Polynomials of IEC 60034-30-1:2014 and TS 60034-30-2:2016 (iec60034_30_coefficients.toml). Above 200 kW the table of
    EU 2019/1781 applies; if it has no value, the limit of 200 kW.
    Raises ValueError for other arguments.
    """
    if ie_class not in IE_CLASSES or poles not in (2, 4, 6, 8) or not 0.12 <= rated_kw <= 1000:
        raise ValueError(f"no class limit for {ie_class}, {rated_kw} kW, {poles} poles")
    if rated_kw > 200 and (row := _coefficients()["above_200kw"].get(_above_200_kw(ie_class, rated_kw))):
        return float(row[(2, 4, 6, 8).index(poles)]) / 100
    kw = min(rated_kw, 200.0)
    small = kw < 0.65
    table = _coefficients()["small_0p12_to_0p64kw" if small else "large_0p65_to_200kw"]
    a, b, c, d = table[ie_class][f"p{poles}"]
    x = math.log10(kw)
    return float(round(((a * x + b) * x + c) * x + d, 1)) / 100


def converter_fed(ie_limit: float, rated_kw: float) -> float:
    """Limit of the same class for a motor on a drive (TS 60034-30-2).

    Harmonics increase the losses by 15 %, above 90 kW by 25 %.
    ie_limit: limit from ie_efficiency(), fraction.
    """
    losses = (1 / ie_limit - 1) * (1.15 if rated_kw <= 90 else 1.25)
    return 1 / (losses + 1)


def _above_200_kw(ie_class: str, rated_kw: float) -> str:
    if ie_class == "IE4":
        return "IE4_200_249" if rated_kw < 250 else "IE4_250_314" if rated_kw < 315 else "IE4_315_1000"
    return "IE5_GB18613_grade1" if ie_class == "IE5" else ie_class


def poles_of_speed(rated_rpm: float) -> int:
    """Number of poles whose column applies to a speed range of TS 60034-30-2 (600–900, –1200, –1800, –6000 rpm)."""
    return 8 if rated_rpm <= 900 else 6 if rated_rpm <= 1200 else 4 if rated_rpm <= 1800 else 2


def reference_drive_loss_w(motor_kw: float) -> float:
    """Losses (W) of the reference drive (complete drive module) for a motor, at 90 % frequency, 100 % torque current.

    IEC 61800-9-2 / EU 2019/1781, from memory [M] (drive_reference_losses.csv). Log-linear between rows, proportional to
    power above the last row, constant below the first.
    """
    rows = _drive_losses()
    if motor_kw >= rows[-1][0]:
        return rows[-1][1] * motor_kw / rows[-1][0]
    if motor_kw <= rows[0][0]:
        return rows[0][1]
    for (low_kw, low_w), (high_kw, high_w) in pairwise(rows):
        if motor_kw <= high_kw:
            part = math.log(motor_kw / low_kw) / math.log(high_kw / low_kw)
            return float(low_w * (high_w / low_w) ** part)
    raise AssertionError("rows must be sorted by rising power")
