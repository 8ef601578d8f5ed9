"""Lines of a magnet rotor: orders k/p of the fundamental in the EMF of single phases, and swings of the power.

The EMF of a line is U − (R + jωL)·I at its frequency: it does not depend on how the current control shares the line
between voltage and current. A torque once per turn swings the power of all phases equally, so its lines are in the
positive sequence, in pairs around the fundamental; a magnet or an air gap that differs shows in the other sequences,
too.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dsp.condition.phasors import Complexes, Frame, sequences, space_vector

Floats = npt.NDArray[np.float64]

_SAMPLES_MAX = 2**18
_ASIDE = (4, 12)  # the floor is the median so many bins aside, outside the main lobe of a Hann window
_CHECKED = 3.0  # lines so many times above the floor must turn with the rotor
_COHERENT = 0.9  # noise of a third of the line turns a half by 20°: 0.95
_SWING_HZ = (0.4, 25.0)
_SWING_RATE_HZ = 100.0


class OrderLine(NamedTuple):
    """One line at order/pole_pairs times the fundamental; amplitudes relative to the EMF or current of the fundamental.

    emf: largest of the three phases. emf_floor: median of the spectrum on both sides.
    current: largest of the three phases.
    emf_common, current_common: the parts in the positive sequence.
    """

    order: int
    emf: float
    emf_floor: float
    emf_common: float
    current: float
    current_common: float


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
    Each line is read in the angle of the rotor, so what does not turn with it, such as a carrier, is not taken for it.
    """
    reader = _LineReader(u_v, i_a, frame, fs_hz, r_ohm, l_h)
    if frame.hz / pole_pairs < 2 * _ASIDE[1] * reader.bin_hz or 2 * frame.hz > 0.45 * fs_hz:
        return ()
    emf, current = (float(np.abs(found).mean()) for found in reader.line(1.0))
    lines = []
    for order in (k for k in range(1, 2 * pole_pairs) if k != pole_pairs):
        share = order / pole_pairs
        emf_k, current_k = reader.line(share)
        size, floor = float(np.abs(emf_k).max()), reader.floor(share)
        if size > _CHECKED * floor and not reader.turns_with_rotor(share):
            size = floor
        lines.append(
            OrderLine(
                order,
                size / emf,
                floor / emf,
                abs(sequences(emf_k).positive) / emf,
                float(np.abs(current_k).max()) / current if current else 0.0,
                abs(sequences(current_k).positive) / current if current else 0.0,
            )
        )
    return tuple(lines)


class _LineReader:
    """Reads lines of EMF and current in the angle of the rotor."""

    def __init__(self, u_v: Floats, i_a: Floats, frame: Frame, fs_hz: float, r_ohm: float, l_h: float) -> None:
        self._n = n = min(u_v.shape[1], _SAMPLES_MAX)
        self.bin_hz = fs_hz / n
        self._hz, self._angle = frame.hz, frame.angle_rad[:n]
        self._r_ohm, self._l_h = r_ohm, l_h
        self._raw = np.concatenate((u_v[:, :n], i_a[:, :n]))
        self._whole = self._raw * _window(n)
        self._spectrum = np.fft.rfft(self._whole)

    def line(self, share: float) -> tuple[Complexes, Complexes]:
        """Phasors of EMF and current at this share of the fundamental."""
        return self._phasors(self._whole, share, slice(self._n))

    def floor(self, share: float) -> float:
        """Median of the EMF's spectrum on both sides of a line."""
        at = round(share * self._hz / self.bin_hz)
        bins = [at + side * k for side in (-1, 1) for k in range(*_ASIDE) if at + side * k > 0]
        found = self._spectrum[:, bins]
        return float(np.median(np.abs(found[:3] - self._impedance(np.array(bins) * self.bin_hz) * found[3:])))

    def turns_with_rotor(self, share: float) -> bool:
        """Whether halves of the recording show the line at the same angle of the rotor."""
        half = self._n // 2
        window = _window(half)
        parts = (slice(start, start + half) for start in (0, self._n // 4, self._n - half))
        halves = np.array([self._phasors(self._raw[:, part] * window, share, part)[0] for part in parts])
        return bool(np.abs(halves.sum(axis=0)).max() > _COHERENT * np.abs(halves).sum(axis=0).max())

    def _phasors(self, waves: Floats, share: float, part: slice) -> tuple[Complexes, Complexes]:
        turn = np.exp(-1j * share * self._angle[part])
        real, imaginary = (waves @ np.stack([turn.real, turn.imag], axis=1)).T  # without a complex copy of the waves
        found = real + 1j * imaginary
        return found[:3] - self._impedance(share * self._hz) * found[3:], found[3:]

    def _impedance(self, hz: Floats | float) -> Complexes:
        return np.asarray(self._r_ohm + 2j * np.pi * np.asarray(hz) * self._l_h)


def _window(count: int) -> Floats:
    window = np.hanning(count)
    scaled: Floats = window * (2 / window.sum())
    return scaled


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
