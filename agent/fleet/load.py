"""Rows of a lake into PostgreSQL: each file once, each row once, in any order and as often as wanted.

A file that was loaded is not read again. One that was merged from loaded ones is: its rows are there already.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

import duckdb
from msgspec import Struct

from agent.core.metrics import by_name
from agent.fleet.database import FRAME, FleetDatabase, coded_errors
from agent.fleet.lake import IDENTITY, MESSAGE, Lake, LakeError, Relation, quoted
from agent.fleet.lake_files import LakeFile

KINDS = ("telemetry", "pq3s", "pq10m", "savings", "event", "health")
AVERAGED = ("telemetry", "pq3s")  # kinds of which means can be loaded instead of each row
OF_MOTORS = ("telemetry", "pq3s", "pq10m", "savings")  # kinds without rows of the gateway itself
BATCH_BYTES = 20_000_000  # of files in one transaction
ROWS_AT_ONCE = 5000  # of one piece of COPY
_NOT_METRICS = ("v", "day", "t", "m", "f", "r", *FRAME)
_TYPES = {"FLOAT": "real", "DOUBLE": "double precision", "BIGINT": "double precision", "VARCHAR": "text"}
_DUCKDB = {"real": "float", "double precision": "double", "text": "varchar"}


class LoadReport(Struct):
    """files: that were read. rows: in them, or means of them. inserted: of these, those that were not there yet."""

    files: int = 0
    rows: int = 0
    inserted: int = 0


def load(lake: Lake, address: str, *, since: str = "", mean_s: int = 0) -> LoadReport:
    """Loads what is new. What is wrong with the lake is in its findings.

    address: of the database, postgresql://…. since: first UTC day, 2026-10-01; "": all days.
    mean_s: seconds over which means of the kinds AVERAGED are loaded, a part of a day; 0: each row.
    Raises LakeError, DatabaseError.
    """
    report, database = LoadReport(), FleetDatabase(address)
    try:
        with coded_errors():
            _load(lake, database, since, mean_s, report)
    finally:
        database.close()
    return report


class _Batch(Struct, frozen=True):
    kind: str
    day: str
    mean_s: int


def _load(lake: Lake, database: FleetDatabase, since: str, mean_s: int, report: LoadReport) -> None:
    for kind in KINDS:
        database.columns(kind)  # that the table is there, before anything is written
    database.check_mean(AVERAGED, mean_s)
    empty = list[LakeError]()
    for kind in KINDS:
        try:
            files = lake.files(kind, lambda day: day >= since)
        except LakeError as error:
            empty.append(error)
            continue
        files.sort(key=lambda file: file.partition)
        for day, of_day in groupby(files, lambda file: file.partition):
            place, present = _Batch(kind, day, mean_s if kind in AVERAGED else 0), list(of_day)
            loaded = database.loaded(kind, day)
            for batch in _batches(_to_read(lake, present, loaded, place.mean_s)):
                _load_batch(lake, database, place, batch, report)
            database.set_merged(kind, day, {path for path, _ in loaded} - {_entry(lake, file)[0] for file in present})
    if len(empty) == len(KINDS):
        raise empty[0]


def _entry(lake: Lake, file: LakeFile) -> tuple[str, int]:
    return str(file.path.relative_to(lake.path)), file.size


def _to_read(
    lake: Lake, present: Sequence[LakeFile], loaded: set[tuple[str, int]], mean_s: int
) -> Iterator[list[LakeFile]]:  # fmt: skip
    """Files to be read, by gateway. For means all files of the day of a gateway that has a new one."""
    gateways: dict[tuple[str, str], list[LakeFile]] = defaultdict(list)
    for file in present:
        gateways[file.site, file.gateway].append(file)
    for files in gateways.values():
        new = [file for file in files if _entry(lake, file) not in loaded]
        if new:
            yield files if mean_s else new


def _batches(gateways: Iterable[Sequence[LakeFile]]) -> Iterator[list[LakeFile]]:
    """The files of one or more gateways, of about BATCH_BYTES."""
    batch, size = list[LakeFile](), 0
    for files in gateways:
        batch += files
        size += sum(file.size for file in files)
        if size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _load_batch(
    lake: Lake, database: FleetDatabase, place: _Batch, files: Sequence[LakeFile], report: LoadReport
) -> None:  # fmt: skip
    """Files that turn out to be damaged are findings; the others are read again."""
    while files:
        try:
            found = lake.columns(files)
            known = database.columns(place.kind)
            metrics = {
                name: kind
                for name, kind in found.items()
                if kind in _TYPES and name not in _NOT_METRICS and (name in known or _is_metric(place.kind, name))
            }
            database.add_columns(place.kind, {name: _TYPES[kind] for name, kind in metrics.items()})
            present = database.columns(place.kind)
            values = {name: _DUCKDB[present[name]] for name in metrics if present[name] in _DUCKDB}
            with database.transaction():
                batches = lake.batches(_query(files, place, metrics, values), ROWS_AT_ONCE)
                columns = (*FRAME, *values)
                rows, inserted = database.insert(place.kind, columns, batches, replace=bool(place.mean_s))
                database.set_loaded(place.kind, place.day, [_entry(lake, file) for file in files], place.mean_s)
        except duckdb.Error as error:
            files = lake.readable(files, error)
            continue
        report.files += len(files)
        report.rows += rows
        report.inserted += inserted
        return


def _is_metric(kind: str, name: str) -> bool:
    """Whether the metrics table names it. Counters of one bus and signals would become thousands of columns: they are
    loaded into columns that the table has."""
    return name in by_name(kind) or (name.endswith("_u") and name[:-2] in by_name(kind))


def _query(
    files: Sequence[LakeFile], place: _Batch, metrics: Mapping[str, str], values: Mapping[str, str]
) -> str:  # fmt: skip
    """Rows with the columns FRAME and `values`: name → type of the table.

    metrics: name → type in the files. A text where the table has a number becomes null.
    """
    relation = Relation({**MESSAGE, **metrics}, IDENTITY)
    wanted = " where asset is not null" if place.kind in OF_MOTORS else ""
    casts = ", ".join(f"try_cast({quoted(name)} as {kind}) as {quoted(name)}" for name, kind in values.items())
    rows = f"select t as time, site, gateway, asset, id, q, {casts} from {relation.text(files)}{wanted}"
    return _means(rows, values, place.mean_s) if place.mean_s else rows


def _means(rows: str, values: Mapping[str, str], mean_s: int) -> str:
    """32-bit numbers are averaged; of counters, settings and texts the last ones are taken.

    The id is that of the last row and the number of rows, so that it changes with the content.
    """
    columns = ", ".join((
        f"to_timestamp(epoch_ms(time) // {1000 * mean_s} * {mean_s}) as start", "site", "gateway", "asset",
        "arg_max(id, time) || '/' || count(*)",
        "case when bool_and(q = 'good') then 'good' when bool_and(q = 'bad') then 'bad' else 'uncertain' end",
        *(f"avg({quoted(name)})" if kind == "float" else f"arg_max({quoted(name)}, time)"
          for name, kind in values.items()),
    ))  # fmt: skip
    return f"select {columns} from ({rows}) group by start, site, gateway, asset"
