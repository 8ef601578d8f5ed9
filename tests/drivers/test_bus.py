"""The wire against small servers whose bytes are written out here: what is good arrives, what is wrong never does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import socket
import struct
import threading
import time
import tty
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from agent.clock import SystemClock
from drivers.bus import ModbusLink, Wire, port_parity
from drivers.errors import DeviceRefused, FrameError, LinkBusy, LinkClosed, LinkError, LinkTimeout
from drivers.modbus import ModbusDevice
from drivers.profiles import load_profile
from drivers.reading import Quality

Answer = Callable[[int, int, int, int], Awaitable[bytes | None]]  # unit, function, address, count → PDU or silence


def registers(function: int, values: list[int]) -> bytes:
    return struct.pack(f">BB{len(values)}H", function, 2 * len(values), *values)


async def echo_address(unit: int, function: int, address: int, count: int) -> bytes:
    """Each register holds its own address: a value that belongs to another request shows at once."""
    return registers(function, [(address + n) & 0xFFFF for n in range(count)])


@contextlib.asynccontextmanager
async def tcp_server(answer: Answer, port: int = 0) -> AsyncIterator[int]:
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                header = await reader.readexactly(7)
                transaction, _, length, unit = struct.unpack(">HHHB", header)
                function, address, count = struct.unpack(">BHH", await reader.readexactly(length - 1))
                pdu = await answer(unit, function, address, count)
                if pdu is not None:
                    writer.write(struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu)
                    await writer.drain()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        await asyncio.sleep(0.01)  # their readers notice


def link_to(port: int) -> ModbusLink:
    return ModbusLink(Wire("w", host="127.0.0.1", port_number=port), SystemClock())


def run(coroutine: Awaitable[None]) -> None:
    asyncio.run(asyncio.wait_for(coroutine, 20))  # type: ignore[arg-type]


def test_registers_arrive() -> None:
    async def scene() -> None:
        async with tcp_server(echo_address) as port:
            link = link_to(port)
            assert await link.read_registers(1, 3, 100, 3, 1.0) == [100, 101, 102]
            assert await link.read_registers(1, 4, 7, 1, 1.0) == [7]
            await link.close()

    run(scene())


def test_a_late_answer_is_never_taken_for_the_next_one() -> None:
    calls = 0

    async def late_once(unit: int, function: int, address: int, count: int) -> bytes:
        nonlocal calls
        calls += 1
        if calls == 1:
            await asyncio.sleep(0.3)
        return await echo_address(unit, function, address, count)

    async def scene() -> None:
        async with tcp_server(late_once) as port:
            link = link_to(port)
            with pytest.raises(LinkTimeout):
                await link.read_registers(1, 3, 100, 2, 0.1)
            for address in range(200, 220, 2):
                assert await link.read_registers(1, 3, address, 2, 1.0) == [address, address + 1]
            await link.close()

    run(scene())


def test_an_answer_of_another_shape_is_an_error_not_data() -> None:
    async def two_for_four(unit: int, function: int, address: int, count: int) -> bytes:
        return registers(function, [1, 2])

    async def scene() -> None:
        async with tcp_server(two_for_four) as port:
            link = link_to(port)
            with pytest.raises(FrameError):
                await link.read_registers(1, 3, 0, 4, 1.0)
            await link.close()

    run(scene())


def test_exceptions_name_their_code() -> None:
    async def refuse(unit: int, function: int, address: int, count: int) -> bytes:
        return bytes([function | 0x80, 0x02])

    async def scene() -> None:
        async with tcp_server(refuse) as port:
            link = link_to(port)
            with pytest.raises(DeviceRefused, match="illegal data address") as caught:
                await link.read_registers(1, 3, 0, 4, 1.0)
            assert caught.value.code == 2
            await link.close()

    run(scene())


def test_a_closed_connection_fails_fast_and_heals() -> None:
    async def scene() -> None:
        async with tcp_server(echo_address) as port:
            link = link_to(port)
            await link.read_registers(1, 3, 0, 1, 1.0)
        started = time.monotonic()
        with pytest.raises((LinkClosed, LinkTimeout)):
            await link.read_registers(1, 3, 0, 1, 1.0)
        assert time.monotonic() - started < 2.5
        await link.close()

    run(scene())


def test_nobody_there() -> None:
    async def scene() -> None:
        link = ModbusLink(Wire("w", host="127.0.0.1", port_number=1), SystemClock())
        with pytest.raises(LinkClosed, match="cannot"):
            await link.read_registers(1, 3, 0, 1, 1.0)
        serial = ModbusLink(Wire("s", serial_port="/dev/does-not-exist"), SystemClock())
        with pytest.raises(LinkClosed, match="/dev/does-not-exist"):
            await serial.read_registers(1, 3, 0, 1, 1.0)

    run(scene())


def test_a_silent_device_gives_nulls_and_no_reply() -> None:
    async def silent(unit: int, function: int, address: int, count: int) -> bytes | None:
        return None

    async def scene() -> None:
        async with tcp_server(silent) as port:
            link = link_to(port)
            device = ModbusDevice("m", load_profile("schneider/pm5000"), 1, link, SystemClock(), timeout_s=0.1)
            reading = await device.poll()
            assert Quality.NO_REPLY in reading.quality
            assert set(reading.values.values()) == {None}
            assert "active_power" in reading.values
            assert "no answer" in reading.error
            await link.close()

    run(scene())


def test_a_refused_hole_is_read_one_by_one_from_then_on() -> None:
    requests: list[tuple[int, int]] = []

    async def no_holes(unit: int, function: int, address: int, count: int) -> bytes:
        requests.append((address, count))
        if count > 4:
            return bytes([function | 0x80, 0x02])
        return registers(function, [0] * count)

    async def scene() -> None:
        async with tcp_server(no_holes) as port:
            link = link_to(port)
            device = ModbusDevice("m", load_profile("schneider/pm5000"), 1, link, SystemClock(), gap_s=0)
            first = await device.poll(frozenset({"fast"}))
            assert first.values["active_power"] is None
            assert first.flags["active_power"] == Quality.NO_REPLY
            for _ in range(2):  # first in runs without holes, then register by register
                last = await device.poll(frozenset({"fast"}))
            assert last.values["active_power"] == 0
            assert requests.count((2999, 112)) == 1
            await link.close()

    run(scene())


# --- serial -------------------------------------------------------------------------------------------------------


def crc16(data: bytes) -> bytes:
    """CRC of Modbus over serial line, V1.02, 6.2.2: bit by bit from its definition."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return struct.pack("<H", crc)


