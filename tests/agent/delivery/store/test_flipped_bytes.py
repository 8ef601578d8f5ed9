"""Any damage of the state file: each waiting row arrives as it was, or is part of a gap, or the file is rejected.

SQLite checks the structure of a file, not its content; rows have checksums. The damages of the first test are those at
which rows were neither delivered nor announced, or at which the agent did not start.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from support.basics import HandClock
from support.damaged_file import PAGE, WaitingRow, damage_page, drain, flip, write_waiting_rows

from agent.delivery.store.database_file import NAME

SINKS = ["files", "mqtt"]
Damage = Callable[[bytearray], None]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, WaitingRow], float]:
    """A state file of a run that was stopped, its waiting rows, and the time after them."""
    clock = HandClock()
    directory = tmp_path_factory.mktemp("original") / "state"
    rows = write_waiting_rows(directory, clock, SINKS, 150)
    return directory, rows, clock.utc_ns() / 1e9


def check(directory: Path, rows: dict[str, WaitingRow], utc_s: float, sinks: list[str]) -> int:
    """Delivers what the file has; returns the number of deliveries that are missing and announced."""
    outcome = drain(directory, HandClock(utc_s), sinks)
    assert outcome.unannounced(rows) == []
    assert outcome.changed(rows) == []
    assert outcome.spool_rows == 0 or outcome.rejected
    return sum(len(rows) - len(came) for came in outcome.delivered.values())


def sql(statement: str) -> Damage:
    def damage(content: bytearray) -> None:
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
            content[18:20] = b"\1\1"  # a file in memory cannot have a WAL
            db.deserialize(bytes(content))
            db.execute("pragma writable_schema = on")
            db.execute(statement)
            content[:] = db.serialize()
            content[18:20] = b"\2\2"

    return damage


def header(at: int, value: int) -> Damage:
    def damage(content: bytearray) -> None:
        content[at] = value

    return damage


def schema(before: bytes, after: bytes) -> Damage:
    def damage(content: bytearray) -> None:
        assert content.count(before) == 1
        content[:] = content.replace(before, after)

    return damage


def spool_leaf(content: bytearray) -> int:
    """Offset of a page with rows in the middle of the spool."""
    with closing(sqlite3.connect(":memory:")) as db:
        db.deserialize(bytes(content[:18]) + b"\1\1" + bytes(content[20:]))
        pages = db.execute(
            "select pageno from dbstat where name = 'spool' and pagetype = 'leaf' order by path"
        ).fetchall()
    return (pages[len(pages) // 2][0] - 1) * PAGE


def null_in_a_row(content: bytearray) -> None:
    """Type of the column `kind` in the header of a record; SQLite rejects a null there."""
    leaf = spool_leaf(content)
    record = leaf + int.from_bytes(content[leaf + 8 : leaf + 10], "big")
    at = content.index(bytes([2 * len("telemetry") + 13]), record)
    content[at] = 0


def fewer_rows_in_a_page(content: bytearray) -> None:
    content[spool_leaf(content) + 4] -= 3


def unreadable_page(content: bytearray) -> None:
    leaf = spool_leaf(content)
    content[leaf : leaf + PAGE] = bytes(PAGE)


def changed_key(content: bytearray) -> None:
    """The number of a row in the middle exceeds that of all later ones."""
    leaf = spool_leaf(content)
    record = leaf + int.from_bytes(content[leaf + 8 : leaf + 10], "big")
    key = record + (2 if content[record] & 0x80 else 1)
    assert not content[key] & 0x04
    content[key] |= 0x04  # a bit of the number of the run


def cut_off(content: bytearray) -> None:
    del content[-100:]


ONE = "n = (select n from spool where n > (select avg(n) from spool) limit 1)"
DAMAGES: dict[str, tuple[Damage, int]] = {  # and the number of deliveries that may be missing
    "null_in_a_row": (null_in_a_row, 6),  # the sqlite3 module also loses the rows next to it
    "no sink of a row": (sql(f"update spool set owed = 0 where {ONE}"), 0),
    "one sink does not wait for a row": (sql(f"update spool set owed = owed & 1 where {ONE}"), 0),
    "the copy for a sink is changed": (sql(f"update spool set checks = checks & ~(1 << 33) where {ONE}"), 0),
    "another bit of a sink": (sql("update sinks set bit = 4 where bit = 0"), 0),
    "another name of a sink": (sql("update sinks set name = 'mqtu' where name = 'mqtt'"), 0),
    "sinks without key": (schema(b"sinks (bit integer primary", b"sinks (bit inteGex primary"), 0),
    "runs without key": (schema(b"boots (\n    n integer", b"boots (\n    n inte\xe7er"), 0),
    "file cut off": (cut_off, 2),
    "read-only file": (header(18, 6), 0),
    "schema of a later SQLite": (header(47, 5), 0),
    "older version": (header(63, 4), 0),
    "negative version": (header(60, 0x80), 0),
    "unreadable_page": (unreadable_page, 40),
    "fewer_rows": (fewer_rows_in_a_page, 6),
    "changed_key": (changed_key, 2),
}


@pytest.mark.parametrize("size", ["small", "large"])
@pytest.mark.parametrize("name", DAMAGES)
def test_a_damage_that_hid_rows(
    tmp_path: Path, original: tuple[Path, dict[str, WaitingRow], float], name: str, size: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The structure of a large file is checked in the background."""
    directory, rows, utc_s = original
    if size == "large":
        monkeypatch.setattr("agent.delivery.store.database_file.QUICK_CHECK_BYTES", 0)
    damage, missing_max = DAMAGES[name]
    copy = shutil.copytree(directory, tmp_path / "state")
    content = bytearray((copy / NAME).read_bytes())
    damage(content)
    (copy / NAME).write_bytes(content)
    assert check(copy, rows, utc_s, SINKS) <= missing_max


