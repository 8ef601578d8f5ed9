"""A recording of the voltages and currents of one machine."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from msgspec import Struct

Array = npt.NDArray[np.float64]


class Record(Struct, frozen=True):
    """A recording of the voltages and currents of one machine.

    fs_hz: sampling rate of u_v and i_a.
    u_v: phase voltages, shape (3, n), volts. i_a: phase currents, shape (3, n), amperes, positive into the machine.
    u_dc_v: voltage of the DC link, shape (m,), volts; None: not recorded. u_dc_hz: its sampling rate.
    A missing sample is NaN. u_v and i_a of a cage motor in the agent have single precision.
    """

    fs_hz: float
    u_v: Array
    i_a: Array
    u_dc_v: Array | None = None
    u_dc_hz: float | None = None

    @property
    def length_s(self) -> float:
        return float(self.i_a.shape[1]) / self.fs_hz
