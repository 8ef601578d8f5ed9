"""The non-routine events of the state file as files of the lake: those that await a decision are in no record.

A file has all events of a gateway at a time; the newest one counts. Decisions are valid as the ledger records them.
"""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

import pyarrow as pa

from agent.delivery.files.lake.columns import TEXT
from agent.delivery.files.lake.parts import Origin, folder_of, write
from agent.delivery.files.lake.records import Place, identity_of

DATASET = "nonroutine"
SCHEMA = pa.schema([("name", TEXT), ("event", pa.string())])
_QUERY = "select name, body from note where kind = 'savings-event' order by name"


def export_events(db: sqlite3.Connection, lake: Path, origin: Origin, place: Place, newest: str) -> str:
    """Writes the events unless they are those exported last; returns their hash.

    place: newest record of the ledger. newest: hash of those exported last; empty: none. Raises OSError, sqlite3.Error.
    """
    found = db.execute(_QUERY).fetchall()
    digest = hashlib.sha256(repr(found).encode()).hexdigest()[:16]
    if digest == newest or not (found or newest) or not place.seq:
        return newest
    names, events = [name for name, _ in found], [event for _, event in found]
    table = pa.table([pa.array(names, pa.string()).dictionary_encode(), pa.array(events, pa.string())], schema=SCHEMA)
    folder = folder_of(lake, DATASET, origin, ledger=identity_of(db))
    write(folder / f"events-{place.restores}-{place.seq}-{digest[:8]}.parquet", table, origin)
    return digest
