"""Asymmetry of a winding from the negative sequence that its own impedance does not explain.

A sound winding answers a voltage U2 with a current I2 = U2/Z2, whether the supply or the drive makes it. What remains,
U2 − Z2·I2, is a source within the winding: shorted turns, or a resistance in one phase. Unequal gains of the three
channels give the same picture, but with a zero sequence that is the conjugate of the negative one, relative to the
positive: with real gains a, b, c both are (a + b∠±120° + c∠∓120°)/3. Three conductors carry no zero sequence of
current, and an artificial star point has none of voltage, so the zero sequence that is read takes the gains out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dsp.condition_phasors import Complexes, Frame, block_phasors, phasors, sequences

Floats = npt.NDArray[np.float64]

_BLOCK_S = 0.2
_BLOCK_PERIODS = 8


class WindingSource(NamedTuple):
    """The source of negative sequence within a winding, relative to the voltage of the positive sequence.

    source: (U2 − Z2·I2)/U1 with the gains taken out by both zero sequences.
    measured: the same with the gains of the voltage channels left in.
    zero_u, zero_i: U0/U1 and I0/I1 as read.
    negative_i: I2/I1, gains of the current channels taken out.
    to_current: factor that turns `source` into its angle relative to I1: multiply.
    u: expanded uncertainty of `source` from the scatter within the recording.
    slope: relative growth of `source` with the current within the recording: 1 for a resistance, about 0 for a source
        that the flux drives. slope_u: its expanded uncertainty; inf where the current does not vary.
    """

    source: complex
    measured: complex
    zero_u: complex
    zero_i: complex
    negative_i: complex
    to_current: complex
    u: float
    slope: float
    slope_u: float


def winding_source(u_v: Floats, i_a: Floats, frame: Frame, fs_hz: float, z2_ohm: complex) -> WindingSource:
    """The source of negative sequence.

    u_v, i_a: phase voltages and currents without gaps, shape (3, n), in the order of rotation.
    z2_ohm: impedance of the winding for the negative sequence at the frequency of the frame.
    """
    u, i = sequences(phasors(u_v, frame)), sequences(phasors(i_a, frame))
    zero_u, zero_i = u.zero / u.positive, i.zero / i.positive
    source = _source(u.negative, u.positive, i.negative, i.positive, zero_u, zero_i, z2_ohm)
    blocks, size = _sources_of_blocks(u_v, i_a, frame, fs_hz, zero_u, zero_i, z2_ohm)
    count = max(len(blocks), 1)
    scatter = float(np.sqrt(np.mean(np.abs(blocks - source) ** 2))) if len(blocks) > 1 else float("nan")
    slope, slope_u = _growth(blocks, size, source)
    return WindingSource(
        source,
        source + zero_u.conjugate(),
        zero_u,
        zero_i,
        i.negative / i.positive - zero_i.conjugate(),
        u.positive / i.positive / abs(u.positive / i.positive),
        2 * scatter / float(np.sqrt(count / 2)),  # half of each block overlaps the next
        slope,
        slope_u,
    )


def _source(
    u2: complex, u1: complex, i2: complex, i1: complex, zero_u: complex, zero_i: complex, z2: complex
) -> complex:
    return ((u2 - zero_u.conjugate() * u1) - z2 * (i2 - zero_i.conjugate() * i1)) / u1


def _sources_of_blocks(
    u_v: Floats, i_a: Floats, frame: Frame, fs_hz: float, zero_u: complex, zero_i: complex, z2_ohm: complex
) -> tuple[Complexes, Floats]:
    """Source of each block relative to the mean voltage, and the current of each block."""
    samples = round(fs_hz * max(_BLOCK_S, _BLOCK_PERIODS / abs(frame.hz)))
    found = [
        (sequences(u), sequences(i))
        for u, i in zip(block_phasors(u_v, frame, samples).T, block_phasors(i_a, frame, samples).T, strict=True)
    ]
    sources = [
        _source(u.negative, u.positive, i.negative, i.positive, zero_u, zero_i, z2_ohm) * u.positive for u, i in found
    ]
    mean_v = np.mean([abs(u.positive) for u, _ in found]) if found else 1.0
    angles = np.array([u.positive / abs(u.positive) for u, _ in found])
    return np.array(sources) / angles / mean_v if found else np.empty(0, complex), np.array(
        [abs(i.positive) for _, i in found]
    )


def _growth(sources: Complexes, current: Floats, source: complex) -> tuple[float, float]:
    """Slope of the source over the current, both relative to their means, and its expanded uncertainty."""
    if len(sources) < 8 or not source or not np.mean(current):
        return 0.0, float("inf")
    x = current / np.mean(current) - 1
    y = np.real(sources * np.conj(source)) / abs(source) ** 2
    y = y - np.mean(y)
    spread = float(x @ x)
    if spread == 0:
        return 0.0, float("inf")
    slope = float(x @ y) / spread
    rest = y - slope * x
    # neighbouring blocks share half of their samples: half as many are independent
    return slope, 2 * float(np.sqrt(rest @ rest / (len(x) / 2 - 2) / spread * 2))
