"""A worker thread for waits that need a finer resolution than the timers of asyncio."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class ThreadExecutor:
    """Executes calls in sequence in its own thread. Use from one event loop.

    Not ThreadPoolExecutor: its two futures and four locks per call take a third of the CPU time of a poll on a small
    machine.
    """

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...], asyncio.Future[Any]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def call(self, function: Callable[..., T], *arguments: Any) -> asyncio.Future[T]:
        """A future with the result or exception of the call. A cancelled call is executed; its result is discarded."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._calls.put((function, arguments, future))
        return future

    def stop(self) -> None:
        """Ends the thread after all queued calls. Blocks until then."""
        self._calls.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (item := self._calls.get()) is not None:
            function, arguments, future = item
            try:
                result, error = function(*arguments), None
            except BaseException as raised:
                result, error = None, raised
            with suppress(RuntimeError):  # the loop is closed: no task waits for the result
                future.get_loop().call_soon_threadsafe(_complete, future, result, error)


def _complete(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
