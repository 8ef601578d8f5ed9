"""Layout of the values of a window in one row of memory, and the kernels that write all except the tables.

Tables of orders come first, then all values that are aggregated (as one slice), then the rest.
"""

from __future__ import annotations

import numpy as np

from dsp import distortion_indices, power
from dsp._jit import Bytes, Floats, Ints, inner, kernel
from dsp.results import BANDS, ORDERS, Flag

# tables of three phases by order
TABLES = ("h_u_v", "h_i_a", "g_u_v", "g_i_a", "p_h_w", "sg_u_v", "sg_i_a", "isg_u_v", "isg_i_a")
H, G, FLOW, SG, ISG, LINES = 0, 6, 12, 15, 21, 27  # first row of each in the tables as an array of shape (27, 51)
SIZE = 3 * ORDERS

# quantities that are aggregated, and the number of values of each
MAGNITUDES = {
    "sg_u_v": SIZE, "sg_i_a": SIZE, "isg_u_v": SIZE, "isg_i_a": SIZE, "band_u_v": 3 * BANDS, "band_i_a": 3 * BANDS,
    "u_rms_v": 3, "i_rms_a": 3, "thd_u_pct": 3, "thd_i_pct": 3, "k_factor": 3, "tdd_pct": 3,
    "u_sequence_v": 3, "i_sequence_a": 3, "u2_pct": 1, "u0_pct": 1, "i2_pct": 1, "i0_pct": 1,
}  # fmt: skip
MEANS = {"frequency_hz": 1, "p_w": 1, "q1_var": 1, "s_va": 1, "p_phase_w": 3, "u_dc_v": 3, "i_dc_a": 3}
_REST = {
    "q1_phase_var": 3, "s_phase_va": 3, "pf_phase": 3, "dpf_phase": 3, "hvf": 3, "u_crest": 3, "i_crest": 3,
    "phasor_u_v": 6, "phasor_i_a": 6, "pinst": 3, "pst": 3, "pf": 1, "dpf": 1, "u_nema_pct": 1, "i_nema_pct": 1,
    "ieee1459": 25,
}  # fmt: skip


def _places(sizes: dict[str, int], at: int) -> dict[str, slice]:
    out = {}
    for name, size in sizes.items():
        out[name] = slice(at, at + size)
        at += size
    return out


FIRST = SG * ORDERS
PLACES = _places({name: SIZE for name in TABLES[:5]} | MAGNITUDES | MEANS | _REST, 0)
AGGREGATED = slice(FIRST, PLACES["i_dc_a"].stop)
BLANK: Floats = np.full(PLACES["ieee1459"].stop, np.nan)

_RMS, _THD, _K, _TDD = (PLACES[n].start for n in ("u_rms_v", "thd_u_pct", "k_factor", "tdd_pct"))
_SEQUENCE, _U2, _F, _P, _P_PHASE = (
    PLACES[n].start for n in ("u_sequence_v", "u2_pct", "frequency_hz", "p_w", "p_phase_w")
)
_BAND, _DC, _Q1_PHASE, _HVF, _CREST, _PHASOR, _PF, _NEMA = (
    PLACES[n].start for n in ("band_u_v", "u_dc_v", "q1_phase_var", "hvf", "u_crest", "phasor_u_v", "pf", "u_nema_pct")
)
_GAP, _CLIPPED, _MISSING, _CONSTANT_SIGNAL = (
    int(f) for f in (Flag.GAP, Flag.CLIPPED, Flag.MISSING_PHASE, Flag.CONSTANT_SIGNAL)
)
_DEAD = 0.05  # a voltage below this part of the largest is missing (interruption threshold, IEC 61000-4-30 [M])
# positions in the output of indices.ratios
THD, K, TDD, HVF, CREST = 0, 6, 9, 12, 15
SHORT = 21