class RtuSlave(threading.Thread):
    """One slave at the far end of a pseudo-terminal. `delays` holds the seconds before each answer, then none."""

    def __init__(self, delays: list[float] | None = None, chatter: bytes = b"") -> None:
        super().__init__(daemon=True)
        self.master, slave = pty.openpty()
        tty.setraw(self.master)
        tty.setraw(slave)
        self.port = os.ttyname(slave)
        self._slave, self._delays, self._chatter = slave, delays or [], chatter
        self._ending = threading.Event()
        self.garble = False  # answers as they look at another speed

    def run(self) -> None:
        os.set_blocking(self.master, False)
        waiting = b""
        while not self._ending.wait(0.002):
            if self._chatter:
                with contextlib.suppress(BlockingIOError):
                    os.write(self.master, self._chatter)
                self._ending.wait(0.05)
            with contextlib.suppress(BlockingIOError, OSError):
                waiting += os.read(self.master, 256)
            if len(waiting) >= 8:
                request, waiting = waiting[:8], waiting[8:]
                unit, function, address, count = struct.unpack(">BBHH", request[:6])
                assert crc16(request[:6]) == request[6:]
                if self._delays:
                    self._ending.wait(self._delays.pop(0))
                body = bytes([unit]) + registers(function, [(address + n) & 0xFFFF for n in range(count)])
                answer = body + crc16(body)
                os.write(self.master, bytes(byte ^ 0xA5 for byte in answer) if self.garble else answer)

    def stop(self) -> None:
        self._ending.set()
        self.join(5)
        os.close(self.master)
        os.close(self._slave)


