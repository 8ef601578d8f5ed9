"""Condition of a cage motor on the line, from a recording of voltages and currents.

Order of the rules: a usable recording, the phases, the supply, steady operation; only then rotor, load and winding.
"""

from __future__ import annotations

from agent.analysis.condition import cage_reasons as reasons
from agent.analysis.condition import common_reasons as common
from agent.analysis.condition.answers import Answer, NotObservable
from agent.analysis.condition.cage_features import CageFeatures, cage_features
from agent.analysis.condition.cage_operation import (
    changes,
    current_reason,
    overload,
    phase_loss,
    starting,
    voltage_reason,
)
from agent.analysis.condition.cage_rotor import baseline_reason, eccentricity, load_oscillation, once_per_turn, rotor
from agent.analysis.condition.cage_supply import supply_dip, supply_interharmonic, supply_unbalance
from agent.analysis.condition.cage_winding import winding
from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.record import Record

SUPPLY_CODES = ("supply_unbalance", "supply_dip", "supply_interharmonic")
STEADY_CODES = (
    "broken_rotor_bar", "rotor_or_load", "load_oscillation", "once_per_turn", "eccentricity", "turn_fault",
    "winding_asymmetry", "contact_resistance", "current_unbalance", "overload",
)  # fmt: skip
CAGE_CODES = ("phase_loss", *SUPPLY_CODES, *STEADY_CODES, "starting", "bearing")


def cage_answers(record: Record, machine: MachineData, baseline: Record | None) -> list[Answer]:
    """Every code of CAGE_CODES once. baseline: the sound machine, at any load."""
    before = cage_features(baseline, machine) if baseline is not None else None
    return judge_cage(cage_features(record, machine), machine, before)


def usable_as_baseline(features: CageFeatures, machine: MachineData) -> bool:
    """Whether the recording was complete and steady; that the machine was sound is for the caller to know."""
    return baseline_reason(features, machine, features) is None


def judge_cage(features: CageFeatures, machine: MachineData, baseline: CageFeatures | None) -> list[Answer]:
    """Judge the features of a recording, against those of the sound machine if there are any."""
    if machine.at not in (None, "line"):
        others = [code for code in CAGE_CODES if code != "phase_loss"]
        return [*phase_loss(features, machine), *(NotObservable(code, reasons.AT_A_DRIVE()) for code in others)]
    without_voltage = voltage_reason(features, machine)
    if without_voltage is not None:
        return [NotObservable(code, without_voltage) for code in CAGE_CODES]
    bearing = NotObservable("bearing", common.BEARING_GEOMETRY())
    lost = phase_loss(features, machine)
    if features.lost_s is not None:
        others = [code for code in CAGE_CODES if code not in ("phase_loss", "bearing")]
        return [*lost, *(NotObservable(code, common.PHASE_LOST()) for code in others), bearing]
    supply = [supply_unbalance(features, machine), supply_dip(features), supply_interharmonic(features)]
    without_current = current_reason(features, machine)
    if without_current is not None:
        rest = [code for code in CAGE_CODES if code not in ("phase_loss", "bearing", *SUPPLY_CODES)]
        return [*lost, *supply, *(NotObservable(code, without_current) for code in rest), bearing]
    started = starting(features)
    if (reason := changes(features)) is not None:
        return [*lost, *supply, started, bearing, *(NotObservable(code, reason) for code in STEADY_CODES)]
    return [
        *lost, *supply, started, bearing, *rotor(features, machine, baseline), load_oscillation(features, baseline),
        once_per_turn(features, machine, baseline), eccentricity(features, machine, baseline),
        *winding(features, machine, baseline), overload(features, machine),
    ]  # fmt: skip
