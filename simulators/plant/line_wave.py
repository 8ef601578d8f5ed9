"""Samples of an induction motor direct on line: the waveform model follows the state of the steady-state model.

Both have the same parameters, supply and load. `set_state` sets the state to reach, `samples` returns the samples up to
it.
Faults appear as in a motor: sidebands of a broken bar, a bearing or an eccentric rotor. A second of samples takes some
milliseconds to compute.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from simulators.plant import space_vectors
from simulators.plant.faults import Condition
from simulators.plant.induction_wave import InductionWave
from simulators.plant.params import InductionMotor
from simulators.plant.phasors import Floats, PhasorComponent
from simulators.plant.supply_wave import SupplyWave
from simulators.plant.wave_load import WaveLoad

_SUDDEN = 0.05  # change of the fundamental from step to step; a larger one is a dip and applies abruptly


class LineWave:
    """Sample source of one motor.

    motor: its present parameters in the steady-state model.
    condition: faults that only waveforms show.
    """

    def __init__(self, motor: InductionMotor) -> None:
        self._supply = SupplyWave()
        self._machine: InductionWave | None = None
        self._before: Sequence[PhasorComponent] = ()
        InductionWave(motor).run(np.zeros(3, complex), 1e-4)  # compile now, not in the first second

    def set_state(
        self, motor: InductionMotor, supply: Sequence[PhasorComponent], frequency_hz: float, load: WaveLoad,
        condition: Condition, speed_rad_s: float,
    ) -> None:  # fmt: skip
        """Set the present state. speed_rad_s: initial speed of the machine."""
        self._motor, self._now, self._load, self._condition = motor, supply, load, condition
        self._frequency_hz, self._speed = frequency_hz, speed_rad_s

    def samples(self, count: int, rate_hz: float) -> Floats:
        """Return samples of shape (6, count): V of L1 to L3 to neutral, A of L1 to L3, at the starts of their
        intervals.
        """
        if self._machine is None:
            self._machine = InductionWave(self._motor)
            self._machine.settle(abs(_fundamental(self._now)), self._frequency_hz, self._speed)
            self._before = self._now
        before = self._before
        if abs(_fundamental(self._now) - _fundamental(before)) > _SUDDEN * abs(_fundamental(before)):
            before = self._now
        zero = self._zero_sequence(count, rate_hz)
        u = self._supply.block(self._now, self._frequency_hz, count, 1 / rate_hz, before)
        self._before = self._now
        self._machine.motor = self._motor
        wave = self._machine.run(u, 1 / rate_hz, self._load, condition=self._condition)
        return np.concatenate([space_vectors.phases(wave.u) + zero, space_vectors.phases(wave.i)])

    def _zero_sequence(self, count: int, rate_hz: float) -> Floats:
        theta = self._supply.angle + 2 * math.pi * self._frequency_hz / rate_hz * np.arange(count)
        found = np.zeros(count)
        for order, sequence, value in self._now:
            if sequence == 0:
                found += math.sqrt(2) * (complex(value) * np.exp(1j * order * theta)).real
        return found


def _fundamental(parts: Sequence[PhasorComponent]) -> complex:
    return sum((complex(item.value) for item in parts if item.order == 1 and item.sequence == 1), 0j)
