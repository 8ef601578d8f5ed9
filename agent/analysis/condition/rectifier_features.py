"""What a recording of the supply side of a drive shows, as numbers that can be stored as a baseline."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.phase_loss import LOST
from agent.analysis.condition.record import Array, Record
from dsp.condition.rectifier import (
    CycleLevels,
    OrderWindows,
    SupplyAngle,
    clipped_share,
    cycle_levels,
    order_windows,
    sequences,
    supply_angle,
)
from dsp.condition.rectifier_halves import half_waves, uneven_drive
from dsp.condition.rectifier_link import RATE_MIN, link_ripple, link_seen_from_line, loop_inductance_h

LOAD_MIN = 0.15  # of the rated power: below, a small unbalance of the supply shapes the currents of a bridge
WINDOWS_MIN = 5  # of ten cycles, half overlapping: 0.6 s at 50 Hz
Flags = npt.NDArray[np.bool_]
DIP = 0.9  # of the usual voltage (IEC 61000-4-30)
SUM_MAX = 0.1  # zero sequence: three conductors carry none, gains of channels make less
EMPTY = 0.02  # of the mean of the other two: until here nothing flows but crosstalk of the channels
# Of the mean half wave. An open diode leaves less than 1 % of its own (noise), and the two of some phase differ by 25 %
# or more; unbalance of the supply changes both of a phase alike, even orders one of them
# (independent model, 900 simulated machines at 15 to 110 % load, tests/support/condition/bridge.py).
HALF_OPEN, ASYMMETRIC = 0.04, 0.1


class RectifierFeatures(Struct, frozen=True):
    """Features of one recording; shares are of the fundamental. None: not measured.

    length_s, hz: of the recording. load: power over the rated one, its median.
    windows, steady_share: windows that can be judged, and their share of all.
    currents: all three were recorded. zero_share: their sum over three times the larger sequence; 0 without a neutral.
    clipped, voltage_clipped, link_clipped: a current, a voltage, or that of the
        link reached the limit of its converter.
    u1_v: positive sequence of the phase voltages, rms. u2_share, deviation_share: U2/U1 (IEC) and the largest deviation
        of a line voltage from their mean (NEMA).
    u_even_share: 2nd and 4th order of the voltage, the larger one. dead_voltage: phase (1 … 3) without voltage while
        its current flows.
    dip_share, dip_s, dip_at_s: lowest voltage over the usual one, duration, time of the beginning; None: no dip.
    dc_share, second_share, fourth_share: of the currents, largest phase.
    half_share: smallest half wave over the mean of the six; half_asymmetry: largest difference of the two of a phase.
    uneven_share: largest difference of the line voltages that drive the two diodes of a phase. These six are of the
        time since the first open diode, if one was seen.
    open_from_s: time since when the currents are those of an open diode, to the end. open_windows: share of
        windows.
    lost_phase, lost_share, lost_from_s: phase (1 … 3) without current, its share of the others, since when to the end.
    line_c_uf, line_spread, line_loop_mh: capacitance and inductance seen from the supply alone, median of the three
        pairs of phases; largest over smallest of the capacitances.
    link_hz: sampling rate of the link's voltage. c_uf, c_u95_share, ripple_v: capacitance of the link, its statistical
        uncertainty, ripple at the sixth order. loop_mh: inductance of two phases and choke.
    """

    length_s: float
    hz: float | None = None
    currents: bool = False
    zero_share: float = 0.0
    load: float | None = None
    windows: int = 0
    steady_share: float = 0.0
    clipped: bool = False
    voltage_clipped: bool = False
    link_clipped: bool = False
    u1_v: float | None = None
    u2_share: float | None = None
    deviation_share: float | None = None
    u_even_share: float | None = None
    dead_voltage: int | None = None
    dip_share: float | None = None
    dip_s: float | None = None
    dip_at_s: float | None = None
    dc_share: float | None = None
    second_share: float | None = None
    fourth_share: float | None = None
    half_share: float | None = None
    half_asymmetry: float | None = None
    uneven_share: float | None = None
    open_from_s: float | None = None
    open_windows: float = 0.0
    lost_phase: int | None = None
    lost_share: float | None = None
    lost_from_s: float | None = None
    c_uf: float | None = None
    c_u95_share: float | None = None
    ripple_v: float | None = None
    loop_mh: float | None = None
    link_hz: float | None = None
    line_c_uf: float | None = None
    line_spread: float | None = None
    line_loop_mh: float | None = None


def rectifier_features(record: Record, machine: MachineData) -> RectifierFeatures:
    """The features of a recording at the input of a drive."""
    has_u, has_i = (bool(np.isfinite(rows).any(axis=1).all()) for rows in (record.u_v, record.i_a))
    supply = supply_angle(record.u_v if has_u else record.i_a, record.fs_hz) if has_u or has_i else None
    if supply is None:
        return RectifierFeatures(record.length_s)
    windows = order_windows(record.u_v, record.i_a, record.fs_hz, supply)
    levels = cycle_levels(record.u_v, record.i_a, record.fs_hz, supply.hz)
    load = _load(windows, machine, has_u, supply.swapped)
    found: dict[str, Any] = {"hz": supply.hz, **_dip(levels)}
    if np.isfinite(load).any():
        found["load"] = float(np.nanmedian(load))
    calm = _calm(windows, levels)
    if has_u:
        found["voltage_clipped"] = any(clipped_share(row) > 0 for row in record.u_v)
        found |= _voltage(windows, calm, levels, supply.swapped)
    if has_i:
        found |= {"currents": True, "zero_share": _zero_share(windows, supply.swapped)}
        found["clipped"] = any(clipped_share(row) > 0 for row in record.i_a)
        judged = calm & np.isfinite(windows.i[:, :, :5]).all(axis=(1, 2)) & ~(load < LOAD_MIN)
        found |= {"windows": int(judged.sum()), "steady_share": float(judged.mean()) if len(judged) else 0.0}
        found |= _diodes(windows, half_waves(record.i_a, supply, of_voltage=has_u), judged)
        found |= _lost_phase(levels, windows, load)
    if has_i and record.u_dc_v is not None and record.u_dc_hz is not None:
        found |= _link(record, supply, calm)
    if has_u and has_i and calm.all():
        found |= _seen_from_line(record, supply)
    return RectifierFeatures(record.length_s, **found)


def _load(windows: OrderWindows, machine: MachineData, has_u: bool, swapped: bool) -> Array:
    """Power over the rated one by window; NaN: not known."""
    if not machine.kw:
        return np.full(len(windows.t_s), np.nan)
    if has_u:
        return np.abs(windows.p_w) / (machine.kw * 1e3)
    i_1: Array = np.abs(sequences(windows.i[:, :, 1], swapped)[:, 1]) / math.sqrt(2)
    return i_1 * math.sqrt(3) * (machine.volts or math.nan) / (machine.kw * 1e3)  # cos φ of the fundamental is about 1


def _zero_share(windows: OrderWindows, swapped: bool) -> float:
    parts = np.abs(sequences(windows.i[:, :, 1], swapped))
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = parts[:, 0] / parts[:, 1:].max(axis=1)
    shares = shares[np.isfinite(shares)]
    return float(np.median(shares)) if len(shares) else 0.0


def _medians(rows: Array) -> Array:
    """Median of each row without its missing values; NaN where all are missing."""
    return np.array([np.median(row[np.isfinite(row)]) if np.isfinite(row).any() else np.nan for row in rows])


def _depth(levels: CycleLevels) -> Array:
    """Lowest phase voltage over its usual one, at each half cycle; 1 where no voltage was recorded."""
    usual = _medians(levels.u_v)[:, None]
    relative = levels.u_v / np.where(usual > 0, usual, np.nan)
    lowest: Array = np.min(np.where(np.isfinite(relative), relative, 1.0), axis=0)
    return lowest


def _dip(levels: CycleLevels) -> dict[str, float]:
    depth = _depth(levels)
    low = np.flatnonzero(depth < DIP)
    if not len(low):
        return {}
    half_s = float(np.median(np.diff(levels.t_s))) if len(depth) > 1 else 0.0
    return {"dip_share": float(depth.min()), "dip_s": len(low) * half_s, "dip_at_s": float(levels.t_s[low[0]])}


def _calm(windows: OrderWindows, levels: CycleLevels) -> Flags:
    """Windows without a dip within them or 0.3 s before, after which the link charges again."""
    times = levels.t_s[_depth(levels) < DIP]
    half_s = 5 / 40
    calm = np.isfinite(windows.hz)
    for t_s in times:
        calm &= ~((windows.t_s > t_s - half_s - 0.05) & (windows.t_s < t_s + half_s + 0.3))
    return calm


def _voltage(windows: OrderWindows, calm: Flags, levels: CycleLevels, swapped: bool) -> dict[str, float]:
    good = calm & np.isfinite(windows.u[:, :, 1]).all(axis=1)
    if not good.any():
        return {}
    parts = np.abs(sequences(windows.u[good][:, :, 1], swapped))
    phases = windows.u[good][:, :, 1]
    lines = np.abs(phases - np.roll(phases, -1, axis=1))
    mean = lines.mean(axis=1, keepdims=True)
    found = {
        "u1_v": float(np.median(parts[:, 1])) / math.sqrt(2),
        "u2_share": float(np.median(parts[:, 2] / parts[:, 1])),
        "deviation_share": float(np.median(np.max(np.abs(lines - mean) / mean, axis=1))),
    }
    even = np.abs(windows.u[good][:, :, [2, 4]]).max(axis=(1, 2)) / parts[:, 1]
    if np.isfinite(even).any():
        found["u_even_share"] = float(np.nanmedian(even))
    u, i = _medians(levels.u_v), _medians(levels.i_a)
    weak = int(np.argmin(u))
    if u[weak] < 0.5 * np.delete(u, weak).mean() and i[weak] > 0.3 * np.delete(i, weak).mean():
        found["dead_voltage"] = weak + 1
    return found


def _diodes(windows: OrderWindows, halves: Array, judged: Flags) -> dict[str, float]:
    """Half waves and even orders of the currents, and since when a half wave of one phase is missing."""
    judged = judged & np.isfinite(halves).all(axis=(1, 2))
    if not judged.any():
        return {}
    relative = halves[judged] / halves[judged].mean(axis=(1, 2), keepdims=True)
    smallest, asymmetry = relative.min(axis=(1, 2)), np.abs(relative[:, 0] - relative[:, 1]).max(axis=1)
    is_open = (smallest < HALF_OPEN) & (asymmetry > ASYMMETRIC)
    found = {"open_windows": float(is_open.mean())}
    begin = _begin_of_end(is_open)
    if begin is not None:
        found["open_from_s"] = float(windows.t_s[judged][begin])
    shown = slice(begin, None)
    u, i = windows.u[judged][shown].mean(axis=0), windows.i[judged][shown]
    fundamental = np.abs(i[:, :, 1]).mean(axis=1)
    for name, order in (("dc_share", 0), ("second_share", 2), ("fourth_share", 4)):
        found[name] = float(np.median(np.abs(i[:, :, order]).max(axis=1) / fundamental))
    if np.isfinite(u[:, 1]).all():
        found["uneven_share"] = uneven_drive(u, i.mean(axis=0))
    return found | {
        "half_share": float(np.median(smallest[shown])),
        "half_asymmetry": float(np.median(asymmetry[shown])),
    }


def _begin_of_end(flags: Flags) -> int | None:
    """Index from which at least WINDOWS_MIN flags are set to the end; a single one that is not set does not count."""
    bridged = flags.copy()
    bridged[1:-1] |= flags[:-2] & flags[2:]
    unset = np.flatnonzero(~bridged)
    begin = int(unset[-1]) + 1 if len(unset) else 0
    return begin if len(flags) - begin >= WINDOWS_MIN else None


def _lost_phase(levels: CycleLevels, windows: OrderWindows, load: Array) -> dict[str, float]:
    """The phase that carries no current to the end of the recording, while the others carry the load."""
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.array([row / np.delete(levels.i_a, k, axis=0).mean(axis=0) for k, row in enumerate(levels.i_a)])
    if not np.isfinite(shares).all(axis=0).any():
        return {}
    loaded = np.ones(len(levels.t_s), dtype=bool)
    if len(load) and np.isfinite(load).any():
        known = np.isfinite(load)
        loaded = np.interp(levels.t_s, windows.t_s[known], load[known]) >= LOAD_MIN
    for phase, share in enumerate(shares):
        gone = (share < LOST) & loaded
        unset = np.flatnonzero(~gone & np.isfinite(share))
        begin = int(unset[-1]) + 1 if len(unset) else 0
        if np.count_nonzero(gone[begin:]) >= 20:  # half cycles: 0.2 s at 50 Hz, longer than a bridge recharges its link
            since = share[begin:][gone[begin:]]
            return {
                "lost_phase": phase + 1,
                "lost_share": float(np.median(since)),
                "lost_from_s": float(levels.t_s[begin]),
            }
    return {}


def _seen_from_line(record: Record, supply: SupplyAngle) -> dict[str, float]:
    seen = link_seen_from_line(record.u_v, record.i_a, record.fs_hz, supply)
    if not np.isfinite(seen.c_f).all():
        return {}
    return {
        "line_c_uf": float(np.median(seen.c_f)) * 1e6,
        "line_spread": float(seen.c_f.max() / seen.c_f.min()),
        "line_loop_mh": float(np.median(seen.loop_h)) * 1e3,
    }


def _link(record: Record, supply: SupplyAngle, calm: Flags) -> dict[str, float]:
    assert record.u_dc_v is not None
    assert record.u_dc_hz is not None
    found: dict[str, float] = {"link_hz": record.u_dc_hz, "link_clipped": clipped_share(record.u_dc_v) > 0}
    if record.u_dc_hz < RATE_MIN * supply.hz or record.fs_hz < RATE_MIN * supply.hz:
        return found
    ripple = link_ripple(record.i_a, record.fs_hz, record.u_dc_v, record.u_dc_hz, supply)
    good = calm & np.isfinite(ripple.c_f)
    if np.count_nonzero(good) < WINDOWS_MIN:
        return found
    c_f = ripple.c_f[good]
    spread = 1.48 * float(np.median(np.abs(c_f - np.median(c_f)))) / float(np.median(c_f))
    found |= {"c_uf": float(np.median(c_f)) * 1e6, "ripple_v": float(np.median(ripple.u_v[good]))}
    found["c_u95_share"] = 2 * spread / math.sqrt(len(c_f) / 2)  # half of the windows are independent
    loop_h = loop_inductance_h(record.u_v, record.i_a, record.fs_hz, record.u_dc_v, record.u_dc_hz)
    return found if loop_h is None else {**found, "loop_mh": loop_h * 1e3}
