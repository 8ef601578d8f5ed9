"""The compiled heart of fleet: the steady tier of induction.py, magnet.py, drive.py and pump.py, step after step.

The same equations in real numbers. Unknowns start from the step before and follow a secant: two or three evaluations.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from simulators.plant._arrays import Floats
from simulators.plant._jit import kernel, part

FIELDS = (
    "input_w", "motor_input_w", "shaft_w", "current_a", "speed_rad_s", "reactive_var", "winding_degc", "flow_m3_s",
    "volts_v", "frequency_hz",
)  # fmt: skip
_ENOUGH = 1e-9  # of rated power
_TRIES = 60


class PumpLaw(NamedTuple):
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
    frequency_hz: float
    pole_pairs: float
    rs: float
    x1: float
    rr: float
    x2: float
    xm: float
    core_s: float
    friction_w: float
    additional_w: float
    current_a: float
    rated_rad_s: float
    power_w: float
    slip_step: float  # of the table


class Driven(NamedTuple):
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
    additional_w: float
    current_a: float
    power_w: float
    rise_k_per_w: float
    coolant_degc: float
    stay: float
    choke_ohm: float
    source_ohm: float
    unbalance: float
    drive_power_w: float
    drive_current_a: float
    standby_w: float
    conduction_w: float
    conduction2_w: float
    switching_w: float
    bridge_w: float
    bridge2_w: float


@kernel
def wander(normals: Floats, keep: float, spread: float, stay: float, state: Floats, out: Floats) -> None:
    """wander.Wander over many steps. state: raw value, value after the lag."""
    raw, value = state[0], state[1]
    for k in range(out.size):
        raw = raw * keep + spread * normals[k]
        value = value * stay + raw * (1.0 - stay)
        out[k] = value
    state[0], state[1] = raw, value


@part
def _pump_w(p: PumpLaw, flow: float, relative: float) -> float:
    phi = flow / p.flow_m3_s / relative
    return p.power_w * relative * relative * relative * (p.b0 + phi * (p.b1 + phi * p.b2))


@part
def _at_slip(c: Direct, rest: Floats, u1: float, hz: float, slip: float) -> tuple[float, float, float, float, float]:
    """Input, shaft, current², reactive power and speed. rest: table over slip of what the other components add."""
    k = hz / c.frequency_hz
    x2 = slip * c.x2 * k
    inv_rotor = 1.0 / (c.rr * c.rr + x2 * x2)
    rotor_g = slip * c.rr * inv_rotor
    g, b = c.core_s + rotor_g, -1.0 / (c.xm * k) - slip * x2 * inv_rotor
    inv_gap = 1.0 / (g * g + b * b)
    r, x = c.rs + g * inv_gap, c.x1 * k - b * inv_gap
    i2 = u1 * u1 / (r * r + x * x)
    at = min(max(slip / c.slip_step, 0.0), rest.shape[0] - 1.001)
    row = int(at)
    w = at - row
    u2 = u1 * u1
    speed = 2.0 * math.pi * hz / c.pole_pairs * (1.0 - slip)
    turn = speed / c.rated_rad_s
    gap = 3.0 * i2 * inv_gap * rotor_g * (1.0 - slip) + u2 * (rest[row, 1] * (1.0 - w) + rest[row + 1, 1] * w)
    shaft = gap - c.friction_w * turn * turn - c.additional_w * i2 / (c.current_a * c.current_a) * turn
    taken = 3.0 * i2 * r + u2 * (rest[row, 0] * (1.0 - w) + rest[row + 1, 0] * w)
    all_i2 = i2 + u2 * (rest[row, 2] * (1.0 - w) + rest[row + 1, 2] * w)
    reactive = 3.0 * i2 * x + u2 * (rest[row, 3] * (1.0 - w) + rest[row + 1, 3] * w)
    return taken, shaft, all_i2, reactive, speed


@kernel
def direct(
    c: Direct, p: PumpLaw, rest: Floats, volts: Floats, hz: Floats, flow: Floats, state: Floats, every: int, out: Floats
) -> int:
    """state: slip, slope of the missing power. Fills means over `every` steps; the step that found no answer, or −1."""
    slip, slope = state[0], state[1]
    breakdown = c.slip_step * (rest.shape[0] - 1)
    mean = np.zeros(out.shape[1])
    for n in range(volts.size):
        taken, shaft, i2, reactive, speed = _at_slip(c, rest, volts[n], hz[n], slip)
        missing = _pump_w(p, flow[n], speed / p.speed_rad_s) - shaft
        tries = 0
        while abs(missing) > _ENOUGH * c.power_w:
            change = -missing / slope
            slip += change
            before = missing
            taken, shaft, i2, reactive, speed = _at_slip(c, rest, volts[n], hz[n], slip)
            missing = _pump_w(p, flow[n], speed / p.speed_rad_s) - shaft
            if change != 0.0 and missing != before:
                slope = (missing - before) / change
            tries += 1
            if tries > _TRIES or slope >= 0.0 or slip > breakdown:
                return n
        mean[0] += taken
        mean[1] += taken
        mean[2] += shaft
        mean[3] += math.sqrt(i2)
        mean[4] += speed
        mean[5] += reactive
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
def _at_current(m: Driven, speed: float, iq_m: float, degc: float) -> tuple[float, float, float, float]:
    """Input, shaft, losses and current² (peak) under no d current; the magnets are 15 K cooler than the winding."""
    omega = speed * m.pole_pairs
    ratio = omega / m.omega_rated
    rs = m.rs20 * (1.0 + m.copper_per_k * (degc - 20.0))
    flux = m.flux20 * (1.0 + m.magnet_per_k * (degc - 35.0))
    core_s = m.core_s * (m.hysteresis / ratio + 1.0 - m.hysteresis)
    id_m = core_s * omega * m.lq * iq_m
    flux_d, flux_q = flux + m.ld * id_m, m.lq * iq_m
    iq = iq_m + core_s * omega * flux_d
    i2 = iq * iq
    gap = 1.5 * omega * (flux_d * iq_m - flux_q * id_m)
    shaft = gap - m.friction_w * ratio * ratio - m.additional_w * 0.5 * i2 / (m.current_a * m.current_a) * ratio
    taken = 1.5 * (rs * iq + omega * flux_d) * iq
    return taken, shaft, taken - shaft, i2


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
    """table: p, dc, linear, squares, reactive share, product with the next row. state: iq, slope, winding temperature.

    Returns as `direct`.
    """
    iq, slope, degc = state[0], state[1], state[2]
    mean = np.zeros(out.shape[1])
    row, last = 0, table.shape[0] - 2
    for n in range(volts.size):
        q = flow[n]
        relative = math.sqrt((p.need_static_m + p.need_dynamic * q * q) / p.head0_m)
        speed = relative * p.speed_rad_s
        wanted = _pump_w(p, q, relative)
        taken, shaft, lost, i2 = _at_current(m, speed, iq, degc)
        missing = wanted - shaft
        tries = 0
        while abs(missing) > _ENOUGH * m.power_w:
            change = -missing / slope
            iq += change
            before = missing
            taken, shaft, lost, i2 = _at_current(m, speed, iq, degc)
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
        i = math.sqrt(0.5 * i2) / m.drive_current_a
        share = taken / m.drive_power_w
        dc = (table[row, 1] * v + table[row + 1, 1] * w) * peak
        heat = m.standby_w + i * (m.conduction_w + m.conduction2_w * i + m.switching_w * dc / 540.0)
        heat += share * (m.bridge_w + m.bridge2_w * share)
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
        degc = degc * m.stay + (m.coolant_degc + m.rise_k_per_w * lost) * (1.0 - m.stay)
        if (n + 1) % every == 0:
            for j in range(mean.size):
                out[n // every, j] = mean[j] / every
                mean[j] = 0.0
    state[0], state[1], state[2] = iq, slope, degc
    return -1
