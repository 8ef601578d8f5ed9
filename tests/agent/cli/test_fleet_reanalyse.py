"""`magwatt fleet reanalyse` on the command line: exit codes, counts, findings."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from support.command_line import invoke
from support.snapshots import START_NS, U_V, sines, snapshot

from agent.cli.fleet_reanalyse import ANALYSES as CHOICES
from agent.fleet.reanalysis.analyses import ANALYSES


def lake(folder: Path, count: int) -> str:
    for number in range(count):
        samples = sines(1, 2048.0).astype(np.float32)
        snapshot(folder, samples, 2048.0, start_ns=START_NS + number * 10**12, supply={"voltage_v": U_V})
    return str(folder)


def test_the_choices_are_the_analyses() -> None:
    assert tuple(ANALYSES) == CHOICES


def test_snapshots_are_analysed_by_processes_and_then_known(tmp_path: Path) -> None:
    path = lake(tmp_path, 3)
    [*_, last] = sorted((tmp_path / "snapshot").rglob("*.parquet"))
    last.write_bytes(last.read_bytes()[:500])
    command = ("fleet", "reanalyse", "power-quality", "--lake", path, "--workers", "1", "--json")
    result = invoke(*command)
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert (found["inputs"], found["computed"], found["rows"]) == (2, 2, 2)
    assert [finding["code"] for finding in found["findings"]] == ["lake_file_unreadable"]
    [file] = Path(found["folder"]).glob("*.parquet")
    assert {round(row["voltage_l1n_v"]) for row in pq.ParquetFile(file).read().to_pylist()} == {round(U_V)}
    last.unlink()
    again = invoke(*command)
    assert again.exit_code == 0
    assert json.loads(again.stdout)["known"] == 2


def test_wrong_usage(tmp_path: Path) -> None:
    assert invoke("fleet", "reanalyse", "efficiency", "--lake", str(tmp_path / "none")).exit_code == 2
    assert invoke("fleet", "reanalyse", "efficiency", "--lake", str(tmp_path), "--month", "May").exit_code == 2
    assert invoke("fleet", "reanalyse", "profit", "--lake", str(tmp_path)).exit_code == 2
