"""Features of a recording of a magnet motor; they can be stored as JSON and serve as a baseline."""

from __future__ import annotations

import cmath
import math

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from agent.analysis.condition import magnet_data
from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.phase_loss import JUDGED_FROM
from agent.analysis.condition.record import Array, Record
from dsp.condition.decimation import LOBES, decimated, low_pass
from dsp.condition.magnet_drive import current_gone
from dsp.condition.magnet_rotor import order_lines, power_swing
from dsp.condition.magnet_winding import winding_source
from dsp.condition.phase import PhaseLossDetector
from dsp.condition.phasors import Frame, follow, is_clipped, longest_gapless, phasors, sequences, spread

_GONE = 0.015  # changes of a current below this share of the rated rms current are noise
_GONE_OF_LARGEST = 0.01  # without a rated current: of the largest in the recording
UNKNOWN = 1e6  # a spread or an uncertainty without bound; JSON has no infinity
# Rate over the rated frequency; up to 1.4 times this, twice it is in the flat part
_RATE_OF_RATED, _FASTEST = 12.0, 1.4
_CURRENT_S = 1.0
_STEP_S, _CARRIES = 0.01, 0.3  # as long as each phase has this share of the largest current in each step, none is lost
_COAST_S = 0.2  # for a flux from the EMF; the windings have long discharged
_SINE = 0.05  # negative over positive sequence of an EMF


class Complex(Struct, frozen=True):
    """A complex number in JSON."""

    re: float
    im: float

    @property
    def value(self) -> complex:
        return complex(self.re, self.im)


class Line(Struct, frozen=True):
    """A line at order/p of the fundamental: see dsp.condition.magnet_rotor.OrderLine."""

    order: int
    emf: float
    emf_floor: float
    emf_common: float
    current: float
    current_common: float


class Winding(Struct, frozen=True):
    """Source of negative sequence: see dsp.condition.magnet_winding.WindingSource; data_u: U from R and L."""

    source: Complex
    measured: Complex
    zero_u: Complex
    negative_i: Complex
    u: float
    data_u: float
    slope: float
    slope_u: float


class Swing(Struct, frozen=True):
    """Swings of the power: see dsp.condition.magnet_rotor.PowerSwing."""

    hz: float
    depth: float
    share: float
    unsteady: float


class Gone(Struct, frozen=True):
    """The last time without current: see dsp.condition.magnet_drive.CurrentGone; voltage_v None: not recorded."""

    from_s: float
    to_s: float
    voltage_v: float | None


class LostPhase(Struct, frozen=True):
    """phase: 1, 2 or 3; at_s: last current; found_s: when that was certain."""

    phase: int
    at_s: float
    found_s: float


class MagnetFeatures(Struct, frozen=True, kw_only=True):
    """Features of one recording.

    length_s: of the recording. gapless_s: of its longest stretch without a gap, which gives the
        other features.
    hz: fundamental; None: none found, and nothing below it is known.
    hz_spread, current_spread: largest deviation of means of 1 s from the mean, relative.
    u1_v, i1_a: positive sequence, amplitudes; angle_rad: of I1 relative to U1, in the order of rotation.
    negative_u: U2/U1 as read; negative_i_read: I2/I1 as read; zero_i: I0 over the
        larger of both.
    reversed_order: the phases follow each other in the order 1-3-2.
    phase_a: rms current of each phase.
    clipped: a current has flat tops.
    coast_wb: flux linkage from the EMF while no current flowed, at the temperature of the magnets.
    winding_degc, magnet_degc: during this recording, if known.
    """

    length_s: float
    gapless_s: float
    hz: float | None = None
    hz_spread: float = UNKNOWN
    current_spread: float = UNKNOWN
    u1_v: float = 0.0
    i1_a: float = 0.0
    angle_rad: float = 0.0
    negative_u: float = 0.0
    negative_i_read: float = 0.0
    zero_i: float = 0.0
    reversed_order: bool = False
    phase_a: tuple[float, ...] = ()
    clipped: bool = False
    gone: Gone | None = None
    lost: LostPhase | None = None
    winding: Winding | None = None
    lines: tuple[Line, ...] = ()
    swing: Swing | None = None
    coast_wb: float | None = None
    winding_degc: float | None = None
    magnet_degc: float | None = None

    @property
    def u1(self) -> complex:
        return complex(self.u1_v)

    @property
    def i1(self) -> complex:
        return cmath.rect(self.i1_a, self.angle_rad)


