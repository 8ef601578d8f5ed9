"""A re-analysis: nothing is overwritten or computed twice, damaged inputs are named and the rest is there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.snapshots import START_NS, sines, snapshot

from agent.fleet.reanalysis import run as module
from agent.fleet.reanalysis.analyses import ANALYSES, code_version
from agent.fleet.reanalysis.run import ReanalysisReport, reanalyse
from agent.fleet.reanalysis.task import Task, TaskResult, compute
from agent.fleet.reanalysis.workers import ReanalysisError
from agent.fleet.reasons import (
    LAKE_EMPTY,
    LAKE_FILE_UNREADABLE,
    REANALYSIS_CODE_DIFFERS,
    REANALYSIS_FAILED,
    REANALYSIS_RUNS,
)

RATE_HZ = 2048.0
DAY_NS = 86_400 * 10**9


class Here:
    """Computes in this process. tasks: what was computed. code: of the worker; None: that of this process."""

    def __init__(self, code: str | None = None) -> None:
        self.tasks: list[Task] = []
        self._code = code

    def results(self, tasks: Iterable[Task]) -> Iterator[TaskResult]:
        for task in tasks:
            self.tasks.append(task)
            found = compute(task)
            yield found if self._code is None else found._replace(code=self._code)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    for number in range(5):
        add(tmp_path, number)
    return tmp_path


def add(lake: Path, number: int, **fields: Any) -> Path:
    samples = sines(0.6, RATE_HZ, amps=10.0 + number).astype(np.float32)
    return snapshot(lake, samples, RATE_HZ, f"gw-{number % 2}", start_ns=START_NS + number * DAY_NS, **fields)


def run(lake: Path, out: Path | None = None, workers: Here | None = None, **more: Any) -> ReanalysisReport:
    return reanalyse(lake, out or lake, ANALYSES["efficiency"], workers or Here(), **more)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*.parquet")}


def test_results_name_their_inputs_and_code(lake: Path) -> None:
    report = run(lake)
    assert (report.inputs, report.known, report.computed, report.failed, report.rows) == (5, 0, 5, 0, 5)
    [path] = (lake / "result").rglob("*.parquet")
    assert path.parent == lake / "result" / "efficiency" / code_version("efficiency")
    file = pq.ParquetFile(path)
    rows = file.read().to_pylist()
    for row in rows:
        content = (lake / row["input"]).read_bytes()
        assert (row["input_sha256"], row["input_bytes"]) == (hashlib.sha256(content).hexdigest(), len(content))
        assert f"gateway={row['gateway']}" in row["input"]
    assert [row["gateway"] for row in rows] == ["gw-0"] * 3 + ["gw-1"] * 2
    assert file.metadata.metadata[b"magwatt.code"].decode() == report.code


def test_what_is_known_is_not_computed_again_and_stays(lake: Path) -> None:
    run(lake)
    before = files(lake / "result")
    add(lake, 7)
    workers = Here()
    report = run(lake, workers=workers)
    assert (report.known, report.computed) == (5, 1)
    assert [source.gateway for task in workers.tasks for source in task.inputs] == ["gw-1"]
    after = files(lake / "result")
    assert len(after) == 2
    assert before.items() <= after.items()


def test_an_interrupted_run_continues_with_the_same_files(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PART", 2)
    monkeypatch.setitem(ANALYSES, "efficiency", module.Analysis(**{**fields_of("efficiency"), "batch": 1}))
    run(lake, lake / "complete")

    class Stopped(Here):
        def results(self, tasks: Iterable[Task]) -> Iterator[TaskResult]:
            for number, found in enumerate(super().results(tasks)):
                if number == 3:
                    raise KeyboardInterrupt
                yield found

    with pytest.raises(KeyboardInterrupt):
        run(lake, lake / "again", Stopped())
    assert len(files(lake / "again")) == 1
    assert run(lake, lake / "again").known == 2
    assert files(lake / "again") == files(lake / "complete")
    assert len(files(lake / "complete")) == 3


def fields_of(name: str) -> dict[str, Any]:
    analysis = ANALYSES[name]
    return {field: getattr(analysis, field) for field in analysis.__struct_fields__}


def test_damaged_snapshots_are_named_and_the_rest_is_computed(lake: Path) -> None:
    paths = sorted((lake / "snapshot").rglob("*.parquet"))
    paths[0].write_bytes(paths[0].read_bytes()[:-100])  # cut off: seen from its end
    content = bytearray(paths[1].read_bytes())
    content[len(content) // 3] ^= 4  # one bit of the samples
    paths[1].write_bytes(content)
    failing = add(lake, 8, plate={"rated_w": "x"})
    report = run(lake)
    assert (report.inputs, report.computed, report.failed, report.rows) == (5, 3, 2, 3)
    found = {Path(str(reason.data["path"])).name: reason.code for reason in report.findings}
    assert found == {
        paths[0].name: LAKE_FILE_UNREADABLE, paths[1].name: LAKE_FILE_UNREADABLE, failing.name: REANALYSIS_FAILED,
    }  # fmt: skip


def test_one_month(lake: Path) -> None:
    report = run(lake, wanted=lambda partition: partition.startswith("2026-09"))
    assert (report.inputs, report.rows) == (1, 1)  # the other days are in October
    with pytest.raises(ReanalysisError) as raised:
        run(lake, wanted=lambda partition: partition.startswith("2026-08"))
    assert raised.value.reason.code == LAKE_EMPTY


def test_a_worker_with_other_code_is_an_error(lake: Path) -> None:
    with pytest.raises(ReanalysisError) as raised:
        run(lake, workers=Here("0.0.9-abc"))
    assert raised.value.reason.code == REANALYSIS_CODE_DIFFERS
    assert not files(lake / "result")


def test_the_progress_counts_all_inputs(lake: Path) -> None:
    seen: list[tuple[int, int]] = []
    run(lake, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(0, 5), (5, 5)]


def test_two_runs_at_once_do_not_write_the_same_files(lake: Path) -> None:
    class Twice(Here):
        def results(self, tasks: Iterable[Task]) -> Iterator[TaskResult]:
            with pytest.raises(ReanalysisError) as raised:
                run(lake)
            assert raised.value.reason.code == REANALYSIS_RUNS
            yield from super().results(tasks)

    assert run(lake, workers=Twice()).computed == 5


def test_a_damaged_file_of_results_is_named_and_stays(lake: Path) -> None:
    report = run(lake)
    [path] = report.folder.glob("*.parquet")
    path.write_bytes(path.read_bytes()[:100])
    again = run(lake)
    assert [(reason.code, reason.data["path"]) for reason in again.findings] == [(LAKE_FILE_UNREADABLE, str(path))]
    assert path.stat().st_size == 100
    path.unlink()
    assert run(lake).rows == 5
