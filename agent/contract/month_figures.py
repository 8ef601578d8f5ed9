"""The figures of a month for its amount, from the report of the month: energies in whole Wh, as in the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from agent.config.tariff import Tariff
from agent.contract.amounts import ONE_PRICE, MonthFigures, PriceEnergies
from agent.savings.records.model import Interval
from agent.savings.records.non_routine_events import adjusting
from agent.savings.report.model.month import ReportMonth
from agent.savings.report.model.priced_parts import parts_of

ENDINGS = {"t": ("_t", "_t_h"), "m3": ("_m3", "_m3_h")}  # of signals that measure the quantity


def figures_of(month: ReportMonth, quantity: str) -> MonthFigures:
    """The figures of one motor and month. quantity: unit of the plan, t or m3; "": none.

    Raises InvalidValue where the tariff has no price.
    """
    results = {result.start_ms: result for result in month.results}
    measured, compared, adjusted = Counter[str](), Counter[str](), Counter[str]()
    excluded_wh = 0
    for item in month.intervals:
        measured_wh = measured_wh_of(item)
        _add(measured, month.tariff, item, measured_wh)
        result = results.get(item.start_ms)
        if result is None or result.excluded is not None or result.adjusted_wh is None:
            excluded_wh += measured_wh
            continue
        _add(compared, month.tariff, item, measured_wh)
        _add(adjusted, month.tariff, item, round(result.adjusted_wh))
    for by_price in adjustments_of(month).values():
        adjusted.update(by_price)
    prices = [*dict.fromkeys((*measured, *compared, *adjusted))]
    saving, length_s = month.saving, (month.to_ms - month.from_ms) // 1000
    return MonthFigures(
        {price: PriceEnergies(measured[price], compared[price], adjusted[price]) for price in prices},
        None if month.running_h is None else round(3600 * month.running_h), _quantity(month.intervals, quantity),
        excluded_wh, length_s - round(sum(item.length_s * min(item.coverage, 1.0) for item in month.intervals)),
        *((round(saving.u80_wh), round(saving.u90_wh), round(saving.u95_wh)) if saving else ()),
    )  # fmt: skip


def measured_wh_of(item: Interval) -> int:
    """As the ledger records it: energy and auxiliaries, each in whole Wh."""
    return round(item.energy_wh or 0.0) + round(item.auxiliary_wh)


def _price_at(tariff: Tariff | None, start_ms: int) -> str:
    return tariff.price(start_ms)[0] if tariff else ONE_PRICE


def _add(sums: Counter[str], tariff: Tariff | None, item: Interval, wh: int) -> None:
    """Adds the energy of an interval at its price; of one with several prices in whole Wh, whose sum is exact."""
    begun, given = 0.0, 0
    for part in parts_of(item.start_ms, item.length_s):
        begun += part.share
        due = round(wh * begun)
        sums[_price_at(tariff, part.start_ms)] += due - given
        given = due


def adjustments_of(month: ReportMonth) -> dict[int, dict[str, int]]:
    """Decided adjustments: number of the event → price → Wh, spread evenly over the intervals of the event that are in
    the saving.
    """
    if (saving := month.saving) is None:
        return {}
    found = dict[int, dict[str, int]]()
    claimed = [result.start_ms for result in month.results if result.excluded is None]
    for event in adjusting(month.events, (saving.from_ms, saving.to_ms)):
        end_ms = month.to_ms if event.to_ms is None else event.to_ms
        at = [start_ms for start_ms in claimed if event.from_ms <= start_ms < end_ms] or claimed
        by_price = Counter(_price_at(month.tariff, start_ms) for start_ms in at)
        found[event.number] = dict(_divided(round(event.adjust_wh), by_price))
    return found


def _divided(wh: int, weights: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """Whole Wh in proportion to the weights; their sum is exact."""
    begun, given = 0, 0
    for name, weight in weights.items():
        begun += weight
        due = round(wh * begun / sum(weights.values()))
        yield name, due - given
        given = due


def quantity_signal(found: Sequence[Interval], unit: str) -> str | None:
    """The signal of the production in the unit of the plan; None unless one counts it in each interval with energy."""
    names = {name for item in found for name in item.drivers if unit and name.endswith(ENDINGS[unit])}
    if len(names) != 1 or any(names - item.drivers.keys() for item in found if item.energy_wh):
        return None
    return names.pop()


def amount_of_interval(item: Interval, name: str) -> float:
    """What a signal counted: one per hour is a mean rate, another one the amount of its interval."""
    if name not in item.drivers:
        return 0.0
    return item.drivers[name].mean * (item.length_s / 3600 if name.endswith("_h") else 1)


def _quantity(found: Sequence[Interval], unit: str) -> Decimal | None:
    """Production in the unit of the plan, to the thousandth; None: not measured."""
    if (name := quantity_signal(found, unit)) is None:
        return None
    return Decimal(round(1000 * sum(amount_of_interval(item, name) for item in found))) / 1000
