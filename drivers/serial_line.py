"""The serial line: one exchange at a time, in a thread of its own, with exact silences.

A thread because asyncio's timers round up to whole milliseconds: at 115200 baud that alone would cost 14 % of the line.
The kernel is told how many bytes to wait for (VMIN), so an answer costs one wake-up instead of one for each byte.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import select
import termios
import time
from collections.abc import Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from drivers.errors import FrameError, LinkBusy, LinkClosed, LinkTimeout
from drivers.framing import Answer, Request, Want, rtu_length

if TYPE_CHECKING:
    import serial

    from drivers.wire import Wire

log = logging.getLogger(__name__)

BABBLE_S = 1.0  # a line that is never silent for the gap that long is somebody else's
VMIN_MAX = 255
FOREIGN_BYTES, FOREIGN_POLLS = 6, 3  # unexplained bytes before a request, so many polls in a row: another master
STALL_S, STALL_CHARACTERS = 0.05, 20  # an answer that began and pauses that long will not go on


class SerialLine:
    """An open port. Every method but `exchange` and `listen` is cheap; those wait in the line's own thread."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._port: serial.Serial | None = None
        self._fd = -1
        self._attributes: list[Any] = []
        self._vmin = -1
        self._foreign = 0
        self._last_s = 0.0  # monotonic time of the last byte either way
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=f"line-{wire.name}")

    @property
    def connected(self) -> bool:
        return self._port is not None

    async def open(self) -> None:
        """Raises LinkClosed when the port cannot be opened."""
        await asyncio.get_running_loop().run_in_executor(self._pool, self._open)

    async def listen(self, seconds: float) -> int:
        """Bytes heard while nothing is sent."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._listen, seconds)

    async def exchange(
        self, data: bytes, key: Hashable, sent: Request, want: Want, soft_s: float, patience_s: float, gap_s: float
    ) -> Answer:
        """Sends `data`, which carries the request `sent`, and waits for the answer.

        Raises LinkTimeout (nothing came), FrameError (something damaged came), LinkBusy, LinkClosed.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._exchange, data, key, sent, want, soft_s, patience_s, gap_s)

    async def wait_late(self, want: Want, seconds: float) -> None:
        """Reads late answers away until none is open or the time is over."""
        await asyncio.get_running_loop().run_in_executor(self._pool, self._wait_late, want, seconds)

    def close(self) -> None:
        if self._port is not None:
            with contextlib.suppress(OSError, termios.error):
                self._port.close()
            self._port, self._fd = None, -1

    def shut_down(self) -> None:
        self._pool.shutdown(wait=True)
        self.close()

    def _open(self) -> None:
        import serial

        wire = self._wire
        try:
            port = serial.Serial(
                wire.serial_port, wire.baud, wire.data_bits, port_parity(wire.serial_port, wire.parity), wire.stop_bits,
                timeout=0, exclusive=True,
            )  # fmt: skip
        except (OSError, ValueError, termios.error) as error:
            raise LinkClosed(f"{wire.name}: cannot open {wire.serial_port} ({error})") from None
        with contextlib.suppress(OSError, NotImplementedError, ValueError):
            port.set_low_latency_mode(True)  # an FTDI adapter otherwise holds each answer back for 16 ms
        if wire.rs485:
            with contextlib.suppress(OSError, ValueError):
                port.rs485_mode = serial.rs485.RS485Settings()
        port.reset_input_buffer()
        self._port, self._fd, self._last_s = port, port.fileno(), time.monotonic()
        self._attributes, self._vmin = termios.tcgetattr(self._fd), -1

    def _listen(self, seconds: float) -> int:
        heard, until_s = 0, time.monotonic() + seconds
        self._expect(1)
        while (rest_s := until_s - time.monotonic()) > 0:
            heard += len(self._read(rest_s))
        return heard

    def _exchange(
        self, data: bytes, key: Hashable, sent: Request, want: Want, soft_s: float, patience_s: float, gap_s: float
    ) -> Answer:
        self._settle(want, gap_s)
        want.clear()
        want.open[key] = sent  # not before: what was on the line until now cannot be its answer
        character_s, length = self._wire.character_s, rtu_length(sent)
        self._expect(min(length, VMIN_MAX))
        try:
            os.write(self._fd, data)
        except OSError as error:
            raise self._lost(error) from None
        want.sent_s = time.monotonic()
        sent_s = want.sent_s + len(data) * character_s
        self._last_s = sent_s
        give_up_s = time.monotonic() + patience_s
        # Until then the kernel wakes us once, when all is there; afterwards for every byte, in case it is an exception.
        whole_s = min(sent_s + soft_s / 3 + length * character_s, give_up_s)
        stall_s = max(STALL_S, STALL_CHARACTERS * character_s)
        waiting_for_all = True
        while True:
            now_s = time.monotonic()
            if waiting_for_all and now_s >= whole_s:
                self._expect(1)
                waiting_for_all = False
            limit_s = whole_s if waiting_for_all else give_up_s
            began = want.heard and (want.missing > 1 or want.damaged)
            if began and not waiting_for_all:
                limit_s = min(limit_s, self._last_s + stall_s)
            if now_s >= limit_s and not waiting_for_all:
                if want.heard and (want.damaged or want.missing > 1):
                    raise FrameError(f"{self._wire.name}: a damaged answer came and was thrown away")
                strange = (
                    f"; {want.heard} bytes came that are none: wrong speed or parity, or noise?" if want.heard else ""
                )
                raise LinkTimeout(f"no answer in {patience_s:.2g} s{strange}")
            answer = want.feed(self._read(limit_s - now_s))
            if answer is not None:
                return answer
            if want.heard and waiting_for_all:  # something else came first: go on waiting for the rest of it
                waiting_for_all = False
            if not waiting_for_all:
                self._expect(max(1, min(want.missing, VMIN_MAX)) if not want.damaged else 1)

    def _settle(self, want: Want, gap_s: float) -> None:
        """Waits until the line was silent for gap_s; what is heard meanwhile may be a late answer."""
        if self._fd < 0:
            raise LinkClosed(f"{self._wire.name}: the port is closed")
        self._expect(1)
        until_s = time.monotonic() + BABBLE_S + gap_s
        before = want.skipped + len(want.buffer)
        want.feed(self._read(0))
        while (rest_s := self._last_s + gap_s - time.monotonic()) > 0:
            if time.monotonic() > until_s:
                raise LinkBusy(f"{self._wire.name}: the line is never silent; is another master on it?")
            if rest_s > 0.002:
                want.feed(self._read(rest_s - 0.0005))
            else:
                time.sleep(rest_s)
                want.feed(self._read(0))
        strange = want.skipped + len(want.buffer) - before
        self._foreign = self._foreign + 1 if strange >= FOREIGN_BYTES else 0
        if self._foreign >= FOREIGN_POLLS:
            raise LinkBusy(f"{self._wire.name}: frames nobody here asked for: another master talks; nothing is sent")

    def _wait_late(self, want: Want, seconds: float) -> None:
        self._expect(1)
        until_s = time.monotonic() + seconds
        while want.late and (rest_s := until_s - time.monotonic()) > 0:
            want.feed(self._read(rest_s))

    def _read(self, wait_s: float) -> bytes:
        try:
            ready, _, _ = select.select([self._fd], [], [], max(0.0, wait_s))
            if not ready:
                return b""
            data = os.read(self._fd, 4096)
        except BlockingIOError:
            return b""
        except (OSError, ValueError) as error:
            raise self._lost(error) from None
        if not data:
            raise self._lost(OSError("hung up"))
        self._last_s = time.monotonic()
        return data

    def _expect(self, count: int) -> None:
        """Tells the kernel how many bytes make the port readable."""
        if count == self._vmin:
            return
        try:
            self._attributes[6][termios.VMIN], self._attributes[6][termios.VTIME] = count, 0
            termios.tcsetattr(self._fd, termios.TCSANOW, self._attributes)
            self._vmin = count
        except (OSError, termios.error, ValueError) as error:
            raise self._lost(error) from None

    def _lost(self, error: Exception) -> LinkClosed:
        self.close()
        return LinkClosed(f"{self._wire.name}: {self._wire.serial_port} is gone ({error})")


def port_parity(port: str, parity: str) -> str:
    """`parity`, or N on a pseudo-terminal: Linux refuses parity there, and pyserial then fails to open the port."""
    return "N" if os.path.realpath(port).startswith("/dev/pts/") else parity
