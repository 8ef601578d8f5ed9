"""Gateways with one name: their rows are in one folder, and differ in ids and times only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from agent.fleet.lake import Gateway, Lake, Relation
from agent.fleet.lake_files import LakeFile, overlapping
from agent.fleet.reasons import GATEWAY_NAME_SHARED, ROW_ID_SHARED, RUNS_OVERLAP
from drivers.reasons import Reason

OVERLAP_MS = 60_000  # a clock that is set at the start of a run can go back by less
_SHARED = """
    select site, gateway, count(*) from (
        select site, gateway, id from {rows} group by all having count(distinct t) > 1
    ) group by all order by all
"""
_RUNS = """
    select site, gateway, partition, split_part(id, '-', 1)::bigint as run, epoch_ms(min(t)), epoch_ms(max(t))
    from {rows} group by all order by site, gateway, partition, min(t)
"""


def shared_name_findings(lake: Lake, files: Sequence[LakeFile], rows: Relation) -> Iterator[Reason]:
    """Ids with different times, and runs of a gateway that overlap in time. Raises LakeError.

    Only files of which this can be true by their names are read: it costs nothing in a lake without such gateways.
    """
    for site, gateway, n in lake.ask(overlapping(files)[1], lambda text: _SHARED.format(rows=text), rows):
        yield ROW_ID_SHARED(site=site, gateway=gateway, n=n)
    found = lake.ask(_of_several_runs(files), lambda text: _RUNS.format(rows=text), rows)
    for (site, gateway), of_gateway in groupby(found, lambda row: row[:2]):
        for day, runs in groupby(of_gateway, lambda row: row[2]):
            if pair := _overlap([row[3:] for row in runs]):
                yield RUNS_OVERLAP(site=site, gateway=gateway, day=day, run=pair[0], other=pair[1])
                break


def shared_ledgers(found: Iterable[tuple[str, str, str]]) -> Iterator[Reason]:
    """Gateways with several ledgers. found: site, gateway and identity of each."""
    ledgers: dict[Gateway, set[str]] = defaultdict(set)
    for site, gateway, ledger in found:
        ledgers[site, gateway].add(ledger)
    for (site, gateway), own in ledgers.items():
        if len(own) > 1:
            yield GATEWAY_NAME_SHARED(site=site, gateway=gateway, n=len(own))


def _of_several_runs(files: Sequence[LakeFile]) -> list[LakeFile]:
    """Files of days on which a gateway has rows of more than one run."""
    days: dict[tuple[str, str, str], list[LakeFile]] = defaultdict(list)
    for file in files:
        days[file.site, file.gateway, file.partition].append(file)
    return [
        file for found in days.values() for file in found
        if len({end[0] for each in found for end in (each.first, each.last) if end is not None}) > 1
    ]  # fmt: skip


def _overlap(runs: Sequence[tuple[int, int, int]]) -> tuple[int, int] | None:
    """Two runs with rows at the same time. runs: number, first and last time, in order of the first."""
    (before, _, end_ms), *others = runs
    for run, first_ms, last_ms in others:
        if min(end_ms, last_ms) - first_ms > OVERLAP_MS:
            return before, run
        if last_ms > end_ms:
            before, end_ms = run, last_ms
    return None
