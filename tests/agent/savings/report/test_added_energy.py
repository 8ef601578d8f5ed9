"""Energy that an operator adds to an event is priced at the time of the event and does not change the demand charge."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from support import metered_retrofit

from agent.config.loader import load_config
from agent.config.topology import assets
from agent.delivery.store.read_only import open_read_only
from agent.savings.reasons import BYPASS
from agent.savings.records.model import NonRoutineEvent
from agent.savings.records.repository import event_json
from agent.savings.report.html.page import Cover, page
from agent.savings.report.model.month import ReportMonth, collect

ADDED_WH = 1_000_000.0


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    metered_retrofit.retrofit(tmp_path, days=3)
    return tmp_path


def month_of(plant: Path) -> ReportMonth:
    config = load_config(plant / "plant.toml")[0]
    db = open_read_only(plant / "state" / "magwatt.sqlite")
    try:
        return collect(db, config, assets(config)[0], "2024-10", metered_retrofit.utc_ms("2024-11-01 00:00"))
    finally:
        db.close()


def decide(plant: Path, begin: str, end: str) -> None:
    event = NonRoutineEvent(
        1,
        "fan",
        "bypass",
        metered_retrofit.utc_ms(begin),
        metered_retrofit.utc_ms(end),
        BYPASS(),
        0.0,
        "keep",
        "adjust",
        ADDED_WH,
        "Li Wei",
        "the valve was open",
        1,
    )
    with sqlite3.connect(plant / "state" / "magwatt.sqlite") as db:
        db.execute("insert into note values ('savings-event', 'fan/1', '', 0, ?)", (json.dumps(event_json(event)),))
    db.close()


@pytest.mark.parametrize(
    ("begin", "end", "worth"),
    [
        ("2024-10-02 18:00", "2024-10-02 19:00", 1.05 * 1000),
        ("2024-10-02 16:00", "2024-10-02 18:00", (1.05 + 0.68) / 2 * 1000),
        ("2024-10-02 03:05", "2024-10-02 03:10", 0.34 * 1000),
    ],
)
def test_added_energy_has_the_price_of_its_quarter_hours(plant: Path, begin: str, end: str, worth: float) -> None:
    before = month_of(plant)
    decide(plant, begin, end)
    after = month_of(plant)
    assert before.saving
    assert after.saving
    assert before.money
    assert after.money
    assert after.saving.saved_wh - before.saving.saved_wh == pytest.approx(ADDED_WH)
    assert after.money.saved - before.money.saved == pytest.approx(worth)
    assert after.money.before.demand_kw == before.money.before.demand_kw
    reported_wh = sum(after.money.before.wh_by_period.values()) - sum(after.money.after.wh_by_period.values())
    assert reported_wh == pytest.approx(after.saving.saved_wh), "the table's lines sum to the saving"


@pytest.mark.text
def test_energy_in_the_total_that_is_in_no_day_is_noted(plant: Path) -> None:
    cover = Cover("mill-2", "gw-07", metered_retrofit.ZONE, 0, "0", "c0ffee", "magwatt ledger verify")
    added = "The total includes 1\u202f000 kWh of adjustments to non-routine events"
    assert added not in page([month_of(plant)], cover)
    decide(plant, "2024-10-02 18:00", "2024-10-02 19:00")
    month = month_of(plant)
    assert month.saving
    assert sum(day.saved_wh or 0.0 for day in month.days) == pytest.approx(month.saving.saved_wh - ADDED_WH)
    text = page([month], cover)
    assert added in text
    assert "合计另含非常规事件的调整量 1\u202f000 kWh，未列入各日" in text


def test_a_date_is_not_broken_in_a_narrow_column(plant: Path) -> None:
    decide(plant, "2024-10-02 18:00", "2024-10-02 19:00")
    text = page(
        [month_of(plant)], Cover("mill-2", "gw-07", metered_retrofit.ZONE, 0, "0", "c0ffee", "magwatt ledger verify")
    )
    assert ".date { white-space: nowrap; }" in text
    for moment in ("2024-10-02</span> 18:00", "2024-10-02</span> 19:00", '<span class="date">2024-09-15</span>'):
        assert moment in text
