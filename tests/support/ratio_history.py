"""A pump before and after its retrofit, measured with a transformer ratio that may be wrong afterwards.

Energy = (14 + 26·load^1.5) kW, with a daily profile, weekends, and a noise that is partly slow (20 h) and partly white.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from random import Random

from agent.savings.baseline.baseline import freeze, learn
from agent.savings.records.model import Baseline, Driver, Interval, StaticFactor

FLOW, METER = "signal_flow_m3_h", "mcc-1 1 400/5"
BEGIN_MS = 1_790_553_600_000  # a midnight in UTC
DAYS_BEFORE = 14
SLOW, WHITE, SLOW_H = 0.010, 0.010, 20.0

Saving = Callable[[float], float]


def measured(
    rng: Random, from_ms: int, hours: float, length_s: int = 900, saving: Saving = lambda _: 0.0, factor: float = 1.0
) -> list[Interval]:
    """saving: load → share. factor: of the transformer ratio."""
    found, phi = list[Interval](), math.exp(-length_s / 3600 / SLOW_H)
    slow, wander = rng.gauss(0, SLOW), 0.0
    for k in range(round(3600 * hours / length_s)):
        start_ms = from_ms + 1000 * length_s * k
        slow = phi * slow + math.sqrt(1 - phi * phi) * rng.gauss(0, SLOW)
        wander = 0.95 * wander + rng.gauss(0, 0.02)
        days = start_ms / 86_400_000
        load = (0.7 + 0.2 * math.sin(2 * math.pi * days) + wander) * (0.75 if int(days) % 7 > 4 else 1.0)
        load = min(max(load, 0.3), 1.1)
        wh = length_s / 3.6 * (14 + 26 * load**1.5) * (1 + slow + rng.gauss(0, WHITE)) * (1 - saving(load)) * factor
        found.append(Interval("pump", start_ms, wh, length_s=length_s, drivers={FLOW: Driver(800 * load)}, meter=METER))
    return found


@cache
def baseline(seed: int, length_s: int = 900, by_flow: bool = True, load_stated: bool = False) -> Baseline:
    """Frozen from two weeks. load_stated: the load was declared constant."""
    before = measured(Random(seed), BEGIN_MS - DAYS_BEFORE * 86_400_000, 24 * DAYS_BEFORE, length_s)
    kind, drivers = ("polynomial", [FLOW]) if by_flow else ("constant", None)
    draft = learn("pump", before, kind=kind, drivers=drivers, classes=("0.5S", "0.5"))
    stated = [StaticFactor("load", "constant", "Li Wei", BEGIN_MS)] if load_stated else []
    return freeze(draft, BEGIN_MS, "Li Wei", stated)


def after(
    seed: int, hours: float, factor: float = 1.0, saving: float = 0.0, length_s: int = 900, dependence: float = 0.0
) -> list[Interval]:
    """The retrofit saves `saving` at a load of 0.7, and relatively more at smaller loads by `dependence`."""
    by_load: Saving = lambda load: saving * (1 + dependence * (0.7 - load))  # noqa: E731
    return measured(Random(1000 + seed), BEGIN_MS, hours, length_s, by_load, factor)
