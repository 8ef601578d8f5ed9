"""False alarms and warnings of RowCondition over motor-years of nuisance events."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from support.condition.row_judge import machine_data
from support.condition.row_years import MotorYear

from agent.analysis.condition.answers import Severity
from agent.analysis.condition.rows.row_condition import RowCondition


@dataclass
class YearResult:
    """years: length. rows: fed. alarms, warnings: not true, by code. true: alarms and warnings that were true."""

    years: float = 0.0
    rows: int = 0
    alarms: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    true: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def add(self, other: YearResult) -> None:
        self.years += other.years
        self.rows += other.rows
        for mine, its in ((self.alarms, other.alarms), (self.warnings, other.warnings), (self.true, other.true)):
            mine.update(its)
        self.examples += other.examples


def judge_year(seed: str, days: int = 365) -> YearResult:
    year = MotorYear(seed, days)
    machine = machine_data(year.machine.nameplate())
    condition = RowCondition(machine)
    result = YearResult(days / 365)
    begin_s = 0.0
    for t_s, row in year.rows():
        if year.restarted:
            condition, begin_s, year.restarted = RowCondition(machine, condition.state()), t_s - 5, False
        result.rows += 1
        for finding in condition.on_row(t_s - begin_s, row):
            if finding.severity is Severity.NOTE:
                continue
            if finding.code in year.true_now:
                result.true[finding.code] += 1
                continue
            (result.alarms if finding.severity is Severity.ALARM else result.warnings)[finding.code] += 1
            result.examples.append(
                f"{seed} {year.machine.application} {year.machine.kind} {year.machine.kw} kW at {t_s:.0f} s: "
                f"{finding.code} {finding.severity}: {finding.why}"
            )
    return result
