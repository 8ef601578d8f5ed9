"""An independent model of a six-pulse diode bridge: line inductors or a DC choke, capacitor, load of constant power.

Explicit time steps of a six-hundredth of a cycle. Each phase is off, or conducts through its upper or its lower diode;
while a set of phases conducts, the derivative of the DC current has a closed form. Simulated machines, no real drive.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from numba import njit  # type: ignore[import-untyped]

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]
STEPS = 600  # of a cycle
_DIODE_V = 0.9
_A = cmath.exp(2j * math.pi / 3)


@dataclass
class Bridge:
    """One drive at its supply.

    fundamental: phase voltages as complex amplitudes, V; harmonics: order → complex amplitudes of the three phases.
    source_share: of line_h that is before the measurement; the voltages are recorded after it.
    open_diodes: (phase 0…2, +1 upper or −1 lower). line_h, line_ohm: of one phase; choke_h: in the DC link.
    filter_f: of a capacitor from each phase to the star point of a filter.
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
    filter_f: float = 0.0
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

    def filter_currents(self, phase: Array) -> Array:
        """Currents of the filter at these angles of the supply, shape (3, n)."""
        near = 1e-4
        slope = (self.voltages(phase + near) - self.voltages(phase - near)) / (2 * near)
        return 2 * math.pi * self.hz * self.filter_f * slope


def sequence(order: int, size: complex, negative: bool) -> tuple[complex, complex, complex]:
    """A balanced set of phase phasors of one order; positive sequence unless `negative`."""
    turn = _A if negative else 1 / _A
    return tuple(size * turn**k for k in range(3))  # type: ignore[return-value]


def steady_cycle(bridge: Bridge, settle_cycles: int = 25) -> tuple[Array, Array]:
    """Currents, shape (3, STEPS), and voltage of the link, shape (STEPS,), over one cycle after settling."""
    angles = np.arange(STEPS) * (2 * math.pi / STEPS)
    one = bridge.voltages(angles)
    wave = np.tile(one, settle_cycles + 1)
    n = wave.shape[1]
    i, u_dc = solve(bridge, wave, np.full(n, float(bridge.p_w)), np.tile(diodes(bridge.open_diodes), (n, 1, 1)))
    return i[:, -STEPS:], u_dc[-STEPS:]


def solve(bridge: Bridge, u_v: Array, power_w: Array, opened: Flags) -> tuple[Array, Array]:
    """Currents and voltage of the link for given phase voltages, one sample per step of 1/(hz·STEPS) seconds.

    power_w: load by step, shape (n,). opened: whether a diode is open by step, shape (n, 2, 3): upper and lower ones.
    """
    values = np.array([bridge.line_h, bridge.line_ohm, bridge.choke_h, bridge.c_f, bridge.esr_ohm, bridge.line_v])
    start_v = float(np.max(u_v[0] - u_v[1]))
    i, u_dc = _solved(np.ascontiguousarray(u_v.T), power_w, opened, values, 1 / (bridge.hz * STEPS), start_v)
    return i.T, u_dc


def diodes(opened: tuple[tuple[int, int], ...]) -> Flags:
    """Open diodes as flags, shape (2, 3)."""
    flags = np.zeros((2, 3), dtype=np.bool_)
    for phase, side in opened:
        flags[0 if side > 0 else 1, phase] = True
    return flags


@njit(cache=True)  # type: ignore[untyped-decorator]
def _solved(u_v: Array, power_w: Array, opened: Flags, values: Array, h: float, start_v: float) -> tuple[Array, Array]:
    line_h, resistance, choke_h, c_f, esr, line_v = values
    n = len(u_v)
    i, on, u_c = np.zeros(3), np.zeros(3, dtype=np.int64), start_v
    out_i, out_u = np.empty((n, 3)), np.empty(n)
    for step in range(n):
        source, missing = u_v[step], opened[step]
        load_a = power_w[step] / max(u_c, 0.2 * line_v)
        link = u_c + esr * (_into(on, i) - load_a)
        _switch(on, i, source, link, missing)
        ups, lows = np.sum(on > 0), np.sum(on < 0)
        if ups and lows:
            e_up = e_low = 0.0
            for k in range(3):
                if on[k] > 0:
                    e_up += (source[k] - resistance * i[k]) / ups
                elif on[k] < 0:
                    e_low += (source[k] - resistance * i[k]) / lows
            drive = e_up - e_low - link - 2 * _DIODE_V
            rate = drive / (choke_h + line_h / ups + line_h / lows)
            v_up, v_low = e_up - line_h * rate / ups, e_low + line_h * rate / lows
            for k in range(3):
                if on[k] != 0:
                    i[k] += h / line_h * (source[k] - resistance * i[k] - (v_up if on[k] > 0 else v_low))
            _block(on, i)
        i_dc = _into(on, i)
        u_c += h / c_f * (i_dc - load_a)
        out_i[step] = i
        out_u[step] = u_c + esr * (i_dc - load_a)
    return out_i, out_u


@njit(cache=True)  # type: ignore[untyped-decorator]
def _into(on: Integers, i: Array) -> float:
    total = 0.0
    for k in range(3):
        if on[k] > 0:
            total += i[k]
    return total


@njit(cache=True)  # type: ignore[untyped-decorator]
def _switch(on: Integers, i: Array, source: Array, link: float, missing: Flags) -> None:
    """Turns diodes on whose forward voltage is positive."""
    for k in range(3):
        if (on[k] > 0 and missing[0, k]) or (on[k] < 0 and missing[1, k]):
            on[k], i[k] = 0, 0.0
    ups, lows = np.sum(on > 0), np.sum(on < 0)
    if not (ups and lows):
        on[:] = 0
        i[:] = 0.0
        best, top, bottom = link + 2 * _DIODE_V, -1, -1
        for j in range(3):
            for k in range(3):
                if j != k and not missing[0, j] and not missing[1, k] and source[j] - source[k] > best:
                    best, top, bottom = source[j] - source[k], j, k
        if top >= 0:
            on[top], on[bottom] = 1, -1
        return
    v_up = v_low = 0.0
    for k in range(3):
        if on[k] > 0:
            v_up += source[k] / ups
        elif on[k] < 0:
            v_low += source[k] / lows
    for k in range(3):
        if on[k] == 0:
            if source[k] > v_up and not missing[0, k]:
                on[k] = 1
            elif source[k] < v_low and not missing[1, k]:
                on[k] = -1


@njit(cache=True)  # type: ignore[untyped-decorator]
def _block(on: Integers, i: Array) -> None:
    """Turns diodes off whose current would reverse; the others share the remainder, so that the sum stays 0."""
    for k in range(3):
        if on[k] * i[k] < 0:
            i[k], on[k] = 0.0, 0
    count = np.sum(on != 0)
    error = i[0] + i[1] + i[2]
    for k in range(3):
        if on[k] != 0:
            i[k] -= error / count
