"""The server and clients of other makes: pymodbus, and sockets that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from pymodbus.client import AsyncModbusTcpClient
from support.northbound import FedFollower, topics

from agent.northbound.modbus import connection
from agent.northbound.modbus.connection import Clients, ModbusConnection
from agent.northbound.modbus.motor_numbers import MotorNumbers
from agent.northbound.modbus.units import Units
from drivers.reasons import Reason

READ_125 = struct.pack(">HHHBBHH", 1, 0, 6, 1, 4, 60, 125)
Check = Callable[[int, Clients], Awaitable[None]]


def with_server(folder: Path, check: Check, motors: int = 30) -> None:
    """Serves motors whose power is 1000 W times their number."""
    follower = FedFollower()
    units = Units(MotorNumbers(folder / "modbus-motors"), follower)
    follower.listeners.append(units.on_message)
    units.add(topics(motors))
    for number in range(1, motors + 1):
        follower.feed_row(f"pump-{number}", active_power_w=1000.0 * number)

    async def run() -> None:
        clients = Clients(units)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: ModbusConnection(clients), "127.0.0.1", 0)
        try:
            async with asyncio.timeout(20):
                await check(server.sockets[0].getsockname()[1], clients)
        finally:
            server.close()
            for each in list(clients.connected):
                each.close()

    asyncio.run(run())


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The codes of the warnings of this project."""
    found = (record.args[0] for record in caplog.records if isinstance(record.args, tuple) and record.args)
    return [reason.code for reason in found if isinstance(reason, Reason)]


def test_thirty_motors_are_read_in_fifteen_requests(tmp_path: Path) -> None:
    async def check(port: int, _clients: Clients) -> None:
        client = AsyncModbusTcpClient("127.0.0.1", port=port)
        await client.connect()
        found: list[int] = []
        for request in range(15):
            answer = await client.read_input_registers(60 + 120 * request, count=120, device_id=1)
            found += answer.registers
        for number in range(1, 31):
            block = found[60 * (number - 1) : 60 * number]
            assert block[:2] == [number, 0]
            assert client.convert_from_registers(block[8:10], client.DATATYPE.FLOAT32) == 1000.0 * number
        alone = await client.read_input_registers(8, count=2, device_id=117)
        assert client.convert_from_registers(alone.registers, client.DATATYPE.FLOAT32) == 17000.0
        gateway = await client.read_input_registers(0, count=4, device_id=1)
        assert gateway.registers[:3] == [1, 30, 30]
        for address, unit, code in ((60 * 31, 1, 2), (0, 131, 11), (658, 101, 2), (0, 50, 11)):
            assert (await client.read_input_registers(address, count=1, device_id=unit)).exception_code == code
        client.close()

    with_server(tmp_path, check)


def test_a_client_that_writes_is_refused_and_named_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def check(port: int, _clients: Clients) -> None:
        client = AsyncModbusTcpClient("127.0.0.1", port=port)
        await client.connect()
        for refused in (
            client.write_register(68, 1, device_id=1), client.write_registers(68, [1, 2], device_id=1),
            client.write_coil(0, True, device_id=1), client.mask_write_register(address=68, device_id=1),
            client.readwrite_registers(read_address=68, read_count=1, address=68, values=[1], device_id=1),
            client.read_holding_registers(68, count=2, device_id=1), client.read_device_information(device_id=1),
        ):  # fmt: skip
            assert (await refused).exception_code == 1
        answer = await client.read_input_registers(68, count=2, device_id=1)
        assert client.convert_from_registers(answer.registers, client.DATATYPE.FLOAT32) == 1000.0
        client.close()

    with caplog.at_level(logging.WARNING):
        with_server(tmp_path, check)
    assert logged(caplog) == ["north_function_rejected"]


def test_requests_in_one_packet_and_in_pieces_are_answered_in_order(tmp_path: Path) -> None:
    async def check(port: int, _clients: Clients) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        sent = b"".join(struct.pack(">HHHBBHH", number, 0, 6, 1, 4, 60 * number, 1) for number in range(1, 31))
        writer.write(sent[:200])
        await writer.drain()
        for place in range(200, len(sent)):
            writer.write(sent[place : place + 1])
            await writer.drain()
        for number in range(1, 31):
            assert await reader.readexactly(11) == struct.pack(">HHHBBBH", number, 0, 5, 1, 4, 2, number)
        writer.close()

    with_server(tmp_path, check)


def test_a_client_that_never_reads_is_disconnected_with_bounded_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connection, "UNREAD_S_MAX", 0.2)

    async def check(port: int, clients: Clients) -> None:
        mute = socket.socket()
        mute.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        mute.connect(("127.0.0.1", port))
        _reader, writer = await asyncio.open_connection(sock=mute, limit=1)
        reader, other = await asyncio.open_connection("127.0.0.1", port)
        held = 0
        with contextlib.suppress(ConnectionError):
            while len(clients.connected) == 2:
                writer.write(READ_125 * 1000)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(writer.drain(), 0.02)
                held = max([held, *(each.unread_bytes for each in clients.connected)])
                other.write(READ_125)
                assert len(await asyncio.wait_for(reader.readexactly(259), 1.0)) == 259, "the other client is served"
        assert 0 < held <= 16384 + 259, "one response above the limit"
        writer.transport.abort()
        other.close()

    with caplog.at_level(logging.WARNING):
        with_server(tmp_path, check)
    assert logged(caplog) == ["north_client_slow"]


async def _without(clients: Clients) -> None:
    while clients.connected:  # noqa: ASYNC110  # the code under test has no event for it
        await asyncio.sleep(0.001)


def test_other_protocols_and_too_many_clients_are_disconnected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connection, "CLIENTS_MAX", 1)

    async def check(port: int, clients: Clients) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
        await _without(clients)
        reader, first = await asyncio.open_connection("127.0.0.1", port)
        first.write(READ_125)
        assert await reader.readexactly(259)
        refused, second = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(ConnectionError):
            assert await refused.read() == b""
        first.close()
        second.close()

    with caplog.at_level(logging.WARNING):
        with_server(tmp_path, check)
    assert logged(caplog) == ["north_not_modbus", "north_clients_too_many"]
