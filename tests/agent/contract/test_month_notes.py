"""What prevents a settlement is named; what the parties can accept is in the document that they sign."""

from __future__ import annotations

import contextlib

import pytest
from msgspec.structs import replace
from support import metered_retrofit
from support.contract import certificate, document

from agent.config.loader import load_config
from agent.config.topology import assets
from agent.contract import reasons as codes
from agent.contract.month_notes import assumptions_of, obstacles
from agent.contract.plan import ContractPlan
from agent.contract.plan_reader import plan_of
from agent.delivery.store.read_only import open_read_only
from agent.savings.report import reasons as report
from agent.savings.report.model.month import ReportMonth, collect


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> ReportMonth:
    """Four days of October, reported in November."""
    folder = tmp_path_factory.mktemp("plant")
    metered_retrofit.retrofit(folder, days=4)
    config = load_config(folder / "plant.toml")[0]
    [fan] = [asset for asset in assets(config) if asset.name == "fan"]
    with contextlib.closing(open_read_only(folder / "state" / "magwatt.sqlite")) as db:
        return collect(db, config, fan, "2024-10", metered_retrofit.utc_ms("2024-11-01 02:00"))


def plan(month: ReportMonth, **more: object) -> ContractPlan:
    assert month.baseline is not None
    terms = {"applies__first": "2024-10-01", "motor__fan__baseline": month.baseline.hash}
    return plan_of(document(**{**terms, **more}), "plan.json")


def test_what_prevents_a_settlement_is_named(month: ReportMonth) -> None:
    assert obstacles(month, plan(month)) == []
    for edit, code in (
        ({"motor__fan__baseline": "ab" * 32}, codes.BASELINE_NOT_OF_PLAN),
        ({"applies__first": "2024-10-02"}, codes.MONTH_PARTLY_COVERED),
        ({"applies__last": "2024-10-30"}, codes.MONTH_PARTLY_COVERED),
    ):
        assert [each.code for each in obstacles(month, plan(month, **edit))] == [code]
    open_month = replace(month, notes=[report.MONTH_INCOMPLETE(now_ms=month.to_ms - 1)])
    assert [each.code for each in obstacles(open_month, plan(month))] == [report.MONTH_INCOMPLETE]


def test_what_has_no_effect_on_the_amount_prevents_nothing(month: ReportMonth) -> None:
    notes = [report.GRID_FACTOR_MISSING(), report.TARIFF_MISSING(), report.ENERGY_UNKNOWN_INTERVALS(n=3)]
    noted = replace(month, notes=notes)
    assert obstacles(noted, plan(month)) == []
    accepted = [each.code for each in assumptions_of(noted, plan(month))]
    assert report.ENERGY_UNKNOWN_INTERVALS in accepted  # it has an effect: both parties see it
    assert report.GRID_FACTOR_MISSING not in accepted


def test_certificates_are_those_of_the_last_day(month: ReportMonth) -> None:
    valid, expired = (certificate(issued="2024-01-12", valid_until=day) for day in ("2024-10-31", "2024-10-30"))
    found = assumptions_of(month, plan(month, motor__fan__meter__certificate=valid,
                                       motor__fan__meter__ct_certificate=expired))  # fmt: skip
    points = [each for each in found if each.code in (codes.CALIBRATION_EXPIRED, codes.CALIBRATION_MISSING)]
    assert [(each.code, each.data["device"]) for each in points] == [(codes.CALIBRATION_EXPIRED, "ct")]
