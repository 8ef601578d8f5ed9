"""Rows of a lake in PostgreSQL: each once, with the values of the messages."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.lake import ROOT, line
from support.postgres import ask, run_script

from agent.core.messages import Message
from agent.core.metrics import by_name
from agent.delivery.files.lake.parts import Origin
from agent.delivery.files.lake.rows import convert
from agent.fleet.database import FRAME, DatabaseError, FleetDatabase
from agent.fleet.ingest.compaction import merge
from agent.fleet.lake import Lake, LakeError
from agent.fleet.load import KINDS, LoadReport, load
from agent.fleet.reasons import (
    DATABASE_BUSY,
    DATABASE_FAILED,
    DATABASE_MEAN_DIFFERS,
    DATABASE_TABLE_MISSING,
    LAKE_EMPTY,
    LAKE_FILE_UNREADABLE,
)
from agent.simulation.accelerated import run_accelerated
from drivers.reading import Quality
from simulators.scenarios import load as load_scenario

T_MS = 1_790_000_040_000  # 2026-09-21 14:14:00 UTC, a full minute


def add(folder: Path, first: int, *messages: Message, gateway: str = "gw-07") -> Lake:
    """Adds a file for each kind and day. first: number of the first message."""
    source, root = folder / "rows.ndjson", ROOT.replace("gw-07", gateway)
    lines = (line(f"7-{n}", message) for n, message in enumerate(messages, first))
    source.write_bytes(b"".join(text.replace(ROOT.encode(), root.encode()) for text in lines))
    convert(source, root, folder / "lake", Origin("mill-2", gateway, "1.2.3"))
    return Lake(folder / "lake")


def power(second: int, watts: float | None, asset: str = "fan", **values: Any) -> Message:
    return Message(asset, "telemetry", T_MS + 1000 * second, {"active_power_w": watts, **values})


def numbers(address: str, table: str = "telemetry") -> Sequence[str]:
    return [name for (name,) in ask(address, f"SELECT id FROM {table} ORDER BY gateway, length(id), id")]


def test_values_texts_and_what_is_unknown(tmp_path: Path, database: str) -> None:
    """A column that the table has not is added; an empty text is not null; per-bus counters and lists are left out."""
    lake = add(
        tmp_path, 8,
        Message("fan", "telemetry", T_MS + 123, {"active_power_w": 18200.5, "energy_counted_import_wh": 123_456_789_012,
                "motor_efficiency_pct": None, "fault_text": 'a "b", c\nd\\N', "cos_phi": 0.8125},
                {"motor_efficiency_pct": 0.75}, quality=Quality.SIMULATED),
        Message("fan", "savings", T_MS, {"saved_energy_wh": 1234, "savings_caveats": ""}, {"saved_energy_wh": 12.5}),
        Message("fan", "event", T_MS, {"event_kind": "dip", "snapshot_u_l1_v": [1.0, 2.0]}),
        Message(None, "health", T_MS, {"polls": 17, "bus_mcc-1_polls": 17}),
    )  # fmt: skip
    assert load(lake, database) == LoadReport(4, 4, 4)
    assert lake.findings == []
    assert ask(
        database,
        "SELECT site, gateway, asset, id, q, active_power_w, energy_counted_import_wh, motor_efficiency_pct, "
        "motor_efficiency_pct_u, fault_text, cos_phi FROM telemetry",
    )[0] == ("mill-2", "gw-07", "fan", "7-8", "good", 18200.5, 123_456_789_012.0, None, 0.75,
                 'a "b", c\nd\\N', 0.8125)  # fmt: skip
    assert ask(database, "SELECT extract(epoch FROM time) * 1000 FROM telemetry") == [(T_MS + 123,)]
    assert ask(database, "SELECT saved_energy_wh, saved_energy_wh_u, savings_caveats FROM savings") == [
        (1234, 12.5, "")
    ]
    assert ask(database, "SELECT asset, polls FROM health") == [(None, 17)]
    columns = {name for (name,) in ask(database, "SELECT column_name FROM information_schema.columns")}
    assert not {"snapshot_u_l1_v", "bus_mcc-1_polls"} & columns


def test_a_signal_is_loaded_where_somebody_added_its_column(tmp_path: Path, database: str) -> None:
    """Names of signals and buses are free: they may contain a hyphen."""
    lake = add(tmp_path, 8, power(0, 1.0, **{"descaler-1-flow_m3_h": 61.5, "other_t": 5}))
    with psycopg.connect(database) as db:
        db.execute('ALTER TABLE telemetry ADD COLUMN "descaler-1-flow_m3_h" real')
    assert load(lake, database).inserted == 1
    assert ask(database, 'SELECT "descaler-1-flow_m3_h" FROM telemetry') == [(61.5,)]
    assert ask(database, "SELECT FROM information_schema.columns WHERE column_name = 'other_t'") == []


def test_each_row_once_after_repetition_merging_and_overlap(tmp_path: Path, database: str) -> None:
    lake = add(tmp_path, 8, *(power(n, 1000.0 + n) for n in range(4)))
    add(tmp_path, 8, power(0, 500.0), gateway="gw-08")  # the same id of another gateway
    assert load(lake, database).inserted == 5
    assert load(lake, database) == LoadReport(), "files are read once"
    add(tmp_path, 11, power(3, 1003.0), power(4, 1004.0))  # one row is in two files
    assert load(lake, database) == LoadReport(1, 2, 1)
    parts = sorted((tmp_path / "lake").glob("telemetry/**/gateway=gw-07/**/*.parquet"))
    merge(parts)
    assert load(lake, database) == LoadReport(1, 5, 0), "a merged file has nothing new"
    assert numbers(database) == ["7-8", "7-9", "7-10", "7-11", "7-12", "7-8"]
    assert ask(database, "SELECT count(*) FROM loaded_file") == [(2,)], "merged files are forgotten"


def test_a_damaged_file_is_named_and_the_others_are_loaded(tmp_path: Path, database: str) -> None:
    """Also where the damage is found after most of its rows were read."""
    lake = add(tmp_path, 8, power(0, 1000.0))
    count = 12_000
    damaged = next((tmp_path / "lake").rglob("*.parquet")).with_name(f"part-7-9_7-{8 + count}.parquet")
    table = pa.table({
        "t": pa.array([T_MS + n for n in range(count)], pa.timestamp("ms", tz="UTC")),
        "id": [f"7-{n}" for n in range(9, 9 + count)], "asset": ["fan"] * count, "q": ["good"] * count,
        "active_power_w": pa.array(range(count), pa.float32()),
    })  # fmt: skip
    pq.write_table(table, damaged, row_group_size=3000, compression="zstd", use_dictionary=False)
    page = pq.ParquetFile(damaged).metadata.row_group(3).column(4).data_page_offset
    content = bytearray(damaged.read_bytes())
    content[page : page + 100] = b"\xff" * 100
    damaged.write_bytes(content)
    assert load(lake, database) == LoadReport(1, 1, 1)
    assert lake.findings == [LAKE_FILE_UNREADABLE(path=str(damaged))]
    assert numbers(database) == ["7-8"]


def test_a_text_instead_of_a_number_is_null_and_the_rest_remains(tmp_path: Path, database: str) -> None:
    """A message of another program, in one batch with others."""
    lake = add(tmp_path, 8, power(0, 1000.0), Message("fan", "telemetry", T_MS + 1000, {"active_power_w": "high"}))
    assert load(lake, database).inserted == 2
    assert ask(database, "SELECT active_power_w FROM telemetry ORDER BY time") == [(1000.0,), (None,)]


def test_means_follow_late_rows(tmp_path: Path, database: str) -> None:
    """Of a minute: powers are averaged, of counters and texts the last one counts, a late row changes the mean."""
    lake = add(tmp_path, 8, power(0, 1000.0, energy_counted_import_wh=70), power(30, 2000.0), power(59, None),
               power(60, 5000.0), power(0, 7.0, "pump"))  # fmt: skip
    assert load(lake, database, mean_s=60).inserted == 3
    query = "SELECT asset, active_power_w, energy_counted_import_wh, id FROM telemetry ORDER BY asset, time"
    assert ask(database, query) == [
        ("fan", 1500.0, 70.0, "7-10/3"), ("fan", 5000.0, None, "7-11/1"), ("pump", 7.0, None, "7-12/1"),
    ]  # fmt: skip
    add(tmp_path, 13, power(20, 3000.0))  # sent late
    assert load(lake, database, mean_s=60).inserted == 1
    assert ask(database, query)[0] == ("fan", 2000.0, 70.0, "7-10/4")
    assert len(ask(database, query)) == 3
    assert load(lake, database, mean_s=60) == LoadReport()
    with pytest.raises(DatabaseError) as mixed:
        load(lake, database)
    assert mixed.value.reason == DATABASE_MEAN_DIFFERS(loaded_s=60)


def test_only_days_from_since(tmp_path: Path, database: str) -> None:
    lake = add(tmp_path, 8, power(-86_400, 1.0), power(0, 2.0))
    assert load(lake, database, since="2026-09-21").inserted == 1
    assert load(lake, database).inserted == 1


def test_a_loader_that_ends_soon_is_waited_for(tmp_path: Path, database: str) -> None:
    """As after a kill: the server detects it some time later."""
    lake, other = add(tmp_path, 8, power(0, 1.0)), FleetDatabase(database)
    ending = threading.Timer(0.2, other.close)
    ending.start()
    assert load(lake, database).inserted == 1
    ending.join()


def test_what_prevents_loading_is_a_code(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.fleet.database.BUSY_S", 0.1)
    lake = add(tmp_path, 8, power(0, 1.0))
    with psycopg.connect(database) as db:
        db.execute("DROP TABLE pq10m")
    with pytest.raises(DatabaseError) as missing:
        load(lake, database)
    assert missing.value.reason == DATABASE_TABLE_MISSING(table="pq10m")
    other = FleetDatabase(database)
    with pytest.raises(DatabaseError) as busy:
        load(lake, database)
    assert busy.value.reason == DATABASE_BUSY()
    other.close()
    with pytest.raises(DatabaseError) as absent:
        load(lake, database.replace("/postgres", "/none"))
    assert absent.value.reason.code == DATABASE_FAILED
    (tmp_path / "empty").mkdir()
    run_script(database, "tables.sql")
    with pytest.raises(LakeError) as empty:
        load(Lake(tmp_path / "empty"), database)
    assert empty.value.reason.code == LAKE_EMPTY


@pytest.mark.soak
def test_what_an_agent_publishes_is_in_the_database(tmp_path: Path, database: str) -> None:
    """A quarter of an hour of a simulated plant with waveforms: each number and text of each message, and no other."""
    sent: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in KINDS}
    lines = list[bytes]()

    def keep(topic: str, payload: bytes, _retained: bool) -> None:
        body, kind = json.loads(payload or b"{}"), topic.rpartition("/")[2]
        if kind in sent and "id" in body:
            sent[kind][body["id"]] = body
            lines.append(b'{"topic":' + json.dumps(topic).encode() + b"," + payload[1:] + b"\n")

    run_accelerated(load_scenario("pump-station"), 900.0, keep)
    (tmp_path / "rows.ndjson").write_bytes(b"".join(lines))
    convert(tmp_path / "rows.ndjson", "magwatt/v1/demo/gw-01", tmp_path / "lake", Origin("demo", "gw-01", "1.2.3"))
    assert load(Lake(tmp_path / "lake"), database).inserted == len(lines)
    assert len(sent["telemetry"]) > 1000
    for kind, messages in sent.items():
        columns = ask(database, f"SELECT column_name FROM information_schema.columns WHERE table_name = '{kind}'")
        names = [name for (name,) in columns if name not in FRAME]
        quoted = ", ".join(f'"{name}"' for name in ("id", "q", *names))
        rows = ask(database, f"SELECT (extract(epoch FROM time) * 1000)::bigint, {quoted} FROM {kind}")
        assert len(rows) == len(messages)
        for t_ms, row_id, quality, *values in rows:
            body = messages[row_id]
            assert (t_ms, quality) == (body["t"], body["q"])
            published = {name: value for name, value in body["v"].items() if value is not None}
            found = {name: value for name, value in zip(names, values, strict=True) if value is not None}
            assert found == {name: published[name] for name in found}, "32 bits hold all digits that are published"
            left_out = {name for name in published.keys() - found.keys() if not isinstance(published[name], list)}
            assert all(name.removesuffix("_u") not in by_name(kind) for name in left_out), left_out
