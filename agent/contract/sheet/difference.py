"""Why the figure of the contract differs from the adjusted saving: kWh by cause, which add up exactly.

M is the measured energy of the month, C that of the compared intervals, A their adjusted baseline, N the decided
adjustments in A. The contract counts a reference energy R (M / (1 − saving rate), or agreed energy per unit × count)
minus M; magwatt A − C. R is the sum of R_c (compared intervals), R_x (other measured time) and R_u (counted while the
energy was not measured), so that R − M − (A − C) is the sum of

- production: R_c − (A − N), the same intervals at the constant of the contract and by the baseline model;
- excluded: R_x − (M − C), energy outside the range of the baseline, or excluded by a decision or a gap of the drivers;
- unmeasured: R_u, counted by the contract, without energy at the meter;
- adjustments: −N, non-routine adjustments, which the formula of the contract does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import NamedTuple

from agent.contract.amounts import MonthFigures, MotorAmount
from agent.contract.plan import ContractMotor

CAUSES = ("production", "excluded", "unmeasured", "adjustments", "rounding")
WH, HOUR_S = 1000, 3600


class Reference(NamedTuple):
    """The reference energy of the contract, Wh: of compared intervals, of other measured time, of time without energy."""

    compared_wh: Fraction
    excluded_wh: Fraction
    unmeasured_wh: Fraction


def difference_by_cause(
    motor: ContractMotor, figures: MonthFigures, amount: MotorAmount, adjustments_wh: int, decimals: int
) -> Mapping[str, Decimal]:
    """Cause → kWh, each rounded to these decimals; the sum is exactly `amount.difference_kwh`.

    adjustments_wh: decided adjustments in the adjusted baseline.
    `rounding` is the rest: of the figures, which the plan rounds, and of the other causes.
    """
    exact = exact_causes_wh(motor, figures, adjustments_wh)
    found = {cause: _kwh(wh, decimals) for cause, wh in exact.items()}
    return {**found, "rounding": amount.difference_kwh - sum(found.values(), Decimal(0))}


def exact_causes_wh(motor: ContractMotor, figures: MonthFigures, adjustments_wh: int) -> dict[str, Fraction]:
    """The causes but rounding, Wh; all are 0 where the contract settles the adjusted saving."""
    reference = reference_of(motor, figures)
    if reference is None:
        return dict.fromkeys(CAUSES[:-1], Fraction(0))
    measured, compared, adjusted = (
        sum(row) for row in zip(*((each.measured_wh, each.compared_wh, each.adjusted_wh)
                                  for each in figures.energies.values()), strict=True)
    )  # fmt: skip
    return {
        "production": reference.compared_wh - (adjusted - adjustments_wh),
        "excluded": reference.excluded_wh - (measured - compared),
        "unmeasured": reference.unmeasured_wh,
        "adjustments": Fraction(-adjustments_wh),
    }


def reference_of(motor: ContractMotor, figures: MonthFigures) -> Reference | None:
    """The reference energy by the formula of the contract; None: it settles the adjusted saving."""
    if motor.formula == "adjusted_baseline":
        return None
    if motor.formula == "saving_rate":
        assert motor.saving_rate is not None
        rest = 1 - Fraction(motor.saving_rate)
        compared = sum(each.compared_wh for each in figures.energies.values())
        measured = sum(each.measured_wh for each in figures.energies.values())
        return Reference(compared / rest, (measured - compared) / rest, Fraction(0))
    if motor.formula == "specific_energy":
        per_unit = Fraction(motor.specific_energy_kwh or 0) * WH
        counts = figures.compared_quantity, figures.measured_quantity, figures.quantity
    else:
        per_unit = Fraction(motor.reference_kw or 0) * WH / HOUR_S
        counts = figures.compared_running_s, figures.measured_running_s, figures.running_s
    compared, measured, total = (Fraction(count or 0) for count in counts)
    return Reference(per_unit * compared, per_unit * (measured - compared), per_unit * (total - measured))


def _kwh(wh: Fraction, decimals: int) -> Decimal:
    """Rounded, without an error of binary numbers."""
    scaled = round(wh * 10**decimals / WH)  # ties to even, as ROUND_HALF_EVEN
    return Decimal(scaled).scaleb(-decimals).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN)
