"""The records that travel from the wire upwards, and the seams through which time and wires are passed in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntFlag
from functools import cache
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from drivers.framing import Request


class Quality(IntFlag):
    """What is doubtful about a value. Flags only accumulate: a result is as doubtful as its worst input."""

    GOOD = 0
    STALE = 1  # not renewed in time
    NO_REPLY = 2  # the device did not answer
    OUT_OF_RANGE = 4  # outside the window that the vocabulary calls plausible, or a "not available" mark
    CLIPPED = 8  # the sampler was at its limit
    GAP = 16  # samples are missing
    CLOCK_UNSYNCHRONIZED = 32  # the clock was not synchronised
    SIMULATED = 64  # from a software plant
    PQ_EVENT = 128  # a dip, swell or interruption lies in the interval
    SUBSTITUTED = 256  # taken from elsewhere because the first source was missing
    WARMING_UP = 512  # not enough history yet
    UNVERIFIED = 1024  # the register map was not confirmed on this device
    ALLOCATED = 2048  # a share of a meter that several motors share
    MAINTENANCE = 4096  # maintenance of the motor: measured, but excluded from alarms and baselines

    def __or__(self, other: int) -> Quality:  # these two as the enum has them, without making the same member again
        return _members[int.__or__(self, other)]

    def __and__(self, other: int) -> Quality:
        return _members[int.__and__(self, other)]

    def names(self) -> list[str]:
        """The set flags by name, in the order of the class; empty when good."""
        return list(_names(self))


class _Members(dict[int, Quality]):
    """Every combination that was met: flags are joined for each value of each row."""

    def __missing__(self, bits: int) -> Quality:
        found = self[bits] = Quality(bits)
        return found


_members = _Members()


@cache
def _names(quality: Quality) -> tuple[str, ...]:
    return tuple(flag.name for flag in Quality if flag and flag in quality and flag.name)


# Flags that make a value unusable; the others leave it usable with care.
BAD = Quality.STALE | Quality.NO_REPLY | Quality.OUT_OF_RANGE | Quality.GAP


@dataclass(frozen=True, slots=True)
class Quantity:
    """A name of the vocabulary: one unit and one plausible window everywhere."""

    name: str
    unit: str
    kind: str  # gauge | counter | state | identity | setting
    about: str = ""
    low: float | None = None
    high: float | None = None


Value = float | int | str | None


@dataclass(frozen=True, slots=True)
class Reading:
    """One coherent poll of one device.

    sent_ns and came_ns (UTC) bound the moment of measurement: first request sent, last answer came. monotonic_ns is
    the clock that never steps at that last answer: intervals and ages are taken from it.
    values: quantity name → value in the vocabulary's unit; None where nothing usable came.
    flags: quantity name → what is doubtful about that value; absent when good.
    quality: what is doubtful about the whole reading (NO_REPLY, SIMULATED …).
    """

    device: str
    sent_ns: int
    came_ns: int
    values: Mapping[str, Value]
    quality: Quality = Quality.GOOD
    flags: Mapping[str, Quality] = field(default_factory=dict)
    error: str = ""
    monotonic_ns: int = 0

    @property
    def middle_s(self) -> float:
        """Monotonic time halfway between the first request and the last answer."""
        return (self.monotonic_ns - (self.came_ns - self.sent_ns) / 2) / 1e9


@dataclass(frozen=True, slots=True)
class Waveform:
    """A run of samples without holes inside.

    start_ns: UTC of the first sample. index: number of the first sample since the stream began; a jump
    against the block before tells how many are lost. samples: float64, shape (channels, n), C order, in V or A;
    channels are named u1 u2 u3 i1 i2 i3 where known. clipping: the largest magnitude each channel can show;
    NaN unknown.
    """

    device: str
    start_ns: int
    index: int
    rate_hz: float
    channels: tuple[str, ...]
    samples: NDArray[np.float64]
    clipping: tuple[float, ...] = ()
    quality: Quality = Quality.GOOD


class Clock(Protocol):
    """Time is passed in, so that a plant day can run in seconds."""

    def utc_ns(self) -> int: ...

    def monotonic_ns(self) -> int: ...

    async def sleep(self, seconds: float) -> None: ...


class Link(Protocol):
    """One wire, one owner; see drivers.bus.ModbusLink.read_block."""

    @property
    def answered_s(self) -> float: ...

    async def read_block(
        self, request: Request, timeout_s: float, gap_s: float = 0.0, *,
        spare: int = 0, tries: int = 1, patience_s: float | None = None, silence_tries: int | None = None,
    ) -> bytes:  # fmt: skip
        """Register bytes, big endian. Raises LinkError when nobody answers, DeviceRefused on a Modbus exception."""
        ...

    async def close(self) -> None: ...


class Device(Protocol):
    """Something that can be polled. Trouble in the plant is data: `poll` never raises for it."""

    name: str

    async def poll(self, groups: frozenset[str]) -> Reading: ...
