"""Lines of a magnet rotor: orders k/p of the fundamental in the EMF of single phases, and swings of the power.

The EMF of a line is U − (R + jωL)·I at its frequency: it does not depend on how the current control shares the line
between voltage and current. A torque once per turn swings the power of all phases alike, so its lines lie in the
positive sequence, in pairs around the fundamental; a magnet or an air gap that differs shows in the other sequences,
too.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dsp.condition_phasors import TURN, Complexes, Frame, space_vector

Floats = npt.NDArray[np.float64]

_SAMPLES_MAX = 2**18
_LINE_BINS = 3  # half the width of a line: the main lobe of a Blackman window
_WANDER = 1e-3  # a line is widened by the wander of the speed
_ASIDE = 8  # the floor is read so many widths aside
_SWING_HZ = (0.4, 25.0)
_SWING_RATE_HZ = 100.0


class OrderLine(NamedTuple):
    """One line at order/pole_pairs times the fundamental; amplitudes relative to the EMF or current of the fundamental.

    emf: largest of the three phases. emf_floor: what noise alone shows in the same width.
    emf_common: the part in the positive sequence.
    current: largest of the three phases.
    """

    order: int
    emf: float
    emf_floor: float
    emf_common: float
    current: float


class PowerSwing(NamedTuple):
    """Swings of the power between 0.4 and 25 Hz, relative to the mean power.

    hz, depth: frequency and amplitude of the strongest line. share: its share of the variance.
    unsteady: rms of all swings in this band.
    """

    hz: float
    depth: float
    share: float
    unsteady: float


def order_lines(
    u_v: Floats, i_a: Floats, frame: Frame, fs_hz: float, pole_pairs: int, r_ohm: float, l_h: float
) -> tuple[OrderLine, ...]:
    """Lines of the orders 1 … 2p − 1 without p; empty where the recording is too short to part them.

    u_v, i_a: phase voltages and currents without gaps, shape (3, n), in the order of rotation.
    l_h: synchronous inductance; 0 leaves the voltage as it is.
    """
    n = min(u_v.shape[1], _SAMPLES_MAX)
    bin_hz, turn_hz = fs_hz / n, abs(frame.hz) / pole_pairs
    if turn_hz < 4 * (2 * _LINE_BINS + 1) * bin_hz or 2 * abs(frame.hz) > 0.45 * fs_hz:
        return ()
    window = np.blackman(n)
    window *= 2 / window.sum() * np.sqrt(window.sum() ** 2 / (n * (window @ window)))  # a line's energy is its amplitude²
    hz = np.fft.rfftfreq(n, 1 / fs_hz)
    current = np.fft.rfft(i_a[:, :n] * window)
    emf = np.fft.rfft(u_v[:, :n] * window) - (r_ohm + 2j * np.pi * hz * l_h) * current
    common = (emf[0] + TURN * emf[1] + TURN**2 * emf[2]) / 3
    width = max(_LINE_BINS, int(np.ceil(_WANDER * abs(frame.hz) / bin_hz)))
    if turn_hz < 3 * (2 * width + 1) * bin_hz:
        return ()

    def size(spectrum: Complexes, at_hz: float) -> Floats:
        k = round(at_hz / bin_hz)
        found: Floats = np.sqrt((np.abs(spectrum[..., max(k - width, 0) : k + width + 1]) ** 2).sum(axis=-1))
        return found

    own_emf, own_current = float(size(emf, abs(frame.hz)).mean()), float(size(current, abs(frame.hz)).mean())
    aside_hz = min((2 * width + 1) * bin_hz, turn_hz / 3)
    lines = []
    for order in (k for k in range(1, 2 * pole_pairs) if k != pole_pairs):
        at = order * turn_hz
        floor = max(float(size(emf, at + side * aside_hz).max()) for side in (-1, 1))
        lines.append(
            OrderLine(
                order,
                float(size(emf, at).max()) / own_emf,
                floor / own_emf,
                float(size(common, at)) / own_emf,
                float(size(current, at).max()) / own_current if own_current else 0.0,
            )
        )
    return tuple(lines)


def power_swing(u_v: Floats, i_a: Floats, fs_hz: float) -> PowerSwing:
    """Swings of the electrical power, from voltages and currents without gaps, shape (3, n), of at least 2 s."""
    power = 1.5 * np.real(space_vector(u_v) * np.conj(space_vector(i_a)))
    step = max(int(fs_hz / _SWING_RATE_HZ), 1)
    count = len(power) // step
    slow = power[: count * step].reshape(count, step).mean(axis=1)
    mean = float(slow.mean())
    if count < 2 * _SWING_RATE_HZ or mean == 0:
        return PowerSwing(0.0, 0.0, 0.0, 0.0)
    window = np.hanning(count)
    spectrum = 2 * np.abs(np.fft.rfft((slow - mean) * window)) / window.sum()
    hz = np.fft.rfftfreq(count, step / fs_hz)
    band = (hz >= max(_SWING_HZ[0], 3 * hz[1])) & (hz <= _SWING_HZ[1])
    energy = np.where(band, spectrum**2, 0.0)
    k = int(np.argmax(energy))
    total = float(energy.sum())
    line = float(energy[max(k - 2, 0) : k + 3].sum())
    noise_bandwidth = float(count * (window @ window) / window.sum() ** 2)
    return PowerSwing(
        float(hz[k]),
        float(spectrum[k]) / abs(mean),
        line / total if total else 0.0,
        float(np.sqrt(total / 2 / noise_bandwidth)) / abs(mean),
    )
