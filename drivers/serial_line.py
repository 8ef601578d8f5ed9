"""Serial line: one exchange at a time, with exact inter-frame delays.

It blocks its thread, because the timers of asyncio round up to 1 ms: at 115200 baud this would cost 14 % of the line's
capacity. Its coroutines are therefore never suspended (ModbusLink.run). During a response the thread sleeps almost
until its predicted end: a thread that waits for bytes is woken for every few of them (82 times for one response at
19200 baud, for any value of VMIN).
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import select
import termios
import threading
import time
from collections.abc import Hashable
from typing import TYPE_CHECKING

from drivers import error_reasons as codes
from drivers.errors import ConnectFailed, LinkClosed
from drivers.foreign_master import ForeignMasterDetector
from drivers.framing import Request, Response
from drivers.reasons import Reason, cause_of
from drivers.response_matcher import PAUSE_S, ResponseMatcher

if TYPE_CHECKING:
    import serial

    from drivers.bus_settings import BusSettings

log = logging.getLogger(__name__)

LISTEN_S = 0.1  # interval for checking whether to stop listening
AWAKE_S = 0.0003  # time before the predicted end of a response from which on each byte is awaited
STALL_S, STALL_CHARACTERS = 0.05, 20  # a response with a pause that long is incomplete


class SerialLine:
    """A serial port. Use in the thread of the line only.

    foreign: examines everything that is no response, before each request.
    ending: set when nothing may be sent any more; it ends `listen`.
    """

    def __init__(self, settings: BusSettings, foreign: ForeignMasterDetector, ending: threading.Event) -> None:
        self._settings = settings
        self._port: serial.Serial | None = None
        self._fd = -1
        self._turnaround_s: dict[int, float] = {}  # unit identifier → time until its response starts
        self._foreign = foreign
        self._last_s = 0.0  # monotonic time of the last byte sent or received
        self._ending = ending

    @property
    def connected(self) -> bool:
        """Whether the port is open."""
        return self._port is not None

    @property
    def silent_s(self) -> float:
        """Time since the last byte was sent or received, in seconds."""
        return time.monotonic() - self._last_s

    async def open(self) -> None:
        """Opens the port. Raises ConnectFailed."""
        self._open()

    async def receive(self, pending: ResponseMatcher) -> None:
        """Receives what has arrived until now. Raises LinkClosed."""
        self._receive(pending)

    async def listen(self, pending: ResponseMatcher, seconds: float) -> None:
        """Receives for `seconds`; sends nothing. Raises ForeignMasterActive at the first proof, LinkClosed."""
        until_s = time.monotonic() + seconds
        while not self._ending.is_set():
            self._receive(pending)
            self._foreign.examine(pending, self.silent_s)
            if (now_s := time.monotonic()) >= until_s:
                break
            self._wait_until(min(now_s + LISTEN_S, until_s))

    async def exchange(
        self, data: bytes, key: Hashable, sent: Request, pending: ResponseMatcher, timeout_s: float, delay_s: float
    ) -> Response:
        """Sends `data`, the frame of the request `sent`, and waits for the response.

        key: key of the request in pending.open. timeout_s: longest waiting time. delay_s: silence before sending.
        Raises LinkTimeout (no response), FrameError (corrupt response), ForeignMasterActive, LinkClosed.
        """
        self._wait_for_silence(pending, delay_s)
        if self._ending.is_set():
            raise LinkClosed(codes.PORT_CLOSED, port=self._settings.serial_port)
        return self._exchange(data, key, sent, pending, timeout_s)

    async def wait_late(self, pending: ResponseMatcher, seconds: float) -> None:
        """Receives until a late response has arrived, at most for `seconds`."""
        until_s, n_late = time.monotonic() + seconds, len(pending.late)
        while len(pending.late) == n_late and time.monotonic() < until_s:
            self._wait_until(until_s)
            self._receive(pending)

    def close(self) -> None:
        """Closes the port."""
        if self._port is not None:
            with contextlib.suppress(OSError, termios.error):
                self._port.close()
            self._port, self._fd = None, -1

    def _open(self) -> None:
        import serial

        settings = self._settings
        port = open_port(settings.serial_port, settings.baud, settings.data_bits, settings.parity, settings.stop_bits)
        try:
            with contextlib.suppress(OSError, NotImplementedError, ValueError):
                port.set_low_latency_mode(True)  # otherwise an FTDI adapter delays each response by 16 ms
            if settings.rs485:
                with contextlib.suppress(OSError, ValueError):
                    port.rs485_mode = serial.rs485.RS485Settings()
            port.reset_input_buffer()
            attributes = termios.tcgetattr(port.fileno())
            attributes[6][termios.VMIN] = 1  # a read of zero bytes then means a hang-up
            if settings.dlt645:
                attributes[0] |= termios.INPCK  # a byte with wrong parity becomes 0, which is no digit of a value
            termios.tcsetattr(port.fileno(), termios.TCSANOW, attributes)
        except (OSError, ValueError, termios.error) as error:  # the adapter was unplugged between two of these calls
            with contextlib.suppress(OSError, termios.error):
                port.close()
            raise ConnectFailed(not_opened(settings.serial_port, error)) from None
        self._port, self._fd, self._last_s = port, port.fileno(), time.monotonic()
        self._turnaround_s.clear()

    def _exchange(
        self, data: bytes, key: Hashable, sent: Request, pending: ResponseMatcher, timeout_s: float
    ) -> Response:
        self._foreign.before_request(pending, data)
        pending.open[key] = sent  # not earlier: bytes received before sending cannot be its response
        try:
            os.write(self._fd, data)
        except OSError as error:
            raise self._lost(error) from None
        character_s, length = self._settings.character_s, pending.length(sent)
        pending.sent_s = time.monotonic()
        self._last_s = request_end_s = pending.sent_s + len(data) * character_s
        give_up_s = pending.sent_s + timeout_s
        turnaround_s = self._turnaround_s.get(sent.unit, 0.0)
        # Sleep during the response: a thread that waits for bytes is woken for every few of them.
        self._sleep_until(min(request_end_s + turnaround_s + length * character_s - AWAKE_S, give_up_s))
        stall_s = max(STALL_S, STALL_CHARACTERS * character_s)
        checks = 0
        while True:
            response = self._receive(pending)
            now_s = time.monotonic()
            if response is not None:
                self._learn_turnaround(sent.unit, now_s - request_end_s - length * character_s, checks)
                return response
            checks += 1
            limit_s = pending.give_up_s(give_up_s, self._last_s, stall_s)
            if now_s >= limit_s:
                raise pending.failure(sent, timeout_s)
            rest_s = pending.missing * character_s
            if pending.incomplete and not pending.damaged and rest_s > 2 * AWAKE_S:
                self._sleep_until(min(now_s + rest_s - AWAKE_S, limit_s))
            else:
                self._wait_until(limit_s)

    def _learn_turnaround(self, unit: int, measured_s: float, checks: int) -> None:
        """Updates the turnaround time of a device. A response complete at the first look may have been so earlier."""
        known_s = self._turnaround_s.get(unit, 0.0)
        if checks == 0:
            known_s *= 0.9
        else:
            known_s += (measured_s - known_s) * (0.2 if measured_s > known_s else 1.0)
        self._turnaround_s[unit] = max(0.0, known_s)

    def _wait_for_silence(self, pending: ResponseMatcher, delay_s: float) -> None:
        """Waits until the line was silent for delay_s. Bytes received meanwhile may be a late response."""
        if self._fd < 0:
            raise LinkClosed(codes.PORT_CLOSED, port=self._settings.serial_port)
        waited_s = 0.0  # without delays of this thread, which would make a silent line look busy
        while True:
            self._receive(pending)
            rest_s = self._foreign.rest_s(pending, delay_s, self.silent_s, waited_s)
            if rest_s <= 0:
                break
            time.sleep(rest_s)
            waited_s += rest_s

    def _sleep_until(self, at_s: float) -> None:
        rest_s = at_s - time.monotonic()
        if rest_s > 0:
            time.sleep(rest_s)

    def _wait_until(self, at_s: float) -> None:
        """Returns when bytes can be read, at the latest at at_s (monotonic time)."""
        try:
            select.select([self._fd], [], [], max(0.0, at_s - time.monotonic()))
        except (OSError, ValueError) as error:
            raise self._lost(error) from None

    def _receive(self, pending: ResponseMatcher) -> Response | None:
        """Adds the bytes received so far. Raises LinkClosed."""
        before_s = self._last_s
        data = self._read_now()
        return pending.feed(data, self._last_s - before_s >= PAUSE_S)

    def _read_now(self) -> bytes:
        """The bytes received so far; empty if none. Raises LinkClosed."""
        try:
            data = os.read(self._fd, 4096)
        except BlockingIOError:
            return b""
        except (OSError, ValueError) as error:
            raise self._lost(error) from None
        if not data:
            raise self._lost()
        self._last_s = time.monotonic()
        return data

    def _lost(self, error: Exception | None = None) -> LinkClosed:
        """Closes the port. error: why it was lost; None: the adapter was unplugged."""
        self.close()
        port = self._settings.serial_port
        if error is None:
            return LinkClosed(codes.PORT_DISCONNECTED, port=port)
        return LinkClosed(codes.PORT_LOST, port=port, error=cause_of(error))


def open_port(path: str, baud: int, data_bits: int, parity: str, stop_bits: float) -> serial.Serial:
    """The serial port, opened for exclusive use; reads do not wait. Raises ConnectFailed."""
    import serial

    try:
        return serial.Serial(path, baud, data_bits, port_parity(path, parity), stop_bits, timeout=0, exclusive=True)
    except (OSError, ValueError, termios.error) as error:
        raise ConnectFailed(not_opened(path, error)) from None


def not_opened(port: str, error: Exception) -> Reason:
    """Why a serial port could not be opened, with the correction if there is one."""
    number = getattr(error, "errno", None) or (error.args[0] if error.args else None)
    if number in (errno.ENOENT, errno.ENXIO, errno.ENODEV):
        return codes.PORT_MISSING(port=port)
    if number in (errno.EBUSY, errno.EAGAIN):
        return codes.PORT_IN_USE(port=port)
    if number in (errno.EACCES, errno.EPERM):
        return codes.PORT_FORBIDDEN(port=port)
    if number in (errno.ENOTTY, errno.EINVAL):
        return codes.PORT_UNSUITABLE(port=port)
    return codes.PORT_NOT_OPENED(port=port, error=cause_of(error))


def port_parity(port: str, parity: str) -> str:
    """`parity`, or N for a pseudo-terminal: Linux rejects parity there, and pyserial then cannot open the port."""
    return "N" if os.path.realpath(port).startswith("/dev/pts/") else parity
