"""A lake with everything that can be wrong with it: each is named, and the rest is computed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.command_line import invoke
from support.lake import ROOT, interval, ledger, ndjson

from agent.core.messages import Message
from agent.delivery.files.conversion import ConfigurationFile
from agent.delivery.files.lake.configurations import export_configurations
from agent.delivery.files.lake.parts import Origin
from agent.delivery.files.lake.records import Place, export_ledger
from agent.delivery.files.lake.rows import convert

DAY_MS = 86_400_000
T_MS = 1_789_948_800_000  # 2026-09-21 00:00 UTC
KINDS: Mapping[str, dict[str, Any]] = {
    "telemetry": {"active_power_w": 1.0},
    "savings": {"savings_verdict": "proven", "saved_energy_wh": 5.0},
    "event": {"event_kind": "alarm", "alarm": "dry_run", "alarm_change": "raised", "alarm_state": "UNACK",
              "alarm_priority": "high"},
}  # fmt: skip


def add(lake: Path, gateway: str, rows: Mapping[str, int]) -> None:
    """Messages of each kind. rows: id → time."""
    messages = [(row_id, Message("fan", kind, t_ms, values)) for row_id, t_ms in rows.items()
                for kind, values in KINDS.items()]  # fmt: skip
    convert(ndjson(lake.parent / "rows", messages), ROOT, lake, Origin("mill-2", gateway, "1"))


def add_ledger(lake: Path, gateway: str, *starts_ms: int, name: str = "") -> None:
    origin = Origin("mill-2", gateway, "1")
    export_configurations([ConfigurationFile(1, "c0ffee", "", "Asia/Shanghai")], lake, origin, "")
    export_ledger(ledger([interval(at, 1000, 1501) for at in starts_ms], name or gateway), lake, origin, Place())


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("fleet") / "lake"
    for gateway in ("good", "cut", "later"):
        add(found, gateway, {"7-1": T_MS, "7-2": T_MS + 1000})
        add_ledger(found, gateway, T_MS)
    for path in list(found.rglob("gateway=cut/**/*.parquet")):
        if path.parent.name in ("day=2026-09-21", "month=2026-09"):
            path.write_bytes(path.read_bytes()[:-20])
    shutil.copytree(found / "telemetry/v=1/site=mill-2/gateway=later", found / "telemetry/v=2/site=x/gateway=later")
    add(found, "clock", {"7-1": T_MS})
    add(found, "clock", {"8-1": T_MS - 400 * DAY_MS})
    add_ledger(found, "clock", T_MS, T_MS - 400 * DAY_MS, T_MS + DAY_MS)
    for name, shift_ms in (("one", 0), ("other", 137)):
        add(found, "two", {f"{7 + shift_ms}-{n}": T_MS + 100_000 * n + shift_ms for n in range(3)})
        add_ledger(found, "two", T_MS, name=name)
    add(found, "gap", {"7-1": T_MS, "7-2": T_MS + 62 * DAY_MS})
    add_ledger(found, "gap", T_MS, T_MS + 62 * DAY_MS)
    return found


@pytest.mark.parametrize(("question", "rows", "expected"), [
    ("savings", 8, {"cut": "lake_file_unreadable", "clock": "clock_was_back", "clock/fan": "months_missing",
                    "two": "gateway_name_shared", "gap/fan": "month_missing"}),
    ("coverage", 7, {"cut": "lake_file_unreadable", "clock": "clock_was_back", "clock/fan": "months_missing",
                     "two": "runs_overlap", "gap/fan": "month_missing", "v=2": "lake_version_unknown"}),
    ("verdicts", 5, {"cut": "lake_file_unreadable", "clock": "clock_was_back", "two": "runs_overlap"}),
    ("alarms", 5, {"cut": "lake_file_unreadable", "clock": "clock_was_back", "two": "runs_overlap"}),
])  # fmt: skip
def test_each_question(question: str, rows: int, expected: dict[str, str], lake: Path) -> None:
    result = invoke("fleet", "query", question, "--lake", str(lake), "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert {place_of(finding["data"]): finding["code"] for finding in found["findings"]} == expected
    assert len(found["findings"]) == len(expected), "each once"
    assert len(found["rows"]) == rows
    assert "good" in {row["gateway"] for row in found["rows"]}


def test_a_missing_month_that_is_asked_for(lake: Path) -> None:
    result = invoke("fleet", "query", "savings", "--lake", str(lake), "--month", "2026-10", "--json")
    found = json.loads(result.stdout)
    codes = {place_of(finding["data"]): finding["code"] for finding in found["findings"]}
    assert (result.exit_code, codes["gap"]) == (1, "gateway_month_missing")


def test_verdicts_and_priorities_are_in_the_language_of_the_reader(lake: Path) -> None:
    for question, code in (("verdicts", "proven"), ("alarms", "high")):
        result = invoke("--lang", "zh", "fleet", "query", question, "--lake", str(lake))
        assert "mill-2" in result.stdout
        assert code not in result.stdout


def test_the_verification_of_the_ledgers(lake: Path) -> None:
    found = json.loads(invoke("fleet", "verify", "--lake", str(lake), "--json").stdout)
    codes = {place_of(finding["data"]): finding["code"] for finding in found["findings"]}
    assert codes == {"cut": "lake_file_unreadable", "clock": "clock_was_back", "two": "gateway_name_shared"}
    assert len(found["ledgers"]) == 7


def place_of(data: Mapping[str, Any]) -> str:
    """The gateway, or gateway and motor, or version, that a finding names."""
    if "version" in data:
        return f"v={data['version']}"
    if "path" in data:
        return next(part for part in Path(data["path"]).parts if part.startswith("gateway=")).removeprefix("gateway=")
    return f"{data['gateway']}/{data['motor']}" if "motor" in data else str(data["gateway"])
