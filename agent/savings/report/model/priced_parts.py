"""Intervals divided at the quarter hours of the clock, at which prices change: an imported one can have several prices.

Within an interval the power is taken as constant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from agent.config.tariff import Tariff
from agent.savings.accounting.interval_comparison import IntervalResult
from agent.savings.records.model import QUARTER_MS, Interval


class Part(NamedTuple):
    """A part of an interval within one quarter hour: UTC ms, seconds, share of the interval."""

    start_ms: int
    length_s: int
    share: float


def parts_of(start_ms: int, length_s: int) -> Iterator[Part]:
    """The parts of an interval, in order."""
    end_ms, part_ms = start_ms + 1000 * length_s, start_ms
    while part_ms < end_ms:
        next_ms = min((part_ms // QUARTER_MS + 1) * QUARTER_MS, end_ms)
        yield Part(part_ms, (next_ms - part_ms) // 1000, (next_ms - part_ms) / (end_ms - start_ms))
        part_ms = next_ms


def priced_results(results: Sequence[IntervalResult]) -> list[IntervalResult]:
    """The parts of compared intervals, with their shares of the energies."""
    return [
        result._replace(start_ms=part.start_ms, length_s=part.length_s,
                        adjusted_wh=_times(result.adjusted_wh, part.share),
                        measured_wh=_times(result.measured_wh, part.share))
        for result in results
        for part in parts_of(result.start_ms, result.length_s)
    ]  # fmt: skip


def priced_intervals(found: Sequence[Interval]) -> list[Interval]:
    """The parts of intervals, with their shares of active and reactive energy; other fields are those of the whole."""
    return [
        replace(item, start_ms=part.start_ms, length_s=part.length_s, energy_wh=_times(item.energy_wh, part.share),
                reactive_varh=_times(item.reactive_varh, part.share))
        for item in found
        for part in parts_of(item.start_ms, item.length_s)
    ]  # fmt: skip


def mean_price(tariff: Tariff, item: Interval) -> tuple[str, float]:
    """Name and price per kWh of an interval; of one with several prices their names, joined by +, and their mean over
    time. Raises InvalidValue for a time without a price.
    """
    names, mean = list[str](), 0.0
    for part in parts_of(item.start_ms, item.length_s):
        name, price = tariff.price(part.start_ms)
        names.append(name)
        mean += part.share * price
    return "+".join(dict.fromkeys(names)), mean


def longer_than_window(tariff: Tariff, results: Sequence[IntervalResult]) -> IntervalResult | None:
    """An interval that extends over several demand windows, whose demand is unknown; None: there is none."""
    if tariff.demand is None:
        return None
    window_ms = 1000 * tariff.demand.window_s
    for result in results:
        if result.start_ms // window_ms != (result.start_ms + 1000 * result.length_s - 1) // window_ms:
            return result
    return None


def _times(value: float | None, share: float) -> float | None:
    return None if value is None else value * share
