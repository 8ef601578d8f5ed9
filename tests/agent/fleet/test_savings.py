"""Savings of a fleet: equal to the ledgers to the Wh. Truth: sums over the lines by a reader without magwatt."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest
from support import metered_retrofit
from support.independent_contract import energies_of
from support.lake import ROOT, interval, ledger, lines_of, ndjson

from agent.core.messages import Message
from agent.delivery.files.conversion import ConfigurationFile
from agent.delivery.files.lake.configurations import export_configurations
from agent.delivery.files.lake.parts import Origin
from agent.delivery.files.lake.records import Place, export_ledger
from agent.delivery.files.lake.rows import convert
from agent.fleet import reasons as codes
from agent.fleet import savings as module
from agent.fleet.lake import Lake, LakeError
from agent.fleet.savings import MotorMonth, savings

OCTOBER_MS = 1_790_784_000_000  # 2026-10-01 00:00 in Shanghai
QUARTER_MS = 900_000


def export(lake: Path, db: sqlite3.Connection, gateway: str = "gw-07", after: Place | None = None,
           zone: str = "Asia/Shanghai") -> Place:  # fmt: skip
    origin = Origin("mill-2", gateway, "1.2.3")
    export_configurations([ConfigurationFile(1, "c0ffee", "", zone)], lake, origin, "")
    return export_ledger(db, lake, origin, after or Place())


def asked(path: Path, month: str | None = None) -> tuple[list[MotorMonth], list[str]]:
    lake = Lake(path)
    return savings(lake, month), [str.__str__(finding.code) for finding in lake.findings]


def sums(rows: Iterable[MotorMonth]) -> dict[str, int]:
    found = list(rows)
    return {"measured_wh": sum(row.measured_wh for row in found), "adjusted_wh": sum(row.adjusted_wh for row in found)}


def test_a_month_of_a_retrofit(tmp_path: Path) -> None:
    metered_retrofit.retrofit(tmp_path, days=2)
    with closing(sqlite3.connect(tmp_path / "state" / "magwatt.sqlite")) as db:
        export(tmp_path / "lake", db)
        bodies = [line for line in lines_of(db) if '"kind":"interval"' in line]
        of_october = [line for line in bodies if '"adjusted_wh"' in line]
        rows, findings = asked(tmp_path / "lake")
        assert sums(rows) == energies_of(bodies)
        october = next(row for row in rows if row.month == "2024-10")
        truth = energies_of(of_october)
        assert (october.intervals, october.compared, october.covered_s) == (2 * 96, 2 * 96, 2 * 86_400)
        assert october.saved_wh == truth["adjusted_wh"] - truth["measured_wh"] > 0
        assert findings == []
        assert asked(tmp_path / "lake", "2024-10")[0] == [october]


def test_the_query_of_the_documentation_has_the_same_sums(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """lake.md joins savings to telemetry: a replaced, a withdrawn and an unknown interval, one that begins late."""
    page = (Path(__file__).parents[3] / "docs" / "how-to" / "lake.md").read_text(encoding="utf-8")
    [query] = re.findall(r"```sql\n(with .*?);\n```", page, re.DOTALL)
    at = [OCTOBER_MS + number * QUARTER_MS for number in range(5)]
    bodies = [interval(at[0], 900, 1000), interval(at[0], 800, 1000, auxiliary_wh=50), interval(at[1], 700, 900),
              interval(at[1], 700, 900, length_s=0), interval(at[2], None, 900), interval(at[3], 600),
              interval(at[4] + 60_000, 500, 600, length_s=840)]  # fmt: skip
    export(tmp_path / "lake", ledger(bodies))
    rows = {f"7-{number}": Message("fan", "telemetry", start + 120_000, {"motor_efficiency_pct": 90.0 + number})
            for number, start in enumerate(at)}  # fmt: skip
    convert(ndjson(tmp_path / "rows", rows), ROOT, tmp_path / "lake", Origin("mill-2", "gw-07", "1.2.3"))
    monkeypatch.chdir(tmp_path)
    found = duckdb.sql(f"select epoch_ms(start), measured_wh, saved_wh, efficiency_pct from ({query}) order by 1")
    assert found.fetchall() == [(at[0], 850, 150, 90.0), (at[2], None, None, 92.0), (at[3], 600, None, 93.0),
                                (at[4] + 60_000, 500, 100, 94.0)]  # fmt: skip
    [row], _ = asked(tmp_path / "lake")
    assert (row.measured_wh, row.saved_wh) == (850 + 600 + 500, 150 + 100)


@pytest.mark.parametrize("seed", range(6))
def test_a_history_with_later_records_of_the_same_intervals(tmp_path: Path, seed: int) -> None:
    """Replaced, withdrawn, unknown and shorter intervals in any order, in several exports, over months and motors."""
    chance, bodies = Random(seed), list[dict[str, Any]]()
    for number in range(1500):
        start = OCTOBER_MS + QUARTER_MS * chance.randrange(-300, 2900)
        fields: dict[str, Any] = {"asset": chance.choice(["fan", "pump"]), "t_ms": OCTOBER_MS + number * 2_000_000}
        if chance.random() < 0.05:
            fields |= {"length_s": 0}
        if chance.random() < 0.05:
            fields |= {"from_ms": start + 60_000, "length_s": 840}
        if chance.random() < 0.3:
            fields |= {"auxiliary_wh": chance.randrange(50)}
        energy = None if chance.random() < 0.05 else chance.randrange(20_000)
        bodies.append(interval(start, energy, chance.choice([None, chance.randrange(30_000)]), **fields))
    db = ledger(bodies)
    db.execute("create temp table later as select * from ledger where seq > 700")
    db.execute("delete from ledger where seq > 700")
    place = export(tmp_path, db)
    db.execute("insert into ledger select * from later")
    export(tmp_path, db, after=place)
    rows, _ = asked(tmp_path)
    assert sums(rows) == energies_of(lines_of(db))
    assert {row.month for row in rows} == {"2026-09", "2026-10"}
    assert sum(row.measured_wh for row in asked(tmp_path, "2026-09")[0]) == sum(
        row.measured_wh for row in rows if row.month == "2026-09"
    )


def test_only_intervals_with_both_energies_are_compared(tmp_path: Path) -> None:
    bodies = [interval(OCTOBER_MS, 1000, 1500, auxiliary_wh=30), interval(OCTOBER_MS + QUARTER_MS, None, 1500),
              interval(OCTOBER_MS + 2 * QUARTER_MS, 1000)]  # fmt: skip
    export(tmp_path, ledger(bodies))
    [row] = asked(tmp_path)[0]
    assert (row.intervals, row.compared, row.measured_wh, row.adjusted_wh, row.saved_wh) == (3, 1, 2030, 3000, 470)


@pytest.mark.parametrize(("zone", "months"), [
    ("Asia/Shanghai", {"2026-09": 1, "2026-10": 1}), ("UTC", {"2026-09": 2}), ("Asia/Tokyo", {"2026-10": 2}),
])  # fmt: skip
def test_a_month_is_that_of_the_site(tmp_path: Path, zone: str, months: dict[str, int]) -> None:
    export(tmp_path, ledger([interval(OCTOBER_MS - QUARTER_MS, 1), interval(OCTOBER_MS, 1)]), zone=zone)
    assert {row.month: row.intervals for row in asked(tmp_path)[0]} == months


def test_the_sums_do_not_depend_on_the_size_of_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        bodies = [interval(OCTOBER_MS + QUARTER_MS * n, 100 * number + n) for n in range(20)]
        export(tmp_path, ledger([*bodies, interval(OCTOBER_MS, 7)], str(number)), f"gw-{number}")
    rows = asked(tmp_path)[0]
    monkeypatch.setattr(module, "BATCH_BYTES", 1)
    assert asked(tmp_path)[0] == rows
    assert [row.measured_wh for row in rows] == [7 + sum(100 * number + n for n in range(1, 20)) for number in range(5)]


def test_two_gateways_with_one_name_are_listed_separately(tmp_path: Path) -> None:
    export(tmp_path, ledger([interval(OCTOBER_MS, 1000)], "one"))
    export(tmp_path, ledger([interval(OCTOBER_MS, 5000), interval(OCTOBER_MS + QUARTER_MS, 5000)], "other"))
    rows, findings = asked(tmp_path)
    assert sorted((row.intervals, row.measured_wh) for row in rows) == [(1, 1000), (2, 10_000)]
    assert findings == [str.__str__(codes.GATEWAY_NAME_SHARED)]


def test_records_that_are_exported_twice_count_once(tmp_path: Path) -> None:
    """The position was lost, or the directory of an upload contains both exports."""
    bodies = [interval(OCTOBER_MS + QUARTER_MS * n, n) for n in range(50)]
    export(tmp_path, ledger(bodies[:30]))
    export(tmp_path, ledger(bodies))
    [row] = asked(tmp_path)[0]
    assert (row.intervals, row.measured_wh) == (50, sum(range(50)))


def test_records_that_a_restored_backup_replaced_do_not_count(tmp_path: Path) -> None:
    """After the export of 30 intervals, the state of the 20th was restored, and 10 others followed."""
    bodies = [interval(OCTOBER_MS + QUARTER_MS * n, 100 + n) for n in range(30)]
    restore = {"kind": "restore", "t_ms": OCTOBER_MS + 31 * QUARTER_MS}
    others = [interval(OCTOBER_MS + QUARTER_MS * n, 5000 + n) for n in range(40, 50)]
    place = export(tmp_path, ledger(bodies))
    restored = ledger([*bodies[:20], restore, *others])
    export(tmp_path, restored, after=place)
    [row] = asked(tmp_path)[0]
    assert row.measured_wh == energies_of(lines_of(restored))["measured_wh"]
    assert row.intervals == 30


def test_a_missing_month_is_named(tmp_path: Path) -> None:
    export(tmp_path, ledger([interval(OCTOBER_MS, 1), interval(OCTOBER_MS + 61 * 86_400_000, 1)]))
    lake = Lake(tmp_path)
    savings(lake)
    assert lake.findings == [codes.MONTH_MISSING(site="mill-2", gateway="gw-07", motor="fan", month="2026-11")]


def test_a_gateway_without_a_configuration_has_months_of_utc(tmp_path: Path) -> None:
    export_ledger(ledger([interval(OCTOBER_MS, 1)]), tmp_path, Origin("mill-2", "gw-07", "1"), Place())
    rows, findings = asked(tmp_path)
    assert [row.month for row in rows] == ["2026-09"]
    assert findings == [str.__str__(codes.TIMEZONE_UNKNOWN)]


def test_without_a_ledger_there_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(LakeError) as raised:
        asked(tmp_path)
    assert raised.value.reason == codes.LAKE_EMPTY(path=str(tmp_path), dataset="ledger")
