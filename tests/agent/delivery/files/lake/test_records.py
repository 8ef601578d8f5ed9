"""The ledger in a lake: the signed lines unchanged and each once, and columns that repeat their fields."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support import metered_retrofit
from support.independent_contract import energies_of, first_bad_line
from support.lake import parts, rows

from agent.delivery.files.lake.parts import Origin
from agent.delivery.files.lake.records import Place, export_ledger, key_of

ORIGIN = Origin("mill-2", "gw-07", "1.2.3")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    metered_retrofit.retrofit(tmp_path, days=2)
    with closing(sqlite3.connect(tmp_path / "state" / "magwatt.sqlite")) as db:
        yield db


def stored(db: sqlite3.Connection) -> list[str]:
    return [line for (line,) in db.execute("select body from ledger order by seq")]


def exported(lake: Path) -> list[str]:
    return [row["line"] for row in sorted(rows(lake, "ledger"), key=lambda row: row["seq"])]


def test_the_lines_are_those_of_the_state_file_and_verify(state: sqlite3.Connection, tmp_path: Path) -> None:
    newest = export_ledger(state, tmp_path / "lake", ORIGIN, Place())
    lines = exported(tmp_path / "lake")
    assert lines == stored(state)
    assert newest.seq == len(lines)
    public = json.loads(lines[0])["key"]["public"]
    assert first_bad_line(lines, public) is None, "a verifier that shares no code with the product"
    assert key_of(state) == json.loads(lines[0])["key"]["fingerprint"]


def test_an_interval_has_the_stored_row_that_its_record_names(state: sqlite3.Connection, tmp_path: Path) -> None:
    changed = "update interval set body = body || ' ' where start_ms = (select max(start_ms) from interval)"
    state.execute(changed)
    export_ledger(state, tmp_path / "lake", ORIGIN, Place())
    found = [row for row in rows(tmp_path / "lake", "ledger") if row["kind"] == "interval"]
    digests = [json.loads(row["line"])["interval"] for row in found]
    assert [row["stored"] and hashlib.sha256(row["stored"].encode()).hexdigest() for row in found] == [
        *digests[:-1],
        None,
    ]


def test_the_columns_repeat_the_fields(state: sqlite3.Connection, tmp_path: Path) -> None:
    export_ledger(state, tmp_path / "lake", ORIGIN, Place())
    found = rows(tmp_path / "lake", "ledger")
    for row in found:
        body = json.loads(row["line"])
        assert (row["seq"], row["kind"], row["t"].timestamp() * 1000) == (body["seq"], body["kind"], body["t_ms"])
        if row["kind"] == "interval":
            assert row["start"].timestamp() * 1000 == body["from_ms"]
            for name in ("asset", "length_s", "energy_wh", "auxiliary_wh", "adjusted_wh", "covered_s", "software"):
                assert row[name] == body.get(name), name
    energies = energies_of(stored(state))
    assert sum(row["adjusted_wh"] or 0 for row in found) == energies["adjusted_wh"] > 0
    assert {path.split("/")[-2] for path in parts(tmp_path / "lake")} == {"month=2024-09", "month=2024-10"}


def test_later_exports_contain_later_records_only(state: sqlite3.Connection, tmp_path: Path) -> None:
    lines = stored(state)
    state.execute("create temp table later as select * from ledger where seq > 100")
    state.execute("delete from ledger where seq > 100")
    place = export_ledger(state, tmp_path / "lake", ORIGIN, Place())
    assert exported(tmp_path / "lake") == lines[:100]
    before = parts(tmp_path / "lake")
    assert export_ledger(state, tmp_path / "lake", ORIGIN, place) == place
    assert parts(tmp_path / "lake") == before, "nothing was added"
    state.execute("insert into ledger select * from later")
    export_ledger(state, tmp_path / "lake", ORIGIN, place)
    assert exported(tmp_path / "lake") == lines


def test_a_restored_ledger_is_exported_again_and_overwrites_nothing(state: sqlite3.Connection, tmp_path: Path) -> None:
    lake, lines = tmp_path / "lake", stored(state)
    place = export_ledger(state, lake, ORIGIN, Place())
    kept = {path: (lake / path).read_bytes() for path in parts(lake)}
    body = json.loads(lines[-1]) | {"t_ms": json.loads(lines[-1])["t_ms"] + 1}
    state.execute("update ledger set body = ?, hash = 'f' where seq = ?", (json.dumps(body), place.seq))
    export_ledger(state, lake, ORIGIN, place)
    assert all((lake / path).read_bytes() == content for path, content in kept.items())
    assert {row["line"] for row in rows(lake, "ledger")} == {*lines, json.dumps(body)}


def test_a_line_that_is_no_record_stays_a_line(state: sqlite3.Connection, tmp_path: Path) -> None:
    state.execute("update ledger set body = '{\"energy_wh\": \"much\"' where kind = 'interval' and seq = 7")
    export_ledger(state, tmp_path / "lake", ORIGIN, Place())
    [row] = [row for row in rows(tmp_path / "lake", "ledger") if row["seq"] == 7]
    assert (row["line"], row["energy_wh"]) == ('{"energy_wh": "much"', None)
