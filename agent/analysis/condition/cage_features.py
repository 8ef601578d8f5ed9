"""Features of a recording of a cage motor on the line: numbers that can be stored, compared and judged."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from msgspec import Struct

from agent.analysis.condition.cage_nameplate import load_and_slip
from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.phase_loss import LOST
from agent.analysis.condition.record import Array, Record
from dsp.condition import cage
from dsp.condition.cage_slots import slots
from dsp.condition.decimation import space_vector
from dsp.condition.spectrum import Baseband, Modulation, baseband, cycle_rms, frequency_hz, modulation

SHORTEST_S = 1.0  # of a part without gaps; below, nothing is computed
SUM_MAX = 0.2  # of the largest current: class and leakage give some percent, a missing or reversed channel 1 or 2
_LOST_CYCLES = 2
_SWITCHED_OFF = 1e3  # for a ratio to a current that is zero at the end
_SLIP_FROM, _SLIP_TO = 0.6, 1.4  # of rated slip × load: tolerance 20 %, and a rotor 80 K colder than at rated load
_MEASURED = 0.05  # of a slip from slot harmonics: load changes within the record
_SWING_HZ = 20.0  # highest frequency of a load oscillation


class CageLine(Struct, frozen=True):
    """As in dsp/condition/cage.py."""

    hz: float
    p: float
    q: float
    u: float
    rest: float
    rest_max: float
    floor_p: float
    floor_rest: float
    sidebands: float


class CageFeatures(Struct, frozen=True, kw_only=True):
    """Figures of one recording. None: not known or not computed.

    length_s: of the longest part without gaps, which alone is evaluated. dead_channels: channels without any value.
    f_hz: of the voltage. u1_v, i1_a: positive sequence, rms; i1_a, u2_v, i2_a as (real, imaginary) against u1_v.
    u_max_deviation: largest deviation of a line voltage from their mean, relative to it (NEMA MG 1, 12.45 [M]).
    i_v: rms of each current, i_sum: rms of their sum relative to the largest of them.
    clipped: largest share of samples near the peak of a current.
    u_low, u_high, u_event_s: extremes of the voltage of a cycle relative to its median, and the time of the largest.
    i_start: largest current of a cycle relative to the median of the last quarter of the record.
    i_first: mean current of the first half second, relative to the same.
    lost_s: when a phase was lost; lost_phase: which, 0 to 2.
    f_span_hz, i_span: largest minus smallest mean of a second, i relative to the mean without its largest oscillation.
    load: torque relative to rated. two_s_f_hz: expected frequency of the sidebands of the rotor.
    slope, slope_radius: dQ/dP of the motor at this load.
    rotor: largest line near two_s_f_hz that the load does not explain. swing: largest active line there. load_swing:
    largest active line anywhere. turn: at the speed of the shaft. supply: largest line of the voltage.
    slip_measured: True: two_s_f_hz is from the slot harmonics. slots, slots_eccentric: slot harmonics relative to the
    current, without and with dynamic eccentricity; slots_floor: noise there.
    cell_hz: resolution, 1/T. noise: floor of the rest near two_s_f_hz.
    """

    length_s: float = 0.0
    dead_channels: int = 0
    f_hz: float | None = None
    reversed_order: bool = False
    u1_v: float = 0.0
    i1_a: tuple[float, float] = (0.0, 0.0)
    u2_v: tuple[float, float] = (0.0, 0.0)
    i2_a: tuple[float, float] = (0.0, 0.0)
    u_max_deviation: float = 0.0
    phase_a: tuple[float, float, float] = (0.0, 0.0, 0.0)
    i_sum: float = 0.0
    clipped: float = 0.0
    u_low: float = 1.0
    u_high: float = 1.0
    u_event_s: float | None = None
    i_start: float = 1.0
    i_first: float = 1.0
    lost_s: float | None = None
    lost_phase: int | None = None
    f_span_hz: float = 0.0
    i_span: float = 0.0
    load: float | None = None
    two_s_f_hz: float | None = None
    slope: float | None = None
    slope_radius: float | None = None
    rotor: CageLine | None = None
    swing: CageLine | None = None
    load_swing: CageLine | None = None
    turn: CageLine | None = None
    slip_measured: bool = False
    slots: float | None = None
    slots_eccentric: float | None = None
    slots_floor: float | None = None
    supply_hz: float | None = None
    supply: float = 0.0
    cell_hz: float = 0.0
    noise: float | None = None

    @property
    def current_a(self) -> float:
        return math.hypot(*self.i1_a)

    @property
    def search_hz(self) -> tuple[float, float] | None:
        """Where the sidebands of a rotor may be."""
        if self.two_s_f_hz is None:
            return None
        low, high = _search(self.slip_measured)
        return low * self.two_s_f_hz, high * self.two_s_f_hz


def cage_features(record: Record, machine: MachineData) -> CageFeatures:
    """Features of the longest part without gaps."""
    channels = [*record.u_v, *record.i_a]
    dead = sum(bool(np.isnan(row).all()) for row in channels)
    part = cage.longest_complete(channels) if not dead else slice(0, 0)
    length_s = (part.stop - part.start) / record.fs_hz
    if length_s < SHORTEST_S:
        return CageFeatures(length_s=length_s, dead_channels=dead)
    u_v, i_a = record.u_v[:, part], record.i_a[:, part]
    f_hz = frequency_hz(space_vector(u_v[:, : round(record.fs_hz)]), record.fs_hz)
    found: dict[str, Any] = {
        "length_s": length_s,
        **_currents(i_a),
        "clipped": cage.clipped_share(i_a),
    }
    if not 10 < abs(f_hz) < record.fs_hz / 8:
        return CageFeatures(**found)
    start_s = part.start / record.fs_hz
    found |= _events(u_v, i_a, record.fs_hz, abs(f_hz), start_s)
    if found["i_sum"] > SUM_MAX:  # a channel is missing, not a phase
        found |= {"lost_s": None, "lost_phase": None}
    found |= _steady(u_v, i_a, record.fs_hz, machine)
    return CageFeatures(**found)


def _currents(i_a: Array) -> dict[str, Any]:
    products = _products(i_a)
    each = np.sqrt(np.diag(products)).tolist()
    total = math.sqrt(max(float(products.sum()), 0.0))
    return {"phase_a": tuple(each), "i_sum": total / max(each) if max(each) > 0 else 0.0}


def _products(x: Array) -> Array:
    """Mean products of three rows by pairs."""
    products: Array = np.array([[float(one @ other) for other in x] for one in x]) / x.shape[1]
    return products


def _events(u_v: Array, i_a: Array, fs_hz: float, f_hz: float, start_s: float) -> dict[str, Any]:
    u, i = cycle_rms(u_v, fs_hz, f_hz), cycle_rms(i_a, fs_hz, f_hz)
    half_s = round(fs_hz / f_hz / 2) / fs_hz
    middle = np.median(u, axis=1, keepdims=True)
    relative = u / np.where(middle > 0, middle, 1.0)
    deviation = np.abs(relative - 1).max(axis=0)
    total = i.mean(axis=0)
    end = float(np.median(total[-max(1, len(total) // 4) :]))
    products = _products(u_v)
    lines = np.sqrt([max(products[k, k] + products[k - 1, k - 1] - 2 * products[k, k - 1], 0.0) for k in range(3)])
    found: dict[str, Any] = {
        "u_low": float(relative.min()),
        "u_high": float(relative.max()),
        "u_event_s": start_s + float(deviation.argmax()) * half_s,
        "i_start": float(total.max()) / end if end > 0 else _SWITCHED_OFF,
        "i_first": float(total[: max(1, round(0.5 / half_s))].mean()) / end if end > 0 else _SWITCHED_OFF,
        "u_max_deviation": float(np.abs(lines - lines.mean()).max() / lines.mean()) if lines.mean() > 0 else 0.0,
    }
    return found | _lost(i, half_s, start_s)


def _lost(i: Array, half_s: float, start_s: float) -> dict[str, Any]:
    """A phase without current for two cycles while the other two carry like currents."""
    for phase in range(3):
        one, two = np.delete(i, phase, axis=0)
        like = (np.minimum(one, two) > 0.5 * np.maximum(one, two)) & (np.maximum(one, two) > 0.2 * float(i.max()))
        open_now = like & (i[phase] < LOST * (one + two) / 2)
        run = np.convolve(open_now, np.ones(2 * _LOST_CYCLES), "valid") >= 2 * _LOST_CYCLES
        if run.any():
            return {"lost_phase": phase, "lost_s": start_s + (int(run.argmax()) + 2 * _LOST_CYCLES) * half_s}
    return {}


def _steady(u_v: Array, i_a: Array, fs_hz: float, machine: MachineData) -> dict[str, Any]:
    base = baseband(u_v, i_a, fs_hz)
    mean = cage.sequences(base)
    power_w = 3 * mean.u1_v * mean.i1_a.real
    load, slip_hz = load_and_slip(machine, power_w, mean.u1_v, base.f_hz)
    frequency = np.diff(np.unwrap(np.angle(base.u))) * base.rate_hz / (2 * math.pi)
    found: dict[str, Any] = {
        "f_hz": base.f_hz, "reversed_order": base.reversed_order, "u1_v": mean.u1_v,
        "i1_a": _pair(mean.i1_a), "u2_v": _pair(mean.u2_v), "i2_a": _pair(mean.i2_a),
        "f_span_hz": cage.span(frequency, base.rate_hz), "load": load, "cell_hz": base.rate_hz / len(base.i),
        "two_s_f_hz": 2 * slip_hz if slip_hz is not None else None,
    }  # fmt: skip
    size = np.abs(base.i)
    if size.mean() <= 0 or abs(mean.i1_a.real) < 0.02 * abs(mean.i1_a):
        return found
    m = modulation(base)
    u_relative = mean.u1_v * math.sqrt(3) / machine.volts if machine.volts else 1.0
    slope = cage.load_slope(load if load is not None else 1.0, u_relative)
    found |= {"slope": slope.mean, "slope_radius": slope.radius}
    load_swing = cage.active_line(m, 0.0, _SWING_HZ, slope)
    rest = cage.without_line(size, base.rate_hz, load_swing.hz) if load_swing else size
    found |= {"load_swing": _stored(load_swing), "i_span": cage.span(rest, base.rate_hz) / float(size.mean())}
    supply = cage.supply_line(m, 0.0, 0.9 * base.f_hz)
    if supply is not None:
        found |= {"supply_hz": supply[0], "supply": supply[1]}
    if slip_hz is not None:
        found |= _slots(i_a, fs_hz, base, slip_hz, machine)
        slip_hz = float(found.get("two_s_f_hz", 2 * slip_hz)) / 2
        found |= _lines(m, base.f_hz, slip_hz, machine, slope, _search("slip_measured" in found))
    return found


def _search(measured: bool) -> tuple[float, float]:
    """Range of the slip, relative to that expected."""
    return (1 - _MEASURED, 1 + _MEASURED) if measured else (_SLIP_FROM, _SLIP_TO)


def _slots(i_a: Array, fs_hz: float, base: Baseband, slip_hz: float, machine: MachineData) -> dict[str, Any]:
    if not machine.rotor_bars or not machine.pole_pairs or slip_hz <= 0:
        return {}
    limits = _SLIP_FROM * slip_hz, _SLIP_TO * slip_hz
    seen = slots(i_a, fs_hz, base, machine.rotor_bars, machine.pole_pairs, limits)
    if seen is None:
        return {}
    return {"slip_measured": True, "two_s_f_hz": 2 * seen.slip_hz, "slots": seen.level,
            "slots_eccentric": seen.eccentric, "slots_floor": seen.floor}  # fmt: skip


def _lines(
    m: Modulation, f_hz: float, slip_hz: float, machine: MachineData, slope: cage.Slope, search: tuple[float, float]
) -> dict[str, Any]:
    low_hz, high_hz = 2 * slip_hz * search[0], 2 * slip_hz * search[1]
    middle = int(np.searchsorted(m.hz, 2 * slip_hz))
    pairs = machine.pole_pairs or 1
    fastest, slowest = (f_hz - search[0] * slip_hz) / pairs, (f_hz - search[1] * slip_hz) / pairs
    return {
        "rotor": _stored(cage.rotor_line(m, low_hz, high_hz, slope)),
        "swing": _stored(cage.active_line(m, low_hz, high_hz, slope)),
        "turn": _stored(cage.turn_line(m, slowest - m.cell_hz, fastest + m.cell_hz, slope)),
        "noise": cage.rest_floor(m, middle, slope) if high_hz < m.hz[-1] else None,
    }


def _stored(line: cage.Line | None) -> CageLine | None:
    return CageLine(*line) if line is not None else None


def _pair(value: complex) -> tuple[float, float]:
    return value.real, value.imag
