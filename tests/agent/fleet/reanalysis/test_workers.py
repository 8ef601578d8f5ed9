"""Processes that are killed: every input has its result once and in order, and one that kills is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support import reanalysis

from agent.fleet.reanalysis import workers as module
from agent.fleet.reanalysis.task import WORKER_DIED, Task, TaskResult
from agent.fleet.reanalysis.workers import ProcessWorkers, ReanalysisError
from agent.fleet.reasons import REANALYSIS_WORKERS_DIE


def computed(
    folder: Path, compute: Callable[[Task], TaskResult], count: int = 8, processes: int = 1
) -> tuple[list[str], list[str]]:
    """Names of the inputs in the order of their results, and of those that killed their worker."""
    results = [
        result
        for found in ProcessWorkers(processes, compute, reanalysis.nothing).results(reanalysis.tasks(folder, count))
        for result in found.results
    ]
    return [result.source.name for result in results], [
        result.source.name for result in results if result.problem == WORKER_DIED
    ]


def test_the_tasks_of_a_worker_that_was_killed_are_computed_again(tmp_path: Path) -> None:
    names, died = computed(tmp_path, reanalysis.compute_and_die_once, processes=2)
    assert (tmp_path / "died").exists()
    assert (names, died) == ([f"in-{number}" for number in range(8)], [])


def test_an_input_that_kills_each_worker_is_named_and_the_others_are_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TRIES", 1)
    names, died = computed(tmp_path, reanalysis.compute_and_die)
    assert (names, died) == ([f"in-{number}" for number in range(8)], ["in-3"])


def test_workers_that_all_die_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TRIES", 1)
    with pytest.raises(ReanalysisError) as raised:
        computed(tmp_path, reanalysis.die, 2)
    assert raised.value.reason.code == REANALYSIS_WORKERS_DIE
