"""What was found so far, and the delays with which something is found."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from agent.analysis.condition.answers import Answer, Clear, ConditionFinding, Confidence, NotObservable, Severity
from agent.analysis.condition.rows.reasons import ROWS_TOO_FEW
from drivers.reasons import Reason

_RANK = {Severity.NOTE: 0, Severity.WARNING: 1, Severity.ALARM: 2}


class Findings:
    """Findings of one machine, each code once.

    found: everything raised up to now, with its highest severity and the time when it was raised first (as a note does
    not count). active: raised and not returned. returned: not there any more, as its detector has seen.
    """

    def __init__(self) -> None:
        self.found: dict[str, ConditionFinding] = {}
        self.active: dict[str, ConditionFinding] = {}
        self.returned: set[str] = set()
        self._new: list[ConditionFinding] = []

    def raise_(
        self,
        code: str,
        severity: Severity,
        confidence: Confidence,
        at_s: float,
        why: Reason,
        value: float | None = None,
        unit: str = "",
        limit: float | None = None,
        u95: float | None = None,
        evidence: Mapping[str, float] | None = None,
    ) -> None:
        """Raises a finding, unless it is active with this or a higher severity; of the same severity, other evidence
        takes the place of the old, and nothing is raised again."""
        now = self.active.get(code)
        rank = -1 if now is None else _RANK[now.severity]
        if now is not None and (rank > _RANK[severity] or (rank == _RANK[severity] and now.why.code == why.code)):
            return
        finding = ConditionFinding(code, severity, confidence, at_s, why, value, unit, limit, u95, evidence or {})
        if now is not None and rank == _RANK[severity]:
            self.active[code] = msgspec.structs.replace(finding, at_s=now.at_s)
            return
        self.active[code] = finding
        self.returned.discard(code)
        before = self.found.get(code)
        if before is None or before.severity is Severity.NOTE:
            self.found[code] = finding
        elif _RANK[before.severity] < _RANK[severity]:
            self.found[code] = msgspec.structs.replace(finding, at_s=before.at_s)
        self._new.append(finding)

    def end(self, code: str) -> None:
        if self.active.pop(code, None) is not None:
            self.returned.add(code)

    def end_of_last_run(self, code: str) -> None:
        """The fault is not there, and what an earlier run found of it has ended, too."""
        self.active.pop(code, None)
        self.returned.add(code)

    def new(self) -> list[ConditionFinding]:
        """The findings raised since the last call."""
        new, self._new = self._new, []
        return new

    @property
    def faulty(self) -> bool:
        """Whether a warning or an alarm is active: nothing is learned meanwhile."""
        return any(finding.severity is not Severity.NOTE for finding in self.active.values())


class Hold:
    """A condition with on-delay and off-delay on the time of the rows.

    gap_s: after a longer time without an update a delay starts again; time without data is not counted.
    """

    __slots__ = ("_gap_s", "_last_s", "_off_s", "_on_s", "_since_s", "active")

    def __init__(self, on_s: float, off_s: float, gap_s: float = 5.0) -> None:
        self._on_s, self._off_s, self._gap_s = on_s, off_s, gap_s
        self._last_s, self._since_s = -math.inf, math.nan
        self.active = False

    def update(self, t_s: float, condition: bool | None) -> bool:
        """The delayed condition. None: not known; the state stays, missing data is not a return."""
        if condition is None:
            return self.active
        if t_s - self._last_s > self._gap_s:
            self._since_s = math.nan
        self._last_s = t_s
        if condition is self.active:
            self._since_s = math.nan
            return self.active
        if math.isnan(self._since_s):
            self._since_s = t_s
        if t_s - self._since_s >= (self._off_s if self.active else self._on_s):
            self.active, self._since_s = condition, math.nan
        return self.active

    def restart(self) -> None:
        """A running delay starts again; what is active stays."""
        self._since_s = math.nan


class Watch:
    """How long a fault was checked for under conditions in which it would have been seen.

    needed_s: time after which nothing found means clear. seen_s: so far, at most that.
    reason: why it is not observable at present; None: it is.
    """

    __slots__ = ("_last_s", "_needed_s", "reason", "seen_s")

    def __init__(self, needed_s: float) -> None:
        self._needed_s, self.seen_s, self._last_s = needed_s, 0.0, -math.inf
        self.reason: Reason | None = None

    def looked(self, t_s: float) -> None:
        if self.seen_s < self._needed_s:
            self.seen_s += min(t_s - self._last_s, 15.0) if self._last_s > -math.inf else 1.0
            if self.seen_s >= self._needed_s:
                self.reason = None
        self._last_s = t_s

    def blind(self, t_s: float, reason: Reason) -> None:
        """Not observable now. What was seen before counts until `reset`."""
        self._last_s = t_s
        if self.seen_s < self._needed_s:
            self.reason = reason

    def reset(self, reason: Reason) -> None:
        """What was seen before does not hold for the present."""
        self.seen_s, self.reason = 0.0, reason

    @property
    def enough(self) -> bool:
        return self.seen_s >= self._needed_s

    def answer(
        self,
        code: str,
        value: float | None = None,
        unit: str = "",
        limit: float | None = None,
        u95: float | None = None,
    ) -> Answer:
        if not self.enough:
            return NotObservable(code, self.reason or ROWS_TOO_FEW(needed_s=self._needed_s))
        return Clear(code, value, unit, limit, u95)
