"""Main results of a stretch of samples with plain numpy, used while the kernels are compiled in another process.

Unlike class A windows, means and components are weighted with a Hann window over the stretch, which need not contain
complete cycles. For a steady signal both methods agree; a change within the stretch counts most in its middle.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dsp import windows
from dsp._jit import Floats
from dsp.results import BANDS, ORDERS, Flag

STRETCH_S = 0.6
_BAND = 0.45  # of the sampling rate: higher orders are not reported
_LEAST = 1e-3  # of the rms of a channel: a smaller fundamental counts as missing


class NumpyAnalysis(NamedTuple):
    """Subset of stream.Window, with the same names, units and signs.

    Values that this method does not measure are NaN (band_u_v, band_i_a). THD is calculated from components, not from
    subgroups. flags is FEW_CYCLES, or SYNC_LOST without a frequency.
    """

    flags: Flag
    frequency_hz: float
    u_rms_v: Floats
    i_rms_a: Floats
    p_w: float
    q1_var: float
    s_va: float
    pf: float
    h_u_v: Floats
    h_i_a: Floats
    thd_u_pct: Floats
    thd_i_pct: Floats
    tdd_pct: Floats
    k_factor: Floats
    u1_v: float
    u2_pct: float
    u0_pct: float
    i2_pct: float
    i0_pct: float
    band_u_v: Floats
    band_i_a: Floats
    phasor_u_v: npt.NDArray[np.complex128]
    phasor_i_a: npt.NDArray[np.complex128]


def plain(x: Floats, rate_hz: float, demand_a: float = math.nan) -> NumpyAnalysis:
    """Main results of a stretch of samples.

    x: shape (6, n), channels u1 u2 u3 i1 i2 i3, V and A, positive into the load; n: about STRETCH_S.
    rate_hz: sampling rate, Hz.
    demand_a: maximum demand load current IL for the TDD, A; NaN if unknown.
    A channel that contains a NaN or inf, or that does not exist (all NaN), gives NaN, and so do the totals that need
    it.
    Totals are those of three phases and neutral, see power.totals. No kernel is called.
    """
    good = np.array([np.isfinite(channel).all() for channel in x], dtype=np.bool_)
    x = np.where(good[:, None], x, 0.0)
    n = x.shape[1]
    weight = np.hanning(n + 2)[1:-1]
    weight /= weight.sum()
    # no matrix products in this file: they would start the BLAS threads
    mean = np.einsum("an,bn->ab", x * weight, x)  # mean product of each pair of channels
    mean[~good] = mean[:, ~good] = math.nan
    square = np.diag(mean)
    rms = np.sqrt(square)
    f_hz = _frequency(x, good, rate_hz)
    h = _components(x, weight, f_hz, rate_hz)
    h[~good] = math.nan
    size = np.abs(h)
    size[:, 0] /= math.sqrt(2.0)
    phasor = h[:, 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        alive = np.where(size[:, 1] > _LEAST * rms, size[:, 1], math.nan)
        above = np.sqrt(np.nansum(size[:, 2:41] ** 2, axis=1)) + 0.0 * size[:, 2]
        orders = np.arange(ORDERS)
        power = np.nansum(size[:, 1:] ** 2, axis=1)
        k_factor = np.nansum((orders * size) ** 2, axis=1) / np.where(power > 0.0, power, math.nan) + 0.0 * size[:, 2]
        p_w = float(mean[[0, 1, 2], [3, 4, 5]].sum())
        uu, ii = square[:3].sum(), square[3:].sum()
        s_va = 3.0 * math.sqrt(
            max(3.0 * uu + 3.0 * uu - mean[:3, :3].sum(), 0.0) / 18.0 * (ii + max(mean[3:, 3:].sum(), 0.0)) / 3.0
        )
        u = _sequences(phasor[:3], rms[:3])
        i = _sequences(phasor[3:], rms[3:])
        return NumpyAnalysis(
            Flag.FEW_CYCLES if math.isfinite(f_hz) else Flag.SYNC_LOST, f_hz, rms[:3], rms[3:], p_w,
            float((phasor[:3] * phasor[3:].conj()).imag.sum()), s_va, p_w / s_va if s_va > 0.0 else math.nan,
            size[:3], size[3:], (100.0 * above / alive)[:3], (100.0 * above / alive)[3:],
            100.0 * np.sqrt(np.nansum(size[3:, 2:] ** 2, axis=1)) / demand_a + 0.0 * size[3:, 2], k_factor[3:],
            u[0], u[1], u[2], i[1], i[2], np.full((3, BANDS), math.nan), np.full((3, BANDS), math.nan),
            phasor[:3], phasor[3:],
        )  # fmt: skip


def _frequency(x: Floats, good: npt.NDArray[np.bool_], rate_hz: float) -> float:
    """Frequency (Hz) from the voltages, or else from the currents; NaN without a spectral line.

    From the phase between two parts of the stretch, as in windows.refine.
    """
    for kind in (slice(0, 3), slice(3, 6)):
        three, use = x[kind], good[kind].astype(np.uint8)
        f_hz = windows.coarse(three, use, rate_hz, windows.F_LO_HZ, min(windows.F_HI_HZ, 0.4 * rate_hz))
        if f_hz == 0.0:
            continue
        v = windows.space_vector(three, use)
        length = 2 * len(v) // 3
        apart = len(v) - length
        hann = np.hanning(length + 2)[1:-1]
        for _ in range(3):
            turn = np.exp(-2j * np.pi * f_hz / rate_hz * np.arange(length)) * hann
            a, b = (complex((turn * part).sum()) for part in (v[:length], v[apart:]))
            ahead = np.angle(b / a * np.exp(-2j * np.pi * f_hz / rate_hz * apart)) if a != 0.0 else math.nan
            f_hz += float(ahead) * rate_hz / (2.0 * np.pi * apart)
        if math.isfinite(f_hz):
            return abs(f_hz)
    return math.nan


def _components(x: Floats, weight: Floats, f_hz: float, rate_hz: float) -> npt.NDArray[np.complex128]:
    """Rms phasors of the orders 0 .. 50, shape (6, 51); NaN above the band and without a frequency."""
    out = np.full((len(x), ORDERS), complex(math.nan, math.nan))
    if not math.isfinite(f_hz):
        return out
    one = np.exp(-2j * np.pi * f_hz / rate_hz * np.arange(x.shape[1]))
    turn = weight.astype(complex)
    for order in range(min(ORDERS, int(_BAND * rate_hz / f_hz) + 1)):
        re, im = (math.sqrt(2.0) * np.einsum("cn,n->c", x, np.ascontiguousarray(t)) for t in (turn.real, turn.imag))
        out[:, order] = re + 1j * im
        turn = turn * one
    return out


def _sequences(phasor: npt.NDArray[np.complex128], rms: Floats) -> tuple[float, float, float]:
    """Positive sequence, and negative and zero in percent of it; the larger rotating one counts as positive."""
    a = np.exp(2j * np.pi / 3.0 * np.arange(3))
    forth, back, zero = (abs(complex((turn * phasor).sum())) / 3.0 for turn in (a, a.conj(), np.ones(3)))
    one, two = max(forth, back), min(forth, back)
    if not one > _LEAST * float(rms.max()):
        return one, math.nan, math.nan
    return one, 100.0 * two / one, 100.0 * zero / one