def magnet_features(record: Record, machine: MachineData) -> MagnetFeatures:
    """Features of a recording; what it does not show stays empty."""
    rated = magnet_data.rated_a(machine)
    gone = _gone(record, rated)
    part = longest_gapless(np.concatenate((record.u_v, record.i_a)))
    u_v, i_a = record.u_v[:, part], record.i_a[:, part]
    basic = MagnetFeatures(
        length_s=record.length_s,
        gapless_s=i_a.shape[1] / record.fs_hz,
        clipped=any(is_clipped(row) for row in record.i_a),
        gone=gone,
        coast_wb=_coast_wb(record, gone) if gone else None,
        lost=_lost(record, rated),
        winding_degc=machine.winding_degc,
        magnet_degc=machine.magnet_degc,
    )
    fs_hz = record.fs_hz
    slow = _slower(u_v, i_a, fs_hz, machine)
    frame = follow(slow.u_v, slow.fs_hz) if slow is not None else None
    if slow is not None and frame is not None and abs(frame.hz) <= _FASTEST * (machine.hz or 0.0):
        u_v, i_a, fs_hz = slow.u_v, slow.i_a, slow.fs_hz
    else:
        frame = follow(u_v, fs_hz) if u_v.size else None
    if frame is None:
        return basic
    swapped = frame.hz < 0
    if swapped:
        u_v, i_a = u_v[[0, 2, 1]], i_a[[0, 2, 1]]
        frame = frame.reversed()
    return _with_phasors(basic, u_v, i_a, frame, fs_hz, swapped, machine)


def _slower(u_v: Array, i_a: Array, fs_hz: float, machine: MachineData) -> Record | None:
    """The same at a lower rate: only orders below twice the fundamental are read. None: it is not known or slow."""
    factor = int(fs_hz / (_RATE_OF_RATED * machine.hz)) if machine.hz else 1
    if factor < 2 or u_v.shape[1] < 2 * LOBES * factor:
        return None
    weights = low_pass(factor)
    return Record(fs_hz / factor, decimated(u_v, weights), decimated(i_a, weights))


def _with_phasors(
    basic: MagnetFeatures, u_v: Array, i_a: Array, frame: Frame, fs_hz: float, swapped: bool, machine: MachineData
) -> MagnetFeatures:
    u, i = sequences(phasors(u_v, frame)), sequences(phasors(i_a, frame))
    if not u.positive:
        return basic
    found = replace(
        basic,
        hz=frame.hz,
        hz_spread=_finite(spread(frame.hz_each_s)),
        u1_v=abs(u.positive),
        i1_a=abs(i.positive),
        angle_rad=cmath.phase(i.positive / u.positive),
        negative_u=abs(u.negative / u.positive),
        negative_i_read=abs(i.negative / i.positive) if i.positive else UNKNOWN,
        zero_i=abs(i.zero) / (max(abs(i.positive), abs(i.negative)) or 1.0),
        reversed_order=swapped,
        phase_a=tuple(float(x) for x in np.sqrt((i_a**2).mean(axis=1))),
    )
    if not i.positive:
        return found
    second = round(_CURRENT_S * fs_hz)
    starts = range(0, i_a.shape[1] - second + 1, second)
    each_s = [abs(sequences(phasors(i_a, frame, slice(s, s + second))).positive) for s in starts]
    swing = power_swing(u_v, i_a, fs_hz)
    return replace(
        found,
        current_spread=_finite(spread(np.array(each_s))),
        swing=Swing(*swing),
        winding=_winding(u_v, i_a, frame, fs_hz, machine),
        lines=_lines(u_v, i_a, frame, fs_hz, machine),
    )


