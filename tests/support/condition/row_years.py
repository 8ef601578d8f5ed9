"""Sound motors over a year: the events that look like faults, and daily samples, as rows. Simulated machines.

Between the windows time passes for heat only. What is true at each second is kept, so that a finding can be judged:
a magnet motor that coasts after a trip is live, a supply with 1.5 % of unbalance is unbalanced.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random

from support.condition.row_cases import Rows
from support.condition.row_machine import Machine, draw_machine
from support.condition.row_plant import Row, RowPlant
from support.condition.row_sensors import RowSensors

DAY_S = 86400.0
_DRIVE_COLUMNS = (
    "drive_state",
    "f_out_hz",
    "speed_rpm",
    "u_out_v",
    "i_out_a",
    "p_out_kw",
    "torque_pct",
    "u_dc_v",
    "drive_degc",
)
_CYCLES = ("hoist", "centrifuge")


class MotorYear:
    """rows: (time, row) of all windows. restarts: times at which the agent restarts.

    true_now: codes that are true at the row that was yielded last.
    """

    def __init__(self, seed: str, days: int = 365) -> None:
        self.rng = rng = Random(seed)
        self.machine: Machine = draw_machine(rng)
        self.days = days
        self.plant = RowPlant(self.machine, rng)
        self.sensors = RowSensors(rng, missing=rng.choice((0.0002, 0.001, 0.004)), garbage=rng.choice((0.0, 0.0, 1e-4)))
        self._mean_degc, self._season_k, self._day_k = rng.uniform(12, 24), rng.uniform(5, 13), rng.uniform(2, 6)
        self._usual = [1 + rng.uniform(-0.0025, 0.0025) for _ in range(3)]
        self._unbalanced_until = -1.0
        self._continuous = self.machine.application in ("pump", "fan") and rng.random() < 0.6
        self._last_turning = -1e9
        self._hot_k = 0.0
        self._dip_left, self._dip = 0.0, [1.0] * 3
        self._silent_left = 0.0
        self._t_s = 0.0
        self.true_now: set[str] = set()
        self.restarted = False

    def rows(self) -> Rows:
        plant, rng = self.plant, self.rng
        plant.line = list(self._usual)
        plant.on = True
        self._set_point(first=True)
        plant.ambient_degc = plant.ambient_felt = self._air(0.0)
        plant.rest(8 * self.machine.frame_s)
        yield from self._window(1800, calm=True)
        for day in range(self.days):
            for at_s, kind in sorted(self._events(day)):
                self._pass_until(day * DAY_S + at_s)
                yield from self._event(kind)
            if rng.random() < 0.04:
                self.restarted = True

    def _events(self, day: int) -> list[tuple[float, str]]:
        """Of a mean year: 60 to 330 starts, 100 ramps, 40 dips, 8 trips, 12 hot afternoons, 25 long runs."""
        rng = self.rng
        events = [(rng.uniform(0.55, 0.7) * DAY_S, "sample")]
        if rng.random() < (0.15 if self._continuous else 0.9):
            events.append((rng.uniform(0.2, 0.35) * DAY_S, "start"))
        for kind, per_year in (
            ("ramp", 100),
            ("dip", 40),
            ("trip", 8),
            ("hot", 12),
            ("long", 25),
            ("gaps", 30),
            ("unbalance", 2),
        ):
            if rng.random() < per_year / 365:
                events.append((rng.uniform(0.4, 0.95) * DAY_S, kind))
        return events

    def _event(self, kind: str) -> Iterator[tuple[float, Row]]:
        rng, plant = self.rng, self.plant
        if kind == "start":
            plant.on = plant.tripped = False
            yield from self._window(20, calm=True)
            self._pass_until(self._t_s + rng.uniform(60, 20000))
            yield from self._window(10, calm=True)
            plant.on = True
            self._set_point()
            yield from self._window(600, calm=True)
            return
        self._running()
        if kind == "sample":
            self._set_point()
            plant.rest(3 * 3600)
            yield from self._window(400)
        elif kind == "ramp":
            yield from self._window(60, calm=True)
            plant.acceleration = rng.choice((0.01, 0.03, 0.1, 0.3))
            self._set_point()
            yield from self._window(500, calm=True)
        elif kind == "dip":
            for _ in range(rng.randrange(1, 4)):
                self._dip_left = rng.choice((1.0, 1.0, 2.0, 3.0))
                self._dip = [rng.uniform(0.3, 0.95) if rng.random() < 0.6 else 1.0 for _ in range(3)]
                yield from self._window(80, calm=True)
        elif kind == "trip":
            plant.reports_turning = rng.random() < 0.5
            plant.on, plant.tripped = False, rng.random() < 0.5
            yield from self._window(rng.uniform(100, 400), calm=True)
            plant.tripped, plant.on = False, True
            yield from self._window(400, calm=True)
        elif kind == "hot":
            self._hot_k, plant.acceleration = rng.uniform(5, 11), 0.05
            yield from self._window(9000)
            self._hot_k = 0.0
        elif kind == "gaps":
            for _ in range(4):
                if rng.random() < 0.5:
                    self._silent_left = rng.uniform(1, 6)
                else:
                    self._pass_until(self._t_s + rng.uniform(3, 600))
                yield from self._window(80, calm=True)
        elif kind == "unbalance":
            self._unbalanced_until = self._t_s + rng.uniform(1, 6) * DAY_S
            low, size = rng.randrange(3), rng.uniform(0.008, 0.022)
            self.plant.line = [1 - size if k == low else 1 + size / 2 for k in range(3)]
            yield from self._window(1500)
        else:
            yield from self._window(7200)

    def _running(self) -> None:
        if not self.plant.on or self.plant.tripped:
            self.plant.on, self.plant.tripped = True, False
            self._set_point()
            self.plant.rest(4 * 3600)

    def _set_point(self, first: bool = False) -> None:
        """What the process asks for."""
        plant, rng, machine = self.plant, self.rng, self.machine
        if machine.fed:
            plant.speed_ref = (
                rng.uniform(0.85, 1.0) if first else rng.choice((rng.uniform(0.5, 1.0), rng.uniform(0.85, 1.0)))
            )
        plant.valve = 1.0 if first else rng.choice((1.0, 1.0, rng.uniform(0.35, 1.0)))
        plant.damper = 1.0 if first else rng.choice((1.0, 1.0, rng.uniform(0.45, 1.0)))
        plant.load = machine.working_load * rng.uniform(0.25, 1.0)
        if machine.application in _CYCLES:
            plant.torque_limit, plant.acceleration = rng.uniform(1.2, 1.6), 0.5

    def _window(self, seconds: float, calm: bool = False) -> Iterator[tuple[float, Row]]:
        plant, rng = self.plant, self.rng
        start_s = self._t_s
        for _ in range(int(seconds)):
            if not calm and rng.random() < 1 / 900:
                self._set_point()
            if self.machine.application == "hoist" and plant.on:
                self._hoist(self._t_s - start_s)
            if self._t_s % 60 < 1:
                plant.ambient_degc = self._air(self._t_s)
                if self._t_s > self._unbalanced_until:
                    plant.line = [part + rng.gauss(0, 0.0003) for part in self._usual]
            yield self._t_s, self._row()
            self._t_s += 1

    def _hoist(self, t_s: float) -> None:
        phase = t_s % 200
        self.plant.speed_ref = 0.9 if phase < 30 else 0.0 if phase < 80 else 0.6 if phase < 120 else 0.0

    def _row(self) -> Row:
        plant = self.plant
        usual = plant.line
        if self._dip_left > 0:
            part = min(1.0, self._dip_left)
            self._dip_left -= 1
            plant.line = [factor * (1 - part * (1 - dip)) for factor, dip in zip(usual, self._dip, strict=True)]
        row = self.sensors.read(plant.step())
        plant.line = usual
        if self._silent_left > 0:
            self._silent_left -= 1
            row |= dict.fromkeys(_DRIVE_COLUMNS, None)
        self._note_truth()
        return row

    def _note_truth(self) -> None:
        plant, machine = self.plant, self.machine
        if machine.kind == "magnet" and plant.speed > 0.001 and (not plant.on or plant.tripped):
            self._last_turning = self._t_s
        self.true_now = set()
        if self._t_s - self._last_turning < 700:
            self.true_now.add("live_terminals")
        mean = sum(plant.line) / 3
        if max(abs(line / mean - 1) for line in plant.line) > 0.009:
            self.true_now.add("supply_unbalance")
        if plant.ambient_felt + plant.winding_k > 127:
            self.true_now.add("over_temperature")

    def _pass_until(self, t_s: float) -> None:
        """Heat for the time without rows, in steps of at most two hours of weather."""
        while t_s - self._t_s > 1:
            step_s = min(7200.0, t_s - self._t_s)
            self._t_s += math.ceil(step_s)
            self.plant.ambient_degc = self._air(self._t_s)
            self.plant.rest(step_s)

    def _air(self, t_s: float) -> float:
        days = t_s / DAY_S
        season = -math.cos(2 * math.pi * (days - 20) / 365) * self._season_k
        hour = math.sin(2 * math.pi * (days - 0.4)) * self._day_k
        return self._mean_degc + season + hour + self._hot_k
