"""Files: every row once, over crashes, full disks and rotation; Parquet agrees with the lines."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from support.basics import wait_until
from support.dialects import Bench, configured

from agent.config.sinks import Files
from agent.core.messages import Message, codes
from agent.core.text import english
from agent.delivery.files import line_file, ndjson
from agent.delivery.files.conversion import LongConversion
from agent.delivery.files.ndjson import FileSink, later_name
from agent.delivery.store import SinkCursor
from agent.delivery.store.reasons import NO_SPACE_LEFT, RETENTION_EXPIRED
from drivers.reading import Quality


class Writing:
    def __init__(self, folder: Path, settings: Files) -> None:
        self.out = settings.directory
        self.bench = Bench(configured(folder, "mqtt://127.0.0.1:1"), folder / "state")
        root = self.bench.publisher.root
        self.sink = FileSink(settings, root, LongConversion(root) if settings.format == "parquet" else None)
        self.bench.publisher.sinks = [self.sink]
        self.drain: SinkCursor = self.bench.store.sink_cursors([self.sink.name])[self.sink.name]

    def settled(self) -> None:
        self.bench.store.flush()
        wait_until(lambda: self.bench.store.figures()["spool_rows"] == 0, 10, "all confirmed")

    def stop(self) -> None:
        self.bench.store.flush()
        self.sink.stop()
        self.bench.close()

    def lines(self) -> list[dict[str, Any]]:
        found = []
        for path in [*sorted(self.out.glob("rows-*.ndjson")), self.out / ndjson.OPEN]:
            if path.exists():
                found += [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]
        return found


@pytest.fixture
def writing(tmp_path: Path) -> Iterator[Writing]:
    found = Writing(tmp_path, Files(tmp_path / "out"))
    yield found
    found.stop()


def test_every_row_is_a_line_with_its_topic_in_order(writing: Writing) -> None:
    writing.sink.start(writing.drain)
    for number in range(300):
        writing.bench.row(active_power_w=float(number))
    writing.bench.row(None, "health", polls=1)
    writing.settled()
    found = writing.lines()
    assert [row["v"]["active_power_w"] for row in found[:300]] == list(range(300))
    assert found[0]["topic"] == "magwatt/v1/mill-2/gw-07/pump-1/telemetry"
    assert found[300]["topic"] == "magwatt/v1/mill-2/gw-07/health"
    assert len({row["id"] for row in found}) == 301


def test_a_crash_duplicates_nothing_and_a_partial_line_is_truncated(tmp_path: Path) -> None:
    first = Writing(tmp_path, Files(tmp_path / "out"))
    first.drain.confirm = lambda numbers: None  # type: ignore[method-assign]  # killed between the disk and the spool
    first.sink.start(first.drain)
    for number in range(50):
        first.bench.row(active_power_w=float(number))
    wait_until(lambda: first.sink.written == 50, 10, "written")
    first.stop()
    with (tmp_path / "out" / ndjson.OPEN).open("ab") as out:
        out.write(b'{"topic":"magwatt/v1/mi')
    second = Writing(tmp_path, Files(tmp_path / "out"))
    second.sink.start(second.drain)
    second.bench.row(active_power_w=50.0)
    second.settled()
    assert [row["v"]["active_power_w"] for row in second.lines()] == list(range(51))
    second.stop()


def test_a_folder_that_cannot_be_written_is_logged_once_and_nothing_is_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ndjson, "RETRY_S", 0.1)
    (tmp_path / "out").write_text("a file with the name of the folder")
    writing = Writing(tmp_path, Files(tmp_path / "out"))
    with caplog.at_level(logging.INFO):
        writing.sink.start(writing.drain)
        for number in range(20):
            writing.bench.row(active_power_w=float(number))
        wait_until(lambda: bool(caplog.records), 5, "logged")
        time.sleep(0.5)
        assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1
        (tmp_path / "out").unlink()
        writing.settled()
    assert [row["v"]["active_power_w"] for row in writing.lines()] == list(range(20))
    writing.stop()


def test_a_full_disk_leaves_complete_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ndjson, "RETRY_S", 0.1)
    real, room = line_file.os.write, [1000]

    def write(descriptor: int, data: bytes) -> int:
        taken = min(len(data), room[0])
        if taken == 0:
            raise OSError(28, "No space left on device")
        room[0] -= taken
        return real(descriptor, data[:taken])

    monkeypatch.setattr(line_file.os, "write", write)
    writing = Writing(tmp_path, Files(tmp_path / "out"))
    writing.sink.start(writing.drain)
    for number in range(30):
        writing.bench.row(active_power_w=float(number))
    wait_until(lambda: room[0] == 0, 5, "it is full")
    time.sleep(0.3)
    assert (tmp_path / "out" / ndjson.OPEN).read_bytes()[-1:] in (b"", b"\n"), "no partial line remains"
    room[0] = 1_000_000
    writing.settled()
    assert [row["v"]["active_power_w"] for row in writing.lines()] == list(range(30))
    writing.stop()


def test_files_are_rotated_by_size_and_the_oldest_are_deleted(tmp_path: Path) -> None:
    writing = Writing(tmp_path, Files(tmp_path / "out", rotate_bytes=3000, keep_bytes=12_000))
    writing.sink.start(writing.drain)
    for number in range(80):
        writing.bench.row(active_power_w=float(number))
        if number % 10 == 9:
            writing.settled()
    closed = sorted((tmp_path / "out").glob("rows-*.ndjson"))
    assert closed
    assert sum(path.stat().st_size for path in closed) <= 12_000
    kept = [row["v"]["active_power_w"] for row in writing.lines()]
    assert kept[0] > 0, "the oldest were deleted"
    assert kept == list(range(int(kept[0]), 80)), "the newest, without a gap"
    writing.stop()


def test_other_files_in_the_folder_are_not_touched(tmp_path: Path) -> None:
    writing = Writing(tmp_path, Files(tmp_path / "out", rotate_bytes=2000))
    (tmp_path / "out" / "rows-old").mkdir(parents=True)
    (tmp_path / "out" / "rows-of-may.ndjson").write_text("copied here by hand")
    writing.sink.start(writing.drain)
    for number in range(50):
        writing.bench.row(active_power_w=float(number))
        if number % 10 == 9:
            writing.settled()
    writing.stop()
    assert (tmp_path / "out" / "rows-old").is_dir()
    assert (tmp_path / "out" / "rows-of-may.ndjson").exists()
    assert len(list((tmp_path / "out").glob("rows-2*.ndjson"))) > 1


def test_an_error_with_an_old_file_duplicates_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are confirmed before their file is closed."""
    monkeypatch.setattr(ndjson, "RETRY_S", 0.1)
    writing = Writing(tmp_path, Files(tmp_path / "out", rotate_bytes=2000, keep_bytes=4000))

    def refuse(path: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "unlink", refuse)
    writing.sink.start(writing.drain)
    for number in range(100):
        writing.bench.row(active_power_w=float(number))
        if number % 10 == 9:
            writing.settled()
    assert [row["v"]["active_power_w"] for row in writing.lines()] == list(range(100))
    monkeypatch.undo()
    writing.stop()


