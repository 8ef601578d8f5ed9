"""Condition of a running machine from records of its waveform: rules, baselines by load and speed, persistence."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from agent.analysis.condition.answers import Answer, ConditionFinding, Severity
from agent.analysis.condition.combined import combined
from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.persistence import RecordHistory
from agent.analysis.condition.phase_loss import JUDGED_FROM, lost_phase
from agent.analysis.condition.record import Record
from agent.analysis.condition.record_collector import RecordCollector
from agent.analysis.condition.record_rules import record_rules
from drivers.reading import Waveform
from dsp.condition.phase import PhaseLossDetector

BIN_SHARE = 0.1  # width of a bin of the load, and of the speed
BASELINES_MAX = 60
CURRENT_ROLES = ("i1", "i2", "i3")
CARRIES, TAIL_S = 0.3, 0.03  # share of the largest peak within this time: a phase with less may be lost
TAIL_HZ = 2000.0  # a peak between two samples of a sine of 100 Hz is at most 1.3 % higher
RETURN_S = 5.0  # all phases carry current for this time: the lost one has returned


class RecordBaseline(Struct):
    """Features of a record of the machine when nothing was found.

    load, speed: relative to rated. learned_ms: UTC.
    """

    load: float
    speed: float
    learned_ms: int
    features: Any


class RecordWatch:
    """For the thread of the pipeline; the function that `on_block` returns may run in another one.

    stored: what `state` returned for the same machine; what cannot be read is learned again.
    revision: rises when the verdicts change.
    required: codes that records must have been able to show.
    """

    def __init__(self, machine: MachineData, stored: Mapping[str, Any] | None = None) -> None:
        self._machine, self._rules = machine, record_rules(machine)
        self._collector = RecordCollector(self._rules.length_s, self._rules.every_s, self._rules.precision)
        stored = stored if isinstance(stored, dict) else {}
        self._history = RecordHistory(stored.get("history"))
        self._collector.soon = self._history.undecided()
        self._baselines = self._stored_baselines(stored.get("baselines"))
        self._phases: PhaseLossDetector | None = None
        self._next, self._calm_s = 0, 0.0
        self._channels: tuple[str, ...] = ()
        self._rate_hz, self._tail = 0.0, slice(0)
        self._currents: slice | list[int] | None = None  # rows of a block; None: a current or its rating is missing
        self._lost: ConditionFinding | None = None
        self.revision = 0
        self.required = self._rules.required

    def on_block(
        self, block: Waveform, now_s: float, winding_degc: Callable[[], float | None] = lambda: None
    ) -> Callable[[], Any] | None:  # fmt: skip
        """Adds a block. Returns a function when a record is complete: its result is for `add`.

        winding_degc: returns the temperature of the winding now; None: not known.
        """
        self._follow_phases(block)
        record = self._collector.on_block(block, now_s)
        if record is None:
            return None
        now_degc = winding_degc()
        machine = self._machine if now_degc is None else replace(self._machine, winding_degc=now_degc)
        return partial(self._judge, record, machine, tuple(self._baselines))

    def add(self, result: tuple[Any, list[Answer]], utc_ms: int) -> None:
        """The result of a record."""
        features, answers = result
        before = self._history.answers()
        self._history.add(utc_ms / 1000, answers)
        self._collector.soon = self._history.undecided()
        if self._history.answers() != before:
            self.revision += 1
        self._learn(features, answers, utc_ms)

    def answers(self) -> list[Answer]:
        return combined([self._lost] if self._lost is not None else [], self._history.answers())

    def times_ms(self) -> dict[str, tuple[int | None, int | None]]:
        return self._history.times_ms()

    def trends(self) -> dict[str, float]:
        return self._history.trends()

    def baselines(self) -> list[dict[str, Any]]:
        """Load, speed and time of each baseline."""
        return [
            {"load_pct": round(100 * one.load, 1), "speed_pct": round(100 * one.speed, 1), "learned_ms": one.learned_ms}
            for one in self._baselines
        ]

    def state(self) -> dict[str, Any]:
        """For the state file."""
        baselines = [msgspec.to_builtins(one) for one in self._baselines]
        return {"history": self._history.state(), "baselines": baselines}

    def _judge(
        self, record: Record, machine: MachineData, baselines: tuple[RecordBaseline, ...]
    ) -> tuple[Any, list[Answer]]:  # fmt: skip
        features = self._rules.features(record, machine)
        point = self._rules.point(features, machine)
        nearest = min(baselines, key=lambda one: _distance(one, point), default=None) if point else None
        return features, self._rules.judge(features, machine, nearest.features if nearest else None)

    def _learn(self, features: Any, answers: list[Answer], utc_ms: int) -> None:
        """A record in which nothing was found is the baseline of its bin, if no finding lasts and none is there yet."""
        lasting = any(since_ms is not None for since_ms, _ in self._history.times_ms().values())
        point = self._rules.point(features, self._machine)
        found = any(isinstance(one, ConditionFinding) and one.severity is not Severity.NOTE for one in answers)
        usable = self._rules.usable(features, self._machine)
        if point is None or found or lasting or not usable or len(self._baselines) >= BASELINES_MAX:
            return
        if all(_bin(one.load, one.speed) != _bin(*point) for one in self._baselines):
            self._baselines.append(RecordBaseline(*point, utc_ms, features))

    def _follow_phases(self, block: Waveform) -> None:
        """Within 60 ms, from the stream itself. The detector runs while a phase has less current than the others."""
        if block.channels != self._channels or block.rate_hz != self._rate_hz:
            self._channels, self._currents = block.channels, _rows_of_currents(block.channels, self._machine)
            self._rate_hz = block.rate_hz
            step = max(int(block.rate_hz / TAIL_HZ), 1)
            self._tail = slice(-max(round(TAIL_S * block.rate_hz), 1), None, step)
        if self._currents is None:
            return
        tail = block.samples[self._currents, self._tail]
        peaks = np.maximum.reduce(np.abs(tail), axis=1).tolist()
        contiguous, self._next = block.index == self._next, block.index + block.samples.shape[1]
        if min(peaks) > CARRIES * max(peaks):  # all carry current at the end of the block
            self._phases = None
            self._calm_s += block.samples.shape[1] / block.rate_hz
            if self._lost is not None and self._calm_s >= RETURN_S:
                self._lost = None
                self.revision += 1
            return
        self._calm_s = 0.0
        if self._phases is None or not contiguous:
            self._phases = PhaseLossDetector(block.rate_hz, JUDGED_FROM * (self._machine.amps or 0.0))
        self._phases.push(np.ascontiguousarray(block.samples[self._currents]))
        if self._phases.loss is not None and self._lost is None:
            self._lost = lost_phase(self._phases.loss.phase + 1, block.start_ns / 1e9)
            self.revision += 1

    def _stored_baselines(self, stored: Any) -> list[RecordBaseline]:
        found = []
        for one in stored if isinstance(stored, list) else ():
            try:
                features: Any = msgspec.convert(one["features"], self._rules.kind)
                found.append(RecordBaseline(one["load"], one["speed"], one["learned_ms"], features))
            except (KeyError, TypeError, msgspec.ValidationError):
                continue
        return found


def _rows_of_currents(channels: tuple[str, ...], machine: MachineData) -> slice | list[int] | None:
    if not machine.amps or not all(role in channels for role in CURRENT_ROLES):
        return None
    rows = [channels.index(role) for role in CURRENT_ROLES]
    first = rows[0]
    return slice(first, first + 3) if rows == [first, first + 1, first + 2] else rows  # a slice copies nothing


def _bin(load: float, speed: float) -> tuple[int, int]:
    return math.floor(load / BIN_SHARE), math.floor(speed / BIN_SHARE)


def _distance(baseline: RecordBaseline, point: tuple[float, float] | None) -> float:
    assert point is not None
    return math.hypot(baseline.load - point[0], baseline.speed - point[1])
