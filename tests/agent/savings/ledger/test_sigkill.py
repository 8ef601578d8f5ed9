"""A process that records intervals is killed repeatedly at random moments: its files stay valid, nothing is doubled."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from support import metered_motor
from support.basics import program
from support.metered_retrofit import PLANT

from agent.delivery.store.read_only import open_read_only
from agent.savings.ledger.verify import verify

FIRST_S = 10  # time of the first reading
TRAPEZOIDS_WH = 5.0  # a tenth of the energy between two readings at the lowest power
ROUNDED_WH = 0.5  # records have integer watt-hours


@pytest.mark.parametrize(
    ("kills", "seed"), [(10, 1), *(pytest.param(100, seed, marks=pytest.mark.soak) for seed in range(2, 6))]
)
def test_a_process_killed_while_it_records_leaves_each_interval_once(tmp_path: Path, kills: int, seed: int) -> None:
    (tmp_path / "plant.toml").write_text(PLANT, encoding="utf-8")
    subprocess.run(
        program("metered_motor", str(tmp_path), str(kills), str(seed)),
        check=True,
        timeout=30 + 3 * kills,
    )
    passed = [int(word) for word in (tmp_path / "passed").read_text(encoding="ascii").split()]
    committed = [line.split() for line in (tmp_path / "committed").read_text(encoding="ascii").splitlines()]
    db = open_read_only(tmp_path / "state" / "magwatt.sqlite")
    found = verify(db)
    assert found.ok, found.problems
    rows = db.execute("select seq, hash, kind, body from ledger order by seq").fetchall()
    intervals = [json.loads(body) for (body,) in db.execute("select body from interval order by start_ms").fetchall()]
    assert db.execute("pragma integrity_check").fetchone() == ("ok",)
    db.close()

    hashes = {str(seq): hash_ for seq, hash_, _, _ in rows}
    assert committed
    assert [hashes.get(seq) for seq, _ in committed] == [hash_ for _, hash_ in committed], "all commits are present"

    last: dict[int, dict[str, object]] = {}
    for _, _, kind, text in rows:
        if kind == "interval":
            body = json.loads(text)
            before = last.get(body["from_ms"])
            replaced = before["interval"] if before else None
            assert body.get("replaces") == replaced, "a second record replaces the first"
            last[body["from_ms"]] = body
    stored = [item["start_ms"] for item in intervals]
    assert stored[:-1] == sorted(last)[: len(stored) - 1], "no record is missing, except that of the running interval"

    wh = sum(item["energy_wh"] for item in intervals)
    true_wh = metered_motor.register_wh(passed[-1]) - metered_motor.register_wh(FIRST_S)
    assert wh == pytest.approx(true_wh, abs=TRAPEZOIDS_WH), "no energy is lost or doubled"
    for item in intervals[:-1]:
        assert last[item["start_ms"]]["energy_wh"] == pytest.approx(item["energy_wh"], abs=ROUNDED_WH)