@kernel
def channel_flags(
    mean: Floats, gap: Bytes, clip: Bytes, measured: Bytes, known: Bytes, two: bool,
    rms: Floats, good: Bytes, flags: Ints,
) -> int:  # fmt: skip
    """Set the flags of each channel in `flags`; returns all of them combined.

    mean: shape (21,), from power.means.
    gap: shape (6,), 1 where samples are missing, 2 where the signal is constant.
    clip: shape (6,), 1 where a channel was clipped.
    measured: shape (6,), channels that exist.
    known: shape (6,), channels that have results.
    two: True for the two-wattmeter connection: `measured` and `known` differ, and a flag applies to all voltages or
        currents.
    rms: shape (6,), output, rms of each channel.
    good: shape (6,), output, 1 for channels that have results and no gap.
    flags: shape (6,), output, flags of each channel.
    """
    largest = 0.0
    every = 0
    for c in range(6):
        rms[c] = np.sqrt(mean[6 + c])
        if two:
            row = c - c % 3
            hole = gap[row] * measured[row] | gap[row + 1] * measured[row + 1] | gap[row + 2] * measured[row + 2]
            cut = (
                (clip[row] & measured[row]) | (clip[row + 1] & measured[row + 1]) | (clip[row + 2] & measured[row + 2])
            )
        else:
            hole = gap[c] * measured[c]
            cut = clip[c] & measured[c]
        good[c] = known[c] != 0 and hole == 0
        flags[c] = _GAP if hole & 1 else _CONSTANT_SIGNAL if hole else _CLIPPED if cut and good[c] else 0
        if c < 3 and good[c]:
            largest = max(largest, rms[c])
    for c in range(6):
        if c < 3 and good[c] and rms[c] < _DEAD * largest:
            flags[c] |= _MISSING
        every |= flags[c]
    return every


@kernel
def fill_row(
    tables: Floats, mean: Floats, rms: Floats, peaks: Floats, phasor: Floats, demand_a: float, n_cycles: int,
    f_hz: float, rotation: int, wires: int, known: Bytes, good: Bytes, flags: Ints, totals: Floats, short: Floats,
    row: Floats,
) -> None:  # fmt: skip
    """Write all values of a window except the tables to its row; values of channels that are not good become NaN.

    tables: shape (27, 51), the first part of the row, already filled.
    mean, rms, known, good, flags: as for channel_flags().
    peaks, demand_a, n_cycles: as for distortion_indices.ratios; short: shape (21,), its output.
    phasor, rotation, wires: as for power.totals; totals: shape (35,), its output.
    f_hz: frequency, Hz; NaN without synchronisation.
    """
    distortion_indices.ratios(tables[H:G], tables[SG:ISG], rms, peaks, demand_a, n_cycles, short)
    power.totals(mean, phasor, known, good, rotation, wires, totals)
    for c in range(6):
        row[_RMS + c] = rms[c]
        row[_DC + c] = mean[c]
        row[_CREST + c] = short[CREST + c]
        row[_THD + c] = short[THD + c] if flags[c] & _MISSING == 0 else np.nan
        row[_PHASOR + 2 * c] = phasor[c, 0]
        row[_PHASOR + 2 * c + 1] = phasor[c, 1]
        row[_SEQUENCE + c] = totals[power.U_SEQUENCE + c]
    for c in range(3):
        row[_K + c] = short[K + c]
        row[_TDD + c] = short[TDD + c]
        row[_HVF + c] = short[HVF + c]
        row[_P_PHASE + c] = mean[12 + c]
    for k in range(4):
        row[_U2 + k] = totals[power.U2_PCT + k]
    for k in range(12):
        row[_Q1_PHASE + k] = totals[power.Q1_PHASE + k]
    row[_F] = f_hz
    row[_P] = totals[power.P]
    row[_P + 1] = totals[power.Q1]
    row[_P + 2] = totals[power.S]
    row[_PF] = totals[power.PF]
    row[_PF + 1] = totals[power.DPF]
    row[_NEMA] = totals[power.U_NEMA_PCT]
    row[_NEMA + 1] = totals[power.I_NEMA_PCT]
    for c in range(6):
        if good[c]:
            continue
        for table in (H, G, SG, ISG):
            _withhold(row, (table + c) * ORDERS, ORDERS)
        _withhold(row, _BAND + c * BANDS, BANDS)
        for at in (_RMS, _DC, _CREST, _THD):
            row[at + c] = np.nan
        _withhold(row, _PHASOR + 2 * c, 2)
        if c < 3:
            row[_HVF + c] = np.nan
        else:
            row[_K + c - 3] = np.nan
            row[_TDD + c - 3] = np.nan
        row[_P_PHASE + c % 3] = np.nan
        _withhold(row, (FLOW + c % 3) * ORDERS, ORDERS)


@inner
def _withhold(row: Floats, at: int, size: int) -> None:
    for k in range(at, at + size):
        row[k] = np.nan
