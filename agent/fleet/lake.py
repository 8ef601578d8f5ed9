"""A lake as DuckDB reads it: each row once, files that cannot be read left out and named."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from agent.fleet.lake_files import LakeFile, files_of, overlapping
from agent.fleet.reasons import (
    LAKE_CHANGED,
    LAKE_EMPTY,
    LAKE_FILE_UNREADABLE,
    LAKE_MISSING,
    QUERY_FAILED,
    TIMEZONE_UNKNOWN,
)
from drivers.reasons import CodedError, Reason

MEMORY = "120MB"  # of DuckDB; more is written to a temporary folder
THREADS = 2
Gateway = tuple[str, str]  # site, name
MESSAGE = {"t": "timestamptz", "id": "varchar", "asset": "varchar", "q": "varchar"}  # columns of each kind of message
IDENTITY = ("id", "t")  # of a message


class LakeError(CodedError):
    """The lake cannot be used."""


class Lake:
    """findings: what is wrong with it, as far as it was read."""

    def __init__(self, path: Path) -> None:
        """Raises LakeError."""
        if not path.is_dir():
            raise LakeError(LAKE_MISSING, path=str(path))
        self.path, self.findings = path, list[Reason]()
        self._damaged = set[LakeFile]()
        threads = max(1, min(THREADS, len(os.sched_getaffinity(0))))
        spill = Path(tempfile.gettempdir()) / f"magwatt-lake-{os.getpid()}"  # made when it is needed, and deleted
        self._db = duckdb.connect(config={
            "threads": threads, "memory_limit": MEMORY, "temp_directory": str(spill),
            "autoinstall_known_extensions": False,  # no network
        })  # fmt: skip
        self._db.execute("set timezone = 'UTC'")

    def files(self, dataset: str, wanted: Callable[[str], bool] = lambda _: True) -> list[LakeFile]:
        """The files of a data set. wanted: whether a partition is read. Raises LakeError if it has no file at all."""
        found = self._files(dataset, wanted)
        if not found and next((self.path / dataset).rglob("*.parquet"), None) is None:
            raise LakeError(LAKE_EMPTY, path=str(self.path), dataset=dataset)
        return found

    def optional_files(self, dataset: str) -> list[LakeFile]:
        """The files of a data set; empty if there are none."""
        return self._files(dataset, lambda _: True)

    def ask(self, files: Sequence[LakeFile], query: Callable[[str], str], relation: Relation) -> list[tuple[Any, ...]]:
        """The rows of a query. query: its text, given the text of the relation. Raises LakeError.

        Files that turn out to be damaged are left out, of this query and of later ones.
        """
        files = [file for file in files if file not in self._damaged]
        if not files:
            return []
        try:
            return self._db.execute(query(relation.text(files))).fetchall()
        except duckdb.Error as error:
            readable = self.readable(files, error)
        return self.ask(readable, query, relation)

    def batches(self, query: str, rows: int) -> Iterator[Any]:
        """The rows of a query as Arrow record batches. rows: of each. Raises duckdb.Error."""
        try:
            yield from self._db.sql(query).to_arrow_reader(rows)
        except OSError as error:  # of a later batch
            raise duckdb.Error(str(error)) from None

    def columns(self, files: Sequence[LakeFile]) -> dict[str, str]:
        """The columns that files have together, with their types. Raises duckdb.Error."""
        return {name: kind for name, kind, *_ in self._db.execute(f"describe from {_read(files)}").fetchall()}

    def readable(self, files: Sequence[LakeFile], error: duckdb.Error) -> list[LakeFile]:
        """Files without the damaged ones, which are findings. error: of the query of them.

        Raises LakeError if none is damaged.
        """
        if not all(file.path.exists() for file in files):
            raise LakeError(LAKE_CHANGED, path=str(self.path)) from None
        damaged = [file for file in files if not self._is_readable(file)]
        if not damaged:
            raise LakeError(QUERY_FAILED, error=str(error)) from None
        self._damaged.update(damaged)
        self.findings += [LAKE_FILE_UNREADABLE(path=str(file.path)) for file in damaged]
        return [file for file in files if file not in self._damaged]

    def timezones(self, gateways: Iterable[Gateway]) -> dict[Gateway, str]:
        """The time zone of each gateway by its newest configuration; UTC, and a finding, if there is none."""
        found: dict[Gateway, str] = {}
        try:
            rows = self.ask(
                self.files("configuration"),
                lambda rows: f"select site, gateway, arg_max(timezone, valid_from) from {rows} group by all",
                Relation({"timezone": "varchar", "valid_from": "timestamptz"}, ("valid_from",)),
            )
            found = {(site, gateway): zone for site, gateway, zone in rows}
        except LakeError:
            pass  # every gateway has a finding
        zones = {gateway: found.get(gateway) for gateway in gateways}
        self.findings += [TIMEZONE_UNKNOWN(site=site, gateway=name) for (site, name), zone in zones.items() if not zone]
        return {gateway: zone or "UTC" for gateway, zone in zones.items()}

    def _files(self, dataset: str, wanted: Callable[[str], bool]) -> list[LakeFile]:
        """A finding that several data sets have is there once."""
        findings = list[Reason]()
        found = files_of(self.path, dataset, findings, wanted)
        self.findings[:] = dict.fromkeys([*self.findings, *findings])
        return found

    def _is_readable(self, file: LakeFile) -> bool:
        try:
            self._db.execute(f"select max(hash(columns(*))) from read_parquet({_text(file.path)})").fetchall()
        except duckdb.Error:
            return False
        return True


class Relation:
    """The rows of files as text of SQL: site, gateway, day or month of the folder as `partition`, and columns.

    columns: name → type. A column that the files do not have is null.
    identity: columns that two rows have in common only if they are the same row, in addition to site and gateway.
    """

    def __init__(self, columns: Mapping[str, str], identity: Sequence[str]) -> None:
        self._columns, self._identity = columns, identity

    def text(self, files: Sequence[LakeFile]) -> str:
        alone, others = overlapping(files)
        parts = [self._part(alone, "select")] if alone else []
        if others:
            keys = ", ".join(("site", "gateway", *self._identity))
            parts.append(self._part(others, f"select distinct on ({keys})"))
        return f"({' union all '.join(f'({part})' for part in parts)})"

    def _part(self, files: Sequence[LakeFile], select: str) -> str:
        folder = {"day": "varchar", "month": "varchar"}
        nulls = ", ".join(f"null::{kind} as {quoted(name)}" for name, kind in {**folder, **self._columns}.items())
        columns = ", ".join(f"{quoted(name)}::{kind} as {quoted(name)}" for name, kind in self._columns.items())
        return (
            f"{select} site, gateway, coalesce(day, month) as partition, {columns} from (select * from {_read(files)} "
            f"union all by name select {nulls} where false)"
        )


def _read(files: Sequence[LakeFile]) -> str:
    paths = ", ".join(_text(file.path) for file in files)
    return f"read_parquet([{paths}], union_by_name = true, hive_partitioning = true, hive_types_autocast = false)"


def quoted(name: str) -> str:
    """The name of a column in SQL."""
    return '"' + name.replace('"', '""') + '"'


def _text(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
