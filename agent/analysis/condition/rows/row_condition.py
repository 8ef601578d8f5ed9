"""The condition of a machine from rows of one second, for the agent and for files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from typing import Any

from agent.analysis.condition import common_reasons as common
from agent.analysis.condition.answers import Answer, ConditionFinding, NotObservable
from agent.analysis.condition.faults import FAULTS
from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.rows import reasons
from agent.analysis.condition.rows.bearing_temperature import BearingTemperature
from agent.analysis.condition.rows.block import Block, BlockBuilder
from agent.analysis.condition.rows.clogged_filter import CloggedFilter
from agent.analysis.condition.rows.cooling import Cooling
from agent.analysis.condition.rows.findings import Findings
from agent.analysis.condition.rows.live_terminals import LiveTerminals
from agent.analysis.condition.rows.load_curve import SETTLE_S, LoadCurve
from agent.analysis.condition.rows.load_scatter import LoadScatter
from agent.analysis.condition.rows.magnet_flux import MagnetFlux
from agent.analysis.condition.rows.over_temperature import OverTemperature
from agent.analysis.condition.rows.overload import Overload
from agent.analysis.condition.rows.phase_loss import PhaseLoss
from agent.analysis.condition.rows.pump_load import PumpLoad
from agent.analysis.condition.rows.ratings import Ratings
from agent.analysis.condition.rows.row_reader import RowReader
from agent.analysis.condition.rows.sensors import Sensors
from agent.analysis.condition.rows.stall import Stall
from agent.analysis.condition.rows.unbalance import Unbalance

_VERSION = 1
_HIDES = {  # what a finding hides, because both are the same deviation
    "dry_run": ("underload", "low_flow"),
    "underload": ("dry_run", "low_flow"),
    "cavitation": ("load_unsteady",),
    "belt_slip": ("load_unsteady",),
    "load_unsteady": ("cavitation", "belt_slip"),
    "phase_loss": ("current_unbalance", "contact_resistance"),
    "current_unbalance": ("contact_resistance",),
    "contact_resistance": ("current_unbalance",),
}


class RowCondition:
    """Detectors over the rows of one machine.

    machine: its nameplate and application. state: what `state` returned for the same nameplate; any other is ignored,
    and normal operation is learned again.
    """

    def __init__(self, machine: MachineData, state: Mapping[str, Any] | None = None) -> None:
        self._machine = machine
        ratings = Ratings(machine)
        learned = state if state and state.get("machine") == _identity(machine) else {}
        self._findings = findings = Findings()
        self._reader = RowReader(ratings)
        self._blocks = BlockBuilder()
        self._curve = LoadCurve(ratings, learned)
        self._scatter = LoadScatter(ratings, findings, self._curve)
        self._cooling = Cooling(ratings, findings, learned)
        self._bearings = BearingTemperature(findings, learned)
        self._unbalance = Unbalance(ratings, findings, learned)
        self._flux = MagnetFlux(ratings, findings, self._reader, learned)
        load, stall = PumpLoad(ratings, findings, self._curve), Stall(ratings, findings)
        terminals, phases = LiveTerminals(ratings, findings), PhaseLoss(ratings, findings)
        hot = OverTemperature(ratings, findings)
        self._clogged = CloggedFilter(ratings, findings, self._curve, learned)
        overload, sensors = Overload(ratings, findings), Sensors(self._reader, findings)
        self._by_row = (terminals, phases, stall, load, self._scatter, overload, self._unbalance, sensors)
        self._by_block = (
            hot, self._cooling, self._bearings, self._unbalance, self._flux, self._scatter, self._clogged
        )  # fmt: skip
        self._all = (*self._by_row, hot, self._cooling, self._bearings, self._flux, self._clogged)
        self._t_s = -math.inf

    def on_row(self, t_s: float, row: Mapping[str, float | None]) -> list[ConditionFinding]:
        """The findings that this row raises, or raises to a higher severity.

        t_s: monotonic seconds; a row that is not later than the one before is ignored. row: values by column (u12_v …
        drive_degc); None, NaN and missing columns are no value.
        """
        if not t_s > self._t_s:
            return []
        self._t_s = t_s
        sample = self._reader.read(t_s, row)
        block = self._blocks.add(sample)
        for by_row in self._by_row:
            by_row.on_sample(sample)
        if block is not None:
            for by_block in self._by_block:
                by_block.on_block(block)
            self._learn_load(block)
        return self._findings.new()

    def _learn_load(self, block: Block) -> None:
        scatter = self._scatter.scatter
        if block.steady and block.run_s >= SETTLE_S and not block.dip and not self._findings.faulty:
            if scatter is None and self._curve.column is not None:
                return
            self._curve.learn(block, scatter or 0.0)

    def active(self) -> Mapping[str, ConditionFinding]:
        """Findings that were raised and have not returned, by code."""
        return self._findings.active

    def returned(self) -> Set[str]:
        """Codes of findings that their detectors have seen end, also where the fault is not observable since then."""
        return self._findings.returned

    def answers(self) -> list[Answer]:
        """Of everything up to now, each code once: found at any time, not observable, or clear."""
        return self._answers(self._findings.found)

    def present_answers(self) -> list[Answer]:
        """Of now, each code once: without the findings that have returned."""
        return self._answers(self._findings.active)

    def _answers(self, found: Mapping[str, ConditionFinding]) -> list[Answer]:
        answers: dict[str, Answer] = {code: NotObservable(code, reasons.NEEDS_WAVEFORMS()) for code in FAULTS}
        for detector in self._all:
            for answer in detector.answers():
                answers[answer.code] = answer
        for code in found:
            for other in _HIDES.get(code, ()):
                answers[other] = NotObservable(other, common.EXPLAINED_BY(fault=FAULTS[code].title))
        answers.update(found)
        return list(answers.values())

    def state(self) -> dict[str, Any]:
        """What was learned, as JSON; empty before anything was."""
        learned = (self._curve, self._cooling, self._bearings, self._unbalance, self._flux, self._clogged)
        state: dict[str, Any] = {"machine": _identity(self._machine)}
        for part in learned:
            state.update(part.state())
        return state


def _identity(machine: MachineData) -> list[Any]:
    """A state of another machine is worse than none."""
    return [
        _VERSION, machine.kind, machine.at, machine.kw, machine.rpm, machine.volts, machine.amps, machine.application
    ]  # fmt: skip
