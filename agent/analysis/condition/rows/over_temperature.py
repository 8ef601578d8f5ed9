"""Winding temperature against the limit of its class, and a hot room."""

from __future__ import annotations

from agent.analysis.condition.answers import Answer, Confidence, Severity
from agent.analysis.condition.rows import reasons
from agent.analysis.condition.rows.block import Block
from agent.analysis.condition.rows.findings import Findings, Hold, Watch
from agent.analysis.condition.rows.ratings import Ratings

CODE, AMBIENT = "over_temperature", "ambient_high"
_WARN_K, _ALARM_K = 25.0, 10.0  # below the limit of the class: 130 and 145 °C of class F
_ANY_CLASS_DEGC = 180.0  # the limit of class H: too hot for all usual windings
_DEADBAND_K, _ON_S = 3.0, 60.0
_SENSOR_U_K = 3.0
_AMBIENT_DEGC, _AMBIENT_RISE_K = 40.0, 8.0  # IEC 60034-1; rise against the first hour


class OverTemperature:
    def __init__(self, ratings: Ratings, findings: Findings) -> None:
        self._limit_degc = ratings.class_degc
        self._findings = findings
        self._watch, self._ambient_watch = Watch(60.0), Watch(60.0)
        self._warn, self._alarm = Hold(_ON_S, _ON_S, 60.0), Hold(_ON_S, _ON_S, 60.0)
        self._ambient = Hold(_ON_S, 600.0, 60.0)
        self._first_degc: float | None = None
        self._first_blocks = 0
        self._hottest: float | None = None

    def on_block(self, block: Block) -> None:
        self._room(block)
        degc = block.mean("winding_degc")
        if degc is None:
            self._watch.blind(block.t_s, reasons.WINDING_MISSING())
            if self._missing_long(block):
                self._watch.reset(reasons.WINDING_MISSING())
            return
        self._seen_s = block.t_s
        limit = self._limit_degc
        if limit is None:
            self._watch.blind(block.t_s, reasons.CLASS_UNKNOWN())
            limit = _ANY_CLASS_DEGC + _ALARM_K
            warn, alarm = limit - _ALARM_K, limit - _ALARM_K
        else:
            self._watch.looked(block.t_s)
            warn, alarm = limit - _WARN_K, limit - _ALARM_K
        self._hottest = degc if self._hottest is None else max(self._hottest, degc)
        for hold, level, severity in ((self._warn, warn, Severity.WARNING), (self._alarm, alarm, Severity.ALARM)):
            if hold.update(block.t_s, degc >= (level - _DEADBAND_K if hold.active else level)):
                why = reasons.WINDING_HOT(degc=degc, limit_degc=limit)
                self._findings.raise_(
                    CODE, severity, Confidence.CERTAIN, block.t_s, why, degc, "°C", level, _SENSOR_U_K
                )
        if not self._warn.active:
            self._findings.end(CODE)

    _seen_s: float | None = None

    def _missing_long(self, block: Block) -> bool:
        return self._seen_s is not None and block.t_s - self._seen_s > 120

    def _room(self, block: Block) -> None:
        degc = block.mean("ambient_degc")
        if degc is None:
            self._ambient_watch.blind(block.t_s, reasons.AMBIENT_MISSING())
            return
        self._ambient_watch.looked(block.t_s)
        if self._first_blocks < 60:
            self._first_blocks += 1
            self._first_degc = degc if self._first_degc is None else min(self._first_degc, degc)
        limit = min(_AMBIENT_DEGC, (self._first_degc if self._first_degc is not None else degc) + _AMBIENT_RISE_K)
        if self._ambient.update(block.t_s, degc >= limit - (2 if self._ambient.active else 0)):
            why = reasons.ROOM_HOT(degc=degc)
            self._findings.raise_(AMBIENT, Severity.NOTE, Confidence.CERTAIN, block.t_s, why, degc, "°C", limit)
        else:
            self._findings.end(AMBIENT)

    def answers(self) -> list[Answer]:
        limit = None if self._limit_degc is None else self._limit_degc - _WARN_K
        return [
            self._watch.answer(CODE, self._hottest, "°C", limit, _SENSOR_U_K),
            self._ambient_watch.answer(AMBIENT),
        ]