@pytest.mark.parametrize("seed", range(15))
def test_flipped_bits(tmp_path: Path, original: tuple[Path, dict[str, WaitingRow], float], seed: int) -> None:
    directory, rows, utc_s = original
    copy = shutil.copytree(directory, tmp_path / "state")
    content = bytearray((copy / NAME).read_bytes())
    flip(content, random.Random(seed))
    (copy / NAME).write_bytes(content)
    check(copy, rows, utc_s, SINKS)


def test_a_replacement_that_was_interrupted_begins_again(
    tmp_path: Path, original: tuple[Path, dict[str, WaitingRow], float], monkeypatch: pytest.MonkeyPatch
) -> None:
    directory, rows, utc_s = original
    copy = shutil.copytree(directory, tmp_path / "state")
    content = bytearray((copy / NAME).read_bytes())
    unreadable_page(content)
    (copy / NAME).write_bytes(content)
    with monkeypatch.context() as killed:
        killed.setattr("agent.delivery.store.replacement.set_aside", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            drain(copy, HandClock(utc_s), SINKS)
    assert 0 < check(copy, rows, utc_s, SINKS) < len(rows) / 4


def test_without_space_for_a_second_file_all_rows_are_a_gap(
    tmp_path: Path, original: tuple[Path, dict[str, WaitingRow], float], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise sqlite3.OperationalError("database or disk is full")

    directory, rows, utc_s = original
    copy = shutil.copytree(directory, tmp_path / "state")
    content = bytearray((copy / NAME).read_bytes())
    unreadable_page(content)
    (copy / NAME).write_bytes(content)
    monkeypatch.setattr("agent.delivery.store.replacement.salvage", full)
    assert check(copy, rows, utc_s, SINKS) == 2 * len(rows)
    assert [path.read_bytes() for path in copy.glob("*.corrupt-*Z")] == [bytes(content)]


@pytest.mark.soak
@pytest.mark.parametrize("size", ["small", "large"])
@pytest.mark.parametrize("sinks", [["mqtt"], SINKS], ids=["one", "two"])
@pytest.mark.parametrize("damage", [flip, damage_page])
@pytest.mark.parametrize("end", ["stopped", "killed", "checkpointed"])
def test_many_damages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: str, sinks: list[str], damage: Callable[..., None], end: str,
) -> None:  # fmt: skip
    """Takes 20 ms for each damage."""
    clock = HandClock()
    rows = write_waiting_rows(tmp_path / "original", clock, sinks, 150, end)
    file = NAME if end == "stopped" else f"{NAME}-wal"
    content = (tmp_path / "original" / file).read_bytes()
    if size == "large":
        monkeypatch.setattr("agent.delivery.store.database_file.QUICK_CHECK_BYTES", 0)
    for seed in range(500):
        damaged = bytearray(content)
        damage(damaged, random.Random(seed))
        copy = shutil.copytree(tmp_path / "original", tmp_path / f"{seed}")
        (copy / file).write_bytes(damaged)
        check(copy, rows, clock.utc_ns() / 1e9, sinks)
        shutil.rmtree(copy)