@pytest.fixture
def slave() -> Iterator[RtuSlave]:
    found = RtuSlave()
    found.start()
    yield found
    found.stop()


def test_rtu_on_a_pseudo_terminal_falls_back_to_no_parity(slave: RtuSlave) -> None:
    assert port_parity(slave.port, "E") == "N"
    assert port_parity("/dev/ttyUSB0", "E") == "E"

    async def scene() -> None:
        link = ModbusLink(Wire("s", serial_port=slave.port, parity="E"), SystemClock())
        assert await link.read_registers(31, 3, 0x40, 4, 1.0) == [0x40, 0x41, 0x42, 0x43]
        await link.close()

    run(scene())


def test_a_late_answer_on_a_serial_line_dies_on_the_line() -> None:
    slave = RtuSlave(delays=[0.3])
    slave.start()

    async def scene() -> None:
        link = ModbusLink(Wire("s", serial_port=slave.port), SystemClock())
        with pytest.raises(LinkTimeout):
            await link.read_registers(1, 3, 100, 2, 0.15)
        for address in range(200, 210, 2):
            assert await link.read_registers(1, 3, address, 2, 1.0) == [address, address + 1]
        await link.close()

    try:
        run(scene())
    finally:
        slave.stop()


def test_nothing_is_sent_while_another_master_talks() -> None:
    slave = RtuSlave(chatter=b"\x01\x03\x00\x00\x00\x02\xc4\x0b")
    slave.start()

    async def scene() -> None:
        link = ModbusLink(Wire("s", serial_port=slave.port, listen_s=0.3), SystemClock())
        with pytest.raises(LinkBusy, match="another master talks; nothing is sent"):
            await link.read_registers(1, 3, 0, 1, 1.0)
        await link.close()

    try:
        run(scene())
    finally:
        slave.stop()


def test_silence_is_kept_between_requests(slave: RtuSlave) -> None:
    """At 1200 baud 3.5 characters of 10 bits are 29 ms; the pause between two answers cannot be shorter."""

    async def scene() -> None:
        link = ModbusLink(Wire("s", serial_port=slave.port, baud=1200), SystemClock())
        await link.read_registers(1, 3, 0, 1, 1.0)
        started = time.monotonic()
        for _ in range(5):
            await link.read_registers(1, 3, 0, 1, 1.0)
        assert time.monotonic() - started >= 5 * 3.5 * 10 / 1200
        await link.close()

    run(scene())


# --- loss and return ----------------------------------------------------------------------------------------------


async def until_read(link: ModbusLink, expected: list[int], seconds: float) -> float:
    """Asks as a poller does until it works; how long that took."""
    started = time.monotonic()
    while True:
        try:
            assert await link.read_registers(1, 3, 500, 2, 0.3) == expected
            return time.monotonic() - started
        except LinkError:
            assert time.monotonic() - started < seconds, "it did not come back"
            await asyncio.sleep(0.1)


def test_an_adapter_that_is_unplugged_and_plugged_in_again(tmp_path: Path) -> None:
    name = tmp_path / "usb-adapter"  # as /dev/serial/by-id: the same name, another device behind it
    first = RtuSlave()
    first.start()
    name.symlink_to(first.port)

    async def scene() -> None:
        link = ModbusLink(Wire("s", serial_port=str(name)), SystemClock())
        assert await link.read_registers(1, 3, 500, 2, 1.0) == [500, 501]
        name.unlink()
        first.stop()  # hangs up, as an unplugged adapter does
        with pytest.raises(LinkClosed):
            await link.read_registers(1, 3, 500, 2, 0.3)
        await asyncio.sleep(0.6)
        with pytest.raises(LinkClosed, match="usb-adapter"):
            await link.read_registers(1, 3, 500, 2, 0.3)
        second = RtuSlave()
        second.start()
        name.symlink_to(second.port)
        assert await until_read(link, [500, 501], 12) < 12
        await link.close()
        second.stop()

    run(scene())


