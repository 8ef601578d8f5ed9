"""Serial link on a pseudo-terminal, and loss and recovery of every kind of link."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.basics import free_port
from support.bus_servers import RtuSlave, crc16, echo_address, link_to, opened, passing, read_registers, run, tcp_server
from support.numbered_slave import NumberedSlave

from agent.core.clock import SystemClock
from drivers import error_reasons as codes
from drivers.errors import ForeignMasterActive, FrameError, LinkClosed, LinkError, LinkTimeout
from drivers.framing import Request
from drivers.modbus_link import BusSettings, ModbusLink
from drivers.reasons import Code
from drivers.serial_line import port_parity
from simulators.bus.frames import ReadBlock
from simulators.bus.plc import Plc
from simulators.bus.segment import Segment


@pytest.fixture
def slave() -> Iterator[RtuSlave]:
    with RtuSlave() as found:
        yield found


def test_rtu_on_a_pseudo_terminal_falls_back_to_no_parity(slave: RtuSlave) -> None:
    assert port_parity(slave.port, "E") == "N"
    assert port_parity("/dev/ttyUSB0", "E") == "E"

    async def scene() -> None:
        link = ModbusLink(BusSettings("s", serial_port=slave.port, parity="E"), SystemClock())
        assert await read_registers(link, 31, 3, 0x40, 4, 1.0) == [0x40, 0x41, 0x42, 0x43]
        await link.close()

    run(scene())


def test_a_late_response_on_a_serial_line_is_discarded() -> None:
    slave = RtuSlave(delays=[0.3])

    async def scene() -> None:
        link = ModbusLink(BusSettings("s", serial_port=slave.port), SystemClock())
        with pytest.raises(LinkTimeout):
            await read_registers(link, 1, 3, 100, 2, 0.15)
        for address in range(200, 210, 2):
            assert await read_registers(link, 1, 3, address, 2, 1.0) == [address, address + 1]
        await link.close()

    with slave:
        run(scene())


def test_nothing_is_sent_while_another_master_is_active() -> None:
    slave = RtuSlave(chatter=b"\x01\x03\x00\x00\x00\x02\xc4\x0b")

    async def scene() -> None:
        async with opened(BusSettings("s", serial_port=slave.port, listen_s=0.3)) as link:
            for _ in range(3):
                with pytest.raises(ForeignMasterActive) as busy:
                    await read_registers(link, 1, 3, 0, 1, 1.0)
            reason = busy.value.reason
            assert (reason.code, reason.data["target"]) == (codes.FRAMES_NOT_REQUESTED, slave.port)
            (frames,) = reason.data["frames"]
            assert frames == codes.FOREIGN_REQUESTS(unit_id=1, function=3, address=0, n=frames.data["n"])

    with slave:
        run(scene())


def test_bytes_that_are_no_frames_postpone_the_start() -> None:
    """As from a master with another baud rate; a single stray byte does not."""
    slave = RtuSlave(chatter=b"\xf8\x00\x7e")

    async def scene() -> None:
        async with opened(BusSettings("s", serial_port=slave.port, listen_s=0.3)) as link:
            with pytest.raises(ForeignMasterActive) as busy:
                await read_registers(link, 1, 3, 0, 1, 1.0)
            assert busy.value.reason.code == codes.BYTES_BEFORE_FIRST_REQUEST
            assert busy.value.reason.data["n_bytes"] >= 6
            slave.chatter = b""
            assert await read_registers(link, 1, 3, 7, 1, 1.0) == [7]

    with slave:
        run(scene())


def test_the_inter_frame_delay_is_kept_between_requests(slave: RtuSlave) -> None:
    """3.5 characters of 10 bits at 1200 baud are 29 ms; the pause between two transactions is at least this long."""

    async def scene() -> None:
        link = ModbusLink(BusSettings("s", serial_port=slave.port, baud=1200), SystemClock())
        await read_registers(link, 1, 3, 0, 1, 1.0)
        started = time.monotonic()
        for _ in range(5):
            await read_registers(link, 1, 3, 0, 1, 1.0)
        assert time.monotonic() - started >= 5 * 3.5 * 10 / 1200
        await link.close()

    run(scene())


# --- loss and recovery ------------------------------------------------------------------------------------------------


async def until_read(link: ModbusLink, expected: list[int], seconds: float) -> float:
    """Poll until a response arrives; return the elapsed seconds."""
    started = time.monotonic()
    while True:
        try:
            assert await read_registers(link, 1, 3, 500, 2, 0.3) == expected
            return time.monotonic() - started
        except LinkError:
            assert time.monotonic() - started < seconds, "it did not come back"
            await asyncio.sleep(0.1)


def test_an_adapter_that_is_unplugged_and_plugged_in_again(tmp_path: Path) -> None:
    name = tmp_path / "usb-adapter"  # as /dev/serial/by-id: same name, another device
    first = RtuSlave()
    first.start()
    name.symlink_to(first.port)

    async def scene() -> None:
        link = ModbusLink(BusSettings("s", serial_port=str(name)), SystemClock())
        assert await read_registers(link, 1, 3, 500, 2, 1.0) == [500, 501]
        name.unlink()
        first.stop()  # hangup, as with an unplugged adapter
        with pytest.raises(LinkClosed):
            await read_registers(link, 1, 3, 500, 2, 0.3)
        await asyncio.sleep(0.6)
        with pytest.raises(LinkClosed) as missing:
            await read_registers(link, 1, 3, 500, 2, 0.3)
        assert missing.value.reason == codes.PORT_MISSING(port=str(name))
        second = RtuSlave()
        second.start()
        name.symlink_to(second.port)
        assert await until_read(link, [500, 501], 12) < 12
        await link.close()
        second.stop()

    run(scene())


def test_a_gateway_that_is_restarted_or_comes_up_late() -> None:
    async def scene() -> None:
        port = free_port()
        link = link_to(port)
        with pytest.raises(LinkClosed):
            await read_registers(link, 1, 3, 500, 2, 0.3)  # the first connection attempt fails
        for _ in range(2):
            async with tcp_server(echo_address, port):
                assert await until_read(link, [500, 501], 12) < 12
        await link.close()

    run(scene())


def test_a_connection_closed_during_a_request_fails_it_immediately() -> None:
    async def scene() -> None:
        async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(12)
            writer.close()

        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        link = link_to(server.sockets[0].getsockname()[1])
        async with passing() as passed_s:
            with pytest.raises(LinkClosed) as closed:
                await read_registers(link, 1, 3, 0, 1, 5.0)
            assert closed.value.reason == codes.CONNECTION_CLOSED_EARLY(peer=link.wire.where)
            assert passed_s() < 1.0, "pymodbus waits 12 s here"
        await link.close()
        server.close()

    run(scene())


def test_polling_stops_at_the_first_request_of_another_master(slave: RtuSlave) -> None:
    foreign = b"\x09\x03\x00\x10\x00\x02"
    foreign += crc16(foreign)

    async def scene() -> None:
        async with opened(BusSettings("s", serial_port=slave.port)) as link:
            await read_registers(link, 1, 3, 0, 1, 1.0)
            os.write(slave.master, foreign)
            await asyncio.sleep(0.05)
            with pytest.raises(ForeignMasterActive) as busy:
                await read_registers(link, 1, 3, 0, 1, 1.0)
            (frames,) = busy.value.reason.data["frames"]
            assert frames == codes.FOREIGN_REQUESTS(unit_id=9, function=3, address=0x10, n=1)

    run(scene())


def test_a_bus_at_the_wrong_baud_rate_reports_what_it_receives() -> None:
    slave = RtuSlave()
    slave.garble = True
    slave.start()

    async def scene() -> None:
        link = ModbusLink(BusSettings("s", serial_port=slave.port), SystemClock())
        with pytest.raises(LinkTimeout) as silent:
            await read_registers(link, 1, 3, 0, 4, 0.3)
        reason = silent.value.reason
        assert reason == codes.NO_VALID_RESPONSE(unit_id=1, address=0, timeout_s=0.3, n_bytes=reason.data["n_bytes"])
        assert reason.data["n_bytes"] > 0
        await link.close()

    try:
        run(scene())
    finally:
        slave.stop()


@pytest.mark.parametrize(("garble", "code"), [(True, codes.NO_VALID_RESPONSE), (False, codes.NO_RESPONSE)])
def test_a_block_without_spare_registers_reports_the_first_attempt(garble: bool, code: Code) -> None:
    """The later attempts are postponed, because a retry of another length is not possible."""
    slave = RtuSlave()
    slave.garble = garble
    if garble:
        slave.start()

    async def scene() -> None:
        async with opened(BusSettings("s", serial_port=slave.port)) as link:
            with pytest.raises(LinkTimeout) as silent:
                await link.read_block(Request(11, 4, 0, 80), 0.2, tries=3, silence_tries=2)
            assert silent.value.reason.code == code

    try:
        run(scene())
    finally:
        slave.stop()


@pytest.mark.parametrize("spare", [0, 4])
def test_a_plc_that_starts_during_polling_is_detected_at_the_next_poll(spare: int) -> None:
    """Two blocks every 0.5 s, as in a small plant; then a PLC starts to poll a drive ten times per second."""
    segment = Segment()
    port = segment.port("agent")
    NumberedSlave(segment, 11)
    NumberedSlave(segment, 31)
    plc = Plc(segment, [ReadBlock(31, 3, 0x40, 4)])
    segment.start()

    async def scene() -> None:
        async with opened(BusSettings("s", serial_port=port)) as link:
            for polls in range(8):
                if polls == 2:
                    plc.start()
                try:
                    for address in (0, 100):
                        with contextlib.suppress(LinkTimeout, FrameError):
                            await read_registers(link, 11, 4, address, 20 + address // 10, 0.1, spare=spare)
                except ForeignMasterActive:
                    assert polls in (2, 3)
                    return
                await asyncio.sleep(0.5)
        pytest.fail(f"not noticed in 8 polls; {plc.lost} answers lost to the PLC")

    try:
        run(scene())
    finally:
        segment.stop()
