"""The relations of the self-check: one row each with its code, a dimensionless x and two bands around its ideal value.

Inside `tight` the row confirms its quantities, outside `wide` it contradicts them, between the two it is neutral: rare
but normal states of a plant must not contradict, possible results of a mistake must not confirm. The resolution of the
registers and the change of the plant between two requests widen both bands.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from msgspec import Struct

from agent.analysis.efficiency.nameplate import induction_hz
from drivers.reasons import Code, Reason
from dsp.efficiency import USUAL_EFFICIENCY

Numbers = Sequence[float]
Band = tuple[float, float]
NONE: Band = (math.inf, -math.inf)
SQRT3 = math.sqrt(3)


class RatedValues(Struct, frozen=True):
    """Rated data from the configuration for the machine downstream of a device; NaN where unknown.

    kw, rpm, poles, volts, amps, efficiency: of the motor, or of the motors of one drive together.
    induction: induction motor; False for a magnet motor.
    drive_kw: rated power of the drive.
    sinusoidal: no rectifier downstream of the meter, so that S² = P² + Q² holds.
    per_phase: the meter measures each phase separately (3P4W).
    direct: the motor is direct on line.
    ct, vt: configured transformer ratios.
    ratio_by_agent: the agent applies them, because the meter returns secondary values.
    """

    kw: float = math.nan
    rpm: float = math.nan
    poles: int = 0
    volts: float = math.nan
    amps: float = math.nan
    induction: bool = False
    efficiency: float = USUAL_EFFICIENCY
    drive_kw: float = math.nan
    sinusoidal: bool = False
    per_phase: bool = True
    direct: bool = False
    ct: float = math.nan
    vt: float = math.nan
    ratio_by_agent: bool = False

    @property
    def hertz(self) -> float:
        """Rated electrical frequency; for an induction motor from its nameplate speed and poles."""
        turning = self.rpm * self.poles / 120
        return induction_hz(self.rpm, self.poles) if self.induction and not math.isnan(turning) else turning

    @property
    def rated_nm(self) -> float:
        return self.kw * 1000 * 30 / math.pi / self.rpm

    @property
    def rated_va(self) -> float:
        return SQRT3 * self.volts * self.amps


class Rule(Struct, frozen=True):
    """One relation between quantities.

    label: code of the relation, the reason of the values that it confirms.
    needs: names of its quantities.
    x: function of their values and the nameplate; NaN where the relation does not apply.
    tight: band of x that confirms. wide: x outside this band contradicts.
    basis: where the bands come from.
    loaded: applies only from 10 % load.
    over_time: compares a counter with the integral of a power; x is not used.
    """

    label: Reason
    needs: tuple[str, ...]
    x: Callable[[Numbers, RatedValues], float]
    tight: Band
    wide: Band
    basis: str
    loaded: bool = True
    over_time: bool = False


def equal(
    code: Code,
    needs: str,
    left: Callable[[Numbers, RatedValues], float],
    right: Callable[[Numbers, RatedValues], float],
    tolerance: float,
    basis: str,
    *,
    wide: float | None = None,
    loaded: bool = True,
    **data: int,
) -> Rule:
    """The relation left = right; x is the difference divided by the larger value. data: of the code."""

    def x(v: Numbers, p: RatedValues) -> float:
        a, b = left(v, p), right(v, p)
        size = max(abs(a), abs(b))
        return (a - b) / size if size else math.nan

    wide = tolerance if wide is None else wide
    return ratio(code, needs, x, (-tolerance, tolerance), (-wide, wide), basis, loaded=loaded, **data)


def ratio(
    code: Code, needs: str, x: Callable[[Numbers, RatedValues], float], tight: Band, wide: Band, basis: str,
    *, loaded: bool = True, **data: int,
) -> Rule:  # fmt: skip
    return Rule(code(**data), tuple(needs.split()), x, tight, wide, basis, loaded)


def over(a: float, b: float) -> float:
    return a / b if b else (math.nan if not a or math.isnan(a) else math.inf)
