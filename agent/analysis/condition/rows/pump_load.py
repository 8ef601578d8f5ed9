"""Dry running, low flow and underload of pumps and fans, from the power at a speed."""

from __future__ import annotations

from agent.analysis.condition import common_reasons as common
from agent.analysis.condition.answers import Answer, Confidence, NotObservable, Severity
from agent.analysis.condition.rows import reasons
from agent.analysis.condition.rows.findings import Findings, Hold, Watch
from agent.analysis.condition.rows.load_curve import Bin, LoadCurve, settled
from agent.analysis.condition.rows.ratings import Ratings
from agent.analysis.condition.rows.sample import Sample
from drivers.reasons import Reason

DRY, UNDERLOAD, LOW_FLOW = "dry_run", "underload", "low_flow"
_DRY, _DRY_OFF = 0.5, 0.6  # of the learned power: dry pumps need 0.2 to 0.45, closed valves more
_CLOSED, _CLOSED_S = 0.6, 30.0  # up to here a dry pump and one behind a closed valve look alike
_UNCOUPLED = 0.12  # bearings and losses of the motor alone
_FAN = 0.25  # below what a fan needs with a closed damper
_LOW, _LOW_OFF = 0.8, 0.85
_BLOCK_S = 15.0  # after a start
_SLOWER = 0.8  # of the lowest learned speed: below, static head may look like dry running
_NEAR = 0.06
_NORMAL = 0.7  # at a speed that was not learned: more than a dry pump or static head leave


class PumpLoad:
    def __init__(self, ratings: Ratings, findings: Findings, curve: LoadCurve) -> None:
        self._ratings, self._findings, self._curve = ratings, findings, curve
        self._watch = Watch(30.0)
        self._ambiguous, self._closed = Hold(60.0, 10.0), Hold(_CLOSED_S, 10.0)
        self._dry, self._under, self._low = Hold(10.0, 10.0), Hold(10.0, 10.0), Hold(60.0, 15.0)
        self._share: float | None = None
        self._no_nameplate = self._missing_nameplate()

    @property
    def _relevant(self) -> bool:
        return self._ratings.is_pump or self._ratings.is_fan

    def _missing_nameplate(self) -> Reason | None:
        keys = tuple(key for key, value in (("kw", self._ratings.w), ("rpm", self._ratings.rpm)) if not value)
        return common.NAMEPLATE_MISSING(keys=keys) if keys else None

    def on_sample(self, sample: Sample) -> None:
        if not self._relevant or sample.drives is None:
            return
        if not sample.drives:
            self._over(sample.t_s)
            return
        if not settled(sample) or (sample.run_s < _BLOCK_S and sample.start_seen):
            return
        assert sample.speed is not None
        load, usual = self._curve.load(sample.speed, sample.values), self._curve.usual(sample.speed)
        if load is None or usual is None:
            self._watch.blind(sample.t_s, self._why_not(sample))
            return
        self._share = share = load / usual.load
        known = sample.speed >= _SLOWER * min(one.speed for one in self._curve.bins.values())
        if not known and share < _NORMAL:
            if self._ambiguous.update(sample.t_s, True):
                self._watch.reset(reasons.SPEED_NOT_LEARNED(speed=sample.speed))
            return
        self._ambiguous.update(sample.t_s, False)
        self._watch.looked(sample.t_s)
        self._judge(sample, share, usual)

    def _judge(self, sample: Sample, share: float, usual: Bin) -> None:
        uncoupled, limit = (_FAN, _FAN) if self._ratings.is_fan else (_UNCOUPLED, _DRY)
        t_s = sample.t_s
        if self._under.update(t_s, share < (limit + 0.1 if self._under.active else uncoupled)):
            self._raise(UNDERLOAD, Severity.WARNING, Confidence.LIKELY, sample, share, uncoupled)
        else:
            self._findings.end(UNDERLOAD)
        if self._ratings.is_pump:
            if self._dry.update(t_s, uncoupled <= share < (_DRY_OFF if self._dry.active else _DRY)):
                self._raise(DRY, Severity.ALARM, Confidence.LIKELY, sample, share, limit)
            else:
                self._findings.end(DRY)
            self._closed.update(t_s, limit <= share < _CLOSED)
        low = limit <= share < (_LOW_OFF if self._low.active else _LOW)
        near = sample.speed is not None and abs(sample.speed - usual.speed) < _NEAR
        if self._low.update(t_s, low if near else None):
            self._raise(LOW_FLOW, Severity.NOTE, Confidence.POSSIBLE, sample, share, _LOW)
        else:
            self._findings.end(LOW_FLOW)

    def _raise(
        self, code: str, severity: Severity, confidence: Confidence, sample: Sample, share: float, limit: float
    ) -> None:
        if code not in self._findings.active:
            why = reasons.POWER_LOW(share=share, speed=sample.speed or 0.0)
            self._findings.raise_(code, severity, confidence, sample.t_s, why, 100 * share, "%", 100 * limit)

    def _over(self, t_s: float) -> None:
        for hold, code in ((self._dry, DRY), (self._under, UNDERLOAD), (self._low, LOW_FLOW)):
            if not hold.update(t_s, False):
                self._findings.end(code)
        self._closed.update(t_s, False)

    def _why_not(self, sample: Sample) -> Reason:
        if self._no_nameplate is not None:
            return self._no_nameplate
        if self._curve.implausible is not None:
            return reasons.LOAD_SMALL_FROM_THE_START(load=self._curve.implausible)
        if self._curve.column is not None and self._curve.load(sample.speed, sample.values) is None:
            return reasons.POWER_MISSING()
        return reasons.LOAD_NOT_LEARNED()

    def answers(self) -> list[Answer]:
        share = None if self._share is None else 100 * self._share
        if not self._ratings.application:
            return [NotObservable(code, reasons.APPLICATION_UNKNOWN()) for code in (DRY, UNDERLOAD, LOW_FLOW)]
        if not self._relevant:
            return [
                NotObservable(DRY, reasons.OTHER_APPLICATION()), NotObservable(UNDERLOAD, reasons.APPLICATION_VARIES()),
                NotObservable(LOW_FLOW, reasons.OTHER_APPLICATION()),
            ]  # fmt: skip
        answers = [self._watch.answer(code, share, "%") for code in (DRY, UNDERLOAD, LOW_FLOW)]
        if self._closed.active and self._share is not None:
            answers[0] = NotObservable(DRY, reasons.DRY_OR_CLOSED(share=self._share))
        return answers
