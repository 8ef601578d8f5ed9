"""The analysis of the waveform of a motor: its stream, and what flags of windows mean for values."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_

from drivers.reading import Quality, Waveform
from drivers.recordings.recording import ROLES
from dsp.stream import Flag, Stream
from dsp.supply import Supply

LEFT_OUT = Flag.GAP | Flag.SYNC_LOST  # windows with one of these are not part of 3 s values
_FLAGS = (
    (Flag.GAP, Quality.GAP),
    (Flag.CLIPPED, Quality.CLIPPED),
    (Flag.SYNC_LOST, Quality.GAP),
    (Flag.MISSING_PHASE, Quality.UNVERIFIED),
    (Flag.FREQUENCY_CHANGING, Quality.UNVERIFIED),
    (Flag.EVENT, Quality.PQ_EVENT),
    (Flag.CONSTANT_SIGNAL, Quality.STALE),
)


def quality_of(flags: Iterable[Flag]) -> Quality:
    """The flags of values of windows with these flags."""
    every = reduce(or_, flags, Flag.GOOD)
    return reduce(or_, (quality for flag, quality in _FLAGS if flag in every), Quality.GOOD)


def stream_of(block: Waveform, supply: Supply | None) -> Stream:
    """The analysis of a waveform that begins with this block. supply: None at the output of a drive."""
    limits = [float("nan")] * len(ROLES)
    for name, limit in zip(block.channels, block.clipping, strict=False):
        if name in ROLES:
            limits[ROLES.index(name)] = limit
    present = tuple(role in block.channels for role in ROLES)
    return Stream(
        block.rate_hz, nominal="drive" if supply is None else "auto", present=present, limits=limits, supply=supply
    )
