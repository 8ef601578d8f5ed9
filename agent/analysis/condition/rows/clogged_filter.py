"""A fan whose power falls slowly at equal speed, more than air density and scatter explain: filter or duct."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.analysis.condition.answers import Answer, Confidence, NotObservable, Severity
from agent.analysis.condition.rows import reasons
from agent.analysis.condition.rows.block import Block
from agent.analysis.condition.rows.findings import Findings, Hold, Watch
from agent.analysis.condition.rows.load_curve import FINAL, LoadCurve, air_density
from agent.analysis.condition.rows.ratings import Ratings

CODE = "clogged_filter"
_FALL, _OFF = 0.07, 0.05  # air pressure moves the density by 3 % either way
_LONG_S = 900.0
_STEP = 0.025  # within one mean or two: a damper, not a filter
_BLOCKS = 6
_NEAR = 0.04


class CloggedFilter:
    def __init__(self, ratings: Ratings, findings: Findings, curve: LoadCurve, state: Mapping[str, Any]) -> None:
        self._ratings, self._findings, self._curve = ratings, findings, curve
        self._watch = Watch(_LONG_S)
        self._hold = Hold(_LONG_S, _LONG_S, 1200.0)
        self._shares: list[float] = []
        self._drift: dict[int, float] = {}  # by speed bin: slow change since it was learned
        self._level: dict[int, float] = {}
        self._changes: dict[int, tuple[float, float]] = {}  # the last two
        self._restore(state.get("filter"))

    def state(self) -> dict[str, Any]:
        return {"filter": {str(k): [drift, self._level[k]] for k, drift in self._drift.items()}} if self._drift else {}

    def _restore(self, stored: Any) -> None:
        if not isinstance(stored, Mapping):
            return
        for k, pair in stored.items():
            if (
                isinstance(pair, list)
                and len(pair) == 2
                and all(isinstance(one, float) for one in pair)
                and k.isdigit()
            ):
                self._drift[int(k)], self._level[int(k)] = pair

    def on_block(self, block: Block) -> None:
        if not self._ratings.is_fan:
            return
        usual = self._curve.usual(block.speed) if block.speed is not None else None
        load = self._curve.load(block.speed, block.means)
        if usual is None or load is None or not block.steady or block.speed is None or usual.n < FINAL:
            self._watch.blind(block.t_s, reasons.LOAD_NOT_LEARNED())
            self._shares.clear()
            return
        if abs(block.speed - usual.speed) > _NEAR:
            self._watch.blind(block.t_s, reasons.SPEED_NOT_LEARNED(speed=block.speed))
            self._shares.clear()
            return
        self._watch.looked(block.t_s)
        self._shares.append(load / usual.load * usual.density / air_density(block.mean("ambient_degc")))
        if len(self._shares) >= _BLOCKS:
            level, self._shares = sum(self._shares) / len(self._shares), []
            self._drifted(round(usual.speed * 100), level)
        if self._hold.active or self._pending:
            self._judge(block.t_s, round(usual.speed * 100))

    @property
    def _pending(self) -> bool:
        return any(drift < -_FALL for drift in self._drift.values())

    def _drifted(self, k: int, level: float) -> None:
        change = level - self._level.get(k, 1.0)
        self._level[k] = level
        first, middle = self._changes.get(k, (0.0, 0.0))
        self._changes[k] = middle, change
        if max(abs(middle), abs(first + middle), abs(middle + change)) <= _STEP:  # a step may be divided by two means
            self._drift[k] = self._drift.get(k, 0.0) + middle

    def _judge(self, t_s: float, k: int) -> None:
        drift = self._drift.get(k)
        if drift is None:
            return
        if self._hold.update(t_s, drift < -(_OFF if self._hold.active else _FALL)):
            why = reasons.POWER_FALLS(fall=-drift)
            self._findings.raise_(CODE, Severity.WARNING, Confidence.LIKELY, t_s, why, 100 * drift, "%", -100 * _FALL)
        else:
            self._findings.end(CODE)

    def answers(self) -> list[Answer]:
        if not self._ratings.is_fan:
            known = self._ratings.application
            return [NotObservable(CODE, reasons.OTHER_APPLICATION() if known else reasons.APPLICATION_UNKNOWN())]
        return [self._watch.answer(CODE)]
