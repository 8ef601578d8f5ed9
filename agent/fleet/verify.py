"""Verification of all ledgers in a lake: chain, signatures, and the checkpoints that were published or given."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from itertools import groupby
from typing import Any

from msgspec import Struct

from agent.fleet.lake import Lake, LakeError, Relation
from agent.fleet.lake_files import LakeFile, newest_of_ledgers
from agent.fleet.reasons import LEDGER_EXPORT_LATE
from agent.fleet.shared_names import shared_ledgers
from agent.savings.ledger.chain import digest
from agent.savings.ledger.checkpoints import read
from agent.savings.ledger.verification import VerificationResult
from agent.savings.ledger.verify import verify_chain
from drivers.reasons import InvalidValue

PART = 20_000  # records in memory
LATE_MS = 2 * 86_400_000  # a ledger is exported once a day
_LINES = Relation({"seq": "bigint", "t": "timestamptz", "kind": "varchar", "line": "varchar"}, ("seq", "line"))
_CHECKPOINTS = Relation({"line": "varchar"}, ("line",))
Checkpoint = Mapping[str, Any]


class VerifiedLedger(Struct, frozen=True):
    """A ledger of a gateway and the result of its verification.

    newer: number of checkpoints of later records than the lake has; they are not compared.
    """

    site: str
    gateway: str
    ledger: str
    result: VerificationResult
    newer: int


def verify_ledgers(lake: Lake, given: Iterable[Checkpoint] = ()) -> Iterator[VerifiedLedger]:
    """By site and gateway. given: external checkpoints, in addition to those in the lake. Raises LakeError.

    A ledger that ends more than two days before its newest checkpoint is a finding. One of which no file can be read
    is left out: its files are findings.
    """
    files = newest_of_ledgers(lake.files("ledger"))
    lake.findings += shared_ledgers(map(_ledger_of, files))
    checkpoints = [*_published(lake), *given]
    for (site, gateway, ledger), group in groupby(sorted(files, key=_ledger_of), _ledger_of):
        own = [item for item in checkpoints if (item.get("site"), item.get("gateway")) == (site, gateway)]
        with closing(sqlite3.connect("")) as db:  # on disk, when it does not fit into memory
            if not (last := _copy(lake, list(group), db)):
                continue
            newer = [item for item in own if int(item["seq"]) > last]
            result = verify_chain(db, [item for item in own if int(item["seq"]) <= last])
        if newer and max(int(item.get("at", 0)) for item in newer) > result.last_ms + LATE_MS:
            day = max(str(item.get("day", "")) for item in newer)
            lake.findings.append(
                LEDGER_EXPORT_LATE(site=site, gateway=gateway, last_ms=result.last_ms, n=len(newer), day=day)
            )
        yield VerifiedLedger(site, gateway, ledger, result, len(newer))


def _ledger_of(file: LakeFile) -> tuple[str, str, str]:
    return file.site, file.gateway, file.ledger


def _copy(lake: Lake, files: Sequence[LakeFile], db: sqlite3.Connection) -> int:
    """Copies the records into a table as in a state file; returns the number of the last one."""
    db.execute("create table ledger (seq integer, t_ms integer, kind text, body text, hash text)")
    db.execute("create index ledger_seq on ledger (seq)")
    last = 0
    while rows := _records(lake, files, f"seq > {last} and seq <= {last + PART}") or _records(
        lake,
        files,
        f"seq = (select min(seq) from found where seq > {last})",  # after a gap in the numbers
    ):
        db.executemany("insert into ledger values (?, ?, ?, ?, ?)", ((*row, digest(row[3])) for row in rows))
        last = max(row[0] for row in rows)
    return last


def _records(lake: Lake, files: Sequence[LakeFile], where: str) -> list[tuple[Any, ...]]:
    return lake.ask(
        files,
        lambda rows: f"with found as {rows} select seq, epoch_ms(t), kind, line from found where {where} order by seq",
        _LINES,
    )


def _published(lake: Lake) -> list[Checkpoint]:
    """The checkpoints that `ingest` has received."""
    found = list[Checkpoint]()
    with suppress(LakeError):  # there are none
        for (line,) in lake.ask(lake.files("checkpoint"), lambda rows: f"select line from {rows}", _CHECKPOINTS):
            with suppress(InvalidValue):
                found += read(line)
    return found
