"""How sure a meter's active power is, from the classes of the meter and its current transformers."""

from __future__ import annotations

import math
import re
from typing import NamedTuple


class PowerU(NamedTuple):
    """Relative U (k = 2) of an active power, by its cause."""

    meter: float
    ct_ratio: float
    ct_phase: float
    feeder: float = 0.0  # what cables and neighbours between meter and machine may take

    @property
    def total(self) -> float:
        return math.hypot(*self)


def power_u_parts(accuracy_class: str, ct_class: str | None, power_factor: float, current: float = 1.0) -> PowerU:
    """Classes as in IEC 62053 and IEC 61869-2; limits are taken as rectangular (÷ √3). current: over the rated one.
    ct_class: a class, or what the transformers' own certificate allows (`ct_limits`); None: no transformers.

    The CT's phase displacement counts times tan φ: at power factor 0.5 the 30′ of class 0.5 are 1.5 %. Below 5 % of
    the rated current limits double, below 1 % they are five times as wide.
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
    """Limits of ratio (relative) and phase (minutes) of a class at rated current, or of a test certificate's own,
    written `0.05 % 2'`: largest error found plus its uncertainty. Raises ValueError for neither."""
    if ct_class in _CT_LIMIT:
        return _CT_LIMIT[ct_class]
    found = _CERTIFIED.fullmatch(ct_class.strip())
    if found is None:
        raise ValueError(f"must be one of {', '.join(_CT_LIMIT)}, or a certificate's limits, for example 0.05 % 2'")
    ratio, minutes = float(found[1]) / 100, float(found[2])
    if not (0.0001 <= ratio <= 0.03 and 0.5 <= minutes <= 120):
        raise ValueError("a certificate's limits must lie within 0.01 to 3 % and 0.5' to 120'")
    return ratio, minutes


def power_u(accuracy_class: str, ct_class: str | None, power_factor: float, current: float = 1.0) -> float:
    """The parts of power_u_parts in quadrature."""
    return power_u_parts(accuracy_class, ct_class, power_factor, current).total


def energy_u(accuracy_class: str, ct_class: str | None, exchanges: int = 0) -> float:
    """Relative U (k = 2) of a counted energy at a usual power factor of 0.85.

    exchanges: of the meter or its ratio in that time. One meter's gain error is one error; with another meter the two
    halves err apart, and nobody read both at the moment of the change: each exchange adds the class once more.
    """
    return power_u(accuracy_class, ct_class, 0.85) * math.sqrt(1 + exchanges)


_METER_LIMIT = {"0.1": 0.001, "0.2": 0.002, "0.2S": 0.002, "0.5": 0.005, "0.5S": 0.005, "1": 0.01, "2": 0.02,
                "C": 0.005, "B": 0.01, "A": 0.02}  # fmt: skip
_CT_LIMIT = {"0.1": (0.001, 5), "0.2": (0.002, 10), "0.2S": (0.002, 10), "0.5": (0.005, 30), "0.5S": (0.005, 30),
             "1": (0.01, 60), "3": (0.03, 120)}  # fmt: skip
CT_CLASSES = tuple(_CT_LIMIT)
_CERTIFIED = re.compile(r"(\d+(?:\.\d+)?) ?% ?[,/]? ?(\d+(?:\.\d+)?) ?(?:'|′|min)")
