"""Quarter hours of a retrofit, computed from machine models and a meter with errors; thousands of hours take seconds.

The machines are solved once on a grid of flows; quarter hours are interpolated in it. The agent's shaft energy and
losses come from its own loss models, applied to the values that drive and meter would show.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray
from support.transformer_errors import TransformerErrors

from agent.analysis.efficiency.loss_models import LossSignals, on_drive, on_mains
from agent.analysis.efficiency.nameplate import nameplate_of
from agent.config.model import Drive as DriveConfig
from agent.config.model import Motor
from agent.config.topology import Asset
from agent.savings.records.model import QUARTER_MS, Driver, Interval
from dsp.efficiency import Losses
from dsp.efficiency_drive import EIGHT_POINTS
from dsp.tables import ie_efficiency
from simulators.plant import drive, induction, params
from simulators.plant.grid import GridSupply
from simulators.plant.params import DriveParameters as DriveRecord
from simulators.plant.params import InductionMotor
from simulators.plant.phasors import PhasorComponent, active_w, reactive_var
from simulators.plant.train import Train
from simulators.scenarios import steady_state
from simulators.scenarios.load_profiles import Flow, LoadDemand
from simulators.scenarios.machines import drive_of, induction_motor, magnet_motor

Array = NDArray[np.float64]
START_MS = 1_790_000_100_000 // QUARTER_MS * QUARTER_MS
FLOW = "signal_flow_m3_h"
TEMPERATURE, SHIFT, PUMPS = "signal_inlet_c", "signal_shift", "signal_pumps"
VOLTS = 400.0  # line voltage
_RPM = 30 / math.pi
_GRID = np.linspace(0.25, 1.2, 96)
_QUIET = replace(params.BUSBAR, volts_sigma=0.0, frequency_sigma_hz=0.0)


@dataclass(frozen=True)
class Retrofit:
    """A replacement of a motor.

    efficiency: of the new motor, which runs at the lowest sufficient speed on a drive. None: a line-start motor at
    constant speed.
    old_class: configured class of the old motor.
    """

    library: str
    kw: float
    load: Flow
    efficiency: float | None
    old_class: str = "IE1"

    @property
    def old(self) -> InductionMotor:
        return induction_motor(self.library)

    @property
    def old_plate(self) -> dict[str, float]:
        limit = ie_efficiency(self.old_class, self.kw, 4)
        return {"rated_w": 1000 * self.kw, "efficiency": limit, "rpm": self.old.speed_rpm, "sync_rpm": 1500.0}


@dataclass(frozen=True)
class Points:
    """Values over the grid of flows, W and var.

    est_: calculated by the agent's loss models from the values that drive and meter show.
    """

    old_w: Array
    old_var: Array
    new_w: Array
    new_var: Array
    shaft_w: Array
    speed_rpm: Array
    drive_loss_w: Array
    motor_loss_w: Array
    old_loss_w: Array  # loss of the old motor on the drive, at speed and torque of the new one
    est_drive_w: Array
    est_motor_w: Array
    u_drive_w: Array
    u_motor_w: Array


PUMP_HIGH_HEAD = Retrofit(  # high static head: speed control saves little
    "160kw-ie1", 160.0, Flow(140.0, 1485.0, (0.23, 1.03, -0.26), (0.80, 0.20)), 0.968,
)  # fmt: skip
DAMPER_FAN = Retrofit("160kw-ie1", 160.0, Flow(140.0, 1485.0, (0.45, 0.55, 0.0), (0.0, 1.0)), 0.968)
SWAP = Retrofit("55kw-ie1", 55.0, Flow(50.0, 1478.0, (0.1, 0.2, 0.7), (0.0, 1.0)), None)  # a conveyor


@cache
def points(plant: Retrofit) -> Points:
    supply = quiet_supply()
    step = on_drive_of(plant, supply) if plant.efficiency is not None else _on_line(supply, plant)
    rows = []
    for flow in map(float, _GRID):
        before = steady_state.direct(plant.old, supply, lambda speed, flow=flow: plant.load.throttled_w(flow, speed))
        after, demand, (drive_w, u_drive), found = step(flow)
        rows.append((
            float(active_w(before.u_v, before.i_a).sum()), float(reactive_var(before.u_v, before.i_a).sum()),
            float(active_w(after.u_v, after.i_a).sum()), float(reactive_var(after.u_v, after.i_a).sum()),
            after.shaft_w, after.speed_rpm, after.drive_losses_w, sum(after.motor_losses),
            _old_on_drive_w(plant.old, demand), drive_w, found.total_w, u_drive, found.u_w,
        ))  # fmt: skip
    return Points(*np.array(rows).T)


Step = Callable[[float], tuple[Train, LoadDemand, tuple[float, float], Losses]]


def quiet_supply() -> GridSupply:
    return GridSupply(_QUIET, Random(0))


def on_drive_of(plant: Retrofit, supply: GridSupply) -> Step:
    assert plant.efficiency is not None
    new = magnet_motor(plant.kw, 1500.0, 8, 380.0, plant.efficiency)
    converter = drive_of(plant.kw, new.current_a)
    eight = tuple(_converter_loss_w(converter, i, f) for f, i in EIGHT_POINTS)
    config = DriveConfig("vfd", "bus", 1, "yaskawa/ga800", None, "not used", plant.kw, None, eight)
    known = nameplate_of(
        Asset("new", "new", _plate(plant, new.current_a, plant.efficiency, 380.0), None, config), plant.kw
    )

    def step(flow: float) -> tuple[Train, LoadDemand, tuple[float, float], Losses]:
        demand = plant.load.driven(flow)
        after = steady_state.driven(new, converter, supply, demand, 80.0, active_front=False)
        out = after.output
        assert out is not None
        lost = known.drive_losses_w(out.current_a, out.frequency_hz)
        signals = LossSignals(after.input_w - lost[0], out.current_a, out.frequency_hz)
        return after, demand, lost, on_drive(known, signals)[0].losses

    return step


def _on_line(supply: GridSupply, plant: Retrofit) -> Step:
    new = params.LINE_START_55KW
    rated = new.machine.power_w / (new.machine.power_w + new.machine.losses_w)
    motor = _plate(plant, new.machine.current_a, rated, 400.0)
    known = nameplate_of(Asset("new", "new", motor, None, None), None)

    def step(flow: float) -> tuple[Train, LoadDemand, tuple[float, float], Losses]:
        after = steady_state.line_started(new, supply, lambda speed: plant.load.throttled_w(flow, speed), 80.0, 65.0)
        amps = float(np.sqrt((np.abs(after.i_a) ** 2).sum(axis=1)).mean())
        found = on_mains(known, LossSignals(after.input_w, amps, supply.frequency_hz))[0].losses
        return after, LoadDemand(after.speed_rad_s, after.shaft_w / after.speed_rad_s), (0.0, 0.0), found

    return step


def _converter_loss_w(converter: DriveRecord, current: float, frequency: float) -> float:
    """Loss in the factory test: the motor takes 0.85·U·I in proportion to the frequency."""
    power_w = converter.power_w * current * frequency
    return drive.losses_w(converter, current * converter.current_a, power_w, 540.0)


def _old_on_drive_w(old: InductionMotor, demand: LoadDemand) -> float:
    """Losses of the old motor at this speed and torque, on a sinusoidal voltage proportional to the frequency."""
    hz = demand.speed_rad_s * old.pole_pairs / 2 / math.pi
    for _ in range(6):
        u = [PhasorComponent(1, 1, complex(old.volts_v / math.sqrt(3) * hz / old.frequency_hz))]
        state = induction.solve(old, u, hz, lambda speed: demand.torque_nm * speed)
        hz *= demand.speed_rad_s / state.speed_rad_s
    return sum(state.losses)


def _plate(plant: Retrofit, current_a: float, efficiency: float, volts: float) -> Motor:
    kind, poles = ("pm", 8) if plant.efficiency is not None else ("pm-line-start", 4)
    return Motor("new", "new", kind, plant.kw, 1500.0, poles, volts, "vfd", current_a, None, 100 * efficiency, None,
                 (), None, None)  # fmt: skip


@dataclass(frozen=True)
class MeterErrors:
    """Errors of one meter with its transformers.

    gain: of the meter.
    Both periods have the same errors unless the meter is replaced.
    """

    gain: float
    transformers: TransformerErrors
    name: str = "mcc-1 22091734 400/5"

    def displayed(self, wh: Array, varh: Array, hours: float) -> tuple[Array, Array]:
        """Displayed energies of intervals of this length."""
        shown_w, shown_var = self.transformers.displayed(wh / hours, varh / hours)
        return (1 + self.gain) * shown_w * hours, (1 + self.gain) * shown_var * hours


def draw_meter(rng: np.random.Generator, number: str = "22091734", accuracy: float = 0.005, ct_class: str = "0.5",
               ct_a: float = 400.0) -> MeterErrors:  # fmt: skip
    """Errors anywhere within the classes, equal on all three phases: the worst case that a class allows on average."""
    gain, ratio, phase = rng.uniform(-accuracy, accuracy), rng.uniform(-1, 1), rng.uniform(-1, 1)
    transformers = TransformerErrors(float(ratio), float(phase), ct_class, ct_a, VOLTS)
    return MeterErrors(float(gain), transformers, f"mcc-1 {number} {ct_a:g}/5")


def flows(rng: np.random.Generator, n: int, mean: float, low: float = 0.3, high: float = 1.15) -> Array:
    """Production: a daily profile, shifts, and operator actions (AR(1) over hours)."""
    hours = np.arange(n) / 4
    shift = np.repeat(rng.normal(0, 0.05, n // 32 + 1), 32)[:n]
    return np.clip(mean * (1 + 0.06 * np.sin(2 * np.pi * hours / 24) + shift + ar1(rng, n, 0.9, 0.03)), low, high)


def ar1(rng: np.random.Generator, n: int, rho: float, sigma: float) -> Array:
    steps = rng.normal(0, sigma * math.sqrt(1 - rho * rho), n)
    last, found = float(rng.normal(0, sigma)), []
    for step in steps.tolist():
        last = rho * last + step
        found.append(last)
    return np.array(found)


@dataclass(frozen=True)
class Hours:
    """Intervals as the agent would keep them, and the true values of each.

    old_wh, new_wh: energy of the old and of the new plant.
    motor_wh, drive_wh: parts of the saving.
    """

    intervals: list[Interval]
    old_wh: Array
    new_wh: Array
    motor_wh: Array
    drive_wh: Array


def hours(
    plant: Retrofit, flow: Array, influence: Array, meter: MeterErrors, *, new: bool, first: int = 0,
    sensor: Callable[[Array], Array] | None = None, asset: str = "pump", more: Mapping[str, Array] | None = None,
) -> Hours:  # fmt: skip
    """influence: effect on the load of everything except the flow, relative.
    sensor: displayed value of the driver for a flow.
    more: further drivers as measured.
    """
    at = points(plant)

    def look(column: Array) -> Array:
        found: Array = np.interp(flow, _GRID, column) * (1 + influence) * 0.25
        return found

    old_wh, new_wh = look(at.old_w), look(at.new_w)
    varh = look(at.new_var if new else at.old_var)
    displayed_wh, displayed_varh = meter.displayed(new_wh if new else old_wh, varh, 0.25)
    speed = np.interp(flow, _GRID, at.speed_rpm)
    drive, motor = look(at.est_drive_w), look(at.est_motor_w)
    u_drive, u_motor = look(at.u_drive_w), look(at.u_motor_w)
    output = new_wh - look(at.drive_loss_w)
    driver = (sensor(flow) if sensor else flow) * 1000
    intervals = []
    for k in range(len(flow)):
        known: dict[str, Any] = {}
        if new:
            known = {
                "shaft_wh": float(displayed_wh[k] - drive[k] - motor[k]), "drive_loss_wh": float(drive[k]),
                "motor_loss_wh": float(motor[k]), "u_drive_loss_wh": float(u_drive[k]),
                "u_motor_loss_wh": float(u_motor[k]), "speed_rpm": float(speed[k]),
                "drive_output_wh": float(output[k]) if plant.efficiency is not None else None,
            }  # fmt: skip
        intervals.append(
            Interval(
                asset, START_MS + (first + k) * QUARTER_MS, float(displayed_wh[k]),
                reactive_varh=float(displayed_varh[k]),
                drivers={name: Driver(float(x[k])) for name, x in {FLOW: driver, **(more or {})}.items()},
                meter=meter.name, running_s=900.0, **known,
            )
        )  # fmt: skip
    return Hours(intervals, old_wh, new_wh, look(at.old_loss_w - at.motor_loss_w), -look(at.drive_loss_w))
