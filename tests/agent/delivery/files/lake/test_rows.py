"""Rows of a lake: each row once, in the partition of its kind, gateway and day, also after an interruption."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.lake import ROOT, ndjson, parts, rows

from agent.core.messages import Message
from agent.delivery.files.lake.parts import Origin, is_id, name_of
from agent.delivery.files.lake.rows import convert

ORIGIN = Origin("mill-2", "gw-07", "1.2.3", "0f" * 8, "c0ffee")
MIDNIGHT_MS = 1_789_948_800_000  # 2026-09-21 00:00 UTC
PLACE = "v=1/site=mill-2/gateway=gw-07"


def telemetry(t_ms: int, asset: str | None = "pump-1", power_w: float = 1.0) -> Message:
    return Message(asset, "telemetry", t_ms, {"active_power_w": power_w})


def test_a_file_for_each_kind_and_day_with_the_ids_in_its_name(tmp_path: Path) -> None:
    source = ndjson(tmp_path / "rows.ndjson", {
        "7-9": telemetry(MIDNIGHT_MS - 1), "7-10": telemetry(MIDNIGHT_MS), "8-1": telemetry(MIDNIGHT_MS + 1),
        "8-2": Message(None, "health", MIDNIGHT_MS, {"polls": 7}),
    })  # fmt: skip
    convert(source, ROOT, tmp_path / "lake", ORIGIN)
    assert parts(tmp_path / "lake") == [
        f"health/{PLACE}/day=2026-09-21/part-8-2_8-2.parquet",
        f"telemetry/{PLACE}/day=2026-09-20/part-7-9_7-9.parquet",
        f"telemetry/{PLACE}/day=2026-09-21/part-7-10_8-1.parquet",
    ]
    assert not source.exists()
    assert [row["asset"] for row in rows(tmp_path / "lake", "health")] == [None], "a message of the gateway"


def test_rows_are_in_order_of_asset_and_time_and_each_id_is_there_once(tmp_path: Path) -> None:
    last = "1-2", telemetry(MIDNIGHT_MS + 5, power_w=5.0)
    other, first = ("1-1", telemetry(MIDNIGHT_MS + 2, "pump-2")), ("1-3", telemetry(MIDNIGHT_MS + 3, power_w=3.0))
    found = [other, last, first, last]
    convert(ndjson(tmp_path / "rows.ndjson", found), ROOT, tmp_path / "lake", ORIGIN)
    written = rows(tmp_path / "lake", "telemetry")
    assert [(row["asset"], row["id"], row["active_power_w"]) for row in written] == [
        ("pump-1", "1-3", 3.0), ("pump-1", "1-2", 5.0), ("pump-2", "1-1", 1.0),
    ]  # fmt: skip


def test_the_metadata_names_who_wrote_the_file(tmp_path: Path) -> None:
    [path] = convert(ndjson(tmp_path / "rows.ndjson", {"1-1": telemetry(1)}), ROOT, tmp_path / "lake", ORIGIN)
    metadata = pq.read_metadata(path).metadata
    expected = {"lake": "1", "site": "mill-2", "gateway": "gw-07", "agent": "1.2.3", "key": "0f" * 8,
                "config": "c0ffee"}  # fmt: skip
    assert {name: metadata[f"magwatt.{name}".encode()].decode() for name in expected} == expected


def test_an_interrupted_conversion_is_repeated_with_the_same_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = {f"1-{n}": telemetry(MIDNIGHT_MS + (n - 50) * 60_000, power_w=n / 7) for n in range(1, 101)}
    once = tmp_path / "once"
    convert(ndjson(tmp_path / "once.ndjson", messages), ROOT, once, ORIGIN)
    real, written = Path.rename, list[Path]()

    def rename(path: Path, target: Path) -> Path:
        written.append(path)
        if len(written) == 2:
            raise OSError(28, "No space left on device")
        return real(path, target)

    source, twice = ndjson(tmp_path / "twice.ndjson", messages), tmp_path / "twice"
    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(OSError, match="No space"):
        convert(source, ROOT, twice, ORIGIN)
    assert len(parts(twice)) == 1, "the second file is not visible"
    assert source.exists()
    convert(source, ROOT, twice, ORIGIN)
    assert parts(twice) == parts(once)
    assert [(twice / path).read_bytes() for path in parts(twice)] == [
        (once / path).read_bytes() for path in parts(once)
    ]
    assert not list(twice.rglob("*.partial"))


@pytest.mark.parametrize("row_id", ["x", "7-", "-1", "7-1-2", "7-123456789012", "1234567890-1"])
def test_a_text_that_is_no_id_is_not_the_name_of_a_file(row_id: str) -> None:
    assert not is_id(row_id)
    with pytest.raises(ValueError, match="id"):
        name_of(pa.array(["7-1", row_id]))


@pytest.mark.parametrize("ids", [["7-9", "7-10", "7-2"], ["10-1", "9-999"], ["7-17179869183", "7-0"]])
def test_ids_are_compared_as_numbers(ids: list[str]) -> None:
    numbers = sorted(tuple(map(int, row_id.split("-"))) for row_id in ids)
    first, last = (f"{run}-{row}" for run, row in (numbers[0], numbers[-1]))
    assert name_of(pa.array(ids)) == f"part-{first}_{last}.parquet"
    assert all(map(is_id, ids))


def test_a_line_that_is_no_message_keeps_the_file(tmp_path: Path) -> None:
    source = ndjson(tmp_path / "rows.ndjson", {"1-1": telemetry(1)})
    source.write_bytes(source.read_bytes() + b'{"topic": 7}\n')
    with pytest.raises(ValueError, match="topic"):
        convert(source, ROOT, tmp_path / "lake", ORIGIN)
    assert source.exists()
    assert parts(tmp_path / "lake") == []
