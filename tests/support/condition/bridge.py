"""An independent model of a six-pulse diode bridge: line inductors or a DC choke, capacitor, load of constant power.

Explicit time steps of a six-hundredth of a cycle. Each phase is off, or conducts through its upper or its lower diode;
while a set of phases conducts, the derivative of the DC current has a closed form. Simulated machines, no real drive.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
STEPS = 600  # of a cycle
_DIODE_V = 0.9
_A = cmath.exp(2j * math.pi / 3)


@dataclass
class Bridge:
    """One drive at its supply.

    fundamental: phase voltages as complex amplitudes, V; harmonics: order → complex amplitudes of the three phases.
    source_share: of line_h that is before the measurement; the voltages are recorded after it.
    open_diodes: (phase 0…2, +1 upper or −1 lower). line_h, line_ohm: of one phase; choke_h: in the DC link.
    """

    p_w: float = 6400.0
    hz: float = 50.0
    line_v: float = 400.0
    line_h: float = 0.8e-3
    line_ohm: float = 0.08
    choke_h: float = 0.0
    c_f: float = 620e-6
    esr_ohm: float = 0.08
    unbalance: complex = 0.0
    source_share: float = 0.0
    harmonics: dict[int, tuple[complex, complex, complex]] = field(default_factory=dict)
    open_diodes: tuple[tuple[int, int], ...] = ()

    @property
    def phasors(self) -> tuple[complex, ...]:
        """Complex amplitudes of the phase voltages."""
        peak = self.line_v * math.sqrt(2 / 3)
        return tuple(peak * (_A ** (-k) + self.unbalance * _A**k) for k in range(3))

    def voltages(self, phase: Array) -> Array:
        """Phase voltages at these angles of the supply, shape (3, n)."""
        rows = [(value * np.exp(1j * phase)).real for value in self.phasors]
        for order, values in self.harmonics.items():
            for k in range(3):
                rows[k] = rows[k] + (values[k] * np.exp(1j * order * phase)).real
        return np.array(rows)


def sequence(order: int, size: complex, negative: bool) -> tuple[complex, complex, complex]:
    """A balanced set of phase phasors of one order; positive sequence unless `negative`."""
    turn = _A if negative else 1 / _A
    return tuple(size * turn**k for k in range(3))  # type: ignore[return-value]


def steady_cycle(bridge: Bridge, settle_cycles: int = 25) -> tuple[Array, Array]:
    """Currents, shape (3, STEPS), and voltage of the link, shape (STEPS,), over one cycle after settling."""
    angles = np.arange(STEPS) * (2 * math.pi / STEPS)
    one = bridge.voltages(angles)
    wave = np.tile(one, settle_cycles + 1)
    i, u_dc = solve(bridge, wave, lambda step: bridge.p_w, lambda step: bridge.open_diodes)
    return i[:, -STEPS:], u_dc[-STEPS:]


def solve(
    bridge: Bridge,
    u_v: Array,
    power_w: Callable[[int], float],
    opened: Callable[[int], tuple[tuple[int, int], ...]],
) -> tuple[Array, Array]:
    """Currents and voltage of the link for given phase voltages, one sample per step of 1/(hz·STEPS) seconds.

    power_w: load by step; opened: the diodes that are open by step.
    """
    h = 1 / (bridge.hz * STEPS)
    n = u_v.shape[1]
    line_h, resistance, choke_h, c_f, esr = (
        bridge.line_h, bridge.line_ohm, bridge.choke_h, bridge.c_f, bridge.esr_ohm
    )  # fmt: skip
    i = [0.0, 0.0, 0.0]
    on = [0, 0, 0]
    u_c = float(np.max(u_v[0] - u_v[1]))
    out_i, out_u = np.empty((3, n)), np.empty(n)
    rows = u_v.T.tolist()
    for step in range(n):
        source = rows[step]
        missing = opened(step)
        load_a = power_w(step) / max(u_c, 0.2 * bridge.line_v)
        i_dc = sum(i[k] for k in (0, 1, 2) if on[k] > 0)
        link = u_c + esr * (i_dc - load_a)
        _switch(on, i, source, link, missing)
        upper = [k for k in (0, 1, 2) if on[k] > 0]
        lower = [k for k in (0, 1, 2) if on[k] < 0]
        if upper and lower:
            e_up = sum(source[k] - resistance * i[k] for k in upper) / len(upper)
            e_low = sum(source[k] - resistance * i[k] for k in lower) / len(lower)
            drive = e_up - e_low - link - 2 * _DIODE_V
            rate = drive / (choke_h + line_h / len(upper) + line_h / len(lower))
            v_up, v_low = e_up - line_h * rate / len(upper), e_low + line_h * rate / len(lower)
            for k in upper:
                i[k] += h / line_h * (source[k] - resistance * i[k] - v_up)
            for k in lower:
                i[k] += h / line_h * (source[k] - resistance * i[k] - v_low)
            _block(on, i)
        i_dc = sum(i[k] for k in (0, 1, 2) if on[k] > 0)
        u_c += h / c_f * (i_dc - load_a)
        out_i[0, step], out_i[1, step], out_i[2, step] = i
        out_u[step] = u_c + esr * (i_dc - load_a)
    return out_i, out_u


def _switch(
    on: list[int], i: list[float], source: list[float], link: float, missing: tuple[tuple[int, int], ...]
) -> None:
    """Turns diodes on whose forward voltage is positive."""
    for k, side in missing:
        if on[k] == side:
            on[k], i[k] = 0, 0.0
    upper = [source[k] for k in (0, 1, 2) if on[k] > 0]
    lower = [source[k] for k in (0, 1, 2) if on[k] < 0]
    if not (upper and lower):
        on[:] = [0, 0, 0]
        i[:] = [0.0, 0.0, 0.0]
        tops = [(source[k], k) for k in (0, 1, 2) if (k, 1) not in missing]
        bottoms = [(source[k], k) for k in (0, 1, 2) if (k, -1) not in missing]
        best = max(((a - b, j, k) for a, j in tops for b, k in bottoms if j != k), default=None)
        if best is not None and best[0] > link + 2 * _DIODE_V:
            on[best[1]], on[best[2]] = 1, -1
        return
    v_up, v_low = max(upper), min(lower)
    if len(upper) > 1:
        v_up = sum(upper) / len(upper)
    if len(lower) > 1:
        v_low = sum(lower) / len(lower)
    for k in (0, 1, 2):
        if on[k] == 0:
            if source[k] > v_up and (k, 1) not in missing:
                on[k] = 1
            elif source[k] < v_low and (k, -1) not in missing:
                on[k] = -1


def _block(on: list[int], i: list[float]) -> None:
    """Turns diodes off whose current would reverse; the others share the remainder, so that the sum stays 0."""
    for k in (0, 1, 2):
        if on[k] * i[k] < 0:
            i[k], on[k] = 0.0, 0
    rest = [k for k in (0, 1, 2) if on[k]]
    error = sum(i)
    for k in rest:
        i[k] -= error / len(rest)
