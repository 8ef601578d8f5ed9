"""Two 55 kW pumps on one busbar with slowly varying flow: one direct on line, one on a magnet motor and a drive."""

from __future__ import annotations

import math
from functools import partial
from random import Random

from simulators.plant.faults import Dip
from simulators.plant.grid import GridSupply
from simulators.plant.params import BUSBAR, DRIVE_55KW, IE1_55KW, MAGNET_55KW
from simulators.plant.random_walk import RandomWalk, soft_limit
from simulators.plant.train import Train
from simulators.scenarios.load_profiles import Flow
from simulators.scenarios.steady_state import direct, driven

DOL, DRIVEN = "pump-1", "pump-2"
# ASSUMPTION: shape of a radial pump of specific speed about 30; a quarter of the head at full flow is static.
PUMP = Flow(50.0, 1480.0, (0.45, 0.65, -0.10), (0.25, 0.75))
_THERMAL_S = 1800.0  # first-order winding model
_COOLANT_DEGC = 30.0


class TwoPumps:
    """`step(dt)` advances time; `trains` is the true state at that instant.

    Energies are exact: the powers are constant within a step. The demand is relative to the full flow.
    """

    def __init__(self, rng: Random) -> None:
        self._supply = GridSupply(BUSBAR, rng)
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
        self._supply.apply_dips(self.dips, self.now_s)
        self._supply.step(dt_s)
        for demand in self._demand.values():
            demand.step(dt_s)
        stay = math.exp(-dt_s / _THERMAL_S)
        self._winding_degc = self._winding_degc * stay + self._settled_degc() * (1 - stay)
        self._solve()
        for name, train in self.trains.items():
            self.energy_kwh[name] += train.input_w * dt_s / 3.6e6
            self.reactive_kvarh[name] += train.reactive_var * dt_s / 3.6e6

    def _settled_degc(self) -> float:
        return _COOLANT_DEGC + MAGNET_55KW.rise_k * sum(self.trains[DRIVEN].motor_losses) / MAGNET_55KW.losses_w

    def _solve(self) -> None:
        valve = soft_limit(0.72 + self._demand[DOL].value, 0.35, 1.0)
        flow = soft_limit(0.75 + self._demand[DRIVEN].value, 0.52, 0.94)
        self.trains = {
            DOL: direct(IE1_55KW, self._supply, partial(PUMP.throttled_w, valve)),
            DRIVEN: driven(MAGNET_55KW, DRIVE_55KW, self._supply, PUMP.driven(flow), self._winding_degc, False),
        }
