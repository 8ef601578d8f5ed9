"""A lost phase before a drive or of a motor on the line, from three line currents."""

from __future__ import annotations

import math

from agent.analysis.condition import common_reasons as common
from agent.analysis.condition.answers import Answer, Confidence, Severity
from agent.analysis.condition.phase_loss import CODE, JUDGED_FROM, LOST
from agent.analysis.condition.rows import reasons
from agent.analysis.condition.rows.findings import Findings, Watch
from agent.analysis.condition.rows.ratings import Ratings
from agent.analysis.condition.rows.sample import INDEX, Sample
from drivers.reasons import Reason

_BRIDGE_LOAD_MIN = 0.15  # below, a bridge may leave out a phase on its own
_OTHERS_RISE = 1.3  # a lost phase: 1.7 at a bridge, 1.4 to 2 at a motor; a lost transformer: 1.0
_TWO_CONDUCTORS = 0.8  # power factor that a motor on two conductors does not reach; without a channel 1.15 cos φ remain
_EFFICIENCY = 0.9  # of a motor, for its power factor from the nameplate
_OFF_S, _GAP_S = 5.0, 3.0
# of the largest line voltage: with no load and for rated load, what the reactances before a bridge bridge; a lost phase
_SPREAD, _SPREAD_LOAD, _SPREAD_LOST = 0.015, 0.05, 0.12
_U = (INDEX["u12_v"], INDEX["u23_v"], INDEX["u31_v"])
_I = (INDEX["i1_a"], INDEX["i2_a"], INDEX["i3_a"])
_P_IN, _P_OUT = INDEX["p_in_kw"], INDEX["p_out_kw"]


