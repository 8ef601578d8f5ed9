"""What is computed from a record of a waveform, by kind of machine and measuring point."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from msgspec import Struct

from agent.analysis.condition import cage, magnet
from agent.analysis.condition.answers import Answer
from agent.analysis.condition.cage import judge_cage
from agent.analysis.condition.cage_features import CageFeatures, cage_features
from agent.analysis.condition.faults import REQUIRED_CAGE, REQUIRED_MAGNET, REQUIRED_RECTIFIER
from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.magnet import judge_magnet
from agent.analysis.condition.magnet_features import MagnetFeatures, magnet_features
from agent.analysis.condition.record import Record
from agent.analysis.condition.rectifier import judge_rectifier
from agent.analysis.condition.rectifier_features import RectifierFeatures, rectifier_features

CAGE_LENGTH_S = 20.0  # enough for a rotor fault of a large motor at rated load: 2 s f >= 4 / T
# While nothing changes. Shorted turns at the output of a drive that came after the start of a record are seen in three
# records, the next and two that follow soon, within ten minutes. Elsewhere most faults that a record shows are slow.
EVERY_S, DRIVE_OUTPUT_EVERY_S = 600.0, 300.0
STEADY_SHARE = 0.8  # of the windows of a record before a drive


class RecordRules(Struct, frozen=True):
    """What is computed from a record of one kind of machine.

    features: of a record; without limits, storable as JSON. judge: features, those of the baseline or None → verdicts.
    length_s, every_s, precision: of records.
    usable: whether a record was complete and steady, and so may be a baseline.
    point: load and speed of the features relative to rated; None: not known.
    """

    kind: type
    features: Callable[[Record, MachineData], Any]
    judge: Callable[[Any, MachineData, Any], list[Answer]]
    usable: Callable[[Any, MachineData], bool]
    point: Callable[[Any, MachineData], tuple[float, float] | None]
    required: tuple[str, ...]
    length_s: float = 6.0
    every_s: float = EVERY_S
    precision: type[np.float32 | np.float64] = np.float64


def record_rules(machine: MachineData) -> RecordRules:
    if machine.at == "drive_input":
        return RecordRules(RectifierFeatures, rectifier_features, judge_rectifier, _steady_rectifier, _rectifier_point,
                      REQUIRED_RECTIFIER)  # fmt: skip
    if machine.kind == "magnet":
        return RecordRules(MagnetFeatures, magnet_features, judge_magnet, magnet.usable_as_baseline, _magnet_point,
                      REQUIRED_MAGNET, every_s=DRIVE_OUTPUT_EVERY_S)  # fmt: skip
    return RecordRules(CageFeatures, cage_features, judge_cage, cage.usable_as_baseline, _cage_point, REQUIRED_CAGE,
                  CAGE_LENGTH_S, precision=np.float32)  # fmt: skip


def _cage_point(features: CageFeatures, machine: MachineData) -> tuple[float, float] | None:
    if features.f_hz is None or not machine.hz:
        return None
    load = features.load
    if load is None and machine.amps:
        load = math.hypot(*features.i1_a) / machine.amps
    return None if load is None else (load, features.f_hz / machine.hz)


def _magnet_point(features: MagnetFeatures, machine: MachineData) -> tuple[float, float] | None:
    if features.hz is None or not machine.hz or not machine.amps:
        return None
    return features.i1_a / machine.amps, features.hz / machine.hz


def _rectifier_point(features: RectifierFeatures, machine: MachineData) -> tuple[float, float] | None:
    return None if features.load is None else (features.load, 1.0)


def _steady_rectifier(features: RectifierFeatures, machine: MachineData) -> bool:
    return features.dip_share is None and features.steady_share >= STEADY_SHARE
