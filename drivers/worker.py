"""A thread of one's own, for waits that asyncio's timers are too coarse for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any


class Worker:
    """Does one call after another in its thread. Use from one event loop.

    Not ThreadPoolExecutor: two futures and four locks a call are a third of what a poll costs on a small machine.
    """

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...], asyncio.Future[Any]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def call(self, function: Callable[..., Any], *arguments: Any) -> asyncio.Future[Any]:
        """What it returns or raises. A cancelled call is still carried out; nobody hears of it."""
        future = asyncio.get_running_loop().create_future()
        self._calls.put((function, arguments, future))
        return future

    def stop(self) -> None:
        """Returns when the calls made so far are done."""
        self._calls.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (item := self._calls.get()) is not None:
            function, arguments, future = item
            try:
                result, error = function(*arguments), None
            except BaseException as raised:
                result, error = None, raised
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                future.get_loop().call_soon_threadsafe(_settle, future, result, error)


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
