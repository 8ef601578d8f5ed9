"""TCP link against small servers: valid responses arrive, invalid ones never become values."""

from __future__ import annotations

import asyncio
import contextlib
import struct

import pytest
from support.bus_servers import (
    Converter,
    echo_address,
    link_to,
    opened,
    passing,
    read_registers,
    registers,
    run,
    tcp_server,
)
from support.numbered_slave import NumberedSlave
from support.segment_log import sent_by

from agent.core.clock import SystemClock
from drivers import error_reasons as codes
from drivers.errors import ForeignMasterActive, FrameError, LinkClosed, LinkTimeout, ModbusExceptionResponse
from drivers.modbus_device import DeviceSettings, ModbusDevice
from drivers.modbus_link import BusSettings, ModbusLink
from drivers.profiles import load_profile
from drivers.reading import Quality
from drivers.response_matcher import ResponseMatcher
from simulators.bus.frames import ReadBlock
from simulators.bus.plc import Plc
from simulators.bus.segment import Segment


def test_registers_arrive() -> None:
    async def scene() -> None:
        async with tcp_server(echo_address) as port:
            link = link_to(port)
            assert await read_registers(link, 1, 3, 100, 3, 1.0) == [100, 101, 102]
            assert await read_registers(link, 1, 4, 7, 1, 1.0) == [7]
            await link.close()

    run(scene())


def test_a_late_response_is_not_used_for_the_next_request() -> None:
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
                await read_registers(link, 1, 3, 100, 2, 0.1)
            for address in range(200, 220, 2):
                assert await read_registers(link, 1, 3, address, 2, 1.0) == [address, address + 1]
            await link.close()

    run(scene())


def test_a_response_of_another_shape_is_an_error() -> None:
    async def two_for_four(unit: int, function: int, address: int, count: int) -> bytes:
        return registers(function, [1, 2])

    async def scene() -> None:
        async with tcp_server(two_for_four) as port:
            link = link_to(port)
            with pytest.raises(FrameError):
                await read_registers(link, 1, 3, 0, 4, 1.0)
            await link.close()

    run(scene())


def test_an_exception_response_is_reported_with_its_code() -> None:
    async def refuse(unit: int, function: int, address: int, count: int) -> bytes:
        return bytes([function | 0x80, 0x02])

    async def scene() -> None:
        async with tcp_server(refuse) as port:
            link = link_to(port)
            with pytest.raises(ModbusExceptionResponse) as caught:
                await read_registers(link, 1, 3, 7, 4, 1.0)
            assert caught.value.code == 2
            cause = codes.EXCEPTIONS[2]()
            assert caught.value.reason == codes.MODBUS_EXCEPTION(unit_id=1, address=7, exception=2, cause=cause)
            assert cause.code == "illegal_data_address"
            await link.close()

    run(scene())


def test_a_closed_connection_fails_fast_and_heals() -> None:
    async def scene() -> None:
        async with tcp_server(echo_address) as port:
            link = link_to(port)
            await read_registers(link, 1, 3, 0, 1, 1.0)
        async with passing() as passed_s:
            with pytest.raises((LinkClosed, LinkTimeout)):
                await read_registers(link, 1, 3, 0, 1, 1.0)
            assert passed_s() < 2.5
        await link.close()

    run(scene())


def test_a_connection_to_a_closed_port_fails() -> None:
    async def scene() -> None:
        link = ModbusLink(BusSettings("w", host="127.0.0.1", port_number=1), SystemClock())
        with pytest.raises(LinkClosed) as closed:
            await read_registers(link, 1, 3, 0, 1, 1.0)
        assert closed.value.reason == codes.CONNECTION_REFUSED(peer="127.0.0.1:1")
        with pytest.raises(LinkClosed) as again:  # without a further attempt
            await read_registers(link, 1, 3, 0, 1, 1.0)
        assert again.value.reason == closed.value.reason
        serial = ModbusLink(BusSettings("s", serial_port="/dev/does-not-exist"), SystemClock())
        with pytest.raises(LinkClosed) as missing:
            await read_registers(serial, 1, 3, 0, 1, 1.0)
        assert missing.value.reason == codes.PORT_MISSING(port="/dev/does-not-exist")

    run(scene())


