"""Files of results: one for each part of the inputs, named by what was read, and never overwritten."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from agent import VERSION
from agent.delivery.files.lake.parts import Origin, write
from agent.fleet.reanalysis.task import InputResult
from agent.fleet.reasons import LAKE_FILE_UNREADABLE
from drivers.reasons import Reason

DATASET, LOCK = "result", "reanalysis.lock"
_TIME = pa.timestamp("ms", tz="UTC")


def folder_of_results(out: Path, analysis: str, code: str) -> Path:
    return out / DATASET / analysis / code


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Creates a folder and locks it until the end of the block. Raises BlockingIOError if another process has it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def known_inputs(folder: Path, findings: list[Reason]) -> set[tuple[str, int]]:
    """Names and sizes of the inputs that have results there. Files that cannot be read are findings."""
    found = set[tuple[str, int]]()
    for path in sorted(folder.glob("*.parquet")):
        try:
            table = pq.ParquetFile(path).read(["input", "input_bytes"], use_threads=False)
        except (OSError, pa.ArrowException):
            findings.append(LAKE_FILE_UNREADABLE(path=str(path)))
            continue
        found |= set(zip(table["input"].to_pylist(), table["input_bytes"].to_pylist(), strict=True))
    return found


def write_results(folder: Path, results: Sequence[InputResult], analysis: str, code: str) -> Path | None:
    """Writes the results of a part of the inputs. The same inputs give the same file: one that is there stays.

    None: there are no rows. Raises OSError.
    """
    rows = [{**_identity(result), **row} for result in results for row in result.rows]
    if not rows:
        return None
    read = "\n".join(f"{result.source.name} {result.digest}" for result in results)
    digest = hashlib.sha256(f"{code}\n{read}".encode()).hexdigest()
    path = folder / f"part-{digest[:16]}.parquet"
    if not path.exists():
        write(path, result_table(rows), Origin("", "", VERSION), {"analysis": analysis, "code": code, "inputs": digest})
    return path


def result_table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """A column for each key, in the order in which they appear; null where a row has none. `t_ms` becomes `t`."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: [row.get(name) for row in rows] for name in names}
    return pa.table({
        name.removesuffix("_ms") if name == "t_ms" else name: pa.array(column, _kind(name, column))
        for name, column in columns.items()
    })  # fmt: skip


def _identity(result: InputResult) -> dict[str, Any]:
    source = result.source
    return {"site": source.site, "gateway": source.gateway, "input": source.name, "input_bytes": source.size,
            "input_sha256": result.digest}  # fmt: skip


def _kind(name: str, column: Iterable[Any]) -> pa.DataType:
    if name == "t_ms":
        return _TIME
    kinds = {type(value) for value in column if value is not None}
    for kind, found in ((list, pa.list_(pa.float64())), (str, pa.string()), (float, pa.float64()), (int, pa.int64()),
                        (bool, pa.bool_())):  # fmt: skip
        if kind in kinds:
            return found
    return pa.float64()