def _winding(u_v: Array, i_a: Array, frame: Frame, fs_hz: float, machine: MachineData) -> Winding | None:
    r, l_q = magnet_data.resistance_ohm(machine), magnet_data.inductance_h(machine)
    if r is None or l_q is None:
        return None
    omega = 2 * math.pi * frame.hz
    found = winding_source(u_v, i_a, frame, fs_hz, complex(r.value, omega * l_q.value))
    ohm_u = math.hypot(r.u, omega * l_q.u)
    u1, i1 = sequences(phasors(u_v, frame)).positive, sequences(phasors(i_a, frame)).positive
    return Winding(
        source=_complex(found.source),
        measured=_complex(found.measured),
        zero_u=_complex(found.zero_u),
        negative_i=_complex(found.negative_i),
        u=found.u,
        data_u=ohm_u * abs(found.negative_i) * abs(i1 / u1),
        slope=found.slope,
        slope_u=_finite(found.slope_u),
    )


def _lines(u_v: Array, i_a: Array, frame: Frame, fs_hz: float, machine: MachineData) -> tuple[Line, ...]:
    if not machine.pole_pairs or machine.pole_pairs < 2:
        return ()
    r, l_q = magnet_data.resistance_ohm(machine), magnet_data.inductance_h(machine)
    r_ohm, l_h = (r.value, l_q.value) if r and l_q else (0.0, 0.0)
    found = order_lines(u_v, i_a, frame, fs_hz, machine.pole_pairs, r_ohm, l_h)
    return tuple(Line(**one._asdict()) for one in found)


def _gone(record: Record, rated_a: float | None) -> Gone | None:
    largest = float(np.nanmax(np.abs(record.i_a))) if np.isfinite(record.i_a).any() else 0.0
    floor_a = _GONE * rated_a if rated_a else _GONE_OF_LARGEST * largest
    found = current_gone(record.u_v, record.i_a, record.fs_hz, floor_a)
    if found is None:
        return None
    volts = None if math.isnan(found.voltage_v) else found.voltage_v
    return Gone(found.from_s, found.to_s, volts)


def _coast_wb(record: Record, gone: Gone) -> float | None:
    part = record.u_v[:, round(gone.from_s * record.fs_hz) : round(gone.to_s * record.fs_hz)]
    part = part[:, longest_gapless(part)]
    if gone.to_s - gone.from_s < _COAST_S or (frame := follow(part, record.fs_hz)) is None:
        return None
    if frame.hz < 0:
        part, frame = part[[0, 2, 1]], frame.reversed()
    emf = sequences(phasors(part, frame))
    return abs(emf.positive) / (2 * math.pi * frame.hz) if abs(emf.negative) < _SINE * abs(emf.positive) else None


def _lost(record: Record, rated_a: float | None) -> LostPhase | None:
    if not np.isfinite(record.i_a).any():
        return None
    step = max(round(_STEP_S * record.fs_hz), 1)
    whole = record.i_a[:, : record.i_a.shape[1] // step * step].reshape(3, -1, step)
    peaks = np.abs(whole).max(axis=2)
    if (peaks.min(axis=0) > _CARRIES * peaks.max(axis=0)).all():  # a comparison with NaN is False
        return None
    rms = math.sqrt(float(np.nanmean(record.i_a**2)))
    detector = PhaseLossDetector(record.fs_hz, JUDGED_FROM * (rated_a or rms))
    detector.push(record.i_a)
    if detector.loss is None:
        return None
    lost = detector.loss
    return LostPhase(lost.phase + 1, lost.sample / record.fs_hz, lost.found_sample / record.fs_hz)


def _finite(value: float) -> float:
    return value if value < UNKNOWN else UNKNOWN  # also of NaN


def _complex(value: complex) -> Complex:
    return Complex(value.real, value.imag)
