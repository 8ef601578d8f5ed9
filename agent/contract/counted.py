"""Which part of a production or running time belongs to measured and to compared energy: explains a figure that is
settled by counting.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from agent.contract.amounts import MonthFigures
from agent.contract.month_figures import amount_of_interval, quantity_signal
from agent.contract.plan import ContractMotor
from agent.savings.records.model import Interval
from agent.savings.report.model.month import ReportMonth, running_s_of


def counted_of(month: ReportMonth, terms: ContractMotor, figures: MonthFigures) -> dict[str, str]:
    """`compared`, `measured`: in the unit of the count (s of running time), to the thousandth. Empty: the formula
    counts nothing, or what it counts is not measured.
    """
    count, total = _count_of(month, terms, figures)
    if count is None or total is None:
        return {}
    compared = {result.start_ms for result in month.results
                if result.excluded is None and result.adjusted_wh is not None}  # fmt: skip
    parts = {item.start_ms: count(item) * item.energy_s / item.length_s for item in month.intervals
             if item.energy_wh is not None}  # fmt: skip
    measured = min(_exact(sum(parts.values())), total)
    within = min(_exact(sum(part for start_ms, part in parts.items() if start_ms in compared)), measured)
    return {"compared": f"{within:.3f}", "measured": f"{measured:.3f}"}


def _count_of(
    month: ReportMonth, terms: ContractMotor, figures: MonthFigures
) -> tuple[Callable[[Interval], float] | None, Decimal | None]:  # fmt: skip
    """What an interval counts, and the count of the month."""
    if terms.formula == "direct_comparison":
        total = None if figures.running_s is None else Decimal(figures.running_s)
        return (lambda item: running_s_of(item, month.plant)), total
    if terms.formula != "specific_energy" or (name := quantity_signal(month.intervals, terms.quantity)) is None:
        return None, None
    return (lambda item: amount_of_interval(item, name)), figures.quantity


def _exact(value: float) -> Decimal:
    return Decimal(round(1000 * value)) / 1000
