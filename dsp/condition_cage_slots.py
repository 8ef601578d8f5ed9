"""Rotor slot harmonics of a cage motor: the slip without a sensor, and lines of dynamic eccentricity.

Lines at f·((R ± n)(1 − s)/p ± 1): n = 0 from the slots themselves, n = 1 with dynamic eccentricity. Mixed with
R/p times the angle of the voltage they are at R/p times the slip frequency, and the wander of the supply vanishes.
Source: Nandi and Toliyat, IEEE Trans. Ind. Appl. 35 (1999) [M].
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dsp.condition_spectrum import CHUNK, LOBES, PAD, Baseband, Floats, Vectors, decimated, peaks, space_vector, taps

CLEAR = 8.0  # amplitude over the median: of some hundred cells, noise reaches 4
LEVEL_MIN = 3e-4  # of the fundamental; the filter leaves 1e-4 of the fundamental
_BAND = 0.45  # of the sampling rate
_BESIDE_HARMONIC = 6  # resolution cells from an even number of turns of the voltage, where the supply's harmonics are


class Slots(NamedTuple):
    """slip_hz: slip frequency. level, eccentric: largest line with n = 0 and n = 1, relative to the fundamental.
    floor: median amplitude near the first, relative to the fundamental."""

    slip_hz: float
    level: float
    eccentric: float
    floor: float


def slots(
    i_a: Floats, fs_hz: float, base: Baseband, bars: int, pairs: int, slip_hz: tuple[float, float]
) -> Slots | None:
    """i_a: shape (3, n), the samples of `base`. None: no line is visible between these slip frequencies."""
    if (bars / pairs + 1) * base.f_hz > _BAND * fs_hz:
        return None
    lines = _Lines(i_a, fs_hz, base, bars, pairs)
    found = [line for kind in lines.kinds(0) if (line := lines.largest(kind, slip_hz)) is not None]
    if not found:
        return None
    slip, level, floor = max(found, key=lambda line: line[1] / line[2])
    if level < max(CLEAR * floor, LEVEL_MIN):
        return None
    cells = 2 * pairs / bars * lines.cell_hz
    eccentric = max(lines.level(kind, (slip - cells, slip + cells)) for n in (-1, 1) for kind in lines.kinds(n))
    return Slots(slip, level, eccentric, floor)


class _Kind(NamedTuple):
    """A line at direction · ((R + n)(1 − s)/p + side) · f."""

    n: int
    side: int
    direction: int


class _Lines:
    """The current mixed with R/p times the angle of the voltage, and the spectra of its lines."""

    def __init__(self, i_a: Floats, fs_hz: float, base: Baseband, bars: int, pairs: int) -> None:
        self._bars, self._pairs, self._f_hz = bars, pairs, base.f_hz
        self._factor = max(1, int(fs_hz / (8 * base.f_hz)))
        sign = -1.0 if base.reversed_order else 1.0
        steps = np.arange(len(base.u))
        angle = sign * (np.unwrap(np.angle(base.u)) + 2 * np.pi * base.f_hz / base.rate_hz * steps)
        delay = (LOBES * fs_hz / base.rate_hz - 1) / 2  # of the baseband, in samples
        first, last = int(np.ceil(delay)), min(i_a.shape[1], int(delay + (len(steps) - 1) * fs_hz / base.rate_hz))
        samples = np.arange(first, last - (last - first) % self._factor)
        self._angle = np.interp((samples - delay) * base.rate_hz / fs_hz, steps, angle)
        self._mixed = {d: self._mix(i_a[:, samples[0] : samples[-1] + 1], d * bars / pairs) for d in (-1, 1)}
        n = len(self._mixed[1])
        centres = np.arange(n) * self._factor + (LOBES * self._factor - 1) / 2
        self._angle = np.interp(centres, np.arange(len(self._angle)), self._angle)
        self._window = np.hanning(n + 2)[1:-1]
        self._scale = 1 / (self._window.sum() * float(np.abs(base.i).mean()))
        self._rate_hz = fs_hz / self._factor
        self.cell_hz = self._rate_hz / n

    def kinds(self, n: int) -> list[_Kind]:
        return [_Kind(n, side, direction) for side in (-1, 1) for direction in (-1, 1)]

    def largest(self, kind: _Kind, slip_hz: tuple[float, float]) -> tuple[float, float, float] | None:
        """Slip frequency, level and floor of the largest line between two slip frequencies."""
        slip, amplitude = self._spectrum(kind)
        inside = (slip >= slip_hz[0]) & (slip <= slip_hz[1]) & ~self._harmonic(slip)
        candidates = [k for k in peaks(amplitude) if inside[k]]
        if not candidates:
            return None
        k = max(candidates, key=lambda one: float(amplitude[one]))
        wide = 40 * PAD
        return float(slip[k]), float(amplitude[k]), float(np.median(amplitude[max(k - wide, 0) : k + wide]))

    def level(self, kind: _Kind, slip_hz: tuple[float, float]) -> float:
        """Largest amplitude between two slip frequencies."""
        slip, amplitude = self._spectrum(kind)
        inside = (slip >= slip_hz[0]) & (slip <= slip_hz[1])
        return float(amplitude[inside].max()) if inside.any() else 0.0

    def _harmonic(self, slip_hz: Floats) -> npt.NDArray[np.bool_]:
        """Whether a harmonic of the supply is next to the line."""
        orders = self._bars / self._pairs * (1 - slip_hz / self._f_hz)
        return np.asarray(np.abs(orders - np.rint(orders)) * self._f_hz < _BESIDE_HARMONIC * self.cell_hz)

    def _spectrum(self, kind: _Kind) -> tuple[Floats, Floats]:
        """Slip frequency of each bin, ascending, and amplitude relative to the fundamental."""
        turns = kind.direction * (kind.n / self._pairs + kind.side)
        row = self._mixed[kind.direction] * np.exp(-1j * turns * self._angle) * self._window
        amplitude = np.abs(np.fft.fft(row, PAD * len(row))) * self._scale
        hz = -kind.direction * np.fft.fftfreq(len(amplitude), 1 / self._rate_hz)
        order = np.argsort(hz)
        return hz[order] * self._pairs / (self._bars + kind.n), amplitude[order]

    def _mix(self, i_a: Floats, turns: float) -> Vectors:
        """The current times exp(−j turns · angle of the voltage), decimated."""
        blocks = i_a.shape[1] // self._factor
        per_chunk = max(LOBES, CHUNK // self._factor)
        out = []
        for at in range(0, blocks - LOBES + 1, per_chunk):
            part = slice(at * self._factor, min(at + per_chunk + LOBES - 1, blocks) * self._factor)
            vector = space_vector(i_a[:, part])
            out.append(decimated(vector * np.exp(-1j * turns * self._angle[part]), taps(self._factor)))
        return np.concatenate(out)
