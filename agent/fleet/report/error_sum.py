"""Uncertainty of the sum of the savings of many motors, whose errors are partly common.

GUM 5.2 (JCGM 100): errors with correlation coefficient 1 add linearly, independent ones in quadrature. Which is which:

| error | common to |
|---|---|
| model, scatter | none: each baseline has its own data; all baselines without measured data share their assumption |
| interpolation, gaps | motors of one gateway, whose data fail together |
| drift of a driver | none if its calibrations are stated; otherwise all drivers of one quantity, as a worn orifice |
| meter | meters of one type and class (one design, one batch); unknown type: that with the largest error |
| current, voltage transformers | those of one class: their type is not configured |
| REFERENCE_SHARE of these two | all that one laboratory has tested; unknown: that with the largest error |

An error common to several motors has one sign. Where savings have different signs, a common error would cancel; as it
is not known to be common, contributions of different sign count as independent.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from msgspec import Struct

from agent.savings.accounting.saving_errors import SavingErrors
from agent.savings.baseline.coverage_factors import half_width

REFERENCE_SHARE = (
    0.2  # of a limit of error: largest error of the reference of a test [M: test equipment 1/5 of the class]
)
STATISTICAL = ("model", "scatter")
OF_GATEWAY = ("interpolation", "gaps")
OF_DRIVER = "driver"
_Key = TypeVar("_Key")


class Instrument(NamedTuple):
    """What the error of an instrument has in common with that of others.

    type: of the instrument; None: unknown. laboratory: that tested it; None: unknown.
    """

    type: str | None
    laboratory: str | None


class MotorErrors(Struct, frozen=True):
    """The errors of the saving of a motor, and what they have in common with others.

    place: site and gateway. measured: the baseline has measured data.
    drivers: by driver, of those without stated calibrations: the quantity that drifts in the same way.
    meter: by component, for each value of `errors.meter`.
    u95_wh: of this motor alone.
    """

    place: tuple[str, str]
    errors: SavingErrors
    measured: bool
    drivers: Mapping[str, str]
    meter: Mapping[str, tuple[Instrument, ...]]
    u95_wh: float


class SumUncertainty(Struct, frozen=True):
    """U95 of a sum, Wh.

    u95_wh: with the common errors above.
    independent_wh, correlated_wh: if no error were common, and if all were: bounds.
    causes: standard uncertainty by component.
    common_share: share of the variance that is common to several motors.
    """

    u95_wh: float = 0.0
    independent_wh: float = 0.0
    correlated_wh: float = 0.0
    causes: Mapping[str, float] = {}
    common_share: float = 0.0


def uncertainty_of_sum(motors: Sequence[MotorErrors]) -> SumUncertainty:
    """U95 of the sum of these savings."""
    if not motors:
        return SumUncertainty()
    variances = dict[str, float]()
    statistical = _statistical(motors, variances)
    for cause in OF_GATEWAY:
        by_gateway = _linear((motor.place, motor.errors.normal[cause]) for motor in motors)
        variances[cause] = sum(u * u for u in by_gateway.values())
    widths = _drivers(motors)
    variances[OF_DRIVER] = sum(width * width for width in widths) / 3
    for cause in dict.fromkeys(cause for motor in motors for cause in motor.errors.meter):
        found, variances[cause] = _instruments(cause, motors)
        widths += found
    total = sum(variances.values())
    widest = min(max(widths, default=0.0), math.sqrt(3 * total))
    u95_wh = half_width(math.sqrt(max(total - widest * widest / 3, 0.0)), widest, freedom=statistical)
    alone = sum(u * u for motor in motors for u in motor.errors.causes.values())
    return SumUncertainty(
        u95_wh, math.hypot(*(motor.u95_wh for motor in motors)), sum(motor.u95_wh for motor in motors),
        {name: math.sqrt(variance) for name, variance in variances.items()},
        max(0.0, 1 - alone / total) if total else 0.0,
    )  # fmt: skip


def _statistical(motors: Sequence[MotorErrors], variances: dict[str, float]) -> float:
    """Sets the variances of models and scatter; returns the effective degrees of freedom (Welch and Satterthwaite)."""
    weight = 0.0
    for cause in STATISTICAL:
        own = [motor.errors.normal[cause] ** 2 for motor in motors if motor.measured]
        assumed = sum(motor.errors.normal[cause] for motor in motors if not motor.measured)
        variances[cause] = sum(own) + assumed**2
    for motor in motors:
        if math.isfinite(motor.errors.freedom):
            weight += sum(motor.errors.normal[cause] ** 2 for cause in STATISTICAL) ** 2 / motor.errors.freedom
    total = sum(variances[cause] for cause in STATISTICAL)
    return total * total / weight if weight else math.inf


def _drivers(motors: Sequence[MotorErrors]) -> list[float]:
    """Half-widths of the drift of drivers: of each calibrated one, and of each quantity and sign."""
    found, common = list[float](), list[tuple[tuple[str, bool], float]]()
    for motor in motors:
        for name, limit in motor.errors.drivers.items():
            if (quantity := motor.drivers.get(name)) is None:
                found.append(abs(limit))
            else:
                common.append(((quantity, limit > 0), abs(limit)))
    return [*found, *_linear(common).values()]


def _instruments(cause: str, motors: Sequence[MotorErrors]) -> tuple[list[float], float]:
    """Half-widths by type and sign of the instruments of a component, and the variance of their sum.

    Of each limit REFERENCE_SHARE is common to a laboratory, and the rest in quadrature to a type.
    """
    limits = [pair for motor in motors
              for pair in zip(motor.meter.get(cause, ()), motor.errors.meter.get(cause, ()), strict=True)]  # fmt: skip
    types, laboratories = list[float](), list[float]()
    for sign in (1, -1):
        own = [(origin, abs(limit)) for origin, limit in limits if sign * limit > 0]
        types += _by_family((origin.type, limit) for origin, limit in own)
        laboratories += _by_family((origin.laboratory, limit) for origin, limit in own)
    share = REFERENCE_SHARE**2
    variance = (1 - share) * sum(width * width for width in types) / 3
    return types, variance + share * sum(width * width for width in laboratories) / 3


def _by_family(limits: Iterable[tuple[str | None, float]]) -> list[float]:
    """Linear sums by family. Unknown ones count with the largest one: no other assignment gives a larger variance."""
    found = _linear(limits)
    unknown = found.pop(None, 0.0)
    widths = sorted(found.values(), reverse=True) or [0.0]
    return [widths[0] + unknown, *widths[1:]]


def _linear(values: Iterable[tuple[_Key, float]]) -> dict[_Key, float]:
    found: dict[_Key, float] = defaultdict(float)
    for key, value in values:
        found[key] += value
    return found
