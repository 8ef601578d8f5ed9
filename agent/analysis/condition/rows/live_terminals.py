"""Terminals of a magnet motor that are live or may be: note on condition, 2.9."""

from __future__ import annotations

import math

from agent.analysis.condition.answers import Answer, Confidence, NotObservable, Severity
from agent.analysis.condition.rows import reasons
from agent.analysis.condition.rows.findings import Findings, Hold
from agent.analysis.condition.rows.ratings import Ratings
from agent.analysis.condition.rows.sample import INDEX, Sample
from drivers.reasons import Reason

CODE = "live_terminals"
_TOUCH_V = 50.0  # limit of extra-low voltage, a.c., IEC 61140
_TURNS = 0.02  # share of rated speed: above the resolution of a register
_SILENT_S = 7.0  # after the three seconds for which a state of the drive counts
_DROP, _DROP_S = 0.3, 3.0  # share of rated speed that few coasting motors lose within that time
_NORMAL_S = 12.0  # of operation, after which a current that is gone would have been found
_MAY_TURN_S = 600.0  # coasting of large fans
_CURRENT_GONE, _FAST, _LOAD_GONE = 0.005, 0.3, 0.005
_U_OUT, _P_OUT = INDEX["u_out_v"], INDEX["p_out_kw"]


class LiveTerminals:
    def __init__(self, ratings: Ratings, findings: Findings) -> None:
        self._ratings, self._findings = ratings, findings
        self._hold, self._stopped = Hold(1.0, 4.0), Hold(4.0, 0.0)
        self._gone, self._no_speed = Hold(10.0, 3.0), Hold(_SILENT_S, 0.0)
        self._normal = Hold(_NORMAL_S, 0.0)
        self._reported_s: float | None = None  # the drive, or the meter of a motor on the line
        self._row_s = -math.inf
        self._fast_s = -math.inf  # time of the last row with a speed above _DROP
        self._may_turn_until_s = -math.inf

    def on_sample(self, sample: Sample) -> None:
        if self._reported_s is None or sample.t_s - self._row_s > _SILENT_S:
            self._reported_s = sample.t_s  # there were no rows: nothing is known of the drive
        self._row_s = sample.t_s
        if self._ratings.machine.kind == "induction":
            return
        if sample.drives is not None:
            self._reported_s = sample.t_s
        if sample.drives:
            self._driven(sample)
        elif sample.drives is False:
            self._gates_off(sample)
        elif self._ratings.is_magnet and sample.t_s - self._reported_s >= _SILENT_S:
            age_s = sample.t_s - self._reported_s
            self._raise(sample, Confidence.POSSIBLE, reasons.LIVE_DRIVE_SILENT(age_s=age_s), age_s, "s", _SILENT_S)

    def _driven(self, sample: Sample) -> None:
        self._may_turn_until_s = -math.inf
        if sample.speed is not None:  # one that a drive has slowed down may stand
            self._fast_s = sample.t_s if sample.speed > _DROP else -math.inf
        self._stopped.update(sample.t_s, False)
        self._hold.update(sample.t_s, False)
        self._no_speed.update(sample.t_s, False)
        power_kw = sample.values[_P_OUT]
        gone = None
        if sample.current is not None and sample.speed is not None and sample.has_drive:
            no_load = power_kw is None or not self._ratings.w or 1000 * power_kw < _LOAD_GONE * self._ratings.w
            gone = sample.speed > _FAST and sample.current < _CURRENT_GONE and no_load
        if self._gone.update(sample.t_s, gone):
            self._raise(sample, Confidence.LIKELY, reasons.LIVE_CURRENT_GONE(), sample.current, "", _CURRENT_GONE)
        elif not self._hold.active:
            self._findings.end(CODE)
        if self._normal.update(sample.t_s, CODE not in self._findings.active):
            self._findings.end_of_last_run(CODE)

    def _gates_off(self, sample: Sample) -> None:
        self._normal.update(sample.t_s, False)
        volts, speed = sample.values[_U_OUT], sample.speed
        turns = self._turns(sample, volts)
        if turns is None:
            self._speed_unknown(sample)
            return
        self._no_speed.update(sample.t_s, False)
        if sample.speed is not None and sample.speed > _DROP:
            self._fast_s = sample.t_s
        dropped = sample.t_s - self._fast_s <= _DROP_S
        if not turns and dropped and not self._ratings.holds:  # a hoist has a brake
            self._may_turn_until_s = sample.t_s + _MAY_TURN_S
        if self._hold.update(sample.t_s, turns):
            emf_v = self._ratings.emf_v(sample.speed_rpm) if sample.speed_rpm is not None else None
            why, value, unit, limit = self._evidence(sample, volts, emf_v)
            self._raise(sample, Confidence.CERTAIN, why, value, unit, limit)
        elif sample.t_s < self._may_turn_until_s:
            self._raise(sample, Confidence.POSSIBLE, reasons.LIVE_SPEED_IMPLAUSIBLE(), speed, "", _DROP)
        elif self._stopped.update(sample.t_s, not turns):
            self._findings.end_of_last_run(CODE)

    def _turns(self, sample: Sample, volts: float | None) -> bool | None:
        """Whether the motor turns; None: nothing reports it. Near standstill what is active stays."""
        if volts is not None and volts > _TOUCH_V:
            return True
        if not self._ratings.is_magnet or sample.speed_rpm is None:
            return None if self._ratings.is_magnet else False
        emf_v = self._ratings.emf_v(sample.speed_rpm)
        if emf_v is not None and emf_v > _TOUCH_V:
            return True
        share = sample.speed if sample.speed is not None else abs(sample.speed_rpm) / 1000
        return share > (0.002 if self._hold.active else _TURNS)

    def _speed_unknown(self, sample: Sample) -> None:
        if self._no_speed.update(sample.t_s, True):
            self._raise(sample, Confidence.POSSIBLE, reasons.LIVE_SPEED_UNKNOWN())

    def _evidence(
        self, sample: Sample, volts: float | None, emf_v: float | None
    ) -> tuple[Reason, float | None, str, float | None]:
        if volts is not None and volts > _TOUCH_V:
            return reasons.LIVE_VOLTAGE(volts=volts), volts, "V", _TOUCH_V
        rpm = abs(sample.speed_rpm or 0.0)
        if emf_v is not None:
            return reasons.LIVE_TURNS_EMF(rpm=rpm, emf_v=emf_v), emf_v, "V", _TOUCH_V
        return reasons.LIVE_TURNS(rpm=rpm), rpm, "r/min", 0.0

    def _raise(
        self, sample: Sample, confidence: Confidence, why: Reason, value: float | None = None, unit: str = "",
        limit: float | None = None,
    ) -> None:  # fmt: skip
        self._stopped.update(sample.t_s, False)
        self._findings.raise_(CODE, Severity.ALARM, confidence, sample.t_s, why, value, unit, limit)

    def answers(self) -> list[Answer]:
        """Never clear: terminals of which nothing is reported are no proof."""
        kind = self._ratings.machine.kind
        reason = reasons.NOT_A_MAGNET_MOTOR() if kind == "induction" else reasons.LIVE_NO_PROOF()
        return [NotObservable(CODE, reasons.KIND_UNKNOWN() if kind is None else reason)]
