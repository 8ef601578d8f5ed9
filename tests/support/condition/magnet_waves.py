"""Waveforms of a magnet motor on a drive: an implicit midpoint rule in phase quantities."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit  # type: ignore[import-untyped]
from support.condition.magnet_machine import POINTS, Floats, Machine, flux_table

_INERTIA_S = 0.3  # from rated torque to the change of the speed by itself
_SPEED_WANDER = 2e-4
_WANDER_S = np.array([0.3, 5.0, 0.5])  # time constants of load noise, load noise, speed


class Waves(NamedTuple):
    """u_v: means of each step, to the star point of the motor, shape (3, steps). i_a: the same of the currents."""

    u_v: Floats
    i_a: Floats
    step_s: float


class _Constants(NamedTuple):
    """Of the circuit and the drive, with the names of Machine; peaks instead of rms, rad instead of degrees."""

    h: float
    pairs: int
    base: float
    peak: float
    lead: float
    offset: float
    ramp: float
    once: float
    fast: float
    slow: float
    ld: float
    lq: float
    l0: float
    flux: float
    band: float
    ohm: float
    dead_v: float
    dead_a: float
    ripple: float
    ripple_rad_s: float
    turns: float
    turns_ohm: float
    coils: float
    phase: int
    lost_s: float
    coast_s: float


def waves(machine: Machine, seconds: float, rng: np.random.Generator) -> Waves:
    """So many seconds of a machine that turns already; the first 0.2 s settle and are left out."""
    h = 0.5 / machine.carrier_hz
    steps, settle = round((seconds + 0.2) / h), round(0.2 / h)
    peak = machine.amps * math.sqrt(2) * machine.load
    constants = _Constants(
        h=h,
        pairs=machine.pairs,
        base=2 * math.pi * machine.rated_hz * machine.speed / machine.pairs,
        peak=peak,
        lead=math.radians(machine.lead_deg),
        offset=math.radians(machine.encoder_deg),
        ramp=machine.ramp / steps,
        once=machine.once,
        fast=machine.load_noise[0],
        slow=machine.load_noise[1],
        ld=machine.ld_h,
        lq=machine.lq_h,
        l0=machine.l0_h,
        flux=machine.flux_wb,
        band=2 * math.pi * machine.bandwidth_hz,
        ohm=machine.resistance_ohm,
        dead_v=machine.dead_v,
        dead_a=0.03 * machine.amps,
        ripple=machine.link_ripple,
        ripple_rad_s=2 * math.pi * machine.link_hz,
        turns=machine.turns,
        turns_ohm=machine.turns_ohm,
        coils=machine.coils,
        phase=machine.phase,
        lost_s=machine.lost_s + settle * h,
        coast_s=machine.coast_s + settle * h,
    )
    part = h / _WANDER_S
    noise = rng.standard_normal((steps, 3)) * np.sqrt(2 * part)
    ohms = np.full(3, machine.resistance_ohm)
    ohms[machine.phase] += machine.contact_ohm
    sensors = 1 + np.array(machine.drive_gains), rng.uniform(-1, 1, 3) * machine.drive_offset * peak
    u, i = _run(constants, flux_table(machine), noise, 1 - part, ohms, *sensors, rng.uniform(0, 2 * math.pi))
    return Waves(u[:, settle:], i[:, settle:], h)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _run(
    c: Any, table: Floats, noise: Floats, keep: Floats, ohms: Floats, gains: Floats, offsets: Floats, rotor: float
) -> Any:
    steps = len(noise)
    u_out, i_out = np.empty((3, steps)), np.empty((3, steps))
    current, volts, wander, integral = np.zeros(4), np.zeros(3), np.zeros(3), np.zeros(2)
    flux0, flux1, l0, l1 = np.empty(3), np.empty(3), np.empty((4, 4)), np.empty((4, 4))
    _linkages(table, rotor, flux0)
    _inductances(c, rotor, l0)
    for k in range(steps):
        wander = wander * keep + noise[k]
        time = k * c.h
        speed = c.base * (1 + _SPEED_WANDER * wander[2] + c.ramp * k) + c.once * math.sin(rotor) / _INERTIA_S
        applied = volts * (1 + c.ripple * math.cos(c.ripple_rad_s * time))
        for n in range(3):
            applied[n] -= c.dead_v * min(max(current[n] / c.dead_a, -1.0), 1.0)
        peak = c.peak * (1 + c.fast * wander[0] + c.slow * wander[1] + c.once * math.cos(rotor))
        measured = current[:3] * gains + offsets
        volts = _control(c, measured, c.pairs * rotor + c.offset, c.pairs * speed, peak, integral)
        rotor += speed * c.h
        _linkages(table, rotor, flux1)
        _inductances(c, rotor, l1)
        old = current.copy()
        if time >= c.coast_s:
            current[:] = 0.0
            emf = (flux1 - flux0) / c.h
            u_out[:, k] = emf - emf.mean()
        else:
            star_v = _advance(c, applied, flux1 - flux0, l0, l1, ohms, time >= c.lost_s, current)
            u_out[:, k] = applied - star_v
        i_out[:, k] = (old[:3] + current[:3]) / 2
        flux0[:], l0[:] = flux1, l1
    return u_out, i_out


@njit(cache=True)  # type: ignore[untyped-decorator]
def _control(c: Any, measured: Floats, angle: float, omega: float, peak: float, integral: Floats) -> Any:
    """Voltages of the next step: a regulator in the axes that the encoder gives, with the usual feedforward."""
    i_d = i_q = 0.0
    for n in range(3):
        wave = angle - n * 2 * math.pi / 3
        i_d += measured[n] * math.cos(wave) * 2 / 3
        i_q -= measured[n] * math.sin(wave) * 2 / 3
    error_d, error_q = -peak * math.sin(c.lead) - i_d, peak * math.cos(c.lead) - i_q
    integral[0] += 3 * c.ohm * c.band * error_d * c.h
    integral[1] += 3 * c.ohm * c.band * error_q * c.h
    u_d = c.ld * c.band * error_d + integral[0] - omega * c.lq * i_q
    u_q = c.lq * c.band * error_q + integral[1] + omega * (c.flux + c.ld * i_d)
    volts = np.empty(3)
    for n in range(3):
        wave = angle - n * 2 * math.pi / 3 + 1.5 * omega * c.h
        volts[n] = u_d * math.cos(wave) - u_q * math.sin(wave)
    return volts


@njit(cache=True)  # type: ignore[untyped-decorator]
def _advance(
    c: Any, applied: Floats, change: Floats, l0: Floats, l1: Floats, ohms: Floats, lost: bool, current: Floats
) -> float:
    """Advance three phase currents and that of the shorted turns by one step; returns the voltage of the star point."""
    r = np.zeros((4, 4))
    for n in range(3):
        r[n, n] = ohms[n]
    r[c.phase, 3] = r[3, c.phase] = -c.turns * c.ohm
    r[3, 3] = c.turns * c.ohm + c.turns_ohm if c.turns > 0 else 1.0
    m, right = np.zeros((5, 5)), np.zeros(5)
    for j in range(4):
        for n in range(4):
            m[j, n] = l1[j, n] + r[j, n] * c.h / 2
            right[j] += (l0[j, n] - r[j, n] * c.h / 2) * current[n]
    for n in range(3):
        right[n] += c.h * applied[n] - change[n]
        m[n, 4] = c.h
        m[4, n] = 1.0
    right[3] += c.turns * change[c.phase]
    if lost:
        m[c.phase, :] = 0.0
        m[c.phase, c.phase] = 1.0
        right[c.phase] = 0.0
    _solve(m, right)
    current[:] = right[:4]
    return right[4]


@njit(cache=True)  # type: ignore[untyped-decorator]
def _solve(m: Floats, right: Floats) -> None:
    """Gaussian elimination with pivots, in place."""
    n = len(right)
    for k in range(n):
        best = k + np.argmax(np.abs(m[k:, k]))
        for j in range(n):
            m[k, j], m[best, j] = m[best, j], m[k, j]
        right[k], right[best] = right[best], right[k]
        for row in range(k + 1, n):
            factor = m[row, k] / m[k, k]
            for j in range(k, n):
                m[row, j] -= factor * m[k, j]
            right[row] -= factor * right[k]
    for k in range(n - 1, -1, -1):
        for j in range(k + 1, n):
            right[k] -= m[k, j] * right[j]
        right[k] /= m[k, k]


@njit(cache=True)  # type: ignore[untyped-decorator]
def _linkages(table: Floats, rotor: float, out: Floats) -> None:
    at = (rotor / (2 * math.pi)) % 1.0 * POINTS
    low = int(at)
    part = at - low
    for n in range(3):
        out[n] = table[n, low % POINTS] * (1 - part) + table[n, (low + 1) % POINTS] * part


@njit(cache=True)  # type: ignore[untyped-decorator]
def _inductances(c: Any, rotor: float, out: Floats) -> None:
    """Of three phases and the loop of the shorted turns."""
    along, across = np.empty(3), np.empty(3)
    for n in range(3):
        along[n] = math.cos(c.pairs * rotor - n * 2 * math.pi / 3)
        across[n] = math.sin(c.pairs * rotor - n * 2 * math.pi / 3)
    for j in range(3):
        for n in range(3):
            out[j, n] = 2 / 3 * (c.ld * along[j] * along[n] + c.lq * across[j] * across[n]) + c.l0 / 3
    for n in range(3):
        out[3, n] = out[n, 3] = -c.turns * out[c.phase, n]
    out[3, 3] = c.turns**2 * c.coils * out[c.phase, c.phase] if c.turns > 0 else 1.0