def test_a_crash_after_a_file_was_closed_duplicates_nothing(tmp_path: Path) -> None:
    """The confirmation may not be committed yet: ids of the file closed last are compared too."""
    first = Writing(tmp_path, Files(tmp_path / "out", rotate_bytes=2000))
    first.drain.confirm = lambda numbers: None  # type: ignore[method-assign]  # killed between the disk and the spool
    for number in range(50):
        first.bench.row(active_power_w=float(number))
    first.sink.start(first.drain)  # all rows wait: they are one file
    wait_until(lambda: first.sink.written == 50, 10, "written")
    first.stop()
    [_] = (tmp_path / "out").glob("rows-*.ndjson")
    second = Writing(tmp_path, Files(tmp_path / "out"))
    second.sink.start(second.drain)
    second.bench.row(active_power_w=50.0)
    second.settled()
    assert [row["v"]["active_power_w"] for row in second.lines()] == list(range(51))
    second.stop()


def test_names_of_rotated_files_only_increase() -> None:
    assert later_name("20260921T120000Z", "") == "rows-20260921T120000Z-0000"
    assert later_name("20260921T120000Z", "rows-20260921T120000Z-0000") == "rows-20260921T120000Z-0001"
    assert later_name("20260921T110000Z", "rows-20260921T120000Z-0999") == "rows-20260921T120000Z-1000"
    assert later_name("20260921T130000Z", "rows-20260921T120000Z-0007") == "rows-20260921T130000Z-0000"


