"""Trains of a scenario file: each with its machines, its load and its state."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from random import Random

from simulators.meters.drive_display import GateState
from simulators.plant import magnet
from simulators.plant.drive_logic import DriveInputs, Limits, RunningDrive, Trip
from simulators.plant.faults import Condition, bearing_order
from simulators.plant.feeder import Auxiliary, Cable
from simulators.plant.params import DriveParameters, InductionMotor, LineStartMotor, MagnetMotor
from simulators.plant.random_walk import RandomWalk, soft_limit
from simulators.plant.thermal import Thermal, heat_of, network_of
from simulators.plant.train import Train
from simulators.plant.wave_load import WaveLoad
from simulators.reasons import LOAD_TOO_LARGE, errors_within, require
from simulators.scenarios.load_profiles import Conveyor, Flow, LoadDemand, Shared, at
from simulators.scenarios.machines import drive_of, induction_motor, line_motor, magnet_motor
from simulators.scenarios.motor_faults import NO_EFFECT, Effects, FaultsOfMotor
from simulators.scenarios.record_parser import Law, law
from simulators.scenarios.records import ScenarioRecord, TrainRecord
from simulators.scenarios.retrofit_timeline import RetrofitTimes

Motor = InductionMotor | MagnetMotor | LineStartMotor
COOLANT_DEGC = 30.0
COUNTED = ("import", "export", "shaft", "reactive", "before")
OVER_A = 3.0  # trip current of a drive relative to the rated current
# lag of a random change relative to its time constant; time constant of the unmeasured change
LAG, HIDDEN_S = 0.15, 1800.0
RAMP_S = 20.0  # from standstill to rated speed
# A drive on two phases of its supply: the current of a line at half the power is that of three phases at full power
TWO_PHASES = 0.5
# Usual overload of a drive, relative to the rated torque, and how long it permits it [M]
JAMMED, OVERLOAD_S = 1.5, 60.0
RELAY_S = 8.0  # of a relay of class 10 at the current of a locked rotor [M]
BEARING_OF_FRAME, BEARING_K = 0.6, 8.0  # share of the frame's rise; own rise at rated speed, K [M]
OVERLOAD = 1.8  # limit relative to the rated torque: below the breakdown torque of every motor of the library


@dataclass(slots=True)
class MotorTrain:
    """One train with its state.

    name: name of the train or copy.
    number: number of the copy, from 0.
    record: record of the scenario file.
    motor: the motor; of a retrofit the new one.
    load: the load.
    wander: random change of the flow share.
    hidden: relative random change of the shaft power that no signal shows.
    drive: the drive. None: direct on line.
    feeder: cable and auxiliaries.
    old: the replaced motor of a retrofit. None: no retrofit.
    retrofit_times: times of the retrofit. None: no retrofit.
    train: present state, set by the plant; on a DC bus, input_w is the power that the inverter takes from it.
    before: state that the replaced motor would have now. None: no retrofit.
    share: present share of the full flow.
    winding_degc, magnet_degc: temperatures, °C.
    thermal: thermal model of a magnet motor. None: not modelled.
    running: state of the drive. None: direct on line.
    kwh: energies since the start, kWh and kvarh.
    locked_s: time for which the shaft has been at standstill while the motor should turn, seconds.
    faults: faults of motor, drive and load.
    """

    name: str
    number: int
    record: TrainRecord
    motor: Motor
    load: Law
    wander: RandomWalk
    hidden: RandomWalk
    drive: DriveParameters | None = None
    feeder: tuple[Cable | None, tuple[Auxiliary, ...]] = (None, ())
    old: InductionMotor | None = None
    retrofit_times: RetrofitTimes | None = None
    train: Train = field(init=False)
    before: Train | None = None
    share: float = 0.0
    winding_degc: float = 80.0
    magnet_degc: float = 65.0
    thermal: Thermal | None = None
    running: RunningDrive | None = None
    kwh: dict[str, float] = field(default_factory=lambda: dict.fromkeys(COUNTED, 0.0))
    locked_s: float = 0.0
    faults: FaultsOfMotor = field(init=False)

    def __post_init__(self) -> None:
        self.faults = FaultsOfMotor(self.name)

    @property
    def effects(self) -> Effects:
        return self.faults.effects

    def demand(self, now_s: float) -> LoadDemand:
        """Return the demand of a driven shaft; update the share of the flow."""
        if not isinstance(self.load, Shared):
            return self.load.demand(now_s + self.number * self.record.offset_s)
        demand = self._wanted(self.load, now_s)
        self.share = demand.share
        if self.effects.jammed:
            return LoadDemand(0.0, JAMMED * self._rated_nm, self.share)
        if self.effects is NO_EFFECT:
            demand = demand._replace(torque_nm=demand.torque_nm * (1 + self.hidden.value))
        else:
            demand = demand._replace(torque_nm=self.load_w(demand.speed_rad_s) / demand.speed_rad_s)
        if self.running is None or self.running.free_rad_s is None:
            return demand
        speed = max(self.running.free_rad_s, 1e-3)
        return LoadDemand(speed, self.load_w(speed) / speed + self._inertia * self._rate, self.share)

    def _wanted(self, load: Flow | Conveyor, now_s: float) -> LoadDemand:
        """Return what the drive is set to; on two phases of its supply it limits its power."""
        share = self.flow(now_s)
        if self.effects.lost_phase and self.drive is not None:
            return load.limited(share, TWO_PHASES * self.drive.power_w)
        return load.driven(share)

    @property
    def passed_share(self) -> float:
        """Share of the full flow that really passes."""
        if self.effects.dry or self.effects.jammed or self.coasts or self.relay_open:
            return 0.0
        return self.share * self.effects.passed

    def flow(self, now_s: float) -> float:
        record = self.record.load
        profile = [(hours, value) for hours, value in record.profile]
        share = at(profile, now_s + self.number * self.record.offset_s)
        if self.retrofit_times is not None and not self.retrofit_times.is_old(now_s):
            share *= 0.0 if self.retrofit_times.is_stopped(now_s) else self.retrofit_times.production
        self.share = soft_limit(share + self.wander.value, 0.3, 1.15) if record.wander and share else share
        return self.share

    @property
    def plate(self) -> InductionMotor | MagnetMotor:
        """The record with rated power, speed and current."""
        return self.motor.machine if isinstance(self.motor, LineStartMotor) else self.motor

    def motor_now(self, now_s: float) -> Motor:
        """Return the motor that runs now, with the effect of its defect."""
        motor, defect, flux = self.motor, self.record.defect, self.effects.flux
        if self.old is not None and self.retrofit_times is not None and self.retrofit_times.is_old(now_s):
            return self.old
        if isinstance(motor, MagnetMotor) and flux != 1:
            motor = replace(motor, flux20_wb=motor.flux20_wb * flux)
        if defect is None or isinstance(motor, LineStartMotor):
            return motor
        share = defect.share(now_s)
        if isinstance(motor, MagnetMotor):
            return replace(motor, flux20_wb=motor.flux20_wb * (1 - share))
        return replace(motor, rr_ohm=motor.rr_ohm * (1 + share)) if defect.kind == "broken-bar" else motor

    def condition(self, now_s: float) -> Condition:
        """Return the part of its defect and faults that the waveform model shows."""
        defect = self.record.defect
        if defect is None or isinstance(self.motor, MagnetMotor):
            return Condition(open_phase=self.effects.lost_phase)
        share = defect.share(now_s)
        if defect.kind == "bearing":
            return Condition(bearing=share, bearing_order=bearing_order())
        if defect.kind == "eccentricity":
            return Condition(gap_static=share / 2, gap_dynamic=share / 2)
        return Condition(bar=share / (1 + share))  # one axis of the cage has the complete increase, the other none

    def update_temperature(self, dt_s: float) -> None:
        """Advance the temperatures by the losses of the last step; a replaced motor has no thermal model."""
        if self.thermal is not None and self.train.winding_degc is not None:
            self.thermal.cool(self.effects.cooling)
            now = self.thermal.step(heat_of(self.train.motor_losses), dt_s)
            self.winding_degc, self.magnet_degc = now.winding, now.rotor

    def is_stopped(self, now_s: float) -> bool:
        """Return True until the new motor runs."""
        return self.retrofit_times is not None and now_s <= self.retrofit_times.runs_s

    @property
    def bearing_degc(self) -> float:
        """Temperature of the bearing: between frame and air, with its own loss [M]."""
        assert self.thermal is not None
        air_degc, turns = self.thermal.ambient_degc, abs(self.train.speed_rpm) / self.plate.speed_rpm
        frame_k = self.thermal.degc.frame - air_degc
        return air_degc + BEARING_OF_FRAME * frame_k + BEARING_K * turns + self.faults.bearing_k

    @property
    def coasts(self) -> bool:
        """The gates of the drive are off."""
        return self.running is not None and self.running.coasts

    @property
    def relay_open(self) -> bool:
        """The relay of a motor on the line has tripped; it is reset when the fault has ended."""
        return self.drive is None and self.locked_s > RELAY_S

    @property
    def gates(self) -> GateState:
        if self.running is None or not self.running.coasts:
            return GateState.RUN
        if not self.running.tripped:
            return GateState.BLOCKED
        return GateState.UNDERVOLTAGE if self.running.trip is Trip.UNDERVOLTAGE else GateState.TRIPPED

    def step_faults(self, now_s: float, dt_s: float) -> None:
        """Advance the faults."""
        self.faults.update(now_s, dt_s)
        locked = self.effects is not NO_EFFECT and self.train.speed_rad_s == 0
        self.locked_s = self.locked_s + dt_s if locked else 0.0

    def step_drive(self, dc_v: float, now_s: float, dt_s: float) -> None:
        """Advance the state of the drive. dc_v: DC bus voltage that the supply provides."""
        if self.running is None or not isinstance(self.load, Shared) or self.is_stopped(now_s):
            return
        current_a = self.train.output.current_a * math.sqrt(2) if self.train.output else 0.0
        effects, cause = self.effects, Trip.NONE
        if effects.tripped:
            cause = Trip.OTHER
        elif effects.jammed and self.locked_s > OVERLOAD_S:
            cause = Trip.OVERLOADED
        inputs = DriveInputs(not effects.blocked, dc_v, current_a, self.train.speed_rad_s, self.winding_degc, cause)
        speed_rad_s = self._wanted(self.load, now_s).speed_rad_s
        self.running.step(now_s, dt_s, inputs, speed_rad_s, self._rate, self._coasting_speed, effects.jammed)

    @property
    def _rated_nm(self) -> float:
        return self.plate.power_w / (self.plate.speed_rpm / 60 * 2 * math.pi)

    @property
    def _inertia(self) -> float:
        return self.plate.inertia_kg_m2 + (self.load.inertia_kg_m2 if isinstance(self.load, Shared) else 0.0)

    @property
    def _rate(self) -> float:
        """Rate of the drive's ramp, rad/s²."""
        return self.plate.speed_rpm / 60 * 2 * math.pi / RAMP_S

    def load_w(self, speed_rad_s: float) -> float:
        """Return the shaft power at this speed and the present share, W."""
        if not isinstance(self.load, Shared):
            return 0.0
        effects = self.effects
        if effects.dry and isinstance(self.load, Flow):
            power_w = self.load.dry_w(speed_rad_s)
        else:
            power_w = self.load.throttled_w(self.share * effects.passed, speed_rad_s)
        return power_w * (1 + self.hidden.value) * effects.torque

    def wave_load(self) -> WaveLoad:
        """Return the same load for the waveform model."""
        assert isinstance(self.load, Shared)
        effects = self.effects
        load = self.load.in_time(self.share * effects.passed, effects.dry)
        return load._replace(dry_nm=10 * self._rated_nm) if effects.jammed else load

    def _coasting_speed(self, speed_rad_s: float, dt_s: float) -> float:
        """Return the speed of the coasting shaft after dt_s: J·ω·dω = −P·dt."""
        assert isinstance(self.motor, MagnetMotor)
        rated = self.motor.omega_rated / self.motor.pole_pairs
        taken_w = self.load_w(speed_rad_s) + self.motor.friction_w * (speed_rad_s / rated) ** 2
        return math.sqrt(max(speed_rad_s**2 - 2 * taken_w * dt_s / self._inertia, 0.0))

    def count_energy(self, dt_s: float) -> None:
        train = self.train
        direction = "import" if train.input_w >= 0 else "export"
        before_w = self.before.input_w if self.before is not None else 0.0
        for what, watts in (
            (direction, abs(train.input_w)), ("shaft", train.shaft_w), ("reactive", train.reactive_var),
            ("before", before_w),
        ):  # fmt: skip
            self.kwh[what] += watts * dt_s / 3.6e6


