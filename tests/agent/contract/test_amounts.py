"""Amounts equal those of an independent implementation (tests/support/independent_contract.py) to the fen."""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from support import contract
from support.independent_contract import fee

from agent.contract import reasons as codes
from agent.contract.amounts import MonthFigures, PriceEnergies, amount_of
from agent.contract.plan import ContractPlan
from agent.contract.plan_reader import plan_of
from drivers.reasons import Code, InvalidValue

OCTOBER = date(2026, 10, 1)
PRICES = ("peak", "flat", "valley")


def plan(**more: object) -> ContractPlan:
    return plan_of(contract.document(**more), "plan.json")


def drawn(chance: random.Random) -> tuple[dict[str, object], MonthFigures]:
    """A random plan and month, with many ties: few decimals and round energies."""
    formula = chance.choice(("adjusted_baseline", "saving_rate", "specific_energy", "direct_comparison"))
    prices = PRICES if formula in ("adjusted_baseline", "saving_rate") and chance.random() < 0.7 else ("flat",)
    terms: dict[str, object] = {
        "saving_rate": {"motor__fan__saving_rate": chance.choice(("0.2", "0.3333", "0.2350", "0.5"))},
        "specific_energy": {"motor__fan__specific_energy_kwh": f"{chance.randrange(1, 9999) / 1000:.3f}",
                            "motor__fan__quantity": "t"},
        "direct_comparison": {"motor__fan__reference_kw": f"{chance.randrange(100, 2000) / 10:.1f}"},
    }.get(formula, {})  # fmt: skip
    body = contract.document(
        motor__fan__formula=formula, **terms,
        price__per_kwh={name: f"{chance.randrange(1, 2000) / 1000:.3f}" for name in prices},
        price__vat_rate=chance.choice(("0", "0.06", "0.13")), price__includes_vat=chance.random() < 0.5,
        sharing__energy_service_company=[f"{chance.randrange(0, 101) / 100:.2f}"],
        settlement__rounding=chance.choice(("half_up", "half_even", "down")),
        settlement__energy_decimals=chance.randrange(0, 4), settlement__money_decimals=chance.randrange(0, 3),
        settlement__negative_month=chance.choice(("zero", "settle")),
    )  # fmt: skip
    energies = {}
    for name in PRICES:
        compared = chance.randrange(0, 80_000) * chance.choice((1, 50, 500))
        energies[name] = PriceEnergies(compared + chance.randrange(0, 5000), compared,
                                       round(compared * chance.uniform(0.9, 1.6) / 50) * 50)  # fmt: skip
    quantity = Decimal(chance.randrange(0, 90_000_000)) / 1000
    return body, MonthFigures(energies, chance.randrange(0, 2_678_400), quantity)


@pytest.mark.parametrize("seed", range(8))
def test_amounts_equal_the_independent_ones_to_the_fen(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(60):
        body, figures = drawn(chance)
        found = amount_of(plan_of(body, "plan.json"), OCTOBER, {"fan": figures})
        energies = {name: (each.measured_wh, each.compared_wh, each.adjusted_wh)
                    for name, each in figures.energies.items()}  # fmt: skip
        expected = fee(body, 1, energies, str(figures.quantity), figures.running_s)
        assert tuple(map(Fraction, (found.net, found.vat, found.gross))) == expected, body


def test_a_month_by_hand() -> None:
    """12,345.5 kWh at 0.80: 12,346 × 0.80 = 9,876.80; 80 % are 7,901.44, of which 447.25 VAT (6/106)."""
    energies = {"flat": PriceEnergies(50_000_000, 49_000_000, 61_345_500)}
    found = amount_of(plan(price__per_kwh={"flat": "0.80"}), OCTOBER, {"fan": MonthFigures(energies)})
    assert found.motors["fan"].total_kwh == Decimal(12346)
    assert (found.value, found.share, found.year) == (Decimal("9876.80"), Decimal("0.80"), 1)
    assert (found.net, found.vat, found.gross) == (Decimal("7454.19"), Decimal("447.25"), Decimal("7901.44"))
    assert str(found.gross) == "7901.44"


@pytest.mark.parametrize(
    ("rule", "wh", "kwh"),
    [("half_up", 2500, 3), ("half_even", 2500, 2), ("down", 2999, 2), ("half_up", -2500, -3), ("half_even", -3500, -4)],
)
def test_a_tie_follows_the_rule(rule: str, wh: int, kwh: int) -> None:
    rules = {"settlement__rounding": rule, "settlement__negative_month": "settle", "price__per_kwh": {"flat": "1"}}
    energies = {"flat": PriceEnergies(0, 0, wh)}
    found = amount_of(plan(**rules), OCTOBER, {"fan": MonthFigures(energies)})
    assert found.motors["fan"].total_kwh == kwh


@pytest.mark.parametrize(
    ("day", "year"),
    [(date(2026, 10, 1), 1), (date(2027, 9, 30), 1), (date(2027, 10, 1), 2), (date(2031, 9, 30), 5)],
)
def test_the_share_is_that_of_the_year(day: date, year: int) -> None:
    found = amount_of(plan(), day, {"fan": MonthFigures({"flat": PriceEnergies(0, 0, 1_000_000)})})
    assert found.year == year
    assert str(found.share) == ("0.80", "0.80", "0.70", "0.60", "0.50")[year - 1]


@pytest.mark.parametrize(
    ("edit", "day", "figures", "code"),
    [
        ({}, date(2026, 9, 30), {"fan": MonthFigures({})}, codes.BEFORE_SHARING),
        ({}, date(2031, 10, 1), {"fan": MonthFigures({})}, codes.NO_SHARE_FOR_YEAR),
        ({}, OCTOBER, {}, codes.MOTOR_WITHOUT_FIGURES),
        ({}, OCTOBER, {"fan": MonthFigures({"sharp": PriceEnergies(1, 1, 2)})}, codes.PRICE_NOT_IN_PLAN),
        ({"motor__fan__formula": "specific_energy", "motor__fan__specific_energy_kwh": "5", "motor__fan__quantity": "t",
          "price__per_kwh": {"flat": "1"}}, OCTOBER, {"fan": MonthFigures({})}, codes.FIGURE_MISSING),
        ({"motor__fan__formula": "direct_comparison", "motor__fan__reference_kw": "5",
          "price__per_kwh": {"flat": "1"}}, OCTOBER, {"fan": MonthFigures({})}, codes.FIGURE_MISSING),
    ],
)  # fmt: skip
def test_nothing_is_calculated_without_its_terms(
    edit: dict[str, object], day: date, figures: dict[str, MonthFigures], code: Code
) -> None:
    with pytest.raises(InvalidValue) as caught:
        amount_of(plan(**edit), day, figures)
    assert caught.value.reason.code == code
