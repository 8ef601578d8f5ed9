"""Whether the values of a nameplate agree with each other, so that a misread digit is detected immediately."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from agent.commissioning.init import reasons as codes
from drivers.reasons import InvalidValue, Reason
from dsp.efficiency import CAGE_PF, MAGNET_PF, USUAL_EFFICIENCY, rated_current_a
from dsp.tables import ie_efficiency

POLES = range(2, 62, 2)
SLIP_MAX = 0.15  # rated slip of the smallest induction motors; large ones have 0.5 %
SYNCHRONOUS = 0.01  # rounding of speed and frequency on the nameplate of a motor without slip
# Efficiency from power, voltage, current and power factor, relative to the class limit (IEC 60034-30-1). Rounding of
# the four values changes it by 2 % at most, the tolerance of the current by a few percent; a wrong digit or the voltage
# of the other connection by more than 10 %.
WITHIN_CLASS = (0.90, 1.08)
WITHIN = (0.70, 1.02)  # efficiency itself, if no class limit is known
CURRENT = (0.7, 1.45)  # over that of a usual power factor: 1.73 is the current of the other connection


def poles_of(kind: str, hz: float, rpm: float) -> int:
    """The number of poles from rated frequency and speed. Raises InvalidValue if no number of poles fits.

    kind: induction, pm or pm-line-start. An induction motor is slower than its field, the others are not.
    """
    if kind == "induction":
        fitting = [poles for poles in POLES if 0 < 1 - rpm * poles / (120 * hz) <= SLIP_MAX]
        if fitting:
            return fitting[-1]  # smallest slip
        raise InvalidValue(codes.SPEED_WITHOUT_POLES, rpm=rpm, hz=hz, near=_nearest(hz, rpm))
    poles = max(2, 2 * round(60 * hz / rpm))
    if abs(rpm * poles / (120 * hz) - 1) > SYNCHRONOUS:
        raise InvalidValue(codes.SPEED_NOT_SYNCHRONOUS, rpm=rpm, hz=hz, poles=poles, near=120 * hz / poles)
    return poles


def contradictions(plate: Mapping[str, Any]) -> list[Reason]:
    """What does not agree. plate: kind, kw, volts, amps, rpm and poles; cos_phi, class and efficiency are optional."""
    kw, volts, amps = (float(plate[key]) for key in ("kw", "volts", "amps"))
    limit = _class_limit(plate)
    if plate.get("efficiency") and limit and not limit - 0.05 <= plate["efficiency"] / 100 <= limit + 0.05:
        return [codes.EFFICIENCY_OUTSIDE_CLASS(
            efficiency_pct=plate["efficiency"], ie_class=plate["class"], limit_pct=100 * limit
        )]  # fmt: skip
    if not plate.get("cos_phi"):
        usual_pf = CAGE_PF if plate["kind"] == "induction" else MAGNET_PF
        usual_a = rated_current_a(1000 * kw, volts, limit or USUAL_EFFICIENCY, usual_pf)
        if CURRENT[0] <= amps / usual_a <= CURRENT[1]:
            return []
        return [codes.CURRENT_UNUSUAL(amps=amps, usual_a=usual_a, kw=kw, volts=volts)]
    efficiency = 1000 * kw / (math.sqrt(3) * volts * amps * plate["cos_phi"])
    low, high = (limit * WITHIN_CLASS[0], min(WITHIN[1], limit * WITHIN_CLASS[1])) if limit else WITHIN
    if low <= efficiency <= high:
        return []
    fitting_a = amps * efficiency / (limit or USUAL_EFFICIENCY)
    return [codes.NAMEPLATE_CONTRADICTORY(efficiency_pct=100 * efficiency, amps=amps, fitting_a=fitting_a)]


def _class_limit(plate: Mapping[str, Any]) -> float | None:
    if not plate.get("class") or plate["poles"] not in (2, 4, 6, 8) or not 0.12 <= plate["kw"] <= 1000:
        return None
    return ie_efficiency(plate["class"], plate["kw"], plate["poles"])


def _nearest(hz: float, rpm: float) -> float:
    """The lowest synchronous speed that is not below the rated one, or the highest one."""
    return min((120 * hz / poles for poles in POLES if 120 * hz / poles >= rpm), default=120 * hz / 2)
