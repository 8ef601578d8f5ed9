"""Recordings of variations of one magnet motor, and the answers on them by code."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from random import Random
from typing import Any

import numpy as np
from msgspec.structs import replace as changed
from support.condition.magnet_machine import Machine
from support.condition.magnet_steady import steady
from support.condition.magnet_variations import Channels, plate, recorded

from agent.analysis.condition.answers import Answer, ConditionFinding
from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.magnet import magnet_answers
from agent.analysis.condition.record import Record

FS = 4000.0
SOUND = Machine(slots=9, pairs=4, rated_hz=100.0, drive_gains=(0.002, -0.003, 0.001), winding_degc=60, magnet_degc=45)
CHANNELS = Channels(gains=0.003)


def recording(machine: Machine, seed: int = 0, seconds: float = 3.0, how: Channels = CHANNELS) -> Record:
    u, i = steady(machine, seconds, FS, np.random.default_rng(seed))
    return recorded(u, i, 1 / FS, machine, how, Random(seed))


@cache
def baseline() -> Record:
    """The sound motor at 50 % load, 20 K cooler, with other gains of the channels."""
    return recording(replace(SOUND, load=0.5, winding_degc=40, magnet_degc=25), seed=99)


def nameplate(machine: Machine = SOUND, temperatures: str = "both", **changes: Any) -> MachineData:
    return changed(plate(machine, Random(1), temperatures=temperatures), **changes)


def answers(record: Record, machine: MachineData, base: Record | None) -> dict[str, Answer]:
    found = magnet_answers(record, machine, base)
    by_code = {one.code: one for one in found}
    assert len(by_code) == len(found), "each code once"
    return by_code


def findings(found: dict[str, Answer]) -> set[str]:
    """Codes of warnings and alarms."""
    return {code for code, one in found.items() if isinstance(one, ConditionFinding) and one.severity != "note"}
