"""The consistency relations: one row each. What a row says is a dimensionless x and two bands around its ideal.

Inside `tight` the row confirms its quantities, outside `wide` it accuses them, in between it says nothing: what a
sound plant may show now and then must not accuse, and what a wrong one may show must not confirm. Both bands are
widened by the resolution of the registers and by how much the plant moved between two requests.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.estimate.plate import induction_hz
from dsp.efficiency import USUAL_EFFICIENCY

Numbers = Sequence[float]
Band = tuple[float, float]
NONE: Band = (math.inf, -math.inf)
SQRT3 = math.sqrt(3)


@dataclass(frozen=True, slots=True)
class Plate:
    """What is known from the configuration about the machine behind a device; NaN where nothing is.

    sinusoidal: no rectifier behind the meter, so that S² = P² + Q² holds. per_phase: three wattmeters (3P4W).
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

    @property
    def hertz(self) -> float:
        """Rated electrical frequency, an induction motor's by its plate."""
        turning = self.rpm * self.poles / 120
        return induction_hz(self.rpm, self.poles) if self.induction and not math.isnan(turning) else turning

    @property
    def rated_nm(self) -> float:
        return self.kw * 1000 * 30 / math.pi / self.rpm

    @property
    def rated_va(self) -> float:
        return SQRT3 * self.volts * self.amps


@dataclass(frozen=True, slots=True)
class Relation:
    """x(values of needs, plate): NaN where the row does not apply. loaded: only from 10 % load on.

    over_time: x takes (seconds, value) series instead of numbers, as counters need.
    """

    name: str
    needs: tuple[str, ...]
    x: Callable[[Numbers, Plate], float]
    tight: Band
    wide: Band
    reason: str
    loaded: bool = True
    over_time: bool = False


def equal(
    name: str, needs: str, left: Callable[[Numbers, Plate], float], right: Callable[[Numbers, Plate], float],
    tolerance: float, reason: str, *, wide: float | None = None, loaded: bool = True,
) -> Relation:  # fmt: skip
    """left = right; x is their difference by the larger one."""

    def x(v: Numbers, p: Plate) -> float:
        a, b = left(v, p), right(v, p)
        size = max(abs(a), abs(b))
        return (a - b) / size if size else math.nan

    wide = tolerance if wide is None else wide
    return Relation(name, tuple(needs.split()), x, (-tolerance, tolerance), (-wide, wide), reason, loaded)


def ratio(
    name: str, needs: str, x: Callable[[Numbers, Plate], float], tight: Band, wide: Band, reason: str,
    *, loaded: bool = True,
) -> Relation:  # fmt: skip
    return Relation(name, tuple(needs.split()), x, tight, wide, reason, loaded)


def over(a: float, b: float) -> float:
    return a / b if b else (math.nan if not a or math.isnan(a) else math.inf)
