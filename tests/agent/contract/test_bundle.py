"""A bundle of a month is verified without the product, down to the energies of the report."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support import independent_contract as independent
from support import metered_retrofit
from support.contract import document, signed, write_json

from agent.cli import main
from agent.contract import reasons as codes
from agent.contract.bundle import bundle_of
from agent.contract.documents import file_body
from agent.delivery.store.read_only import open_read_only
from drivers.reasons import InvalidValue

DAYS = 4
SPAN = metered_retrofit.utc_ms("2024-10-01 00:00"), metered_retrofit.utc_ms("2024-11-01 00:00")


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plant")
    metered_retrofit.retrofit(folder, days=DAYS)
    return folder


def made(plant: Path, *motors: str, span: tuple[int, int] = SPAN) -> dict[str, Any]:
    with contextlib.closing(open_read_only(plant / "state" / "magwatt.sqlite")) as db:
        return bundle_of(db, "2024-10", span, motors or ("fan",), ())


def test_the_command_writes_what_an_independent_verifier_accepts(plant: Path, tmp_path: Path) -> None:
    plan = write_json(tmp_path / "plan.json", file_body(signed(document()).signed))
    output = tmp_path / "bundle.json"
    command = ["ledger", "export", "--month", "2024-10", "--config", str(plant / "plant.toml"), "--output", str(output)]
    done = CliRunner().invoke(main, [*command, "--plan", str(plan)])
    assert done.exit_code == 0, done.output
    bundle = independent.parsed(output.read_text(encoding="utf-8"))
    assert (bundle["s"], bundle["month"], bundle["from_ms"], bundle["to_ms"]) == ("magwatt.bundle/2", "2024-10", *SPAN)
    assert independent.problem_of_bundle(bundle, bundle["key"]) is None
    assert [independent.in_force(each) for each in bundle["plans"]] == [True]
    energies = independent.energies_of(bundle["lines"])
    recorded = made_energies(plant)
    assert energies["measured_wh"] == recorded
    kinds = [independent.parsed(line)["kind"] for line in (*bundle["before"], *bundle["lines"])]
    assert kinds[:2] == ["key", "baseline"]
    assert kinds.count("interval") == 96 * DAYS


def test_the_next_checkpoint_is_part_of_a_bundle(plant: Path) -> None:
    """A party that holds a checkpoint compares it with the last line. The last interval of a day is recorded after the
    checkpoint of the day, so that a bundle has 95 intervals of the following day."""
    day = made(plant, span=(SPAN[0], SPAN[0] + 86_400_000))
    *most, last = map(json.loads, day["lines"])
    assert last["kind"] == "checkpoint"
    assert sum(body["kind"] == "interval" for body in most) == 96 + 95


def made_energies(plant: Path) -> int:
    """Measured energy of the month in the table of intervals, each part in whole Wh."""
    with contextlib.closing(sqlite3.connect(plant / "state" / "magwatt.sqlite")) as db:
        rows = db.execute("select body from interval where start_ms >= ?", SPAN[:1]).fetchall()
    return sum(round(item["energy_wh"]) + round(item["auxiliary_wh"]) for item in (json.loads(row[0]) for row in rows))


def test_no_manipulated_bundle_is_accepted(plant: Path) -> None:
    bundle = made(plant)
    key, lines = bundle["key"], bundle["lines"]
    other = json.loads(lines[5])["energy_wh"]
    edits: list[dict[str, Any]] = [
        bundle | {"lines": lines[:3] + lines[4:]},
        bundle | {"lines": [lines[1], lines[0], *lines[2:]]},
        bundle | {"lines": [*lines[:5], lines[5].replace(f'"energy_wh":{other}', f'"energy_wh":{other + 1}'),
                            *lines[6:]]},
        bundle | {"lines": [*lines, lines[-1]]},
        bundle | {"before": [bundle["before"][0], bundle["before"][1].replace("Li Wei", "Li Wai")]},
        bundle | {"before": bundle["before"][::-1]},
        bundle | {"key": "00" * 32},
        bundle | {"s": "magwatt.bundle/3"},
    ]  # fmt: skip
    for edit in edits:
        assert independent.problem_of_bundle(edit, key) is not None
    assert independent.problem_of_bundle(bundle, "00" * 32) is not None


def test_a_month_without_records_is_reported(plant: Path) -> None:
    for motors, span in ((("pump",), SPAN), (("fan",), (0, 1))):
        with pytest.raises(InvalidValue) as caught:
            made(plant, *motors, span=span)
        assert caught.value.reason == codes.BUNDLE_EMPTY(month="2024-10", motors=motors)


def test_records_of_an_hmac_key_are_not_exported(plant: Path) -> None:
    with contextlib.closing(open_read_only(plant / "state" / "magwatt.sqlite")) as found:
        db = sqlite3.connect(":memory:")
        found.backup(db)
    [text] = db.execute("select body from ledger where seq = 1").fetchone()
    [last] = db.execute("select max(seq) from ledger").fetchone()
    hmac = "update ledger set body = ? where seq = 1", (text.replace("ed25519", "hmac-sha256"),)
    later = "insert into ledger values (?, 0, 'key', ?, '')", (last + 1, text)  # the key of the month is another one
    for statement, values in (later, hmac):
        db.execute("savepoint case_")
        db.execute(statement, values)
        with pytest.raises(InvalidValue) as caught:
            bundle_of(db, "2024-10", SPAN, ("fan",), ())
        assert caught.value.reason.code == codes.BUNDLE_WITHOUT_PUBLIC_KEY
        db.execute("rollback to case_")
