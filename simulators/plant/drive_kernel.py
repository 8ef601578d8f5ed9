"""Compiled kernel of drive_wave, which describes the model.

Longer than the usual limit: kernels call only kernels of the same file (_jit), and these form one machine.
"""

from __future__ import annotations

import math

import numpy as np

from simulators.plant._jit import kernel, part
from simulators.plant.drive_records import DYNAMIC, STATES, Control, DriveMachine, Front
from simulators.plant.phasors import Floats, Vectors
from simulators.plant.wave_load import WaveLoad

_ROOT = math.sqrt(3) / 2
_PULSE = 8.0  # sharpness of a bearing pulse, as in induction_wave


@part
def _turned(base: complex, x: float) -> complex:
    """Return base·exp(jx) for small x; error 1e-11 at x = 0.16, which 200 Hz turn in 125 µs."""
    q = x * x
    c = 1.0 - q * (0.5 - q * (1 / 24 - q / 720))
    s = x * (1.0 - q * (1 / 6 - q * (1 / 120 - q / 5040)))
    return complex(base.real * c - base.imag * s, base.real * s + base.imag * c)


@part
def _turn(m: DriveMachine, y: Floats) -> complex:
    return complex(math.cos(m.pole_pairs * y[5]), math.sin(m.pole_pairs * y[5]))


@part
def _currents(m: DriveMachine, turn: complex, y: Floats) -> tuple[complex, complex, complex, complex, complex]:
    """Return a and b of the stator current a + b·u at a voltage u, where b is a factor for each of the two axes, then
    further rotor quantities for the derivatives.
    """
    psi = complex(y[0], y[1])
    if m.magnet > 0.0:
        inside = psi * turn.conjugate()
        flux = m.flux
        if m.pole_lost != 0.0:
            flux *= 1.0 - 0.5 * m.pole_lost * (1.0 + math.cos(y[5]))
        im = complex((inside.real - flux) * m.inv_ld, inside.imag * m.inv_lq)
        stator = im * turn
        b = complex((m.core_s + m.turns_s) * m.light_1, m.core_s * m.light)
        return complex(stator.real * m.light_1, stator.imag * m.light), b, turn, im, inside
    psi_r = complex(y[2], y[3])
    is0 = m.g_ss * psi + m.g_sr * psi_r
    ir0 = m.g_sr * psi + m.g_rr * psi_r
    rotor = -m.rr * ir0 + complex(0.0, m.pole_pairs * y[4]) * psi_r
    if m.bar != 0.0:
        rotor -= m.rr * m.bar * turn * turn * ir0.conjugate()
    e0 = (m.w_r * rotor - m.w_s * m.rs * is0) * m.light
    a = is0 + m.w_s * m.core_s * e0
    both = m.w_s * m.w_s * m.core_s * m.light
    return a, complex(both, both), rotor, ir0, e0


@part
def _sign_vector(i: complex) -> complex:
    """Return the space vector of the signs of the three phase currents."""
    b, c = -0.5 * i.real + _ROOT * i.imag, -0.5 * i.real - _ROOT * i.imag
    sa = 1.0 if i.real > 0 else -1.0
    sb = 1.0 if b > 0 else -1.0
    sc = 1.0 if c > 0 else -1.0
    return complex((2 * sa - sb - sc) / 3, (sb - sc) * _ROOT * 2 / 3)


