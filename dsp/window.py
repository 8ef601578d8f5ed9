"""All measured values of one window of waveforms."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dsp._jit import Floats
from dsp.events import Event
from dsp.ieee1459 import RESULTS, SINGLE, named, single
from dsp.power import SUMS
from dsp.results import Flag
from dsp.window_layout import PLACES


def _array(name: str) -> Any:
    place = PLACES[name]
    return property(lambda window: window.row[place])


def _table(name: str) -> Any:
    place = PLACES[name]
    return property(lambda window: window.row[place].reshape(3, -1))


def _number(name: str, k: int = 0) -> Any:
    at = PLACES[name].start + k
    return property(lambda window: window.row.item(at))


class _Measured(NamedTuple):
    """What is stored of a window; see Window."""

    start_index: float
    end_index: float
    n_cycles: int
    frequency_hz: float
    flags: Flag
    channel_flags: tuple[Flag, ...]
    rotation: int
    energy_j: float
    events: tuple[Event, ...]
    known_1459: int
    row: Floats


class Window(_Measured):
    """All results of one window; a value is taken out of `row` when it is read.

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
    known_1459: number of quantities of IEEE 1459; ieee1459: the quantities by position, see named_1459().
    energy_j: active energy of the new part of the window, J; time shared by two windows at a tick counts once.
    events: events that end in the window.
    pinst: largest instantaneous flicker sensation of each voltage in the window; NaN if flicker is off.
    pst: short-term flicker severity, in the window that completes ten minutes; otherwise NaN.
    row: all values by position, see window_layout.py; the arrays above are views of it.
    """

    __slots__ = ()

    u_rms_v = _array("u_rms_v")
    i_rms_a = _array("i_rms_a")
    u_dc_v = _array("u_dc_v")
    i_dc_a = _array("i_dc_a")
    p_phase_w = _array("p_phase_w")
    thd_u_pct = _array("thd_u_pct")
    thd_i_pct = _array("thd_i_pct")
    q1_phase_var = _array("q1_phase_var")
    s_phase_va = _array("s_phase_va")
    pf_phase = _array("pf_phase")
    dpf_phase = _array("dpf_phase")
    u_sequence_v = _array("u_sequence_v")
    i_sequence_a = _array("i_sequence_a")
    k_factor = _array("k_factor")
    tdd_pct = _array("tdd_pct")
    hvf = _array("hvf")
    u_crest = _array("u_crest")
    i_crest = _array("i_crest")
    pinst = _array("pinst")
    pst = _array("pst")
    h_u_v = _table("h_u_v")
    h_i_a = _table("h_i_a")
    sg_u_v = _table("sg_u_v")
    sg_i_a = _table("sg_i_a")
    p_h_w = _table("p_h_w")
    isg_u_v = _table("isg_u_v")
    isg_i_a = _table("isg_i_a")
    g_u_v = _table("g_u_v")
    g_i_a = _table("g_i_a")
    band_u_v = _table("band_u_v")
    band_i_a = _table("band_i_a")
    p_w = _number("p_w")
    q1_var = _number("q1_var")
    s_va = _number("s_va")
    pf = _number("pf")
    u2_pct = _number("u2_pct")
    u0_pct = _number("u0_pct")
    i2_pct = _number("i2_pct")
    i0_pct = _number("i0_pct")
    dpf = _number("dpf")
    u_nema_pct = _number("u_nema_pct")
    i_nema_pct = _number("i_nema_pct")
    u1_v = _number("u_sequence_v", 1)

    @property
    def phasor_u_v(self) -> npt.NDArray[np.complex128]:
        return self.row[PLACES["phasor_u_v"]].view(np.complex128)

    @property
    def phasor_i_a(self) -> npt.NDArray[np.complex128]:
        return self.row[PLACES["phasor_i_a"]].view(np.complex128)

    @property
    def ieee1459(self) -> Floats:
        return self.row[PLACES["ieee1459"]][: self.known_1459]

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
