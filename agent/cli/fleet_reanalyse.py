"""`magwatt fleet reanalyse`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.fleet_options import lake_option, month_option, progress
from agent.cli.options import FINDING, fail
from agent.core.text import N_, _, as_object, text_of

if TYPE_CHECKING:
    from agent.fleet.reanalysis.run import ReanalysisReport
    from agent.fleet.reanalysis.workers import Workers

ANALYSES = ("power-quality", "efficiency", "condition", "baseline")  # as in agent/fleet/reanalysis/analyses.py


@click.command(
    help=N_(
        "Analyse the past again.\n\n"
        "power-quality, efficiency and condition of the snapshots of waveforms in a lake; baseline: fit the baselines "
        "again to the intervals of the ledgers, and compute the savings with them. What has results of this version of "
        "the code already is left out. Exits 1 if there is a finding."
    )
)
@click.argument("analysis", type=click.Choice(ANALYSES))
@lake_option
@click.option("--results", "results_dir", metavar="DIR", type=click.Path(path_type=Path),
              help=N_("Write the results here instead of into the lake."))  # fmt: skip
@month_option("--month", help=N_("Only snapshots of this month."))
@click.option("--workers", "count", type=click.IntRange(1, 1024), metavar="N",
              help=N_("Number of processes; by default, one for each processor."))  # fmt: skip
@click.option("--scheduler", metavar="URL", help=N_("Compute with the workers of this Dask scheduler."))
@click.option("--json", "as_json", is_flag=True, help=N_("Print JSON: one object."))
def reanalyse(
    analysis: str, lake_dir: Path, results_dir: Path | None, month: str | None, count: int | None,
    scheduler: str | None, as_json: bool,
) -> None:  # fmt: skip
    workers = _workers(count, scheduler)
    from agent.fleet.reanalysis.analyses import ANALYSES as KNOWN
    from agent.fleet.reanalysis.run import reanalyse as run
    from agent.fleet.reanalysis.workers import ReanalysisError

    if not lake_dir.is_dir():
        from agent.fleet.reasons import LAKE_MISSING

        fail(text_of(LAKE_MISSING(path=str(lake_dir))))
    wanted = (lambda partition: partition.startswith(month)) if month else (lambda _partition: True)
    show = progress(N_("{done:d} of {of:d} inputs"))
    try:
        report = run(lake_dir.resolve(), results_dir or lake_dir, KNOWN[analysis], workers, wanted, show)
    except (ReanalysisError, OSError) as error:
        fail(text_of(error) if isinstance(error, ReanalysisError) else str(error))
    _print(report, as_json)
    sys.exit(FINDING if report.findings else 0)


def _workers(count: int | None, scheduler: str | None) -> Workers:
    from agent.core import kernel_cache
    from agent.core.linear_algebra import check_linear_algebra
    from agent.delivery.output_libraries import is_installed

    if not is_installed("pyarrow"):
        fail(_("{library} is not installed; run pip install 'magwatt[fleet]'", library="pyarrow"))
    if scheduler and not is_installed("distributed"):
        fail(_("{library} is not installed; run pip install 'magwatt[cluster]'", library="distributed"))
    from agent.fleet.reanalysis.task import compute, compute_in_cluster, prepare
    from agent.fleet.reanalysis.workers import DaskWorkers, ProcessWorkers

    if scheduler:
        return DaskWorkers(scheduler, compute_in_cluster)
    check_linear_algebra()
    if not kernel_cache.is_complete():
        click.echo(
            _("compiling kernels; needed once after each installation or upgrade, takes about a minute"), err=True
        )
        kernel_cache.complete()
    return ProcessWorkers(count or len(os.sched_getaffinity(0)), compute, prepare)


def _print(report: ReanalysisReport, as_json: bool) -> None:
    counts = {"inputs": report.inputs, "known": report.known, "computed": report.computed, "failed": report.failed,
              "rows": report.rows, "files": report.files}  # fmt: skip
    folder = str(report.folder)
    if as_json:
        findings = [as_object(finding) for finding in report.findings]
        click.echo(json.dumps({**counts, "folder": folder, "code": report.code, "findings": findings}))
        return
    click.echo(_(
        "{inputs:d} inputs: {known:d} known, {computed:d} computed, {failed:d} failed; {rows:d} rows in {files:d} "
        "{files:file|files} of {folder}", **counts, folder=folder,
    ))  # fmt: skip
    for finding in report.findings:
        click.echo(text_of(finding), err=True)