@part
def _slopes(
    m: DriveMachine,
    f: Front,
    load: WaveLoad,
    inv_inertia: float,
    off: bool,
    s: complex,
    ug: complex,
    turn: complex,
    y: Floats,
    dy: Floats,
) -> None:
    """Write the derivatives of all states to dy.

    s: space vector of the three legs, each 0 or 1.
    off: True: no current flows in the motor.
    """
    a, b, rotor, part_1, part_2 = _currents(m, turn, y)
    choke = y[6]
    if off:
        a, b = 0j, 0j
    # leg voltage drops oppose the leg currents; the DC current is 1.5·Re(s*·i)
    drop = f.threshold_v * _sign_vector(a) if f.threshold_v > 0.0 and not off else 0j
    dc = y[7]
    if f.diodes > 0.0 and f.esr > 0.0:
        divisor = 1.0 + f.esr * 1.5 * (b.real * s.real * s.real + b.imag * s.imag * s.imag)
        without = complex(a.real - b.real * drop.real, a.imag - b.imag * drop.imag)
        dc = (dc + f.esr * (choke - 1.5 * (s.conjugate() * without).real)) / divisor
    u = s * dc - drop
    i = complex(a.real + b.real * u.real, a.imag + b.imag * u.imag)
    i_dc = 1.5 * (s.conjugate() * i).real
    speed = y[4]
    copper = 0.0
    core = 0.0
    turns = 0.0
    if m.magnet > 0.0:
        magnet_slope = 0.0
        if m.pole_lost != 0.0:
            magnet_slope = 0.5 * m.flux * m.pole_lost * math.sin(y[5])
        if off:
            flux = (part_2 * turn).real * turn.real + (part_2 * turn).imag * turn.imag
            u = (complex(magnet_slope, 0.0) + complex(0.0, m.pole_pairs * flux)) * speed * turn
            d_psi = u
            torque = 0.0
        else:
            d_psi = u - m.rs * i
            torque = 1.5 * m.pole_pairs * (part_2.conjugate() * part_1).imag + 1.5 * part_1.real * magnet_slope
            core = 1.5 * m.core_s * (d_psi.real * d_psi.real + d_psi.imag * d_psi.imag)
            turns = 1.5 * m.turns_s * d_psi.real * d_psi.real
        dy[2], dy[3] = 0.0, 0.0
    else:
        e = 0j if off else part_2 + m.w_s * m.light * u
        ir = part_1 + m.w_r * m.core_s * e
        psi_r = complex(y[2], y[3])
        d_r = rotor - m.rr * m.w_r * m.core_s * e
        d_psi = u - m.rs * i
        if off:
            d_psi = -m.g_sr / m.g_ss * d_r
            u = d_psi
        torque = 1.5 * m.pole_pairs * (psi_r * ir.conjugate()).imag
        copper = 1.5 * ((complex(0.0, m.pole_pairs * speed) * psi_r - d_r) * ir.conjugate()).real
        core = 1.5 * m.core_s * (e.real * e.real + e.imag * e.imag)
        dy[2], dy[3] = d_r.real, d_r.imag
    size = i.real * i.real + i.imag * i.imag
    copper += 1.5 * m.rs * size
    friction = m.friction * speed
    additional = m.additional * size * min(max(speed * m.inv_running, -1.0), 1.0)
    shaft = load.constant_nm + load.linear * speed + load.square * speed * abs(speed)
    if load.dry_nm != 0.0:
        shaft += load.dry_nm * math.tanh(speed / load.dry_rad_s)
    if m.bearing != 0.0:
        shaft *= 1.0 + m.bearing * math.exp(_PULSE * (math.cos(m.bearing_order * y[5]) - 1.0))
    dy[0], dy[1] = d_psi.real, d_psi.imag
    dy[4] = (torque - friction - additional - shaft) * inv_inertia
    dy[5] = speed
    ig = 0j
    if f.diodes > 0.0:
        va, vb, vc = ug.real, -0.5 * ug.real + _ROOT * ug.imag, -0.5 * ug.real - _ROOT * ug.imag
        if f.lost > 0.0:
            va = 0.5 * (vb + vc)  # neither the highest nor the lowest
        high, low = max(va, vb, vc), min(va, vb, vc)
        if f.diode_open > 0.0:
            high = max(vb, vc)
        dy[6] = (high - low - f.choke_ohm * choke - dc) * f.inv_choke
        if choke <= 0.0 and dy[6] < 0.0:
            dy[6] = 0.0
        dy[7] = (choke - i_dc) * f.inv_capacitor
        pa = (1.0 if va == high else 0.0) - (1.0 if va == low else 0.0)
        pb = (1.0 if vb == high else 0.0) - (1.0 if vb == low else 0.0)
        pc = -pa - pb
        ig = choke * complex((2 * pa - pb - pc) / 3, (pb - pc) * _ROOT * 2 / 3)
        dy[17] = (high - low) * choke
        dy[25] = f.choke_ohm * choke * choke + f.esr * (choke - i_dc) * (choke - i_dc)
    else:
        dy[6], dy[7] = 0.0, 0.0
        dy[17] = dc * i_dc
        dy[25] = 0.0
    dy[8], dy[9] = u.real, u.imag
    dy[10], dy[11] = i.real, i.imag
    dy[12], dy[13] = ug.real, ug.imag
    dy[14], dy[15] = ig.real, ig.imag
    dy[16] = dc
    dy[18] = dc * i_dc
    dy[19] = 1.5 * (u.conjugate() * i).real
    dy[20], dy[21] = copper, core
    dy[22], dy[23], dy[24] = friction * speed, additional * speed, shaft * speed
    dy[26] = 0.0 if off else 1.5 * (drop.conjugate() * i).real
    dy[27] = turns


