"""Published tables as data files, each with its source and how far it was verified in its first lines."""

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
    """Nominal efficiency limit of a class at 50 Hz, as a fraction, rounded as the standard rounds (0.1 point).

    Polynomials of IEC 60034-30-1:2014 and TS 60034-30-2:2016 (iec60034_30_coefficients.toml). Valid for 0.12 to
    1000 kW and 2, 4, 6, 8 poles; above 200 kW the table of EU 2019/1781, where it has none the 200 kW value.
    Raises ValueError outside.
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
    """The same class's limit for a motor on a drive: harmonic losses add 15 % (25 % above 90 kW), TS 60034-30-2."""
    losses = (1 / ie_limit - 1) * (1.15 if rated_kw <= 90 else 1.25)
    return 1 / (losses + 1)


def _above_200_kw(ie_class: str, rated_kw: float) -> str:
    if ie_class == "IE4":
        return "IE4_200_249" if rated_kw < 250 else "IE4_250_314" if rated_kw < 315 else "IE4_315_1000"
    return "IE5_GB18613_grade1" if ie_class == "IE5" else ie_class


def poles_of_speed(rated_rpm: float) -> int:
    """The pole number whose column stands for a speed band in TS 60034-30-2 (600–900, –1200, –1800, –6000 rpm)."""
    return 8 if rated_rpm <= 900 else 6 if rated_rpm <= 1200 else 4 if rated_rpm <= 1800 else 2


def reference_drive_loss_w(motor_kw: float) -> float:
    """Losses of the reference drive (complete drive module) for a motor, W, at 90 % frequency and 100 % torque current.

    IEC 61800-9-2 / EU 2019/1781, from memory [M] (drive_reference_losses.csv); log-linear between rows, in
    proportion to the power above the last one.
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
    raise AssertionError("the rows rise")
