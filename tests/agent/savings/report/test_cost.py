"""The demand saved: U95, and the same treatment of adjusted baseline and measured energy."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from support import metered_retrofit

from agent.cli import main
from agent.config.loader import load_config
from agent.config.tariff import DemandCharge, Tariff, TariffPeriod
from agent.config.topology import assets
from agent.delivery.store.read_only import open_read_only
from agent.savings.report.model.cost import Cost, cost_of
from agent.savings.report.model.month import ReportMonth, collect

FLAT = (TariffPeriod("flat", (0, 96)),)
KW = Tariff("CNY", "UTC", {"flat": 0.5}, FLAT, demand=DemandCharge(40.0, settled_at="motor"))
KVA = replace(KW, demand=DemandCharge(40.0, "kVA", settled_at="motor"), power_factor=0.90)


@pytest.fixture
def month(tmp_path: Path) -> ReportMonth:
    metered_retrofit.retrofit(tmp_path, days=3)
    config = load_config(tmp_path / "plant.toml")[0]
    db = open_read_only(tmp_path / "state" / "magwatt.sqlite")
    try:
        return collect(db, config, assets(config)[0], "2024-10", metered_retrofit.utc_ms("2024-11-01 00:00"))
    finally:
        db.close()


def cost(month: ReportMonth, tariff: Tariff, **changed: object) -> Cost:
    given = {"results": month.results, "found": month.intervals, "baseline": month.baseline, **changed}
    assert month.saving
    found = cost_of(tariff, given["results"], given["found"], given["baseline"], month.saving, ())  # type: ignore[arg-type]
    assert found
    return found


def test_an_unchanged_plant_saves_no_demand_within_u95(month: ReportMonth) -> None:
    """Measured energy = adjusted baseline + scatter of 5 %: in 36 of 40 draws the demand saved is zero within U95.
    The largest value of the model alone is below all of them."""
    mean_wh = sum(result.adjusted_wh or 0.0 for result in month.results) / len(month.results)
    baseline = replace(month.baseline, residual_wh=0.05 * mean_wh, autocorrelation=0.0)  # type: ignore[type-var]
    inside = below = 0
    for seed in range(40):
        draw = random.Random(seed)
        results = [
            result._replace(measured_wh=(result.adjusted_wh or 0.0) + draw.gauss(0, 0.05 * mean_wh), excluded=None)
            for result in month.results
        ]
        found = cost(month, KW, results=results, baseline=baseline)
        inside += abs(found.demand_saved) <= found.demand_u95
        below += max(result.adjusted_wh or 0.0 for result in results) * 4 / 1000 < found.after.demand_kw
        assert found.u95 > found.demand_u95
    assert inside >= 36
    assert below == 40


def test_both_sides_treat_reactive_energy_alike(month: ReportMonth) -> None:
    """Reactive energy of one interval unknown: the tan φ of the others holds, as that of the baseline does. With one
    tan φ the same active energy has the same apparent demand."""
    whole = cost(month, KVA)
    first, *rest = month.intervals
    lost = cost(month, KVA, found=[replace(first, reactive_varh=None), *rest])
    assert lost.after.power_factor == pytest.approx(whole.after.power_factor, rel=0.01)
    assert lost.after.demand_kw == pytest.approx(whole.after.demand_kw, rel=0.01)
    alike = [result._replace(measured_wh=result.adjusted_wh) for result in month.results]
    known = replace(month.baseline, tan_phi=0.5, residual_wh=0.0)  # type: ignore[type-var]
    half = [replace(item, reactive_varh=0.5 * (item.energy_wh or 0.0)) for item in month.intervals]
    same = cost(month, KVA, results=alike, found=half, baseline=known)
    assert same.before.demand_kw == pytest.approx(same.after.demand_kw)
    assert same.before.power_factor == pytest.approx(same.after.power_factor)
    assert same.saved == pytest.approx(0.0, abs=1e-6)


@pytest.mark.text
def test_the_report_states_the_u95_of_the_demand(tmp_path: Path) -> None:
    metered_retrofit.retrofit(tmp_path, days=2)
    where = ["--config", str(tmp_path / "plant.toml"), "--output", str(tmp_path / "r.html")]
    CliRunner().invoke(main, ["report", "--month", "2024-10", *where])
    [motor] = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["motors"]
    money = motor["money"]
    assert money["demand_saved"] == pytest.approx(money["before"]["demand_cost"] - money["after"]["demand_cost"])
    assert 0 < money["demand_u95"] < abs(money["demand_saved"])
    assert "at most, not in the total" in (tmp_path / "r.html").read_text(encoding="utf-8")
