"""The amount of a month: from energies in whole watt-hours to the service fee with VAT, in decimal arithmetic.

Each figure is rounded once, where the plan rounds: the energy of each price, and each amount. Between these the
arithmetic is exact, except one correctly rounded division (50 digits), whose ties are therefore exact, too.
"""

from __future__ import annotations

import decimal
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal

from msgspec import Struct

from agent.contract import reasons as codes
from agent.contract.plan import ContractMotor, ContractPlan, SettlementRules
from drivers.reasons import InvalidValue

DIGITS = 50
_MODES = {"half_up": decimal.ROUND_HALF_UP, "half_even": decimal.ROUND_HALF_EVEN, "down": decimal.ROUND_DOWN}
WH = Decimal(1000)  # per kWh
HOUR_S = Decimal(3600)
ONE_PRICE = ""  # name of the figure of a formula that gives one for the month


class PriceEnergies(Struct, frozen=True):
    """Energies of one motor and month at one price, whole Wh.

    measured_wh: of all intervals. compared_wh: of those in the saving. adjusted_wh: their adjusted baseline, with
    decided adjustments.
    """

    measured_wh: int = 0
    compared_wh: int = 0
    adjusted_wh: int = 0


class MonthFigures(Struct, frozen=True):
    """What is known of one motor and month.

    energies: name of the price → energies.
    running_s: running time; quantity: production in the unit of the plan. None: not measured.
    excluded_wh: measured energy outside the comparison. unmeasured_s: time without measurement.
    u80_wh, u90_wh, u95_wh: half-widths of the adjusted saving.
    """

    energies: Mapping[str, PriceEnergies]
    running_s: int | None = None
    quantity: Decimal | None = None
    excluded_wh: int = 0
    unmeasured_s: int = 0
    u80_wh: int = 0
    u90_wh: int = 0
    u95_wh: int = 0


class MotorAmount(Struct, frozen=True):
    """The settled energy of a motor, kWh.

    formula: of the plan. contract_kwh: its figure, by price, rounded.
    adjusted_kwh: the saving of magwatt, rounded once.
    value: Σ contract_kwh × price, exact.
    """

    formula: str
    contract_kwh: Mapping[str, Decimal]
    adjusted_kwh: Decimal
    value: Decimal

    @property
    def total_kwh(self) -> Decimal:
        return sum(self.contract_kwh.values(), Decimal(0))

    @property
    def difference_kwh(self) -> Decimal:
        """Contract figure minus adjusted saving."""
        return self.total_kwh - self.adjusted_kwh


class MonthAmount(Struct, frozen=True):
    """The service fee of a month.

    motors: by name.
    value: of the energy saved, rounded. year: of the sharing period; share: of the energy-service company.
    net, vat, gross: the fee without tax, the tax, the fee with tax; net + vat = gross.
    """

    motors: Mapping[str, MotorAmount]
    value: Decimal
    year: int
    share: Decimal
    net: Decimal
    vat: Decimal
    gross: Decimal


def amount_of(plan: ContractPlan, first: date, figures: Mapping[str, MonthFigures]) -> MonthAmount:
    """The amount of a billing month.

    first: its first day, which decides the year of the sharing period.
    figures: of each motor of the plan.
    Raises InvalidValue when a figure is missing, or the plan states no share or price.
    """
    rules = plan.rules
    with decimal.localcontext(decimal.Context(prec=DIGITS)):
        year, share = share_of(rules, first)
        motors = {name: _motor_amount(motor, rules, _known(figures, name, first)) for name, motor in
                  plan.motors.items()}  # fmt: skip
        value = sum((motor.value for motor in motors.values()), Decimal(0))
        if rules.negative_month == "zero":
            value = max(value, Decimal(0))
        net, vat, gross = _taxed(rules, value * share)
        return MonthAmount(motors, rounded(value, rules.money_decimals, rules.rounding), year, share, net, vat, gross)


def share_of(rules: SettlementRules, day: date) -> tuple[int, Decimal]:
    """Year of the sharing period, and the share in it. Raises InvalidValue outside the period."""
    first = rules.sharing_first
    if day < first:
        raise InvalidValue(codes.BEFORE_SHARING, day=str(day), first=str(first))
    year = day.year - first.year + ((day.month, day.day) >= (first.month, first.day))
    if year > len(rules.shares):
        raise InvalidValue(codes.NO_SHARE_FOR_YEAR, year=year)
    return year, rules.shares[year - 1]


