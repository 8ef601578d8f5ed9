"""Files of a lake: messages as the sink writes them, and what is in its Parquet files, read with pyarrow alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from agent.core.messages import Message, encode

ROOT = "magwatt/v1/mill-2/gw-07"


def line(row_id: str, message: Message) -> bytes:
    """A line of the open file of the sink."""
    asset = f"{message.asset}/" if message.asset else ""
    topic = json.dumps(f"{ROOT}/{asset}{message.kind}").encode()
    return b'{"topic":' + topic + b"," + encode(message, row_id)[1:] + b"\n"


def ndjson(path: Path, messages: Mapping[str, Message] | Iterable[tuple[str, Message]]) -> Path:
    """A closed file of the sink. messages: id → message."""
    found = messages.items() if isinstance(messages, Mapping) else messages
    path.write_bytes(b"".join(line(row_id, message) for row_id, message in found))
    return path


def parts(lake: Path, dataset: str = "*") -> list[str]:
    """Paths of its files, relative to the lake."""
    return sorted(str(path.relative_to(lake)) for path in lake.glob(f"{dataset}/**/*.parquet"))


def rows(lake: Path, dataset: str) -> list[dict[str, Any]]:
    """The rows of all files of a dataset, without the columns that are in their paths."""
    return [row for path in parts(lake, dataset) for row in pq.ParquetFile(lake / path).read().to_pylist()]
