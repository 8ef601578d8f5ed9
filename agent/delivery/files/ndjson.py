"""Files: every row as one line of JSON; files are closed by size, or each day, and optionally converted to Parquet.

A row is confirmed after fsync. After a crash the last rows may come again: their ids are compared with the end of the
open file and of the file closed last, so that no row is written twice.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from agent.config.model import Config
from agent.config.sinks import Files
from agent.delivery.files.conversion import DAY_MS, Conversion
from agent.delivery.files.line_file import TAIL_BYTES, LineFile
from agent.delivery.store import SinkCursor, StoredRow

log = logging.getLogger(__name__)

OPEN = "current.ndjson"
BATCH = 500
WAIT_S = 0.5
GATHER_S = 0.7  # rows of this time are written together: flash memory wears out by the number of writes
RETRY_S = 10.0
_TIME = re.compile(rb'"t":(\d+)')
_CLOSED = re.compile(r"rows-\d{8}T\d{6}Z-\d{4,}\.(ndjson|parquet|partial)")  # other files in the folder are not touched


class FileSink:
    """Writes every row to files. written: number of rows written in this run.

    conversion: of closed files; None: they stay NDJSON.
    """

    name = "file"

    def __init__(self, settings: Files, root: str, conversion: Conversion | None = None) -> None:
        self._settings, self._root, self._conversion = settings, root, conversion
        self.written = 0
        self._file: LineFile | None = None
        self._first_ms: int | None = None  # time of the first row of the open file
        self._written_before: set[str] = set()  # ids at the end of the file, until newer rows come
        self._newest = ""  # name of the file that was closed last
        self._failing = False  # an error was logged
        self._cursor: SinkCursor  # set by `start`
        self._awake, self._ending = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="file", daemon=True)

    def start(self, cursor: SinkCursor) -> None:
        self._cursor = cursor
        cursor.wake = self._awake.set
        self._thread.start()

    def update_retained(self, topic: str, payload: bytes) -> None:
        """Retained messages are not written."""

    def reconfigure(self, config: Config, *_assets: object) -> None:
        """Another directory requires a restart."""
        if self._conversion is not None:
            self._conversion.reconfigure(config)

    def numbers(self) -> Mapping[str, float | int]:
        return {"file_rows": self.written}

    def stop(self) -> None:
        self._ending.set()
        self._awake.set()
        self._thread.join(5)

    def _run(self) -> None:
        if self._conversion is not None:
            self._conversion.start()
        while True:
            ending = self._ending.is_set()  # one more cycle after `stop`
            try:
                # Backlog rows first: a file keeps the order of the rows.
                while rows := self._cursor.fetch_backlog(BATCH) or self._cursor.fetch_live(BATCH):
                    self._write(rows)
                    self._cursor.confirm([row.n for row in rows])
                    if self._is_full() or self._is_next_day(rows[-1].t_ms):
                        self._rotate(rows[-1].t_ms)
                    if self._conversion is not None:
                        self._conversion.after(rows[-1].t_ms)
                if self._failing:
                    log.info("file %s: can be written again", self._settings.directory)
                self._failing = False
            except OSError as error:
                self._cursor.return_unconfirmed()
                self._close()
                if not self._failing:
                    log.error("file %s: %s; rows stay in the spool, next attempt in %.0f s",
                              self._settings.directory, error.strerror or error, RETRY_S)  # fmt: skip
                self._failing = True
                self._ending.wait(RETRY_S)
            if ending:
                self._close()
                return
            if self._awake.wait(WAIT_S):
                self._ending.wait(GATHER_S)
            self._awake.clear()

    def _is_full(self) -> bool:
        return self._file is not None and self._file.size >= self._settings.rotate_bytes

    def _is_next_day(self, t_ms: int) -> bool:
        by_day = self._conversion is not None and self._conversion.by_day
        return by_day and self._first_ms is not None and t_ms // DAY_MS > self._first_ms // DAY_MS

    def _write(self, rows: list[StoredRow]) -> None:
        """Writes all rows or none: a partial write is truncated."""
        if self._file is None:
            self._open()
        assert self._file is not None
        fresh = [row for row in rows if row.id not in self._written_before]
        self._file.append(b"".join(line(row, self._root) for row in fresh))
        self.written += len(fresh)
        if fresh:
            self._first_ms = fresh[0].t_ms if self._first_ms is None else self._first_ms
            self._written_before.clear()

    def _open(self) -> None:
        self._file = LineFile(self._settings.directory / OPEN)
        first = _TIME.search(self._file.begin)
        self._first_ms = int(first[1]) if first else None
        self._written_before = ids(_end_of_last(self._closed()) + self._file.end)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _rotate(self, t_ms: int) -> None:
        self._close()
        folder = self._settings.directory
        stamp = datetime.fromtimestamp(t_ms / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
        self._newest = later_name(stamp, max([self._newest, *(path.stem for path in self._closed())]))
        (folder / OPEN).rename(folder / f"{self._newest}.ndjson")
        if self._conversion is not None:
            self._conversion.convert([path for path in self._closed() if path.suffix == ".ndjson"])
        self._prune()

    def _prune(self) -> None:
        """Deletes the oldest closed files when all closed files together exceed the limit."""
        closed = self._closed()
        if self._conversion is not None:
            closed = [*self._conversion.finished(), *closed]
        total = sum(path.stat().st_size for path in closed)
        for path in closed[:-1]:
            if total <= self._settings.keep_bytes:
                return
            total -= path.stat().st_size
            path.unlink()
            log.info("file: %s deleted: the closed files exceed file.keep", path.name)

    def _closed(self) -> list[Path]:
        """Closed files, oldest first."""
        return sorted(path for path in self._settings.directory.glob("rows-*") if _CLOSED.fullmatch(path.name))


def line(row: StoredRow, root: str) -> bytes:
    """The message as one line, with its topic as the first key."""
    topic = msgspec.json.encode(row.topic(root))
    return b'{"topic":' + topic + b"," + row.payload[1:] + b"\n"


def ids(lines: bytes) -> set[str]:
    """Ids of the last rows at the end of a file."""
    found = set()
    for text in lines.splitlines()[-10 * BATCH :]:
        try:
            found.add(str(msgspec.json.decode(text)["id"]))
        except (msgspec.DecodeError, KeyError, TypeError):
            continue  # a partial first line, or a line written by another program
    return found


def _end_of_last(closed: list[Path]) -> bytes:
    """End of the file closed last; empty when it is Parquet already, because its rows are confirmed by then."""
    if not closed or closed[-1].suffix != ".ndjson":
        return b""
    with closed[-1].open("rb") as lines:
        lines.seek(max(0, closed[-1].stat().st_size - TAIL_BYTES))
        return lines.read()


def later_name(stamp: str, newest: str) -> str:
    """`rows-<stamp>-0000`, or the name after the newest one: names increase although the clock may step back."""
    name = f"rows-{stamp}-0000"
    if name > newest:
        return name
    before, _, number = newest.rpartition("-")
    return f"{before}-{int(number) + 1:04d}"
