"""A plant from a scenario file with any number of trains, meters and lines. The same `rng` gives the same readings."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Mapping
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from simulators.devices.device_faults import DeviceFault
from simulators.devices.waves import Sampler
from simulators.endpoints import Outlet
from simulators.plant import params
from simulators.plant.faults import Dip
from simulators.plant.grid import GridSupply
from simulators.plant.params import InductionMotor, LineStartMotor, MagnetMotor
from simulators.plant.phasors import Phasors
from simulators.plant.train import Train
from simulators.scenarios import steady_state
from simulators.scenarios.fault_targets import DIP, SILENT, UNBALANCE, fault_targets
from simulators.scenarios.instruments import Instruments
from simulators.scenarios.machines import drive_of
from simulators.scenarios.motor_faults import KINDS, MotorFault
from simulators.scenarios.motor_train import MotorTrain, drive_name, meter_name, units_of
from simulators.scenarios.records import ScenarioRecord
from simulators.scenarios.retrofit_timeline import times_of
from simulators.scenarios.scenario import ScenarioLine
from simulators.truth import Row, of_inverter, of_train

if TYPE_CHECKING:
    from simulators.plant.line_wave import LineWave

_SETTLED_S = 1e9
LASTS_S = 90.0  # usual duration of a fault
UNBALANCED, UNBALANCE_RAD = 0.025, 2.0  # negative over positive sequence; its angle
_BRIDGE = 3 * math.sqrt(6) / math.pi  # DC bus voltage under load over the phase voltage


class ScenarioPlant:
    """A plant of a scenario file. Raises ValueError for records that do not fit together."""

    def __init__(self, record: ScenarioRecord, rng: Random) -> None:
        self.record = record
        self.now_s = 0.0
        self._supply = GridSupply(params.BUSBAR, Random(rng.getrandbits(64)))
        self.fault_targets = fault_targets(record)
        self._dips = [Dip(3600 * dip.at_h, dip.duration_s, dip.residual, kind=dip.kind) for dip in record.dip]
        chance = Random(rng.getrandbits(64))
        self.retrofit_times = times_of(record.life, record.site.timezone) if record.life else None
        self.units = units_of(record, chance, self.retrofit_times)
        kw = record.rectifier_kw
        self._rectifier = drive_of(kw, 1.8 * kw) if kw else None
        self._dc_v = 560.0
        self._at_rectifier: tuple[Phasors, Phasors, float] | None = None
        self.instruments = Instruments(record, self.units, chance)
        self._unbalances = [
            (3600 * item.from_h, 3600 * item.to_h, item.size or UNBALANCED) for item in record.fault if not item.motor
        ]
        for item in record.fault:
            if item.motor:
                fault = MotorFault(item.kind, 3600 * item.from_h, 3600 * item.to_h, item.size or None)
                self.units[item.motor].faults.add(fault)
        self._meter_kwh = dict.fromkeys(self.instruments.trains_of, 0.0)
        self._waves: LineWave | None = None
        self._solve()
        for unit in self.units.values():
            unit.update_temperature(_SETTLED_S)
        self._solve()
        self._measure(0.0)

    @property
    def lines(self) -> Mapping[str, ScenarioLine]:
        return self.instruments.lines

    @property
    def outlets(self) -> Mapping[str, Outlet]:
        return self.instruments.outlets

    def provoke(self, fault: str, at_s: float, to_s: float | None = None, motor: str = "") -> None:
        """Cause a fault of `fault_targets`.

        at_s, to_s: begin and end, seconds after the start of the plant. to_s None: the usual duration.
        motor: name of the motor; empty: the first that can have the fault.
        """
        motors = self.fault_targets[fault]
        motor = motor or next(iter(motors), "")
        if fault == DIP:
            self._dips.append(Dip(at_s) if to_s is None else Dip(at_s, to_s - at_s))
        elif fault == UNBALANCE:
            self._unbalances.append((at_s, at_s + LASTS_S if to_s is None else to_s, UNBALANCED))
        elif fault == SILENT:
            silent = DeviceFault("silent", at_s, at_s + LASTS_S if to_s is None else to_s)
            self.instruments.add_fault(drive_name(motor), silent)
        else:
            to_s = at_s + KINDS[fault].lasts_s if to_s is None else to_s
            self.units[motor].faults.add(MotorFault(fault, at_s, to_s))

    def step(self, dt_s: float) -> None:
        self.now_s += dt_s
        self._supply.apply_dips(self._dips, self.now_s)
        self._supply.unbalance = sum(
            cmath.rect(size, UNBALANCE_RAD) for from_s, to_s, size in self._unbalances if from_s <= self.now_s < to_s
        )
        self._supply.step(dt_s)
        dc_v = _BRIDGE * self._supply.undipped_v * self._supply.line_share
        for unit in self.units.values():
            unit.wander.step(dt_s)
            unit.hidden.step(dt_s)
            unit.step_faults(self.now_s, dt_s)
            unit.update_temperature(dt_s)
            unit.step_drive(dc_v, self.now_s, dt_s)
        self._solve()
        for unit in self.units.values():
            unit.count_energy(dt_s)
        self._measure(dt_s)

    def _solve(self) -> None:
        known: dict[tuple[object, ...], Train] = {}
        for unit in self.units.values():
            motor = unit.motor_now(self.now_s)
            if not isinstance(motor, MagnetMotor):
                unit.train = self._metered(unit, partial(self._direct, unit, motor))
                unit.before = unit.train if unit.old is not None else None
            elif unit.is_stopped(self.now_s):
                unit.flow(self.now_s)
                unit.train, unit.before = self._coasting(unit, motor, 0.0), None
            elif unit.running is not None and unit.coasts and unit.record.kind == "driven":
                unit.train = self._fed(unit, self._coasting(unit, motor, unit.running.free_rad_s or 0.0))
            elif unit.record.kind == "driven":
                unit.train = self._metered(unit, partial(self._driven, unit, motor))
                if unit.old is not None:
                    unit.before = self._fed(unit, steady_state.direct(unit.old, self._supply, unit.load_w))
            else:
                unit.train = self._on_dc_bus(unit, motor, known)
        if self._rectifier is not None:
            dc_w = sum(unit.train.input_w for unit in self.units.values() if self._on_dc(unit.name))
            u, i, input_w, self._dc_v = steady_state.rectifier(self._rectifier, self._supply, dc_w)
            self._at_rectifier = u, i, input_w

    def _metered(self, unit: MotorTrain, solve: Callable[[GridSupply], Train]) -> Train:
        """Return a train at its meter, upstream of cable, auxiliaries and a bad contact."""
        if not unit.effects.contact:
            return self._fed(unit, solve(self._supply))
        rated_a = unit.plate.current_a if unit.drive is None else unit.drive.power_w / (3 * self._supply.nominal_v)
        ohm = unit.effects.contact * self._supply.nominal_v / rated_a
        after = self._supply.after_contact(ohm * complex(unit.train.i_a[1, 1]))
        return steady_state.with_contact(self._fed(unit, solve(after)), ohm)

    def _direct(self, unit: MotorTrain, motor: InductionMotor | LineStartMotor, supply: GridSupply) -> Train:
        unit.flow(self.now_s)
        if isinstance(motor, LineStartMotor):
            return steady_state.line_started(motor, supply, unit.load_w, unit.winding_degc, unit.magnet_degc)
        if unit.relay_open:
            return steady_state.switched_off(supply)
        if unit.effects.jammed:
            return steady_state.standing(motor, supply, unit.effects.lost_phase)
        if unit.effects.lost_phase:
            turning = steady_state.single_phasing(motor, supply, unit.load_w)
            return turning or steady_state.standing(motor, supply, lost_phase=True)
        return steady_state.direct(motor, supply, unit.load_w)

    def _driven(self, unit: MotorTrain, motor: MagnetMotor, supply: GridSupply) -> Train:
        assert unit.drive is not None
        assert unit.record.drive is not None
        return steady_state.driven(
            motor, unit.drive, supply, unit.demand(self.now_s), unit.winding_degc, unit.record.drive.active_front,
            unit.magnet_degc, offset_rad=unit.effects.offset_rad, lost_phase=unit.effects.lost_phase,
        )  # fmt: skip

    def _on_dc_bus(self, unit: MotorTrain, motor: MagnetMotor, known: dict[tuple[object, ...], Train]) -> Train:
        """known: trains already solved in this step: many rollers have the same demand at the same time."""
        assert unit.drive is not None
        demand, offset_rad = unit.demand(self.now_s), unit.effects.offset_rad
        warm = unit.winding_degc, unit.magnet_degc
        key = id(unit.record), demand, *warm, unit.effects.flux, offset_rad
        if key not in known:
            known[key] = steady_state.on_dc_bus(motor, unit.drive, self._supply, demand, *warm, self._dc_v, offset_rad)
        return known[key]

    def _coasting(self, unit: MotorTrain, motor: MagnetMotor, speed_rad_s: float) -> Train:
        assert unit.drive is not None
        return steady_state.coasting(motor, unit.drive, self._supply, speed_rad_s, unit.winding_degc)

    def _fed(self, unit: MotorTrain, train: Train) -> Train:
        cable, auxiliaries = unit.feeder
        return (
            steady_state.fed(train, cable, auxiliaries, not (unit.coasts or unit.relay_open))
            if cable or auxiliaries
            else train
        )

    def _on_dc(self, name: str) -> bool:
        return self.units[name].record.kind == "dc-bus"

    def _measure(self, dt_s: float) -> None:
        for name, measured in self.instruments.trains_of.items():
            self._meter_kwh[name] += max(self._watts(measured), 0.0) * dt_s / 3.6e6
        self.instruments.measure(self.phasors_of, self._supply.frequency_hz, self.now_s, dt_s)

    def phasors_of(self, measured: list[str]) -> tuple[Phasors, Phasors]:
        """Return the voltages and currents of a meter of these trains."""
        found = [self.units[name].train for name in measured if not self._on_dc(name)]
        parts = [(train.u_v, train.i_a) for train in found]
        if self._at_rectifier is not None and any(map(self._on_dc, measured)):
            parts.append(self._at_rectifier[:2])
        return steady_state.together(parts)

    def _watts(self, measured: list[str]) -> float:
        found = [self.units[name].train for name in measured if not self._on_dc(name)]
        rest_w = self._at_rectifier[2] if self._at_rectifier and any(map(self._on_dc, measured)) else 0.0
        return sum(train.input_w for train in found) + rest_w

    def truth(self) -> Mapping[str, Row]:
        rows: dict[str, Row] = {}
        for unit in self.units.values():
            rows[unit.name] = self._row(unit)
        for name, measured in self.instruments.trains_of.items():
            if len(measured) > 1:
                energy = self.instruments.start_kwh[name] + self._meter_kwh[name]
                rows[name] = {"active_power_w": self._watts(measured), "energy_import_kwh": energy}
        if self._dips or self._unbalances:
            rows["supply"] = {"sag": self._supply.sag, "unbalance": abs(self._supply.unbalance)}
        return rows | self.instruments.truth(self.now_s)

    def _row(self, unit: MotorTrain) -> Row:
        start = self.instruments.start_kwh.get(meter_name(unit.name), 0.0)
        if self._on_dc(unit.name):
            row = of_inverter(unit.train)
        else:
            row = of_train(unit.train, start + unit.kwh["import"], start / 2 + unit.kwh["reactive"])
        row |= {
            "energy_taken_kwh": unit.kwh["import"], "energy_export_kwh": unit.kwh["export"],
            "energy_shaft_kwh": unit.kwh["shaft"], "flow_share": unit.passed_share, "input_power_w": unit.train.input_w,
            "drive_input_power_w": unit.train.input_w - unit.train.feeder_w,
        }  # fmt: skip
        if unit.old is not None:
            row |= {
                "adjusted_baseline_power_w": unit.before.input_w if unit.before is not None else 0.0,
                "adjusted_baseline_energy_kwh": unit.kwh["before"],
            }  # fmt: skip
        if unit.record.defect is not None:
            row["defect"] = unit.record.defect.share(self.now_s)
        return row | unit.faults.truth(self.now_s)

    def sampled(self) -> Train | Sampler | None:
        """Return a motor on the line in the waveform model, which shows its defect.

        With a drive, the phasors of its input.
        """
        unit = next((unit for unit in self.units.values() if unit.record.waveform), None)
        if unit is None or not isinstance(unit.motor, InductionMotor):
            return unit.train if unit else None
        from simulators.plant.line_wave import LineWave  # imports numba, which only this needs

        motor = unit.motor_now(self.now_s)
        assert isinstance(motor, InductionMotor)
        self._waves = self._waves or LineWave(motor)
        self._waves.set_state(
            motor, self._supply.components(), self._supply.frequency_hz, unit.wave_load(),
            unit.condition(self.now_s), unit.train.speed_rad_s,
        )  # fmt: skip
        return self._waves
