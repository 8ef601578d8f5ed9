"""The money saved in a month: the bill of the adjusted baseline and the bill of the measured energy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from msgspec import Struct

from agent.config.tariff import Tariff
from agent.savings.accounting.bill import Bill, bill
from agent.savings.accounting.demand import BilledInterval, Demand, Scatter
from agent.savings.accounting.interval_comparison import IntervalResult
from agent.savings.baseline.models import quadratic, terms, values_of
from agent.savings.records.model import QUARTER_MS, Baseline, Interval, NonRoutineEvent, Saving
from agent.savings.records.non_routine_events import adjusting

COVERAGE_FACTOR = 1.96  # of a normal distribution, 95 %


class Cost(Struct, frozen=True):
    """The bills of the intervals that are part of the saving, in the currency of the tariff.

    currency: as configured; empty: unknown.
    before: bill of the adjusted baseline.
    after: bill of the measured energy.
    saved: by energy; with demand and power factor when own_bill.
    u95: U95 of saved: of the energy at the mean price, and with own_bill also of the demand, added because meters and
        drivers have the same error in both.
    own_bill: the meter of this motor has its own bill.
    demand_at_most: upper limit of the demand charge saved at the meter of the plant; not included in saved.
    demand_u95: U95 of the demand charge saved.
    """

    currency: str
    before: Bill
    after: Bill
    saved: float
    u95: float
    own_bill: bool
    demand_at_most: float = 0.0
    demand_u95: float = 0.0

    @property
    def demand_saved(self) -> float:
        """Demand charge saved at this meter; negative: it rises."""
        return self.before.demand_cost - self.after.demand_cost


def cost_of(
    tariff: Tariff, results: Sequence[IntervalResult], found: Sequence[Interval], baseline: Baseline, saving: Saving,
    events: Sequence[NonRoutineEvent],
) -> Cost | None:  # fmt: skip
    """The money saved; None without intervals in the saving. Raises InvalidValue if an interval cannot be priced.

    Both bills treat the same intervals equally. The reactive energy of each is its active energy times the tan φ of its
    period, because that is all that is known of the baseline; the demand is that of complete averaging windows, and
    the one of the adjusted baseline includes the scatter of measured intervals.
    """
    claimed = [result for result in results if not result.excluded]
    if not claimed:
        return None
    by_start = {item.start_ms: item for item in found}
    tan = _tan_phi([by_start[result.start_ms] for result in claimed if result.start_ms in by_start])
    scatter = Scatter(baseline.residual_wh, baseline.length_s, baseline.autocorrelation) if baseline.n else None
    before = bill(
        tariff, [_row(result, result.adjusted_wh, baseline.tan_phi) for result in claimed],
        _added(claimed, adjusting(events, (saving.from_ms, saving.to_ms))), scatter,
    )  # fmt: skip
    after = bill(tariff, [_row(result, result.measured_wh, tan) for result in claimed])
    own = tariff.demand is not None and tariff.demand.settled_at == "motor"
    saved = sum(before.energy_cost.values()) - sum(after.energy_cost.values())
    priced_wh = sum(before.wh_by_period.values())
    price = math.fabs(sum(before.energy_cost.values()) / priced_wh) if priced_wh else 0.0
    u95, demand_saved = price * saving.u95_wh, before.demand_cost - after.demand_cost
    demand_u95 = 0.0
    if tariff.demand is not None and before.demand is not None:
        demand_u95 = tariff.demand.price * _demand_u95_kw(before.demand, claimed, by_start, baseline, saving)
    if own:
        both_pf = before.power_factor is not None and after.power_factor is not None
        saved += demand_saved + (before.adjustment_cost - after.adjustment_cost if both_pf else 0.0)
        u95 = (u95 + demand_u95) * (1 + (abs(before.adjustment) if both_pf else 0.0))
    at_most = 0.0 if own else max(demand_saved, 0.0)
    return Cost(tariff.currency, before, after, saved, u95, own, at_most, demand_u95)


def _row(result: IntervalResult, wh: float | None, tan_phi: float | None) -> BilledInterval:
    energy_wh = wh or 0.0
    return BilledInterval(result.start_ms, energy_wh, None if tan_phi is None else tan_phi * energy_wh, result.length_s)


def _tan_phi(items: Sequence[Interval]) -> float | None:
    """Reactive over active energy of the intervals that have both; None without any."""
    both = [(item.energy_wh, item.reactive_varh) for item in items if item.energy_wh and item.reactive_varh is not None]
    active_wh = sum(wh for wh, _ in both)
    return sum(varh for _, varh in both) / active_wh if active_wh > 0 else None


def _demand_u95_kw(
    demand: Demand, claimed: Sequence[IntervalResult], by_start: Mapping[int, Interval], baseline: Baseline,
    saving: Saving,
) -> float:  # fmt: skip
    """U95 of the demand saved, kW or kVA (GUM): scatter of the largest window, the model at this window, and the errors
    of meters and drivers, which are proportional to the energy.

    The model is less certain at its largest values than on average, so its part is that of the window itself.
    """
    own, adjusted_wh = [0.0] * len(baseline.coefficients), 0.0
    for result in claimed:
        item = by_start.get(result.start_ms)
        if item is None or not demand.start_ms <= result.start_ms < demand.end_ms:
            continue
        values = values_of(baseline, item)
        if values is not None:
            adjusted_wh += result.adjusted_wh or 0.0
            row = terms(baseline.kind, baseline.shape, [value.mean for value in values])
            own = [total + part * result.length_s / baseline.length_s for total, part in zip(own, row, strict=True)]
    model = math.sqrt(max(quadratic(own, baseline.covariance), 0.0)) / adjusted_wh if adjusted_wh else 0.0
    proportional = saving.u95_wh / saving.adjusted_wh if saving.adjusted_wh else 0.0
    return math.hypot(proportional * demand.kw, COVERAGE_FACTOR * model * demand.kw, demand.u95_kw)


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
