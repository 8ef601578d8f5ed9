"""UTC without surprises: the monotonic clock plus an offset that changes only where `ClockWatch` sees and tells it.

Everything else gets its time passed in.
"""

from __future__ import annotations

import asyncio
import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

STEP_S = 0.5  # a smaller difference is followed without a word
PLAUSIBLE_NS = 1_767_225_600_000_000_000  # 2026-01-01: no clock that is right can show less
ENDS_NS = 2_051_222_400_000_000_000  # 2035-01-01: 2036 and 2038, where counters of 32 bits end, is what dead clocks say
AWAY_NS = 366 * 86_400_000_000_000  # a machine was off no longer: without a reference a later time is not believed
SYNCHRONISED, PLAUSIBLE, UNSURE = "synchronised", "plausible", "unsure"
_STA_UNSYNC = 0x40  # linux/timex.h


class SystemClock:
    """UTC as it was when made and the time that has passed since: no step of the system's clock shows by itself."""

    def __init__(
        self, wall_ns: Callable[[], int] = time.time_ns, monotonic_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self.wall_ns, self.monotonic_ns = wall_ns, monotonic_ns
        self._offset_ns = wall_ns() - monotonic_ns()

    def utc_ns(self) -> int:
        return self.monotonic_ns() + self._offset_ns

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def move(self, by_ns: int) -> None:
        """Puts UTC forward, or back. Readings and rows that were stamped before keep their time."""
        self._offset_ns += by_ns


@dataclass(frozen=True, slots=True)
class Step:
    """The clock was put forward (positive) or back by delta_ms.

    correct: the rows before it were made by a clock that nobody vouched for, so that the new time is the better one.
    """

    delta_ms: int
    correct: bool


class Span(NamedTuple):
    """Which UTC (ns) is believed of a clock that follows no reference; an end that is out of it is not."""

    first_ns: int
    last_ns: int
    after_run: bool  # whether an earlier run says so

    def doubt(self, wall_ns: int) -> str:
        """What is doubtful about that time, and what to do where it is right after all; empty: nothing."""
        if self.first_ns <= wall_ns <= self.last_ns:
            return ""
        early = wall_ns < self.first_ns
        if not self.after_run:
            return f"it shows {shown(wall_ns)}, which cannot be: set it"
        return (
            f"it shows {shown(wall_ns)}, {'before' if early else 'more than a year after'} the last run reached "
            f"{shown(self.first_ns)}. Let it follow a time server; without one, where it is right, say "
            "assume_clock_synchronized = true in [site] and start the agent again"
        )


def believed(last_ns: int, trusted: bool) -> Span:
    """last_ns, trusted: see ClockWatch."""
    known = not trusted and PLAUSIBLE_NS <= last_ns <= ENDS_NS
    return Span(last_ns, last_ns + AWAY_NS, True) if known else Span(PLAUSIBLE_NS, ENDS_NS, False)


def shown(utc_ns: int) -> str:
    return f"{datetime.fromtimestamp(utc_ns / 1e9, UTC):%Y-%m-%d %H:%M} UTC"


class ClockWatch:
    """Compares our clock with the system's. Call `look` about once a second.

    synchronised: whether the system's clock follows a reference; None when the system does not tell (a container).
    last_ns: UTC that an earlier run reached: without a reference time never runs before it, so that a machine without a
    battery clock does not write the same hours twice; nor far behind it, so that a dead one does not date what is
    measured into a year to come. trusted: somebody said that this clock is right, whatever the kernel says and an
    earlier run saw.
    """

    def __init__(
        self, clock: SystemClock, synchronised: Callable[[], bool | None], last_ns: int = 0, trusted: bool = False
    ) -> None:
        self.word = UNSURE
        self._clock, self._synchronised, self._trusted = clock, synchronised, trusted
        self._believed = believed(last_ns, trusted)
        self._began_ns = clock.monotonic_ns()
        self._vouched = False  # whether the rows until now were made by a clock that followed a reference
        if self._judge() == UNSURE and not self.possible:
            clock.move(self._believed.first_ns - clock.utc_ns())
        self.word = self._judge()
        self._vouched = self.word == SYNCHRONISED

    @property
    def sure(self) -> bool:
        return self.word != UNSURE

    @property
    def possible(self) -> bool:
        """Whether the system's clock shows a time that it may be, as far as can be told without a reference."""
        return not self.doubt

    @property
    def doubt(self) -> str:
        """Why it does not, in words; empty when it does."""
        running_ns = self._clock.monotonic_ns() - self._began_ns
        span = self._believed
        return span._replace(last_ns=span.last_ns + running_ns).doubt(self._clock.wall_ns())

    def look(self) -> Step | None:
        """Follows the system's clock. The step that was seen, if any; our clock has made it then."""
        self.word = self._judge()
        step = None
        if self.word != UNSURE or self.possible:
            ahead_ns = self._clock.wall_ns() - self._clock.utc_ns()
            self._clock.move(ahead_ns)
            if abs(ahead_ns) > STEP_S * 1e9:
                step = Step(round(ahead_ns / 1e6), not self._vouched)
        self._vouched = self.word == SYNCHRONISED
        return step

    def _judge(self) -> str:
        synchronised = self._synchronised()
        if synchronised:
            return SYNCHRONISED
        if self.possible and (self._trusted or synchronised is None):
            return PLAUSIBLE
        return UNSURE


def kernel_synchronised() -> bool | None:
    """Whether the kernel says that its clock follows a reference (NTP, PTP, GPS); None when it does not tell.

    adjtimex(2), asked without changing anything. chrony, ntpd, systemd-timesyncd and phc2sys all tell the kernel; a
    clock that is set by hand becomes unsynchronised at that moment.
    """
    buffer = (ctypes.c_char * 512)()
    try:
        state = ctypes.CDLL(None).adjtimex(buffer)
    except (OSError, AttributeError):
        return None
    if state < 0:
        return None
    # struct timex: unsigned modes; long offset, freq, maxerror, esterror; int status
    status = ctypes.c_int.from_buffer(buffer, 5 * ctypes.sizeof(ctypes.c_long)).value
    return not status & _STA_UNSYNC
