"""All ledgers of a lake against the checkpoints that were published or given."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support import metered_retrofit
from support.lake import interval, ledger, parts

from agent.delivery.files.lake.parts import Origin
from agent.delivery.files.lake.records import Place, export_ledger
from agent.fleet import reasons as codes
from agent.fleet import verify as module
from agent.fleet.ingest.segment import convert_segment
from agent.fleet.lake import Lake
from agent.fleet.verify import VerifiedLedger, verify_ledgers
from agent.savings.ledger import chain, checkpoints
from agent.savings.ledger import reasons as ledger_codes

ORIGIN = Origin("mill-2", "gw-07", "1.2.3")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Four days with a checkpoint each; the ledger is in the lake, and the checkpoints were published."""
    metered_retrofit.retrofit(tmp_path, days=4)
    with closing(sqlite3.connect(tmp_path / "state" / "magwatt.sqlite")) as db:
        export_ledger(db, tmp_path / "lake", ORIGIN, Place())
        segment = tmp_path / "segment-1.ndjson"
        topic = "magwatt/v1/mill-2/gw-07/ledger/checkpoint"
        messages = [checkpoints.checkpoint_message(record) for record in chain.records(db, "checkpoint")]
        segment.write_text("".join(json.dumps({"topic": topic, **message}) + "\n" for message in messages))
        assert convert_segment(segment, tmp_path / "lake", "2026-01-01").rejected == 0
        yield db


def verified(tmp_path: Path) -> tuple[VerifiedLedger, Lake]:
    lake = Lake(tmp_path / "lake")
    [check] = verify_ledgers(lake)
    return check, lake


def test_a_ledger_without_a_readable_file_is_not_valid(tmp_path: Path) -> None:
    export_ledger(ledger([interval(900_000 * n, 1000) for n in range(50)]), tmp_path, ORIGIN, Place())
    [path] = (tmp_path / "ledger").rglob("*.parquet")
    content = path.read_bytes()
    path.write_bytes(content[:4] + bytes(len(content) // 2) + content[len(content) // 2 + 4 :])
    lake = Lake(tmp_path)
    assert list(verify_ledgers(lake)) == []
    assert lake.findings == [codes.LAKE_FILE_UNREADABLE(path=str(path))]


@pytest.mark.parametrize("part", [20_000, 7])
def test_an_intact_ledger(
    state: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    monkeypatch.setattr(module, "PART", part)
    check, lake = verified(tmp_path)
    assert check.result.ok
    assert (check.result.records,) == state.execute("select count(*) from ledger").fetchone()
    assert check.result.external_checkpoints == check.result.checkpoints >= 4
    assert not check.result.self_named, "a checkpoint confirms the key"
    assert lake.findings == []


def test_a_changed_record_is_named(state: sqlite3.Connection, tmp_path: Path) -> None:
    for path in parts(tmp_path / "lake", "ledger"):
        (tmp_path / "lake" / path).unlink()
    state.execute("update ledger set body = replace(body, '\"covered_s\":900', '\"covered_s\":901') where seq = 9")
    export_ledger(state, tmp_path / "lake", ORIGIN, Place())
    check, _ = verified(tmp_path)
    assert check.result.first_bad == 9


def test_a_file_that_is_missing_is_named(state: sqlite3.Connection, tmp_path: Path) -> None:
    """Of the first of two months."""
    (first, *_) = parts(tmp_path / "lake", "ledger")
    last = int(first.split("-")[-2].split("_")[1])
    (tmp_path / "lake" / first).unlink()
    check, _ = verified(tmp_path)
    assert ledger_codes.RECORDS_MISSING(seq=1, last_seq=last) in check.result.problems


def test_a_ledger_that_was_rewritten_differs_from_its_checkpoints(state: sqlite3.Connection, tmp_path: Path) -> None:
    """With the key: every signature is right."""
    from agent.savings.ledger.signing_key import load_or_make

    bodies = [(record.kind, record.t_ms, record.body) for record in chain.records(state)]
    key = load_or_make(tmp_path / "state")
    state.execute("delete from ledger")
    for kind, t_ms, body in bodies[1:]:
        rest = {name: value for name, value in body.items() if name not in ("s", "seq", "kind", "t_ms", "prev", "sig")}
        rest |= {"energy_wh": 1} if kind == "interval" else {}
        chain.append_to(state, key, t_ms, [(kind, rest)])
    for path in parts(tmp_path / "lake", "ledger"):
        (tmp_path / "lake" / path).unlink()
    export_ledger(state, tmp_path / "lake", ORIGIN, Place())
    check, _ = verified(tmp_path)
    assert [str.__str__(problem.code) for problem in check.result.problems] == ["checkpoint_differs"]


def test_newer_checkpoints_are_no_problem_unless_the_export_is_late(state: sqlite3.Connection, tmp_path: Path) -> None:
    for path in parts(tmp_path / "lake", "ledger"):
        (tmp_path / "lake" / path).unlink()
    times = dict(state.execute("select seq, t_ms from ledger where kind = 'checkpoint'").fetchall())
    first, *_, last = sorted(times)
    state.execute("delete from ledger where seq > ?", (first,))
    export_ledger(state, tmp_path / "lake", ORIGIN, Place())
    check, lake = verified(tmp_path)
    assert check.result.ok
    assert check.newer == len(times) - 1
    late = times[last] - times[first] > 2 * 86_400_000
    assert [str.__str__(finding.code) for finding in lake.findings] == [str.__str__(codes.LEDGER_EXPORT_LATE)] * late
    assert late
