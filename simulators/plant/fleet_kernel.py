"""Compiled kernel of fleet: the steady-state model of induction.py, magnet.py, drive.py and pump.py, step by step.

The same equations in real numbers. Each step starts from the previous solution and follows a secant: two or three
evaluations.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from simulators.plant._arrays import Floats
from simulators.plant._jit import kernel, part
from simulators.plant.drive import LossTerms

FIELDS = (
    "input_w", "motor_input_w", "shaft_w", "current_a", "speed_rad_s", "reactive_var", "winding_degc", "flow_m3_s",
    "volts_v", "frequency_hz",
)  # fmt: skip
_ENOUGH = 1e-9  # of rated power
_TRIES = 60


class PumpLaw(NamedTuple):
    """Parameters of a pump; power P·n³·(b0 + b1·φ/n + b2·(φ/n)²), required head static + dynamic·Q²."""

    speed_rad_s: float
    flow_m3_s: float
    power_w: float
    b0: float
    b1: float
    b2: float
    head0_m: float
    need_static_m: float
    need_dynamic: float


class Direct(NamedTuple):
    """Parameters of an induction motor direct on line; SI units, reactances at frequency_hz."""

    frequency_hz: float
    pole_pairs: float
    rs: float
    x1: float
    rr: float
    x2: float
    xm: float
    core_s: float
    friction_w: float
    additional_per_a2: float  # W at rated speed
    rated_rad_s: float
    power_w: float
    slips_inv: float  # table rows for each unit of slip


class Driven(NamedTuple):
    """Parameters of a magnet motor on a drive; SI units."""

    pole_pairs: float
    omega_rated: float
    rs20: float
    copper_per_k: float
    ld: float
    lq: float
    flux20: float
    magnet_per_k: float
    core_s: float
    hysteresis: float
    friction_w: float
    additional_per_a2: float  # W at rated speed and 1 A, peak
    power_w: float
    rise_k_per_w: float
    coolant_degc: float
    stay: float
    choke_ohm: float
    source_ohm: float
    unbalance: float
    loss: LossTerms


@kernel
def wander(normals: Floats, keep: float, spread: float, stay: float, state: Floats, out: Floats) -> None:
    """Compute wander.Wander over many steps. state: raw value, value after the lag."""
    raw, value = state[0], state[1]
    for k in range(out.size):
        raw = raw * keep + spread * normals[k]
        value = value * stay + raw * (1.0 - stay)
        out[k] = value
    state[0], state[1] = raw, value


@part
def _pump_w(p: PumpLaw, phi: float, relative: float) -> float:
    """Return P·n³·(b0 + b1·φ/n + b2·(φ/n)²) without a division. phi: flow relative to the design flow."""
    return p.power_w * relative * (relative * (p.b0 * relative + p.b1 * phi) + p.b2 * phi * phi)


@part
def _between(table: Floats, column: int, at: float) -> float:
    row = int(at)
    low: float = table[row, column]
    high: float = table[row + 1, column]
    return low + (high - low) * (at - row)


@part
def _at_slip(
    c: Direct, rest: Floats, u2: float, k: float, b_m: float, turn0: float, slip: float
) -> tuple[float, float, float, float]:
    """Return shaft power, current² of the fundamental, and its resistance and reactance."""
    x2 = slip * c.x2 * k
    inv_rotor = 1.0 / (c.rr * c.rr + x2 * x2)
    rotor_g = slip * c.rr * inv_rotor
    g, b = c.core_s + rotor_g, b_m - slip * x2 * inv_rotor
    inv_gap = 1.0 / (g * g + b * b)
    r, x = c.rs + g * inv_gap, c.x1 * k - b * inv_gap
    i2 = u2 / (r * r + x * x)
    turn = turn0 * (1.0 - slip)
    gap = 3.0 * i2 * inv_gap * rotor_g * (1.0 - slip) + u2 * _between(rest, 1, _place(c, rest, slip))
    return gap - turn * (c.friction_w * turn + c.additional_per_a2 * i2), i2, r, x


@part
def _place(c: Direct, rest: Floats, slip: float) -> float:
    last: float = rest.shape[0] - 1.001
    return min(max(slip * c.slips_inv, 0.0), last)


@kernel
def direct(
    c: Direct, p: PumpLaw, rest: Floats, volts: Floats, hz: Floats, flow: Floats, state: Floats, every: int, out: Floats
) -> int:
    """Fill `out` with means over `every` steps; return the step without a solution, or −1.

    rest: contribution of the other components to input, gap power, current² and reactive power against slip, for 1 V².
    state: slip, slope of the missing power.
    """
    slip, slope = state[0], state[1]
    breakdown = (rest.shape[0] - 1) / c.slips_inv
    mean = np.zeros(out.shape[1])
    for n in range(volts.size):
        u2, k, phi = volts[n] * volts[n], hz[n] / c.frequency_hz, flow[n] / p.flow_m3_s
        b_m, speed0 = -1.0 / (c.xm * k), 2.0 * math.pi * hz[n] / c.pole_pairs
        turn0, relative0 = speed0 / c.rated_rad_s, speed0 / p.speed_rad_s
        shaft, i2, r, x = _at_slip(c, rest, u2, k, b_m, turn0, slip)
        missing = _pump_w(p, phi, relative0 * (1.0 - slip)) - shaft
        tries = 0
        while abs(missing) > _ENOUGH * c.power_w:
            change = -missing / slope
            slip += change
            before = missing
            shaft, i2, r, x = _at_slip(c, rest, u2, k, b_m, turn0, slip)
            missing = _pump_w(p, phi, relative0 * (1.0 - slip)) - shaft
            if change != 0.0 and missing != before:
                slope = (missing - before) / change
            tries += 1
            if tries > _TRIES or slope >= 0.0 or slip > breakdown:
                return n
        at = _place(c, rest, slip)
        taken = 3.0 * i2 * r + u2 * _between(rest, 0, at)
        mean[0] += taken
        mean[1] += taken
        mean[2] += shaft
        mean[3] += math.sqrt(i2 + u2 * _between(rest, 2, at))
        mean[4] += speed0 * (1.0 - slip)
        mean[5] += 3.0 * i2 * x + u2 * _between(rest, 3, at)
        mean[7] += flow[n]
        mean[8] += volts[n]
        mean[9] += hz[n]
        if (n + 1) % every == 0:
            for j in range(mean.size):
                out[n // every, j] = mean[j] / every
                mean[j] = 0.0
    state[0], state[1] = slip, slope
    return -1


@part
def _at_current(
    m: Driven, omega: float, ratio: float, rs: float, flux: float, core_s: float, iq_m: float
) -> tuple[float, float, float]:
    """Return input, shaft power and current² (peak) without d current."""
    id_m = core_s * omega * m.lq * iq_m
    flux_d, flux_q = flux + m.ld * id_m, m.lq * iq_m
    iq = iq_m + core_s * omega * flux_d
    gap = 1.5 * omega * (flux_d * iq_m - flux_q * id_m)
    shaft = gap - ratio * (m.friction_w * ratio + m.additional_per_a2 * iq * iq)
    return 1.5 * (rs * iq + omega * flux_d) * iq, shaft, iq * iq


@kernel
def driven(
    m: Driven,
    p: PumpLaw,
    table: Floats,
    volts: Floats,
    hz: Floats,
    flow: Floats,
    state: Floats,
    every: int,
    out: Floats,
) -> int:
    """Same as `direct`, for a magnet motor on a drive.

    table: p, dc, linear, squares, reactive share, product with the next row.
    state: iq, slope, winding temperature.
    """
    iq, slope, degc = state[0], state[1], state[2]
    mean = np.zeros(out.shape[1])
    row, last, lost = 0, table.shape[0] - 2, m.loss
    for n in range(volts.size):
        q = flow[n]
        relative = math.sqrt((p.need_static_m + p.need_dynamic * q * q) / p.head0_m)
        speed = relative * p.speed_rad_s
        wanted = _pump_w(p, q / p.flow_m3_s, relative)
        omega = speed * m.pole_pairs
        ratio = omega / m.omega_rated
        rs = m.rs20 * (1.0 + m.copper_per_k * (degc - 20.0))
        flux = m.flux20 * (1.0 + m.magnet_per_k * (degc - 35.0))  # magnets 15 K cooler than the winding
        core_s = m.core_s * (m.hysteresis / ratio + 1.0 - m.hysteresis)
        taken, shaft, i2 = _at_current(m, omega, ratio, rs, flux, core_s, iq)
        missing = wanted - shaft
        tries = 0
        while abs(missing) > _ENOUGH * m.power_w:
            change = -missing / slope
            iq += change
            before = missing
            taken, shaft, i2 = _at_current(m, omega, ratio, rs, flux, core_s, iq)
            missing = wanted - shaft
            if change != 0.0 and missing != before:
                slope = (missing - before) / change
            tries += 1
            if tries > _TRIES or slope >= 0.0:
                return n
        u1 = volts[n]
        peak = math.sqrt(6.0) * u1
        x = taken * m.choke_ohm * hz[n] / 50.0 / (peak * peak)
        while row < last and x > table[row + 1, 0]:
            row += 1
        while row > 0 and x <= table[row, 0]:
            row -= 1
        w = min(max((x - table[row, 0]) / (table[row + 1, 0] - table[row, 0]), 0.0), 1.0)
        v = 1.0 - w
        i = math.sqrt(0.5 * i2)
        dc = (table[row, 1] * v + table[row + 1, 1] * w) * peak
        d = taken / dc
        heat = lost.fixed_w + i * (lost.a + lost.a2 * i + lost.va * dc + lost.cross * d)
        heat += d * (lost.dc + lost.b + lost.b2 * d)
        need = (taken + heat) / 3.0
        linear = u1 * (table[row, 2] * v + table[row + 1, 2] * w)
        squares = table[row, 3] * v * v + table[row + 1, 3] * w * w + 2.0 * table[row, 5] * v * w
        i1 = 2.0 * need / (linear + math.sqrt(linear * linear - 4.0 * m.source_ohm * (squares - 1.0) * need))
        mean[0] += taken + heat
        mean[1] += taken
        mean[2] += shaft
        mean[3] += i1 * math.sqrt(squares + m.unbalance)
        mean[4] += speed
        mean[5] += 3.0 * u1 * i1 * (table[row, 4] * v + table[row + 1, 4] * w)
        mean[6] += degc
        mean[7] += q
        mean[8] += volts[n]
        mean[9] += hz[n]
        degc = degc * m.stay + (m.coolant_degc + m.rise_k_per_w * (taken - shaft)) * (1.0 - m.stay)
        if (n + 1) % every == 0:
            for j in range(mean.size):
                out[n // every, j] = mean[j] / every
                mean[j] = 0.0
    state[0], state[1], state[2] = iq, slope, degc
    return -1
