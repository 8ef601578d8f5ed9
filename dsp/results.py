"""Results of one window of waveforms: quality flags and measured values."""

from __future__ import annotations

from enum import IntFlag
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dsp._jit import Floats
from dsp.events import Event
from dsp.ieee1459 import RESULTS, SINGLE, named, single
from dsp.power import SUMS

ORDERS = 51  # components and subgroups 0..50
BANDS, BANDS_FROM_HZ, BAND_HZ = 35, 2000, 200  # 2 to 9 kHz


class Flag(IntFlag):
    """Quality flags of a window. They only accumulate: a window carries all flags of its channels.

    GOOD: no flag.
    GAP: a sample of the window is missing (NaN, inf or lost).
    CLIPPED: the limit of the converter was reached.
    SYNC_LOST: no rotating or alternating fundamental was found; the window lasts 200 ms and has no harmonics.
    FEW_CYCLES: fewer than three cycles, or fewer than a regular window; no subgroups below three cycles.
    NO_SIGNAL: no channel has an alternating signal.
    MISSING_PHASE: a voltage channel has no signal while others have.
    FREQUENCY_HELD: the frequency could not be measured in this window; the previous one is used.
    FREQUENCY_CHANGING: the frequency changed by more than 1 % since the previous window; harmonics are smeared.
    EVENT: a dip, swell or interruption touches the window ("flagged" in IEC 61000-4-30, 4.7).
    ALIAS_RISK: more than 1 % of the rms is just below half the sampling rate; higher frequencies may alias to any
        order.
    UNFILTERED_PWM: a voltage jumps from sample to sample: PWM of a drive without an anti-aliasing filter.
    CONSTANT_SIGNAL: a channel keeps one value for a full cycle; its results are withheld as for a gap.
    """

    GOOD = 0
    GAP = 1
    CLIPPED = 2
    SYNC_LOST = 4
    FEW_CYCLES = 8
    NO_SIGNAL = 16
    MISSING_PHASE = 32
    FREQUENCY_HELD = 64
    FREQUENCY_CHANGING = 128
    EVENT = 256
    ALIAS_RISK = 512
    UNFILTERED_PWM = 1024
    CONSTANT_SIGNAL = 2048


