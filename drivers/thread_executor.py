"""A worker thread for waits that need a finer resolution than the timers of asyncio."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

from drivers.direct_future import DirectFuture

T = TypeVar("T")


class ThreadExecutor:
    """Executes calls in sequence in its own thread. Use from one event loop.

    Not ThreadPoolExecutor: its two futures and four locks per call take a third of the CPU time of a poll on a small
    machine.
    """

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...], DirectFuture[Any]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def is_current(self) -> bool:
        """Whether the caller is in the thread."""
        return threading.get_ident() == self._thread.ident

    def call(self, function: Callable[..., T], *arguments: Any) -> DirectFuture[T]:
        """A future with the result or exception of the call. A cancelled call is executed; its result is discarded."""
        loop = asyncio.get_running_loop()
        future = DirectFuture[T](loop)
        self._calls.put((function, arguments, future))
        return future

    def run(self, work: Coroutine[Any, Any, T]) -> DirectFuture[T]:
        """Same as `call`, for a coroutine that is never suspended."""
        return self.call(_run_to_end, work)

    def stop(self) -> None:
        """Ends the thread after all queued calls. Blocks until then."""
        self._calls.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (item := self._calls.get()) is not None:
            function, arguments, future = item
            complete: Callable[[Any], None]
            try:
                result, complete = function(*arguments), future.set_result
            except BaseException as error:
                result, complete = error, future.set_exception
            with suppress(RuntimeError):  # the loop is closed: no task waits for the result
                future.get_loop().call_soon_threadsafe(complete, result)
            del item, future, result, complete  # a poll and its reading are not kept until the next one


def _run_to_end(work: Coroutine[Any, Any, T]) -> T:
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    work.close()
    raise RuntimeError(f"{work!r} was suspended in a thread without an event loop")
