"""The sink with layout = "wide": rows of two days, the state file and the configuration in one lake."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace
from support.basics import HandClock, wait_until
from support.dialects import Bench, configured
from support.lake import parts, rows
from support.snapshots import ROLES, sines

from agent.config.loader import load_config
from agent.config.reasons import WIDE_LAYOUT_NEEDS_PARQUET
from agent.config.sinks import Files
from agent.core.messages import Message
from agent.delivery.files import conversion, ndjson
from agent.delivery.files.conversion import ConfigurationFile, LakeConversion, LakeExport
from agent.delivery.files.lake.__main__ import POSITION, main
from agent.delivery.files.ndjson import FileSink
from agent.delivery.files.snapshots import SnapshotHeader, write_waiting
from agent.delivery.sinks import durable_sinks

MIDNIGHT_MS = 1_789_948_800_000  # 2026-09-21 00:00 UTC
DAY_MS = 86_400_000


def in_process(monkeypatch: pytest.MonkeyPatch) -> list[LakeExport]:
    """Runs exports in this process, which needs no second interpreter; returns them."""
    done: list[LakeExport] = []

    def run(_module: str, _arguments: object, _what: str, text: bytes) -> bool:
        done.append(msgspec.json.decode(text, type=LakeExport, dec_hook=lambda kind, value: kind(value)))
        main(done[-1])
        return True

    monkeypatch.setattr(conversion, "run", run)
    monkeypatch.setattr(ndjson, "GATHER_S", 0.01)
    return done


class Lake:
    """A sink with a lake, started an hour after midnight."""

    def __init__(self, folder: Path, **settings: int) -> None:
        files = Files(folder / "lake", "parquet", layout="wide", **settings)  # type: ignore[arg-type]
        self.lake, self.bench = files.directory, Bench(configured(folder, "mqtt://127.0.0.1:1"), folder / "state")
        self.conversion = LakeConversion(
            files, self.bench.config, self.bench.store.directory, HandClock(MIDNIGHT_MS / 1000 + 3600)
        )
        self.sink = FileSink(files, self.bench.publisher.root, self.conversion)
        self.bench.publisher.sinks = [self.sink]
        self.sink.start(self.bench.store.sink_cursors(["file"])["file"])

    def publish(self, *times_ms: int) -> None:
        before = self.sink.written
        for t_ms in times_ms:
            self.bench.publisher.publish(Message("pump-1", "telemetry", t_ms, {"active_power_w": t_ms % 1000}))
        self.bench.store.flush()
        wait_until(lambda: self.sink.written == before + len(times_ms), 10, "written")

    def close(self) -> None:
        self.sink.stop()
        self.bench.close()


def test_a_new_day_closes_the_file_of_the_day_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_process(monkeypatch)
    lake = Lake(tmp_path)
    lake.publish(MIDNIGHT_MS - 2000, MIDNIGHT_MS - 1000)
    assert not parts(lake.lake, "telemetry")
    lake.publish(MIDNIGHT_MS, MIDNIGHT_MS + 1000)
    wait_until(lambda: len(parts(lake.lake, "telemetry")) == 2, 10, "converted")
    lake.publish(MIDNIGHT_MS + 2000)
    lake.close()
    assert [path.split("/")[-2] for path in parts(lake.lake, "telemetry")] == ["day=2026-09-20", "day=2026-09-21"]
    assert len((lake.lake / ndjson.OPEN).read_text().splitlines()) == 1
    assert len(rows(lake.lake, "telemetry")) == 4


def test_the_state_is_exported_at_the_start_and_once_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = in_process(monkeypatch)
    lake = Lake(tmp_path)
    wait_until(lambda: len(done) == 1, 10, "start")
    lake.publish(MIDNIGHT_MS + DAY_MS + 899_999)  # a quarter of an hour after midnight everything of the day is stored
    lake.publish(MIDNIGHT_MS + DAY_MS + 900_000)
    lake.publish(MIDNIGHT_MS + DAY_MS + 900_001)
    lake.close()
    assert [export.to_ms for export in done if not export.closed] == [MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS]


def test_each_configuration_is_in_the_lake_with_the_time_of_its_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_process(monkeypatch)
    lake = Lake(tmp_path)
    first = lake.bench.config
    path = tmp_path / "magwatt.toml"
    wait_until(lambda: bool(parts(lake.lake, "configuration")), 10, "first")
    path.write_text(path.read_text(encoding="utf-8") + "# a comment\n", encoding="utf-8")
    lake.sink.reconfigure(load_config(path)[0])
    lake.publish(MIDNIGHT_MS)
    wait_until(lambda: len(parts(lake.lake, "configuration")) == 2, 10, "second")
    lake.close()
    found = sorted(rows(lake.lake, "configuration"), key=lambda row: row["valid_from"])
    assert [row["config"] for row in found] == [first.hash, load_config(path)[0].hash]
    assert [hashlib.sha256(row["text"].encode()).hexdigest()[:16] for row in found] == [row["config"] for row in found]
    again = LakeExport(lake.lake, "r", "mill-2", "gw-07", "1", "", None, to_ms=1, configurations=(
        ConfigurationFile(5, found[1]["config"], "", "UTC"),))  # fmt: skip
    main(again)
    assert len(rows(lake.lake, "configuration")) == 2, "the same after a restart"


def test_old_days_are_deleted_when_space_is_short_and_the_ledger_never(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_process(monkeypatch)
    lake = Lake(tmp_path, keep_bytes=5_000)
    ledger = lake.lake / "ledger/v=1/site=mill-2/gateway=gw-07/month=2026-09/part-1_2-0.parquet"
    ledger.parent.mkdir(parents=True)
    ledger.write_bytes(bytes(50_000))
    for day in range(8):
        lake.publish(MIDNIGHT_MS + day * DAY_MS)
    wait_until(lambda: bool(parts(lake.lake, "telemetry")), 10, "converted")
    lake.close()
    days = [path.split("/")[-2] for path in parts(lake.lake, "telemetry")]
    assert days[-1] >= "day=2026-09-26"
    assert "day=2026-09-21" not in days
    assert len(days) > 1
    assert ledger.exists()


def test_waiting_snapshots_are_converted_once_a_minute_and_deleted_when_space_is_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = in_process(monkeypatch)
    lake = Lake(tmp_path, keep_bytes=60_000)
    wait_until(lambda: len(done) == 1, 10, "start")

    def take(seconds: float) -> None:
        header = SnapshotHeader(asset="pump-1", start_ns=round(1e9 * (MIDNIGHT_MS / 1000 + seconds)), rate_hz=2048.0,
                                samples=2048, missing=0, channels=ROLES)  # fmt: skip
        write_waiting(lake.lake, header, sines(1, 2048.0).astype(np.float32))

    def converted() -> list[int]:
        return [len(export.snapshots) for export in done[1:]]

    take(1)
    lake.publish(MIDNIGHT_MS + 2000)
    wait_until(lambda: len(parts(lake.lake, "snapshot")) == 1, 10, "first")
    take(3)
    lake.publish(MIDNIGHT_MS + 4000)
    lake.publish(MIDNIGHT_MS + 61_000)
    assert converted() == [1]
    lake.publish(MIDNIGHT_MS + 62_000)
    wait_until(lambda: len(parts(lake.lake, "snapshot")) == 2, 10, "second")
    take(180)
    lake.publish(MIDNIGHT_MS + DAY_MS)
    lake.close()
    [left] = parts(lake.lake, "snapshot")
    assert left.endswith(f"/pump-1-{MIDNIGHT_MS + 180_000}.parquet")


def test_a_separate_process_does_the_same(tmp_path: Path) -> None:
    """The command of the sink, with the state file of a running agent."""
    lake = Lake(tmp_path)
    lake.publish(MIDNIGHT_MS - 1000, MIDNIGHT_MS)
    wait_until(lambda: len(parts(lake.lake, "telemetry")) == 2, 30, "converted")
    wait_until(lambda: (lake.lake / POSITION).exists(), 30, "state")
    lake.close()
    assert json.loads((lake.lake / POSITION).read_text())["configuration"] == lake.bench.config.hash


def test_the_sink_of_a_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_process(monkeypatch)
    bench = Bench(
        configured(tmp_path, "mqtt://127.0.0.1:1", '[file]\ndir = "lake"\nlayout = "wide"\n'), tmp_path / "state"
    )
    _, sink = durable_sinks(bench.config, bench.publisher, bench.store, bench.clock)
    bench.publisher.sinks = [sink]
    sink.start(bench.store.sink_cursors(["file"])["file"])
    for t_ms in (MIDNIGHT_MS - 1, MIDNIGHT_MS):
        bench.publisher.publish(Message("pump-1", "telemetry", t_ms, {"active_power_w": 1.0}))
    bench.store.flush()
    wait_until(lambda: len(parts(tmp_path / "lake", "telemetry")) == 2, 10, "converted")
    sink.stop()
    bench.close()
    assert len(parts(tmp_path / "lake", "configuration")) == 1


def test_the_wide_layout_is_parquet(tmp_path: Path) -> None:
    tables = '[file]\ndir = "x"\nlayout = "wide"\n'
    config = configured(tmp_path, "mqtt://127.0.0.1:1", tables)
    assert config.dialects.file == replace(Files(tmp_path / "x"), format="parquet", layout="wide")
    with pytest.raises(Exception, match=r"file\.layout") as raised:
        configured(tmp_path, "mqtt://127.0.0.1:1", tables + 'format = "ndjson"\n')
    [problem] = raised.value.problems  # type: ignore[attr-defined]
    assert problem.reason == WIDE_LAYOUT_NEEDS_PARQUET()
