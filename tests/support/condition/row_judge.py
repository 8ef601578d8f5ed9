"""Runs cases through RowCondition and compares what was found with what is true."""

from __future__ import annotations

from dataclasses import dataclass

from support.condition.row_cases import Case

from agent.analysis.condition.answers import Clear, Condition, ConditionFinding, Severity, condition_of
from agent.analysis.condition.faults import REQUIRED_ROWS, REQUIRED_ROWS_PUMP_FAN
from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.rows.row_condition import RowCondition


@dataclass(frozen=True)
class Outcome:
    """found: the fault, in time. wrong: warnings and alarms that are not true. late_s: after the fault began.

    cleared: it was missed, and the verdict is that it is not there.
    """

    found: bool
    late_s: float | None
    wrong: tuple[str, ...]
    condition: Condition
    findings: tuple[ConditionFinding, ...]
    cleared: bool = False


def machine_data(plate: dict[str, object]) -> MachineData:
    return MachineData(**plate)  # type: ignore[arg-type]


def judge(case: Case) -> Outcome:
    condition = RowCondition(machine_data(case.machine.nameplate()))
    for t_s, row in case.rows:
        condition.on_row(t_s, row)
    answers = condition.answers()
    findings = tuple(one for one in answers if isinstance(one, ConditionFinding))
    true = {*case.codes, *case.allowed}
    wrong = tuple(one.code for one in findings if one.severity is not Severity.NOTE and one.code not in true)
    right = [one for one in findings if one.code in case.codes and one.at_s >= case.from_s]
    late_s = min((one.at_s - case.from_s for one in right), default=None)
    in_time = late_s is not None and (case.within_s is None or late_s <= case.within_s)
    pump_fan = case.machine.application in ("pump", "fan")
    verdict = condition_of(answers, REQUIRED_ROWS_PUMP_FAN if pump_fan else REQUIRED_ROWS)
    clear = {one.code for one in answers if isinstance(one, Clear)}
    cleared = late_s is None and bool(case.codes) and case.codes[0] in clear
    return Outcome(in_time, late_s, wrong, verdict, findings, cleared)
