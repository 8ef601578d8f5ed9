"""`magwatt fleet` on the command line: exit codes, JSON and table."""

from __future__ import annotations

import errno
import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from support import metered_retrofit
from support.basics import free_port
from support.command_line import invoke
from support.fleet_rows import FleetRows
from support.lake import ROOT, interval, ledger, ndjson

from agent.core.messages import Message
from agent.delivery.files.conversion import ConfigurationFile
from agent.delivery.files.lake.configurations import export_configurations
from agent.delivery.files.lake.parts import Origin
from agent.delivery.files.lake.records import Place, export_ledger
from agent.delivery.files.lake.rows import convert

START_MS = 1_790_812_800_000
ORIGIN = Origin("mill-2", "gw-07", "1.2.3")


def lake(folder: Path) -> str:
    export_configurations([ConfigurationFile(1, "c0ffee", "", "Asia/Shanghai")], folder, ORIGIN, "")
    export_ledger(ledger([interval(START_MS + n * 900_000, 1000, 1501) for n in range(4)]), folder, ORIGIN, Place())
    return str(folder)


def test_savings_as_json(tmp_path: Path) -> None:
    result = invoke("fleet", "query", "savings", "--lake", lake(tmp_path), "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["findings"]) == (0, [])
    [row] = found["rows"]
    assert {name: row[name] for name in ("site", "gateway", "motor", "month", "measured_wh", "saved_wh")} == {
        "site": "mill-2", "gateway": "gw-07", "motor": "fan", "month": "2026-10", "measured_wh": 4000,
        "saved_wh": 2004,
    }  # fmt: skip


def test_the_table_has_all_digits_and_the_sum(tmp_path: Path) -> None:
    lines = invoke("fleet", "query", "savings", "--lake", lake(tmp_path), "--month", "2026-10").stdout.splitlines()
    assert lines[1].split() == ["mill-2", "gw-07", "fan", "2026-10", "4", "4.000", "6.004", "2.004"]
    assert lines[2].split()[-1] == "2.004"


def test_a_finding_is_exit_code_1(tmp_path: Path) -> None:
    path = lake(tmp_path)
    records = max((tmp_path / "ledger").rglob("*.parquet"))
    (records.parent / "records-0-9_10-00000000.parquet").write_bytes(b"PAR1")
    result = invoke("fleet", "query", "savings", "--lake", path, "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, [finding["code"] for finding in found["findings"]]) == (1, ["lake_file_unreadable"])
    assert found["rows"][0]["intervals"] == 4


def test_a_month_without_data_is_no_mistake(tmp_path: Path) -> None:
    FleetRows().write(tmp_path)
    lake(tmp_path)
    for question in ("savings", "coverage", "verdicts", "alarms"):
        result = invoke("fleet", "query", question, "--lake", str(tmp_path), "--month", "2099-01", "--json")
        assert (result.exit_code, json.loads(result.stdout)["rows"]) == (0, []), question


def test_wrong_usage_is_exit_code_2(tmp_path: Path) -> None:
    assert invoke("fleet", "query", "savings", "--lake", str(tmp_path / "none")).exit_code == 2
    assert invoke("fleet", "query", "coverage", "--lake", lake(tmp_path)).exit_code == 2
    assert invoke("fleet", "query", "savings", "--lake", str(tmp_path), "--month", "October").exit_code == 2
    assert invoke("fleet", "query", "profit", "--lake", str(tmp_path)).exit_code == 2


def test_the_verification_of_a_ledger_without_signatures_fails(tmp_path: Path) -> None:
    result = invoke("fleet", "verify", "--lake", lake(tmp_path), "--json")
    [found] = json.loads(result.stdout)["ledgers"]
    assert (result.exit_code, found["site"], found["ok"], found["records"]) == (1, "mill-2", False, 5)
    assert found["problems"][0]["code"] == "key_record_invalid"
    assert invoke("fleet", "verify", "--lake", str(tmp_path)).exit_code == 1


def test_a_verified_ledger_is_exit_code_0(tmp_path: Path) -> None:
    metered_retrofit.retrofit(tmp_path, days=1)
    with closing(sqlite3.connect(tmp_path / "state" / "magwatt.sqlite")) as db:
        export_ledger(db, tmp_path / "lake", ORIGIN, Place())
    result = invoke("fleet", "verify", "--lake", str(tmp_path / "lake"), "--json")
    [found] = json.loads(result.stdout)["ledgers"]
    assert (result.exit_code, found["ok"], found["self_named"]) == (0, True, True)


def test_names_of_workers_are_names_of_folders(tmp_path: Path) -> None:
    for option in ("--name", "--group"):
        assert invoke("fleet", "ingest", "--lake", str(tmp_path), option, "../x").exit_code == 2


@pytest.mark.text
def test_a_full_disk_names_the_lake_and_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("agent.fleet.ingest.session.IngestSession.connect_if_due", full)
    result = invoke("fleet", "ingest", "--lake", str(tmp_path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"{tmp_path}: No space left on device. ")
    assert "start the worker again" in result.stderr


def test_loading_into_a_database_reports_what_was_new(tmp_path: Path, database: str) -> None:
    FleetRows().write(tmp_path)
    counts = [json.loads(invoke("fleet", "load", "--lake", str(tmp_path), "--database", database, "--json").stdout)
              for _ in range(2)]  # fmt: skip
    assert [one["inserted"] > 0 for one in counts] == [True, False]
    assert counts[0]["rows"] == counts[0]["inserted"]


def test_nothing_of_the_last_days_is_no_mistake(tmp_path: Path, database: str) -> None:
    """A timer that loads them must not fail when the gateways are silent."""
    message = Message("fan", "telemetry", 10**12, {"active_power_w": 1.0})  # 2001
    convert(ndjson(tmp_path / "rows.ndjson", {"7-1": message}), ROOT, tmp_path, ORIGIN)
    options = ("--lake", str(tmp_path), "--database", database, "--days", "1", "--json")
    result = invoke("fleet", "load", *options)
    assert (result.exit_code, json.loads(result.stdout)["files"]) == (0, 0)


def test_only_the_last_days_are_loaded(tmp_path: Path, database: str) -> None:
    """Of rows of this day, of yesterday and of the day before."""
    source = tmp_path / "rows.ndjson"
    for days in range(3):
        message = Message("fan", "telemetry", time.time_ns() // 1_000_000 - 86_400_000 * days, {"active_power_w": 1.0})
        convert(ndjson(source, {f"{7 - days}-1": message}), ROOT, tmp_path, ORIGIN)
    for days, rows in ((1, 1), (2, 1), (3, 1), (3, 0)):
        options = ("--lake", str(tmp_path), "--database", database, "--days", str(days), "--json")
        assert json.loads(invoke("fleet", "load", *options).stdout)["inserted"] == rows


def test_loading_needs_a_lake_a_database_and_a_part_of_a_day(tmp_path: Path) -> None:
    absent = f"postgresql://127.0.0.1:{free_port()}/magwatt"
    for options in (["--days", "0"], ["--mean", "7"], ["--mean", "0"], []):
        assert invoke("fleet", "load", "--lake", str(tmp_path), "--database", absent, *options).exit_code == 2
    assert invoke("fleet", "load", "--lake", str(tmp_path)).exit_code == 2


def test_parts_and_prefixes_that_are_none(tmp_path: Path) -> None:
    for option, texts in (("--part", ("0/2", "3/2", "1", "a/b")), ("--topic-prefix", ("acme", "acme/#", "acme=../x"))):
        for text in texts:
            assert invoke("fleet", "ingest", "--lake", str(tmp_path), option, text).exit_code == 2, text
    assert list(tmp_path.iterdir()) == []
