"""A blocked rotor, and what looks like one: a heavy start, a load held at standstill."""

from __future__ import annotations

from agent.analysis.condition.answers import Answer, Confidence, Severity
from agent.analysis.condition.rows import reasons
from agent.analysis.condition.rows.findings import Findings, Hold, Watch
from agent.analysis.condition.rows.ratings import Ratings
from agent.analysis.condition.rows.sample import STANDS, Sample

CODE, STARTING, HOLDING = "stall", "starting", "holding"
_SLOW, _MOVED = 0.05, 0.1  # share of rated speed
_TORQUE = 1.05  # of rated: the 110 % of the note less the error of a torque register
_HELD = 0.2  # more than the error of a torque register at standstill
_START_S = 60.0
_ON_S, _OFF_S = 9.0, 2.0  # ten rows
_LOCKED, _USUAL = 2.5, 1.5  # current of a motor on the line without speed, share of rated
_PULLED = 1.25  # a jam pulls the torque to the limit; a load that is held needs what it needed while it moved


class Stall:
    def __init__(self, ratings: Ratings, findings: Findings) -> None:
        self._ratings, self._findings = ratings, findings
        self._watch, self._start_watch = Watch(30.0), Watch(30.0)
        self._hold = Hold(_ON_S, _OFF_S)
        self._holding, self._starting = Hold(_ON_S, _OFF_S), Hold(4.0, 2.0)
        self._moved = False
        self._moving_torque: float | None = None
        self._settled = False

    def on_sample(self, sample: Sample) -> None:
        if not sample.drives:
            self._stopped(sample)
            return
        if sample.run_s == 0.0:
            self._moved, self._moving_torque, self._settled = False, None, False
        effort, blocked = self._blocked(sample)
        if blocked is None or effort is None:
            return
        self._start_watch.looked(sample.t_s)
        self._notes(sample, effort)
        if self._ratings.holds:
            self._watch.reset(reasons.APPLICATION_HOLDS())
            return
        if blocked and not self._moved and sample.run_s <= _START_S:
            blocked = False
        elif blocked and not self._ratings.application and self._like_moving(effort):
            self._watch.blind(sample.t_s, reasons.APPLICATION_UNKNOWN())
            return
        self._watch.looked(sample.t_s)
        if self._hold.update(sample.t_s, blocked):
            why = reasons.ROTOR_BLOCKED(effort=effort, seconds=_ON_S + 1)
            self._findings.raise_(
                CODE, Severity.ALARM, Confidence.CERTAIN if sample.speed is not None else Confidence.LIKELY,
                sample.t_s, why, 100 * effort, "%", 100 * _TORQUE,
            )  # fmt: skip
        else:
            self._findings.end(CODE)

    def _stopped(self, sample: Sample) -> None:
        if sample.drives is False:
            for hold, code in ((self._hold, CODE), (self._holding, HOLDING), (self._starting, STARTING)):
                if not hold.update(sample.t_s, False):
                    self._findings.end(code)

    def _blocked(self, sample: Sample) -> tuple[float | None, bool | None]:
        """Torque, or the current instead of it, as a share of rated; and whether the rotor does not turn under it."""
        speed, effort, limit = sample.speed, sample.torque, _TORQUE
        if effort is None and sample.current is not None and not (sample.has_drive and speed is None):
            effort, limit = sample.current, _USUAL if speed is not None else _LOCKED
        if effort is None:
            self._watch.blind(sample.t_s, reasons.TORQUE_MISSING())
            return None, None
        if speed is None and sample.has_drive:
            self._watch.blind(sample.t_s, reasons.SPEED_MISSING())
            return None, None
        slow = speed < _SLOW if speed is not None else self._moved or sample.power_factor < STANDS
        if (speed is not None and speed >= _MOVED) or (speed is None and effort < _USUAL):
            self._moved = True
            part = 0.2 if self._moving_torque is not None else 1.0
            self._moving_torque = (self._moving_torque or 0.0) + part * (effort - (self._moving_torque or 0.0))
        if sample.speed_steady and (speed or 0.0) >= _MOVED:
            self._settled = True
        return effort, slow and effort >= limit

    def _like_moving(self, effort: float) -> bool:
        return self._moving_torque is None or effort < _PULLED * self._moving_torque

    def _notes(self, sample: Sample, effort: float) -> None:
        heavy = effort >= 1.0 and not self._settled and sample.run_s <= _START_S and sample.start_seen
        if self._starting.update(sample.t_s, heavy):
            why = reasons.STARTS_HEAVILY(effort=effort)
            self._findings.raise_(
                STARTING, Severity.NOTE, Confidence.CERTAIN, sample.t_s, why, 100 * effort, "%", 100.0
            )
        else:
            self._findings.end(STARTING)
        stands = sample.speed is not None and sample.speed < _SLOW
        if self._holding.update(sample.t_s, stands and effort >= _HELD and self._ratings.holds):
            why = reasons.LOAD_HELD(effort=effort)
            self._findings.raise_(
                HOLDING, Severity.NOTE, Confidence.LIKELY, sample.t_s, why, 100 * effort, "%", 100 * _HELD
            )
        else:
            self._findings.end(HOLDING)

    def answers(self) -> list[Answer]:
        return [self._watch.answer(CODE), self._start_watch.answer(STARTING), self._start_watch.answer(HOLDING)]
