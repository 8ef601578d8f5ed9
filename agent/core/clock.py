"""UTC of the agent: monotonic time plus an offset that changes only when `ClockWatch` detects a step and reports it.

`implausibility` is the only test of a time. All other code receives the time as an argument.
"""

from __future__ import annotations

import ctypes
import math
import time
from collections.abc import Callable

from msgspec import Struct

from drivers import direct_future
from drivers.reasons import Code, Reason

STEP_S = 0.5  # smaller differences are corrected without an event
PLAUSIBLE_NS = 1_767_225_600_000_000_000  # 2026-01-01: no correct clock shows an earlier time
LAST_NS = 2_240_611_200_000_000_000  # 2041-01-01: 15 years later, as systemd (clock-valid-range-usec-max) [M]
UNKNOWN_LAST_NS = 2_051_222_400_000_000_000  # 2035-01-01: faulty clocks often show 2036 or 2038, the end of counters
BEHIND_NS = 10_000_000_000  # behind the end of the last run: a clock that is stored in whole seconds, or drifted
AWAY_NS = 366 * 86_400_000_000_000  # longest time off
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


def implausibility(wall_ns: int, reached_ns: int, referenced: bool, running_ns: int = 0) -> Reason | None:
    """Why a time of the system clock must not be used; None: it may. All times of the agent pass this test.

    reached_ns: UTC that the last run reached; 0: unknown. Without a reference, a clock that shows an earlier time has
        lost its time, and its hours would be dated twice; one that shows more than a year later is faulty.
    referenced: the clock follows a time server, or the configuration states that it is correct.
    running_ns: time since the last run, as far as it is known.
    """
    if not referenced and _known(reached_ns):
        if wall_ns < reached_ns - BEHIND_NS:
            return CLOCK_BEFORE_LAST_RUN(shown_ms=wall_ns // 1_000_000, reached_ms=reached_ns // 1_000_000)
        if wall_ns > reached_ns + AWAY_NS + running_ns:
            return CLOCK_AFTER_LAST_RUN(shown_ms=wall_ns // 1_000_000, reached_ms=reached_ns // 1_000_000)
    last_ns = LAST_NS if referenced or _known(reached_ns) else UNKNOWN_LAST_NS
    return None if PLAUSIBLE_NS <= wall_ns <= last_ns else CLOCK_IMPLAUSIBLE(shown_ms=wall_ns // 1_000_000)


def _known(reached_ns: int) -> bool:
    return PLAUSIBLE_NS <= reached_ns <= LAST_NS


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
        await direct_future.sleep(seconds)

    def move(self, by_ns: int) -> None:
        """Steps UTC by by_ns, forward or back. Earlier readings and rows keep their time."""
        self._offset_ns += by_ns


class ClockStep(Struct, frozen=True):
    """A step of the clock.

    delta_ms: positive for a step forward.
    correct: whether the clock was not synchronized before, so that the time of earlier rows has to be corrected.
    """

    delta_ms: int
    correct: bool


class ClockWatch:
    """Compares the clock of the agent with the system clock. `update` is to be called about once a second.

    synchronized: whether the system clock follows a reference; None when the system does not report it (a container).
    reached_ns: as for `implausibility`. While the system clock is not plausible, time continues from there.
    trusted: the configuration states that the system clock is correct.

    state: SYNCHRONIZED, PLAUSIBLE or UNSYNCHRONIZED.
    implausibility: why the time of the system clock is not used; None when it is.
    """

    def __init__(
        self, clock: SystemClock, synchronized: Callable[[], bool | None], reached_ns: int = 0, trusted: bool = False
    ) -> None:
        self._clock, self._synchronized, self.reached_ns, self._trusted = clock, synchronized, reached_ns, trusted
        self._start_ns = clock.monotonic_ns()
        self._examine()
        if self.implausibility is not None:
            clock.move((reached_ns if _known(reached_ns) else PLAUSIBLE_NS) - clock.utc_ns())

    @property
    def reliable(self) -> bool:
        """Whether the clock follows a reference, or is plausible where no reference is expected."""
        return self.state != UNSYNCHRONIZED

    def update(self) -> ClockStep | None:
        """Follows the system clock. Returns the step if there was one; the clock of the agent already contains it."""
        was_synchronized = self.state == SYNCHRONIZED
        self._examine()
        if self.implausibility is not None:
            return None
        ahead_ns = self._clock.wall_ns() - self._clock.utc_ns()
        self._clock.move(ahead_ns)
        return ClockStep(round(ahead_ns / 1e6), not was_synchronized) if abs(ahead_ns) > STEP_S * 1e9 else None

    def _examine(self) -> None:
        follows, running_ns = self._synchronized(), self._clock.monotonic_ns() - self._start_ns
        referenced = bool(follows) or self._trusted
        self.implausibility = implausibility(self._clock.wall_ns(), self.reached_ns, referenced, running_ns)
        if self.implausibility is not None or (follows is False and not self._trusted):
            self.state = UNSYNCHRONIZED
        else:
            self.state = SYNCHRONIZED if follows else PLAUSIBLE


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


def rest_s(monotonic_ns: int, period_s: float) -> float:
    """Seconds to the next multiple of period_s, 0.1 to 1.1 periods: tasks that sleep so wake the process together."""
    periods = monotonic_ns / 1e9 / period_s
    return (math.floor(periods + 1.1) - periods) * period_s
