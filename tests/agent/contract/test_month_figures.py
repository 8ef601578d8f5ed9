"""The figures of a month are those that the ledger records, divided by the prices of the tariff."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest
from msgspec.structs import replace
from support import metered_retrofit
from support.contract import document
from support.independent_bundle import add
from support.metered_retrofit import FLOW
from support.settled_plants import WEEKEND

from agent.config.loader import load_config
from agent.config.topology import assets
from agent.contract import reasons as codes
from agent.contract.month_figures import figures_of
from agent.contract.plan_reader import plan_of
from agent.delivery.store.read_only import open_read_only
from agent.savings.records.model import Interval, NonRoutineEvent
from agent.savings.report.model.month import ReportMonth, collect

DAYS = 4


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> tuple[ReportMonth, list[dict[str, object]]]:
    """Four days of October, and the bodies of their ledger records."""
    folder = tmp_path_factory.mktemp("plant")
    metered_retrofit.retrofit(folder, days=DAYS)
    return collected(folder)


def collected(folder: Path) -> tuple[ReportMonth, list[dict[str, object]]]:
    config = load_config(folder / "plant.toml")[0]
    db = open_read_only(folder / "state" / "magwatt.sqlite")
    fan = next(asset for asset in assets(config) if asset.name == "fan")
    now_ms = metered_retrofit.utc_ms("2024-10-05 00:00")
    try:
        rows = db.execute("select body from ledger where kind = 'interval'").fetchall()
        found = collect(db, config, fan, "2024-10", now_ms)
    finally:
        db.close()
    bodies = [json.loads(text) for (text,) in rows]
    return found, [body for body in bodies if body["from_ms"] >= metered_retrofit.utc_ms("2024-10-01 00:00")]


def price_of(from_ms: int) -> str:
    """The tariff of the plant: valley from 23:00 to 7:00, peak from 17:00, otherwise flat."""
    hour = (from_ms // 3_600_000 + 8) % 24
    return "valley" if hour < 7 or hour >= 23 else "peak" if hour >= 17 else "flat"


def test_energies_are_those_of_the_ledger(month: tuple[ReportMonth, list[dict[str, object]]]) -> None:
    report, bodies = month
    found = figures_of(report, "")
    excluded = {result.start_ms for result in report.results if result.excluded}
    sums = {name: Counter[str]() for name in ("measured", "compared", "adjusted")}
    for body in bodies:
        start_ms, wh = int(str(body["from_ms"])), int(str(body["energy_wh"])) + int(str(body.get("auxiliary_wh", 0)))
        price = price_of(start_ms)
        sums["measured"][price] += wh
        if start_ms not in excluded:
            sums["compared"][price] += wh
            sums["adjusted"][price] += int(str(body["adjusted_wh"]))
    assert len(bodies) == 96 * DAYS
    assert {name: each.measured_wh for name, each in found.energies.items()} == dict(sums["measured"])
    assert {name: each.compared_wh for name, each in found.energies.items()} == dict(sums["compared"])
    assert {name: each.adjusted_wh for name, each in found.energies.items()} == dict(sums["adjusted"])
    assert found.excluded_wh == sum(sums["measured"].values()) - sum(sums["compared"].values())
    assert found.running_s == 900 * len(bodies)
    assert found.unmeasured_s == (31 - DAYS) * 86_400


def test_the_quantity_is_the_sum_of_a_rate_over_time(month: tuple[ReportMonth, object]) -> None:
    report = month[0]
    expected = sum(item.drivers[FLOW].mean for item in report.intervals) / 4
    found = figures_of(report, "m3").quantity
    assert found is not None
    assert abs(float(found) - expected) <= 0.0005  # rounded to the thousandth
    assert figures_of(report, "t").quantity is None
    incomplete = [replace(report.intervals[0], drivers={}), *report.intervals[1:]]
    assert figures_of(replace(report, intervals=incomplete), "m3").quantity is None


def test_an_hour_with_two_prices_is_divided_without_a_remainder(month: tuple[ReportMonth, object]) -> None:
    at_ms = metered_retrofit.utc_ms("2024-10-01 06:30")
    hour = Interval("fan", at_ms, 10_001.0, length_s=3600)
    found = figures_of(replace(month[0], intervals=[hour], results=(), saving=None), "")
    assert {name: each.measured_wh for name, each in found.energies.items()} == {"valley": 5000, "flat": 5001}
    assert found.excluded_wh == 10_001


def test_an_adjustment_is_divided_by_the_intervals_of_its_event(month: tuple[ReportMonth, object]) -> None:
    report = month[0]
    begin_ms = metered_retrofit.utc_ms("2024-10-02 06:00")
    event = NonRoutineEvent(1, "fan", "load_shift", begin_ms, begin_ms + 3 * 3_600_000, codes.NO_SHARE_FOR_YEAR(year=1),
                            0.0, "keep", "adjust", 1000.0)  # fmt: skip
    plain, found = figures_of(report, ""), figures_of(replace(report, events=[event]), "")
    added = {name: found.energies[name].adjusted_wh - plain.energies[name].adjusted_wh for name in plain.energies}
    claimed = [result.start_ms for result in report.results
               if not result.excluded and begin_ms <= result.start_ms < begin_ms + 3 * 3_600_000]  # fmt: skip
    valley = sum(price_of(start_ms) == "valley" for start_ms in claimed)
    assert added["peak"] == 0
    assert added["valley"] == round(1000 * valley / len(claimed))
    assert sum(added.values()) == 1000


def test_without_a_tariff_there_is_one_price(month: tuple[ReportMonth, object]) -> None:
    by_price, found = figures_of(month[0], ""), figures_of(replace(month[0], tariff=None), "")
    assert list(found.energies) == [""]
    assert found.energies[""].measured_wh == sum(each.measured_wh for each in by_price.energies.values())


def test_an_independent_division_of_imported_intervals_agrees(month: tuple[ReportMonth, object]) -> None:
    """Intervals of all lengths at the prices of a plan, energies with ties, consumed and returned."""
    body = document(price__period=WEEKEND, price__holidays=["2024-10-01"])
    tariff = plan_of(body, "plan.json").rules.tariff
    chance, found = random.Random(7), []
    at_ms = metered_retrofit.utc_ms("2024-10-01 00:00")
    while at_ms < metered_retrofit.utc_ms("2024-10-08 00:00"):
        length_s = chance.choice([length for length in (600, 900, 1800, 3600) if at_ms % (1000 * length) == 0])
        found.append(Interval("fan", at_ms, float(chance.randrange(-3_000, 30_000)), length_s=length_s))
        at_ms += 1000 * length_s
    figures = figures_of(replace(month[0], tariff=tariff, intervals=found, results=(), saving=None), "")
    sums = {price: [0, 0, 0] for price in body["price"]["per_kwh"]}
    for item in found:
        add(sums, 0, int(item.energy_wh or 0), item.start_ms, item.length_s, body)
    assert {price: each.measured_wh for price, each in figures.energies.items()} == {
        price: row[0] for price, row in sums.items() if price in figures.energies
    }
    assert sum(row[0] for row in sums.values()) == sum(int(item.energy_wh or 0) for item in found)
