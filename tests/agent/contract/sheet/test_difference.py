"""The causes of the difference add up exactly, and each follows from energies that are known interval by interval."""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import contract

from agent.contract.amounts import MonthFigures, MotorAmount, PriceEnergies, amount_of
from agent.contract.plan import ContractPlan
from agent.contract.plan_reader import plan_of
from agent.contract.sheet.difference import CAUSES, CountParts, difference_by_cause, exact_causes_wh

FORMULAS: dict[str, dict[str, object]] = {
    "adjusted_baseline": {},
    "saving_rate": {"motor__fan__saving_rate": "0.2350"},
    "specific_energy": {"motor__fan__specific_energy_kwh": "5.125", "motor__fan__quantity": "t"},
    "direct_comparison": {"motor__fan__reference_kw": "91.7"},
}


def plan(formula: str, rounding: str = "half_up", decimals: int = 0) -> ContractPlan:
    prices = (
        {"flat": "0.68"} if formula in ("specific_energy", "direct_comparison") else {"peak": "1.05", "flat": "0.7"}
    )
    body = contract.document(
        motor__fan__formula=formula, **FORMULAS[formula], price__per_kwh=prices, price__period=None
        if len(prices) == 1 else [{"price": "peak", "from": "08:00", "to": "20:00"},
                                  {"price": "flat", "from": "20:00", "to": "08:00"}],
        settlement__rounding=rounding, settlement__energy_decimals=decimals,
    )  # fmt: skip
    return plan_of(body, "plan.json")


def settled(found: ContractPlan, figures: MonthFigures) -> MotorAmount:
    return amount_of(found, date(2026, 10, 1), {"fan": figures}).motors["fan"]


WH = st.integers(-(10**9), 10**10)


@given(
    formula=st.sampled_from(sorted(FORMULAS)), rounding=st.sampled_from(("half_up", "half_even", "down")),
    decimals=st.integers(0, 3), rows=st.lists(st.tuples(WH, WH, WH), min_size=2, max_size=2), adjustments=WH,
    running_s=st.integers(0, 2_678_400), thousandths=st.integers(0, 10**9),
    parts=st.tuples(st.floats(0, 1), st.floats(0, 1)), known=st.booleans(),
)  # fmt: skip
def test_the_causes_add_up_to_the_difference(
    formula: str, rounding: str, decimals: int, rows: list[tuple[int, int, int]], adjustments: int, running_s: int,
    thousandths: int, parts: tuple[float, float], known: bool,
) -> None:  # fmt: skip
    """To the last digit that is printed. Rounding stays below one last digit per figure that was rounded: two prices,
    the adjusted saving, and half a digit for each of five causes.
    """
    energies = {name: PriceEnergies(*row) for name, row in zip(("peak", "flat"), rows, strict=True)}
    figures = MonthFigures(energies, running_s, Decimal(thousandths) / 1000)
    total = Fraction(running_s) if formula == "direct_comparison" else Fraction(thousandths, 1000)
    low, high = sorted(Fraction(part) * total for part in parts)
    terms, count = plan(formula, rounding, decimals), CountParts(low, high) if known else None
    amount = settled(terms, figures)
    found = difference_by_cause(terms.motors["fan"], figures, amount, adjustments, decimals, count)
    assert tuple(found) == CAUSES
    assert sum(found.values()) == amount.difference_kwh
    digit = Decimal(1).scaleb(-decimals)
    assert all(value == value.quantize(digit) for value in found.values())
    assert abs(found["rounding"]) <= (2 + 1 + 5 * Decimal("0.5")) * digit


class Hour(NamedTuple):
    """An invented interval: measured (None: the meter was silent), adjusted baseline (None: not compared), tonnes."""

    measured_wh: int | None
    adjusted_wh: int | None
    tonnes: Fraction


@pytest.mark.parametrize("formula", sorted(FORMULAS))
def test_each_cause_is_the_sum_over_its_own_intervals(formula: str) -> None:
    """Truth: the figure of the contract interval by interval, minus the saving of the interval, summed by its kind."""
    chance = random.Random(5)
    hours = [
        Hour(None if (kind := chance.random()) < 0.1 else chance.randrange(40_000, 90_000),
             None if kind < 0.3 else chance.randrange(60_000, 120_000), Fraction(chance.randrange(8000, 14_000), 1000))
        for _ in range(200)
    ]  # fmt: skip
    adjustment_wh = 345_000
    compared = [hour for hour in hours if hour.adjusted_wh is not None and hour.measured_wh is not None]
    other = [hour for hour in hours if hour.adjusted_wh is None and hour.measured_wh is not None]
    silent = [hour for hour in hours if hour.measured_wh is None]
    measured_wh, compared_wh = (sum(hour.measured_wh or 0 for hour in each) for each in ((*compared, *other), compared))
    adjusted_wh = sum(hour.adjusted_wh or 0 for hour in compared) + adjustment_wh
    tonnes = [sum((hour.tonnes for hour in each), Fraction(0)) for each in (compared, other, silent)]
    figures = MonthFigures(
        {"flat": PriceEnergies(measured_wh, compared_wh, adjusted_wh)}, 3600 * len(hours),
        Decimal(sum(tonnes).numerator * 1000 // sum(tonnes).denominator) / 1000,
    )  # fmt: skip
    count = CountParts(tonnes[0], tonnes[0] + tonnes[1])
    if formula == "direct_comparison":
        count = CountParts(Fraction(3600 * len(compared)), Fraction(3600 * (len(compared) + len(other))))
    terms = plan(formula).motors["fan"]

    def paid_wh(hour: Hour) -> Fraction:
        """What the contract pays for an hour."""
        energy_wh = hour.measured_wh or 0
        rate = Fraction(terms.saving_rate or 0)
        reference = {
            "saving_rate": energy_wh / (1 - rate), "specific_energy": Fraction("5125") * hour.tonnes,
            "direct_comparison": Fraction(91_700),
        }[formula]  # fmt: skip
        return reference - energy_wh

    if formula == "adjusted_baseline":
        assert exact_causes_wh(terms, figures, adjustment_wh, count) == {}
        return
    found = exact_causes_wh(terms, figures, adjustment_wh, count)
    saved_wh = sum((hour.adjusted_wh or 0) - (hour.measured_wh or 0) for hour in compared)
    assert found["production"] == sum(map(paid_wh, compared)) - saved_wh
    assert found["excluded"] == sum(map(paid_wh, other))
    assert found.get("unmeasured", 0) == sum(map(paid_wh, silent))
    assert found["adjustments"] == -adjustment_wh
