"""Unbalance of the currents: the voltage explains first, what it leaves is a contact or a channel; and dips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agent.analysis.condition import common_reasons as common
from agent.analysis.condition.answers import Answer, Confidence, NotObservable, Severity
from agent.analysis.condition.rows import reasons
from agent.analysis.condition.rows.block import Block
from agent.analysis.condition.rows.findings import Findings, Hold, Watch
from agent.analysis.condition.rows.ratings import Ratings
from agent.analysis.condition.rows.sample import INDEX, Sample
from drivers.reasons import Reason

SUPPLY, CURRENT, CONTACT, DIP = "supply_unbalance", "current_unbalance", "contact_resistance", "supply_dip"
_NOTE, _WARN, _DEADBAND = 0.010, 0.013, 0.002  # NEMA MG 1: derating begins at 1 %; the channels leave 0.3 to 0.5 %
_STRONG = 0.05  # NEMA MG 1: above, a motor on the line must not run
_ALLOWED, _CHANGED = 0.05, 0.03  # unbalance of currents that channels and cables explain; against the learned
_PER_VOLTAGE_LINE = 10.0  # current unbalance over voltage unbalance: 6 to 10 at a motor at rated load [P, E]
# The negative sequence meets the impedance of standstill: U2 drives U2 times the starting current, whatever the load.
_STARTING = 8.5  # starting current over rated current of large motors of class N (IEC 60034-12 [M])
_PER_VOLTAGE_BRIDGE = 15.0  # 10 to 15 at a bridge at 60 % load [E], more below
_BRIDGE_LOAD, _LOAD_MIN = 0.6, 0.15
_LEARN, _LIKE_LOAD = 60, 0.25
_RESOLUTION_A = 0.02  # two steps of usual meters
_ON_S, _OFF_S = 60.0, 300.0
_SMOOTH = 1 / 6  # a minute
_U = (INDEX["u12_v"], INDEX["u23_v"], INDEX["u31_v"])
_I = (INDEX["i1_a"], INDEX["i2_a"], INDEX["i3_a"])


def deviations(values: Sequence[float]) -> list[float]:
    """Of each phase from the mean, relative to it (NEMA MG 1)."""
    mean = sum(values) / 3
    return [value / mean - 1 for value in values]


def largest(values: Sequence[float]) -> float:
    return max(map(abs, values))


class Unbalance:
    def __init__(self, ratings: Ratings, findings: Findings, state: Mapping[str, Any]) -> None:
        self._ratings, self._findings = ratings, findings
        self._u_watch, self._i_watch, self._dip_watch = Watch(60.0), Watch(120.0), Watch(60.0)
        self._note, self._warn = Hold(_ON_S, _OFF_S, 60.0), Hold(_ON_S, _OFF_S, 60.0)
        self._current, self._dip = Hold(_ON_S, _OFF_S, 60.0), Hold(0.0, 2.0)
        self._u: list[float] | None = None
        self._i: list[float] | None = None
        self._learned: list[float] = []  # deviations of voltages and currents, and the load
        self._n = 0
        stored = state.get("unbalance")
        if isinstance(stored, list) and len(stored) == 7 and all(isinstance(one, float) for one in stored):
            self._learned, self._n = stored, _LEARN

    def state(self) -> dict[str, Any]:
        return {"unbalance": list(self._learned)} if self._n >= _LEARN else {}

    def on_sample(self, sample: Sample) -> None:
        if sample.u_min_v is None or sample.u_mean_v is None:
            self._dip_watch.blind(sample.t_s, common.VOLTAGES_MISSING())
            return
        self._dip_watch.looked(sample.t_s)
        if self._dip.update(sample.t_s, sample.dip):
            self._findings.raise_(
                DIP, Severity.NOTE, Confidence.CERTAIN, sample.t_s, reasons.VOLTAGE_DIPS(volts=sample.u_min_v),
                sample.u_min_v, "V",
            )  # fmt: skip
        else:
            self._findings.end(DIP)

    def on_block(self, block: Block) -> None:
        if block.dip:
            return
        volts = [volt for k in _U if (volt := block.means[k]) is not None]
        if len(volts) < 3 or min(volts) <= 0:
            self._u_watch.blind(block.t_s, common.VOLTAGES_MISSING())
            self._u = None
        else:
            self._u = _smoothed(self._u, deviations(volts))
            self._u_watch.looked(block.t_s)
            self._judge_supply(block)
        self._currents(block)

    def _judge_supply(self, block: Block) -> None:
        assert self._u is not None
        part = largest(self._u)
        why = reasons.VOLTAGE_UNBALANCE(part=part)
        for hold, limit, severity in ((self._warn, _WARN, Severity.WARNING), (self._note, _NOTE, Severity.NOTE)):
            if hold.update(block.t_s, part > limit - (_DEADBAND if hold.active else 0)):
                strong = part > _STRONG and self._ratings.machine.at != "drive_input" and severity > Severity.NOTE
                self._findings.raise_(
                    SUPPLY, Severity.ALARM if strong else severity, Confidence.CERTAIN, block.t_s, why,
                    100 * part, "%", 100 * limit, 0.3,
                )  # fmt: skip
        if not self._note.active:
            self._findings.end(SUPPLY)

    def _currents(self, block: Block) -> None:
        amps = [amp for k in _I if (amp := block.means[k]) is not None]
        if len(amps) < 3 or not block.running:
            if block.running:
                self._i_watch.blind(block.t_s, common.CURRENTS_MISSING())
            self._i = None
            return
        rated_a = self._ratings.input_a
        load = sum(amps) / 3 / rated_a if rated_a else None
        if self._u is None or load is None or load < _LOAD_MIN:
            reason = common.NAMEPLATE_MISSING(keys=("kw", "volts", "amps")) if load is None else (
                common.VOLTAGES_MISSING() if self._u is None else common.LOAD_LOW(load=load, needed=_LOAD_MIN)
            )  # fmt: skip
            self._i_watch.blind(block.t_s, reason)
            return
        if min(amps) < 0.05 * max(amps) or "phase_loss" in self._findings.active:
            self._current.restart()  # a lost phase explains it
            return
        self._i = _smoothed(self._i, deviations(amps))
        if _CHANGED * sum(amps) < _RESOLUTION_A * 3:
            self._i_watch.blind(block.t_s, reasons.CURRENT_COARSE(amps=sum(amps) / 3))
        else:
            self._i_watch.looked(block.t_s)
        self._judge_currents(block, load, sum(amps) / 3)

    def _judge_currents(self, block: Block, load: float, amps: float) -> None:
        assert self._u is not None
        assert self._i is not None
        per_voltage = max(_PER_VOLTAGE_LINE, _STARTING / load)
        steps = _RESOLUTION_A / amps
        if block.mean("f_out_hz") is not None or self._ratings.machine.at == "drive_input":
            per_voltage = _PER_VOLTAGE_BRIDGE * max(1.0, _BRIDGE_LOAD / load)
        excess = largest(self._i) - _ALLOWED - steps - per_voltage * largest(self._u)
        shown, limit = self._i, _ALLOWED + steps + per_voltage * largest(self._u)
        if self._n >= _LEARN and abs(load / self._learned[6] - 1) < _LIKE_LOAD:
            change_u = largest([now - then for now, then in zip(self._u, self._learned[:3], strict=True)])
            changes = [now - then for now, then in zip(self._i, self._learned[3:6], strict=True)]
            limit_changed = _CHANGED + steps + per_voltage * change_u
            if largest(changes) - limit_changed > excess:
                excess, shown, limit = largest(changes) - limit_changed, changes, limit_changed
        if excess > 0 and self._n < _LEARN and (reason := self._channel(block)) is not None:
            self._i_watch.reset(reason)
            self._current.restart()
        elif self._current.update(block.t_s, excess > (-0.01 if self._current.active else 0.0)):
            self._unbalanced(block, shown, limit)
        else:
            for code in (CURRENT, CONTACT):
                self._findings.end(code)
            if block.steady and self._n < _LEARN and excess < 0 and not self._findings.faulty:
                self._learn(load)

    def _channel(self, block: Block) -> Reason | None:
        """Currents that were never equal: whether the ratio of a transformer explains it rather than a contact."""
        assert self._i is not None
        low, middle, high = sorted(self._i)
        p_in, p_out = block.mean("p_in_kw"), block.mean("p_out_kw")
        one_high = high - middle > 2 * (middle - low)  # a contact makes one current low
        power_lost = p_in is None or p_out is None or p_in < p_out  # or not known
        return reasons.CURRENT_RATIO(phase=f"L{self._i.index(high if one_high else low) + 1}") if (
            one_high or power_lost
        ) else None  # fmt: skip

    def _unbalanced(self, block: Block, parts: Sequence[float], limit: float) -> None:
        assert self._u is not None
        if CURRENT in self._findings.active or CONTACT in self._findings.active:
            return
        phase = min(range(3), key=lambda k: parts[k])
        others = [part for k, part in enumerate(parts) if k != phase]
        one_low = min(others) > 0 and abs(others[0] - others[1]) < abs(parts[phase]) / 2
        code = CONTACT if one_low and largest(self._u) < 0.008 else CURRENT
        confidence = Confidence.POSSIBLE if code == CONTACT else Confidence.LIKELY
        why = reasons.CURRENT_UNBALANCE(phase=f"L{phase + 1}", part=largest(parts), voltage_part=largest(self._u))
        self._findings.raise_(
            code, Severity.WARNING, confidence, block.t_s, why, 100 * largest(parts), "%", 100 * limit
        )

    def _learn(self, load: float) -> None:
        assert self._u is not None
        assert self._i is not None
        now = [*self._u, *self._i, load]
        if not self._learned:
            self._learned = [0.0] * 7
        if self._n and abs(load / self._learned[6] - 1) > _LIKE_LOAD:
            return
        self._n += 1
        self._learned = [old + (new - old) / self._n for old, new in zip(self._learned, now, strict=True)]

    def answers(self) -> list[Answer]:
        unbalance = None if self._u is None else 100 * largest(self._u)
        currents = None if self._i is None else 100 * largest(self._i)
        return [
            self._u_watch.answer(SUPPLY, unbalance, "%", 100 * _WARN, 0.3),
            self._i_watch.answer(CURRENT, currents, "%"),
            self._i_watch.answer(CONTACT, currents, "%") if self._n >= _LEARN
            else NotObservable(CONTACT, self._i_watch.reason or reasons.CURRENTS_NOT_LEARNED()),
            self._dip_watch.answer(DIP),
        ]  # fmt: skip


def _smoothed(before: list[float] | None, now: list[float]) -> list[float]:
    if before is None:
        return now
    return [old + _SMOOTH * (new - old) for old, new in zip(before, now, strict=True)]
