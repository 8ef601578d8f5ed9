"""Thermal overload by I²t, with the time constant of starting class 30 of IEC 60947-4-1."""

from __future__ import annotations

from agent.analysis.condition import common_reasons as common
from agent.analysis.condition.answers import Answer, Confidence, Severity
from agent.analysis.condition.rows import reasons
from agent.analysis.condition.rows.findings import Findings, Watch
from agent.analysis.condition.rows.ratings import Ratings
from agent.analysis.condition.rows.sample import INDEX, STANDS, Sample

CODE = "overload"
_TAU_S = 1165.0  # 7.2 times the rated current trips a cold relay of class 30 after 30 s
_CAPACITY = 1.15**2  # a relay holds at 1.05 and trips at 1.2 times the set current
_WARN, _ALARM, _OFF = 0.9, 1.0, 0.85
_ROW_S, _STEP_S_MAX = 5.0, 60.0
_BURNS, _START_S = 2.2, 120.0  # more current than any protection lets pass after a start
_P_IN = INDEX["p_in_kw"]
_PER_TORQUE = 1.25  # current over torque, shares of rated, that hot magnets and a weak supply explain


class Overload:
    def __init__(self, ratings: Ratings, findings: Findings) -> None:
        self._known, self._rated_w = ratings.a is not None, ratings.w
        self._findings = findings
        self._watch = Watch(300.0)
        self._heat = 0.0
        self._last_s: float | None = None

    def on_sample(self, sample: Sample) -> None:
        step_s = sample.t_s - self._last_s if self._last_s is not None else 0.0
        self._last_s = sample.t_s
        current = sample.current if sample.drives is not False else 0.0
        if current is None:
            missing = common.CURRENTS_MISSING() if self._known else common.NAMEPLATE_MISSING(keys=("amps",))
            self._watch.blind(sample.t_s, missing)
            return
        if current > _BURNS and (sample.run_s > _START_S or (not sample.has_drive and sample.power_factor > STANDS)):
            self._watch.blind(sample.t_s, reasons.CURRENT_IMPLAUSIBLE())
            return
        effort = self._effort(sample)
        if current > 1.0 and effort is not None:  # otherwise a wrong rated current would look like an overload
            current = min(current, _PER_TORQUE * max(effort, 0.5))
        more = current * current / _CAPACITY - self._heat
        longest_s = _ROW_S if more > 0 else _STEP_S_MAX  # what flowed while there were no rows is not known
        self._heat += more * min(longest_s, step_s) / _TAU_S
        self._watch.looked(sample.t_s)
        if self._heat < _OFF:
            self._findings.end(CODE)
        elif self._heat >= _WARN:
            alarm = self._heat >= _ALARM
            self._findings.raise_(
                CODE, Severity.ALARM if alarm else Severity.WARNING, Confidence.LIKELY, sample.t_s,
                reasons.THERMAL_CAPACITY(used=self._heat, current=current), 100 * self._heat, "%",
                100 * (_ALARM if alarm else _WARN),
            )  # fmt: skip

    def _effort(self, sample: Sample) -> float | None:
        """Torque, or without it the power at the meter, as a share of rated."""
        if sample.torque is not None:
            return abs(sample.torque)
        power_kw, rated_w = sample.values[_P_IN], self._rated_w
        return None if power_kw is None or not rated_w else 1000 * power_kw / rated_w

    def answers(self) -> list[Answer]:
        return [self._watch.answer(CODE, 100 * self._heat, "%", 100 * _WARN)]
