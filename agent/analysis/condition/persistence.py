"""From the verdicts of single records to findings that last: a slow fault has to be seen repeatedly, over hours.

Three of the last five records that count, for slow faults spread over six hours, and an alarm a day later
(docs/explanation/condition.md). One record is a note. Of a slow fault a record counts once in an hour and a half:
five of them span the six hours, however often records are made.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from agent.analysis.condition.answers import Answer, Clear, ConditionFinding, NotObservable, Severity
from agent.analysis.condition.history_reasons import FOUND_BEFORE
from agent.analysis.condition.message import answer_of, stored_answer

DAY_S = 86400.0
TREND_DAYS, TREND_MIN = 60, 7  # days that a trend is made of, and the fewest
LAST, NEEDED = 5, 3  # a finding needs NEEDED of the LAST records in which the fault was observable
HOUR_S = 3600.0


class PersistenceRule(Struct, frozen=True):
    """When a finding of single records lasts.

    spread_s: shortest time between the first and the last of the records that show it.
    spacing_s: time between records that count.
    alarm_after_s: time for which the warning has to last before it becomes an alarm.
    immediate: one record is enough.
    heals: records that do not show the fault prove that it has gone.
    """

    spread_s: float = 0.0
    alarm_after_s: float = 0.0
    immediate: bool = False
    heals: bool = True

    @property
    def spacing_s(self) -> float:
        return self.spread_s / (LAST - 1)


_SLOW = PersistenceRule(6 * HOUR_S, 24 * HOUR_S)
_BARS = PersistenceRule(6 * HOUR_S, 24 * HOUR_S, heals=False)
_FAST = PersistenceRule()
_IMMEDIATE = PersistenceRule(immediate=True)
RULES: Mapping[str, PersistenceRule] = {
    "broken_rotor_bar": _BARS,
    **dict.fromkeys(("live_terminals", "phase_loss", "supply_dip", "supply_interharmonic", "stall"), _IMMEDIATE),
    **dict.fromkeys(("turn_fault", "winding_asymmetry", "contact_resistance", "diode_open", "supply_unbalance",
                     "current_unbalance", "overload", "load_unsteady", "load_oscillation"), _FAST),
    # all others are slow
}  # fmt: skip


class _Fault:
    """The last records of one fault that count: UTC in seconds and verdict.

    seen: without records in which the fault was not observable.
    latest: of the last record, whether it counts or not. observed_s: of the last record in which it was observable.
    """

    def __init__(self, code: str) -> None:
        self.rule = RULES.get(code, _SLOW)
        self.seen: deque[tuple[float, ConditionFinding | Clear]] = deque(maxlen=LAST)
        self.latest: Answer | None = None
        self.observed_s: float | None = None
        self.raised_s: float | None = None  # UTC since which the finding lasts
        self.lasted = False  # it has lasted at some time
        self.days: dict[int, tuple[float, int]] = {}  # day since 1970 → mean of the index, number of records

    def add(self, at_s: float, answer: Answer) -> None:
        self.latest = answer
        if isinstance(answer, NotObservable):
            return
        self.observed_s = at_s
        self._add_to_trend(at_s, answer.value)
        if self.seen and abs(at_s - self.seen[-1][0]) < self.rule.spacing_s:  # a clock set back counts again
            return
        self.seen.append((at_s, answer))
        findings = self.findings()
        if self.raised_s is None and self._lasts(findings):
            self.raised_s, self.lasted = at_s, True
        elif self.raised_s is not None and not findings and (len(self.seen) == LAST or self.rule.immediate):
            self.raised_s = None

    def _add_to_trend(self, at_s: float, value: float | None) -> None:
        if value is None:
            return
        day = int(at_s // DAY_S)
        mean, count = self.days.get(day, (0.0, 0))
        self.days[day] = mean + (value - mean) / (count + 1), count + 1
        while len(self.days) > TREND_DAYS:
            del self.days[min(self.days)]

    def per_30d(self) -> float | None:
        """Slope of the daily means by least squares; None: too few days."""
        if len(self.days) < TREND_MIN:
            return None
        middle = sum(self.days) / len(self.days)
        spread = sum((day - middle) ** 2 for day in self.days)
        return 30 * sum((day - middle) * mean for day, (mean, _) in self.days.items()) / spread

    def undecided(self) -> bool:
        """Whether the last record differs from what holds, of a fault that records close to each other decide."""
        found = isinstance(self.latest, ConditionFinding) and self.latest.severity is not Severity.NOTE
        unseen = isinstance(self.latest, NotObservable)
        return not unseen and not self.rule.spread_s and found != (self.raised_s is not None)

    def findings(self) -> list[tuple[float, ConditionFinding]]:
        """The records that show the fault, without notes; the last one only for an immediate fault."""
        seen = list(self.seen)[-1:] if self.rule.immediate else self.seen
        return [(at_s, one) for at_s, one in seen
                if isinstance(one, ConditionFinding) and one.severity is not Severity.NOTE]  # fmt: skip

    def _lasts(self, findings: list[tuple[float, ConditionFinding]]) -> bool:
        if self.rule.immediate:
            return bool(findings)
        return len(findings) >= NEEDED and findings[-1][0] - findings[0][0] >= self.rule.spread_s

    def answer(self) -> Answer | None:
        if self.raised_s is not None:
            return self._lasting(self.raised_s)
        if isinstance(self.latest, ConditionFinding):
            return replace(self.latest, severity=Severity.NOTE)
        if isinstance(self.latest, Clear) and self.lasted and not self.rule.heals:
            return NotObservable(self.latest.code, FOUND_BEFORE())
        return self.latest

    def _lasting(self, raised_s: float) -> Answer | None:
        findings = self.findings()
        if not findings:  # the last records are clear, too few to return
            findings = [(at_s, one) for at_s, one in self.seen if isinstance(one, ConditionFinding)]
        if not findings:
            return self.latest
        last_s, last = findings[-1]
        alarms = sum(one.severity is Severity.ALARM for _, one in findings)
        alarm = self.rule.immediate or (alarms >= NEEDED and last_s - raised_s >= self.rule.alarm_after_s)
        if last.severity is Severity.ALARM and not (alarms and alarm):
            return replace(last, severity=Severity.WARNING)
        return last


class RecordHistory:
    """The verdicts of the last records of one motor.

    stored: what `state` returned; unreadable parts are left out.
    """

    def __init__(self, stored: Mapping[str, Any] | None = None) -> None:
        self._faults: dict[str, _Fault] = {}
        for code, one in (stored or {}).items():
            self._restore(code, one)

    def add(self, utc_s: float, answers: Iterable[Answer]) -> None:
        """Adds the verdicts of one record."""
        for answer in answers:
            self._faults.setdefault(answer.code, _Fault(answer.code)).add(utc_s, answer)

    def answers(self) -> list[Answer]:
        """What holds now, one verdict for each fault that any record was examined for."""
        return [answer for fault in self._faults.values() if (answer := fault.answer()) is not None]

    def undecided(self) -> bool:
        """Whether records should follow soon: a fast fault was found and does not last yet, or has gone and lasts."""
        return any(fault.undecided() for fault in self._faults.values())

    def times_ms(self) -> dict[str, tuple[int | None, int | None]]:
        """Code → UTC since which the finding lasts, and UTC of the last record in which the fault was observable."""
        return {
            code: (
                None if fault.raised_s is None else round(1000 * fault.raised_s),
                None if fault.observed_s is None else round(1000 * fault.observed_s),
            )
            for code, fault in self._faults.items()
        }

    def trends(self) -> dict[str, float]:
        """Code → change of the index in 30 days, of those seen on enough days."""
        return {code: slope for code, fault in self._faults.items() if (slope := fault.per_30d()) is not None}

    def state(self) -> dict[str, Any]:
        """For the state file."""
        return {
            code: {
                "raised_s": fault.raised_s,
                "lasted": fault.lasted,
                "seen": [[at_s, stored_answer(one)] for at_s, one in fault.seen],
                "days": [[day, *mean] for day, mean in fault.days.items()],
            }
            for code, fault in self._faults.items()
            if fault.seen
        }

    def _restore(self, code: str, stored: Any) -> None:
        fault = _Fault(code)
        try:
            for at_s, one in stored["seen"]:
                answer = answer_of(one)
                assert not isinstance(answer, NotObservable)
                fault.seen.append((float(at_s), answer))
            fault.raised_s = None if stored["raised_s"] is None else float(stored["raised_s"])
            fault.lasted = bool(stored.get("lasted", fault.raised_s is not None))
            fault.days = {int(day): (float(mean), int(count)) for day, mean, count in stored.get("days", ())}
        except (AssertionError, KeyError, TypeError, ValueError):
            return
        if fault.seen:
            fault.observed_s, fault.latest = fault.seen[-1]
        self._faults[code] = fault
