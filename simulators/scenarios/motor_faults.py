"""Faults of a motor, its drive and its load in the steady-state model: kinds, and what they change at an instant.

Names are those of the finding that the fault should cause, with hyphens, where there is one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from simulators.reasons import FAULT_SIZE, FAULT_TIMES, FAULT_WITHOUT_SIZE, SCENARIO_CHOICE, require


class Effects(NamedTuple):
    """What the faults of a motor change now; the defaults are a healthy motor.

    passed: share of the demanded flow that passes.
    dry: the pump has no water.
    torque: torque of the load relative to that of a steady load.
    scatter: standard deviation of its changes from step to step, relative.
    cooling: conductance from the frame to the air, relative to new.
    bearing_k: temperature of the bearing above that explained by frame and speed, K.
    flux: flux of the magnets relative to new.
    offset_rad: error of the rotor position in the drive.
    contact: voltage drop of a contact in L2 at rated current, relative to the phase voltage.
    lost_phase: L1 is open, before the drive or before the motor on the line.
    jammed: the shaft is blocked.
    blocked: the gates of the drive are off by command.
    tripped: the drive has a fault.
    """

    passed: float = 1.0
    dry: bool = False
    torque: float = 1.0
    scatter: float = 0.0
    cooling: float = 1.0
    bearing_k: float = 0.0
    flux: float = 1.0
    offset_rad: float = 0.0
    contact: float = 0.0
    lost_phase: bool = False
    jammed: bool = False
    blocked: bool = False
    tripped: bool = False


NO_EFFECT = Effects()


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A kind of fault.

    apply: adds its effect; arguments are the effects so far, its size, and 0…1, how far it has developed.
    size: size if none is stated; 0: it has none.
    size_max: its upper limit.
    lasts_s: duration if none is stated, seconds.
    develops: True: it grows linearly over its duration; False: it is complete from its beginning.
    """

    apply: Callable[[Effects, float, float], Effects]
    size: float = 0.0
    size_max: float = 1.0
    lasts_s: float = 90.0
    develops: bool = False


_HOUR_S = 3600.0
_BEARING_S = 600.0  # time constant of a bearing in its housing [M]
# Sizes are usual ones in the field [M], none is the limit of a detector.
KINDS: dict[str, FaultKind] = {
    "dry-run": FaultKind(lambda now, _size, _part: now._replace(dry=True)),
    "low-flow": FaultKind(lambda now, size, _part: now._replace(passed=now.passed * size), 0.1),
    # some percent less power, and a torque that changes from second to second
    "cavitation": FaultKind(
        lambda now, size, _part: now._replace(torque=now.torque * (1 - size), scatter=0.5 * size), 0.08, 0.3, 600.0
    ),
    "clogged-filter": FaultKind(
        lambda now, size, part: now._replace(passed=now.passed * (1 - size * part)),
        0.35,
        0.9,
        6 * _HOUR_S,
        develops=True,
    ),
    "phase-loss": FaultKind(lambda now, _size, _part: now._replace(lost_phase=True)),
    "contact-resistance": FaultKind(lambda now, size, _part: now._replace(contact=size), 0.1, 0.2),
    "cooling-lost": FaultKind(
        lambda now, size, _part: now._replace(cooling=now.cooling * (1 - size)), 0.85, 0.95, _HOUR_S
    ),
    "bearing-temperature": FaultKind(lambda now, size, _part: now._replace(bearing_k=size), 40.0, 120.0, _HOUR_S),
    "stall": FaultKind(lambda now, _size, _part: now._replace(jammed=True), lasts_s=45.0),
    "run-out": FaultKind(lambda now, _size, _part: now._replace(blocked=True)),
    "drive-trip": FaultKind(lambda now, _size, _part: now._replace(tripped=True)),
    "demagnetization": FaultKind(lambda now, size, _part: now._replace(flux=now.flux * (1 - size)), 0.12, 0.5, _HOUR_S),
    # without reluctance torque the current is 1/cos of the angle for the same torque
    "loss-of-synchronism": FaultKind(lambda now, size, _part: now._replace(offset_rad=size), 0.7, 1.2),
}


@dataclass(frozen=True, slots=True)
class MotorFault:
    """A fault between two times, seconds since the start of the plant.

    kind: one of KINDS.
    size: share or, of a bearing temperature, K. None: the usual one of the kind.
    Raises InvalidValue if a field is invalid.
    """

    kind: str
    from_s: float
    to_s: float
    size: float | None = None

    def __post_init__(self) -> None:
        require(self.kind in KINDS, "kind", SCENARIO_CHOICE, allowed=tuple(KINDS), value=self.kind)
        require(0 <= self.from_s < self.to_s, "to_h", FAULT_TIMES, from_s=self.from_s, to_s=self.to_s)
        kind = KINDS[self.kind]
        if self.size is not None:
            require(kind.size, "size", FAULT_WITHOUT_SIZE, fault=self.kind)
            require(0 < self.size <= kind.size_max, "size", FAULT_SIZE, fault=self.kind, high=kind.size_max)

    def part(self, now_s: float) -> float:
        """Return how far it has developed, 0…1; 0 outside of its time."""
        if not self.from_s <= now_s < self.to_s:
            return 0.0
        if not KINDS[self.kind].develops:
            return 1.0
        return (now_s - self.from_s) / (self.to_s - self.from_s)


def effects_of(faults: Iterable[MotorFault], now_s: float) -> Effects:
    """Return the effects of all faults of a motor at an instant."""
    found = NO_EFFECT
    for fault in faults:
        part = fault.part(now_s)
        if part:
            kind = KINDS[fault.kind]
            found = kind.apply(found, kind.size if fault.size is None else fault.size, part)
    return found


class FaultsOfMotor:
    """The faults of one motor. `update` advances time and sets `effects`.

    name: of the motor; seeds the scatter of its torque.
    """

    def __init__(self, name: str) -> None:
        self._faults: list[MotorFault] = []
        self._chance = Random(name)
        self.effects = NO_EFFECT
        self.bearing_k = 0.0

    def add(self, fault: MotorFault) -> None:
        self._faults.append(fault)

    def update(self, now_s: float, dt_s: float) -> None:
        effects = effects_of(self._faults, now_s) if self._faults else NO_EFFECT
        if effects.scatter:
            effects = effects._replace(torque=effects.torque * (1 + self._chance.gauss(0, effects.scatter)))
        self.effects = effects
        self.bearing_k += (effects.bearing_k - self.bearing_k) * -math.expm1(-dt_s / _BEARING_S)

    def truth(self, now_s: float) -> dict[str, float]:
        """Return metric → how far each fault has developed, 0…1."""
        found = dict[str, float]()
        for fault in self._faults:
            name = f"fault_{fault.kind.replace('-', '_')}"
            found[name] = max(found.get(name, 0.0), fault.part(now_s))
        return found
