"""A complete drive in the time domain: grid, diode bridge with choke and capacitor, space-vector PWM, motor, control.

All quantities are smooth between two switching instants, so the integration (RK4, steps of at most `step_s`) never
crosses a switching instant. Events of the circuit itself (diodes, the sign of the current in the dead time) are
evaluated between steps; only there does the energy balance depend on the step.

Motor in the stator frame: magnet motor (dq in the rotor: ψd = ψ + Ld·id, ψq = Lq·iq) or induction motor (see
induction_wave). Bridge: the highest phase feeds the choke, the lowest returns the current; commutation overlap is
neglected. PWM: regular sampling twice a carrier period, one sample late, zero sequence by min-max. Dead time delays the
edge that opposes the current; each leg loses `threshold_v`. Gates off: the diodes discharge the windings, then no
current flows; in a real drive a back-EMF above the DC voltage would conduct again, here it does not.

Supported faults of a motor: broken bar, bearing, demagnetisation, overheating, shorted turns of a magnet motor while
the gates are on; of the drive: ageing capacitor, L1 of the supply lost, an open diode. Others raise ValueError.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from simulators.plant import induction_wave, validation
from simulators.plant.drive_kernel import run, stored
from simulators.plant.drive_records import ENERGIES, STATES, Control, DriveMachine, Front
from simulators.plant.faults import HEALTHY, Condition
from simulators.plant.params import COPPER_PER_K, NDFEB_PER_K, InductionMotor, MagnetMotor
from simulators.plant.phasors import Floats, PhasorComponent, Vectors
from simulators.plant.wave_load import NO_LOAD, WaveLoad

STIFF, DIODES = 0.0, 1.0
COAST, SPEED, FREQUENCY = 0.0, 1.0, 2.0
_RUNNING = 0.01  # of rated speed: below it the torque of a magnet motor's additional loss, ∝ I², decreases to 0


@dataclass(frozen=True, slots=True)
class Converter:
    """Power part and modulator.

    front: DIODES: diode bridge; STIFF: constant capacitor voltage.
    choke_h: inductance of the complete DC loop, H.
    choke_ohm: resistance of the complete DC loop, Ω.
    capacitor_f: capacitance of the DC bus, F.
    esr_ohm: series resistance of the capacitor, Ω.
    carrier_hz: carrier frequency, Hz.
    dead_s: dead time, seconds.
    threshold_v: voltage lost in each leg, V.
    averaged: True applies the mean of each half carrier period instead of its edges: three times faster, no ripple.
    Raises ValueError for impossible values.
    """

    front: float = DIODES
    choke_h: float = 0.002
    choke_ohm: float = 0.0
    capacitor_f: float = 235e-6
    esr_ohm: float = 0.0
    carrier_hz: float = 4000.0
    dead_s: float = 0.0
    threshold_v: float = 0.0
    averaged: bool = False

    def __post_init__(self) -> None:
        validation.positive("converter", self, "choke_h capacitor_f carrier_hz")
        validation.not_negative("converter", self, "choke_ohm esr_ohm dead_s threshold_v")
        if self.dead_s >= 0.25 / self.carrier_hz:
            raise ValueError(f"converter: dead_s must be below a quarter of the carrier period, got {self.dead_s:g}")


class DriveWaves(NamedTuple):
    """Means over each sample interval, as a delta-sigma front end delivers them.

    u, i: space vectors of motor voltage (V) and current (A).
    grid_u, grid_i: space vectors of grid voltage (V) and current (A).
    dc_v: DC bus voltage, V.
    speed_rad_s: speed of the shaft, rad/s.
    """

    u: Vectors
    i: Vectors
    grid_u: Vectors
    grid_i: Vectors
    dc_v: Floats
    speed_rad_s: Floats


class DriveWave:
    """A drive with its motor. `run` advances time; `energy` and `stored_j` as in InductionWave."""

    def __init__(
        self,
        motor: MagnetMotor | InductionMotor,
        converter: Converter,
        *,
        dc_v: float = 540.0,
        speed_rad_s: float = 0.0,
        mtpa: bool = False,
    ) -> None:
        self.motor, self.converter = motor, converter
        self._mtpa = mtpa
        self._state = np.zeros(STATES)
        self._state[4], self._state[7] = speed_rad_s, dc_v
        self._memory = np.zeros(24)
        self._memory[0] = 1.0  # at the end of a half carrier period: the controller runs first
        self._memory[9] = speed_rad_s
        self._machine = machine(motor, HEALTHY, 20.0, 20.0, speed_rad_s)
        self._front = _front(converter, HEALTHY)
        self._load = NO_LOAD
        self.now_s = 0.0
        self._grid_angle = 0.0  # angle of the fundamental
        if isinstance(motor, MagnetMotor):
            self._state[0] = self._machine.flux

    def run(
        self,
        samples: int,
        rate_hz: float,
        *,
        grid: Sequence[PhasorComponent] = (),
        frequency_hz: float = 50.0,
        mode: float = SPEED,
        target_rad_s: float = 0.0,
        volts_per_rad_s: float = 0.0,
        ramp_rad_s2: float = 1e9,
        torque_max_nm: float = math.inf,
        load: WaveLoad = NO_LOAD,
        step_s: float = 20e-6,
        condition: Condition = HEALTHY,
        winding_degc: float = 20.0,
        magnet_degc: float = 20.0,
    ) -> DriveWaves:
        """Advance by `samples` at `rate_hz` and return their means.

        grid: components of the supply; a stiff front end ignores them.
        frequency_hz: frequency of the supply.
        mode: SPEED: the shaft follows target_rad_s; FREQUENCY: the voltage vector turns at target_rad_s (electrical)
            with a peak of volts_per_rad_s times that; COAST: gates off.
        ramp_rad_s2: maximum rate of the target.
        torque_max_nm: limit of the controller's torque.
        step_s: maximum step of the integration.
        condition: faults of motor and drive.
        winding_degc, magnet_degc: temperatures of a magnet motor, °C.
        """
        m = self.motor
        speed = float(self._state[4])
        self._machine = machine(m, condition, winding_degc, magnet_degc, speed)
        self._front, self._load = _front(self.converter, condition), load
        omega = 2 * math.pi * frequency_hz
        parts = [part for part in grid if part.sequence]
        vectors = np.array([math.sqrt(2) * complex(p.value) for p in parts], complex)
        signs = np.array([float(p.sequence) for p in parts])
        vectors = np.where(signs > 0, vectors, vectors.conj())
        orders = np.array([float(p.order) for p in parts]) * signs
        vectors = vectors * np.exp(1j * orders * self._grid_angle)
        bandwidth = 2 * math.pi * min(200.0, self.converter.carrier_hz / 20)
        inertia = m.inertia_kg_m2 + load.inertia_kg_m2
        control = Control(
            mode, target_rad_s, ramp_rad_s2, torque_max_nm, volts_per_rad_s, bandwidth, 25.0, inertia, float(self._mtpa)
        )
        out = np.empty((samples, 10))
        run(
            self._machine, self._front, control, load, self._state, self._memory,
            vectors, orders * omega, 1 / rate_hz, step_s, out,
        )  # fmt: skip
        self._grid_angle = (self._grid_angle + omega * samples / rate_hz) % (2 * math.pi)
        self.now_s += samples / rate_hz
        pairs = [out[:, k] + 1j * out[:, k + 1] for k in (0, 2, 4, 6)]
        return DriveWaves(pairs[0], pairs[1], pairs[2], pairs[3], out[:, 8], out[:, 9])

    @property
    def energy(self) -> dict[str, float]:
        """Energies since the start, J. grid = copper + core + … + shaft + increase of the stored energy.

        link: into the inverter. terminal: into the motor.
        """
        return {name: float(self._state[STATES - len(ENERGIES) + k]) for k, name in enumerate(ENERGIES)}

    @property
    def stored_j(self) -> float:
        return float(stored(self._machine, self._front, self._load, self._state))

    @property
    def speed_rad_s(self) -> float:
        return float(self._state[4])

    @property
    def dc_v(self) -> float:
        return float(self._state[7])


def machine(
    motor: MagnetMotor | InductionMotor, state: Condition, winding_degc: float, magnet_degc: float, speed_rad_s: float
) -> DriveMachine:
    """Return the kernel's parameters of a motor.

    winding_degc, magnet_degc: of a magnet motor; the record of an induction motor applies at its running temperature.
    Raises ValueError for faults that the model does not support.
    """
    if state.gap_static or state.gap_dynamic:
        raise ValueError("drive: eccentricity is supported only for a motor direct on line")
    if isinstance(motor, MagnetMotor) and state.bar:
        raise ValueError("drive: a magnet motor has no bars that could break")
    if isinstance(motor, InductionMotor):
        if state.turns:
            raise ValueError("drive: a turn fault is supported only for a magnet motor, or direct on line")
        c = induction_wave.circuit(motor, state)
        d = (c.lls + c.lm) * (c.llr + c.lm) - c.lm**2
        w_s, w_r = c.llr * c.lm / d, c.lls * c.lm / d
        return DriveMachine(
            0.0, c.pole_pairs, c.rs, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, c.core_s,
            1 / (1 + c.core_s * (w_s**2 * c.rs + w_r**2 * c.rr)), 0.0, 0.0, c.friction, c.additional,
            c.inv_running, c.inertia,
            c.bearing, c.bearing_order, c.bar, c.rr, (c.llr + c.lm) / d, -c.lm / d, (c.lls + c.lm) / d, w_s, w_r,
        )  # fmt: skip
    winding_degc, magnet_degc = winding_degc + state.hotter_k, magnet_degc + state.hotter_k
    ratio = max(abs(speed_rad_s) * motor.pole_pairs / motor.omega_rated, 0.1)  # 1/ratio is undefined at standstill
    rated = motor.omega_rated / motor.pole_pairs
    rs = motor.rs20_ohm * (1 + COPPER_PER_K * (winding_degc - 20))
    core_s = motor.core_s * (motor.core_hysteresis / ratio + 1 - motor.core_hysteresis)
    turns_s = induction_wave.turns_conductance(state, rs)
    return DriveMachine(
        1.0,
        float(motor.pole_pairs),
        rs,
        motor.ld_h,
        motor.lq_h,
        1 / motor.ld_h,
        1 / motor.lq_h,
        motor.flux20_wb * (1 + NDFEB_PER_K * (magnet_degc - 20)) * (1 - state.flux_lost),
        state.pole_lost,
        core_s,
        1 / (1 + core_s * rs),
        turns_s,
        1 / (1 + (core_s + turns_s) * rs),
        motor.friction_w / rated**2,
        motor.additional_w / (2 * motor.current_a**2) / rated,
        1 / (_RUNNING * rated),
        motor.inertia_kg_m2,
        state.bearing,
        state.bearing_order,
        0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
    )  # fmt: skip


def _front(converter: Converter, state: Condition) -> Front:
    c = converter
    capacitor_f = c.capacitor_f * state.capacitance
    return Front(
        c.front, c.choke_h, 1 / c.choke_h, c.choke_ohm, capacitor_f, 1 / capacitor_f, c.esr_ohm * state.esr,
        0.5 / c.carrier_hz, c.dead_s, c.threshold_v, float(c.averaged), float(state.open_phase),
        float(state.diode_open),
    )  # fmt: skip
