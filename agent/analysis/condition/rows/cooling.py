"""Reduced cooling: a winding hotter than losses and ambient temperature explain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.analysis.condition.answers import Answer, Confidence, Severity
from agent.analysis.condition.rows import reasons
from agent.analysis.condition.rows.block import Block
from agent.analysis.condition.rows.findings import Findings, Hold, Watch
from agent.analysis.condition.rows.ratings import Ratings
from agent.analysis.condition.rows.thermal import SteadyState, ThermalBound, bound_of

CODE = "cooling_reduced"
_WARN_K, _OFF_K, _LONG_S = 8.0, 5.0, 900.0
_WARM_S = 60.0
_AMBIENT_RATED_DEGC = 40.0
_CONSTANT_SHARE = 0.35  # of the rise at rated load that does not depend on the current
_CURRENT_MIN = 0.2
_SEEN = 0.3  # of the rise: cooling that lost a third adds that much (half of the frame's part, which is 60 %)


class Cooling:
    def __init__(self, ratings: Ratings, findings: Findings, state: Mapping[str, Any]) -> None:
        self._class_degc, self._findings = ratings.class_degc, findings
        self._watch = Watch(_LONG_S)
        self._hold = Hold(_LONG_S, _LONG_S, 60.0)
        self._learning = SteadyState()
        self._bound = bound_of(state.get("cooling"))
        self._residual_k: float | None = None

    def state(self) -> dict[str, Any]:
        return {"cooling": self._bound.state()} if self._bound else {}

    def on_block(self, block: Block) -> None:
        degc, ambient = block.mean("winding_degc"), block.mean("ambient_degc")
        if degc is None or ambient is None:
            missing = reasons.WINDING_MISSING if degc is None else reasons.AMBIENT_MISSING
            self._watch.blind(block.t_s, missing())
            return
        if self._bound is None:
            self._learn(block, degc, ambient)
            return
        if block.current is None or block.speed is None or not block.running:
            if block.stopped:
                self._bound.update(block.t_s, ambient, 0.0, degc)
                self._hold.restart()
            return
        rise_k = self._bound.explained_rise_k(block.current, max(block.speed, 0.05))
        self._judge(block, degc, rise_k, self._bound.update(block.t_s, ambient, rise_k, degc))

    def _judge(self, block: Block, degc: float, rise_k: float, bound_degc: float) -> None:
        assert self._bound is not None
        limit_k = _WARN_K + self._bound.u_k
        self._residual_k = residual_k = degc - bound_degc
        if _SEEN * rise_k < limit_k:
            self._watch.blind(block.t_s, reasons.RISE_TOO_SMALL(rise_k=rise_k))
        else:
            self._watch.looked(block.t_s)
        if self._hold.update(block.t_s, residual_k > (_OFF_K if self._hold.active else limit_k)):
            why = reasons.HOTTER_THAN_EXPLAINED(residual_k=residual_k, degc=degc)
            self._findings.raise_(
                CODE, Severity.WARNING, Confidence.LIKELY, block.t_s, why, residual_k, "K", limit_k, limit_k
            )
        else:
            self._findings.end(CODE)

    def _learn(self, block: Block, degc: float, ambient: float) -> None:
        reason = reasons.TEMPERATURE_NOT_STEADY()
        if (
            block.current is None or block.speed is None or not block.steady or block.current < _CURRENT_MIN
            or self._findings.faulty
        ):  # fmt: skip
            self._learning.restart()
        elif (found := self._learning.add(block.t_s, degc - ambient, block.current, block.speed)) is not None:
            if self._plausible(found[0], found[1]):
                self._bound = ThermalBound(*found)
                return
            reason = reasons.HOT_FROM_THE_START() if self._class_degc else reasons.CLASS_UNKNOWN()
        if self._watch.reason is None or self._watch.reason.code == reasons.TEMPERATURE_NOT_STEADY:
            self._watch.blind(block.t_s, reason)

    def _plausible(self, rise_k: float, current: float) -> bool:
        """Whether a sound motor of this class may be that warm: otherwise a fault would be learned as usual."""
        if self._class_degc is None or rise_k <= 0:
            return False
        at_rated_k = rise_k / (_CONSTANT_SHARE + (1 - _CONSTANT_SHARE) * current**2)
        return at_rated_k <= self._class_degc - _AMBIENT_RATED_DEGC

    def answers(self) -> list[Answer]:
        if self._bound is None:
            return [self._watch.answer(CODE)]
        limit_k = _WARN_K + self._bound.u_k
        return [self._watch.answer(CODE, self._residual_k, "K", limit_k, limit_k)]