@part
def _grid(parts: Vectors, turns: Floats, dt: float) -> complex:
    """Return the grid voltage dt after the instant of `parts`."""
    u = 0j
    for k in range(parts.size):
        u += _turned(parts[k], turns[k] * dt)
    return u


@part
def _voltage(m: DriveMachine, f: Front, c: Control, turn: complex, a: complex, y: Floats, mem: Floats) -> complex:
    """Run the controller, once each half carrier period: return the voltage vector for the half period after the next
    instant.
    """
    top = y[7] / math.sqrt(3)
    change = c.ramp * f.half_s
    mem[9] += min(max(c.target - mem[9], -change), change)
    if c.mode == 2.0:
        mem[10] += mem[9] * f.half_s
        angle = mem[10] + 1.5 * f.half_s * mem[9]
        size = min(c.volts_per_rad_s * abs(mem[9]), top)
        forward: complex = size * complex(math.cos(angle), math.sin(angle))
        return forward
    i = a * turn.conjugate()
    omega = m.pole_pairs * y[4]
    error = mem[9] - y[4]
    torque = 2.0 * c.speed_bandwidth * c.inertia * error + mem[11]
    limited = min(max(torque, -c.torque_max), c.torque_max)
    mem[11] += f.half_s * c.speed_bandwidth * c.speed_bandwidth * c.inertia * error if limited == torque else 0.0
    iq = limited / (1.5 * m.pole_pairs * (m.flux + (m.ld - m.lq) * mem[12]))
    if c.mtpa > 0.0 and m.lq > m.ld:
        arm = m.flux / (2.0 * (m.lq - m.ld))
        mem[12] = arm - math.sqrt(arm * arm + iq * iq)
    error_a = complex(mem[12], iq) - i
    p = complex(c.bandwidth * m.ld * error_a.real, c.bandwidth * m.lq * error_a.imag)
    u = p - c.bandwidth * complex(m.ld * i.real, m.lq * i.imag) + complex(mem[13], mem[14])
    u += complex(-omega * m.lq * i.imag, omega * (m.flux + m.ld * i.real))
    size = abs(u)
    if size > top:
        u *= top / size
    else:
        mem[13] += p.real * c.bandwidth * f.half_s
        mem[14] += p.imag * c.bandwidth * f.half_s
    ahead: complex = u * _turned(turn, 1.5 * f.half_s * omega)
    return ahead


