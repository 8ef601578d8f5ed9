"""Half waves of the currents of a three-phase rectifier, one per diode, and the voltage that drives each of them.

The current into a phase flows through its upper diode only, that out of it through its lower diode only. An open diode
therefore leaves a half wave of one phase without current. Supply and load change the size of half waves; they remove
one only where its line voltages do not reach the voltage of the link.
"""

from __future__ import annotations

import numpy as np

from dsp.condition.rectifier import ORDERS, Array, SupplyAngle, Vectors, window_edges

BINS = 24  # of a cycle; 15°, so that means over ten cycles are free of noise at 2,000 samples per second, too
_GUARD_BIN = 6  # 90° to 105° after the peak of the phase voltage: the upper diode ends, the lower has not begun
_GUARD_BIN_CURRENT = 5  # the same against the angle of the current, which lags by up to 30°
_BEFORE = (19, 7)  # −75° to −60° and 105° to 120°: just before each diode conducts
_STEPS = 360


def half_waves(i_a: Array, supply: SupplyAngle, *, of_voltage: bool) -> Array:
    """Mean current of each half wave in the windows of `order_windows`, shape (m, 2, 3): of diode side and phase.

    i_a: phase currents, shape (3, n), positive into the rectifier. Side 0: positive half waves (upper diodes), 1:
    negative ones. Positive numbers; NaN where a sample of the window is missing.
    of_voltage: the angle is that of the voltages; else that of the currents.
    Each half wave is counted from the current just before the other one begins, so that offsets and the mean that
    current transformers lose do not matter. With voltage, the sinusoid of a filter's capacitors is taken off: what
    flows just before each diode conducts.
    """
    edges = window_edges(supply.angle)
    found = np.full((len(edges), 2, 3), np.nan)
    turn = -1 if supply.swapped else 1
    for k, (first, last) in enumerate(edges):
        angle, rows = supply.angle[first:last], i_a[:, first:last]
        if not np.isfinite(rows).all():
            continue
        cycles = np.array([_folded(row, angle - turn * n * 2 * np.pi / 3) for n, row in enumerate(rows)])
        if of_voltage:
            cycles = _without_capacitors(cycles)
        for side, sign in ((0, 1.0), (1, -1.0)):
            off = sign * cycles[:, _guard(side, of_voltage)]
            found[k, side] = np.maximum(sign * cycles - off[:, None], 0).mean(axis=1)
    return found


def uneven_drive(u: Vectors, i: Vectors) -> float:
    """How unequally the supply drives the two diodes of a phase: largest difference of their line voltages, relative.

    u, i: peak phasors of phase voltages and currents at orders 0, 1, …, shape (3, ORDERS); order 0, an offset of the
    channels, is not used, and orders that are NaN are taken for 0. Both directions come from the same channels, so that
    gains cancel. What the current itself causes at the inductance of the supply is taken off: a fault of the rectifier
    is not explained by its own effect.
    """
    known = np.where(np.isfinite(u), u, 0)
    known[:, 0] = 0
    current = np.where(np.isfinite(i), i, 0)
    drop = -1j * np.arange(ORDERS) * current * (np.arange(ORDERS) % 2 == 0)
    drop[:, 0] = 0
    energy = float(np.sum(np.abs(drop) ** 2))
    inductive = float(np.sum(np.real(np.conj(drop) * known))) / energy if energy else 0.0
    driving = _forward_voltages(known - max(inductive, 0.0) * drop)
    return float(np.max(np.abs(driving[0] - driving[1])) / np.mean(driving))


def _forward_voltages(u: Vectors) -> Array:
    """Largest line voltage in the direction of each diode, shape (2, 3): of diode side and phase."""
    angle = np.arange(_STEPS) * 2 * np.pi / _STEPS
    phases = (u @ np.exp(1j * np.outer(np.arange(ORDERS), angle))).real
    between = phases[:, None] - phases[None, :]
    return np.array([(sign * between).max(axis=(1, 2)) for sign in (1, -1)])


def _folded(row: Array, angle: Array) -> Array:
    """Mean by angle, shape (BINS,); a bin that no sample meets lies between its neighbours."""
    at = np.floor(angle / (2 * np.pi) * BINS).astype(int) % BINS
    counts = np.bincount(at, minlength=BINS)
    met = np.flatnonzero(counts)
    means = np.bincount(at, row, BINS)[met] / counts[met]
    found: Array = np.interp(np.arange(BINS), met, means, period=BINS)
    return found


def _without_capacitors(cycles: Array) -> Array:
    """The cycles without a current that leads the voltage by 90°, of the same size in all phases.

    In two of the three phases both diodes are off at these angles even if one is open, so that the median is right.
    """
    leading = -np.sin((np.arange(BINS) + 0.5) * 2 * np.pi / BINS)
    first, second = _BEFORE
    sizes = (cycles[:, first] - cycles[:, second]) / (leading[first] - leading[second])
    without: Array = cycles - max(float(np.median(sizes)), 0.0) * leading
    return without


def _guard(side: int, of_voltage: bool) -> int:
    """Bin in which neither diode of the phase conducts, just before the diode of the other side does."""
    return ((_GUARD_BIN if of_voltage else _GUARD_BIN_CURRENT) + side * BINS // 2) % BINS
