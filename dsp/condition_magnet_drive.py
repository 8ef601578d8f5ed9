"""Whether a drive drives: how long a machine carries no current, and what voltage its terminals show then."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_STEP_S = 0.02


class CurrentGone(NamedTuple):
    """The last time without current.

    from_s, to_s: from the start of the recording, in steps of 20 ms.
    voltage_v: largest voltage between two terminals in this time, rms; NaN where it was not recorded.
    """

    from_s: float
    to_s: float
    voltage_v: float


def current_gone(u_v: Floats, i_a: Floats, fs_hz: float, floor_a: float) -> CurrentGone | None:
    """The last stretch in which the rms current of each phase stays below a floor; None if there is none.

    u_v, i_a: phase voltages and currents, shape (3, n). A step with a gap (NaN) of current ends a stretch: no value is
    not no current.
    floor_a: rms, above offset and noise of the channels.
    """
    step = max(round(_STEP_S * fs_hz), 2)
    count = i_a.shape[1] // step
    if count == 0:
        return None
    steps = i_a[:, : count * step].reshape(3, count, step)
    quiet = (np.sqrt((steps**2).mean(axis=2)) < floor_a).all(axis=0)  # a comparison with NaN is False
    if not quiet.any():
        return None
    end = int(np.flatnonzero(quiet)[-1]) + 1
    busy = np.flatnonzero(~quiet[:end])
    start = int(busy[-1]) + 1 if len(busy) else 0
    part = u_v[:, start * step : end * step]
    between = part - np.roll(part, 1, axis=0)
    blocks = between.reshape(3, end - start, step)
    rms = np.sqrt((blocks**2).mean(axis=2))
    voltage = float(np.nanmax(rms)) if np.isfinite(rms).any() else float("nan")
    return CurrentGone(start * step / fs_hz, end * step / fs_hz, voltage)