class Window(NamedTuple):
    """All results of one window.

    Arrays of shape (3,) hold phases 1 .. 3; shape (3, 51) adds the orders 0 .. 50; absent values are NaN. Voltages and
    currents are rms over the window unless stated otherwise; currents and powers are positive into the load. A value
    that depends on a channel with a gap is NaN; values of the other channels remain valid.

    start_index: absolute sample position; sample k represents k-0.5 .. k+0.5.
    end_index: absolute sample position; start_index of the next window, except at a tick.
    n_cycles: number of cycles; 0 without synchronisation.
    frequency_hz: frequency, Hz, always positive (see rotation); NaN without synchronisation.
    flags: flags of the window and of all its channels.
    channel_flags: flags of each channel: u1, u2, u3, i1, i2, i3.
    u_rms_v: voltages, V.
    i_rms_a: currents, A.
    u_dc_v: mean voltages, V, signed.
    i_dc_a: mean currents, A, signed.
    p_phase_w: active power of each phase, W.
    p_w: active power of the phases that have both u and i, W.
    q1_var: reactive power of the fundamentals, var, positive = inductive.
    s_va: effective apparent power of IEEE 1459, VA, see power.totals.
    pf: p_w / s_va, with the sign of p_w; NaN without current.
    h_u_v: components of the voltages, V; order 0 is |DC|.
    h_i_a: components of the currents, A; order 0 is |DC|.
    sg_u_v: subgroups of the voltages (IEC 61000-4-7), V; order 0 is |DC|.
    sg_i_a: subgroups of the currents, A; order 0 is |DC|.
    thd_u_pct: THD of the voltages up to order 40, %, from subgroups; from components below three cycles.
    thd_i_pct: THD of the currents, likewise.
    u1_v: positive-sequence fundamental, V; "positive" is the direction in which the field rotates.
    u2_pct: negative-sequence voltage, % of the positive sequence.
    u0_pct: zero-sequence voltage, likewise.
    i2_pct: negative-sequence current, likewise.
    i0_pct: zero-sequence current, likewise.
    rotation: +1: phase order 1, 2, 3; -1: 1, 3, 2; 0: unknown.
    phasor_u_v: complex fundamentals of the voltages, V rms; angle of a cosine at start_index.
    phasor_i_a: complex fundamentals of the currents, A rms, likewise.
    q1_phase_var: fundamental reactive power of each phase, var, positive = inductive.
    dpf: displacement factor, see power.totals.
    s_phase_va: apparent power U I of each phase, VA.
    pf_phase: power factor of each phase.
    dpf_phase: displacement factor of each phase.
    p_h_w: active power by phase and order, W, shape (3, 51); negative: the load is the source.
    u_sequence_v: zero, positive and negative sequence of the voltages, V.
    i_sequence_a: zero, positive and negative sequence of the currents, A.
    u_nema_pct: largest deviation of a line-to-line voltage from their mean, %.
    i_nema_pct: largest deviation of a current from their mean, %.
    isg_u_v: interharmonic centred subgroups of the voltages, V; entry h is between the orders h and h + 1.
    isg_i_a: interharmonic centred subgroups of the currents, A, likewise.
    g_u_v: groups of the voltages (IEC 61000-4-7), V.
    g_i_a: groups of the currents, A.
    band_u_v: bands of 200 Hz from 2 to 9 kHz, V, shape (3, 35); NaN above 0.45 of the sampling rate.
    band_i_a: the same for the currents, A.
    k_factor: K factor of the currents.
    tdd_pct: total demand distortion of the currents, %; NaN without a demand current.
    hvf: harmonic voltage factor.
    u_crest: crest factor of the voltages.
    i_crest: crest factor of the currents.
    ieee1459: quantities of IEEE 1459 by position, see named_1459().
    energy_j: active energy of the new part of the window, J; time shared by two windows at a tick counts once.
    events: events that end in the window.
    pinst: largest instantaneous flicker sensation of each voltage in the window; NaN if flicker is off.
    pst: short-term flicker severity, in the window that completes ten minutes; otherwise NaN.
    row: all values by position, see row.py; the arrays above are views of it.
    """

    start_index: float
    end_index: float
    n_cycles: int
    frequency_hz: float
    flags: Flag
    channel_flags: tuple[Flag, ...]
    u_rms_v: Floats
    i_rms_a: Floats
    u_dc_v: Floats
    i_dc_a: Floats
    p_phase_w: Floats
    p_w: float
    q1_var: float
    s_va: float
    pf: float
    h_u_v: Floats
    h_i_a: Floats
    sg_u_v: Floats
    sg_i_a: Floats
    thd_u_pct: Floats
    thd_i_pct: Floats
    u1_v: float
    u2_pct: float
    u0_pct: float
    i2_pct: float
    i0_pct: float
    rotation: int
    phasor_u_v: npt.NDArray[np.complex128]
    phasor_i_a: npt.NDArray[np.complex128]
    q1_phase_var: Floats
    dpf: float
    s_phase_va: Floats
    pf_phase: Floats
    dpf_phase: Floats
    p_h_w: Floats
    u_sequence_v: Floats
    i_sequence_a: Floats
    u_nema_pct: float
    i_nema_pct: float
    isg_u_v: Floats
    isg_i_a: Floats
    g_u_v: Floats
    g_i_a: Floats
    band_u_v: Floats
    band_i_a: Floats
    k_factor: Floats
    tdd_pct: Floats
    hvf: Floats
    u_crest: Floats
    i_crest: Floats
    ieee1459: Floats
    energy_j: float
    events: tuple[Event, ...]
    pinst: Floats
    pst: Floats
    row: Floats

    def named_1459(self) -> dict[str, float]:
        """IEEE 1459 quantities by name: 15 of one phase, 25 of three; empty for two phases, with a gap or SYNC_LOST."""
        return named(self.ieee1459)

    def phase_1459(self, phase: int) -> dict[str, float]:
        """Single-phase quantities of IEEE 1459 (clause 3.1.2) of phase 0 .. 2 by name, in W, var, VA or as ratios.

        Empty without voltage, current or synchronisation, and with a gap in one of them.
        """
        mean, phasor, out = np.full(SUMS, np.nan), np.zeros((6, 2)), np.zeros(RESULTS)
        mean[6 + phase], mean[9 + phase] = self.u_rms_v[phase] ** 2, self.i_rms_a[phase] ** 2
        mean[12 + phase] = self.p_phase_w[phase]
        for row, value in ((phase, self.phasor_u_v[phase]), (phase + 3, self.phasor_i_a[phase])):
            phasor[row] = value.real, value.imag
        if not (np.isfinite(mean[[6 + phase, 9 + phase, 12 + phase]]).all() and np.isfinite(phasor).all()):
            return {}
        single(mean, phasor, phase, out)
        return named(out[: len(SINGLE)])
