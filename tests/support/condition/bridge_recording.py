"""Recordings of simulated bridges: converters, gains, offsets, current transformers, wandering supply and load."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from support.condition.bridge import STEPS, Array, Bridge, diodes, solve, steady_cycle

from agent.analysis.condition.record import Record


@dataclass
class Instrument:
    """How a bridge is recorded. bits: of the converters; scale, link_scale: full scale over the largest
    value, of currents and voltages, and of the link.

    gain, offset: largest errors, relative, of full scale. transformer: the currents lose their direct part.
    swapped: phases in the order 1, 3, 2.
    """

    fs_hz: float = 5000.0
    link_hz: float = 2500.0
    seconds: float = 4.0
    bits: int = 13
    scale: float = 2.0
    link_scale: float = 1.3
    gain: float = 0.005
    offset: float = 0.001
    transformer: bool = False
    swapped: bool = False


def steady_record(bridge: Bridge, how: Instrument, random: np.random.Generator) -> Record:
    """A recording of steady operation; the supply wanders by some 20 mHz and the load by 0.4 %."""
    i, u_dc = steady_cycle(bridge)
    t, link_t = (np.arange(round(how.seconds * rate)) / rate for rate in (how.fs_hz, how.link_hz))
    begin, wander, slow = random.uniform(0, 2 * math.pi), random.uniform(0.005, 0.03), random.uniform(0.05, 0.4)

    def angle(at: Array) -> Array:
        return 2 * math.pi * bridge.hz * at + begin + wander / slow * np.sin(2 * math.pi * slow * at)

    load = 1 + 0.004 * np.cumsum(random.standard_normal(len(t))) / math.sqrt(how.fs_hz)
    currents = np.array([_at(row, angle(t)) * load for row in i]) + bridge.filter_currents(angle(t))
    mean = u_dc.mean()
    link = mean + (_at(u_dc, angle(link_t)) - mean) * np.interp(link_t, t, load)
    rate = np.gradient(np.concatenate([i, i, i], axis=1), axis=1)[:, STEPS : 2 * STEPS] * bridge.hz * STEPS
    drop = np.array([_at(row, angle(t)) for row in rate]) * bridge.source_share * bridge.line_h
    return _converted(how, random, bridge.voltages(angle(t)) - drop, currents, link)


def changing_record(
    bridge: Bridge, how: Instrument, random: np.random.Generator, *, change_s: float, power_w: float | None = None,
    opened: tuple[tuple[int, int], ...] | None = None, dip: tuple[float, float] | None = None,
) -> Record:  # fmt: skip
    """A recording in which something changes at change_s: the load, diodes that open, or a dip of (depth, seconds)."""
    settle_s = 0.6
    n = round((how.seconds + settle_s) * bridge.hz * STEPS)
    t = np.arange(n) / (bridge.hz * STEPS) - settle_s
    u = bridge.voltages(2 * math.pi * bridge.hz * t)
    if dip is not None:
        u = u * np.where((t >= change_s) & (t < change_s + dip[1]), dip[0], 1.0)
    after = round((change_s + settle_s) * bridge.hz * STEPS)
    is_late = np.arange(n) >= after
    load = np.where(is_late, bridge.p_w if power_w is None else power_w, bridge.p_w).astype(float)
    late = diodes(bridge.open_diodes if opened is None else opened)
    i, u_dc = solve(bridge, u, load, np.where(is_late[:, None, None], late, diodes(bridge.open_diodes)))
    at, link_at = (np.arange(round(how.seconds * rate)) / rate for rate in (how.fs_hz, how.link_hz))
    rows = [np.array([np.interp(at, t, row) for row in rows]) for rows in (u, i)]
    return _converted(how, random, *rows, np.interp(link_at, t, u_dc))


def _at(cycle: Array, angle: Array) -> Array:
    return np.interp(angle % (2 * math.pi), np.arange(STEPS + 1) * (2 * math.pi / STEPS), np.append(cycle, cycle[0]))


def _converted(how: Instrument, random: np.random.Generator, u: Array, i: Array, link: Array) -> Record:
    if how.transformer:
        i = i - i.mean(axis=1, keepdims=True)
    order = [0, 2, 1] if how.swapped else [0, 1, 2]
    u, i = (np.array([_channel(how, random, row, float(np.abs(rows).max())) for row in rows[order]]) for rows in (u, i))
    return Record(
        how.fs_hz,
        u,
        i,
        _channel(how, random, link, float(np.abs(link).max()) * how.link_scale / how.scale),
        how.link_hz,
    )


def _channel(how: Instrument, random: np.random.Generator, row: Array, largest: float) -> Array:
    """Gain, offset, noise of 0.45 steps, quantisation and the limit of a converter."""
    full = how.scale * largest
    step = full / 2 ** (how.bits - 1)
    value = row * (1 + random.uniform(-how.gain, how.gain)) + random.uniform(-how.offset, how.offset) * full
    value = np.round((value + 0.45 * step * random.standard_normal(len(row))) / step) * step
    return np.clip(value, -full, full - step)
