"""What a worker does: one task, a function of the files that it names. Without numpy until it is called."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from agent.fleet.reanalysis.analyses import ANALYSES, Row, code_version

UNREADABLE, FAILED, WORKER_DIED = "unreadable", "failed", "worker_died"


class ReanalysisInput(NamedTuple):
    """Files that are analysed together.

    name: path of the file, or of the folder of the ledger, relative to the lake.
    site, gateway: whose it is.
    files: paths relative to the lake. size: their bytes.
    """

    name: str
    site: str
    gateway: str
    files: tuple[str, ...]
    size: int


class Task(NamedTuple):
    """analysis: its name. lake: as the worker sees it."""

    analysis: str
    lake: Path
    inputs: tuple[ReanalysisInput, ...]


class InputResult(NamedTuple):
    """digest: SHA-256 of the file; of several files, of their SHA-256. problem: "" or one of the constants above."""

    source: ReanalysisInput
    digest: str
    rows: list[Row]
    problem: str = ""
    error: str = ""


class TaskResult(NamedTuple):
    """code: version of the code of the worker."""

    code: str
    results: list[InputResult]


def compute(task: Task) -> TaskResult:
    """The results of all inputs. One that is damaged, or fails, does not stop the others."""
    return TaskResult(code_version(task.analysis), [_result(task, source) for source in task.inputs])


def compute_in_cluster(task: Task) -> TaskResult:
    """As `compute`, in a process that someone else has started."""
    _load_kernels()
    return compute(task)


def prepare() -> None:
    """At the start of a process of the pool: one thread, compiled kernels, an end with its parent."""
    from agent.core.child_process import end_with_parent

    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):  # otherwise each worker uses all processors
        os.environ[name] = "1"
    end_with_parent()
    _load_kernels()


@cache
def _load_kernels() -> None:
    """Workers never compile: one process of each computer does, the others wait for it."""
    from agent.core import kernel_cache

    kernel_cache.only_load()
    kernel_cache.complete()
    kernel_cache.prepare()


def _result(task: Task, source: ReanalysisInput) -> InputResult:
    import pyarrow as pa

    try:
        contents = [(task.lake / path).read_bytes() for path in source.files]
    except OSError as error:
        return InputResult(source, "", [], UNREADABLE, error.strerror or str(error))
    digest = _digest(contents)
    try:
        return InputResult(source, digest, ANALYSES[task.analysis].function()(contents))
    except (OSError, pa.ArrowException) as error:
        return InputResult(source, digest, [], UNREADABLE, _first_line(error))
    except Exception as error:  # a mistake that one input causes must not stop thousands of others
        return InputResult(source, digest, [], FAILED, f"{type(error).__name__}: {_first_line(error)}")


def _digest(contents: Sequence[bytes]) -> str:
    digests = [hashlib.sha256(content).hexdigest() for content in contents]
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _first_line(error: Any) -> str:
    return (str(error).splitlines() or [""])[0]
