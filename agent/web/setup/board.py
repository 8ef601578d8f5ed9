"""A version that changes with what the browser shows, so that a request can wait for the next change."""

from __future__ import annotations

import asyncio
import contextlib


class Board:
    """version: of what is shown."""

    def __init__(self) -> None:
        self.version = 1
        self._loop: asyncio.AbstractEventLoop | None = None
        self._event = asyncio.Event()

    def changed(self) -> None:
        """Wakes the requests that wait; from any thread."""
        self.version += 1
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the server has ended
                self._loop.call_soon_threadsafe(self._wake)

    async def next_version(self, seen: int, longest_s: float) -> None:
        """Returns when the version is another one than `seen`, at the latest after `longest_s`."""
        self._loop = asyncio.get_running_loop()
        if self.version == seen:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._event.wait(), longest_s)

    def _wake(self) -> None:
        self._event.set()
        self._event = asyncio.Event()
