"""Why the figure of the contract differs from the adjusted saving: kWh by cause, which add up exactly.

M is the measured energy of the month, C that of the compared intervals, A their adjusted baseline, N the decided
adjustments in A. The contract settles a reference energy R (M / (1 − saving rate), or agreed energy × count) minus M;
magwatt settles A − C. R is the sum of R_c (compared intervals), R_x (other measured time) and R_u (counted while the
energy was not measured), so that R − M − (A − C) is the sum of

- production: R_c − (A − N), the same intervals at the constant of the contract and by the baseline model;
- excluded: R_x − (M − C), energy outside the range of the baseline, or excluded by a decision or a gap of the drivers;
- unmeasured: R_u, counted by the contract, without energy at the meter;
- adjustments: −N, non-routine adjustments, which the formula of the contract does not know.

Where it is not known which part of the count belongs to the compared intervals, `together` is the sum of the first
three.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from agent.contract.amounts import MonthFigures, MotorAmount
from agent.contract.plan import ContractMotor

CAUSES = ("production", "excluded", "unmeasured", "together", "adjustments", "rounding")
WH, HOUR_S = 1000, 3600


class CountParts(NamedTuple):
    """Production or running time: of compared intervals, and of all time to which measured energy belongs."""

    compared: Fraction
    measured: Fraction


def difference_by_cause(
    motor: ContractMotor, figures: MonthFigures, amount: MotorAmount, adjustments_wh: int, decimals: int,
    count: CountParts | None = None,
) -> Mapping[str, Decimal]:  # fmt: skip
    """Cause → kWh, each rounded to these decimals; the sum is exactly `amount.difference_kwh`.

    adjustments_wh: decided adjustments in the adjusted baseline.
    count: parts of the production or running time that the formula uses; None: not known.
    `rounding` is the rest: of the figures, which the plan rounds, and of the other causes.
    """
    exact = exact_causes_wh(motor, figures, adjustments_wh, count)
    found = {cause: _kwh(exact.get(cause, Fraction(0)), decimals) for cause in CAUSES[:-1]}
    return {**found, "rounding": amount.difference_kwh - sum(found.values(), Decimal(0))}


def exact_causes_wh(
    motor: ContractMotor, figures: MonthFigures, adjustments_wh: int, count: CountParts | None = None
) -> dict[str, Fraction]:  # fmt: skip
    """The causes but rounding, Wh, without those that are 0 by the formula. Empty: the contract settles the adjusted
    saving.
    """
    if motor.formula == "adjusted_baseline":
        return {}
    measured = sum(each.measured_wh for each in figures.energies.values())
    compared = sum(each.compared_wh for each in figures.energies.values())
    model = sum(each.adjusted_wh for each in figures.energies.values()) - adjustments_wh
    adjustments = {"adjustments": Fraction(-adjustments_wh)}
    if motor.formula == "saving_rate":
        rest = 1 - Fraction(motor.saving_rate or 0)
        return {
            "production": compared / rest - model,
            "excluded": (measured - compared) / rest - (measured - compared),
            **adjustments,
        }
    per_unit, total = _reference(motor, figures)
    if count is None:
        return {"together": per_unit * total - model - (measured - compared), **adjustments}
    return {
        "production": per_unit * count.compared - model,
        "excluded": per_unit * (count.measured - count.compared) - (measured - compared),
        "unmeasured": per_unit * (total - count.measured),
        **adjustments,
    }


def _reference(motor: ContractMotor, figures: MonthFigures) -> tuple[Fraction, Fraction]:
    """Wh per unit of the count, and the count."""
    if motor.formula == "specific_energy":
        return Fraction(motor.specific_energy_kwh or 0) * WH, Fraction(figures.quantity or 0)
    return Fraction(motor.reference_kw or 0) * WH / HOUR_S, Fraction(figures.running_s or 0)


def _kwh(wh: Fraction, decimals: int) -> Decimal:
    """Rounded, ties to the even digit, without an error of binary numbers."""
    return Decimal(round(wh * 10**decimals / WH)).scaleb(-decimals)