def rounded(value: Decimal, decimals: int, rule: str) -> Decimal:
    """half_up: ties away from zero (四舍五入). half_even: ties to the even digit (四舍六入五成双). down: toward zero.
    The result is never −0.
    """
    return value.quantize(Decimal(1).scaleb(-decimals), _MODES[rule]) + 0


def _known(figures: Mapping[str, MonthFigures], motor: str, first: date) -> MonthFigures:
    if motor not in figures:
        raise InvalidValue(codes.MOTOR_WITHOUT_FIGURES, motor=motor, month=f"{first:%Y-%m}")
    return figures[motor]


def _motor_amount(motor: ContractMotor, rules: SettlementRules, figures: MonthFigures) -> MotorAmount:
    exact = _contract_kwh(motor, figures, len(rules.prices) > 1)
    kwh = {price: rounded(value, rules.energy_decimals, rules.rounding) for price, value in exact.items()}
    adjusted_wh = sum(each.adjusted_wh - each.compared_wh for each in figures.energies.values())
    adjusted_kwh = rounded(Decimal(adjusted_wh) / WH, rules.energy_decimals, rules.rounding)
    value = sum((each * _price(rules, price) for price, each in kwh.items()), Decimal(0))
    return MotorAmount(motor.formula, kwh, adjusted_kwh, value)


def _contract_kwh(motor: ContractMotor, figures: MonthFigures, by_price: bool) -> dict[str, Decimal]:
    """The figure of the contract's formula, kWh, not rounded; by_price: for each price of the tariff."""
    energies = figures.energies if by_price else {ONE_PRICE: _sum_of(figures.energies.values())}
    if motor.formula == "adjusted_baseline":
        return {price: Decimal(each.adjusted_wh - each.compared_wh) / WH for price, each in energies.items()}
    if motor.formula == "saving_rate":
        assert motor.saving_rate is not None
        rest = (1 - motor.saving_rate) * WH
        return {price: each.measured_wh * motor.saving_rate / rest for price, each in energies.items()}
    measured_kwh = Decimal(sum(each.measured_wh for each in energies.values())) / WH
    if motor.formula == "specific_energy":
        assert motor.specific_energy_kwh is not None
        if figures.quantity is None:
            raise InvalidValue(codes.FIGURE_MISSING, motor=motor.name, formula=motor.formula, figure="production")
        return {ONE_PRICE: motor.specific_energy_kwh * figures.quantity - measured_kwh}
    assert motor.reference_kw is not None
    if figures.running_s is None:
        raise InvalidValue(codes.FIGURE_MISSING, motor=motor.name, formula=motor.formula, figure="running time")
    return {ONE_PRICE: (motor.reference_kw * figures.running_s - measured_kwh * HOUR_S) / HOUR_S}


def _sum_of(parts: Iterable[PriceEnergies]) -> PriceEnergies:
    rows = [(each.measured_wh, each.compared_wh, each.adjusted_wh) for each in parts]
    return PriceEnergies(*(sum(column) for column in zip(*rows, strict=True)))


def _price(rules: SettlementRules, name: str) -> Decimal:
    """The price of that name; of a plan with one price always that one."""
    if len(rules.prices) == 1:
        return next(iter(rules.prices.values()))
    if name not in rules.prices:
        raise InvalidValue(codes.PRICE_NOT_IN_PLAN, price=name)
    return rules.prices[name]


def _taxed(rules: SettlementRules, fee: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    """Fee without tax, tax, fee with tax. The fee and the tax are rounded; the third is their sum or difference."""
    decimals, rule = rules.money_decimals, rules.rounding
    if rules.prices_include_vat:
        gross = rounded(fee, decimals, rule)
        vat = rounded(gross * rules.vat_rate / (1 + rules.vat_rate), decimals, rule)
        return gross - vat, vat, gross
    net = rounded(fee, decimals, rule)
    vat = rounded(net * rules.vat_rate, decimals, rule)
    return net, vat, net + vat
