"""Merging of small files: many segments a day would leave many files for each gateway and day.

A merged file is written first and its parts are deleted afterwards. In between, and after a crash, rows are in two
files, whose names show it; a query counts each row once.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq

from agent.delivery.files.lake.columns import united
from agent.delivery.files.lake.parts import Origin
from agent.fleet.ingest.part_files import has_repeated_ids, read_rows, write_rows

FILES = 24  # of one gateway and day: when there are as many, the smallest are merged
MERGED = 12  # of these. If all were, a day of 288 segments would be written ten times instead of 1.5 times
PAST_BYTES = 500_000_000  # of past days, that one segment merges; the next one continues
LOCK = "compaction.lock"


def compact(lake: Path, folders: Iterable[Path], today: str) -> None:
    """Merges files in folders of a day and of the day before: all of a past day, otherwise the smallest ones.

    Does nothing while another process writes to the lake: the next segment does it. Raises OSError, ArrowException.
    """
    with writing(lake, waits=False) as alone:
        if not alone:
            return
        remaining = PAST_BYTES
        for folder in sorted({place for touched in folders for place in (touched, _day_before(touched))}):
            parts = sorted(folder.glob("part-*.parquet"), key=lambda path: path.stat().st_size)
            if folder.name.removeprefix("day=") < today:
                if sum(not has_repeated_ids(path) for path in parts) > 1 and remaining > 0:
                    remaining -= sum(path.stat().st_size for path in parts)
                    merge(parts)
            elif len(parts) >= FILES:
                merge(parts[:MERGED])


@contextmanager
def writing(lake: Path, waits: bool = True) -> Iterator[bool]:
    """Whether no other worker writes to the lake until the end: one could delete a file that the other replaces.

    waits: until it is so. Raises OSError.
    """
    with (lake / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True


def _day_before(folder: Path) -> Path:
    day = date.fromisoformat(folder.name.removeprefix("day="))
    return folder.with_name(f"day={day - timedelta(days=1)}") if day > date.min else folder


def merge(paths: Sequence[Path]) -> None:
    """One file with the rows of files of one folder, each once. Files that are damaged stay, and so do all if one is.

    Raises OSError, ArrowException.
    """
    tables = read_rows(paths)
    if len(tables) < len(paths):
        return
    metadata = pq.read_metadata(paths[0]).metadata
    origin = Origin(*(metadata[f"magwatt.{name}".encode()].decode() for name in Origin.__struct_fields__))
    written = write_rows(paths[0].parent, united(tables), origin)
    for path in paths:
        if path not in written:
            path.unlink()
