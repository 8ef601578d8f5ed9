"""One analysis of all that a lake has: what is new is computed, results appear part by part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

from agent.fleet.reanalysis.analyses import Analysis, code_version
from agent.fleet.reanalysis.inputs import inputs_of
from agent.fleet.reanalysis.results import folder_of_results, known_inputs, only_one, write_results
from agent.fleet.reanalysis.task import FAILED, UNREADABLE, WORKER_DIED, InputResult, ReanalysisInput, Task
from agent.fleet.reanalysis.workers import ReanalysisError, Workers
from agent.fleet.reasons import (
    LAKE_EMPTY,
    LAKE_FILE_UNREADABLE,
    REANALYSIS_CODE_DIFFERS,
    REANALYSIS_FAILED,
    REANALYSIS_RUNS,
    REANALYSIS_WORKER_DIED,
)
from drivers.reasons import Reason

PART = 1000  # inputs whose results are in one file
Progress = Callable[[int, int], None]


class ReanalysisReport(Struct):
    """What was done.

    code: version of the code. folder: with the results.
    inputs: of the lake. known: of these, those that have results of this code already.
    computed: those that have results now. failed: those that have none. rows, files: what was written.
    findings: what is wrong with the lake or with inputs.
    """

    code: str
    folder: Path
    inputs: int = 0
    known: int = 0
    computed: int = 0
    failed: int = 0
    rows: int = 0
    files: int = 0
    findings: list[Reason] = []


def reanalyse(
    lake: Path, out: Path, analysis: Analysis, workers: Workers, wanted: Callable[[str], bool] = lambda _: True,
    progress: Progress = lambda done, total: None,
) -> ReanalysisReport:  # fmt: skip
    """Analyses what has no results of this code yet. out: where the results are written.

    The files of results depend on the inputs and the code only, not on the workers. wanted: whether a partition is
    read. progress: called with the number of inputs that are done and of all. Raises ReanalysisError, OSError.
    """
    code = code_version(analysis.name)
    report = ReanalysisReport(code, folder_of_results(out, analysis.name, code))
    found = inputs_of(lake, analysis, report.findings, wanted)
    if not found and not report.findings:
        raise ReanalysisError(LAKE_EMPTY(path=str(lake), dataset=analysis.dataset))
    try:
        with only_one(report.folder):
            _run(report, lake, analysis, found, workers, progress)
    except BlockingIOError:
        raise ReanalysisError(REANALYSIS_RUNS(path=str(report.folder))) from None
    return report


def _run(
    report: ReanalysisReport, lake: Path, analysis: Analysis, found: Sequence[ReanalysisInput], workers: Workers,
    progress: Progress,
) -> None:  # fmt: skip
    known = known_inputs(report.folder, report.findings)
    todo = [source for source in found if (source.name, source.size) not in known]
    report.inputs, report.known = len(found), len(found) - len(todo)
    part, done, size = list[InputResult](), 0, max(PART // analysis.batch, 1) * analysis.batch
    progress(0, len(todo))
    for result in workers.results(_tasks(analysis, lake, todo)):
        if result.code not in ("", report.code):
            raise ReanalysisError(REANALYSIS_CODE_DIFFERS(code=report.code, other=result.code))
        part += result.results
        done += len(result.results)
        progress(done, len(todo))
        if len(part) >= size:
            _finish(report, part, analysis)
            part = []
    _finish(report, part, analysis)


def _tasks(analysis: Analysis, lake: Path, todo: Sequence[ReanalysisInput]) -> list[Task]:
    step = analysis.batch
    return [Task(analysis.name, lake, tuple(todo[at : at + step])) for at in range(0, len(todo), step)]


def _finish(report: ReanalysisReport, part: Sequence[InputResult], analysis: Analysis) -> None:
    good = [result for result in part if not result.problem]
    report.findings += [_finding(result) for result in part if result.problem]
    report.computed += len(good)
    report.failed += len(part) - len(good)
    if write_results(report.folder, good, analysis.name, report.code) is not None:
        report.files += 1
        report.rows += sum(len(result.rows) for result in good)


def _finding(result: InputResult) -> Reason:
    path = result.source.name
    match result.problem:
        case problem if problem == UNREADABLE:
            return LAKE_FILE_UNREADABLE(path=path)
        case problem if problem == WORKER_DIED:
            return REANALYSIS_WORKER_DIED(path=path)
        case problem if problem == FAILED:
            return REANALYSIS_FAILED(path=path, error=result.error)
    raise ValueError(result.problem)
