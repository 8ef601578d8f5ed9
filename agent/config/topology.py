"""The graph of the plant: the meter and the drive of each motor, and the allocation of a shared meter.

agent/config/topology_check.py reports the problems of a graph.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from agent.config.model import Config, Drive, Meter, Motor
from agent.config.signals import Signal, signals
from agent.core.metrics import Metric, by_name
from drivers.profiles import load_profile
from dsp.efficiency_drive import EightPointGain, eight_point_gain
from dsp.tables import reference_drive_loss_w

NOT_POLLED = (None, "armed")  # values of comm_loss with which a drive is not polled


class Branch(Struct, frozen=True):
    """One consumer fed by a shared meter: a drive with its motors, or a motor direct on line.

    name: of the drive or motor.
    drive: None for a motor direct on line.
    rated_kw: rated power of the motors, else of the drive.
    """

    name: str
    drive: str | None
    rated_kw: float


class Asset(Struct, frozen=True):
    """A motor, or a meter that several motors share: everything that is published below one topic.

    name: level of the topic.
    title: name that operators read.
    motor: None for a shared meter.
    meter, drive: of the motor; None: none.
    branches: all consumers of the motor's meter; the energy of more than one is divided by `rule`.
    rule: drive-power | rated-power; empty when nothing is shared.
    drive_share: fixed share of this motor in its drive (by rated power); 1 for the only motor of a drive.
    signals: of this motor.
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
        """The name of this motor's branch of the meter."""
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
        """All devices that are polled for this asset."""
        return (*self.devices, *self.signal_devices)

    def metrics(self, topic: str) -> dict[str, Metric]:
        """The metrics of a topic, by name; the telemetry includes the signals of this asset."""
        found = by_name(topic)
        if self.signals and topic == "telemetry":
            return found | {signal.metric.name: signal.metric for signal in self.signals}
        return found


def assets(config: Config) -> tuple[Asset, ...]:
    """All motors, then all meters that feed several branches or no configured consumer."""
    found = [_motor_asset(config, motor) for motor in config.motors.values()]
    for meter in config.meters.values():
        branches = tuple(_branches(config, meter.name))
        fed = [motor for motor in config.motors.values() if _meter_of(config, motor) == meter.name]
        if len(branches) != 1 or len(fed) != 1:
            found.append(Asset(meter.name, meter.name, None, meter, None))
    return tuple(found)


def polled_devices(config: Config) -> list[Meter | Drive]:
    """All meters, and the drives whose `comm_loss` permits polling; without devices of a private protocol."""
    found: list[Meter | Drive] = [*config.meters.values()]
    found += (drive for drive in config.drives.values() if may_be_read(config, drive))
    return [item for item in found if is_polled(item.profile)]


def may_be_read(config: Config, drive: Drive) -> bool:
    """Whether the `comm_loss` of a drive permits polling.

    It does not matter where no request reaches the drive: in a data block of a PLC, on a bus that is only listened to.
    """
    bus = config.buses.get(drive.bus)
    is_reached = load_profile(drive.profile).dialect != "s7" and not (bus is not None and bus.listens)
    return drive.comm_loss not in NOT_POLLED or not is_reached


def is_polled(profile: str) -> bool:
    return load_profile(profile).dialect != "huanyang_private"


def eight_point_gain_of(config: Config, drive: Drive) -> EightPointGain | None:
    """What the manufacturer's losses would gain; None where they are configured or the rating is unknown."""
    kw = drive_rating_kw(config, drive)
    if drive.loss_points_w or not kw:
        return None
    return eight_point_gain(reference_drive_loss_w(kw), 1000 * kw, drive.efficiency_class, drive.rectifier)


def drive_rating_kw(config: Config, drive: Drive) -> float | None:
    """The configured rating of the drive, else the sum of its motors; None when both are unknown."""
    motors_kw = sum(motor.kw for motor in config.motors.values() if motor.fed_by == drive.name)
    return drive.kw if drive.kw is not None else motors_kw or None


def _meter_of(config: Config, motor: Motor) -> str | None:
    if motor.fed_by in config.meters:
        return motor.fed_by
    drive = config.drives.get(motor.fed_by)
    return drive.fed_by if drive else None


def _branches(config: Config, meter: str) -> Iterator[Branch]:
    for drive in config.drives.values():
        if drive.fed_by == meter:
            motors_kw = sum(motor.kw for motor in config.motors.values() if motor.fed_by == drive.name)
            yield Branch(drive.name, drive.name, motors_kw or drive.kw or 0.0)
    for motor in config.motors.values():
        if motor.fed_by == meter:
            yield Branch(motor.name, None, motor.kw)


def _motor_asset(config: Config, motor: Motor) -> Asset:
    drive = config.drives.get(motor.fed_by)
    meter_name = _meter_of(config, motor)
    meter = config.meters[meter_name] if meter_name else None
    branches = tuple(_branches(config, meter.name)) if meter else ()
    on_drive = [other.kw for other in config.motors.values() if drive and other.fed_by == drive.name]
    rule = ""
    if meter and len(branches) > 1:
        by_drives = meter.allocation == "drive-power" and all(
            branch.drive and load_profile(config.drives[branch.drive].profile).register("motor_power")
            for branch in branches
        )
        rule = "drive-power" if by_drives else "rated-power"
    elif len(on_drive) > 1:
        rule = "rated-power"
    return Asset(
        motor.name, motor.title, motor, meter, drive, branches, rule, motor.kw / sum(on_drive) if on_drive else 1.0,
        tuple(signal for signal in signals(config) if signal.motor == motor.name),
    )  # fmt: skip
