"""Induction motor in the time domain, with the parameters of the steady-state model: fluxes in the stator frame, RK4.

dψs = u − Rs·is ; dψr = −Rr·ir + jωr·ψr ; T = 1.5·p·Im(ψr·ir*). Source: Krause; Leonhard. The core branch sees
e = ws·dψs + wr·dψr, the EMF of the main flux ψm = ws·ψs + wr·ψr, and adds ws·G·e to is, wr·G·e to ir. That
network is passive, its loss is 1.5·G·|e|², and it differs from the T circuit by (ω·G·L)² of the flux, L the leakages in
parallel.

Faults. Broken bar: the rotor resistance differs along an axis that turns with the rotor. Gap: the mean permeance of
a gap 1 − s·cos φ − d·cos(φ − θ) is 1 + (s² + d²)/2 + s·d·cos θ. Turns: a resistive loop on the axis of L1. Phase
loss: is on that axis stays 0 from the next zero of the current on, and the core branch of that axis is inactive.
Bearing: pulses of load torque.
"""

from __future__ import annotations

import cmath
import math
from typing import NamedTuple

import numpy as np

from simulators.plant._jit import kernel, part
from simulators.plant.faults import HEALTHY, Condition
from simulators.plant.params import ALUMINIUM_PER_K, COPPER_PER_K, InductionMotor
from simulators.plant.phasors import Floats, Vectors
from simulators.plant.wave_load import NO_LOAD, WaveLoad

STATES = 13
# psi_s (2), psi_r (2), speed, angle, then energies in J since the start:
INPUT, COPPER, CORE, FRICTION, ADDITIONAL, SHAFT, TURNS = range(6, 13)
_RUNNING = (
    0.8  # of rated speed: additional loss ∝ I²·ω, applied down to standstill, would hold a motor at starting currents
)
_PULSE = 8.0  # sharpness of a bearing pulse: exp(8·(cos x − 1)), mean 0.14


class Circuit(NamedTuple):
    """Parameters of the kernel. Inductances from the reactances at rated frequency."""

    pole_pairs: float
    rs: float
    rr: float
    lls: float
    llr: float
    lm: float
    core_s: float
    friction: float  # Nm per rad/s
    additional: float  # Nm per A² (peak)
    inv_running: float  # 1 over the speed from which `additional` applies; below it proportional to the speed
    inertia: float
    bar: float
    gap_product: float
    gap_mean: float
    bearing: float
    bearing_order: float
    turns_s: float
    open_phase: float


class Wave(NamedTuple):
    """Samples at the start of each step.

    u, i: space vectors, V and A.
    speed_rad_s: speed of the shaft, rad/s.
    torque_nm: torque of the air gap, Nm.
    """

    u: Vectors
    i: Vectors
    speed_rad_s: Floats
    torque_nm: Floats


def circuit(motor: InductionMotor, condition: Condition = HEALTHY) -> Circuit:
    """Return the kernel's parameters."""
    omega = 2 * math.pi * motor.frequency_hz
    speed = motor.speed_rpm * math.pi / 30
    rs = motor.rs_ohm * (1 + COPPER_PER_K * condition.hotter_k)
    return Circuit(
        pole_pairs=float(motor.pole_pairs),
        rs=rs,
        rr=motor.rr_ohm * (1 + ALUMINIUM_PER_K * condition.hotter_k),
        lls=motor.xl1_ohm / omega,
        llr=motor.xl2_ohm / omega,
        lm=motor.xm_ohm / omega,
        core_s=1 / motor.rfe_ohm,
        friction=motor.friction_w / speed**2,
        additional=motor.additional_w / (2 * motor.current_a**2) / speed,
        inv_running=1 / (_RUNNING * speed),
        inertia=motor.inertia_kg_m2,
        bar=condition.bar,
        gap_product=condition.gap_static * condition.gap_dynamic,
        gap_mean=(condition.gap_static**2 + condition.gap_dynamic**2) / 2,
        bearing=condition.bearing,
        bearing_order=condition.bearing_order,
        turns_s=turns_conductance(condition, rs),
        open_phase=float(condition.open_phase),
    )


def turns_conductance(condition: Condition, rs_ohm: float) -> float:
    """Return the conductance of shorted turns on the axis of L1, S; 0 without any."""
    if not condition.turns:
        return 0.0
    return 2 / 3 * condition.turns**2 / (condition.turns * rs_ohm + condition.turns_ohm)


class InductionWave:
    """One motor. `run` advances it by a block of voltages.

    energy: J since the start by name.
    stored_j: energy stored in the fields and the rotor now, J.
    state: flux linkages of stator and rotor (real and imaginary parts, Vs), speed (rad/s), then energies (J).
    Input equals heat plus work plus stored energy, within the accuracy of RK4.
    """

    def __init__(self, motor: InductionMotor, speed_rad_s: float = 0.0) -> None:
        self.motor = motor
        self.state = np.zeros(STATES)
        self.state[4] = speed_rad_s
        self._flags = np.zeros(2)  # phase open, last current of L1
        self._circuit, self._load = circuit(motor), NO_LOAD

    def run(
        self,
        u: Vectors,
        step_s: float,
        load: WaveLoad = NO_LOAD,
        *,
        condition: Condition = HEALTHY,
        torque_nm: Floats | None = None,
    ) -> Wave:
        """Advance by a block of voltages.

        u: space vectors at half steps, 2n + 1 of them, V.
        step_s: length of a step, seconds.
        load: load torque as a function of speed.
        condition: faults of the motor.
        torque_nm: additional load torque at the same instants. None: 0.
        Raises ValueError for an even number of voltages.
        """
        if len(u) % 2 == 0:
            raise ValueError(f"voltages at half steps must be odd in number, got {len(u)}")
        self._circuit, self._load = circuit(self.motor, condition), load
        more = torque_nm if torque_nm is not None else np.zeros(1)
        n = len(u) // 2
        wave = Wave(np.empty(n, complex), np.empty(n, complex), np.empty(n), np.empty(n))
        _run(self._circuit, load, self.state, self._flags, u, more, step_s, *wave)
        return wave

    def settle(self, u_rms_v: float, frequency_hz: float, speed_rad_s: float) -> None:
        """Set the steady state at a speed and a sine voltage of angle 0, without the core branch."""
        c = self._circuit
        omega = 2 * math.pi * frequency_hz
        slip = omega - c.pole_pairs * speed_rad_s
        a = np.array(
            [
                [c.rs + 1j * omega * (c.lls + c.lm), 1j * omega * c.lm],
                [1j * slip * c.lm, c.rr + 1j * slip * (c.llr + c.lm)],
            ]
        )
        i_s, i_r = np.linalg.solve(a, np.array([cmath.rect(u_rms_v * math.sqrt(2), 0.0), 0]))
        psi_s, psi_r = c.lls * i_s + c.lm * (i_s + i_r), c.llr * i_r + c.lm * (i_s + i_r)
        self.state[:5] = psi_s.real, psi_s.imag, psi_r.real, psi_r.imag, speed_rad_s

    @property
    def energy(self) -> dict[str, float]:
        names = ("input", "copper", "core", "friction", "additional", "shaft", "turns")
        return {name: float(self.state[k]) for name, k in zip(names, range(INPUT, STATES), strict=True)}

    @property
    def speed_rad_s(self) -> float:
        return float(self.state[4])

    @property
    def stored_j(self) -> float:
        return float(_stored(self._circuit, self._load, self.state))


@part
def _network(c: Circuit, theta: float) -> tuple[float, float, float, float, float, float]:
    """Return 1/Lm at the rotor angle, then the inverse inductances ss, sr, rr and the weights of the gap flux."""
    lm = c.lm * (1.0 + c.gap_mean)
    if c.gap_product != 0.0:
        lm += c.lm * c.gap_product * math.cos(theta)
    ls, lr = c.lls + lm, c.llr + lm
    inv_d = 1.0 / (ls * lr - lm * lm)
    return 1.0 / lm, lr * inv_d, -lm * inv_d, ls * inv_d, c.llr * lm * inv_d, c.lls * lm * inv_d


@part
def _slopes(c: Circuit, load: WaveLoad, opened: bool, u: complex, more: float, y: Floats, dy: Floats) -> complex:
    """Write the derivatives of all states to dy; return the stator current. y[0:4]: fluxes."""
    psi_s, psi_r = complex(y[0], y[1]), complex(y[2], y[3])
    speed, theta = y[4], y[5]
    omega = c.pole_pairs * speed
    inv_m, g_ss, g_sr, g_rr, w_s, w_r = _network(c, theta)
    is0 = g_ss * psi_s + g_sr * psi_r
    ir0 = g_sr * psi_s + g_rr * psi_r
    rotor = -c.rr * ir0 + 1j * omega * psi_r
    if c.bar != 0.0:
        turn = complex(math.cos(2 * c.pole_pairs * theta), math.sin(2 * c.pole_pairs * theta))
        rotor -= c.rr * c.bar * turn * ir0.conjugate()
    heavy = 1.0 + c.rs * c.turns_s
    drive = u - c.rs * is0
    # the axes are independent: all coefficients are real
    e_re = (w_s * drive.real / heavy + w_r * rotor.real) / (
        1.0 + c.core_s * (w_s * w_s * c.rs / heavy + w_r * w_r * c.rr)
    )
    e_im = (w_s * drive.imag + w_r * rotor.imag) / (1.0 + c.core_s * (w_s * w_s * c.rs + w_r * w_r * c.rr))
    if opened:
        e_re = 0.0
    e = complex(e_re, e_im)
    ir = ir0 + w_r * c.core_s * e
    d_r = rotor - c.rr * w_r * c.core_s * e
    ds_re = (drive.real - c.rs * w_s * c.core_s * e_re) / heavy
    ds_im = drive.imag - c.rs * w_s * c.core_s * e_im
    loop = c.turns_s * ds_re
    if opened:
        ds_re, loop = -g_sr / g_ss * d_r.real, 0.0
        u = complex(ds_re, u.imag)
    i_s = complex(0.0 if opened else is0.real + w_s * c.core_s * e_re + loop, is0.imag + w_s * c.core_s * e_im)
    psi_m = w_s * psi_s + w_r * psi_r
    torque = 1.5 * c.pole_pairs * (psi_r * ir.conjugate()).imag
    if c.gap_product != 0.0:
        slope_m = inv_m * inv_m * c.lm * c.gap_product * math.sin(theta)  # of 1/Lm with respect to the angle
        torque -= 0.75 * (psi_m.real * psi_m.real + psi_m.imag * psi_m.imag) * slope_m
    size = i_s.real * i_s.real + i_s.imag * i_s.imag
    friction = c.friction * speed
    additional = c.additional * size * min(max(speed * c.inv_running, -1.0), 1.0)
    shaft = load.constant_nm + load.linear * speed + load.square * speed * abs(speed)
    shaft += more
    if load.dry_nm != 0.0:
        shaft += load.dry_nm * math.tanh(speed / load.dry_rad_s)
    if c.bearing != 0.0:
        shaft *= 1.0 + c.bearing * math.exp(_PULSE * (math.cos(c.bearing_order * theta) - 1.0))
    dy[0], dy[1], dy[2], dy[3] = ds_re, ds_im, d_r.real, d_r.imag
    dy[4] = (torque - friction - additional - shaft) / (c.inertia + load.inertia_kg_m2)
    dy[5] = speed
    dy[6] = 1.5 * (u * i_s.conjugate()).real
    rotor_drop = d_r - 1j * omega * psi_r
    dy[7] = 1.5 * (c.rs * size - (rotor_drop * ir.conjugate()).real)
    dy[8] = 1.5 * c.core_s * (e_re * e_re + e_im * e_im)
    dy[9] = friction * speed
    dy[10] = additional * speed
    dy[11] = shaft * speed
    dy[12] = 1.5 * loop * ds_re
    return i_s


@kernel
def _run(
    c: Circuit,
    load: WaveLoad,
    y: Floats,
    flags: Floats,
    u: Vectors,
    more: Floats,
    h: float,
    u_out: Vectors,
    i_out: Vectors,
    speed_out: Floats,
    torque_out: Floats,
) -> None:
    n = u_out.size
    m = STATES
    k1, k2, k3, k4, z = np.empty(m), np.empty(m), np.empty(m), np.empty(m), np.empty(m)
    extra = more.size > 1
    for k in range(n):
        at = 2 * k
        t0 = more[at] if extra else 0.0
        t1 = more[at + 1] if extra else 0.0
        t2 = more[at + 2] if extra else 0.0
        opened = flags[0] > 0.0
        i_s = _slopes(c, load, opened, u[at], t0, y, k1)
        if c.open_phase > 0.0 and not opened and i_s.real * flags[1] <= 0.0:
            flags[0], opened = 1.0, True
            _, g_ss, g_sr, _, _, _ = _network(c, y[5])
            y[0] = -g_sr / g_ss * y[2]
            i_s = _slopes(c, load, opened, u[at], t0, y, k1)
        elif c.open_phase == 0.0 and opened:
            flags[0], opened = 0.0, False
            i_s = _slopes(c, load, opened, u[at], t0, y, k1)
        flags[1] = i_s.real
        u_out[k] = complex(k1[0], u[at].imag) if opened else u[at]
        i_out[k] = i_s
        speed_out[k] = y[4]
        torque_out[k] = k1[4] * (c.inertia + load.inertia_kg_m2)
        if y[4] != 0.0:
            torque_out[k] += (k1[9] + k1[10] + k1[11]) / y[4]
        for j in range(m):
            z[j] = y[j] + 0.5 * h * k1[j]
        _slopes(c, load, opened, u[at + 1], t1, z, k2)
        for j in range(m):
            z[j] = y[j] + 0.5 * h * k2[j]
        _slopes(c, load, opened, u[at + 1], t1, z, k3)
        for j in range(m):
            z[j] = y[j] + h * k3[j]
        _slopes(c, load, opened, u[at + 2], t2, z, k4)
        for j in range(m):
            y[j] += h / 6.0 * (k1[j] + 2.0 * k2[j] + 2.0 * k3[j] + k4[j])


@kernel
def _stored(c: Circuit, load: WaveLoad, y: Floats) -> float:
    _, g_ss, g_sr, g_rr, _, _ = _network(c, y[5])
    psi_s, psi_r = complex(y[0], y[1]), complex(y[2], y[3])
    i_s, i_r = g_ss * psi_s + g_sr * psi_r, g_sr * psi_s + g_rr * psi_r
    fields: float = 0.75 * (psi_s * i_s.conjugate() + psi_r * i_r.conjugate()).real
    total: float = fields + 0.5 * (c.inertia + load.inertia_kg_m2) * y[4] * y[4]
    return total
