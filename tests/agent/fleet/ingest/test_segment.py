"""A segment: each message once in the partition of its gateway, the others counted; small files are merged."""

from __future__ import annotations

import fcntl
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pyarrow.parquet as pq
import pytest
from support.lake import parts, rows

from agent.core.messages import Message, encode
from agent.fleet import reasons as codes
from agent.fleet.ingest import compaction
from agent.fleet.ingest.compaction import compact, merge
from agent.fleet.ingest.segment import REJECTED, SegmentReport, convert_segment
from agent.fleet.lake import Lake
from agent.fleet.messages import coverage

MIDNIGHT_MS = 1_789_948_800_000  # 2026-09-21 00:00 UTC
TODAY = "2026-09-21"


def received(gateway: str, number: int, t_ms: int | None = None, kind: str = "telemetry", **values: object) -> bytes:
    t_ms = MIDNIGHT_MS + 1000 * number if t_ms is None else t_ms
    message = Message("pump-1", kind, t_ms, {"active_power_w": number / 7, **values})
    topic = json.dumps(f"magwatt/v1/mill-2/{gateway}/pump-1/{kind}").encode()
    return b'{"topic":' + topic + b"," + encode(message, f"7-{number}")[1:] + b"\n"


def segment(folder: Path, *lines: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "segment-00000001.ndjson"
    path.write_bytes(b"".join(lines))
    return path


def test_messages_of_several_gateways_in_any_order(tmp_path: Path) -> None:
    lines = [received(f"gw-{gateway}", number) for gateway in range(3) for number in range(50)]
    lines += [received("gw-1", 100 + n, kind="pq3s", thd_u_l1_pct=2.5) for n in range(5)]
    lines += lines[10:30]
    Random(1).shuffle(lines)
    report = convert_segment(segment(tmp_path / "w", *lines), tmp_path / "lake", TODAY)
    assert report == SegmentReport(rows=155, repeated=20, rejected=0, files=4)
    [path] = [path for path in parts(tmp_path / "lake") if "telemetry/v=1/site=mill-2/gateway=gw-1" in path]
    found = pq.ParquetFile(tmp_path / "lake" / path).read().to_pylist()
    assert [(row["id"], row["asset"]) for row in found] == [(f"7-{n}", "pump-1") for n in range(50)]
    assert [row["active_power_w"] for row in found] == pytest.approx([n / 7 for n in range(50)], rel=6e-8)  # 24 bits
    assert not {"site", "gateway", "day", "thd_u_l1_pct"} & found[0].keys()
    assert not list((tmp_path / "w").glob("*.ndjson"))


def test_what_is_no_message_of_this_version_is_counted_and_kept(tmp_path: Path) -> None:
    good = received("gw-1", 1)
    bad = [
        good.replace(b"telemetry/1", b"telemetry/2"), good.replace(b'"id":"7-1"', b'"id":"x"'), b'{"topic": 7}\n',
        good.replace(b"gw-1", b"../.."), good[:50] + b"\n", received("gw-1", 2, t_ms=10**17),
    ]  # fmt: skip
    report = convert_segment(segment(tmp_path / "w", *bad, good), tmp_path / "lake", TODAY)
    assert (report.rows, report.rejected) == (1, len(bad))
    assert report.versions == {"magwatt.telemetry/2": 1}
    assert (tmp_path / "w" / REJECTED).read_bytes() == b"".join(bad)
    assert len(parts(tmp_path / "lake")) == 1


def test_an_interrupted_conversion_is_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [received(f"gw-{n % 5}", n) for n in range(60)]
    source = segment(tmp_path / "w", *lines)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda path: (_ for _ in ()).throw(OSError(5, "killed")))
        with pytest.raises(OSError, match="killed"):
            convert_segment(source, tmp_path / "lake", TODAY)
    before = parts(tmp_path / "lake")
    convert_segment(source, tmp_path / "lake", TODAY)
    assert parts(tmp_path / "lake") == before
    assert len(rows(tmp_path / "lake", "telemetry")) == 60


def test_a_segment_that_another_process_converts_is_not_converted_again(tmp_path: Path) -> None:
    """It waits for the process that a killed worker has left, which deletes the segment."""
    source = segment(tmp_path / "w", received("gw-1", 1))
    with source.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with ThreadPoolExecutor(1) as pool:
            second = pool.submit(convert_segment, source, tmp_path / "lake", TODAY)
            with pytest.raises(TimeoutError):
                second.result(0.2)
            source.unlink()
            fcntl.flock(other, fcntl.LOCK_UN)
            assert second.result(10) == SegmentReport()
    assert parts(tmp_path / "lake") == []
    assert convert_segment(source, tmp_path / "lake", TODAY) == SegmentReport(), "it is gone"


def test_checkpoints_are_stored_once_each(tmp_path: Path) -> None:
    body = {"topic": "magwatt/v1/mill-2/gw-07/ledger/checkpoint", "s": "magwatt.ledger/1", "seq": 97, "hash": "ab"}
    line = json.dumps(body).encode() + b"\n"
    report = convert_segment(segment(tmp_path / "w", line, line), tmp_path / "lake", TODAY)
    assert report.rejected == 0
    [row] = rows(tmp_path / "lake", "checkpoint")
    del body["topic"]
    assert (row["seq"], json.loads(row["line"])) == (97, body)


