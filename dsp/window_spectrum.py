"""The spectrum of one window in one kernel: resampling, transform, and all values of the bins."""

from __future__ import annotations

from dsp import resample, spectrum, transform
from dsp._jit import Floats, Ints, Reals, kernel
from dsp.window_layout import FLOW, ISG, LINES, SG, G, H


@kernel
def analyse(
    seg: Floats, first: int, last: int, at: float, samples: float, n_cycles: int, size: int, highest: int,
    rate_hz: float, taps: Reals, gain: Floats, roots: Reals, radices: Ints, places: Ints,
    frames: Reals, points: Reals, work: Reals, lines: Reals, squares: Reals,
    tables: Floats, phasor: Floats, bands: Floats,
) -> None:  # fmt: skip
    """Tables, fundamentals and bands of a window of n_cycles complete cycles.

    seg: shape (6, n), samples without gaps; columns first .. last - 1 are those that the taps reach.
    at: start of the window relative to column `first`; samples: its length.
    size, roots, radices, places: number of points, and tables from transform.plan.
    highest: highest bin that is needed.
    rate_hz: sampling rate, Hz.
    taps, gain: of the resampler.
    frames, points, work, lines, squares: work arrays of the type of `taps`, shape (., 8). frames keeps the samples.
    tables: output, shape (27, 51), see window_layout.LINES; phasor: output, shape (6, 2), see spectrum.harmonics.
    bands: output, shape (6, 35), see spectrum.bands.
    """
    resample.frames(seg, first, last - first, frames)
    resample.resample(frames, at, samples / size, size, taps, work, points)
    transform.lowest_bins(points, size, highest, roots, radices, places, work, lines)
    spectrum.to_rms(lines, size, samples, highest, gain, squares)
    spectrum.harmonics(lines, squares, n_cycles, samples, resample.BAND, work, tables[H:G], tables[SG:ISG], phasor)
    spectrum.between(
        lines, squares, n_cycles, samples, resample.BAND, work, tables[ISG:LINES], tables[G:FLOW], tables[FLOW:SG]
    )
    spectrum.bands(squares, samples, rate_hz, resample.BAND, work, bands)
