"""One sink's view of the spool: live rows as they are committed, the backlog behind them, and what it has in hand.

The sink's thread takes, confirms, refuses and gives back; the writer's thread puts. A row that was taken stays in the
spool until it is confirmed. What was not taken within FRESH_S of its making is backlog: nobody's live view jumps back.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

from agent.store.row import Row

FRESH_S = 1.0
LIVE_MAX = 2000
CHUNK = 200


class Spool(Protocol):
    """What a drain needs of the store."""

    def read(self, bit: int, above: int, below: int, limit: int) -> tuple[list[Row], bool]: ...

    def confirm(self, bit: int, numbers: list[int]) -> None: ...

    def refuse(self, bit: int, n: int, reason: str) -> None: ...


class Drain:
    """Thread-safe. `wake` is called (in the writer's thread, without a lock) when rows came; it must not wait."""

    def __init__(self, spool: Spool, bit: int, name: str, newest: int) -> None:
        self.name, self.bit = name, bit
        self.wake: Callable[[], None] = _nothing
        self._spool, self._newest = spool, newest
        self._live: deque[Row] = deque()
        self._buffer: deque[Row] = deque()  # backlog read ahead
        self._cursor = 0  # the backlog was read up to here
        self._behind = newest > 0
        self._out: set[int] = set()
        self._done: set[int] = set()  # confirmed, not yet gone from the file
        self._lock = threading.Lock()

    @property
    def behind(self) -> bool:
        """Whether there is, or may be, a backlog."""
        return self._behind

    @property
    def in_hand(self) -> int:
        return len(self._out)

    def take_live(self, limit: int) -> list[Row]:
        """The oldest fresh rows, in order."""
        if not self._live:
            return []
        oldest_ns = time.monotonic_ns() - round(FRESH_S * 1e9)
        with self._lock:
            while self._live and self._live[0].put_ns < oldest_ns:
                self._leave_behind()
            taken = [self._live.popleft() for _ in range(min(limit, len(self._live)))]
            self._out.update(row.n for row in taken)
        return taken

    def take_backlog(self, limit: int) -> list[Row]:
        """The oldest rows that are no longer fresh, in order. Empty: there are none (now)."""
        if not self._behind or limit < 1:
            return []
        if not self._buffer:
            self._read()
        with self._lock:
            taken = [self._buffer.popleft() for _ in range(min(limit, len(self._buffer)))]
            self._out.update(row.n for row in taken)
        return taken

    def confirm(self, numbers: Iterable[int]) -> None:
        """The far side has them for good."""
        gone = list(numbers)
        with self._lock:
            self._out.difference_update(gone)
            self._done.update(gone)
        self._spool.confirm(self.bit, gone)

    def refuse(self, n: int, reason: str) -> None:
        """The far side will never take it: it is set aside and counted."""
        with self._lock:
            self._out.discard(n)
            self._done.add(n)
        self._spool.refuse(self.bit, n, reason)

    def give_back(self) -> None:
        """The connection is gone: what was taken and not confirmed will be taken again."""
        with self._lock:
            low = min([*self._out, *(row.n for row in self._buffer)], default=None)
            self._out.clear()
            self._buffer.clear()
            if low is not None:
                self._cursor = min(self._cursor, low - 1) if self._behind else low - 1
                self._behind = True

    def put(self, rows: list[Row]) -> None:
        """Committed rows, in order."""
        with self._lock:
            self._live.extend(rows)
            self._newest = rows[-1].n
            while len(self._live) > LIVE_MAX:
                self._leave_behind()
        self.wake()

    def settle(self, numbers: Iterable[int]) -> None:
        """They are gone from the file."""
        with self._lock:
            self._done.difference_update(numbers)

    def taken(self) -> set[int]:
        with self._lock:
            return set(self._out)

    def reread(self) -> None:
        """What was read ahead or waits as fresh has changed in the file: it is read again."""
        with self._lock:
            while self._live:
                self._leave_behind()
            if self._buffer:
                self._cursor = min(self._cursor, self._buffer[0].n - 1)
                self._buffer.clear()

    def _leave_behind(self) -> None:
        row = self._live.popleft()
        if not self._behind:
            self._cursor, self._behind = row.n - 1, True

    def _read(self) -> None:
        with self._lock:
            above = self._cursor
            below = self._live[0].n if self._live else self._newest + 1
        rows, whole = self._spool.read(self.bit, above, below, CHUNK)
        with self._lock:
            if self._cursor != above:
                return  # given back meanwhile
            if not rows and whole:
                self._behind = below != (self._live[0].n if self._live else self._newest + 1)
                return
            if whole:  # else what the file holds there is still to come
                self._cursor = rows[-1].n
            self._buffer.extend(row for row in rows if row.n not in self._out and row.n not in self._done)


def _nothing() -> None:
    pass
