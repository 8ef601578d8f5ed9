"""Frames that resemble the expected response: the own echo, and a response that follows a late exception response."""

from __future__ import annotations

import contextlib
import os
import pty
import struct
import threading
import time
import tty
from collections.abc import Callable, Iterator

import pytest
from support.bus_servers import crc16, opened, read_registers, registers, run

from drivers.errors import ModbusExceptionResponse, ResponseQuarantined
from drivers.framing import Request
from drivers.modbus_link import BusSettings
from drivers.rtu_framing import rtu_matcher, rtu_request

Asked = tuple[int, int]  # address, count


class Line:
    """The other end of a pseudo-terminal: receives requests to unit 1, sends the given responses."""

    def __init__(self, echo: bool = False) -> None:
        self.master, self._slave = pty.openpty()
        tty.setraw(self.master)
        tty.setraw(self._slave)
        self.port, self._echo = os.ttyname(self._slave), echo

    def receive(self) -> Asked:
        data = b""
        while len(data) < 8:
            piece = os.read(self.master, 8 - len(data))
            if self._echo:
                os.write(self.master, piece)
            data += piece
        address, count = struct.unpack(">HH", data[2:6])
        return address, count

    def answer(self, asked: Asked) -> None:
        """Respond; each register contains its own address."""
        self.send(registers(3, [asked[0] + n for n in range(asked[1])]))

    def send(self, pdu: bytes) -> None:
        body = b"\x01" + pdu
        os.write(self.master, body + crc16(body))

    def close(self) -> None:
        os.close(self._slave)
        os.close(self.master)


@contextlib.contextmanager
def line(behave: Callable[[Line], None], echo: bool = False) -> Iterator[Line]:
    made = Line(echo)

    def live() -> None:
        with contextlib.suppress(OSError):
            behave(made)

    thread = threading.Thread(target=live, daemon=True)
    thread.start()
    yield made
    made.close()
    thread.join(5)


@pytest.mark.parametrize("own_s", [0.02, 0.12])
def test_an_echo_whose_address_equals_the_response_length_is_not_a_response(own_s: float) -> None:
    """0x22 is the first address byte and the byte count of 17 registers; the
    device is slower than a stalled response.
    """

    def behave(far: Line) -> None:
        while True:
            asked = far.receive()
            time.sleep(own_s)
            far.answer(asked)

    async def scene(port: str) -> None:
        async with opened(BusSettings("s", serial_port=port)) as link:
            for address in range(0x2200, 0x2200 + 6 * 17, 17):
                got = await read_registers(link, 1, 3, address, 17, 1.0, tries=2)
                assert got == list(range(address, address + 17))
            assert link.damaged == 0

    with line(behave, echo=True) as far:
        run(scene(far.port))


def test_an_echo_in_pieces_is_recognised_as_an_echo() -> None:
    request = Request(1, 3, 0x2200, 17)
    want = rtu_matcher({request.shape: request})
    want.sent = rtu_request(request)
    for byte in want.sent:
        assert want.feed(bytes([byte])) is None
    assert not want.begun
    assert want.missing == 1, "nothing began that could stall"
    body = b"\x01" + registers(3, list(range(17)))
    answer = want.feed(body + crc16(body))
    assert answer is not None
    assert answer.data == body[3:]


def test_an_exception_response_of_either_attempt_leaves_both_pending() -> None:
    """First a late exception response to the first attempt, then a response to the second in the shape of a later
    request.
    """

    def behave(far: Line) -> None:
        far.receive()
        second = far.receive()
        time.sleep(0.05)
        far.send(bytes([0x83, 6]))
        time.sleep(0.2)
        far.answer(second)
        far.answer(far.receive())

    async def scene(port: str) -> None:
        async with opened(BusSettings("s", serial_port=port)) as link:
            with pytest.raises(ModbusExceptionResponse):
                await link.read_block(Request(1, 3, 100, 10), 0.3, edges=range(10, 15), tries=2)
            # 11 registers is the shape of the second attempt: its late response is discarded, then the shape is free
            assert await read_registers(link, 1, 3, 300, 11, 1.0) == list(range(300, 311))
            assert link.late == 1
            with pytest.raises(ResponseQuarantined):  # the response to the first attempt can still arrive
                await read_registers(link, 1, 3, 400, 10, 0.1)

    with line(behave) as far:
        run(scene(far.port))
