"""Snapshots in the lake: samples and metadata, read with pyarrow alone; interrupted and damaged ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_array_equal
from support.lake import parts
from support.snapshots import ROLES, START_NS, sines, snapshot

from agent.delivery.files.lake.parts import Origin
from agent.delivery.files.lake.snapshots import convert_snapshot
from agent.delivery.files.snapshots import SnapshotHeader, count_of_day, waiting, write_waiting

RATE_HZ = 2048.0
ORIGIN = Origin("mill-2", "gw-07", "1.2.3", "ab12", "later")
SAMPLES = sines(1, RATE_HZ).astype(np.float32)
HEADER = SnapshotHeader(
    asset="p1",
    start_ns=START_NS,
    rate_hz=RATE_HZ,
    samples=2048,
    missing=0,
    channels=ROLES,
    reason="dip",
    config="c0ffee",
)


def test_a_snapshot_in_the_lake(tmp_path: Path) -> None:
    samples = SAMPLES.copy()
    samples[:, 500:700] = np.nan
    path = snapshot(tmp_path, samples, RATE_HZ, reason="dip", omitted=2, scales=(0.5,) * 6)
    assert parts(tmp_path) == ["snapshot/v=1/site=mill-2/gateway=gw-07/day=2026-09-30/p1-1790784000000.parquet"]
    assert not waiting(tmp_path)
    file = pq.ParquetFile(path)
    table = file.read()
    assert_array_equal(np.array([table[name].to_numpy() for name in ROLES]), samples)
    metadata = {key.decode(): value.decode() for key, value in file.metadata.metadata.items()}
    assert (metadata["magwatt.lake"], metadata["magwatt.gateway"], metadata["magwatt.agent"]) == ("1", "gw-07", "1.2.3")
    header = json.loads(metadata["magwatt.snapshot"])
    assert (header["asset"], header["start_ns"], header["rate_hz"], header["missing"]) == ("p1", START_NS, RATE_HZ, 200)
    assert (header["reason"], header["omitted"], header["scales"], header["u_pct"]) == ("dip", 2, [0.5] * 6, None)
    column = file.metadata.row_group(0).column(0)
    assert (column.compression, "BYTE_STREAM_SPLIT" in column.encodings) == ("ZSTD", True)


def test_a_conversion_that_is_repeated_writes_the_same_file(tmp_path: Path) -> None:
    first = snapshot(tmp_path, SAMPLES, RATE_HZ)
    before = first.read_bytes()
    assert snapshot(tmp_path, SAMPLES, RATE_HZ) == first
    assert first.read_bytes() == before


@pytest.mark.parametrize("damage", [slice(-4), slice(100), slice(0)])
def test_a_damaged_snapshot_is_not_tried_again(tmp_path: Path, damage: slice) -> None:
    path = write_waiting(tmp_path, HEADER, SAMPLES)
    path.write_bytes(path.read_bytes()[damage])
    assert convert_snapshot(path, tmp_path, ORIGIN) is None
    assert not waiting(tmp_path)
    assert [item.name for item in tmp_path.glob("*.damaged")] == ["p1-1790784000000.damaged"]
    assert not parts(tmp_path)


def test_the_snapshots_of_a_day_are_counted_before_and_after_their_conversion(tmp_path: Path) -> None:
    snapshot(tmp_path, SAMPLES, RATE_HZ)
    for asset, seconds in (("p1", 60), ("p1", 8 * 3600), ("p1-2", 120)):  # 16:00 UTC: eight hours later is the next day
        other = SnapshotHeader(asset=asset, start_ns=START_NS + seconds * 10**9, rate_hz=RATE_HZ, samples=2048,
                               missing=0, channels=ROLES)  # fmt: skip
        write_waiting(tmp_path, other, SAMPLES)
    counts = {(asset, day): count_of_day(tmp_path, "mill-2", "gw-07", asset, day)
              for asset in ("p1", "p1-2") for day in ("2026-09-30", "2026-10-01")}  # fmt: skip
    assert counts == {
        ("p1", "2026-09-30"): 2,
        ("p1", "2026-10-01"): 1,
        ("p1-2", "2026-09-30"): 1,
        ("p1-2", "2026-10-01"): 0,
    }
    assert count_of_day(tmp_path, "mill-2", "gw-08", "p1", "2026-10-01") == 1