def units_of(
    record: ScenarioRecord, chance: Random, retrofit_times: RetrofitTimes | None = None
) -> dict[str, MotorTrain]:
    """Return all trains by name, copies numbered from 1. Raises InvalidValue for an impossible motor or load."""
    found = {unit.name: unit for item in record.train for unit in _copies(item, chance)}
    for unit in found.values():
        unit.retrofit_times = retrofit_times
        if unit.record.replaces and (retrofit_times is not None or record.site.reporting is not None):
            unit.old = induction_motor(unit.record.replaces)
    return found


def _copies(item: TrainRecord, chance: Random) -> list[MotorTrain]:
    plate = item.motor
    with errors_within(f"train.{item.name}.motor"):
        motor: Motor = (
            line_motor(plate.library)
            if item.kind == "direct"
            else magnet_motor(plate.kw, plate.rpm, plate.poles, plate.volts, plate.efficiency)
        )
    with errors_within(f"train.{item.name}"):
        load = law(item.load)
        rated = motor.machine if isinstance(motor, LineStartMotor) else motor
        rated_nm = rated.power_w / (rated.speed_rpm / 60 * 2 * math.pi)
        require(
            0 <= load.torque_max_nm <= OVERLOAD * rated_nm,
            "load",
            LOAD_TOO_LARGE,
            torque_nm=load.torque_max_nm,
            rated_nm=rated_nm,
        )
    drive, restart_s = None, math.inf
    if isinstance(motor, MagnetMotor):
        restart_s = item.drive.restart_s if item.drive else restart_s
        kw = item.drive.kw if item.drive and item.drive.kw else plate.kw
        drive = drive_of(kw, motor.current_a * kw / plate.kw)
    units = []
    for k, name in enumerate(item.names):
        tau_s = item.load.wander_s
        wander = RandomWalk(Random(chance.getrandbits(64)), item.load.wander, tau_s, LAG * tau_s)
        seed = chance.getrandbits(64) if item.load.hidden else 0
        hidden = RandomWalk(Random(seed), item.load.hidden, HIDDEN_S)
        unit = MotorTrain(name, k, item, motor, load, wander, hidden, drive, item.feeder())
        if isinstance(rated, MagnetMotor):
            unit.thermal = _thermal(rated)
        if isinstance(motor, MagnetMotor):
            unit.running = RunningDrive(Limits(OVER_A * math.sqrt(2) * motor.current_a, restart_s=restart_s))
        units.append(unit)
    return units


def _thermal(motor: MagnetMotor) -> Thermal:
    """Return a thermal model whose winding is rise_k above the coolant at the rated point."""
    speed, hot_degc = motor.omega_rated / motor.pole_pairs, COOLANT_DEGC + motor.rise_k
    state = magnet.solve(motor, speed, motor.torque_rated_nm, hot_degc, COOLANT_DEGC + 0.75 * motor.rise_k)
    return Thermal(network_of(heat_of(state.losses), motor.rise_k), COOLANT_DEGC)


def meter_name(train: str) -> str:
    return f"mcc-{train}"


def drive_name(train: str) -> str:
    return f"vfd-{train}"
