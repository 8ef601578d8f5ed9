"""A state file with waiting rows, damage of its bytes, and what becomes of each row afterwards."""

from __future__ import annotations

import random
import shutil
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

from msgspec import Struct, field, json
from support.basics import HandClock
from support.store import small

from agent.delivery.store import Store, StoreError
from agent.delivery.store.data_gaps import DataGap
from agent.delivery.store.database_file import NAME

RUNS = 3
PAGE = 4096


class WaitingRow(Struct, frozen=True):
    t_ms: int
    kind: str
    payload: bytes


class Outcome(Struct):
    """What became of the rows.

    delivered: sink → id → row as delivered.
    gaps: announced to the subscribers.
    rejected: the file is reported as a whole and left as it is.
    spool_rows: rows that the store still reports as waiting.
    """

    delivered: dict[str, dict[str, WaitingRow]]
    gaps: list[DataGap] = field(default_factory=list)
    rejected: bool = False
    spool_rows: int = 0

    def unannounced(self, rows: dict[str, WaitingRow]) -> list[str]:
        """Ids of rows that a sink did not receive and that no gap announces, by time span and number."""
        found: list[str] = []
        unknown = any(gap.rows is None for gap in self.gaps)
        counted = sum(gap.rows or 0 for gap in self.gaps)
        for came in self.delivered.values():
            missing = [row_id for row_id in rows if row_id not in came]
            found += [row_id for row_id in missing if not any(_covers(gap, rows[row_id]) for gap in self.gaps)]
            if len(missing) > counted and not unknown:
                found += missing[counted:]
        return [] if self.rejected else found

    def changed(self, rows: dict[str, WaitingRow]) -> list[str]:
        """Ids that were delivered and did not wait, or with another content."""
        return [row_id for came in self.delivered.values() for row_id, row in came.items() if rows.get(row_id) != row]


def _covers(gap: DataGap, row: WaitingRow) -> bool:
    return gap.kind in ("*", row.kind) and gap.from_ms <= row.t_ms <= gap.to_ms


def write_waiting_rows(
    directory: Path, clock: HandClock, sinks: Sequence[str], count: int, end: str = "stopped"
) -> dict[str, WaitingRow]:
    """Makes a state file of three runs, with some rows delivered; returns the waiting ones by id.

    end: of the last run: stopped, killed, or killed after a checkpoint, so that its WAL repeats older pages.
    """
    chance, found = random.Random(count), dict[str, WaitingRow]()
    for run in range(RUNS):
        store = Store(directory, clock, small())
        cursors = store.sink_cursors(sinks)
        store.save_counters({f"energy-{number}": run for number in range(4)})
        store.save_entry("refused", f"device-{run}", "", {"absent": [run]})
        for index in range(count // RUNS):
            found |= dict([_append(store, clock, index, chance)])
            if index % 20 == 19:
                store.flush()
        if run == 1:
            delivered = [[row.n for row in cursor.fetch_backlog(count // 6)] for cursor in cursors.values()]
            for cursor, numbers in zip(cursors.values(), delivered, strict=True):
                cursor.confirm(numbers)
            for row_id in list(found)[: len(delivered[0])]:
                del found[row_id]
        store.flush()
        if run == RUNS - 1 and end != "stopped":
            _copy_as_killed(directory, end)
        store.close()
    if end != "stopped":
        shutil.rmtree(directory)
        directory.with_name(f"{directory.name}-killed").rename(directory)
    (directory / "reserve").unlink()
    clock.move(60)
    return found


def _append(store: Store, clock: HandClock, index: int, chance: random.Random) -> tuple[str, WaitingRow]:
    clock.move(1)
    kind = "event" if index % 10 == 0 else "telemetry"
    size = 5000 if index % 45 == 44 else chance.randrange(50, 500)  # one row in 45 needs overflow pages
    row = store.append("pump", kind, clock.utc_ns() // 1_000_000, partial(_message, index, size))
    return row.id, WaitingRow(row.t_ms, kind, row.payload)


def _message(index: int, size: int, row_id: str) -> bytes:
    return json.encode({"id": row_id, "v": {"active_power_w": index, "pad": "p" * size}})


def _copy_as_killed(directory: Path, end: str) -> None:
    if end == "checkpointed":
        with closing(sqlite3.connect(directory / NAME)) as db:
            db.execute("pragma wal_checkpoint(passive)").fetchall()
    shutil.copytree(directory, directory.with_name(f"{directory.name}-killed"))


def flip(content: bytearray, chance: random.Random) -> None:
    """Inverts one bit: anywhere, in the header of a page, or in its records, which start at its end."""
    at = chance.randrange(len(content))
    if chance.random() < 0.3:
        at = min(at // PAGE * PAGE + chance.randrange(64), len(content) - 1)
    content[at] ^= 1 << chance.randrange(8)


def damage_page(content: bytearray, chance: random.Random) -> None:
    """Clears a page, overwrites it, or cuts the file off."""
    at = chance.randrange(len(content))
    page = slice(at // PAGE * PAGE, at // PAGE * PAGE + PAGE)
    match chance.randrange(3):
        case 0:
            content[page] = bytes(len(content[page]))
        case 1:
            content[page] = chance.randbytes(len(content[page]))
        case _:
            del content[at:]


def drain(directory: Path, clock: HandClock, sinks: Sequence[str]) -> Outcome:
    """Opens the file as the agent does, delivers all rows and announces the gaps."""
    outcome = Outcome({sink: {} for sink in sinks})
    try:
        store = Store(directory, clock, small())
    except StoreError:
        return Outcome(outcome.delivered, rejected=True)
    cursors = store.sink_cursors(sinks)
    for _ in range(3):  # damage found while rows are read replaces the file
        for name, cursor in cursors.items():
            while rows := cursor.fetch_backlog(100):
                outcome.delivered[name] |= {row.id: WaitingRow(row.t_ms, row.kind, row.payload) for row in rows}
                cursor.confirm([row.n for row in rows])
        for thread in threading.enumerate():
            if thread.name == "state file check":
                thread.join()
        with suppress(StoreError):
            store.flush()
    outcome.gaps = store.fetch_gaps()
    store.counters()
    store.entries("refused")
    outcome.spool_rows = int(store.figures()["spool_rows"])
    store.close()
    return outcome
