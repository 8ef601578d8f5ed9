"""A recording of a machine of which too little is known: what needs no nameplate, and why the rest cannot be seen."""

from __future__ import annotations

import numpy as np

from agent.analysis.condition import common_reasons as common
from agent.analysis.condition.answers import Answer, Clear, Confidence, NotObservable
from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.phase_loss import JUDGED_FROM, lost_phase
from agent.analysis.condition.record import Record
from agent.analysis.condition.rectifier import judge_dip, judge_unbalance
from agent.analysis.condition.rectifier_features import rectifier_features
from dsp.condition.phase import PhaseLossDetector

_NEED_A_NAMEPLATE = (
    "broken_rotor_bar", "demagnetization", "turn_fault", "winding_asymmetry", "rotor_asymmetry", "eccentricity",
    "once_per_turn", "load_oscillation", "current_unbalance", "contact_resistance", "diode_open", "dc_link_capacitor",
    "live_terminals", "bearing",
)  # fmt: skip
# Rms over peak of a sinusoid is 0.71. Pulses have less: a rectifier at little load, where the supply's unbalance alone
# may keep a phase without current.
_FULL = 0.6


def unknown_machine_answers(record: Record, machine: MachineData) -> list[Answer]:
    """Phase loss and supply, which need no nameplate; everything else is not observable."""
    features = rectifier_features(record, MachineData())
    unknown = common.MACHINE_UNKNOWN()
    return [
        _phase_loss(record, machine),
        judge_unbalance(features),
        judge_dip(features),
        *(NotObservable(code, unknown) for code in _NEED_A_NAMEPLATE),
    ]


def _phase_loss(record: Record, machine: MachineData) -> Answer:
    if not np.isfinite(record.i_a).any(axis=1).all():
        return NotObservable("phase_loss", common.CURRENTS_MISSING())
    # without a rated current: of the largest one, little is then known of noise
    rated_a = machine.amps or float(np.nanmax(np.abs(record.i_a))) / np.sqrt(2)
    detector = PhaseLossDetector(record.fs_hz, JUDGED_FROM * rated_a)
    detector.push(record.i_a)
    if detector.loss is None:
        return Clear("phase_loss") if machine.amps else NotObservable("phase_loss", common.LOAD_UNKNOWN())
    lost = detector.loss
    since = np.delete(record.i_a, lost.phase, axis=0)[:, lost.sample : lost.found_sample]
    if not machine.amps and np.sqrt(np.mean(since**2)) < _FULL * np.max(np.abs(since)):
        return NotObservable("phase_loss", common.LOAD_UNKNOWN())
    return lost_phase(lost.phase + 1, lost.found_sample / record.fs_hz, Confidence.LIKELY)
