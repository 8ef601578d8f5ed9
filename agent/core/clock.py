"""UTC of the agent: monotonic time plus an offset that changes only when `ClockWatch` detects a step and reports it.

All other code receives the time as an argument.
"""

from __future__ import annotations

import asyncio
import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from drivers.reasons import Code, Reason

STEP_S = 0.5  # smaller differences are corrected without an event
PLAUSIBLE_NS = 1_767_225_600_000_000_000  # 2026-01-01: a correct clock shows a later time
ENDS_NS = 2_051_222_400_000_000_000  # 2035-01-01: faulty clocks often show 2036 or 2038, the end of 32-bit counters
AWAY_NS = 366 * 86_400_000_000_000  # longest time off; without a reference a later time is not plausible
SYNCHRONIZED, PLAUSIBLE, UNSYNCHRONIZED = "synchronized", "plausible", "unsynchronized"
_STA_UNSYNC = 0x40  # linux/timex.h

CLOCK_IMPLAUSIBLE = Code("clock_implausible", "the system clock shows {shown_ms:local}; set the clock")
CLOCK_BEFORE_LAST_RUN = Code(
    "clock_before_last_run",
    "the system clock shows {shown_ms:local}, which is before the end of the last run at {reached_ms:local}. Let the "
    "clock follow a time server; if there is none and the clock is correct, set `assume_clock_synchronized = true` in "
    "[site] and restart the agent",
)
CLOCK_AFTER_LAST_RUN = Code(
    "clock_after_last_run",
    "the system clock shows {shown_ms:local}, more than a year after the end of the last run at {reached_ms:local}. "
    "Let the clock follow a time server; if there is none and the clock is correct, set "
    "`assume_clock_synchronized = true` in [site] and restart the agent",
)


class SystemClock:
    """UTC at the creation plus the monotonic time since then, so that a step of the system clock has no effect."""

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
        """Steps UTC by by_ns, forward or back. Earlier readings and rows keep their time."""
        self._offset_ns += by_ns


@dataclass(frozen=True, slots=True)
class ClockStep:
    """A step of the clock.

    delta_ms: positive for a step forward.
    correct: whether the clock was not synchronized before, so that the time of earlier rows has to be corrected.
    """

    delta_ms: int
    correct: bool


class ClockSpan(NamedTuple):
    """Plausible UTC of a clock that follows no reference, in ns, both ends included.

    after_run: whether it follows from the time that an earlier run reached.
    """

    first_ns: int
    last_ns: int
    after_run: bool

    def implausibility(self, wall_ns: int) -> Reason | None:
        """Why that time is not plausible; None when it is."""
        if self.first_ns <= wall_ns <= self.last_ns:
            return None
        shown_ms = wall_ns // 1_000_000
        if not self.after_run:
            return CLOCK_IMPLAUSIBLE(shown_ms=shown_ms)
        code = CLOCK_BEFORE_LAST_RUN if wall_ns < self.first_ns else CLOCK_AFTER_LAST_RUN
        return code(shown_ms=shown_ms, reached_ms=self.first_ns // 1_000_000)


def plausible_span(last_ns: int, trusted: bool) -> ClockSpan:
    """The plausible times of the system clock. last_ns, trusted: see ClockWatch."""
    known = not trusted and PLAUSIBLE_NS <= last_ns <= ENDS_NS
    return ClockSpan(last_ns, last_ns + AWAY_NS, True) if known else ClockSpan(PLAUSIBLE_NS, ENDS_NS, False)


class ClockWatch:
    """Compares the clock of the agent with the system clock. `update` is to be called about once a second.

    state: SYNCHRONIZED, PLAUSIBLE or UNSYNCHRONIZED.
    synchronized: whether the system clock follows a reference; None when the system does not report it (a container).
    last_ns: UTC that an earlier run reached. Without a reference, an earlier time of the system clock is not accepted,
        because a computer without a battery-backed clock would then date the same hours twice; nor is a time more than
        a year later.
    trusted: the configuration states that the system clock is correct, without a reference and whatever an earlier run
        reached.
    """

    def __init__(
        self, clock: SystemClock, synchronized: Callable[[], bool | None], last_ns: int = 0, trusted: bool = False
    ) -> None:
        self._clock, self._synchronized, self._trusted = clock, synchronized, trusted
        self._plausible = plausible_span(last_ns, trusted)
        self._start_ns = clock.monotonic_ns()
        self.state = self._state()
        if not self.reliable and self.implausibility is not None:
            clock.move(self._plausible.first_ns - clock.utc_ns())

    @property
    def reliable(self) -> bool:
        """Whether the clock follows a reference, or is plausible where no reference is expected."""
        return self.state != UNSYNCHRONIZED

    @property
    def implausibility(self) -> Reason | None:
        """Why the time of the system clock is not plausible; None when it is."""
        running_ns = self._clock.monotonic_ns() - self._start_ns
        span = self._plausible
        return span._replace(last_ns=span.last_ns + running_ns).implausibility(self._clock.wall_ns())

    def update(self) -> ClockStep | None:
        """Follows the system clock. Returns the step if there was one; the clock of the agent already contains it."""
        was_synchronized, self.state = self.state == SYNCHRONIZED, self._state()
        if not self.reliable and self.implausibility is not None:
            return None
        ahead_ns = self._clock.wall_ns() - self._clock.utc_ns()
        self._clock.move(ahead_ns)
        return ClockStep(round(ahead_ns / 1e6), not was_synchronized) if abs(ahead_ns) > STEP_S * 1e9 else None

    def _state(self) -> str:
        synchronized = self._synchronized()
        if synchronized:
            return SYNCHRONIZED
        if (self._trusted or synchronized is None) and self.implausibility is None:
            return PLAUSIBLE
        return UNSYNCHRONIZED


def kernel_synchronized() -> bool | None:
    """Whether the kernel clock follows a reference (NTP, PTP, GPS); None when the system does not report it.

    Read with adjtimex(2), without changing anything. chrony, ntpd, systemd-timesyncd and phc2sys set this kernel state;
    it is cleared when the clock is set manually.
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
