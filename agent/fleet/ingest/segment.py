"""A closed segment of received messages as files of the lake.

`python -m agent.fleet.ingest.segment SEGMENT LAKE DAY` prints a SegmentReport. DAY: the present UTC day. A segment is
deleted last: an interrupted conversion is repeated and writes the same files.
"""

from __future__ import annotations

import fcntl
import hashlib
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from agent import VERSION
from agent.core.messages import SCHEMA_VERSION
from agent.delivery.files.lake.columns import RowMessage, table_of, united
from agent.delivery.files.lake.parts import Origin, folder_of, is_id, without_cycle_search, write
from agent.delivery.files.lake.rows import DAY_MS, ROWS_AT_ONCE, day_of
from agent.fleet.ingest.compaction import compact, writing
from agent.fleet.ingest.part_files import write_rows
from agent.fleet.ingest.topics import CHECKPOINT, DEFAULT, KINDS, TopicPlace

REJECTED = "rejected.ndjson"
LAST_MS = 253_402_300_799_999  # end of the year 9999, the last day that a folder can have
REJECTED_BYTES = 100_000_000  # of the file of rejected lines; later ones are counted only
_PLACE = ("site", "gateway", "day")  # columns for sorting, not written
_SCHEMA = re.compile(r"magwatt\.([a-z0-9]+)/(\d{1,3})")
Identity = tuple[str, str, str, int]  # site, gateway, id, time


class _Schema(Struct):
    s: str


class SegmentReport(Struct):
    """What was in a segment.

    rows: messages that were written. repeated: of these messages others that arrived more than once.
    rejected: lines that are no message of this version. files: that were written.
    versions: of the rejected lines those that are messages of another version: schema → number.
    """

    rows: int = 0
    repeated: int = 0
    rejected: int = 0
    files: int = 0
    versions: dict[str, int] = msgspec.field(default_factory=dict)

    def add(self, other: SegmentReport) -> None:
        self.rows += other.rows
        self.repeated += other.repeated
        self.rejected += other.rejected
        self.files += other.files
        for schema, number in other.versions.items():
            self.versions[schema] = self.versions.get(schema, 0) + number


