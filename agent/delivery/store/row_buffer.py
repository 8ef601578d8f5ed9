"""Rows in memory: appended, and neither in the file nor confirmed by all sinks. The lock of the writer protects them.

A row goes to the sinks immediately. Only a row that shows counters waits until these are committed, and later rows
follow it, so that the order is kept and no counter goes back after a kill. A row that all sinks confirm in memory is
never written.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque

from agent.delivery.store.batch import PendingRow
from agent.delivery.store.row import StoredRow, importance


class RowBuffer:
    """rows: by number, in order. sinks_mask: bits of the sinks that have to confirm them."""

    def __init__(self) -> None:
        self.rows: dict[int, PendingRow] = {}
        self.sinks_mask = 0
        self._held: deque[tuple[StoredRow, bool]] = deque()  # rows that wait, and whether they show counters

    def append(self, pending: PendingRow, shows_counters: bool) -> bool:
        """Adds a row; returns whether it can be sent now. Without sinks nothing is kept."""
        if not self.sinks_mask:
            return False
        self.rows[pending.row.n] = pending
        if shows_counters or self._held:
            self._held.append((pending.row, shows_counters))
            return False
        return True

    @property
    def held(self) -> int:
        """Number of rows that wait for a commit."""
        return len(self._held)

    def release(self, count: int) -> list[StoredRow]:
        """The first `count` rows that waited, whose counters are committed, and the next ones that show none."""
        rows = []
        while self._held and (count > 0 or not self._held[0][1]):
            rows.append(self._held.popleft()[0])
            count -= 1
        return rows

    def confirm(self, bit: int, numbers: list[int]) -> tuple[list[int], list[int]]:
        """Removes rows that all sinks confirmed. Returns the numbers that are not in memory, and the gaps that removed
        rows announced."""
        elsewhere, announced = [], []
        for n in numbers:
            pending = self.rows.get(n)
            if pending is None:
                elsewhere.append(n)
                continue
            pending.confirmed |= 1 << bit
            if pending.confirmed & self.sinks_mask == self.sinks_mask:
                del self.rows[n]
                if pending.announces_gap is not None:
                    announced.append(pending.announces_gap)
        return elsewhere, announced

    def take(self, before_ns: int | None, limit: int, rejected: set[int]) -> list[PendingRow]:
        """Removes and returns the rows to write, in order: those put before this monotonic time that do not wait for
        counters (None: all), and those that a sink rejected."""
        if before_ns is None:
            before_ns, first_held = 1 << 62, 1 << 62
        else:
            first_held = self._held[0][0].n if self._held else 1 << 62
        due = [n for n, it in self.rows.items() if n < first_held and it.row.put_ns < before_ns and n not in rejected]
        return [self.rows.pop(n) for n in sorted(rejected & self.rows.keys()) + due[:limit]]

    def put_back(self, rows: list[PendingRow]) -> None:
        """Rows that could not be written."""
        self.rows = {pending.row.n: pending for pending in rows} | self.rows

    def oldest_ns(self) -> int | None:
        """Monotonic time of the oldest row; None: there is none."""
        first = next(iter(self.rows.values()), None)
        return None if first is None else first.row.put_ns

    def waiting(self, bit: int, above: int, below: int, limit: int) -> list[StoredRow]:
        """Rows that a sink has not confirmed, above < n < below."""
        found = (
            pending.row for n, pending in self.rows.items() if above < n < below and not pending.confirmed >> bit & 1
        )
        return list(itertools.islice(found, limit))

    def drop_surplus(self, rows_max: int) -> list[StoredRow]:
        """Removes and returns the rows beyond `rows_max`, the least important and oldest first."""
        surplus = len(self.rows) - rows_max
        if surplus <= 0:
            return []
        rows = (pending.row for pending in self.rows.values())
        dropped = heapq.nsmallest(surplus, rows, lambda row: (-importance(row.kind), row.n))
        for row in dropped:
            del self.rows[row.n]
        return dropped
