"""Records of measured values, and the protocols for clocks, buses and devices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntFlag
from functools import cache
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct, field

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from drivers.framing import Request
    from drivers.reasons import Reason


class Quality(IntFlag):
    """Data quality of a value, as a set of flags. Flags only accumulate: a result has the flags of all its inputs."""

    GOOD = 0
    STALE = 1  # not refreshed in time
    NO_REPLY = 2  # the device did not respond
    OUT_OF_RANGE = 4  # outside the plausibility limits, or the code for "not available"
    CLIPPED = 8  # the input was overdriven
    GAP = 16  # samples are missing
    CLOCK_UNSYNCHRONIZED = 32  # the clock was not synchronised
    SIMULATED = 64  # from a software plant
    PQ_EVENT = 128  # a voltage dip, swell or interruption in the interval
    SUBSTITUTED = 256  # from a secondary source because the primary one was missing
    WARMING_UP = 512  # not enough data yet
    UNVERIFIED = 1024  # the register map was not confirmed on this device
    ALLOCATED = 2048  # a share of a meter that several motors share
    MAINTENANCE = 4096  # maintenance of the motor: measured, but excluded from alarms and baselines
    LISTENED = 8192  # requested by another master; this program only listened

    def __or__(self, other: int) -> Quality:  # as in IntFlag, but with cached members
        return _members[int.__or__(self, other)]

    def __and__(self, other: int) -> Quality:
        return _members[int.__and__(self, other)]

    def names(self) -> list[str]:
        """Names of the set flags, in the order of the class; empty if good."""
        return list(_names(self))


class _Members(dict[int, Quality]):
    """Cache of all combinations in use: flags are combined for every value."""

    def __missing__(self, bits: int) -> Quality:
        found = self[bits] = Quality(bits)
        return found


_members = _Members()


@cache
def _names(quality: Quality) -> tuple[str, ...]:
    return tuple(flag.name for flag in Quality if flag and flag in quality and flag.name)


# Flags that state the origin of a value and do not restrict its use.
ORIGIN = Quality.SIMULATED | Quality.LISTENED
# Flags that make a value unusable; with the others it is usable with limitations.
BAD = Quality.STALE | Quality.NO_REPLY | Quality.OUT_OF_RANGE | Quality.GAP


class Quantity(Struct, frozen=True):
    """An entry of the vocabulary.

    name: name of the quantity.
    unit: its unit everywhere in the product.
    kind: gauge | counter | state | identity | setting.
    about: description.
    low, high: plausibility limits in `unit`; None: unlimited.
    """

    name: str
    unit: str
    kind: str
    about: str = ""
    low: float | None = None
    high: float | None = None


Value = float | int | str | None


class Reading(Struct, frozen=True):
    """Values of one poll of one device.

    device: name of the device.
    sent_ns: UTC at which the first request was sent, in ns.
    came_ns: UTC at which the last response was received, in ns. The values were measured between these two times.
    values: quantity → value in the unit of the vocabulary; None: not available.
    quality: flags of all values (NO_REPLY, SIMULATED …).
    flags: quantity → further flags of this value; absent if good.
    error: why the poll, or a part of it, failed; None: it did not fail.
    monotonic_ns: monotonic time of the last response, in ns, for intervals and ages.
    """

    device: str
    sent_ns: int
    came_ns: int
    values: Mapping[str, Value]
    quality: Quality = Quality.GOOD
    flags: Mapping[str, Quality] = field(default_factory=dict)
    error: Reason | None = None
    monotonic_ns: int = 0

    @property
    def middle_s(self) -> float:
        """Monotonic time halfway between the first request and the last response, in seconds."""
        return (self.monotonic_ns - (self.came_ns - self.sent_ns) / 2) / 1e9


SAMPLING_RATE_MIN_HZ = 100.0  # of a stream or recording: 2.5 samples per cycle of a fundamental of 40 Hz


class Waveform(Struct, frozen=True):
    """A contiguous block of samples.

    device: name of the stream.
    start_ns: UTC of the first sample, in ns.
    index: number of the first sample since the start of the stream; a step from the end of the previous block gives the
        number of lost samples.
    rate_hz: nominal sampling rate.
    channels: names of the channels; u1 u2 u3 i1 i2 i3 if known.
    samples: float64, shape (channels, n), C order, in V or A.
    clipping: largest magnitude that each channel can represent, in V or A; NaN: unknown.
    quality: flags of all samples.
    scales: V or A for each count of the sender, with the ratios of its transformers; empty: not known.
    """

    device: str
    start_ns: int
    index: int
    rate_hz: float
    channels: tuple[str, ...]
    samples: NDArray[np.float64]
    clipping: tuple[float, ...] = ()
    quality: Quality = Quality.GOOD
    scales: tuple[float, ...] = ()


class Clock(Protocol):
    """Clock that is passed as a parameter, so that a simulated day can run in seconds."""

    def utc_ns(self) -> int:
        """UTC in ns since 1970; may step."""
        ...

    def monotonic_ns(self) -> int:
        """Monotonic time in ns; never steps."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class RegisterLink(Protocol):
    """Access to one bus; see drivers.modbus_link.ModbusLink."""

    @property
    def response_s(self) -> float: ...

    async def read_block(
        self, request: Request, timeout_s: float, inter_request_delay_s: float = 0.0, *, edges: Sequence[int] = (),
        tries: int = 1, silence_tries: int | None = None, retry_after_s: float | None = None,
    ) -> bytes:  # fmt: skip
        """Register bytes, big endian.

        Raises LinkError without a response, ModbusExceptionResponse on an exception response.
        """
        ...

    async def close(self) -> None: ...
