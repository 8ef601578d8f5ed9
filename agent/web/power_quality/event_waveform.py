"""Waveform of an event of the supply, with the lowest rms of each phase."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from msgspec import Struct

from agent.web.power_quality.supply_events import SupplyEvent


class EventWaveform(Struct):
    """Samples around an event.

    start_ms, rate_hz: of the first sample, and of the samples. u_v, i_a: phases 1 to 3; empty: not measured.
    begin_ms, end_ms: of the event. least_pct: per phase, the lowest (of a swell the highest) rms of one cycle within
        the event, % of the reference; None: unknown.
    """

    start_ms: int
    rate_hz: float
    u_v: list[list[float | None]]
    i_a: list[list[float | None]]
    begin_ms: int
    end_ms: int
    least_pct: list[float | None]
    rms: CycleRms


class CycleRms(Struct):
    """Rms of one cycle, per phase, % of the reference; value k is of the cycle that ends at first_ms + k step_ms."""

    first_ms: float
    step_ms: float
    u_pct: list[list[float | None]]


def event_waveform(event: SupplyEvent, samples: Mapping[str, Any], frequency_hz: float | None) -> EventWaveform | None:
    """samples: keys `snapshot_…` of the event message; None without them. frequency_hz: of the supply; None: 50."""
    start_ms, rate_hz = samples.get("snapshot_start_ms"), samples.get("snapshot_rate_hz")
    if start_ms is None or not rate_hz:
        return None
    u_v, i_a = ([samples.get(f"snapshot_{kind}_l{n}_{unit}") or [] for n in (1, 2, 3)] for kind, unit in ("uv", "ia"))
    end_ms = event.start_ms + round(1000 * (event.duration_s or 0.0))
    first, last = ((at - start_ms) / 1000 * rate_hz for at in (event.start_ms, end_ms))
    cycle = rate_hz / (frequency_hz or 50.0)
    percent = 100.0 / event.reference_v if event.reference_v else None
    rms = [_cycle_rms(row, cycle) for row in u_v]
    choose = max if event.kind == "swell" else min
    least = [choose(_within(row, cycle, first, last), default=None) for row in rms]
    step = max(1, round(cycle / 2))
    sparse = [row[::step] for row in rms]
    first_ms = start_ms + 1000 * math.ceil(cycle) / rate_hz
    return EventWaveform(
        start_ms, rate_hz, u_v, i_a, event.start_ms, end_ms, _scaled(least, percent),
        CycleRms(round(first_ms, 1), round(1000 * step / rate_hz, 3), [_scaled(row, percent) for row in sparse]),
    )  # fmt: skip


def _cycle_rms(row: Sequence[float | None], cycle: float) -> list[float]:
    """The rms of the cycle before each sample from the first complete cycle on; empty when a sample is missing.

    cycle: samples of a cycle; the oldest sample counts in part.
    """
    if any(value is None for value in row):
        return []
    squares = [float(value or 0.0) ** 2 for value in row]
    total = [0.0, *accumulate(squares)]
    whole = math.floor(cycle)
    found = []
    for end in range(math.ceil(cycle), len(row) + 1):
        part = (cycle - whole) * squares[end - whole - 1] if cycle > whole else 0.0
        found.append(math.sqrt((total[end] - total[end - whole] + part) / cycle))
    return found


def _within(rms: list[float], cycle: float, first: float, last: float) -> list[float]:
    """Those whose cycle ends within samples first to last; the one that ends last if the event is shorter."""
    begin = max(math.ceil(first) - math.ceil(cycle), 0)
    end = max(math.ceil(last) - math.ceil(cycle) + 1, begin + 1)
    return rms[begin:end]


def _scaled(values: Sequence[float | None], factor: float | None) -> list[float | None]:
    return [None if value is None or factor is None else round(value * factor, 1) for value in values]
