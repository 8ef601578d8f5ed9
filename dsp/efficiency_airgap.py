"""M7: torque in the air gap from waveforms at the motor's terminals."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

M7_U = 0.0225  # of the efficiency: bound of Lu, Cao and Habetler; measured 2.0 %


def gap_torque_nm(
    u_v: NDArray[np.float64], i_a: NDArray[np.float64], rate_hz: float, r1_ohm: float, poles: int
) -> float:
    """Mean air-gap torque over whole cycles, Nm.

    u_v, i_a: phase voltages to the star point or any common point, and phase currents into the motor, shape (3, n);
    the caller has cut whole cycles. r1_ohm: phase resistance as warm as it is. The flux is the integral of
    v − R·i; its constant of integration is taken so that each flux has no mean (a machine in steady state).
    Torque = p·(ψα·iβ − ψβ·iα)·3/2, the form of Hsu 1995 in two axes. A gap (NaN) gives NaN.
    Not behind a PWM drive unless sampled at 50 kHz or more.
    """
    if u_v.shape != i_a.shape or u_v.shape[0] != 3 or u_v.shape[1] < 8:
        raise ValueError(f"voltages and currents of shape (3, n), n ≥ 8; got {u_v.shape} and {i_a.shape}")
    clarke = np.array([[2, -1, -1], [0, math.sqrt(3), -math.sqrt(3)]]) / 3
    current = clarke @ i_a
    emf = clarke @ u_v - r1_ohm * current
    emf -= emf.mean(axis=1, keepdims=True)
    flux = np.empty_like(emf)
    flux[:, 0] = 0.0
    np.cumsum((emf[:, 1:] + emf[:, :-1]) / (2 * rate_hz), axis=1, out=flux[:, 1:])
    flux -= flux.mean(axis=1, keepdims=True)
    return float(1.5 * poles / 2 * np.mean(flux[0] * current[1] - flux[1] * current[0]))


def whole_cycles(u_v: NDArray[np.float64], rate_hz: float) -> tuple[int, int] | None:
    """First and last sample (exclusive) of the longest run of whole cycles between rising zeros; None before two."""
    phase = u_v[0] - u_v.mean(axis=0)
    rising = np.flatnonzero((phase[:-1] < 0) & (phase[1:] >= 0)) + 1
    if len(rising) < 2:
        return None
    apart = np.diff(rising)
    least = 0.5 * np.median(apart)
    rising = rising[np.concatenate([[True], apart > least])]  # harmonics may cross zero twice
    return (int(rising[0]), int(rising[-1])) if len(rising) > 1 else None
