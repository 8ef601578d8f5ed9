"""Uncertainty of the active power of a meter, from the accuracy classes of the meter and its current transformers."""

from __future__ import annotations

import math
import re
from typing import NamedTuple


class PowerU(NamedTuple):
    """Relative U (k = 2) of an active power, by cause.

    meter: accuracy class of the meter.
    ct_ratio: ratio error of the current transformers.
    ct_phase: phase displacement of the current transformers.
    feeder: losses of cables and other loads between the meter and the machine.
    """

    meter: float
    ct_ratio: float
    ct_phase: float
    feeder: float = 0.0

    @property
    def total(self) -> float:
        """Root sum of squares of all parts."""
        return math.hypot(*self)


def power_u_parts(accuracy_class: str, ct_class: str | None, power_factor: float, current: float = 1.0) -> PowerU:
    """Relative U (k = 2) of an active power from accuracy classes of IEC 62053 (meter) and IEC 61869-2 (CT).

    accuracy_class: class of the meter.
    ct_class: class of the current transformers, or limits from their certificate (see `ct_limits`); None: no
        transformers.
    power_factor: of the load; the sign is ignored.
    current: relative to rated current. Below 5 % the limits double, below 1 % they are five times as wide.
    Limits are taken as rectangular distributions (÷ √3). The phase displacement of a CT counts times tan φ: at power
    factor 0.5 the 30′ of class 0.5 are 1.5 %.
    Raises KeyError for an unknown accuracy class, ValueError for an invalid ct_class.
    """
    wider = 1.0 if current >= 0.05 else 2.0 if current >= 0.01 else 5.0
    k = 2 * wider / math.sqrt(3)
    meter = _METER_LIMIT[accuracy_class] * (1.2 if abs(power_factor) < 0.8 else 1.0)
    if ct_class is None:
        return PowerU(k * meter, 0.0, 0.0)
    ratio, minutes = ct_limits(ct_class)
    cos_phi = min(1.0, max(0.05, abs(power_factor)))
    tan_phi = math.sqrt(1 - cos_phi**2) / cos_phi
    return PowerU(k * meter, k * ratio, k * math.radians(minutes / 60) * tan_phi)


def ct_limits(ct_class: str) -> tuple[float, float]:
    """Limits of ratio error (relative) and phase displacement (minutes) at rated current, of a class or certificate.

    A certificate is written as `0.05 % 2'`: largest error found, plus its uncertainty. Raises ValueError for any other
    text.
    """
    if ct_class in _CT_LIMIT:
        return _CT_LIMIT[ct_class]
    found = CERTIFICATE.fullmatch(ct_class.strip())
    if found is None:
        raise ValueError(f"must be one of {', '.join(_CT_LIMIT)}, or limits from a certificate, for example 0.05 % 2'")
    ratio, minutes = float(found[1]) / 100, float(found[2])
    if not (0.0001 <= ratio <= 0.03 and 0.5 <= minutes <= 120):
        raise ValueError(f"limits of a certificate must be within 0.01 to 3 % and 0.5' to 120', got {ct_class!r}")
    return ratio, minutes


def power_u(accuracy_class: str, ct_class: str | None, power_factor: float, current: float = 1.0) -> float:
    """Relative U (k = 2) of an active power: root sum of squares of power_u_parts."""
    return power_u_parts(accuracy_class, ct_class, power_factor, current).total


def energy_u(accuracy_class: str, ct_class: str | None, exchanges: int = 0) -> float:
    """Relative U (k = 2) of a metered energy at a typical power factor of 0.85.

    exchanges: number of replacements of the meter, or changes of its ratio, within the period. The gain error of one
        meter is one common error. After a replacement the errors of the two parts are independent, and the readings at
        the moment of the change are not known: each replacement adds the class once more in quadrature.
    """
    return power_u(accuracy_class, ct_class, 0.85) * math.sqrt(1 + exchanges)


_METER_LIMIT = {"0.1": 0.001, "0.2": 0.002, "0.2S": 0.002, "0.5": 0.005, "0.5S": 0.005, "1": 0.01, "2": 0.02,
                "C": 0.005, "B": 0.01, "A": 0.02}  # fmt: skip
_CT_LIMIT = {"0.1": (0.001, 5), "0.2": (0.002, 10), "0.2S": (0.002, 10), "0.5": (0.005, 30), "0.5S": (0.005, 30),
             "1": (0.01, 60), "3": (0.03, 120)}  # fmt: skip
CT_CLASSES = tuple(_CT_LIMIT)
CERTIFICATE = re.compile(r"(\d+(?:\.\d+)?) ?% ?[,/]? ?(\d+(?:\.\d+)?) ?(?:'|′|min)")
