"""Reads the plant's graph: which meter and which drive belong to a motor, and how a shared one is divided.

What is refused of it stands in agent/topology_check.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agent.config import Config, Drive, Meter, Motor
from agent.metrics import Metric, by_name
from agent.signals import Signal, signals
from drivers.profiles import load_profile

NOT_POLLED = (None, "armed")  # answers to the watchdog question with which a drive is left alone


@dataclass(frozen=True, slots=True)
class Branch:
    """One consumer behind a shared meter: a drive with its motors, or a motor direct on line."""

    name: str
    drive: str | None
    rated_kw: float


@dataclass(frozen=True, slots=True)
class Asset:
    """What is published under one name: a motor, or a meter that several motors share.

    branches: all consumers of the motor's meter; more than one means that its energy is divided by `rule`.
    drive_share: this motor's fixed part of its drive (by rated power), 1 when it is alone there.
    """

    name: str
    title: str
    motor: Motor | None
    meter: Meter | None
    drive: Drive | None
    branches: tuple[Branch, ...] = ()
    rule: str = ""
    drive_share: float = 1.0
    signals: tuple[Signal, ...] = ()

    @property
    def branch(self) -> str:
        """The name under which this motor's part of the meter goes."""
        return self.drive.name if self.drive else self.name

    @property
    def shared(self) -> bool:
        return len(self.branches) > 1 or self.drive_share < 1

    @property
    def devices(self) -> tuple[str, ...]:
        return tuple(item.name for item in (self.meter, self.drive) if item)

    @property
    def signal_devices(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(signal.device for signal in self.signals))

    @property
    def sources(self) -> tuple[str, ...]:
        """Everything that is polled for this asset."""
        return (*self.devices, *self.signal_devices)

    def metrics(self, topic: str) -> dict[str, Metric]:
        """The metrics table as it is for this asset: with its signals among the telemetry."""
        found = by_name(topic)
        if self.signals and topic == "telemetry":
            return found | {signal.metric.name: signal.metric for signal in self.signals}
        return found


def assets(config: Config) -> tuple[Asset, ...]:
    """Every motor, then every meter that more than one branch shares or that feeds nothing listed."""
    found = [_motor_asset(config, motor) for motor in config.motors.values()]
    for meter in config.meters.values():
        branches = tuple(_branches(config, meter.name))
        behind = [motor for motor in config.motors.values() if _meter_of(config, motor) == meter.name]
        if len(branches) != 1 or len(behind) != 1:
            found.append(Asset(meter.name, meter.name, None, meter, None))
    return tuple(found)


def polled_devices(config: Config) -> list[Meter | Drive]:
    """All meters, and the drives whose communication watchdog somebody looked at and found not to mind; none that speak
    something else than Modbus."""
    cleared = [drive for drive in config.drives.values() if drive.comm_loss not in NOT_POLLED]
    found: list[Meter | Drive] = [*config.meters.values(), *cleared]
    return [item for item in found if speaks_modbus(item.profile)]


def speaks_modbus(profile: str) -> bool:
    return load_profile(profile).dialect != "huanyang_private"


def drive_rating_kw(config: Config, drive: Drive) -> float | None:
    """The drive's rating as configured, else that of its motors together."""
    if drive.kw is not None:
        return drive.kw
    return sum(motor.kw for motor in config.motors.values() if motor.fed_by == drive.name) or None


def _meter_of(config: Config, motor: Motor) -> str | None:
    if motor.fed_by in config.meters:
        return motor.fed_by
    drive = config.drives.get(motor.fed_by)
    return drive.fed_by if drive else None


def _branches(config: Config, meter: str) -> Iterator[Branch]:
    for drive in config.drives.values():
        if drive.fed_by == meter:
            rated = sum(motor.kw for motor in config.motors.values() if motor.fed_by == drive.name)
            yield Branch(drive.name, drive.name, rated or drive.kw or 0.0)
    for motor in config.motors.values():
        if motor.fed_by == meter:
            yield Branch(motor.name, None, motor.kw)


def _motor_asset(config: Config, motor: Motor) -> Asset:
    drive = config.drives.get(motor.fed_by)
    meter_name = _meter_of(config, motor)
    meter = config.meters[meter_name] if meter_name else None
    branches = tuple(_branches(config, meter.name)) if meter else ()
    beside = [other.kw for other in config.motors.values() if drive and other.fed_by == drive.name]
    rule = ""
    if meter and len(branches) > 1:
        by_drives = meter.allocation == "drive-power" and all(
            branch.drive and load_profile(config.drives[branch.drive].profile).register("motor_power")
            for branch in branches
        )
        rule = "drive-power" if by_drives else "rated-power"
    elif len(beside) > 1:
        rule = "rated-power"
    return Asset(
        motor.name, motor.title, motor, meter, drive, branches, rule, motor.kw / sum(beside) if beside else 1.0,
        tuple(signal for signal in signals(config) if signal.motor == motor.name),
    )  # fmt: skip
