"""The parts of a count follow from the intervals: what was counted while the meter was silent is neither measured nor
compared, and of a partly polled interval only the polled part is measured.
"""

from __future__ import annotations

import pytest
from support import contract
from support.contract_month import FROM_MS, TO_MS, month_document, revision

from agent.contract import reasons as codes
from agent.contract.amounts import MonthFigures
from agent.contract.counted import counted_of
from agent.contract.month_figures import figures_of
from agent.contract.plan import ContractMotor
from agent.contract.plan_reader import plan_of
from agent.savings.accounting.interval_comparison import IntervalResult
from agent.savings.reasons import ENERGY_UNKNOWN, POLLING_INCOMPLETE
from agent.savings.records.model import QUARTER_MS, Driver, Interval
from agent.savings.report.model.month import ReportMonth

KINDS = {  # energy, coverage, filled, in the saving
    "whole": (20_000.0, 1.0, 0.0, True),
    "partly polled": (15_000.0, 0.8, 0.0, True),
    "filled by the register": (20_000.0, 0.5, 10_000.0, True),
    "excluded": (20_000.0, 1.0, 0.0, False),
    "silent meter": (None, 0.0, 0.0, False),
}


def month(signal: str) -> ReportMonth:
    """One interval of each kind, in which the plant made 100, 101, … t (per hour) and ran for 800 s."""
    items, results = [], []
    for k, (energy_wh, coverage, filled_wh, compared) in enumerate(KINDS.values()):
        start_ms = FROM_MS + k * QUARTER_MS
        drivers = {signal: Driver(100.0 + k)}
        items.append(Interval("fan", start_ms, energy_wh, coverage=coverage, filled_wh=filled_wh, drivers=drivers,
                              running_s=800.0))  # fmt: skip
        cause = None if compared else ENERGY_UNKNOWN() if energy_wh is None else POLLING_INCOMPLETE()
        results.append(IntervalResult(start_ms, 900, None, 30_000.0, energy_wh, cause))
    return ReportMonth("fan", "fan", "2026-10", FROM_MS, TO_MS, "Asia/Shanghai", items, 0.0, 0.0,
                       sum(item.running_s or 0.0 for item in items) / 3600, results=results)  # fmt: skip


def terms(formula: str) -> ContractMotor:
    more: dict[str, dict[str, object]] = {
        "specific_energy": {"motor__fan__specific_energy_kwh": "5", "motor__fan__quantity": "t"},
        "direct_comparison": {"motor__fan__reference_kw": "5"}, "saving_rate": {"motor__fan__saving_rate": "0.2"},
    }  # fmt: skip
    body = contract.document(motor__fan__formula=formula, price__per_kwh={"flat": "1"}, **more[formula])
    return plan_of(body, "plan.json").motors["fan"]


@pytest.mark.parametrize(
    ("formula", "signal", "compared", "measured", "total"),
    [
        ("specific_energy", "made_t_h", (100 + 0.8 * 101 + 102) / 4, (100 + 0.8 * 101 + 102 + 103) / 4, 510 / 4),
        ("specific_energy", "made_t", 100 + 0.8 * 101 + 102, 100 + 0.8 * 101 + 102 + 103, 510),
        ("direct_comparison", "made_t", 800 * 2.8, 800 * 3.8, 4000),
    ],
)
def test_the_parts_of_a_count(formula: str, signal: str, compared: float, measured: float, total: float) -> None:
    """Of the five intervals three are compared, one of them to 80 %; a register filled the gap of the third."""
    found = month(signal)
    figures = figures_of(found, "t")
    counted = counted_of(found, terms(formula), figures)
    assert {name: float(text) for name, text in counted.items()} == {
        "compared": pytest.approx(compared, abs=0.0005), "measured": pytest.approx(measured, abs=0.0005)
    }  # fmt: skip
    count = figures.quantity if formula == "specific_energy" else figures.running_s
    assert float(count or 0) == pytest.approx(total)


def test_a_formula_that_counts_nothing_states_no_parts() -> None:
    found = month("made_t")
    assert counted_of(found, terms("saving_rate"), figures_of(found, "")) == {}
    assert counted_of(found, terms("direct_comparison"), MonthFigures({})) == {}


@pytest.mark.parametrize(
    "counted",
    [{"compared": "2", "measured": "1"}, {"compared": "-1", "measured": "1"}, {"compared": "1", "measured": "1"}],
)
def test_parts_that_are_not_parts_are_a_contradiction(counted: dict[str, str]) -> None:
    """The last one fits, but the formula of the plan counts nothing."""
    found = revision(month_document(motor__fan__counted=counted))
    problem = found.problem()
    assert problem is not None
    assert (problem.code, problem.data["key"]) == (codes.MONTH_PART_WRONG, "counted")
