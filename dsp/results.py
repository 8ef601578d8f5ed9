"""What one window of waveforms gives: the flags and the numbers."""

from __future__ import annotations

from enum import IntFlag
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dsp._jit import Floats
from dsp.events import Event
from dsp.ieee1459 import named

ORDERS = 51  # components and subgroups 0..50
BANDS, BANDS_FROM_HZ, BAND_HZ = 35, 2000, 200  # 2 to 9 kHz


class Flag(IntFlag):
    """Doubts about a window; they only accumulate. A window carries all flags of its channels."""

    GOOD = 0
    GAP = 1  # a sample of the window is missing (NaN, inf or lost)
    CLIPPED = 2  # the converter's limit was reached
    SYNC_LOST = 4  # no rotating or alternating fundamental to hold on to: 200 ms, no harmonics
    FEW_CYCLES = 8  # fewer than three cycles, or fewer than a window should have: no subgroups below three
    NO_SIGNAL = 16  # nothing alternates on any channel
    MISSING_PHASE = 32  # a voltage channel is dead while others live
    FREQUENCY_HELD = 64  # frequency not measured in this window: the last one is used
    FREQUENCY_CHANGING = 128  # frequency moved by more than 1 % since the window before: harmonics are smeared
    EVENT = 256  # a dip, swell or interruption touches it ("flagged" in IEC 61000-4-30, 4.7)
    ALIAS_RISK = 512  # more than 1 % just below half the sampling rate: what lies above may have folded onto any order
    UNFILTERED_PWM = (
        1024  # a voltage jumps from sample to sample: a drive's pulses, with no filter before the converter
    )
    CONSTANT_SIGNAL = 2048  # a channel keeps one value for a whole cycle: withheld like a gap


class Window(NamedTuple):
    """All results of one window. Arrays of (3,) are phases 1..3, (3, 51) adds the order 0..50; absent is NaN.

    Voltages and currents are rms over the window unless said; currents and powers are positive into the load.
    A value that depends on a channel with a gap is NaN; the other channels' values stay right.
    """

    start_index: float  # absolute sample position; sample k stands for k-0.5 .. k+0.5
    end_index: float  # the next window's start_index
    n_cycles: int  # 0 without synchronisation
    frequency_hz: float  # always positive; see rotation
    flags: Flag
    channel_flags: tuple[Flag, ...]  # u1, u2, u3, i1, i2, i3
    u_rms_v: Floats
    i_rms_a: Floats
    u_dc_v: Floats
    i_dc_a: Floats
    p_phase_w: Floats
    p_w: float  # over the phases that have both u and i
    q1_var: float  # of the fundamentals, positive = inductive
    s_va: float  # IEEE 1459 effective apparent power, see power.totals
    pf: float  # p_w / s_va, with the sign of p_w
    h_u_v: Floats  # components; order 0 is |DC|
    h_i_a: Floats
    sg_u_v: Floats  # IEC 61000-4-7 subgroups; order 0 is |DC|
    sg_i_a: Floats
    thd_u_pct: Floats  # of subgroups to order 40; of components below three cycles
    thd_i_pct: Floats
    u1_v: float  # positive-sequence fundamental; "positive" is the way the field turns
    u2_pct: float
    u0_pct: float
    i2_pct: float
    i0_pct: float
    rotation: int  # +1: phases follow 1, 2, 3; -1: 1, 3, 2; 0: unknown
    phasor_u_v: npt.NDArray[np.complex128]  # fundamental, rms, angle of a cosine at start_index
    phasor_i_a: npt.NDArray[np.complex128]
    q1_phase_var: Floats
    dpf: float  # displacement factor, see power.totals
    s_phase_va: Floats
    pf_phase: Floats
    dpf_phase: Floats
    p_h_w: Floats  # active power by order, (3, 51); negative: the load is its source
    u_sequence_v: Floats  # zero, positive, negative
    i_sequence_a: Floats
    u_nema_pct: float  # largest deviation of a line voltage from their mean
    i_nema_pct: float
    isg_u_v: Floats  # interharmonic centred subgroups; entry h lies between the orders h and h + 1
    isg_i_a: Floats
    g_u_v: Floats  # groups
    g_i_a: Floats
    band_u_v: Floats  # bands of 200 Hz between 2 and 9 kHz, (3, 35); NaN from 0.45 of the sampling rate on
    band_i_a: Floats
    k_factor: Floats  # of the currents
    tdd_pct: Floats  # NaN without a demand current
    hvf: Floats  # of the voltages
    u_crest: Floats
    i_crest: Floats
    ieee1459: Floats  # see named_1459()
    energy_j: float  # active, of the window's new part: what windows share at a tick counts once
    events: tuple[Event, ...]  # those that end in it
    pinst: Floats  # largest instantaneous flicker sensation in the window, per voltage; NaN without a lamp
    pst: Floats  # short-term flicker severity, on the window that completes ten minutes; else NaN
    row: Floats  # all numbers by their place, see row.py; the arrays above are parts of it

    def named_1459(self) -> dict[str, float]:
        """IEEE 1459's quantities by name: 15 of a single phase, 25 of three; empty of two, with a gap or no sync."""
        return named(self.ieee1459)
