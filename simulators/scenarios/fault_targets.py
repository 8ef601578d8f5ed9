"""Which faults a plant can have, and at which of its motors."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from drivers.profiles import load_profile
from simulators.scenarios.machines import LINE_START
from simulators.scenarios.motor_faults import KINDS
from simulators.scenarios.records import ScenarioRecord, TrainRecord

DIP, UNBALANCE, SILENT = "dip", "supply-unbalance", "drive-silent"
BEARING, WINDING = "bearing-temperature", "winding-temperature"
FLOWS = ("flow", "conveyor")  # loads whose speed and torque follow a share


def fault_targets(record: ScenarioRecord) -> dict[str, tuple[str, ...]]:
    """Return fault → the motors that can have it, in the order of the file.

    A fault of the supply concerns all motors and has none. Faults that no motor can have are missing.
    """
    if record.life is not None:
        return {}
    found: dict[str, tuple[str, ...]] = {}
    if any(train.waveform for train in record.train) or record.dip:
        found[DIP] = ()
    found[UNBALANCE] = ()
    for kind in (*KINDS, SILENT):
        motors = tuple(name for train in record.train if is_possible(kind, train, record) for name in train.names)
        if motors:
            found[kind] = motors
    return found


def is_possible(kind: str, train: TrainRecord, record: ScenarioRecord) -> bool:
    """Return whether a motor of this train can have the fault, and whether its instruments show it."""
    return _POSSIBLE[kind](train, record)


def _pump(train: TrainRecord, _record: ScenarioRecord) -> bool:
    return train.application == "pump" and train.load.kind == "flow"


def _fan(train: TrainRecord, _record: ScenarioRecord) -> bool:
    return train.application == "fan" and train.load.kind == "flow"


def _driven(train: TrainRecord, _record: ScenarioRecord) -> bool:
    return train.kind == "driven" and train.load.kind in FLOWS


def _fed_by_three_phases(train: TrainRecord, _record: ScenarioRecord) -> bool:
    """A diode bridge or an induction motor, with a separate meter."""
    if train.meter is None or train.motor.library in LINE_START or train.kind == "dc-bus":
        return False
    return train.drive is None or not train.drive.active_front


def _blockable(train: TrainRecord, record: ScenarioRecord) -> bool:
    return _driven(train, record) or (train.kind == "direct" and train.motor.library not in LINE_START)


def _magnets(train: TrainRecord, _record: ScenarioRecord) -> bool:
    return train.kind != "direct"


def _winding_known(train: TrainRecord, record: ScenarioRecord) -> bool:
    if train.kind == "direct" or train.drive is None:
        return False
    return load_profile(train.drive.profile).register("motor_temperature") is not None or _shown(WINDING, train, record)


def _bearing_known(train: TrainRecord, record: ScenarioRecord) -> bool:
    return _shown(BEARING, train, record)


def _shown(quantity: str, train: TrainRecord, record: ScenarioRecord) -> bool:
    return any(signal.shows == quantity and signal.of == train.name for signal in record.signal)


_POSSIBLE: Mapping[str, Callable[[TrainRecord, ScenarioRecord], bool]] = {
    "dry-run": _pump,
    "low-flow": _pump,
    "cavitation": _pump,
    "clogged-filter": _fan,
    "phase-loss": _fed_by_three_phases,
    "contact-resistance": _fed_by_three_phases,
    "cooling-lost": _winding_known,
    BEARING: _bearing_known,
    "stall": _blockable,
    "run-out": _driven,
    "drive-trip": _driven,
    "demagnetization": _magnets,
    "loss-of-synchronism": _magnets,
    SILENT: _magnets,
}
