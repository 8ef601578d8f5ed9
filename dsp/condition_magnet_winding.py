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

from dsp.condition_phasors import Complexes, Frame, Sequences, block_phasors, phasors, sequences

Floats = npt.NDArray[np.float64]

_BLOCK_S = 0.2
_BLOCK_PERIODS = 8
_STUDENT = 2.8  # 95 % with four independent blocks of a quarter, of which the whole has half the scatter


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
    channels = _Channels(u.zero / u.positive, i.zero / i.positive, z2_ohm)
    source = channels.source(u, i)
    short = round(fs_hz * max(_BLOCK_S, _BLOCK_PERIODS / abs(frame.hz)))
    slope, slope_u = _growth(*_blocks(u_v, i_a, frame, short, channels), source)
    quarters, _ = _blocks(u_v, i_a, frame, u_v.shape[1] // 4, channels)
    scatter = float(np.sqrt(np.mean(np.abs(quarters - quarters.mean()) ** 2)))
    return WindingSource(
        source,
        source + channels.zero_u.conjugate(),
        channels.zero_u,
        channels.zero_i,
        i.negative / i.positive - channels.zero_i.conjugate(),
        u.positive / i.positive / abs(u.positive / i.positive),
        _STUDENT * scatter / 2,
        slope,
        slope_u,
    )


class _Channels(NamedTuple):
    """Relative zero sequences, which tell the gains, and the impedance of the winding."""

    zero_u: complex
    zero_i: complex
    z2_ohm: complex

    def source(self, u: Sequences, i: Sequences) -> complex:
        """Relative to the voltage of the positive sequence."""
        u_v = u.negative - self.zero_u.conjugate() * u.positive
        i_a = i.negative - self.zero_i.conjugate() * i.positive
        return (u_v - self.z2_ohm * i_a) / u.positive


def _blocks(u_v: Floats, i_a: Floats, frame: Frame, samples: int, channels: _Channels) -> tuple[Complexes, Floats]:
    """Source of each block, related to the mean voltage, and the current of each block."""
    found = [
        (sequences(u), sequences(i))
        for u, i in zip(block_phasors(u_v, frame, samples).T, block_phasors(i_a, frame, samples).T, strict=True)
    ]
    volts = np.array([abs(u.positive) for u, _ in found])
    sources = np.array([channels.source(u, i) for u, i in found]) * volts / volts.mean()
    return sources, np.array([abs(i.positive) for _, i in found])


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
