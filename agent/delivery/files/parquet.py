"""Converts a closed NDJSON file to Parquet with one row per value, so that the columns do not depend on the metrics.

`python -m agent.delivery.files.parquet FILE ROOT`: FILE.parquet replaces FILE when it is completely on disk. ROOT is
the topic of the gateway, whose own messages have no asset.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

SCHEMA = pa.schema([
    ("t", pa.timestamp("ms", tz="UTC")), ("id", pa.string()), ("asset", pa.string()), ("kind", pa.string()),
    ("metric", pa.string()), ("value", pa.float64()), ("text", pa.string()), ("series", pa.list_(pa.float64())),
    ("u", pa.float64()), ("method", pa.string()), ("flags", pa.string()), ("quality", pa.string()),
    ("reasons", pa.string()),
])  # fmt: skip
ROWS_AT_ONCE = 2000  # messages


def convert(source: Path, root: str) -> Path:
    """Returns the new file. The source is deleted last: an interrupted conversion is repeated.

    Raises OSError, ValueError.
    """
    target, partial = source.with_suffix(".parquet"), source.with_suffix(".partial")
    with source.open("rb") as lines, pq.ParquetWriter(partial, SCHEMA, compression="zstd") as writer:
        while block := list(islice(lines, ROWS_AT_ONCE)):
            values = [value for text in block for value in _values(msgspec.json.decode(text), root)]
            writer.write_table(pa.Table.from_pylist(values, schema=SCHEMA))
    with partial.open("rb") as written:
        os.fsync(written.fileno())
    partial.rename(target)
    source.unlink()
    return target


def _values(row: dict[str, Any], root: str) -> Iterator[dict[str, Any]]:
    asset, _, kind = row["topic"].removeprefix(f"{root}/").rpartition("/")
    flags, common, reasons = row.get("f", {}), row.get("f", {}).get("*", []), row.get("r", {})
    frame = {"t": row["t"], "id": row["id"], "kind": kind, "asset": asset or None, "quality": row["q"]}
    uncertainties = {name for name in row["v"] if name.endswith("_u") and name[:-2] in row["v"]}
    for name, value in row["v"].items():
        if name in uncertainties:
            continue
        found = frame | {
            "metric": name,
            "u": row["v"].get(f"{name}_u"),
            "method": row.get("m", {}).get(name),
            "flags": " ".join([*flags.get(name, []), *common]) or None,
            "reasons": msgspec.json.encode(reasons[name]).decode() if name in reasons else None,
        }
        if isinstance(value, list):
            found["series"] = [None if item is None else float(item) for item in value]
        elif isinstance(value, int | float):
            found["value"] = float(value)
        elif value is not None:
            found["text"] = str(value)
        yield found


if __name__ == "__main__":
    try:
        convert(Path(sys.argv[1]), sys.argv[2])
    except (OSError, ValueError, KeyError, msgspec.DecodeError, pa.ArrowException) as problem:
        sys.exit(f"{problem}")
