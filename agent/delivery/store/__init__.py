"""State that outlives the process: one SQLite file (WAL, synchronous FULL) with one writer thread.

spool: rows that a durable sink did not confirm in time, deleted when all of them have.
counters: integers, those of a row committed in one transaction before the row is sent.
note: small JSON objects by kind and name, such as commissioning results and unsupported registers.
interval, ledger: energies and records that savings are computed from.
history: measured values, aggregated. gaps: number and time span of all rows that were dropped.

`Store` opens the file; `SinkCursor` gives one sink its view of the spool.
"""

from agent.core.state_directory import default_directory
from agent.delivery.store.counters import write_counters
from agent.delivery.store.cursor import SinkCursor
from agent.delivery.store.database_file import StoreError
from agent.delivery.store.row import StoredRow
from agent.delivery.store.store import Store

__all__ = ["SinkCursor", "Store", "StoreError", "StoredRow", "default_directory", "write_counters"]
