"""What must outlive the process: one SQLite file (WAL, synchronous FULL), one writer thread.

spool: every row is appended before any sink sees it, and is gone when every durable sink has confirmed it.
counters: whole numbers, committed in one transaction with the row that first shows them.
notes: small JSON texts by kind and name (what was learnt, self-checks, holds).
interval, ledger: what savings stand on.
history: rollups of what was measured. gaps: every row that was dropped, by number and time.

`Store` opens it all; `Drain` is one sink's view of the spool.
"""

from agent.store.drain import Drain
from agent.store.file import StoreError, default_directory
from agent.store.row import Row
from agent.store.store import Store

__all__ = ["Drain", "Row", "Store", "StoreError", "default_directory"]
