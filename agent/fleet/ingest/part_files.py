"""Rows of one gateway and day as files: each row once, and no file overwrites rows of another one.

Two gateways with one name use the same ids at different times. Their rows stay in separate files, so that a question
sees from the names of files that they have ids in common (`agent.fleet.shared_names`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from agent.delivery.files.lake.columns import united
from agent.delivery.files.lake.parts import Origin, name_of, write
from agent.delivery.files.lake.rows import in_order


def write_rows(folder: Path, table: pa.Table, origin: Origin) -> list[Path]:
    """Writes rows, together with those of files that have their name: written before, or by the other gateway.

    Raises OSError, ArrowException.
    """
    stem = name_of(table["id"]).removesuffix(".parquet")
    same = [folder / f"{stem}.parquet", *sorted(folder.glob(f"{stem}-*.parquet"))]
    if same[0].exists():
        table = united([table, *read_rows(same)])
    return [
        write(folder / f"{stem}{f'-{number}' if number else ''}.parquet", in_order(part), origin)
        for number, part in enumerate(_apart(table))
    ]


def has_repeated_ids(path: Path) -> bool:
    """Whether its name has a number at the end: a file that is not merged with the one whose ids it has."""
    return path.stem.rpartition("_")[2].count("-") > 1


def read_rows(paths: Iterable[Path]) -> list[pa.Table]:
    """The rows of complete files. Raises OSError."""
    found = list[pa.Table]()
    for path in paths:
        try:
            found.append(_with_dictionaries(pq.ParquetFile(path, memory_map=True).read()))
        except (pa.ArrowInvalid, FileNotFoundError):
            continue  # damaged: a question names it
    return found


def _apart(table: pa.Table) -> Sequence[pa.Table]:
    """Tables in which each id is once. Rows with the same id and time are one row."""
    if pc.count_distinct(table["id"]).as_py() == table.num_rows:
        return [table]
    known, times, number = set[tuple[str, int]](), Counter[str](), list[int]()
    for identity in zip(table["id"].to_pylist(), table["t"].cast(pa.int64()).to_pylist(), strict=True):
        if identity in known:
            number.append(-1)
            continue
        known.add(identity)
        number.append(times[identity[0]])
        times[identity[0]] += 1
    numbers = pa.array(number)
    return [table.filter(pc.equal(numbers, wanted)) for wanted in range(max(number) + 1)]


def _with_dictionaries(table: pa.Table) -> pa.Table:
    """Texts as they were written: a file does not store that they had a dictionary."""
    for number, column in enumerate(table.schema):
        if pa.types.is_string(column.type) and column.name != "id":
            table = table.set_column(number, column.name, table[column.name].combine_chunks().dictionary_encode())
    return table
