"""The pump station: two trains on one busbar with slowly varying flow."""

from __future__ import annotations

import math
from random import Random

from simulators.plant import params
from simulators.plant.faults import Dip
from simulators.plant.grid import GridSupply
from simulators.plant.random_walk import RandomWalk, soft_limit
from simulators.plant.station_trains import Train, direct_on_line, on_drive

DOL, DRIVEN = "pump-1", "pump-2"
_THERMAL_S = 1800.0  # first-order winding model
_COOLANT_DEGC = 30.0


class Station:
    """The station. `step(dt)` advances time; `trains` is the true state at that instant.

    Energies are exact: the powers are constant within a step. The demand is relative to the design flow.
    """

    def __init__(self, rng: Random, motor: params.MagnetMotor = params.MAGNET_55KW) -> None:
        self._motor = motor
        self._supply = GridSupply(params.BUSBAR, rng)
        self._demand = {name: RandomWalk(rng, sigma, 400.0, 60.0) for name, sigma in ((DOL, 0.10), (DRIVEN, 0.09))}
        self._winding_degc = 70.0
        self.now_s = 0.0
        self.dips: list[Dip] = []
        self.energy_kwh = {DOL: 0.0, DRIVEN: 0.0}  # energy taken since the start
        self.reactive_kvarh = {DOL: 0.0, DRIVEN: 0.0}
        self.trains: dict[str, Train] = {}
        self._solve()
        for _ in range(20):  # start in thermal equilibrium
            self._winding_degc = self._settled_degc()
            self._solve()

    def step(self, dt_s: float) -> None:
        self.now_s += dt_s
        self._supply.meet(self.dips, self.now_s)
        self._supply.step(dt_s)
        for demand in self._demand.values():
            demand.step(dt_s)
        stay = math.exp(-dt_s / _THERMAL_S)
        self._winding_degc = self._winding_degc * stay + self._settled_degc() * (1 - stay)
        self._solve()
        for name, train in self.trains.items():
            self.energy_kwh[name] += train.input_w * dt_s / 3.6e6
            q_var = float((train.u_v[:, 1] * train.i_a[:, 1].conj()).imag.sum())
            self.reactive_kvarh[name] += q_var * dt_s / 3.6e6

    def _settled_degc(self) -> float:
        return _COOLANT_DEGC + self._motor.rise_k * sum(self.trains[DRIVEN].motor_losses) / self._motor.losses_w

    def _solve(self) -> None:
        pump = params.COOLING_PUMP
        flow_1 = soft_limit(0.72 + self._demand[DOL].value, 0.35, 1.0) * pump.flow_m3_s
        flow_2 = soft_limit(0.75 + self._demand[DRIVEN].value, 0.52, 0.94) * pump.flow_m3_s
        self.trains = {
            DOL: direct_on_line(params.IE1_55KW, pump, self._supply, flow_1),
            DRIVEN: on_drive(self._motor, params.DRIVE_55KW, pump, self._supply, flow_2, self._winding_degc),
        }
