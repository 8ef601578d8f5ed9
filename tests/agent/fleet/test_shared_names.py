"""Two gateways with one name: their runs have rows at the same times."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.lake import ROOT, ndjson

from agent.core.messages import Message
from agent.delivery.files.lake.parts import Origin
from agent.delivery.files.lake.rows import convert
from agent.fleet import reasons as codes
from agent.fleet.lake import Lake
from agent.fleet.messages import coverage

MIDNIGHT_MS = 1_789_948_800_000  # 2026-09-21 00:00 UTC
Run = tuple[int, int, int]  # number of the run, first and last second


def findings(folder: Path, *files: list[Run]) -> list[object]:
    """Of a lake with these files, each with rows every 10 s of some runs."""
    for number, runs in enumerate(files):
        messages = [
            (f"{run}-{1000 * number + second}", Message("fan", "telemetry", MIDNIGHT_MS + 1000 * second, {"a": 1.0}))
            for run, first, last in runs for second in range(first, last + 1, 10)
        ]  # fmt: skip
        source = ndjson(folder / "rows.ndjson", messages)
        convert(source, ROOT, folder / "lake", Origin("mill-2", "gw-07", "1"))
    lake = Lake(folder / "lake")
    coverage(lake)
    return list(lake.findings)


@pytest.mark.parametrize("files", [
    [[(7, 0, 500)], [(12, 300, 900)]],
    [[(7, 0, 300), (12, 0, 300)]],  # received by one worker
    [[(7, 0, 100)], [(7, 800, 900)], [(12, 400, 500)]],  # one is between the rows of the other
])  # fmt: skip
def test_overlapping_runs_are_named(files: list[list[Run]], tmp_path: Path) -> None:
    assert findings(tmp_path, *files) == [
        codes.RUNS_OVERLAP(site="mill-2", gateway="gw-07", day="2026-09-21", run=7, other=12)
    ]


@pytest.mark.parametrize("files", [
    [[(7, 0, 500)], [(8, 510, 900)]],
    [[(7, 0, 500), (8, 510, 600)], [(9, 610, 700)]],
    [[(7, 0, 500)], [(8, 450, 900)]],  # its clock was set back by less than a minute
    [[(8, 0, 500)], [(7, 510, 900)]],  # a restored backup counts again from an earlier number
])  # fmt: skip
def test_a_gateway_that_was_restarted_is_one_gateway(files: list[list[Run]], tmp_path: Path) -> None:
    assert findings(tmp_path, *files) == []
