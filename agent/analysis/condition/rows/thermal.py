"""Upper bound of the temperature that losses and ambient temperature explain, from a learned steady state.

The winding and the frame are two bodies with time constants of minutes and hours that ten minutes do not show. The
bound assumes for each change what makes the motor hottest: a rise acts without delay, a fall with the slowest
time constant,
the losses are all copper or mostly iron, and a fan on the shaft cools less at less speed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from agent.analysis.condition.rows.block import BLOCK_S

_SLOW_S = 7200.0  # time constant of the frame of large motors
_LEARN_S, _LEARN_S_MAX = 600.0, 1800.0
_SLOPE_K_S = 0.03 / 60  # what remains at _SLOW_S: 3.6 K
_COPPER_SHARES = (0.35, 0.95)
_GAP_S = 300.0
_FAN_EXPONENT = 0.8  # heat transfer over speed, turbulent flow
_COPPER_PER_K = 0.0039
_LOAD_STEADY, _SPEED_STEADY = 0.06, 0.03


class SteadyState:
    """Means of the temperature rise in a window in which load and speed were steady and the rise did not change.

    A window ends early when load or speed leave it; it grows from ten to thirty minutes, so that the resolution of a
    sensor does not look like a change, then another begins.
    """

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._n = 0
        self._t0_s = math.nan
        self._sums = [0.0] * 6

    def restart(self) -> None:
        self._begin()

    def add(self, t_s: float, rise_k: float, current: float, speed: float) -> tuple[float, float, float, float] | None:
        """(rise, current, speed, K that may still be missing) when the window was steady, else None."""
        if self._n:
            mean_i, mean_n = self._sums[4] / self._n, self._sums[5] / self._n
            if abs(current - mean_i) > _LOAD_STEADY * mean_i or abs(speed - mean_n) > _SPEED_STEADY * mean_n:
                self._begin()
        if not self._n:
            self._t0_s = t_s
        x = t_s - self._t0_s
        self._n += 1
        for k, value in enumerate((x, rise_k, x * x, x * rise_k, current, speed)):
            self._sums[k] += value
        if x < _LEARN_S:
            return None
        n, (sx, sy, sxx, sxy, si, sn) = self._n, self._sums
        slope = (n * sxy - sx * sy) / (n * sxx - sx * sx)
        if n < 0.7 * x / BLOCK_S or abs(slope) > _SLOPE_K_S:
            if x > _LEARN_S_MAX:
                self._begin()
            return None
        return sy / n, si / n, sn / n, abs(slope) * _SLOW_S


class ThermalBound:
    """Upper bound of a temperature. rise_k, current, speed: the learned steady state; u_k: what it may still lack."""

    def __init__(self, rise_k: float, current: float, speed: float, u_k: float) -> None:
        self.rise_k, self.current, self.speed, self.u_k = rise_k, current, speed, u_k
        self._bound_k: float | None = None
        self._t_s = math.nan

    def state(self) -> dict[str, float]:
        return {"rise_k": self.rise_k, "current": self.current, "speed": self.speed, "u_k": self.u_k}

    def explained_rise_k(self, current: float, speed: float) -> float:
        """Steady rise at this current and speed, at most."""
        speeds = max(speed / self.speed, 0.05)
        copper = (current / self.current) ** 2
        heat = max(share * copper + (1 - share) * max(speeds, speeds**2) for share in _COPPER_SHARES)
        if speeds < 1:
            heat *= speeds**-_FAN_EXPONENT
        rise_k = self.rise_k * heat
        return rise_k * (1 + _COPPER_PER_K * max(0.0, rise_k - self.rise_k))

    def update(self, t_s: float, ambient_degc: float, rise_k: float, degc: float) -> float:
        """The bound now, from the ambient temperature and the steady rise that is explained; for stops rise_k = 0.

        degc: the temperature itself, which may be left from a larger load before a restart or a gap in the rows.
        """
        target = ambient_degc + rise_k
        if self._bound_k is None or not t_s - self._t_s < _GAP_S:
            self._bound_k = max(target, degc)
        elif target >= self._bound_k:
            self._bound_k = target
        else:
            self._bound_k += (target - self._bound_k) * min(1.0, (t_s - self._t_s) / _SLOW_S)
        self._t_s = t_s
        return self._bound_k


def bound_of(stored: Any) -> ThermalBound | None:
    """What `ThermalBound.state` wrote; None for anything else."""
    if not isinstance(stored, Mapping):
        return None
    try:
        values = [float(stored[name]) for name in ("rise_k", "current", "speed", "u_k")]
    except (KeyError, TypeError, ValueError):
        return None
    if not all(map(math.isfinite, values)) or min(values[1:3]) <= 0:
        return None
    return ThermalBound(*values)