class SegmentTables:
    """Collects the rows of a segment: one table for each kind."""

    def __init__(self) -> None:
        self._tables: dict[str, list[pa.Table]] = defaultdict(list)
        self._known: dict[str, set[Identity]] = defaultdict(set)
        self.report = SegmentReport()

    def add(self, found: Iterable[tuple[TopicPlace, RowMessage]]) -> None:
        groups: dict[str, list[tuple[TopicPlace, RowMessage]]] = defaultdict(list)
        for place, row in found:
            known, identity = self._known[place.kind], (place.site, place.gateway, row.id, row.t)
            if identity in known:
                self.report.repeated += 1
                continue
            known.add(identity)
            groups[place.kind].append((place, row))
        for kind, rows in groups.items():
            table = table_of(kind, [row for _, row in rows])
            keys = {
                "site": pa.array([place.site for place, _ in rows], pa.string()),
                "gateway": pa.array([place.gateway for place, _ in rows], pa.string()),
                "day": pa.array([row.t // DAY_MS for _, row in rows], pa.int64()),
            }
            for name, column in keys.items():
                table = table.append_column(name, column)
            self._tables[kind].append(table)
            self.report.rows += len(rows)

    def write(self, lake: Path) -> set[Path]:
        """Writes a file for each kind, gateway and day; returns their folders. Raises OSError."""
        folders = set()
        for kind, tables in self._tables.items():
            for place, part in _parts(united(tables)):
                origin = Origin(place[0], place[1], VERSION)
                folder = folder_of(lake, kind, origin, day=day_of(place[2] * DAY_MS))
                self.report.files += len(write_rows(folder, part, origin))
                folders.add(folder)
        return folders


def convert_segment(source: Path, lake: Path, today: str) -> SegmentReport:
    """Raises OSError, ArrowException."""
    tables, rejected, decoded = SegmentTables(), list[bytes](), SegmentDecoder(lake)
    tables.report.versions = decoded.versions
    try:
        lines = source.open("rb")
    except FileNotFoundError:
        return tables.report
    with lines, without_cycle_search():
        fcntl.flock(lines, fcntl.LOCK_EX)  # the worker that was killed may have left a process that converts it
        if not source.exists():
            return tables.report
        while block := list(islice(lines, ROWS_AT_ONCE)):
            tables.add(decoded(block, rejected))
        tables.report.rejected = len(rejected)
        lake.mkdir(parents=True, exist_ok=True)
        with writing(lake):
            folders = tables.write(lake)
        _keep(source.parent / REJECTED, rejected)
        source.unlink()
    compact(lake, folders, today)
    return tables.report


class SegmentDecoder:
    """Lines of a segment as messages with their places. versions: of messages of another version, with their number."""

    def __init__(self, lake: Path) -> None:
        self._lake, self._decoder = lake, msgspec.json.Decoder(RowMessage)
        self._places: dict[tuple[str, str], TopicPlace | None] = {}  # by topic and schema; None: is not stored
        self.versions: dict[str, int] = {}

    def __call__(self, lines: list[bytes], rejected: list[bytes]) -> Iterator[tuple[TopicPlace, RowMessage]]:
        """Writes checkpoints to files. rejected: receives the lines that are neither. Raises OSError."""
        for line in lines:
            try:
                row = self._decoder.decode(line)
                key = row.topic, row.s
                place = self._places[key] if key in self._places else self._place(*key)
                if place is None or not is_id(row.id) or not 0 <= row.t <= LAST_MS:
                    raise ValueError(row.s)
            except (msgspec.MsgspecError, ValueError):
                if not _is_checkpoint(line, self._lake):
                    rejected.append(line)
                    self._count_version(line)
                continue
            row.asset = place.asset
            yield place, row

    def _count_version(self, line: bytes) -> None:
        """A message of another version can have another structure: only its schema is read."""
        try:
            schema = msgspec.json.decode(line, type=_Schema).s
        except msgspec.MsgspecError:
            return
        if (found := _SCHEMA.fullmatch(schema)) and found[1] in KINDS and found[2] != str(SCHEMA_VERSION):
            self.versions[schema] = self.versions.get(schema, 0) + 1

    def _place(self, topic: str, schema: str) -> TopicPlace | None:
        place = DEFAULT.place_of(topic)
        if place is not None and schema != f"magwatt.{place.kind}/{SCHEMA_VERSION}":
            place = None
        self._places[topic, schema] = place
        return place


def _is_checkpoint(line: bytes, lake: Path) -> bool:
    """Writes a published checkpoint of a ledger to a separate file; False: the line is none."""
    try:
        body = msgspec.json.decode(line)
        place = DEFAULT.place_of(body.pop("topic"))
        if place is None or place.kind != CHECKPOINT:
            return False
        seq, text = int(body["seq"]), msgspec.json.encode(body).decode()
    except (msgspec.DecodeError, KeyError, TypeError, ValueError, AttributeError):
        return False
    name = f"checkpoint-{seq}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.parquet"
    origin = Origin(place.site, place.gateway, VERSION)
    schema = pa.schema([("seq", pa.int64()), ("line", pa.string())])
    write(folder_of(lake, CHECKPOINT, origin) / name, pa.table([[seq], [text]], schema=schema), origin)
    return True


def _parts(table: pa.Table) -> Iterator[tuple[tuple[str, str, int], pa.Table]]:
    """The rows of each gateway and day, without columns that are empty there."""
    keys = pa.table({name: table[name] for name in _PLACE})
    order = pc.sort_indices(keys, sort_keys=[(name, "ascending") for name in _PLACE])
    table = table.take(order).combine_chunks()
    places = list(zip(*(table[name].to_pylist() for name in _PLACE), strict=True))
    table, begin = table.drop_columns(list(_PLACE)), 0
    for end in range(1, len(places) + 1):
        if end == len(places) or places[end] != places[begin]:
            part = table.slice(begin, end - begin)
            empty = [name for name in part.column_names if part[name].null_count == part.num_rows and name != "asset"]
            yield places[begin], part.drop_columns(empty)
            begin = end


def _keep(path: Path, rejected: list[bytes]) -> None:
    if rejected and (not path.exists() or path.stat().st_size < REJECTED_BYTES):
        with path.open("ab") as lines:
            lines.write(b"".join(rejected))


if __name__ == "__main__":
    try:
        print(msgspec.json.encode(convert_segment(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])).decode())
    except (OSError, pa.ArrowException) as problem:
        sys.exit(f"{problem}")
