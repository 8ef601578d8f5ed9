"""The thread of a serial line: one call for the requests of a poll, and its end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from support.bus_servers import RtuSlave, read_registers, run

from agent.core.clock import SystemClock
from drivers.errors import LinkClosed
from drivers.modbus_link import BusSettings, ModbusLink
from drivers.thread_executor import ThreadExecutor


@pytest.fixture
def slave() -> Iterator[RtuSlave]:
    with RtuSlave() as found:
        yield found


def line_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "line-closed"]


def test_the_requests_of_a_poll_are_one_call(slave: RtuSlave, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0
    call = ThreadExecutor.call

    def counted(self: ThreadExecutor, *arguments: object) -> object:
        nonlocal calls
        calls += 1
        return call(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(ThreadExecutor, "call", counted)

    async def poll(link: ModbusLink) -> list[int]:
        return [(await read_registers(link, 1, 3, address, 1, 1.0))[0] for address in range(10, 15)]

    async def scene() -> None:
        link = ModbusLink(BusSettings("s", serial_port=slave.port), SystemClock())
        assert await link.run(poll(link)) == [10, 11, 12, 13, 14]
        assert calls == 1
        await link.close()

    run(scene())


def test_a_closed_link_sends_no_further_request_of_a_cancelled_poll(slave: RtuSlave) -> None:
    read: list[int] = []
    begun, ended = threading.Event(), threading.Event()
    errors: list[BaseException] = []

    async def poll(link: ModbusLink) -> None:
        try:
            for address in range(1000):
                read.extend(await read_registers(link, 1, 3, address, 1, 1.0))
                begun.set()
        except BaseException as error:
            errors.append(error)
        ended.set()

    async def waiting(link: ModbusLink) -> None:
        await link.run(poll(link))

    async def scene() -> None:
        link = ModbusLink(BusSettings("closed", serial_port=slave.port), SystemClock())
        task = asyncio.create_task(waiting(link))
        await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await link.close()
        assert ended.is_set()
        assert not line_threads()
        assert await read_registers(link, 1, 3, 70, 1, 1.0) == [70], "a closed link opens its port again"
        await link.close()

    run(scene())
    assert len(read) < 1000
    assert isinstance(errors[0], LinkClosed)


def test_a_coroutine_that_waits_for_something_else_is_an_error(slave: RtuSlave) -> None:
    async def scene() -> None:
        link = ModbusLink(BusSettings("s", serial_port=slave.port), SystemClock())

        async def wrong() -> None:
            await asyncio.sleep(0)

        with pytest.raises(RuntimeError):
            await link.run(wrong())
        await link.close()

    run(scene())
