"""The configurations of a gateway as files of the lake, each with the time since when it has been in force."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from agent.delivery.files.conversion import ConfigurationFile
from agent.delivery.files.lake.parts import Origin, folder_of, write

DATASET = "configuration"
SCHEMA = pa.schema([
    ("valid_from", pa.timestamp("ms", tz="UTC")), ("config", pa.string()), ("timezone", pa.string()),
    ("text", pa.string()),
])  # fmt: skip


def export_configurations(found: Sequence[ConfigurationFile], lake: Path, origin: Origin, newest: str) -> str:
    """Writes those that differ from the one before; returns the hash of the last.

    newest: hash of the one exported last; empty: none. Raises OSError.
    """
    for item in found:
        if item.hash != newest:
            table = pa.table([[item.from_ms], [item.hash], [item.timezone], [item.text]], schema=SCHEMA)
            write(folder_of(lake, DATASET, origin) / f"part-{item.from_ms}-{item.hash}.parquet", table, origin)
            newest = item.hash
    return newest
