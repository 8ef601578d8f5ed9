"""Savings with the baseline of the ledger, and with a fitted one. Truth: the records, read without magwatt."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support import metered_retrofit, retrofit_lake
from support.independent_contract import energies_of
from support.lake import lines_of

from agent.delivery.files.conversion import ConfigurationFile
from agent.delivery.files.lake.configurations import export_configurations
from agent.delivery.files.lake.parts import Origin
from agent.delivery.files.lake.records import Place, export_ledger
from agent.fleet.reanalysis.analyses import ANALYSES
from agent.fleet.reanalysis.inputs import inputs_of
from agent.fleet.reanalysis.motor_months import ALL, baseline
from tests.agent.fleet.report.test_motors import own_report

ORIGIN = Origin("mill-2", "gw-07", "1.2.3")


def contents(lake: Path, db: sqlite3.Connection, text: str | None = None) -> list[bytes]:
    """What the analysis reads of a lake with this ledger. text: another configuration than that of the plant."""
    export_ledger(db, lake, ORIGIN, Place())
    text = (lake.parent / "plant.toml").read_text(encoding="utf-8") if text is None else text
    export_configurations([ConfigurationFile(1, "c0ffee", text, "Asia/Shanghai")], lake, ORIGIN, "")
    return read(lake)


def read(lake: Path) -> list[bytes]:
    [source] = inputs_of(lake, ANALYSES["baseline"], [])
    return [(lake / path).read_bytes() for path in source.files]


@pytest.fixture
def db(tmp_path: Path) -> Any:
    metered_retrofit.retrofit(tmp_path, days=2)
    with closing(sqlite3.connect(tmp_path / "state" / "magwatt.sqlite")) as opened:
        yield opened


def test_the_same_code_fits_the_same_baseline_and_finds_the_saving_of_the_ledger(
    db: sqlite3.Connection, tmp_path: Path
) -> None:
    frozen = metered_retrofit.retrofit(tmp_path / "other", days=2)
    assert frozen is not None
    months = {row["month"]: row for row in baseline(contents(tmp_path / "lake", db))}
    assert set(months) == {"2024-09", "2024-10", ALL}
    energies = energies_of([line for line in lines_of(db) if '"adjusted_wh"' in line])
    for row in (months["2024-10"], months[ALL]):
        assert row["frozen_hash"] == frozen.hash
        assert row["measured_wh"] == pytest.approx(energies["measured_wh"], abs=192)  # whole Wh of 192 records
        assert row["frozen_saved_wh"] == pytest.approx(energies["adjusted_wh"] - energies["measured_wh"], abs=192)
        assert row["refit_saved_wh"] == row["frozen_saved_wh"]
        assert (row["refit_u95_wh"], row["refit_drivers"]) == (row["frozen_u95_wh"], metered_retrofit.FLOW)
        assert (row["refit_intervals"], row["not_stored"], row["problem"]) == (192, 0, None)
    assert months["2024-09"]["frozen_intervals"] == 0


def test_the_frozen_baseline_gives_what_the_report_of_the_motor_states(tmp_path: Path) -> None:
    """With the uncertainty of drivers and meter that follows from the configuration."""
    plant = retrofit_lake.retrofit(tmp_path / "plant")
    retrofit_lake.to_lake(plant, tmp_path / "lake")
    truth = own_report(plant)
    row = next(row for row in baseline(read(tmp_path / "lake")) if row["month"] == retrofit_lake.MONTH)
    assert (row["frozen_saved_wh"], row["frozen_u95_wh"]) == (round(truth.saved_wh), round(truth.u95_wh))
    assert (row["frozen_verdict"], row["frozen_intervals"]) == (truth.verdict, truth.intervals)


@pytest.mark.parametrize(("text", "problem"), [
    ("", "configuration_unusable"), ('[site]\nid = "mill-2"\ngateway = "gw-07"\n', "configuration_missing"),
])  # fmt: skip
def test_without_a_configuration_of_the_motor_its_uncertainty_is_unknown(
    db: sqlite3.Connection, tmp_path: Path, text: str, problem: str
) -> None:
    row = baseline(contents(tmp_path / "lake", db, text))[-1]
    assert (row["frozen_u95_wh"], row["refit_u95_wh"], row["frozen_verdict"]) == (None, None, None)
    assert (row["problem"], row["frozen_saved_wh"] is None) == (problem, False)


def test_an_interval_that_is_no_longer_stored_is_counted(db: sqlite3.Connection, tmp_path: Path) -> None:
    """Its record names another version: the sum is without it."""
    start_ms = metered_retrofit.utc_ms("2024-10-01 06:00")
    db.execute("update interval set body = replace(body, '\"fan\"', '\"fun\"') where start_ms = ?", (start_ms,))
    row = baseline(contents(tmp_path / "lake", db))[-1]
    assert (row["not_stored"], row["frozen_intervals"]) == (1, 2 * 96 - 1)


def test_a_baseline_that_cannot_be_fitted_is_named(db: sqlite3.Connection, tmp_path: Path) -> None:
    db.execute("delete from interval where start_ms < ?", (metered_retrofit.utc_ms("2024-09-14 00:00"),))
    row = baseline(contents(tmp_path / "lake", db))[-1]
    assert row["problem"] is not None
    assert (row["refit_saved_wh"], row["refit_model"]) == (None, None)
    assert row["frozen_saved_wh"] is not None
