"""An RS-485 segment on a pseudo-terminal: a relay with strict framing in front of pymodbus' RTU server.

Two pseudo-terminals are joined by a relay that adds the rules missing in pymodbus' framer: a pause ends a frame, no
slave responds to a corrupt frame or to a frame for another unit, and bytes take transmission time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from functools import partial

from pymodbus.framer import FramerType
from pymodbus.server import ModbusSerialServer

from simulators.bus.functions import IDENTITY, allowed
from simulators.bus.nameplate import Nameplate
from simulators.bus.pty import Pty
from simulators.bus.server import answering, nobody
from simulators.devices.device import SimulatedDevice

_PAUSE_S = 0.004  # slightly more than 3.5 characters at 19200 baud; a pseudo-terminal has no baud rate


class RtuBus:
    """A Modbus RTU bus; `await start()` returns the path of its port.

    devices: one for each unit identifier.
    baud: rate at which responses are sent, with 10 bits for each character; 0: without delay.
    nameplates: as in TcpBus.
    """

    def __init__(
        self, devices: Sequence[SimulatedDevice], baud: int = 19200, nameplates: Mapping[int, Nameplate] | None = None
    ) -> None:
        self._baud = baud
        self._nameplates = nameplates or {}
        self._by_unit = {device.unit: device for device in devices}
        self._client = Pty(hold=True)
        self._slaves = Pty(hold=True)
        self._server: ModbusSerialServer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._request, self._answer = bytearray(), bytearray()
        self._request_timer: asyncio.TimerHandle | None = None
        self._answer_timer: asyncio.TimerHandle | None = None
        self.dropped = 0  # requests that no slave accepted

    async def start(self) -> str:
        self._server = ModbusSerialServer(
            nobody(), framer=FramerType.RTU, port=self._slaves.path, baudrate=19200,
            trace_pdu=partial(answering, self._by_unit, self._nameplates),
        )  # fmt: skip
        await self._server.serve_forever(background=True)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._client.fd, self._from_client)
        self._loop.add_reader(self._slaves.fd, self._from_slaves)
        return self._client.path

    async def stop(self) -> None:
        if self._loop is not None:
            for fd in (self._client.fd, self._slaves.fd):
                self._loop.remove_reader(fd)
        for timer in (self._request_timer, self._answer_timer):
            if timer is not None:
                timer.cancel()
        if self._server is not None:
            with contextlib.suppress(OSError):
                await self._server.shutdown()  # type: ignore[no-untyped-call]
            await asyncio.sleep(0)
        self._client.close()
        self._slaves.close()

    def _from_client(self) -> None:
        self._request += self._client.read()
        if self._loop is not None:
            if self._request_timer is not None:
                self._request_timer.cancel()
            self._request_timer = self._loop.call_later(_PAUSE_S, self._frame_ended)

    def _frame_ended(self) -> None:
        """Forward a complete, valid frame for one of the slaves after a pause; discard anything else as noise."""
        frame, self._request = bytes(self._request), bytearray()
        whole = len(frame) >= 4 and crc16(frame[:-2]) == int.from_bytes(frame[-2:], "little")
        device = self._by_unit.get(frame[0]) if whole else None
        if device is None or device.silent:
            self.dropped += 1
        elif frame[1] in IDENTITY:
            told = bytes((frame[0],)) + self._nameplates.get(frame[0], Nameplate()).answer(frame[1:-2])
            self._answer += told + crc16(told).to_bytes(2, "little")
            self._answer_ended()
        elif allowed(frame[1], "rtu bus"):
            self._slaves.write(frame)
        else:
            refusal = bytes((frame[0], frame[1] | 0x80, 1))
            self._client.write(refusal + crc16(refusal).to_bytes(2, "little"))

    def _from_slaves(self) -> None:
        """Collect a response and send it after its transmission time."""
        first = not self._answer
        self._answer += self._slaves.read()
        if self._loop is not None and first:
            self._answer_timer = self._loop.call_later(0.001, self._answer_ended)

    def _answer_ended(self) -> None:
        frame, self._answer = bytes(self._answer), bytearray()
        if self._loop is not None:
            wire_s = (8 + len(frame)) * 10 / self._baud if self._baud else 0.0
            self._answer_timer = self._loop.call_later(wire_s, self._client.write, frame)


def crc16(data: bytes) -> int:
    """CRC of Modbus RTU: polynomial 0xA001 reflected, initial value 0xFFFF, low byte first on the line.

    Source: Modbus over Serial Line 1.02, 6.2.2.
    """
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc
