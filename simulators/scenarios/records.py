"""Records of a scenario's TOML file. simulators/scenarios/record_parser.py reads them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from simulators.plant.feeder import Auxiliary, Cable, copper_cable


@dataclass(frozen=True, slots=True)
class LineRecord:
    """A bus.

    name: name of the bus.
    serial: line settings such as "19200 8N1"; empty: TCP.
    s7: the devices are data blocks of a PLC, whose numbers are their units; otherwise Modbus.
    port: TCP port; 0: any free one.
    """

    name: str
    serial: str = ""
    port: int = 0
    s7: bool = False


@dataclass(frozen=True, slots=True)
class MotorRecord:
    """A motor: either `library`, or the nameplate of a magnet motor.

    library: name in data/motors.toml, or of a line-start motor; empty: nameplate.
    kw: rated power, kW.
    rpm: rated speed, rpm.
    poles: number of poles.
    volts: rated line voltage, V.
    efficiency: rated efficiency, 0…1.
    """

    library: str = ""
    kw: float = 0.0
    rpm: float = 0.0
    poles: int = 0
    volts: float = 400.0
    efficiency: float = 0.0


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    """A meter or a drive.

    unit: unit identifier; of the first copy of a train.
    profile: id of the register map.
    line: name of the bus; several: the copies of a train are distributed over them in turn.
    name: of a meter of several trains; devices of one train are named after it.
    ct: primary current of the current transformers, A; 0: none stated.
    of: trains that a meter of several trains measures.
    wiring_fault: faults as in simulators/meters/wiring.py; empty: correct.
    accuracy: class of a meter, percent.
    divide: allocation of a meter of several trains, as in the agent's configuration.
    active_front: True: the drive has an active front end.
    kw: rated power of a drive, kW; 0: as the motor.
    at: measuring point of a meter in the agent's configuration; empty: derived from the train.
    refresh_s: refresh interval of a meter, seconds.
    restart_s: time after which a drive restarts automatically after a trip by a dip, seconds.
    speed_sensor: True: the drive knows the speed of a coasting shaft; False: it shows 0.
    serial: serial number of a meter in the agent's configuration.
    certificate: calibration certificate of a meter in the agent's configuration.
    """

    unit: int
    profile: str
    line: str | list[str]
    name: str = ""
    ct: int = 0
    of: list[str] = field(default_factory=list)
    wiring_fault: str = ""
    accuracy: float = 0.5
    divide: str = "drive-power"
    active_front: bool = False
    kw: float = 0.0
    at: str = ""
    refresh_s: float = 0.2
    restart_s: float = 10.0
    speed_sensor: bool = False
    serial: str = ""
    certificate: str = ""


@dataclass(frozen=True, slots=True)
class LoadRecord:
    """A load.

    kind: flow, conveyor, roller or hoist; `keys` holds its further keys.
    profile: (hours, share of full flow), repeated.
    wander: standard deviation of a random change of the share. Share and change together are limited smoothly to
        0.3…1.15, so that 0.1 in a profile becomes 0.34, and 1.0 becomes 0.97. With 0 the share is used unchanged.
    wander_s: time constant of the change, seconds.
    hidden: relative standard deviation of the shaft power that no signal shows.
    keys: further keys of the kind.
    """

    kind: str
    profile: list[list[float]] = field(default_factory=list)
    wander: float = 0.0
    wander_s: float = 400.0
    hidden: float = 0.0
    keys: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DefectRecord:
    """A defect of a motor; its share increases linearly from 0 to `to` between the two hours.

    kind: one of checks.DEFECTS.
    from_h, to_h: hours since the start of the plant.
    to: final share.
    """

    kind: str
    from_h: float
    to_h: float
    to: float = 1.0

    def share(self, now_s: float) -> float:
        into = (now_s / 3600 - self.from_h) / max(self.to_h - self.from_h, 1e-9)
        return self.to * min(max(into, 0.0), 1.0)


@dataclass(frozen=True, slots=True)
class DeviceFaultRecord:
    """A fault of a device; see simulators/devices/device_faults.py.

    device: name of the device.
    kind: one of its KINDS.
    from_h, to_h: hours since the start of the plant.
    code: exception code of kind `refusing`.
    """

    device: str
    kind: str
    from_h: float
    to_h: float
    code: int = 6


@dataclass(frozen=True, slots=True)
class MotorFaultRecord:
    """A fault of a motor, its drive or its load, or of the supply; see simulators/scenarios/motor_faults.py.

    kind: one of its KINDS, or supply-unbalance.
    from_h, to_h: hours since the start of the plant.
    motor: name of the motor; empty for a fault of the supply.
    size: severity; 0: the usual one.
    """

    kind: str
    from_h: float
    to_h: float
    motor: str = ""
    size: float = 0.0


@dataclass(frozen=True, slots=True)
class DipRecord:
    """A voltage dip of the supply.

    at_h: beginning, hours since the start of the plant.
    duration_s: duration, seconds.
    residual: residual voltage as a share of the voltage before the dip.
    kind: type as in simulators.plant.faults.Dip; "A": all phases equal.
    """

    at_h: float
    duration_s: float
    residual: float
    kind: str = "A"


@dataclass(frozen=True, slots=True)
class CableRecord:
    """A copper cable between the meter and the train. length_m: length, m. mm2: cross-section, mm²."""

    length_m: float
    mm2: float


@dataclass(frozen=True, slots=True)
class AuxiliaryRecord:
    """A fan or heater.

    kw: active power at 400 V, kW.
    with_motor: True: only while the motor runs.
    power_factor: displacement power factor.
    """

    kw: float
    with_motor: bool = False
    power_factor: float = 0.85


@dataclass(frozen=True, slots=True)
class SignalRecord:
    """A transmitter of a train.

    name: name of the signal.
    of: name of the train.
    unit: unit identifier.
    line: name of the bus.
    shows: flow, winding-temperature, bearing-temperature or ambient-temperature.
    full: displayed value at full flow; 0 for a temperature, which is displayed in degC.
    unit_of_measure: unit of the displayed value.
    accuracy: limit of the constant gain error, percent; of a temperature relative to 100 K.
    """

    name: str
    of: str
    unit: int
    line: str
    full: float = 0.0
    unit_of_measure: str = "m3/h"
    accuracy: float = 0.5
    shows: str = "flow"


@dataclass(frozen=True, slots=True)
class SiteRecord:
    """Data of the site for the agent's configuration.

    timezone: IANA name.
    currency: ISO 4217 code; empty: none.
    grid_factor: name of the emission factor; empty: none.
    tariff: tariff tables of the agent's configuration as TOML text; empty: none.
    reporting: begin of the reporting period of the retrofitted trains of a plant without `life`. None: none.
    """

    timezone: str = "UTC"
    currency: str = ""
    grid_factor: str = ""
    tariff: str = ""
    reporting: date | None = None


@dataclass(frozen=True, slots=True)
class RetrofitRecord:
    """Retrofit of the only train, whose `replaces` names the old motor on the line.

    Dates are midnights in the site's time zone; start and end may be times.
    start: begin of the run with the old motor.
    retrofit: end of the old motor.
    reporting: begin of the reporting period.
    end: end of the run.
    stands_h: time without a motor after the retrofit, hours.
    production: production after the retrofit relative to the production before it.
    """

    start: date
    retrofit: date
    reporting: date
    end: date
    stands_h: float = 0.0
    production: float = 1.0


@dataclass(frozen=True, slots=True)
class TrainRecord:
    """A motor train.

    name: name of the train; copies are numbered.
    kind: direct, driven or dc-bus.
    motor: the motor.
    load: the load.
    title: display name; empty: none.
    count: number of copies.
    offset_s: shift of the load's time from copy to copy, seconds.
    meter: meter of the train. None: none, or measured by a meter of several trains.
    drive: drive of the train. None: direct on line.
    defect: defect of the motor. None: healthy.
    replaces: name in the library of the replaced motor; empty: none.
    waveform: True: the waveform stream samples this train.
    cable: cable between meter and train. None: none.
    auxiliary: auxiliary loads between meter and train.
    application: what the motor drives: pump, fan, conveyor, mixer or another; empty: not stated.
    """

    name: str
    kind: str
    motor: MotorRecord
    load: LoadRecord
    title: str = ""
    count: int = 1
    offset_s: float = 0.0
    meter: DeviceRecord | None = None
    drive: DeviceRecord | None = None
    defect: DefectRecord | None = None
    replaces: str = ""
    waveform: bool = False
    cable: CableRecord | None = None
    auxiliary: list[AuxiliaryRecord] = field(default_factory=list)
    application: str = ""

    @property
    def names(self) -> list[str]:
        """Names of the copies."""
        return [self.name] if self.count == 1 else [f"{self.name}-{k + 1}" for k in range(self.count)]

    def feeder(self) -> tuple[Cable | None, tuple[Auxiliary, ...]]:
        """Return cable and auxiliaries. Raises ValueError for impossible values."""
        cable = copper_cable(self.cable.length_m, self.cable.mm2) if self.cable else None
        return cable, tuple(Auxiliary(1000 * item.kw, item.power_factor, item.with_motor) for item in self.auxiliary)


@dataclass(frozen=True, slots=True)
class ScenarioRecord:
    """A scenario file.

    name: name of the scenario.
    about: description in one line.
    step_s: step of the plant, seconds.
    every_s: poll interval in the agent's configuration, seconds.
    hours: duration after which the scenario has shown its subject, hours.
    line: the buses.
    train: the motor trains.
    meter: meters of several trains.
    rectifier_kw: rated power of the rectifier of the trains on a DC bus, kW; 0: none.
    trouble: faults of devices.
    fault: faults of motors and of the supply.
    dip: voltage dips.
    signal: transmitters.
    site: data of the site.
    life: retrofit of the only train. None: no retrofit.
    """

    name: str
    about: str
    step_s: float
    every_s: float
    hours: float
    line: list[LineRecord]
    train: list[TrainRecord]
    meter: list[DeviceRecord] = field(default_factory=list)
    rectifier_kw: float = 0.0
    trouble: list[DeviceFaultRecord] = field(default_factory=list)
    fault: list[MotorFaultRecord] = field(default_factory=list)
    dip: list[DipRecord] = field(default_factory=list)
    signal: list[SignalRecord] = field(default_factory=list)
    site: SiteRecord = SiteRecord()
    life: RetrofitRecord | None = None
