"""Waveforms of a magnet motor whose drive controls the current ideally: no integration, some milliseconds a second.

The voltage follows from the phase currents: u = R·i + d(L·i + flux linkage)/dt, derivatives by Fourier transform.
"""

from __future__ import annotations

import math

import numpy as np
from support.condition.magnet_machine import POINTS, Floats, Machine, flux_table

_CUT_S = 0.25  # at both ends, where the transform assumes a repetition
_SHIFTS = np.array([0.0, 2 * math.pi / 3, -2 * math.pi / 3])[:, None]


def steady(machine: Machine, seconds: float, fs_hz: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Voltages to the star point and currents, shape (3, n); noise of load and speed as in magnet_waves."""
    n = round((seconds + 2 * _CUT_S) * fs_hz)
    t = np.arange(n) / fs_hz - _CUT_S
    base = 2 * math.pi * machine.rated_hz * machine.speed / machine.pairs
    speed = base * (1 + 2e-4 * _wander(rng, n, fs_hz, 0.5) + machine.ramp * t / seconds)
    rotor = np.cumsum(speed) / fs_hz
    rotor += -machine.once * np.cos(rotor) / 0.3 / base
    fast, slow = (size * _wander(rng, n, fs_hz, tau) for size, tau in zip(machine.load_noise, (0.3, 5.0), strict=True))
    peak = machine.amps * math.sqrt(2) * machine.load * (1 + fast + slow + machine.once * np.cos(rotor))
    wave = machine.pairs * rotor - _SHIFTS
    lead = math.radians(machine.lead_deg + machine.encoder_deg)
    i_a = -peak * np.sin(wave + lead) * (1 + np.array(machine.drive_gains))[:, None]
    i_a -= i_a.mean(axis=0)
    i_a[:, t >= machine.coast_s] = 0.0
    if machine.lost_s < seconds:
        i_a = _without_phase(i_a, t >= machine.lost_s, machine.phase)
    u_v = _voltages(machine, rotor, wave, i_a, fs_hz)
    keep = slice(round(_CUT_S * fs_hz), round((_CUT_S + seconds) * fs_hz))
    return u_v[:, keep], i_a[:, keep]


def _voltages(machine: Machine, rotor: Floats, wave: Floats, i_a: Floats, fs_hz: float) -> Floats:
    along, across = np.cos(wave), np.sin(wave)
    table = flux_table(machine)
    at = rotor / (2 * math.pi) * POINTS
    linked = np.stack([np.interp(at % POINTS, np.arange(POINTS + 1), np.append(row, row[0])) for row in table])
    linked += 2 / 3 * machine.ld_h * along * (along * i_a).sum(axis=0)
    linked += 2 / 3 * machine.lq_h * across * (across * i_a).sum(axis=0)
    k = machine.phase
    if machine.turns:
        loop = machine.turns * (machine.resistance_ohm * i_a[k] + _derivative(linked[k], fs_hz))
        own_h = 2 / 3 * (machine.ld_h * along[k] ** 2 + machine.lq_h * across[k] ** 2).mean() + machine.l0_h / 3
        ohm = machine.turns * machine.resistance_ohm + machine.turns_ohm
        omega = 2 * math.pi * np.fft.rfftfreq(len(loop), 1 / fs_hz)
        short = np.fft.irfft(
            np.fft.rfft(loop) / (ohm + 1j * omega * machine.turns**2 * machine.coils * own_h), len(loop)
        )
        for j in range(3):  # the loop links the other phases with minus a half of the part that turns
            part_h = own_h if j == k else -(own_h - machine.l0_h / 3) / 2 + machine.l0_h / 3
            linked[j] -= machine.turns * part_h * short
    ohms = np.full((3, 1), machine.resistance_ohm)
    ohms[k] += machine.contact_ohm
    u_v = ohms * i_a + np.stack([_derivative(row, fs_hz) for row in linked])
    if machine.turns:
        u_v[k] -= machine.turns * machine.resistance_ohm * short
    return u_v


def _derivative(values: Floats, fs_hz: float) -> Floats:
    ends = np.linspace(values[0], values[-1], len(values))
    omega = 2 * math.pi * np.fft.rfftfreq(len(values), 1 / fs_hz)
    slope = (values[-1] - values[0]) / (len(values) - 1) * fs_hz
    result: Floats = np.fft.irfft(1j * omega * np.fft.rfft(values - ends), len(values)) + slope
    return result


def _wander(rng: np.random.Generator, n: int, fs_hz: float, tau_s: float) -> Floats:
    """Noise of variance 1 with a time constant."""
    hz = np.fft.rfftfreq(n, 1 / fs_hz)
    shape = 1 / np.sqrt(1 + (2 * math.pi * hz * tau_s) ** 2)
    noise: Floats = np.fft.irfft(np.fft.rfft(rng.standard_normal(n)) * shape, n)
    noise *= math.sqrt(2 * tau_s * fs_hz)
    return noise


def _without_phase(i_a: Floats, lost: Floats, phase: int) -> Floats:
    """A phase carries nothing, the other two exchange their difference."""
    found = i_a.copy()
    pair = (i_a[(phase + 1) % 3] - i_a[(phase + 2) % 3]) / 2
    for k, value in ((0, 0.0 * pair), (1, pair), (2, -pair)):
        row = (phase + k) % 3
        found[row, lost] = value[lost]
    return found
