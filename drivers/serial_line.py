"""The serial line: one exchange at a time, in a thread of its own, with exact silences.

A thread because asyncio's timers round up to whole milliseconds: at 115200 baud that alone would cost 14 % of the line.
While an answer is on its way the thread sleeps almost to its predicted end: one that waits for bytes is woken for every
few of them (82 times for one answer at 19200 baud, whatever VMIN says).
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import select
import termios
import time
from collections.abc import Hashable
from typing import TYPE_CHECKING

from drivers.errors import FrameError, LinkBusy, LinkClosed, LinkDown, LinkTimeout
from drivers.foreign import Foreign
from drivers.framing import Answer, Request, Want, rtu_length
from drivers.worker import Worker

if TYPE_CHECKING:
    import serial

    from drivers.wire import Wire

log = logging.getLogger(__name__)

BABBLE_S = 1.0  # a line that is never silent for the gap that long is somebody else's
LISTEN_S = 0.1  # at once while listening; after that it is looked whether to end
AWAKE_S = 0.0003  # before the predicted end of an answer, from which on each byte is waited for
STALL_S, STALL_CHARACTERS = 0.05, 20  # an answer that began and pauses that long will not go on


class SerialLine:
    """An open port. Every method but `exchange` and `listen` is cheap; those wait in the line's own thread."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._port: serial.Serial | None = None
        self._fd = -1
        self._turnaround_s: dict[int, float] = {}  # unit → how long it takes to begin its answer
        self._foreign = Foreign(wire.name)
        self._last_s = 0.0  # monotonic time of the last byte either way
        self._ending = False
        self._worker = Worker(f"line-{wire.name}")

    @property
    def connected(self) -> bool:
        return self._port is not None

    async def open(self) -> None:
        """Raises LinkDown when the port cannot be opened."""
        await self._worker.call(self._open)

    async def listen(self, seconds: float) -> int:
        """Bytes heard while nothing is sent."""
        heard: int = await self._worker.call(self._listen, seconds)
        return heard

    async def exchange(
        self, data: bytes, key: Hashable, sent: Request, want: Want, patience_s: float, gap_s: float
    ) -> Answer:
        """Sends `data`, which carries the request `sent`, and waits for the answer.

        Raises LinkTimeout (nothing came), FrameError (something damaged came), LinkBusy, LinkClosed.
        """
        answer: Answer = await self._worker.call(self._exchange, data, key, sent, want, patience_s, gap_s)
        return answer

    async def wait_late(self, want: Want, seconds: float) -> None:
        """Reads late answers away until none is open or the time is over."""
        await self._worker.call(self._wait_late, want, seconds)

    def close(self) -> None:
        if self._port is not None:
            with contextlib.suppress(OSError, termios.error):
                self._port.close()
            self._port, self._fd = None, -1

    def shut_down(self) -> None:
        """While nothing is under way; else it blocks until that is done."""
        self._worker.stop()
        self.close()

    async def end(self) -> None:
        """As shut_down, whatever is under way: listening ends at once, an exchange is waited for."""
        self._ending = True
        await self._worker.call(self.close)
        self.shut_down()

    def _open(self) -> None:
        import serial

        wire = self._wire
        port: serial.Serial | None = None
        try:
            port = serial.Serial(
                wire.serial_port, wire.baud, wire.data_bits, port_parity(wire.serial_port, wire.parity), wire.stop_bits,
                timeout=0, exclusive=True,
            )  # fmt: skip
            with contextlib.suppress(OSError, NotImplementedError, ValueError):
                port.set_low_latency_mode(True)  # an FTDI adapter otherwise holds each answer back for 16 ms
            if wire.rs485:
                with contextlib.suppress(OSError, ValueError):
                    port.rs485_mode = serial.rs485.RS485Settings()
            port.reset_input_buffer()
            attributes = termios.tcgetattr(port.fileno())
            attributes[6][termios.VMIN] = 1  # no byte is told from a line that hung up
            termios.tcsetattr(port.fileno(), termios.TCSANOW, attributes)
        except (OSError, ValueError, termios.error) as error:
            if port is not None:  # unplugged between two of these calls
                with contextlib.suppress(OSError, termios.error):
                    port.close()
            raise LinkDown(f"{wire.name}: {wire.serial_port} {why_not_opened(error)}") from None
        self._port, self._fd, self._last_s = port, port.fileno(), time.monotonic()
        self._turnaround_s.clear()

    def _listen(self, seconds: float) -> int:
        heard, until_s = 0, time.monotonic() + seconds
        while (now_s := time.monotonic()) < until_s and not self._ending:
            self._wait_until(min(now_s + LISTEN_S, until_s))
            heard += len(self._read_now())
        return heard

    def _exchange(
        self, data: bytes, key: Hashable, sent: Request, want: Want, patience_s: float, gap_s: float
    ) -> Answer:
        self._settle(want, gap_s)
        want.clear()
        want.open[key] = sent  # not before: what was on the line until now cannot be its answer
        want.sent = data
        try:
            os.write(self._fd, data)
        except OSError as error:
            raise self._lost(error) from None
        character_s, length = self._wire.character_s, rtu_length(sent)
        want.sent_s = time.monotonic()
        self._last_s = asked_s = want.sent_s + len(data) * character_s
        give_up_s = want.sent_s + patience_s
        turnaround_s = self._turnaround_s.get(sent.unit, 0.0)
        # Asleep while the answer is on its way: a waiting process is woken for every few bytes.
        self._sleep_until(min(asked_s + turnaround_s + length * character_s - AWAKE_S, give_up_s))
        stall_s = max(STALL_S, STALL_CHARACTERS * character_s)
        looks = 0
        while True:
            answer = want.feed(self._read_now())
            now_s = time.monotonic()
            if answer is not None:
                self._learn_turnaround(sent.unit, now_s - asked_s - length * character_s, looks)
                return answer
            looks += 1
            began = want.heard > 0 and (want.missing > 1 or want.damaged)
            limit_s = min(give_up_s, self._last_s + stall_s) if began else give_up_s
            if now_s >= limit_s:
                raise self._no_answer(want, began, patience_s)
            rest_s = want.missing * character_s
            if began and not want.damaged and rest_s > 2 * AWAKE_S:
                self._sleep_until(min(now_s + rest_s - AWAKE_S, limit_s))
            else:
                self._wait_until(limit_s)

    def _no_answer(self, want: Want, began: bool, patience_s: float) -> Exception:
        if began:
            return FrameError(f"{self._wire.name}: a damaged answer came and was thrown away")
        strange = f"; {want.heard} bytes came that are none: wrong speed or parity, or noise?" if want.heard else ""
        return LinkTimeout(f"no answer in {patience_s:.2g} s{strange}")

    def _learn_turnaround(self, unit: int, measured_s: float, looks: int) -> None:
        """The device's own time. An answer that was whole at the first look may have been so before: look earlier."""
        known_s = self._turnaround_s.get(unit, 0.0)
        if looks == 0:
            known_s *= 0.9
        else:
            known_s += (measured_s - known_s) * (0.2 if measured_s > known_s else 1.0)
        self._turnaround_s[unit] = max(0.0, known_s)

    def _settle(self, want: Want, gap_s: float) -> None:
        """Waits until the line was silent for gap_s; what is heard meanwhile may be a late answer."""
        if self._fd < 0:
            raise LinkClosed(f"{self._wire.name}: the port is closed")
        until_s = time.monotonic() + BABBLE_S + gap_s
        before = want.skipped + len(want.buffer)
        want.feed(self._read_now())
        while self._last_s + gap_s > (now_s := time.monotonic()):
            if now_s > until_s:
                raise LinkBusy(f"{self._wire.name}: the line is never silent; is another master on it?")
            self._sleep_until(self._last_s + gap_s)
            want.feed(self._read_now())
        self._foreign.note(want.skipped + len(want.buffer) - before)

    def _wait_late(self, want: Want, seconds: float) -> None:
        until_s, before = time.monotonic() + seconds, want.skipped + len(want.buffer)
        while want.late and time.monotonic() < until_s:
            self._wait_until(until_s)
            want.feed(self._read_now())
        self._foreign.note(want.skipped + len(want.buffer) - before)

    def _sleep_until(self, at_s: float) -> None:
        rest_s = at_s - time.monotonic()
        if rest_s > 0:
            time.sleep(rest_s)

    def _wait_until(self, at_s: float) -> None:
        """Returns when something can be read, or at that time."""
        try:
            select.select([self._fd], [], [], max(0.0, at_s - time.monotonic()))
        except (OSError, ValueError) as error:
            raise self._lost(error) from None

    def _read_now(self) -> bytes:
        """What has come; empty when nothing has."""
        try:
            data = os.read(self._fd, 4096)
        except BlockingIOError:
            return b""
        except (OSError, ValueError) as error:
            raise self._lost(error) from None
        if not data:
            raise self._lost(OSError("hung up"))
        self._last_s = time.monotonic()
        return data

    def _lost(self, error: Exception) -> LinkClosed:
        self.close()
        return LinkClosed(f"{self._wire.name}: {self._wire.serial_port} is gone ({error})")


def why_not_opened(error: Exception) -> str:
    """In words, with the remedy where there is one."""
    number = getattr(error, "errno", None) or (error.args[0] if error.args else None)
    if number in (errno.ENOENT, errno.ENXIO, errno.ENODEV):
        return "is not there: unplugged, or another name"
    if number in (errno.EBUSY, errno.EAGAIN):
        return "is held by another program; is magwatt run on?"
    if number in (errno.EACCES, errno.EPERM):
        return "may not be opened by this user: add it to the group dialout and log in again"
    if number in (errno.ENOTTY, errno.EINVAL):
        return "is no serial port, or does not know these line settings"
    return f"cannot be opened ({error})"


def port_parity(port: str, parity: str) -> str:
    """`parity`, or N on a pseudo-terminal: Linux refuses parity there, and pyserial then fails to open the port."""
    return "N" if os.path.realpath(port).startswith("/dev/pts/") else parity