def test_a_gateway_with_an_old_clock_is_in_the_folder_of_its_date(tmp_path: Path) -> None:
    convert_segment(
        segment(tmp_path / "w", received("gw-1", 1, t_ms=86_400_000), received("gw-1", 2)), tmp_path / "lake", TODAY
    )
    assert [path.split("/")[-2] for path in parts(tmp_path / "lake")] == ["day=1970-01-02", "day=2026-09-21"]


def test_two_gateways_with_one_name_overwrite_no_rows(tmp_path: Path) -> None:
    """Their segments have the same first and last id. A repeated conversion adds none."""
    lake = tmp_path / "lake"
    for shift_ms in (0, 137, 0, 137, 200):
        lines = [received("gw-1", n, t_ms=MIDNIGHT_MS + 1000 * n + shift_ms) for n in range(5)]
        convert_segment(segment(tmp_path / "w", *lines), lake, TODAY)
    for _ in range(2):
        asked = Lake(lake)
        assert sum(row.rows for row in coverage(asked)) == 15
        assert asked.findings == [codes.ROW_ID_SHARED(site="mill-2", gateway="gw-1", n=5)]
        [folder] = (lake / "telemetry").rglob("day=*")
        compact(lake, [folder], "2026-09-22")
    assert len(rows(lake, "telemetry")) == 15
    written = {path: (lake / path).stat().st_mtime_ns for path in parts(lake)}
    compact(lake, [folder], "2026-09-22")
    assert written == {path: (lake / path).stat().st_mtime_ns for path in parts(lake)}, "nothing is left to merge"


def test_small_files_of_a_day_are_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "FILES", 4)
    monkeypatch.setattr(compaction, "MERGED", 2)
    for number in range(10):  # each segment repeats two rows of the one before
        lines = [received("gw-1", 10 * number + n, text=f"{n % 3}") for n in range(-2, 10) if 10 * number + n >= 0]
        convert_segment(segment(tmp_path / "w", *lines), tmp_path / "lake", TODAY)
        assert len(parts(tmp_path / "lake")) < 4
        assert sum(row.rows for row in coverage(Lake(tmp_path / "lake"))) == 10 * number + 10
    [folder] = (tmp_path / "lake/telemetry").rglob("day=*")
    compact(tmp_path / "lake", [folder], "2026-09-22")
    found = rows(tmp_path / "lake", "telemetry")
    assert len(parts(tmp_path / "lake")) == 1
    assert [row["id"] for row in found] == [f"7-{n}" for n in range(100)]
    assert {row["text"] for row in found} == {"0", "1", "2"}


def test_the_first_segment_of_a_day_merges_the_day_before(tmp_path: Path) -> None:
    for number in range(3):
        convert_segment(segment(tmp_path / "w", received("gw-1", number)), tmp_path / "lake", TODAY)
    assert len(parts(tmp_path / "lake")) == 3
    tomorrow = received("gw-1", 9, t_ms=MIDNIGHT_MS + 86_400_000)
    convert_segment(segment(tmp_path / "w", tomorrow), tmp_path / "lake", "2026-09-22")
    assert [path.split("/")[-2:] for path in parts(tmp_path / "lake")] == [
        ["day=2026-09-21", "part-7-0_7-2.parquet"], ["day=2026-09-22", "part-7-9_7-9.parquet"]
    ]  # fmt: skip


def test_a_day_of_segments_is_not_written_many_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Merging all files whenever there are 24 writes each row 6 times in 288 segments, or 10 times with 16."""
    sizes, written = list[int](), 0
    folder = tmp_path / "day=2026-09-21"
    folder.mkdir()

    def merged(paths: list[Path]) -> None:
        nonlocal written
        size = sum(path.stat().st_size for path in paths)
        written += size
        for path in paths:
            path.unlink()
        paths[0].write_bytes(bytes(size))

    monkeypatch.setattr(compaction, "merge", merged)
    for number in range(288):
        (folder / f"part-{number}.parquet").write_bytes(b"r")
        compact(tmp_path, [folder], TODAY)
        sizes.append(len(list(folder.iterdir())))
    assert max(sizes) < 24
    assert written <= 2 * 288


def test_past_days_are_merged_over_several_segments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "PAST_BYTES", 1)
    for number in range(2):
        lines = [received(gateway, number) for gateway in ("gw-1", "gw-2")]
        convert_segment(segment(tmp_path / "w", *lines), tmp_path / "lake", TODAY)
    folders = list((tmp_path / "lake/telemetry").rglob("day=*"))
    for files in (4, 3, 2, 2):
        assert len(parts(tmp_path / "lake")) == files
        compact(tmp_path / "lake", folders, "2026-09-22")


def test_a_merge_that_is_killed_before_its_parts_are_deleted_counts_no_row_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        lines = [received("gw-1", 10 * number + n) for n in range(10)]
        convert_segment(segment(tmp_path / "w", *lines), tmp_path / "lake", TODAY)
    monkeypatch.setattr(Path, "unlink", lambda path: None)
    merge([tmp_path / "lake" / path for path in parts(tmp_path / "lake")])
    assert len(parts(tmp_path / "lake")) == 4
    assert sum(row.rows for row in coverage(Lake(tmp_path / "lake"))) == 30
