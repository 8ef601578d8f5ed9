"""Closed NDJSON files of the sink as files of the lake: one dataset for each kind of message, partitioned by day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from agent.delivery.files.lake.columns import RowMessage, table_of, united
from agent.delivery.files.lake.parts import Origin, folder_of, name_of, without_cycle_search, write

ROWS_AT_ONCE = 5000  # messages that are in memory as objects
DAY_MS = 86_400_000
Place = tuple[str, int]  # kind of message, UTC day since 1970


class RowTables:
    """Collects messages of one gateway as tables, one for each kind and day.

    Each row is there once. Rows with one id and different times are those of two gateways with one name.
    """

    def __init__(self) -> None:
        self._tables: dict[Place, list[pa.Table]] = defaultdict(list)
        self._known: dict[Place, set[tuple[str, int]]] = defaultdict(set)

    def add(self, rows: Iterable[tuple[str, RowMessage]]) -> int:
        """Adds messages with their kinds; returns how many were not new."""
        groups: dict[Place, list[RowMessage]] = defaultdict(list)
        repeated = 0
        for kind, row in rows:
            place = kind, row.t // DAY_MS
            known, identity = self._known[place], (row.id, row.t)
            if identity in known:
                repeated += 1
                continue
            known.add(identity)
            groups[place].append(row)
        for place, found in groups.items():
            self._tables[place].append(table_of(place[0], found))
        return repeated

    def write(self, lake: Path, origin: Origin) -> list[Path]:
        """Writes one file for each kind and day, sorted by asset and time. Raises OSError."""
        written = []
        for (kind, day), tables in sorted(self._tables.items()):
            table, folder = in_order(united(tables)), folder_of(lake, kind, origin, day=day_of(day * DAY_MS))
            written.append(write(folder / name_of(table["id"]), table, origin))
        return written


def convert(source: Path, root: str, lake: Path, origin: Origin) -> list[Path]:
    """Returns the new files. The source is deleted last: an interrupted conversion writes the same files again.

    root: topic of the gateway. Raises OSError, ValueError.
    """
    tables, decoder = RowTables(), msgspec.json.Decoder(RowMessage)
    with source.open("rb") as lines, without_cycle_search():
        while block := list(islice(lines, ROWS_AT_ONCE)):
            tables.add(_placed(map(decoder.decode, block), f"{root}/"))
    written = tables.write(lake, origin)
    source.unlink()
    return written


def in_order(table: pa.Table) -> pa.Table:
    """Sorted by asset and time: similar rows are next to each other, and a reader skips other assets."""
    keys = pa.table({"asset": table["asset"].cast(pa.string()), "t": table["t"]})  # a dictionary has no order
    return table.take(pc.sort_indices(keys, sort_keys=[("asset", "ascending"), ("t", "ascending")]))


def day_of(t_ms: int) -> str:
    """The UTC day of a time, 2026-10-01."""
    return datetime.fromtimestamp(t_ms / 1000, UTC).strftime("%Y-%m-%d")


def _placed(rows: Iterable[RowMessage], prefix: str) -> Iterator[tuple[str, RowMessage]]:
    places: dict[str, tuple[str | None, str]] = {}
    for row in rows:
        if (place := places.get(row.topic)) is None:
            asset, _, kind = row.topic.removeprefix(prefix).rpartition("/")
            place = places[row.topic] = asset or None, kind
        row.asset, kind = place
        yield kind, row
