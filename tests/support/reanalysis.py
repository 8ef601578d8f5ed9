"""Computations for workers that import nothing heavy, some of which end their process."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from agent.fleet.reanalysis.task import InputResult, ReanalysisInput, Task, TaskResult


def tasks(folder: Path, count: int, step: int = 2) -> list[Task]:
    """Inputs in-0, in-1, … in tasks of `step`."""
    found = [ReanalysisInput(f"in-{number}", "s", "g", (), number) for number in range(count)]
    return [Task("sum", folder, tuple(found[at : at + step])) for at in range(0, count, step)]


def compute(task: Task) -> TaskResult:
    return TaskResult("1", [InputResult(source, source.name, [{"n": source.size}]) for source in task.inputs])


def compute_and_die_once(task: Task) -> TaskResult:
    """The process that gets input 3 first is killed."""
    for source in task.inputs:
        if source.size == 3 and not (mark := task.lake / "died").exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return compute(task)


def compute_and_die(task: Task) -> TaskResult:
    """Each process that gets input 3 is killed."""
    if any(source.size == 3 for source in task.inputs):
        os.kill(os.getpid(), signal.SIGKILL)
    return compute(task)


def die(task: Task) -> TaskResult:
    os.kill(os.getpid(), signal.SIGKILL)
    return compute(task)


def nothing() -> None:
    """At the start of a process."""
