"""The money saved in a month: the bill of the adjusted baseline and the bill of the measured energy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from agent.config.tariff import Tariff
from agent.savings.accounting.avoided_energy import IntervalResult
from agent.savings.accounting.bill import Bill, bill
from agent.savings.records.model import QUARTER_MS, Baseline, Interval, NonRoutineEvent, Saving
from agent.savings.records.non_routine_events import adjusting


@dataclass(frozen=True, slots=True)
class Cost:
    """The bills of the intervals that are part of the saving, in the currency of the tariff.

    currency: as configured; empty: unknown.
    before: bill of the adjusted baseline.
    after: bill of the measured energy.
    saved: by energy; with demand and power factor when own_bill.
    u95: U95 of the energy saved at the mean price.
    own_bill: the meter of this motor has its own bill.
    demand_at_most: upper limit of the demand charge saved at the meter of the plant; not included in saved.
    """

    currency: str
    before: Bill
    after: Bill
    saved: float
    u95: float
    own_bill: bool
    demand_at_most: float = 0.0


def cost_of(
    tariff: Tariff, results: Sequence[IntervalResult], found: Sequence[Interval], baseline: Baseline, saving: Saving,
    events: Sequence[NonRoutineEvent],
) -> Cost | None:  # fmt: skip
    """The money saved; None without intervals in the saving. Raises InvalidValue if an interval cannot be priced."""
    reactive = {item.start_ms: item.reactive_varh for item in found}
    claimed = [result for result in results if not result.excluded]
    if not claimed:
        return None
    tan = baseline.tan_phi
    before = bill(
        tariff,
        [(result.start_ms, result.adjusted_wh or 0.0, None if tan is None else tan * (result.adjusted_wh or 0.0))
         for result in claimed],
        _added(claimed, adjusting(events, (saving.from_ms, saving.to_ms))),
    )  # fmt: skip
    after = bill(
        tariff, [(result.start_ms, result.measured_wh or 0.0, reactive.get(result.start_ms)) for result in claimed]
    )  # fmt: skip
    own = tariff.demand is not None and tariff.demand.settled_at == "motor"
    energy = sum(before.energy_cost.values()) - sum(after.energy_cost.values())
    both_pf = before.power_factor is not None and after.power_factor is not None
    saved = energy
    if own:
        saved += before.demand_cost - after.demand_cost
        saved += before.adjustment_cost - after.adjustment_cost if both_pf else 0.0
    priced_wh = sum(before.wh_by_period.values())
    price = sum(before.energy_cost.values()) / priced_wh if priced_wh else 0.0
    at_most = 0.0 if own else max(before.demand_cost - after.demand_cost, 0.0)
    return Cost(tariff.currency, before, after, saved, math.fabs(price) * saving.u95_wh, own, at_most)


def _added(claimed: Sequence[IntervalResult], events: Sequence[NonRoutineEvent]) -> list[tuple[int, float]]:
    """(start_ms, Wh): the energy of decided adjustments, spread evenly over the intervals of the event that are part of
    the saving, or over all of the saving when there are none."""
    found = []
    for event in events:
        end_ms = math.inf if event.to_ms is None else event.to_ms
        at = [
            result.start_ms
            for result in claimed
            if event.from_ms < result.start_ms + QUARTER_MS and result.start_ms < end_ms
        ]
        places = at or [result.start_ms for result in claimed]
        found += [(start_ms, event.adjust_wh / len(places)) for start_ms in places]
    return found
