"""A serial port on virtual time: the link under test, slaves, and another master whose every byte is timed.

Nothing waits: an encounter of minutes takes milliseconds and is the same in each run. The link cannot be late, so that
each request after the first complete one of the other master is a fault of the link.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any, TypeVar

import pytest

from drivers.bus_link import bus_link
from drivers.bus_settings import BusSettings
from simulators.bus.frames import crc_valid

T = TypeVar("T")
PORT = 99  # file descriptor of the port under test
TICK_S = 1e-6  # shortest sleep; the rounding of shorter ones could stop the time
DAMAGE = 0x5A


@dataclass(slots=True)
class Sending:
    """An uninterrupted transmission. agent: by the link under test. begin_s, end_s: virtual time on the line."""

    agent: bool
    begin_s: float
    end_s: float
    data: bytes

    def overlaps(self, begin_s: float, end_s: float) -> bool:
        return self.begin_s < end_s and begin_s < self.end_s


class TimedLine:
    """The line, and everything that the driver uses of `time`, `os` and `select`.

    slaves: function from request to response, empty for none; it responds turnaround_s after the request.
    chunk: number of characters that the port delivers together. adapter_s: how late it delivers them.
    delay_s: how much too late each sleep ends.
    """

    def __init__(
        self, slaves: Callable[[bytes], bytes], *, baud: int = 19200, turnaround_s: float = 0.003, chunk: int = 1,
        adapter_s: float = 0.0, delay_s: float = 0.0,
    ) -> None:  # fmt: skip
        self.settings = BusSettings("s", serial_port="timed", baud=baud)
        self.sent: list[Sending] = []  # by the link
        self.complete_s = float("inf")  # when the first intact frame of the other master was delivered
        self._slaves, self._turnaround_s, self._chunk, self._adapter_s = slaves, turnaround_s, chunk, adapter_s
        self._delay_s = delay_s
        self._character_s = self.settings.character_s
        self._now_s, self._order = 0.0, count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._line: list[Sending] = []
        self._received = bytearray()

    # --- the other master ---

    def at(self, begin_s: float, *frames: bytes, foreign: bool = True) -> None:
        """Bytes of others on the line, without pauses between the frames. foreign: they are complete requests."""
        for frame in frames:
            end_s = begin_s + len(frame) * self._character_s
            self._event(begin_s, partial(self._begin, Sending(False, begin_s, end_s, frame), foreign))
            begin_s = end_s

    # --- what the driver uses ---

    def monotonic(self) -> float:
        return self._now_s

    def sleep(self, seconds: float) -> None:
        self._advance(self._now_s + max(seconds, TICK_S) + self._delay_s)

    def select(self, _read: Any, _write: Any, _error: Any, timeout_s: float) -> None:
        until_s = self._now_s + timeout_s
        while not self._received and self._events and self._events[0][0] <= until_s:
            self._advance(self._events[0][0])
        if not self._received:
            self._advance(until_s)

    def read(self, _fd: int, _size: int) -> bytes:
        if not self._received:
            raise BlockingIOError
        data = bytes(self._received)
        self._received.clear()
        return data

    def write(self, _fd: int, data: bytes) -> int:
        sending = Sending(True, self._now_s, self._now_s + len(data) * self._character_s, bytes(data))
        self.sent.append(sending)
        self._begin(sending, False)
        return len(data)

    # --- events ---

    def _advance(self, until_s: float) -> None:
        while self._events and self._events[0][0] <= until_s:
            self._now_s, _, call = heapq.heappop(self._events)
            call()
        self._now_s = max(self._now_s, until_s)

    def _event(self, at_s: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._events, (at_s, next(self._order), call))

    def _begin(self, sending: Sending, foreign: bool) -> None:
        self._line.append(sending)
        n = len(sending.data)
        for at in range(0, n, self._chunk):
            end = min(at + self._chunk, n)
            self._event(sending.begin_s + end * self._character_s, partial(self._arrive, sending, at, end, foreign))

    def _arrive(self, sending: Sending, at: int, end: int, foreign: bool) -> None:
        """Characters are complete on the line; those that overlap with another transmission are damaged."""
        data = bytes(
            byte ^ DAMAGE if self._hit(sending, sending.begin_s + n * self._character_s) else byte
            for n, byte in enumerate(sending.data[at:end], at)
        )
        whole = end == len(sending.data) and not self._hit(sending, sending.begin_s, sending.end_s)
        if not sending.agent:
            self._event(self._now_s + self._adapter_s, partial(self._deliver, data, whole and foreign))
        if whole:
            self._answer(sending)

    def _answer(self, sending: Sending) -> None:
        """The response of the slaves to an intact transmission."""
        if response := self._slaves(sending.data) if crc_valid(sending.data) else b"":
            self._event(self._now_s + self._turnaround_s, partial(self._respond, response, self._now_s))

    def _respond(self, response: bytes, since_s: float) -> None:
        """Slaves ignore a request after which the line is not silent for 3.5 characters."""
        if any(other.overlaps(since_s, since_s + self.settings.silence_s) for other in self._line[-4:]):
            return
        self._begin(Sending(False, self._now_s, self._now_s + len(response) * self._character_s, response), False)

    def _deliver(self, data: bytes, complete: bool) -> None:
        self._received += data
        if complete:
            self.complete_s = min(self.complete_s, self._now_s)

    def _hit(self, sending: Sending, begin_s: float, end_s: float | None = None) -> bool:
        tiny_s = self._character_s / 1000
        begin_s, end_s = begin_s + tiny_s, (begin_s + self._character_s if end_s is None else end_s) - tiny_s
        return any(other is not sending and other.overlaps(begin_s, end_s) for other in self._line[-8:])

    # --- the link ---

    @contextmanager
    def link(self) -> Iterator[Any]:
        """A link whose port is this line."""
        with pytest.MonkeyPatch.context() as patch:
            for module in ("serial_line.time", "serial_line.os", "serial_line.select", "modbus_link.time",
                           "bus_master.time", "dlt645_link.time",
                           "late_responses.time"):  # fmt: skip
                patch.setattr(f"drivers.{module}", self)
            patch.setattr("drivers.bus_master.ThreadExecutor", _SameThread)
            patch.setattr("drivers.serial_line.open_port", lambda *_arguments: _Port())
            patch.setattr("drivers.serial_line.termios", _Port())
            yield bus_link(self.settings, _Clock(self))


class _Port:
    """The opened port, and everything that the driver uses of `termios`."""

    VMIN, TCSANOW, INPCK, error = 6, 0, 16, OSError

    def fileno(self) -> int:
        return PORT

    def tcgetattr(self, _fd: int) -> list[Any]:
        return [0] * 6 + [{}]

    def __getattr__(self, _name: str) -> Any:
        return lambda *_arguments: None


class _Clock:
    """The clock of the link."""

    def __init__(self, line: TimedLine) -> None:
        self._line = line

    def monotonic_ns(self) -> int:
        return round(self._line.monotonic() * 1e9)

    def utc_ns(self) -> int:
        return 1_790_000_000_000_000_000 + self.monotonic_ns()

    async def sleep(self, seconds: float) -> None:
        self._line.sleep(seconds)


class _SameThread:
    """Executes coroutines that are never suspended in the thread of the caller."""

    is_current = True

    def __init__(self, name: str) -> None: ...

    def run(self, work: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
        return work


def finished(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that is never suspended."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("it was suspended")