def test_a_gateway_that_is_restarted_or_comes_up_late() -> None:
    async def scene() -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        link = link_to(port)
        with pytest.raises(LinkClosed):
            await link.read_registers(1, 3, 500, 2, 0.3)  # first connect fails
        for _ in range(2):
            async with tcp_server(echo_address, port):
                assert await until_read(link, [500, 501], 12) < 12
        await link.close()

    run(scene())


def test_a_connection_closed_during_a_request_fails_it_at_once() -> None:
    async def scene() -> None:
        async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(12)
            writer.close()

        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        link = link_to(server.sockets[0].getsockname()[1])
        started = time.monotonic()
        with pytest.raises(LinkClosed, match="closed by the peer"):
            await link.read_registers(1, 3, 0, 1, 5.0)
        assert time.monotonic() - started < 1.0, "pymodbus waits 12 s here"
        await link.close()
        server.close()

    run(scene())


def test_one_connection_never_more() -> None:
    """A gateway that takes one client only: nothing of ours opens a second one."""
    connections = 0

    async def scene() -> None:
        async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    head = await reader.readexactly(12)
                    pdu = registers(3, [1])
                    writer.write(head[:4] + struct.pack(">HB", len(pdu) + 1, head[6]) + pdu)
            writer.close()

        server = await asyncio.start_server(count, "127.0.0.1", 0)
        link = link_to(server.sockets[0].getsockname()[1])
        for _ in range(50):
            await link.read_registers(1, 3, 0, 1, 1.0)
        assert connections == 1
        await link.close()
        await asyncio.sleep(0.05)
        server.close()

    run(scene())


def test_another_master_that_begins_to_talk_is_left_alone(slave: RtuSlave) -> None:
    foreign = b"\x09\x03\x00\x10\x00\x02"
    foreign += crc16(foreign)

    async def scene() -> None:
        link = ModbusLink(Wire("s", serial_port=slave.port), SystemClock())
        await link.read_registers(1, 3, 0, 1, 1.0)
        for _ in range(2):  # a frame or two may be anything
            os.write(slave.master, foreign)
            await asyncio.sleep(0.05)
            await link.read_registers(1, 3, 0, 1, 1.0)
        os.write(slave.master, foreign)
        await asyncio.sleep(0.05)
        with pytest.raises(LinkBusy, match="another master talks"):
            await link.read_registers(1, 3, 0, 1, 1.0)
        await link.close()

    run(scene())


def test_a_line_at_the_wrong_speed_says_what_it_hears() -> None:
    slave = RtuSlave()
    slave.garble = True
    slave.start()

    async def scene() -> None:
        link = ModbusLink(Wire("s", serial_port=slave.port), SystemClock())
        with pytest.raises(LinkTimeout, match=r"bytes came that are none: wrong speed or parity"):
            await link.read_registers(1, 3, 0, 4, 0.3)
        await link.close()

    try:
        run(scene())
    finally:
        slave.stop()


def test_what_is_watched_for_does_not_grow_with_the_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead device behind a gateway whose other devices answer: each of its requests is forgotten after its time."""
    monkeypatch.setattr("drivers.bus.QUARANTINE_S", 0.1)

    async def dead_unit_nine(unit: int, function: int, address: int, count: int) -> bytes | None:
        return None if unit == 9 else await echo_address(unit, function, address, count)

    async def scene() -> None:
        async with tcp_server(dead_unit_nine) as port:
            link = link_to(port)
            for _ in range(60):
                assert await link.read_registers(1, 3, 0, 1, 1.0) == [0]
                with pytest.raises(LinkTimeout):
                    await link.read_registers(9, 3, 0, 1, 0.01)
            assert len(link._want.late) <= 12  # 0.1 s of requests that take 0.01 s each, and one or two
            await link.close()

    run(scene())
