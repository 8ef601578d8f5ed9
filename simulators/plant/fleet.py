"""Many pump trains over months: a fast version of the steady-state model that returns means over intervals.

Each step gives the result of `units.direct_on_line` or `units.on_drive` for its supply and flow. For a motor on the
line, the small components of the voltage (harmonics, negative sequence) are included by a table over slip.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random

import numpy as np

from simulators.plant import drive, induction, params
from simulators.plant._arrays import Floats
from simulators.plant.faults import Fault, condition, weakened
from simulators.plant.fleet_kernel import FIELDS, Direct, Driven, PumpLaw, direct, driven, wander
from simulators.plant.params import DriveParameters, Grid, InductionMotor, MagnetMotor, Pump
from simulators.plant.phasors import PhasorComponent, natural_sequence

_SLIPS = 129
_COOLANT_DEGC, _THERMAL_S = 30.0, 1800.0


@dataclass(frozen=True, slots=True)
class Duty:
    """Flow of a pump relative to its design flow: an Ornstein-Uhlenbeck process around a daily profile.

    day: means of equal parts of a day, repeated daily.
    sigma: standard deviation.
    low, high: limits.
    tau_s: time constant of the process, seconds.
    lag_s: time constant of the smoothing lag, seconds.
    Raises ValueError for impossible values.
    """

    day: tuple[float, ...]
    sigma: float = 0.09
    low: float = 0.35
    high: float = 1.0
    tau_s: float = 400.0
    lag_s: float = 60.0

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high:
            raise ValueError(f"duty: low must be between 0 and high, got {self.low:g} and {self.high:g}")
        if not self.day or 24 % len(self.day):
            raise ValueError(f"duty: the number of parts in day must divide 24, got {len(self.day)}")


@dataclass(frozen=True, slots=True)
class FleetTrain:
    """A pump train: a magnet motor with a drive, or an induction motor direct on line.

    drive: the converter of a magnet motor. None: direct on line.
    faults: faults of the motor.
    Raises ValueError for another combination.
    """

    motor: InductionMotor | MagnetMotor
    pump: Pump
    duty: Duty
    drive: DriveParameters | None = None
    faults: tuple[Fault, ...] = field(default=())

    def __post_init__(self) -> None:
        if isinstance(self.motor, MagnetMotor) != (self.drive is not None):
            raise ValueError("fleet: a magnet motor needs a drive, an induction motor must have none")


class Fleet:
    """Pump trains on one supply. The same rng gives the same months.

    Faults and the daily profile change once an hour, all other quantities each step.
    """

    def __init__(
        self, trains: Sequence[FleetTrain], rng: Random, *, grid: Grid = params.BUSBAR, step_s: int = 1
    ) -> None:
        if 3600 % step_s:
            raise ValueError(f"fleet: step_s must divide an hour, got {step_s}")
        self.trains, self.now_s, self._grid, self._step_s = tuple(trains), 0, grid, step_s
        self._chance = [np.random.default_rng(rng.getrandbits(64)) for _ in range(2 + len(trains))]
        spreads = [grid.volts_sigma, grid.frequency_sigma_hz, *(train.duty.sigma for train in trains)]
        self._weather = [
            np.full(2, chance.normal(0, sigma)) for chance, sigma in zip(self._chance, spreads, strict=True)
        ]
        self._state = [_start(train) for train in trains]

    def run(self, hours: int, every_s: int = 60) -> dict[str, Floats]:
        """Return means over every_s by field of FIELDS, shape (trains, intervals).

        Currents: rms over all phases and orders. Reactive power: of the fundamental. volts_v: positive sequence, phase
            to neutral.
        Raises ValueError for a load that a motor cannot drive.
        """
        if every_s % self._step_s or 3600 % every_s:
            raise ValueError(f"fleet: every_s must divide an hour and be a multiple of step_s, got {every_s}")
        rows = 3600 // every_s
        out = np.zeros((len(self.trains), hours * rows, len(FIELDS)))
        for hour in range(hours):
            self._hour(out[:, hour * rows : (hour + 1) * rows], every_s // self._step_s)
            self.now_s += 3600
        return {name: out[:, :, k] for k, name in enumerate(FIELDS)}

    def _hour(self, out: Floats, every: int) -> None:
        grid = self._grid
        volts = grid.volts_v / math.sqrt(3) * (1 + self._drift(0, grid.volts_sigma, grid.tau_s, 5.0))
        hz = grid.frequency_hz + self._drift(1, grid.frequency_sigma_hz, grid.tau_s, 0.0)
        for k, train in enumerate(self.trains):
            duty = train.duty
            mean = duty.day[int(self.now_s % 86400 * len(duty.day) / 86400)]
            middle, half = (duty.low + duty.high) / 2, (duty.high - duty.low) / 2
            share = middle + half * np.tanh(
                (mean + self._drift(2 + k, duty.sigma, duty.tau_s, duty.lag_s) - middle) / half
            )
            flow = share * train.pump.flow_m3_s
            state = condition(train.faults, self.now_s)
            motor = weakened(train.motor, state)
            law = _pump(train.pump)
            if isinstance(motor, InductionMotor):
                numbers, rest = _direct(motor, grid)
                failed = direct(numbers, law, rest, volts, hz, flow, self._state[k], every, out[k])
            else:
                assert train.drive is not None
                magnet, table = _driven(motor, train.drive, grid, self._step_s, _COOLANT_DEGC + state.hotter_k)
                failed = driven(magnet, law, table, volts, hz, flow, self._state[k], every, out[k])
            if failed >= 0:
                raise ValueError(f"fleet: train {k} cannot drive its load at {self.now_s + failed * self._step_s} s")

    def _drift(self, k: int, sigma: float, tau_s: float, lag_s: float) -> Floats:
        out = np.empty(3600 // self._step_s)
        keep = math.exp(-self._step_s / tau_s)
        stay = math.exp(-self._step_s / lag_s) if lag_s else 0.0
        wander(
            self._chance[k].standard_normal(out.size), keep, sigma * math.sqrt(1 - keep**2), stay, self._weather[k], out
        )
        return out


def _start(train: FleetTrain) -> Floats:
    """Return slip or q current near the rated point, the slope there, and the winding temperature."""
    motor = train.motor
    if isinstance(motor, InductionMotor):
        slip = 1 - motor.speed_rpm * motor.pole_pairs / 60 / motor.frequency_hz
        return np.array([slip, -motor.power_w / slip, 0.0])
    iq = math.sqrt(2) * motor.current_a
    return np.array([iq, -motor.power_w / iq, 80.0])


def _pump(pump: Pump) -> PumpLaw:
    return PumpLaw(
        pump.speed_rpm * math.pi / 30, pump.flow_m3_s, pump.power_w, *pump.power_shape, pump.head0_m,
        pump.static_head_m, pump.pipe + pump.head_fall,
    )  # fmt: skip


def _components(grid: Grid) -> list[PhasorComponent]:
    """Return the components other than the fundamental for a fundamental of 1 V."""
    found = [PhasorComponent(1, -1, grid.negative)]
    for order, share, degrees in grid.harmonics:
        found.append(PhasorComponent(order, natural_sequence(order), share * np.exp(1j * math.radians(degrees))))
    return found


@lru_cache(64)
def _direct(motor: InductionMotor, grid: Grid) -> tuple[Direct, Floats]:
    breakdown = motor.rr_ohm / math.hypot(motor.rs_ohm, motor.xl1_ohm + motor.xl2_ohm)
    slips = np.linspace(0, breakdown, _SLIPS)
    rest = np.empty((_SLIPS, 4))
    for row, slip in zip(rest, slips, strict=True):
        state = induction.at_slip(motor, _components(grid), motor.frequency_hz, float(slip))
        gap_w = state.shaft_w + state.mechanical_w + state.additional_w
        squares = sum(abs(item.value) ** 2 for item in state.currents)
        negative = sum(item.value for item in state.currents if item.order == 1)
        row[:] = state.input_w, gap_w, squares, 3 * (grid.negative * negative.conjugate()).imag
    numbers = Direct(
        motor.frequency_hz, motor.pole_pairs, motor.rs_ohm, motor.xl1_ohm, motor.rr_ohm, motor.xl2_ohm, motor.xm_ohm,
        1 / motor.rfe_ohm, motor.friction_w, motor.additional_w / motor.current_a**2, motor.speed_rpm * math.pi / 30,
        motor.power_w, (_SLIPS - 1) / breakdown,
    )  # fmt: skip
    return numbers, rest


@lru_cache(64)
def _driven(
    motor: MagnetMotor, converter: DriveParameters, grid: Grid, step_s: float, coolant_degc: float
) -> tuple[Driven, Floats]:
    shapes = drive.table_of(converter)
    by_order = {item.order: item.value for item in _components(grid) if item.order > 1}
    gain = converter.unbalance_gain * abs(grid.negative) ** 2
    linear = shapes.shape[:, 1].real + gain
    for order, value in by_order.items():
        linear = linear + (value * shapes.shape[:, order].conj()).real
    squares = (np.abs(shapes.shape) ** 2).sum(axis=1)
    product = (shapes.shape * np.roll(shapes.shape, -1, axis=0).conj()).real.sum(axis=1)
    table = np.column_stack([shapes.p, shapes.dc, linear, squares, -shapes.shape[:, 1].imag, product])
    numbers = Driven(
        motor.pole_pairs, motor.omega_rated, motor.rs20_ohm, params.COPPER_PER_K, motor.ld_h, motor.lq_h,
        motor.flux20_wb, params.NDFEB_PER_K, motor.core_s, motor.core_hysteresis, motor.friction_w,
        motor.additional_w / (2 * motor.current_a**2), motor.power_w, motor.rise_k / motor.losses_w, coolant_degc,
        math.exp(-step_s / _THERMAL_S), converter.choke_ohm, grid.source_ohm,
        (converter.unbalance_gain * abs(grid.negative)) ** 2, drive.loss_terms(converter),
    )  # fmt: skip
    return numbers, table