def test_parquet_agrees_with_the_lines(tmp_path: Path) -> None:
    writing = Writing(tmp_path, Files(tmp_path / "out", "parquet", rotate_bytes=900))
    t_ms = 1_790_000_000_123
    values = {"active_power_w": 71240, "motor_efficiency_pct": 96.1, "fault_text": "no fault", "frequency_hz": None}
    writing.bench.publisher.publish(Message("pump-1", "telemetry", t_ms, values, {"motor_efficiency_pct": 0.8},
                                            {"motor_efficiency_pct": "M5"}, {"active_power_w": Quality.STALE},
                                            Quality.SIMULATED))  # fmt: skip
    writing.bench.publisher.publish(Message("pump-1", "harmonics", t_ms, {"harmonic_u_l1_v": [0.1, 230.0, None] * 40}))
    writing.bench.publisher.publish(Message(None, "health", t_ms, {"polls": 7}))
    writing.bench.publisher.publish(Message(None, "event", t_ms, {"event_kind": "clock_step"}))
    caveats = [NO_SPACE_LEFT(), RETENTION_EXPIRED()]
    writing.bench.publisher.publish(Message("pump-1", "savings", t_ms, {"savings_caveats": codes(caveats)},
                                            reasons={"savings_caveats": caveats}))  # fmt: skip
    writing.sink.start(writing.drain)  # all rows are one batch
    wait_until(lambda: bool(list((tmp_path / "out").glob("*.parquet"))), 60, "converted")
    writing.stop()
    (path,) = (tmp_path / "out").glob("*.parquet")
    assert not list((tmp_path / "out").glob("rows-*.ndjson"))
    rows = {row["metric"]: row for row in pq.read_table(path).to_pylist()}
    power, efficiency = rows["active_power_w"], rows["motor_efficiency_pct"]
    assert (power["value"], power["asset"], power["kind"], power["flags"]) == (
        71240.0, "pump-1", "telemetry", "STALE SIMULATED",
    )  # fmt: skip
    assert power["t"] == datetime.fromtimestamp(t_ms / 1000, UTC)
    assert (efficiency["value"], efficiency["u"], efficiency["method"]) == (96.1, 0.8, "M5")
    assert rows["fault_text"]["text"] == "no fault"
    assert rows["frequency_hz"]["value"] is None
    assert rows["savings_caveats"]["text"] == "no_space_left,retention_expired"
    stored = json.loads(rows["savings_caveats"]["reasons"])
    assert [(item["code"], item["data"], item["text"]) for item in stored] == [
        (reason.code, {}, english(reason)) for reason in caveats
    ]
    assert {rows[name]["reasons"] for name in rows if name != "savings_caveats"} == {None}
    assert rows["harmonic_u_l1_v"]["series"] == [0.1, 230.0, None] * 40
    assert "motor_efficiency_pct_u" not in rows, "the uncertainty is in the row of its value"
    assert [rows[name]["asset"] for name in ("polls", "event_kind")] == [None, None], "messages of the gateway"
