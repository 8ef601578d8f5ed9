"""What prevents that a month is settled by a plan, and what the parties accept with it."""

from __future__ import annotations

from datetime import date

from agent.contract import reasons as codes
from agent.contract.plan import ContractPlan
from agent.contract.plan_reader import open_points
from agent.core.local_time import local_datetime
from agent.savings import reasons as savings
from agent.savings.accounting.assumptions import open_reasons
from agent.savings.report import reasons as report
from agent.savings.report.model.month import ReportMonth
from drivers.reasons import Reason

WITHOUT_EFFECT = frozenset(  # on the amount of a plan, which has its own tariff
    (report.GRID_FACTOR_MISSING, report.GRID_FACTOR_UNUSABLE, report.TARIFF_MISSING, report.TARIFF_UNUSABLE,
     report.DEMAND_UNKNOWN, report.CURRENCY_MISSING)
)  # fmt: skip
# The parties can settle a month in spite of them
ACCEPTABLE = frozenset(
    (report.ENERGY_UNKNOWN_INTERVALS, report.OUTSIDE_REPORTING_PERIOD, report.OUTSIDE_ENDED_REPORTING_PERIOD)
)
LIMITS = frozenset(  # caveats of a saving that the parties accept with it
    (savings.METER_CHANGED, savings.CURRENT_ASSUMED, savings.BASELINE_SUBSTITUTE, savings.LOW_COVERAGE,
     savings.POOR_BASELINE)
)  # fmt: skip


def obstacles(month: ReportMonth, plan: ContractPlan) -> list[Reason]:
    """What is wrong or missing before a month can be settled by the plan."""
    motor = plan.motors[month.asset]
    ignored = WITHOUT_EFFECT | ACCEPTABLE
    if not motor.baseline_hash:
        ignored |= {report.BASELINE_MISSING}
    found = [note for note in month.notes if note.code not in ignored]
    found += [month.undecided] if month.undecided else []
    used = month.baseline.hash if month.baseline else ""
    if motor.baseline_hash and motor.baseline_hash != used:
        found.append(
            codes.BASELINE_NOT_OF_PLAN(motor=motor.name, found=used[:16] or "–", expected=motor.baseline_hash[:16])
        )
    first, last = _days(month)
    if not (plan.applies.contains(first) and plan.applies.contains(last)):
        span = {"first": str(plan.applies.first), "last": str(plan.applies.last or "–")}
        found.append(codes.MONTH_PARTLY_COVERED(**span, month=month.month))
    return list(dict.fromkeys(found))


def assumptions_of(month: ReportMonth, plan: ContractPlan) -> list[Reason]:
    """What the parties accept by their signatures: open assumptions of the saving, what is not known or not decided,
    and certificates that are missing or had expired at the end of the month.
    """
    found = [note for note in month.notes if note.code in ACCEPTABLE]
    if month.saving is not None:
        found += open_reasons(month.saving.assumptions)
        found += [caveat for caveat in month.saving.caveats if caveat.code in LIMITS]
        found += [savings.EVENT_UNDECIDED(number=event.number, kind=event.kind, cause=event.cause)
                  for event in month.events if event.decision is None]  # fmt: skip
    points = open_points(plan, _days(month)[1])
    return list(dict.fromkeys([*found, *(point for point in points if point.data.get("motor") == month.asset)]))


def _days(month: ReportMonth) -> tuple[date, date]:
    """The first and the last day of the billing month."""
    first, last = (local_datetime(at_ms, month.zone).date() for at_ms in (month.from_ms, month.to_ms - 1))
    return first, last
