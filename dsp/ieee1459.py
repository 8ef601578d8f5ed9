"""Resolution of apparent power into fundamental and non-fundamental parts (IEEE 1459-2010 [M])."""

from __future__ import annotations

import numpy as np

from dsp._jit import Floats, bare, kernel
from dsp.power import IE2, P1, P1_PLUS, Q1, Q1_PLUS, S1_PLUS, VE2, P

# symbols of the standard in the order of the results; "+" is written as plus
SINGLE = ("P", "P1", "PH", "Q1", "S", "S1", "SN", "DI", "DV", "SH", "DH", "N", "PF", "PF1", "SN/S1")
THREE = (
    "P", "P1", "PH", "Q1", "Ve", "Ie", "Ve1", "Ie1", "VeH", "IeH", "Se", "Se1", "SeN", "DeI", "DeV", "SeH", "DeH", "N",
    "S1plus", "P1plus", "Q1plus", "SU1", "PFe", "PF1plus", "SA",
)  # fmt: skip
RESULTS = len(THREE)


@bare
def _rest(whole: float, part: float) -> float:
    """Square root of the difference of two squares; 0 if rounding makes the second one larger."""
    return float(np.sqrt(max(whole - part, 0.0)))


@bare
def _over(a: float, b: float) -> float:
    return a / b if b > 0.0 else float(np.nan)


@kernel
def single(mean: Floats, phasor: Floats, phase: int, out: Floats) -> None:
    """Single-phase quantities (clause 3.1.2).

    mean: shape (21,), from power.sums.
    phasor: shape (6, 2), fundamentals, rms.
    phase: 0 .. 2.
    out: shape (25,), the first 15 as named in SINGLE, the others NaN; W, var, VA or a ratio.
    Everything except the fundamental counts as H: harmonics, interharmonics and DC.
    """
    u, i = phase, phase + 3
    v2, i2 = mean[6 + u], mean[6 + i]
    v1 = phasor[u, 0] ** 2 + phasor[u, 1] ** 2
    i1 = phasor[i, 0] ** 2 + phasor[i, 1] ** 2
    vh, ih = _rest(v2, v1), _rest(i2, i1)
    p = mean[12 + phase]
    p1 = phasor[u, 0] * phasor[i, 0] + phasor[u, 1] * phasor[i, 1]
    s = np.sqrt(v2 * i2)
    s1 = np.sqrt(v1 * i1)
    sh = vh * ih
    sn = _rest(s * s, s1 * s1)
    values = (
        p, p1, p - p1, phasor[u, 1] * phasor[i, 0] - phasor[u, 0] * phasor[i, 1], s, s1, sn, np.sqrt(v1) * ih,
        vh * np.sqrt(i1), sh, _rest(sh * sh, (p - p1) ** 2), _rest(s * s, p * p), _over(p, s), _over(p1, s1),
        _over(sn, s1),
    )  # fmt: skip
    out[:] = np.nan
    for k, value in enumerate(values):  # in the order of SINGLE
        out[k] = value


@kernel
def three(mean: Floats, phasor: Floats, totals: Floats, wires: int, out: Floats) -> None:
    """Three-phase quantities (clause 3.2.2) with the effective values of three or four wires.

    mean: shape (21,), from power.sums.
    phasor: shape (6, 2), fundamentals, rms.
    totals: shape (35,), from power.totals with the same `wires`.
    wires: 3 or 4.
    out: shape (25,), as named in THREE; V, A, W, var, VA or a ratio. SA is the arithmetic sum of U I, for comparison.
    PH = P - P1; DC and interharmonics count as H.
    """
    vv, cross_v, ii, cross_i, sa = 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(3):
        n = (k + 1) % 3
        vv += phasor[k, 0] ** 2 + phasor[k, 1] ** 2
        ii += phasor[k + 3, 0] ** 2 + phasor[k + 3, 1] ** 2
        cross_v += phasor[k, 0] * phasor[n, 0] + phasor[k, 1] * phasor[n, 1]
        cross_i += phasor[k + 3, 0] * phasor[n + 3, 0] + phasor[k + 3, 1] * phasor[n + 3, 1]
        sa += np.sqrt(mean[6 + k] * mean[9 + k])
    if wires == 3:
        ve1, ie1 = max(2.0 * (vv - cross_v), 0.0) / 9.0, ii / 3.0
    else:
        ve1, ie1 = max(5.0 * vv - 2.0 * cross_v, 0.0) / 18.0, (ii + max(ii + 2.0 * cross_i, 0.0)) / 3.0
    p, p1, ve2, ie2, plus = totals[P], totals[P1], totals[VE2], totals[IE2], totals[S1_PLUS]
    veh, ieh = _rest(ve2, ve1), _rest(ie2, ie1)
    se = 3.0 * np.sqrt(ve2 * ie2)
    se1 = 3.0 * np.sqrt(ve1 * ie1)
    seh = 3.0 * veh * ieh
    values = (
        p, p1, p - p1, totals[Q1], np.sqrt(ve2), np.sqrt(ie2), np.sqrt(ve1), np.sqrt(ie1), veh, ieh, se, se1,
        _rest(se * se, se1 * se1), 3.0 * np.sqrt(ve1) * ieh, 3.0 * veh * np.sqrt(ie1), seh,
        _rest(seh * seh, (p - p1) ** 2), _rest(se * se, p * p), plus, totals[P1_PLUS], totals[Q1_PLUS],
        _rest(se1 * se1, plus * plus), _over(p, se), _over(totals[P1_PLUS], plus), sa,
    )  # fmt: skip
    for k, value in enumerate(values):  # in the order of THREE
        out[k] = value


def named(values: Floats) -> dict[str, float]:
    """Results by name: the first 15 of single(), or the 25 of three()."""
    return dict(zip(SINGLE if len(values) == len(SINGLE) else THREE, values.tolist(), strict=False))
