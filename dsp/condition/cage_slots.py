"""Rotor slot harmonics of a cage motor: the slip without a sensor, and lines of dynamic eccentricity.

Lines at f·((R ± n)(1 − s)/p ± 1): n = 0 from the slots themselves, n = 1 with dynamic eccentricity. Mixed with
R/p times the angle of the voltage they are at R/p times the slip frequency, and the wander of the supply vanishes.
Source: Nandi and Toliyat, IEEE Trans. Ind. Appl. 35 (1999) [M].
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dsp.condition.decimation import LOBES, Floats, Vectors, fast_length, low_pass, mixed
from dsp.condition.spectrum import Baseband, peaks

CLEAR = 8.0  # amplitude over the median: of some hundred cells, noise reaches 4
LEVEL_MIN = 3e-4  # of the fundamental; the filter leaves 1e-4 of the fundamental
_BAND = 0.45  # of the sampling rate
_LENGTH_S = 8.0  # from the middle of a record: slip to 0.01 Hz; over a longer time its wander widens the line
_PAD = 2  # zero padding of spectra: 0.4 dB between two bins of a Hann window
_FLOOR_CELLS = 40  # on each side of a line
_PIECE = 64  # samples of the mixed current: a line that stands still within a few cells is constant over them
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
    length = min(i_a.shape[1], round(_LENGTH_S * fs_hz))
    lines = _Lines(i_a, slice((first := (i_a.shape[1] - length) // 2), first + length), fs_hz, base, bars, pairs)
    found = [line for kind in lines.kinds(0) if (line := lines.largest(kind, slip_hz)) is not None]
    if not found:
        return None
    slip, level, floor = max(found, key=lambda line: line[1] / line[2])
    if level < max(CLEAR * floor, LEVEL_MIN):
        return None
    eccentric = max(lines.level(kind, slip) for n in (-1, 1) for kind in lines.kinds(n))
    return Slots(slip, level, eccentric, floor)


class _Kind(NamedTuple):
    """A line at direction · ((R + n)(1 − s)/p + side) · f."""

    n: int
    side: int
    direction: int


class _Lines:
    """The current mixed with R/p times the angle of the voltage, and the spectra of its lines."""

    def __init__(self, i_a: Floats, part: slice, fs_hz: float, base: Baseband, bars: int, pairs: int) -> None:
        self._bars, self._pairs, self._f_hz = bars, pairs, base.f_hz
        factor = max(1, int(fs_hz / (8 * base.f_hz)))
        self._rate_hz = fs_hz / factor
        first, second, third = mixed(i_a[:, part], low_pass(factor), 2 * np.pi * base.f_hz * bars / pairs / fs_hz)
        if base.reversed_order:
            second, third = third, second
        t_s = part.start / fs_hz + (np.arange(len(first)) + (LOBES - 1 / factor) / 2) / self._rate_hz
        ends_s = base.first_s, base.first_s + (len(base.u) - 1) / base.rate_hz
        begin = int(np.searchsorted(t_s, ends_s[0]))
        known = slice(begin, begin + fast_length(int(np.searchsorted(t_s, ends_s[1])) - begin))
        wander = np.interp(t_s[known], np.linspace(*ends_s, len(base.u)), np.unwrap(np.angle(base.u)))
        phases = np.stack([first, second, third])[:, known] * np.exp(-1j * bars / pairs * wander)
        real, imaginary = (2 * phases[0] - phases[1] - phases[2]) / 3, (phases[1] - phases[2]) / 3**0.5
        self._mixed = {1: real + 1j * imaginary, -1: np.conj(real - 1j * imaginary)}
        self._angle = 2 * np.pi * base.f_hz * t_s[known] + wander
        self._window = np.hanning(len(wander) + 2)[1:-1]
        self._scale = 1 / float(self._window.sum() * np.abs(base.i).mean())
        self.cell_hz = self._rate_hz / len(wander)

    def kinds(self, n: int) -> list[_Kind]:
        return [_Kind(n, side, direction) for side in (-1, 1) for direction in (-1, 1)]

    def largest(self, kind: _Kind, slip_hz: tuple[float, float]) -> tuple[float, float, float] | None:
        """Slip frequency, level and floor of the largest line between two slip frequencies."""
        slip, amplitude = self._spectrum(kind)
        at = peaks(amplitude)
        at = at[(slip[at] >= slip_hz[0]) & (slip[at] <= slip_hz[1])]
        at = at[~self._harmonic(slip[at])]
        if len(at) == 0:
            return None
        k, wide = at[amplitude[at].argmax()], _FLOOR_CELLS * _PAD
        return float(slip[k]), float(amplitude[k]), float(np.median(amplitude[max(k - wide, 0) : k + wide]))

    def level(self, kind: _Kind, slip_hz: float) -> float:
        """Largest amplitude within two resolution cells of a slip frequency."""
        line_hz = -kind.direction * slip_hz * (self._bars + kind.n) / self._pairs
        steps = np.arange(len(self._window)) / self._rate_hz
        row = self._still(kind) * np.exp(-2j * np.pi * line_hz * steps)
        pieces = row[: len(row) // _PIECE * _PIECE].reshape(-1, _PIECE).sum(axis=1)
        cells = np.linspace(-2, 2, 17)
        turns = np.exp(-2j * np.pi * self.cell_hz * _PIECE / self._rate_hz * np.outer(cells, np.arange(len(pieces))))
        return float(np.abs(turns @ pieces).max() * self._scale)

    def _harmonic(self, slip_hz: Floats) -> npt.NDArray[np.bool_]:
        """Whether a harmonic of the supply is next to the line."""
        orders = self._bars / self._pairs * (1 - slip_hz / self._f_hz)
        return np.asarray(np.abs(orders - np.rint(orders)) * self._f_hz < _BESIDE_HARMONIC * self.cell_hz)

    def _spectrum(self, kind: _Kind) -> tuple[Floats, Floats]:
        """Slip frequency of each bin, ascending, and amplitude relative to the fundamental."""
        row = self._still(kind)
        size = _PAD * len(row)
        amplitude = np.fft.fftshift(np.abs(np.fft.fft(row, size))) * self._scale
        slip_hz = (np.arange(size) - size // 2) * self._rate_hz / size * self._pairs / (self._bars + kind.n)
        return (-slip_hz[::-1], amplitude[::-1]) if kind.direction > 0 else (slip_hz, amplitude)

    def _still(self, kind: _Kind) -> Vectors:
        """The current in a frame in which the line of this kind turns with its share of the slip only, windowed."""
        turns = kind.direction * (kind.n / self._pairs + kind.side)
        still: Vectors = self._mixed[kind.direction] * np.exp(-1j * turns * self._angle) * self._window
        return still
