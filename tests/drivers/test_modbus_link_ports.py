"""A port is released however its use ends, and no other task waits for the release."""

from __future__ import annotations

import asyncio
import os
import pty
import termios
import threading
import tty

import pytest
import serial
from support.bus_servers import RtuSlave, opened, passing, read_registers, run

from agent.core.clock import SystemClock
from drivers.error_reasons import PORT_DISCONNECTED, PORT_LOST, PORT_NOT_OPENED
from drivers.errors import ConnectFailed, LinkClosed
from drivers.modbus_link import BusSettings, ModbusLink
from drivers.serial_sniffer import SerialSetting, eavesdrop


def test_a_cancelled_listening_frees_the_port() -> None:
    slave = RtuSlave()

    async def scene() -> None:
        first = ModbusLink(BusSettings("s", serial_port=slave.port, listen_s=10.0), SystemClock())
        listening = asyncio.create_task(read_registers(first, 1, 3, 0, 1, 1.0))
        await asyncio.sleep(0.1)
        async with passing() as passed_s:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await first.close()
            async with opened(BusSettings("s", serial_port=slave.port)) as second:
                assert await read_registers(second, 1, 3, 7, 1, 1.0) == [7]
            assert passed_s() < 2, "of the 10 s that were left to listen"

    with slave:
        run(scene())


def test_closing_during_a_request_does_not_block() -> None:
    slave = RtuSlave(delays=[3.0])

    async def scene() -> None:
        link = ModbusLink(BusSettings("s", serial_port=slave.port), SystemClock())
        asking = asyncio.create_task(read_registers(link, 1, 3, 0, 1, 1.5))
        await asyncio.sleep(0.1)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        closing = asyncio.create_task(link.close())
        turns = 0
        while not closing.done():
            await asyncio.sleep(0.01)
            turns += 1
        assert turns > 20  # about 130 expected; 1 if close() blocks the loop
        await link.close()  # a second call has no effect

    with slave:
        run(scene())


def test_an_adapter_unplugged_while_it_is_opened_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    slave = RtuSlave()

    def gone(_: serial.Serial) -> None:
        raise termios.error(5, "Input/output error")

    async def scene() -> None:
        async with opened(BusSettings("s", serial_port=slave.port)) as link:
            with monkeypatch.context() as patched:
                patched.setattr(serial.Serial, "reset_input_buffer", gone)
                with pytest.raises(ConnectFailed) as down:
                    await read_registers(link, 1, 3, 7, 1, 1.0)
            assert (down.value.reason.code, down.value.reason.data["port"]) == (PORT_NOT_OPENED, slave.port)
            await asyncio.sleep(0.6)
            assert await read_registers(link, 1, 3, 7, 1, 1.0) == [7]

    with slave:
        run(scene())


def test_a_port_that_disappears_while_listening_is_reported_as_missing() -> None:
    master, slave = pty.openpty()
    tty.setraw(master)
    port = os.ttyname(slave)
    os.close(slave)
    unplug = threading.Timer(0.2, os.close, (master,))
    unplug.start()
    with pytest.raises(LinkClosed) as closed:
        eavesdrop(port, SerialSetting(9600), 5.0)
    assert closed.value.reason.code in (PORT_DISCONNECTED, PORT_LOST)
    assert closed.value.reason.data["port"] == port
    unplug.join()