def test_a_device_without_response_gives_nulls_and_no_reply() -> None:
    async def silent(unit: int, function: int, address: int, count: int) -> bytes | None:
        return None

    async def scene() -> None:
        async with tcp_server(silent) as port:
            link = link_to(port)
            settings = DeviceSettings(timeout_s=0.1)
            device = ModbusDevice("m", load_profile("schneider/pm5000"), 1, link, SystemClock(), settings)
            reading = await device.poll()
            assert Quality.NO_REPLY in reading.quality
            assert set(reading.values.values()) == {None}
            assert "active_power" in reading.values
            assert reading.error is not None
            assert reading.error.code == codes.NO_RESPONSE
            assert reading.error.data["unit_id"] == 1
            await link.close()

    run(scene())


def test_after_a_rejected_gap_registers_are_read_separately() -> None:
    requests: list[tuple[int, int]] = []

    async def no_holes(unit: int, function: int, address: int, count: int) -> bytes:
        requests.append((address, count))
        if count > 4:
            return bytes([function | 0x80, 0x02])
        return registers(function, [0] * count)

    async def scene() -> None:
        async with tcp_server(no_holes) as port:
            link = link_to(port)
            settings = DeviceSettings(inter_request_delay_s=0)
            device = ModbusDevice("m", load_profile("schneider/pm5000"), 1, link, SystemClock(), settings)
            first = await device.poll(frozenset({"fast"}))
            assert first.values["active_power"] is None
            assert first.flags["active_power"] == Quality.NO_REPLY
            for _ in range(2):  # first as blocks without gaps, then register by register
                last = await device.poll(frozenset({"fast"}))
            assert last.values["active_power"] == 0
            assert requests.count((2999, 112)) == 1
            await link.close()

    run(scene())


def test_at_most_one_connection_is_open() -> None:
    """For a gateway that accepts a single client: the driver never opens a second connection."""
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
            await read_registers(link, 1, 3, 0, 1, 1.0)
        assert connections == 1
        await link.close()
        await asyncio.sleep(0.05)
        server.close()

    run(scene())


def test_late_responses_of_an_offline_device_are_expected_for_a_limited_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """An offline device on a gateway whose other devices respond: each of its
    requests is discarded after QUARANTINE_S.
    """
    monkeypatch.setattr("drivers.late_responses.QUARANTINE_S", 0.1)
    made: list[ResponseMatcher] = []

    class Watched(ResponseMatcher):
        def __post_init__(self) -> None:
            made.append(self)

    monkeypatch.setattr("drivers.modbus_link.ResponseMatcher", Watched)

    async def dead_unit_nine(unit: int, function: int, address: int, count: int) -> bytes | None:
        return None if unit == 9 else await echo_address(unit, function, address, count)

    async def scene() -> None:
        async with tcp_server(dead_unit_nine) as port:
            link = link_to(port)
            for _ in range(60):
                assert await read_registers(link, 1, 3, 0, 1, 1.0) == [0]
                with pytest.raises(LinkTimeout):
                    await read_registers(link, 9, 3, 0, 1, 0.01)
            assert len(made[0].late) <= 12  # 0.1 s of requests with 0.01 s each, and one or two more
            await link.close()

    run(scene())


def test_nothing_is_sent_through_a_converter_while_a_plc_is_active() -> None:
    """RTU over TCP: a transparent converter forwards the traffic of its serial
    line, so another master can be detected.
    """
    segment = Segment()
    converter = Converter(segment)
    NumberedSlave(segment, 31)
    plc = Plc(segment, [ReadBlock(31, 3, 0x40, 4)])
    segment.start()
    plc.start()

    async def scene() -> None:
        port = converter.listener.port_number
        async with opened(BusSettings("w", host="127.0.0.1", port_number=port, rtu_framing=True, listen_s=0.5)) as link:
            with pytest.raises(ForeignMasterActive) as busy:
                await read_registers(link, 31, 3, 0, 1, 0.2)
            assert busy.value.reason.code == codes.FRAMES_NOT_REQUESTED
            assert busy.value.reason.data["target"] == f"127.0.0.1:{port}"

    try:
        run(scene())
        assert not sent_by(segment, "agent")
    finally:
        segment.stop()
        converter.listener.close()
