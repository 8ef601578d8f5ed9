"""Intervals in which the motor was off: by their energy, since no driver distinguishes it from idling.

They have a separate mean. Intervals next to them, in which the motor started or stopped, fit no model. The limits
are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from agent.savings.records.model import Interval
from agent.savings.records.transitions import next_to

OFF_SHARE = 0.05  # of the energy of a busy interval; idling mills and pumps against a closed valve need more
BUSY_PERCENTILE = 95
TRANSITIONS_MOST = 0.25  # share of the other intervals; more: the motor cycles, and its mean follows the drivers
CORRELATED = 8  # correlation times in which the mean of the off intervals is as uncertain as one of them


class Running(NamedTuple):
    """Intervals by what the motor did.

    ran: whether it ran all the time, by interval.
    off: those in which it was off.
    limit_wh: largest energy of an interval in which it is off, Wh; None: it starts and stops too often for one.
    """

    ran: list[bool]
    off: list[Interval]
    limit_wh: float | None


def split_off(found: Sequence[Interval]) -> Running:
    """found: intervals of one length, in order."""
    energies_wh = np.array([whole_wh(item) for item in found])
    limit_wh = OFF_SHARE * float(np.percentile(energies_wh, BUSY_PERCENTILE))
    off = (energies_wh <= limit_wh).tolist()
    near = next_to(found, off)
    if sum(near) > TRANSITIONS_MOST * (len(found) - sum(off)):
        return Running([True] * len(found), [], None)
    ran = [not is_off and not is_near for is_off, is_near in zip(off, near, strict=True)]
    return Running(ran, [item for item, is_off in zip(found, off, strict=True) if is_off], limit_wh)


def off_state(running: Running, drivers: Sequence[str], tau: float) -> dict[str, Any] | None:
    """For the shape of a model; None where the motor cycles.

    tau: intervals for which the residuals of the running motor are correlated.

    limit_wh: see Running. n: number of off intervals. mean_wh, spread_wh: their mean and standard deviation.
    u_mean_wh: standard uncertainty of the mean. ranges: of each driver in them.
    """
    if running.limit_wh is None:
        return None
    off, n = np.array([whole_wh(item) for item in running.off]), len(running.off)
    spread_wh = float(off.std(ddof=1)) if n > 1 else float(off.sum())
    values = {name: [item.drivers[name].mean for item in running.off if name in item.drivers] for name in drivers}
    return {
        "limit_wh": running.limit_wh, "n": n, "mean_wh": float(off.mean()) if n else 0.0, "spread_wh": spread_wh,
        "u_mean_wh": spread_wh / max(n / (CORRELATED * tau), 1.0) ** 0.5,
        "ranges": {name: [min(own), max(own)] for name, own in values.items() if own},
    }  # fmt: skip


def whole_wh(item: Interval) -> float:
    """Energy with auxiliaries, scaled to the whole interval, Wh."""
    return ((item.energy_wh or 0.0) + item.auxiliary_wh) * item.length_s / item.energy_s
