"""How long a self-check takes, from the requests that it will send and the wires they go over."""

from __future__ import annotations

from agent.config import Config
from agent.plan import block_s
from agent.poll import wire_of
from agent.selfcheck import Bench
from agent.selfcheck.check import period_of
from agent.selfcheck.reader import MapReader
from drivers.reading import Clock


def lasts_s(config: Config, bench: Bench, readings: int, clock: Clock) -> tuple[float, float]:
    """Seconds when all is well, and when values disagree and the words beside are read too."""
    once_s = [_round_s(config, bench, clock, beside) for beside in (False, True)]
    period_s = period_of(bench, readings)
    plain, thorough = ((readings - 1) * max(period_s, round_s) + round_s for round_s in once_s)
    return plain, plain + thorough


def _round_s(config: Config, bench: Bench, clock: Clock, beside: bool) -> float:
    """All devices of all buses, one after the other, as the self-check reads them."""
    total_s = 0.0
    for item in bench.subjects:
        wire = wire_of(config.buses[item.item.bus])
        gap_s = item.profile.min_gap_s if item.gap_s is None else item.gap_s
        counts = MapReader(item, item.profile, item.item.unit, clock).counts(beside)
        total_s += sum(block_s(wire, count, gap_s) for count in counts)
    return total_s
