"""Files of a lake: their folders, names and metadata. A file appears complete or not at all."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from msgspec import Struct

from agent.core.files import sync_directory

VERSION = 1  # of the layout: the folder v=1 of each dataset
PARTIAL = ".partial"
ROW_GROUP = 1_000_000
RUN_BITS, ROW_BITS = 29, 34  # of an id as one number, as in the spool
SAMPLE = 4096  # rows, from which it follows how a column is written
SHARE = 8  # as a list of its values if each occurs this often on average


class Origin(Struct, frozen=True):
    """Who wrote a file. Each field is in its metadata as magwatt.<field>.

    site, gateway: from the configuration, or the topic.
    agent: version of magwatt that wrote the file.
    key: fingerprint of the key that signs the gateway's ledger; "": none, or not known.
    config: hash of the configuration of the agent; "": not known.
    """

    site: str
    gateway: str
    agent: str
    key: str = ""
    config: str = ""


@contextmanager
def without_cycle_search() -> Iterator[None]:
    """The search for reference cycles costs a quarter of the time of a conversion, which makes none."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def folder_of(lake: Path, dataset: str, origin: Origin, **keys: str) -> Path:
    """The partition of a dataset: site and gateway, then `keys` in their order."""
    path = lake / dataset / f"v={VERSION}" / f"site={origin.site}" / f"gateway={origin.gateway}"
    return path.joinpath(*(f"{name}={value}" for name, value in keys.items()))


def is_id(row_id: str) -> bool:
    """Whether a text is the id of a message: number of the run and number of the row."""
    run, _, row = row_id.partition("-")
    return run.isdecimal() and row.isdecimal() and int(run) < 1 << RUN_BITS and int(row) < 1 << ROW_BITS


def name_of(ids: pa.Array | pa.ChunkedArray) -> str:
    """The name of a file with these rows. No id is used twice by a gateway, so that names do not meet again.

    Raises ValueError if an id has another form.
    """
    found = pc.extract_regex(ids, r"^(?P<run>\d{1,9})-(?P<row>\d{1,11})$")
    run, row = (pc.cast(pc.struct_field(found, name), pa.int64()) for name in ("run", "row"))
    ends = pc.min_max(pc.bit_wise_or(pc.shift_left(run, ROW_BITS), row), skip_nulls=False).as_py()
    if ends["min"] is None:
        raise ValueError("a message has no valid id")
    texts = (f"{end >> ROW_BITS}-{end & (1 << ROW_BITS) - 1}" for end in (ends["min"], ends["max"]))
    return f"part-{'_'.join(texts)}.parquet"


def write(path: Path, table: pa.Table, origin: Origin, more: Mapping[str, str] | None = None) -> Path:
    """Writes a file: first under another name, to the disk, then renamed. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(PARTIAL)
    fields = {"lake": str(VERSION), **{name: str(getattr(origin, name)) for name in origin.__struct_fields__}}
    metadata = {f"magwatt.{name}": value for name, value in {**fields, **(more or {})}.items()}
    options = {"compression": "zstd", "store_schema": False, "write_page_checksum": True, **_encodings(table)}
    with pq.ParquetWriter(partial, table.schema, **options) as writer:
        writer.write_table(table, row_group_size=ROW_GROUP)
        writer.add_key_value_metadata(metadata)
    with partial.open("rb") as written:
        os.fsync(written.fileno())
    partial.rename(path)
    sync_directory(path.parent)
    return path


def _encodings(table: pa.Table) -> dict[str, Any]:
    """Few different values by their number in a list, other numbers by their bytes, increasing ones by differences."""
    listed, split, others = [], [], {}
    for column in table.schema:
        kind = column.type
        if pa.types.is_integer(kind) or pa.types.is_timestamp(kind):
            others[column.name] = "DELTA_BINARY_PACKED"
        elif column.name == "id":
            others[column.name] = "DELTA_BYTE_ARRAY"  # texts that differ in their last characters
        elif pa.types.is_floating(kind) and SHARE * _distinct(table[column.name]) > min(SAMPLE, table.num_rows):
            split.append(column.name)
        elif not pa.types.is_list(kind) and not pa.types.is_string(kind):
            listed.append(column.name)
    return {"use_dictionary": listed, "use_byte_stream_split": split, "column_encoding": others}


def _distinct(column: pa.ChunkedArray) -> int:
    return int(pc.count_distinct(column.slice(0, SAMPLE)).as_py())
