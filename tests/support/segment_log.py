"""Queries on the log of a simulated segment."""

from __future__ import annotations

from itertools import pairwise

from simulators.bus.segment import Segment, Transmission

_EARLY_S = 50e-6  # tolerance between the clocks of two threads


def sent_by(segment: Segment, station: str) -> list[Transmission]:
    return [item for item in list(segment.log) if item.station == station]


def broken_silences(segment: Segment, station: str) -> list[tuple[Transmission, Transmission]]:
    """Return the transmissions that began within 3.5 characters after another station's, or during it."""
    in_order = sorted(list(segment.log), key=lambda item: item.start_s)
    return [
        (before, after)
        for before, after in pairwise(in_order)
        if after.station == station != before.station
        and after.start_s < before.end_s + segment.silence_s - _EARLY_S
    ]  # fmt: skip
