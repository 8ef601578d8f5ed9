"""Bill of a month at a tariff."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from msgspec import Struct, field

from agent.config.tariff import Tariff
from agent.savings.accounting.demand import BilledInterval, Demand, Scatter, demand_of
from agent.savings.reasons import POWER_FACTOR_STANDARD, REACTIVE_ENERGY_MISSING
from drivers.reasons import InvalidValue


class Bill(Struct, frozen=True):
    """A bill in Tariff.currency.

    energy_cost: by price.
    wh_by_period: energy by price, Wh.
    demand_kw: largest mean power; kVA if the tariff bills apparent power.
    demand: with its window and scatter; None without a demand charge or a complete window.
    demand_cost: demand charge.
    power_factor: None when the reactive energy is unknown.
    adjustment: share by which the power-factor rule changes energy and demand cost.
    adjustment_cost: its amount.
    """

    energy_cost: dict[str, float] = field(default_factory=dict)
    wh_by_period: dict[str, float] = field(default_factory=dict)
    demand_kw: float = 0.0
    demand: Demand | None = None
    demand_cost: float = 0.0
    power_factor: float | None = None
    adjustment: float = 0.0
    adjustment_cost: float = 0.0

    @property
    def total(self) -> float:
        return sum(self.energy_cost.values()) + self.demand_cost + self.adjustment_cost


def bill(
    tariff: Tariff, rows: Sequence[BilledInterval], added: Iterable[tuple[int, float]] = (),
    scatter: Scatter | None = None,
) -> Bill:  # fmt: skip
    """The bill of one billing month.

    rows: its intervals.
    added: (start_ms, Wh): additional energy, billed at the price of its interval. It has no effect on demand, power
        factor and adjustment.
    scatter: of measured intervals around the rows, if these are of a model (see demand_of).
    Raises InvalidValue if an interval has no price, or more than one.
    The power factor needs the reactive energy of each row with energy; otherwise it is None and nothing is adjusted.
    """
    cost: dict[str, float] = {}
    energy: dict[str, float] = {}
    known = not any(row.wh and row.varh is None for row in rows)
    reactive = sum(row.varh or 0.0 for row in rows) if known else None
    for row in rows:
        name, price = tariff.price(row.start_ms)
        cost[name] = cost.get(name, 0.0) + row.wh / 1000 * price
        energy[name] = energy.get(name, 0.0) + row.wh
    demand, demand_kw, demand_cost = None, 0.0, 0.0
    if tariff.demand and rows:
        if tariff.demand.per == "kVA" and reactive is None:
            raise InvalidValue(REACTIVE_ENERGY_MISSING)
        demand = demand_of(tariff.demand, rows, scatter)
        demand_kw = demand.kw if demand else 0.0
        demand_cost = demand_kw * tariff.demand.price
    total_wh = sum(energy.values())
    power_factor = None
    if reactive is not None and total_wh > 0:
        power_factor = total_wh / math.hypot(total_wh, reactive)
    share = 0.0
    if tariff.power_factor is not None and power_factor is not None:
        share = pf_adjustment(tariff.power_factor, power_factor)
    basis = sum(cost.values()) + demand_cost
    for start_ms, wh in added:
        name, price = tariff.price(start_ms)
        cost[name] = cost.get(name, 0.0) + wh / 1000 * price
        energy[name] = energy.get(name, 0.0) + wh
    return Bill(cost, energy, demand_kw, demand, demand_cost, power_factor, share, share * basis)


def pf_adjustment(standard: float, power_factor: float) -> float:
    """Share by which energy and demand charges rise (negative: fall), as a fraction. Raises InvalidValue for another
    standard.

    China's power-factor adjustment of 1983, whose table consists of these steps per 0.01 [M]: 0.5 % below the standard,
    1 % from 0.20 below (0.70, 0.65, 0.60), 2 % from 0.25 below; rewards 0.1 % up to 0.90 and 0.15 % above, at most
    0.75, 1.1 and 1.3 %. The power factor is rounded to two decimals first.
    """
    if standard not in (0.80, 0.85, 0.90):
        raise InvalidValue(POWER_FACTOR_STANDARD, standard=standard)
    hundredths, aim = math.floor(100 * power_factor + 0.5), round(100 * standard)
    below = aim - hundredths
    if below > 0:
        return (0.5 * min(below, 20) + 1.0 * min(max(below - 20, 0), 5) + 2.0 * max(below - 25, 0)) / 100
    reward = 0.1 * (min(hundredths, 90) - aim) + 0.15 * max(hundredths - 90, 0)
    return -min(reward, {90: 0.75, 85: 1.1, 80: 1.3}[aim]) / 100
