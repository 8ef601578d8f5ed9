"""The tables of deploy/timescaledb: one for each kind of message, a row for each message, a column for each metric."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, LiteralString

import psycopg
import pyarrow.csv
from psycopg import sql

from agent.fleet.reasons import DATABASE_BUSY, DATABASE_FAILED, DATABASE_MEAN_DIFFERS, DATABASE_TABLE_MISSING
from drivers.reasons import CodedError

CONNECT_S = 10
LOCK = 84_70_24  # of one `fleet load` at a time
BUSY_S = 5  # time for which another one is waited for
FRAME = ("time", "site", "gateway", "asset", "id", "q")
_OF_GATEWAYS = ("event", "health")  # their rows may have no asset; their index is by gateway and time


class DatabaseError(CodedError):
    """The database cannot be used."""


class FleetDatabase:
    """A connection that loads rows; one at a time."""

    def __init__(self, address: str) -> None:
        """address: postgresql://user@host:port/name, or key=value of libpq. Raises DatabaseError."""
        self._columns: dict[str, dict[str, str]] = {}
        with coded_errors():
            self._db = psycopg.connect(address, autocommit=True, connect_timeout=CONNECT_S,
                                       application_name="magwatt fleet load")  # fmt: skip
            if not self._lock():
                self._db.close()
                raise DatabaseError(DATABASE_BUSY)

    def close(self) -> None:
        self._db.close()

    def _lock(self) -> bool:
        """Whether no other loader writes. The server frees the lock some time after a loader has ended."""
        self._db.execute(sql.SQL("SET lock_timeout = {}").format(sql.Literal(f"{round(1000 * BUSY_S)}ms")))
        try:
            self._db.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        except psycopg.errors.LockNotAvailable:
            return False
        self._db.execute("RESET lock_timeout")
        return True

    def transaction(self) -> AbstractContextManager[Any]:
        """What is done in it is kept completely or not at all. Raises psycopg.Error."""
        return self._db.transaction()

    def loaded(self, dataset: str, day: str) -> set[tuple[str, int]]:
        """Paths and bytes of the loaded files of a partition. Raises psycopg.Error."""
        rows = self._run("SELECT path, bytes FROM loaded_file WHERE dataset = %s AND day = %s", dataset, day)
        return {(str(path), int(size)) for path, size in rows.fetchall()}

    def set_loaded(self, dataset: str, day: str, files: Iterable[tuple[str, int]], mean_s: int) -> None:
        """Raises psycopg.Error."""
        with self._db.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO loaded_file VALUES (%s, %s, %s, %s, %s) "
                "ON CONFLICT (dataset, day, path) DO UPDATE SET bytes = excluded.bytes",
                [(dataset, day, path, size, mean_s) for path, size in files],
            )

    def check_mean(self, datasets: Sequence[str], mean_s: int) -> None:
        """Raises psycopg.Error, DatabaseError if the tables have other means, or each row."""
        other = self._run(
            "SELECT mean_s FROM loaded_file WHERE dataset = ANY(%s) AND mean_s <> %s LIMIT 1", list(datasets), mean_s
        ).fetchone()
        if other is not None:
            raise DatabaseError(DATABASE_MEAN_DIFFERS, loaded_s=other[0])

    def set_merged(self, dataset: str, day: str, paths: Iterable[str]) -> None:
        """Removes files that were merged from the list of loaded ones. Raises psycopg.Error."""
        self._run("DELETE FROM loaded_file WHERE dataset = %s AND day = %s AND path = ANY(%s)", dataset, day,
                  list(paths))  # fmt: skip

    def columns(self, table: str) -> dict[str, str]:
        """Name → type of PostgreSQL. Raises psycopg.Error, DatabaseError if there is no such table."""
        if table not in self._columns:
            rows = self._run(
                "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute "
                "WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped", table,
            )  # fmt: skip
            self._columns[table] = dict(rows.fetchall())
            if not self._columns[table]:
                raise DatabaseError(DATABASE_TABLE_MISSING, table=table)
        return self._columns[table]

    def add_columns(self, table: str, types: Mapping[str, str]) -> None:
        """Adds those that are missing. Outside a transaction, which would lock the table until its end.

        Raises psycopg.Error, DatabaseError.
        """
        for name, kind in types.items():
            if name not in self.columns(table):
                self._run(sql.SQL("ALTER TABLE {} ADD COLUMN IF NOT EXISTS {} {}").format(
                    sql.Identifier(table), sql.Identifier(name), sql.SQL(kind)))  # fmt: skip
                self._columns.pop(table)

    def insert(self, table: str, columns: Sequence[str], batches: Iterable[Any], *, replace: bool) -> tuple[int, int]:
        """Inserts rows that are not there yet: with the same gateway, motor, time and id. In a transaction.

        columns: of the batches, which are Arrow record batches; FRAME among them.
        replace: deletes rows of the same gateway, motor and time with another id.
        Returns how many rows were given, and how many inserted. Raises psycopg.Error.
        """
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        into, asset = sql.Identifier(table), sql.SQL("" if table in _OF_GATEWAYS else "AND t.asset = s.asset")
        self._run(sql.SQL("CREATE TEMP TABLE staged ON COMMIT DROP AS SELECT {} FROM {} LIMIT 0").format(names, into))
        with self._db.cursor() as cursor:
            with cursor.copy(sql.SQL("COPY staged ({}) FROM STDIN (FORMAT csv)").format(names)) as copy:
                for batch in batches:
                    copy.write(_csv(batch))
            given = cursor.rowcount
        span = self._run("SELECT min(time), max(time) FROM staged").fetchone()
        if not given or span is None:
            self._run("DROP TABLE staged")
            return 0, 0
        # The times as literals: a hypertable then looks into no other chunk.
        low, high = map(sql.Literal, span)
        same = sql.SQL(
            "t.time BETWEEN {} AND {} AND t.site = s.site AND t.gateway = s.gateway {} AND t.time = s.time"
        ).format(low, high, asset)
        if replace:
            self._run(sql.SQL("DELETE FROM {} t USING staged s WHERE {} AND t.id <> s.id").format(into, same))
        inserted = self._run(sql.SQL(
            "INSERT INTO {into} ({names}) SELECT {names} FROM staged s "
            "WHERE NOT EXISTS (SELECT FROM {into} t WHERE {same} AND t.id = s.id) ORDER BY time"
        ).format(into=into, names=names, same=same)).rowcount  # fmt: skip
        self._run("DROP TABLE staged")
        return given, inserted

    def _run(self, command: LiteralString | sql.Composed, *values: Any) -> Any:
        return self._db.execute(command, values or None)


@contextmanager
def coded_errors() -> Iterator[None]:
    """Errors of the database as DatabaseError."""
    try:
        yield
    except psycopg.Error as error:
        raise DatabaseError(DATABASE_FAILED, error=str(error).strip()) from None


def _csv(batch: Any) -> bytes:
    """Texts are in quotes, so that an empty one differs from null."""
    buffer = io.BytesIO()
    pyarrow.csv.write_csv(batch, buffer, pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed"))
    return buffer.getvalue()