class PhaseLoss:
    def __init__(self, ratings: Ratings, findings: Findings) -> None:
        self._ratings, self._findings = ratings, findings
        self._watch = Watch(60.0)
        self._last_s = -math.inf
        self._back_s: float | None = None
        self._rows = 0
        self._usual_a: float | None = None  # line current while the three were alike
        self._usual_kw: float | None = None
        self._usual_load: float | None = None

    def on_sample(self, sample: Sample) -> None:
        lost = self._lost(sample)
        t_s = sample.t_s
        if lost is None:
            return
        if not lost:
            self._rows = 0
            self._back_s = self._back_s if self._back_s is not None else t_s
            if CODE in self._findings.active and t_s - self._back_s >= _OFF_S:
                self._findings.end(CODE)
            return
        self._back_s = None
        self._rows = self._rows + 1 if t_s - self._last_s <= _GAP_S else 1
        self._last_s = t_s
        # a dip of two seconds lies in three rows at most
        if self._rows >= (4 if sample.dip else 2):
            self._found(sample)

    def _found(self, sample: Sample) -> None:
        currents = [sample.values[k] or 0.0 for k in _I]
        phase = currents.index(min(currents))
        others = (sum(currents) - currents[phase]) / 2
        at_drive = sample.has_drive
        why = (reasons.PHASE_LOST_INPUT if at_drive else reasons.PHASE_LOST_MOTOR)(
            phase=f"L{phase + 1}", current_a=currents[phase], others_a=others
        )
        share = currents[phase] / others
        seen = Confidence.CERTAIN if self._usual_a is not None else Confidence.LIKELY  # the three were alike before
        self._findings.raise_(CODE, Severity.ALARM, seen, sample.t_s, why, 100 * share, "%", 100 * LOST)

    def _lost(self, sample: Sample) -> bool | None:
        a, b, c = (sample.values[k] for k in _I)
        if a is None or b is None or c is None:
            self._watch.blind(sample.t_s, common.CURRENTS_MISSING())
            return None
        low = min(a, b, c)
        others = (a + b + c - low) / 2
        load = self._load(sample)
        reason = self._too_little(sample, others, load)
        if reason is not None:
            self._watch.blind(sample.t_s, reason)
            return None
        if low > LOST * others:
            self._watch.looked(sample.t_s)
            if low > 0.6 * others:
                self._remember(sample, load)
            return False
        if a + b + c - low - max(a, b, c) <= LOST * max(a, b, c):  # the current of one phase has no way back
            self._watch.blind(sample.t_s, reasons.ONE_CURRENT_ONLY())
            return None
        if self._voltage_explains(sample, load):
            self._watch.blind(sample.t_s, reasons.VOLTAGE_EXPLAINS())
            return None
        if self._transformer_lost(sample, others, load):
            self._watch.blind(sample.t_s, reasons.CURRENT_CHANNEL_LOST())
            return None
        return True

    def _voltage_explains(self, sample: Sample, load: float | None) -> bool:
        """Line voltages so unequal that a sound bridge leaves out a phase; more: it is lost before the meter."""
        if sample.u_mean_v is None or sample.u_min_v is None or sample.u_mean_v <= 0:
            return False
        spread = 1 - sample.u_min_v / max(volts for k in _U if (volts := sample.values[k]) is not None)
        return _SPREAD + _SPREAD_LOAD * (load if load is not None else 0.2) < spread < _SPREAD_LOST

    def _load(self, sample: Sample) -> float | None:
        """Share of rated power."""
        power_kw = sample.values[_P_OUT]
        if power_kw is None:
            power_kw = sample.values[_P_IN]
        return None if power_kw is None or not self._ratings.w else 1000 * power_kw / self._ratings.w

    def _too_little(self, sample: Sample, others: float, load: float | None) -> Reason | None:
        """Why three currents of this size cannot show a lost phase; None: they can."""
        ratings = self._ratings
        if sample.has_drive:
            if load is not None and ratings.input_a:
                least = load >= _BRIDGE_LOAD_MIN and others >= 0.1 * ratings.input_a
            elif ratings.input_a:
                least = others >= 0.27 * ratings.input_a  # 15 % of load on two phases
            else:
                return self._without_nameplate(others)
        elif ratings.a:
            least = others >= JUDGED_FROM * ratings.a
        else:
            return self._without_nameplate(others)
        return None if least else common.LOAD_LOW(load=load if load is not None else 0.0, needed=_BRIDGE_LOAD_MIN)

    def _without_nameplate(self, others: float) -> Reason | None:
        if self._usual_a is not None and others > _OTHERS_RISE * self._usual_a:
            return None
        return common.NAMEPLATE_MISSING(keys=("kw", "volts", "amps"))

    def _remember(self, sample: Sample, load: float | None) -> None:
        assert sample.i_mean_a is not None
        part = 0.05 if self._usual_a is not None else 1.0
        self._usual_a = (self._usual_a or 0.0) + part * (sample.i_mean_a - (self._usual_a or 0.0))
        power_kw = sample.values[_P_IN]
        if power_kw is not None:
            before = self._usual_kw if self._usual_kw is not None else power_kw
            self._usual_kw = before + part * (power_kw - before)
        if load is not None:
            before = self._usual_load if self._usual_load is not None else load
            self._usual_load = before + part * (load - before)

    def _transformer_lost(self, sample: Sample, others: float, load: float | None) -> bool:
        """The current is there, but its transformer or channel is not: the others did not rise, power seems lost."""
        p_in, p_out = sample.values[_P_IN], sample.values[_P_OUT]
        if p_in is not None and p_out is not None and p_out > 0 and p_in < 0.9 * p_out:
            return True
        highest_v = max((volts for k in _U if (volts := sample.values[k])), default=math.inf)
        if p_in is not None and 1000 * p_in > highest_v * others:
            return True  # more than two conductors can carry
        if self._usual_a is None:
            return not sample.has_drive and p_in is not None and self._like_three(1000 * p_in, highest_v, others)
        if others > _OTHERS_RISE * self._usual_a:
            return False
        if p_out is not None and load is not None and self._usual_load:
            # the same load on two phases needs more current in them
            return others < _OTHERS_RISE * self._usual_a * load / self._usual_load
        return p_in is None or self._usual_kw is None or p_in < 0.85 * self._usual_kw

    def _like_three(self, watts: float, volts: float, others: float) -> bool:
        """Whether a motor on the line that was never seen sound needs three conductors for this power and current.

        On two conductors it draws √3 to 2 times the current for the same power, at a lower power factor.
        """
        if watts > _TWO_CONDUCTORS * volts * others:
            return True
        ratings = self._ratings
        rated_v, rated_a, rated_w = ratings.machine.volts, ratings.a, ratings.w
        if not (rated_v and rated_a and rated_w):
            return False
        input_w = rated_w / _EFFICIENCY
        active = min(1.0, input_w / (math.sqrt(3) * rated_v * rated_a))
        usual_a = rated_a * math.hypot(math.sqrt(1 - active * active), active * watts / input_w)
        return others < _OTHERS_RISE * usual_a

    def answers(self) -> list[Answer]:
        return [self._watch.answer(CODE)]
