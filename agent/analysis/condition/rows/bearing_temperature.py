"""Bearings hotter than ambient temperature, winding and speed explain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.analysis.condition.answers import Answer, Confidence, Severity
from agent.analysis.condition.rows import reasons
from agent.analysis.condition.rows.block import Block
from agent.analysis.condition.rows.findings import Findings, Hold, Watch
from agent.analysis.condition.rows.thermal import SteadyState, ThermalBound, bound_of

CODE = "bearing_temperature"
_BEARINGS = ("bearing_de_degc", "bearing_nde_degc")
_WARN_K, _ALARM_K, _OFF_K, _LONG_S = 10.0, 20.0, 6.0, 900.0
_HOT_DEGC, _HOT_S, _DEADBAND_K = 95.0, 60.0, 3.0
_RATE_K_MIN, _RATE_S, _RATE_ABOVE_K = 1.0, 300.0, 5.0
_PLAUSIBLE_K, _PLAUSIBLE_DEGC = 60.0, 85.0  # of a sound bearing: rise and temperature


class Bearing:
    """One bearing. winding_k: rise of the winding in the learned steady state; None: not measured."""

    def __init__(self, name: str, findings: Findings, stored: Any) -> None:
        self._name, self._findings = name, findings
        self.watch = Watch(_LONG_S)
        self._learning = SteadyState()
        self._bound = bound_of(stored)
        self._winding_k: float | None = None
        if self._bound is not None:
            self._winding_k = stored.get("winding_k") if isinstance(stored.get("winding_k"), float) else None
        self._warn, self._alarm = Hold(_LONG_S, _LONG_S, 60.0), Hold(_LONG_S, _LONG_S, 60.0)
        self._hot, self._fast = Hold(_HOT_S, _HOT_S, 60.0), Hold(_RATE_S, _LONG_S, 60.0)
        self._recent: tuple[float, float] | None = None
        self._rate_k_min = 0.0
        self.residual_k: float | None = None

    def state(self) -> dict[str, Any] | None:
        return None if self._bound is None else {**self._bound.state(), "winding_k": self._winding_k}

    def on_block(self, block: Block) -> None:
        degc, ambient, winding = (block.mean(name) for name in (self._name, "ambient_degc", "winding_degc"))
        if degc is None:
            self.watch.blind(block.t_s, reasons.BEARING_MISSING())
            return
        if self._hot.update(block.t_s, degc >= _HOT_DEGC - (_DEADBAND_K if self._hot.active else 0)):
            why = reasons.BEARING_HOT(degc=degc)
            self._raise(block, Severity.ALARM, Confidence.CERTAIN, why, degc, "°C", _HOT_DEGC)
        if ambient is None:
            self.watch.blind(block.t_s, reasons.AMBIENT_MISSING())
            return
        winding_k = None if winding is None else winding - ambient
        if self._bound is None:
            self._learn(block, degc, ambient, winding_k)
        elif block.running and block.current is not None and block.speed is not None:
            self._judge(block, degc, ambient, winding_k)
        elif block.stopped:
            self._bound.update(block.t_s, ambient, 0.0)
            self._recent = None

    def _learn(self, block: Block, degc: float, ambient: float, winding_k: float | None) -> None:
        reason = reasons.TEMPERATURE_NOT_STEADY()
        if not block.steady or not block.current or not block.speed or self._findings.faulty:
            self._learning.restart()
        elif (found := self._learning.add(block.t_s, degc - ambient, block.current, block.speed)) is not None:
            if 0 < found[0] <= _PLAUSIBLE_K and degc <= _PLAUSIBLE_DEGC:
                self._bound, self._winding_k = ThermalBound(*found), winding_k
                return
            reason = reasons.HOT_FROM_THE_START()
        self.watch.blind(block.t_s, reason)

    def _judge(self, block: Block, degc: float, ambient: float, winding_k: float | None) -> None:
        bound = self._bound
        assert bound is not None
        assert block.current is not None
        assert block.speed is not None
        bound_degc = bound.update(block.t_s, ambient, self._explained_k(bound, block.current, block.speed, winding_k))
        self.residual_k = residual_k = degc - bound_degc
        self.watch.looked(block.t_s)
        warn_k, alarm_k = _WARN_K + bound.u_k, _ALARM_K + bound.u_k
        why = reasons.BEARING_HOTTER(residual_k=residual_k, degc=degc)
        if self._warn.update(block.t_s, residual_k > (_OFF_K if self._warn.active else warn_k)):
            self._raise(block, Severity.WARNING, Confidence.LIKELY, why, residual_k, "K", warn_k)
        if self._alarm.update(block.t_s, residual_k > (_WARN_K if self._alarm.active else alarm_k)):
            self._raise(block, Severity.ALARM, Confidence.LIKELY, why, residual_k, "K", alarm_k)
        if self._fast.update(block.t_s, self._rises_fast(block.t_s, degc) and residual_k > _RATE_ABOVE_K):
            why = reasons.BEARING_RISES(rate_k_min=self._rate_k_min, residual_k=residual_k)
            self._raise(block, Severity.ALARM, Confidence.LIKELY, why, self._rate_k_min, "K/min", _RATE_K_MIN)

    def _explained_k(self, bound: ThermalBound, current: float, speed: float, winding_k: float | None) -> float:
        speeds = speed / bound.speed
        if winding_k is not None and self._winding_k is not None and self._winding_k > 5:
            heat = winding_k / self._winding_k
        else:
            heat = max(current / bound.current, (current / bound.current) ** 2)
        return bound.rise_k * max(1.0, speeds, heat)

    def _rises_fast(self, t_s: float, degc: float) -> bool:
        if self._recent is None or t_s - self._recent[0] > 2 * _RATE_S:
            self._recent, self._rate_k_min = (t_s, degc), 0.0
        elif t_s - self._recent[0] >= _RATE_S:
            self._rate_k_min = 60 * (degc - self._recent[1]) / (t_s - self._recent[0])
            self._recent = t_s, degc
        return self._rate_k_min > _RATE_K_MIN

    def _raise(
        self, block: Block, severity: Severity, confidence: Confidence, why: Any, value: float, unit: str, limit: float
    ) -> None:
        self._findings.raise_(CODE, severity, confidence, block.t_s, why, value, unit, limit)

    @property
    def active(self) -> bool:
        return any(hold.active for hold in (self._warn, self._alarm, self._hot, self._fast))


class BearingTemperature:
    def __init__(self, findings: Findings, state: Mapping[str, Any]) -> None:
        self._findings = findings
        stored = state.get("bearings")
        stored = stored if isinstance(stored, Mapping) else {}
        self._bearings = {name: Bearing(name, findings, stored.get(name)) for name in _BEARINGS}

    def state(self) -> dict[str, Any]:
        learned = {name: bearing.state() for name, bearing in self._bearings.items()}
        return {"bearings": {name: stored for name, stored in learned.items() if stored}}

    def on_block(self, block: Block) -> None:
        for bearing in self._bearings.values():
            bearing.on_block(block)
        if not any(bearing.active for bearing in self._bearings.values()):
            self._findings.end(CODE)

    def answers(self) -> list[Answer]:
        """Of the bearing of which most is known."""
        best = max(self._bearings.values(), key=lambda bearing: bearing.watch.seen_s)
        return [best.watch.answer(CODE, best.residual_k, "K", _WARN_K)]
