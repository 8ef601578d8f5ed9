"""A future that resumes its task in the callback that completes it."""

from __future__ import annotations

import asyncio
import time
from contextvars import ContextVar

import pytest

from drivers.direct_future import DirectFuture, sleep


def test_the_task_runs_before_set_result_returns() -> None:
    steps = []

    async def waiter(future: DirectFuture[int]) -> None:
        steps.append(await future)

    def complete(future: DirectFuture[int]) -> None:
        future.set_result(7)
        steps.append(8)

    async def scene() -> None:
        loop = asyncio.get_running_loop()
        future = DirectFuture[int](loop)
        task = asyncio.create_task(waiter(future))
        await asyncio.sleep(0)
        loop.call_soon(complete, future)
        await task

    asyncio.run(scene())
    assert steps == [7, 8]  # an asyncio.Future gives [8, 7]


def test_the_task_keeps_its_context() -> None:
    variable = ContextVar("variable", default="callback")

    async def waiter() -> str:
        variable.set("task")
        await sleep(0.001)
        return variable.get()

    async def scene() -> None:
        assert await asyncio.create_task(waiter()) == "task"
        assert variable.get() == "callback"

    asyncio.run(scene())


def test_an_exception_is_raised_in_the_task() -> None:
    async def scene() -> None:
        loop = asyncio.get_running_loop()
        future = DirectFuture[int](loop)
        loop.call_soon(future.set_exception, KeyError("x"))
        with pytest.raises(KeyError):
            await future

    asyncio.run(scene())


def test_a_cancelled_task_ends_and_a_later_result_is_ignored() -> None:
    async def scene() -> None:
        future = DirectFuture[int](asyncio.get_running_loop())

        async def waiter() -> None:
            await future

        task = asyncio.create_task(waiter())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        future.set_result(1)
        assert future.done()
        with pytest.raises(asyncio.CancelledError):
            future.result()

    asyncio.run(scene())


def test_a_timeout_cancels_a_sleep() -> None:
    async def scene() -> None:
        begun_s = time.monotonic()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(sleep(10), 0.01)
        assert time.monotonic() - begun_s < 5

    asyncio.run(scene())
