"""The saving of a motor from a lake is that of its report: equal to the last digit, with the same U95.

Truth: `magwatt report` on the gateway, whose figures have their own tests.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.lake import parts
from support.retrofit_lake import BEGIN_MS, DAY_MS, MONTH, NOW_MS, maintenance, retrofit, to_lake

from agent.config.loader import load_config
from agent.fleet.report.motors import MotorSaving
from agent.fleet.report.report import FleetReport, collect
from agent.savings.records.model import NonRoutineEvent, Saving
from agent.savings.report.model.ledger_check import LedgerVerifier
from agent.savings.report.writer import months_of

DECISION = {"by": "Li Wei", "reason": "inspection", "decided_ms": NOW_MS}
EVENTS = [
    maintenance(day=0), maintenance(day=1, decision="exclude", **DECISION),
    maintenance(day=2, decision="keep", **DECISION), maintenance(day=3, decision="adjust", adjust_wh=25e3, **DECISION),
]  # the first awaits a decision; its proposal excludes its intervals  # fmt: skip


def own_report(plant: Path, month: str = MONTH) -> Saving:
    config = load_config(plant / "plant.toml")[0]
    with closing(sqlite3.connect(plant / "state" / "magwatt.sqlite")) as db:
        [found] = months_of(db, config, (), month, NOW_MS, LedgerVerifier())
    assert found.saving is not None
    return found.saving


def reported(lake: Path) -> FleetReport:
    return collect(lake, (MONTH, MONTH), NOW_MS)


def only(report: FleetReport) -> MotorSaving:
    [motor] = report.motors
    return motor


def codes(report: FleetReport) -> list[str]:
    return [str(item.reason.code) for item in report.attention]


@pytest.mark.parametrize("events", [[], EVENTS], ids=["without events", "with events"])
def test_the_saving_is_that_of_the_report_of_the_motor(tmp_path: Path, events: list[NonRoutineEvent]) -> None:
    to_lake(retrofit(tmp_path / "plant", events), tmp_path / "lake")
    truth, report = own_report(tmp_path / "plant"), reported(tmp_path / "lake")
    found = only(report).saving
    assert found is not None
    assert truth.intervals == 4 * 96 - (48 if events else 0)
    for name in ("intervals", "adjusted_wh", "measured_wh", "saved_wh", "u95_wh", "excluded_wh", "open_events"):
        assert getattr(found, name) == getattr(truth, name), name
    assert (found.verdict, found.assumptions, found.parts) == (truth.verdict, truth.assumptions, truth.parts)
    assert (report.total.saved_wh, report.total.uncertainty.u95_wh) == (truth.saved_wh, pytest.approx(truth.u95_wh))


def test_a_decision_that_is_not_in_the_ledger_does_not_count(tmp_path: Path) -> None:
    plant = retrofit(tmp_path / "plant", [maintenance()])
    with closing(sqlite3.connect(plant / "state" / "magwatt.sqlite")) as db:
        db.execute("update note set body = replace(body, '\"decision\": null', '\"decision\": \"keep\"') "
                   "where kind = 'savings-event'")  # fmt: skip
        assert db.total_changes == 1
        db.commit()
    to_lake(plant, tmp_path / "lake")
    saving = only(reported(tmp_path / "lake")).saving
    assert saving is not None
    assert (saving.intervals, saving.open_events) == (4 * 96 - 24, 1)


def test_an_interval_whose_data_are_not_those_of_its_record_is_left_out_and_counted(tmp_path: Path) -> None:
    plant = retrofit(tmp_path / "plant")
    with closing(sqlite3.connect(plant / "state" / "magwatt.sqlite")) as db:
        db.execute("update interval set body = replace(body, '\"length_s\":900', '\"length_s\":901') "
                   "where start_ms between ? and ?", (BEGIN_MS, BEGIN_MS + 3_600_000))  # fmt: skip
        db.commit()
    to_lake(plant, tmp_path / "lake")
    report = reported(tmp_path / "lake")
    [finding] = [item.reason for item in report.attention if item.reason.code == "rows_missing"]
    assert finding.data["n"] == 5
    saving = only(report).saving
    assert saving is not None
    assert saving.intervals == 4 * 96 - 5


def test_a_range_of_months_is_one_period(tmp_path: Path) -> None:
    to_lake(retrofit(tmp_path / "plant"), tmp_path / "lake")
    report, truth = collect(tmp_path / "lake", (MONTH, "2024-11"), NOW_MS + 40 * DAY_MS), own_report(tmp_path / "plant")
    saving = only(report).saving
    assert saving is not None
    assert saving.saved_wh == pytest.approx(truth.saved_wh, abs=0.5), "November has no data"
    assert only(report).missing_months == ("2024-11",)
    assert "month_without_data" in codes(report)


def test_what_prevents_a_saving_is_named(tmp_path: Path) -> None:
    plant = retrofit(tmp_path / "plant")
    to_lake(plant, tmp_path / "lake", "gw-01", text="[site]\nid = 5\n")
    to_lake(plant, tmp_path / "lake", "gw-02", text=(plant / "plant.toml").read_text(encoding="utf-8")
            + '[mqtt]\nurl = "mqtts://broker"\nuser = "x"\npassword_file = "not-here"\n')  # fmt: skip
    report = reported(tmp_path / "lake")
    assert "configuration_unusable" in codes(report)
    assert [(motor.gateway, motor.saving is not None) for motor in report.motors] == [("gw-02", True)]
    assert "no_data" not in codes(report)
    later = collect(tmp_path / "lake", ("2024-12", "2024-12"), NOW_MS + 90 * DAY_MS)
    assert [(motor.saving, motor.note and str(motor.note.code)) for motor in later.motors] == [(None, "no_data")]
    assert later.total.without == 1


def test_the_lake_has_one_file_of_events_for_each_change(tmp_path: Path) -> None:
    to_lake(retrofit(tmp_path / "plant", [maintenance()]), tmp_path / "lake")
    to_lake(tmp_path / "plant", tmp_path / "lake")
    assert len(parts(tmp_path / "lake", "nonroutine")) == 1
