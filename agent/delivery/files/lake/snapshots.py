"""Snapshots of waveforms as files of the lake: a column of 32-bit floats for each channel, the header as metadata."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pyarrow as pa

from agent.delivery.files.lake.parts import Origin, folder_of, write
from agent.delivery.files.lake.rows import day_of
from agent.delivery.files.snapshots import DATASET, read_waiting

HEADER = "snapshot"  # key of the metadata, after magwatt.
DAMAGED = ".damaged"


def convert_snapshot(source: Path, lake: Path, origin: Origin) -> Path | None:
    """Returns the new file. The source is deleted last: an interrupted conversion writes the same file again.

    One that cannot be read is renamed, so that it is not tried again; None. One that was deleted meanwhile: None.
    Raises OSError.
    """
    try:
        header, samples = read_waiting(source)
    except FileNotFoundError:
        return None
    except ValueError:
        source.rename(source.with_suffix(DAMAGED))
        return None
    arrays = [pa.Array.from_buffers(pa.float32(), header.samples, [None, pa.py_buffer(part)]) for part in samples]
    folder = folder_of(lake, DATASET, origin, day=day_of(header.start_ns // 1_000_000))
    metadata = {HEADER: msgspec.json.encode(header).decode()}
    written = write(folder / f"{header.name}.parquet", pa.table(arrays, list(header.channels)), origin, metadata)
    source.unlink()
    return written
