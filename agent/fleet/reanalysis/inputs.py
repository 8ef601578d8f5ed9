"""What an analysis reads of a lake: one input after the other, always in the same order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import groupby
from pathlib import Path

from agent.fleet.lake_files import LakeFile, files_of, newest_of_ledgers
from agent.fleet.reanalysis.analyses import Analysis
from agent.fleet.reanalysis.task import ReanalysisInput
from drivers.reasons import Reason


def inputs_of(
    lake: Path, analysis: Analysis, findings: list[Reason], wanted: Callable[[str], bool] = lambda _: True
) -> list[ReanalysisInput]:  # fmt: skip
    """By site, gateway and day or ledger. Files that cannot be used are added to the findings.

    wanted: whether a partition (2026-10-01 or 2026-10) is read.
    """
    if not analysis.by_ledger:
        found = files_of(lake, analysis.dataset, findings, wanted)
        paths = [file.path.relative_to(lake).as_posix() for file in found]
        return [ReanalysisInput(path, file.site, file.gateway, (path,), file.size)
                for path, file in zip(paths, found, strict=True)]  # fmt: skip
    ledgers = sorted(
        newest_of_ledgers(files_of(lake, analysis.dataset, findings)),
        key=lambda file: (file.site, file.gateway, file.ledger, file.first or (0, 0), file.path.name),
    )
    groups = groupby(ledgers, key=lambda file: (file.site, file.gateway, file.ledger))
    newest = {(file.site, file.gateway): file for file in files_of(lake, "configuration", findings)}  # names have times
    return [_of_ledger(lake, analysis.dataset, list(group), newest) for _, group in groups]


def _of_ledger(
    lake: Path, dataset: str, files: list[LakeFile], configurations: Mapping[tuple[str, str], LakeFile]
) -> ReanalysisInput:  # fmt: skip
    """With the newest configuration of the gateway, which has its time zone."""
    configuration = configurations.get((files[0].site, files[0].gateway))
    files = [*files, configuration] if configuration else files
    site, gateway, ledger = files[0].site, files[0].gateway, files[0].ledger
    paths = tuple(file.path.relative_to(lake).as_posix() for file in files)
    name = f"{dataset}/site={site}/gateway={gateway}/ledger={ledger}"
    return ReanalysisInput(name, site, gateway, paths, sum(file.size for file in files))