@part
def _plan(u: complex, dc: float, f: Front, i: complex, mem: Floats) -> None:
    """Set the switching edges mem[3:6] of the half carrier period that begins; mem[1] > 0: legs switch on in it."""
    va, vb, vc = u.real, -0.5 * u.real + _ROOT * u.imag, -0.5 * u.real - _ROOT * u.imag
    shift = 0.5 - 0.5 * (max(va, vb, vc) + min(va, vb, vc)) / dc
    ia, ib, ic = i.real, -0.5 * i.real + _ROOT * i.imag, -0.5 * i.real - _ROOT * i.imag
    rising = mem[1] > 0.0
    for k in range(3):
        v = va if k == 0 else (vb if k == 1 else vc)
        x = ia if k == 0 else (ib if k == 1 else ic)
        duty = min(max(v / dc + shift, 0.0), 1.0)
        edge = (1.0 - duty) * f.half_s if rising else duty * f.half_s
        late = f.dead_s if (x > 0.0) == rising else 0.0
        mem[3 + k] = edge + late if 0.0 < duty < 1.0 else edge


@kernel
def run(
    m: DriveMachine,
    f: Front,
    c: Control,
    load: WaveLoad,
    y: Floats,
    mem: Floats,
    vectors: Vectors,
    turns: Floats,
    sample: float,
    h_max: float,
    out: Floats,
) -> None:
    """Integrate the state over the samples of `out` and write their means.

    mem: 0 position in the half carrier period (1: at its end), 1 direction, 3–5 edges, 6–8 legs, 9 ramp, 10 angle,
        11 integral of the speed controller, 12 id, 13–14 integrals of the current controller, 15–16 voltage of the
        next half period, 17 no current, 18 previous mode, 19–20 mean of the legs.
    """
    n = STATES
    k1, k2, k3, k4, z = np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    parts = np.empty(vectors.size, np.complex128)
    tiny = 1e-12
    inv_inertia = 1.0 / (m.inertia + load.inertia_kg_m2)
    at = f.half_s if mem[0] >= 1.0 else mem[0] * f.half_s
    if c.mode != 0.0:
        mem[17] = 0.0
        if mem[18] == 0.0:
            mem[9], mem[11], mem[13], mem[14] = y[4] if c.mode == 1.0 else mem[9], 0.0, 0.0, 0.0
            mem[15], mem[16] = 0.0, 0.0
            turn = _turn(m, y)
            _, _, _, _, inside = _currents(m, turn, y)
            if m.magnet > 0.0:  # flying start: the first voltage is the back-EMF
                emf = 1j * m.pole_pairs * y[4] * inside * turn
                mem[15], mem[16] = emf.real, emf.imag
    mem[18] = c.mode
    for number in range(out.shape[0]):
        start = number * sample
        for k in range(8, 17):
            y[k] = 0.0
        for k in range(vectors.size):
            parts[k] = vectors[k] * complex(math.cos(turns[k] * start), math.sin(turns[k] * start))
        done = 0.0
        while sample - done > tiny:
            if f.half_s - at <= tiny:
                at = 0.0
                mem[1] = -1.0 if mem[1] > 0.0 else 1.0
                waiting = complex(mem[15], mem[16])
                turn = _turn(m, y)
                a, _, _, _, _ = _currents(m, turn, y)
                for k in range(3):  # a leg that missed an edge at the boundary
                    mem[6 + k] = 0.0 if mem[1] > 0.0 else 1.0
                if f.averaged > 0.0:
                    mean = waiting / max(y[7], 1.0) - 0.5 * f.dead_s / f.half_s * _sign_vector(a)
                    mem[19], mem[20] = mean.real, mean.imag
                else:
                    _plan(waiting, max(y[7], 1.0), f, a, mem)
                if c.mode != 0.0:
                    u = _voltage(m, f, c, turn, a, y, mem)
                    mem[15], mem[16] = u.real, u.imag
            h = min(h_max, sample - done, f.half_s - at)
            if c.mode != 0.0 and f.averaged == 0.0:
                for k in range(3):
                    left = mem[3 + k] - at
                    if left <= tiny:
                        mem[6 + k] = 1.0 if mem[1] > 0.0 else 0.0
                    else:
                        h = min(h, left)
            elif c.mode == 0.0:
                a, _, _, _, _ = _currents(m, _turn(m, y), y)
                if mem[17] == 0.0:
                    xb, xc = -0.5 * a.real + _ROOT * a.imag, -0.5 * a.real - _ROOT * a.imag
                    mem[6] = 1.0 if a.real < 0.0 else 0.0
                    mem[7] = 1.0 if xb < 0.0 else 0.0
                    mem[8] = 1.0 if xc < 0.0 else 0.0
            s = complex((2 * mem[6] - mem[7] - mem[8]) / 3, (mem[7] - mem[8]) * _ROOT * 2 / 3)
            if c.mode != 0.0 and f.averaged > 0.0:
                s = complex(mem[19], mem[20])
            off = mem[17] > 0.0
            if off:
                s = 0j
            turn, theta = _turn(m, y), y[5]
            before = 0j
            if c.mode == 0.0 and not off:
                before, _, _, _, _ = _currents(m, turn, y)
            _slopes(m, f, load, inv_inertia, off, s, _grid(parts, turns, 0.0), turn, y, k1)
            for j in range(DYNAMIC):
                z[j] = y[j] + 0.5 * h * k1[j]
            ug = _grid(parts, turns, 0.5 * h)
            _slopes(m, f, load, inv_inertia, off, s, ug, _turned(turn, m.pole_pairs * (z[5] - theta)), z, k2)
            for j in range(DYNAMIC):
                z[j] = y[j] + 0.5 * h * k2[j]
            _slopes(m, f, load, inv_inertia, off, s, ug, _turned(turn, m.pole_pairs * (z[5] - theta)), z, k3)
            for j in range(DYNAMIC):
                z[j] = y[j] + h * k3[j]
            for k in range(parts.size):
                parts[k] = _turned(parts[k], turns[k] * h)
            turn = _turned(turn, m.pole_pairs * (z[5] - theta))
            _slopes(m, f, load, inv_inertia, off, s, _grid(parts, turns, 0.0), turn, z, k4)
            for j in range(n):
                y[j] += h / 6.0 * (k1[j] + 2.0 * k2[j] + 2.0 * k3[j] + k4[j])
            if y[6] < 0.0:
                y[6] = 0.0
            if c.mode == 0.0 and not off:
                turn = _turn(m, y)
                after, _, _, inner, inside = _currents(m, turn, y)
                if (before.conjugate() * after).real <= 0.0 or abs(after) > 1.02 * abs(before):
                    mem[17] = 1.0  # no current in the windings: set the fluxes to those of zero current
                    if m.magnet > 0.0:
                        flux = inside.real - m.ld * inner.real
                        y[0], y[1] = flux * turn.real, flux * turn.imag
                    else:
                        y[0], y[1] = -m.g_sr / m.g_ss * y[2], -m.g_sr / m.g_ss * y[3]
            done += h
            at += h
        for k in range(9):
            out[number, k] = y[8 + k] / sample
        out[number, 9] = y[4]
    mem[0] = 1.0 if f.half_s - at <= tiny else at / f.half_s


@kernel
def stored(m: DriveMachine, f: Front, load: WaveLoad, y: Floats) -> float:
    """Return the energy of magnetic fields, rotor, choke and capacitor (without a stiff one), J."""
    _, _, _, inner, _ = _currents(m, _turn(m, y), y)
    if m.magnet > 0.0:
        fields = 0.75 * (m.ld * inner.real * inner.real + m.lq * inner.imag * inner.imag)
    else:
        psi, psi_r = complex(y[0], y[1]), complex(y[2], y[3])
        i_s, i_r = m.g_ss * psi + m.g_sr * psi_r, m.g_sr * psi + m.g_rr * psi_r
        fields = 0.75 * (psi * i_s.conjugate() + psi_r * i_r.conjugate()).real
    link = 0.5 * f.choke_h * y[6] * y[6] + 0.5 * f.capacitor_f * y[7] * y[7] if f.diodes > 0.0 else 0.0
    total: float = fields + link + 0.5 * (m.inertia + load.inertia_kg_m2) * y[4] * y[4]
    return total
