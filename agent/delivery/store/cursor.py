"""One sink's view of the spool: live rows as they are released, older rows as backlog, and unconfirmed rows.

The thread of the sink fetches, confirms, rejects and returns rows; the writer adds them. A row that was fetched stays
in memory or in the file until it is confirmed. A row that was not fetched within FRESH_S of its creation is backlog, so
that the time of live data never goes backwards.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable

from agent.delivery.store.row import StoredRow
from drivers.reasons import Reason

FRESH_S = 1.0
LIVE_MAX = 2000
CHUNK = 200


Read = Callable[[int, int, int, int], tuple[list[StoredRow], bool]]  # as Store.read


class SinkCursor:
    """Thread-safe.

    read, confirm, reject: the functions of the store and its writer.
    newest: number of the last row before this run.
    hold_s: longest time for which a row waits in the store before it is added.

    has_backlog: whether there may be a backlog.
    wake: called without a lock, in the thread of the writer, when there are new rows; it must not block.
    """

    def __init__(
        self, bit: int, name: str, newest: int, read: Read, confirm: Callable[[int, list[int]], list[int]],
        reject: Callable[[int, Reason], None], hold_s: float = 0.0,
    ) -> None:  # fmt: skip
        self.name, self.bit = name, bit
        self.wake: Callable[[], None] = lambda: None
        self._newest, self._read_spool, self._confirm, self._reject = newest, read, confirm, reject
        self._hold_s = hold_s
        self._live: deque[StoredRow] = deque()
        self._buffer: deque[StoredRow] = deque()  # backlog rows read in advance
        self._read_up_to = 0  # the backlog was read up to this row
        self.has_backlog = newest > 0
        self._unconfirmed: set[int] = set()
        self._confirmed: set[int] = set()  # not yet deleted from the file
        self._lock = threading.Lock()

    def fetch_live(self, limit: int) -> list[StoredRow]:
        """The oldest live rows, in order."""
        if not self._live:
            return []
        oldest_ns = time.monotonic_ns() - round((FRESH_S + self._hold_s) * 1e9)
        with self._lock:
            while self._live and self._live[0].put_ns < oldest_ns:
                self._move_to_backlog()
            return self._fetch(self._live, limit)

    def fetch_backlog(self, limit: int) -> list[StoredRow]:
        """The oldest backlog rows, in order. Empty: there are none, or they cannot be read now."""
        if not self.has_backlog or limit < 1:
            return []
        if not self._buffer:
            self._read()
        with self._lock:
            return self._fetch(self._buffer, limit)

    def confirm(self, numbers: Iterable[int]) -> None:
        """Records that the destination has stored these rows."""
        stored = list(numbers)
        with self._lock:
            self._unconfirmed.difference_update(stored)
            self._confirmed.update(stored)
        in_file = self._confirm(self.bit, stored)
        if len(in_file) < len(stored):  # the others were in memory only
            self.forget(set(stored).difference(in_file))

    def reject(self, n: int, reason: Reason) -> None:
        """Moves a row that the destination will never accept out of the spool, and counts it."""
        with self._lock:
            self._unconfirmed.discard(n)
            self._confirmed.add(n)
        self._reject(n, reason)

    def return_unconfirmed(self) -> None:
        """Returns the unconfirmed rows after the end of a connection; they are fetched again."""
        with self._lock:
            low = min([*self._unconfirmed, *(row.n for row in self._buffer)], default=None)
            self._unconfirmed.clear()
            self._buffer.clear()
            if low is not None:
                self._read_up_to = min(self._read_up_to, low - 1) if self.has_backlog else low - 1
                self.has_backlog = True

    def add(self, rows: list[StoredRow]) -> None:
        """Adds new rows, in order. The caller then calls `wake`."""
        with self._lock:
            self._live.extend(rows)
            self._newest = rows[-1].n
            while len(self._live) > LIVE_MAX:
                self._move_to_backlog()

    def forget(self, numbers: Iterable[int]) -> None:
        """Discards these rows, because they are not in the file, or not any more."""
        with self._lock:
            self._confirmed.difference_update(numbers)

    def unconfirmed(self) -> set[int]:
        """Numbers of the rows fetched and not confirmed."""
        with self._lock:
            return set(self._unconfirmed)

    def reread(self) -> None:
        """Rows read in advance or waiting as live rows have changed in the file: they will be read again."""
        with self._lock:
            while self._live:
                self._move_to_backlog()
            if self._buffer:
                self._read_up_to = min(self._read_up_to, self._buffer[0].n - 1)
                self._buffer.clear()

    def restart(self) -> None:
        """The file was replaced: rows that its damage hid may follow any row."""
        with self._lock:
            self._buffer.clear()
            self._read_up_to, self.has_backlog = 0, True

    def _fetch(self, queue: deque[StoredRow], limit: int) -> list[StoredRow]:
        rows = [queue.popleft() for _ in range(min(limit, len(queue)))]
        self._unconfirmed.update(row.n for row in rows)
        return rows

    def _move_to_backlog(self) -> None:
        row = self._live.popleft()
        if not self.has_backlog:
            self._read_up_to, self.has_backlog = row.n - 1, True

    def _read(self) -> None:
        with self._lock:
            above, below = self._read_up_to, self._end_of_backlog
        rows, complete = self._read_spool(self.bit, above, below, CHUNK)
        with self._lock:
            if self._read_up_to != above:
                return  # `return_unconfirmed` was called meanwhile
            if not rows and complete:
                self.has_backlog = below != self._end_of_backlog
                return
            if complete:  # otherwise rows of the file are still to be read
                self._read_up_to = rows[-1].n
            self._buffer.extend(row for row in rows if row.n not in self._unconfirmed and row.n not in self._confirmed)

    @property
    def _end_of_backlog(self) -> int:
        return self._live[0].n if self._live else self._newest + 1
