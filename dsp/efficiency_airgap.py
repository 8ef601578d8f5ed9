"""Method M7: air-gap torque from waveforms at the terminals of the motor."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

M7_U = 0.0225  # U of the efficiency: bound given by Lu, Cao and Habetler; they measured 2.0 %


def gap_torque_nm(
    u_v: NDArray[np.float64], i_a: NDArray[np.float64], rate_hz: float, r1_ohm: float, poles: int
) -> float:
    """Mean air-gap torque over complete cycles, Nm.

    u_v: phase voltages to the star point or any common point, shape (3, n), n >= 8, V; the caller passes complete
        cycles.
    i_a: phase currents, shape (3, n), A, positive into the motor.
    rate_hz: sampling rate, Hz.
    r1_ohm: phase resistance at the present winding temperature, ohm.
    poles: number of poles (not pole pairs).
    The flux linkage is the integral of v − R·i; its integration constant is chosen so that its mean is zero (machine in
    steady state). Torque = p·(ψα·iβ − ψβ·iα)·3/2 with p pole pairs: the form of Hsu (1995) in two axes.
    A gap (NaN) makes the result NaN. Do not use it at the output of a PWM drive unless the sampling rate is at least
    50 kHz.
    Raises ValueError for other shapes.
    """
    if u_v.shape != i_a.shape or u_v.shape[0] != 3 or u_v.shape[1] < 8:
        raise ValueError(f"u_v and i_a must have shape (3, n) with n >= 8, got {u_v.shape} and {i_a.shape}")
    clarke = np.array([[2, -1, -1], [0, math.sqrt(3), -math.sqrt(3)]]) / 3
    current = clarke @ i_a
    emf = clarke @ u_v - r1_ohm * current
    emf -= emf.mean(axis=1, keepdims=True)
    flux = np.empty_like(emf)
    flux[:, 0] = 0.0
    np.cumsum((emf[:, 1:] + emf[:, :-1]) / (2 * rate_hz), axis=1, out=flux[:, 1:])
    flux -= flux.mean(axis=1, keepdims=True)
    return float(1.5 * poles / 2 * np.mean(flux[0] * current[1] - flux[1] * current[0]))


def whole_cycles(u_v: NDArray[np.float64]) -> tuple[int, int] | None:
    """First and last sample (exclusive) of the longest range of complete cycles; None if there is no complete cycle.

    u_v: phase voltages, shape (3, n). Cycles begin at rising zero crossings of the first phase.
    """
    phase = u_v[0] - u_v.mean(axis=0)
    rising = np.flatnonzero((phase[:-1] < 0) & (phase[1:] >= 0)) + 1
    if len(rising) < 2:
        return None
    apart = np.diff(rising)
    least = 0.5 * np.median(apart)
    rising = rising[np.concatenate([[True], apart > least])]  # harmonics may cross zero twice
    return (int(rising[0]), int(rising[-1])) if len(rising) > 1 else None
