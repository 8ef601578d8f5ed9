"""Reads the plant's graph: which meter and which drive belong to a motor, and how a shared one is divided."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agent.config import Config, Drive, Meter, Motor
from agent.metrics import Metric, by_name
from agent.schema import Report, nearest
from agent.signals import Signal, metric_of, signals
from drivers.profiles import load_profile
from drivers.registers import usable

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


def check_topology(config: Config, raw: Mapping[str, Any], report: Report) -> None:
    """References, double names, refused places, the watchdog question, and what nobody can look at from here.

    raw: the file's own tables, so that a table with another problem is checked for these all the same.
    """
    tables = {kind: _tables(raw, kind) for kind in ("bus", "meter", "drive", "motor", "signal")}
    _check_names(tables, report)
    _check_references(tables, report)
    _check_places(tables, report)
    _check_loops(tables["meter"], report)
    _check_units(tables, report)
    _check_ports(config, report)
    _check_signals(config, report)
    for drive in _present(config.drives):
        profile = load_profile(drive.profile)
        if profile.kind != "vfd":
            report.problem(f"drive.{drive.name}.profile", "is not a drive's profile", drive.profile)
        elif drive.comm_loss is None:
            parameter = profile.comm_loss.get("parameter")
            where = f" (parameter {parameter})" if parameter else ""
            report.finding(
                f"drive.{drive.name}.comm_loss",
                f"not stated: polling may arm, feed or mask the drive's communication watchdog{where}. Look at it, "
                'then write for example comm_loss = "not used"; until then this drive is not polled',
            )
        elif drive.comm_loss == "armed":
            report.finding(
                f"drive.{drive.name}.comm_loss",
                "polling would feed the watchdog, and the drive trip when the agent stops: this drive is not polled",
                drive.comm_loss,
            )
    for item in (*_present(config.meters), *_present(config.drives)):
        kind = "meter" if isinstance(item, Meter) else "drive"
        if not speaks_modbus(item.profile):
            report.finding(
                f"{kind}.{item.name}.profile",
                "speaks a private dialect whose read frames may be commands: it is not polled; measure before it",
                item.profile,
            )
        elif not usable(load_profile(item.profile)):
            report.finding(
                f"{kind}.{item.name}.profile",
                "its registers are known from memory only: nothing is read before `magwatt commission` confirmed them",
                item.profile,
            )
    for meter in _present(config.meters):
        if load_profile(meter.profile).kind == "vfd":
            report.problem(f"meter.{meter.name}.profile", "is a drive's profile; put it under [drive.…]", meter.profile)
        if meter.ct and not meter.ct_class:
            report.note(f"meter.{meter.name}.ct_class", "not stated; class 1 is assumed for the uncertainty")
    if not report.problems:
        _check_emptiness(config, report)
    _name_unseen(config, report)


Tables = Mapping[str, Mapping[str, Mapping[str, Any]]]


def _tables(raw: Mapping[str, Any], kind: str) -> dict[str, Mapping[str, Any]]:
    found = raw.get(kind, {})
    return {name: table for name, table in found.items() if isinstance(table, dict)} if isinstance(found, dict) else {}


def _word(table: Mapping[str, Any], key: str) -> str:
    """The name under `key`; empty where something else stands, which schema has told already."""
    value = table.get(key)
    return value if isinstance(value, str) else ""


def _check_names(tables: Tables, report: Report) -> None:
    taken: dict[str, str] = {}
    for kind in ("meter", "drive", "motor"):
        for name in tables[kind]:
            other = taken.setdefault(name, kind)
            if other != kind:
                report.problem(f"{kind}.{name}", f"the name is taken by {other}.{name}; topics need one each")


def _check_references(tables: Tables, report: Report) -> None:
    """Every bus, fed_by and of must name something that is there."""
    sources = [*tables["meter"], *tables["drive"]]
    allowed = (
        ("meter", "bus", "bus", tables["bus"]),
        ("meter", "fed_by", "meter", sources),  # a drive there is refused by _check_places
        ("drive", "bus", "bus", tables["bus"]),
        ("drive", "fed_by", "meter", tables["meter"]),
        ("motor", "fed_by", "meter or drive", sources),
        ("signal", "bus", "bus", tables["bus"]),
        ("signal", "of", "motor", tables["motor"]),
    )
    for kind, key, what, known in allowed:
        for name, table in tables[kind].items():
            wanted = _word(table, key)
            if wanted and wanted not in known:
                report.problem(f"{kind}.{name}.{key}", _unknown(what, wanted, known), wanted)


def _check_places(tables: Tables, report: Report) -> None:
    """What would be measured wrong, or cannot run."""
    for name, meter in tables["meter"].items():
        if _word(meter, "fed_by") in tables["drive"]:
            report.problem(
                f"meter.{name}.fed_by",
                "refused: a mains meter reads wrong at a drive's output (pulse width modulation); put it before it",
                meter["fed_by"],
            )
    for name, drive in tables["drive"].items():
        upstream = _word(drive, "fed_by")
        if tables["meter"].get(upstream, {}).get("at") == "motor":
            report.problem(
                f"meter.{upstream}.at", f'feeds the drive {name}; that place is called "drive-input"', "motor"
            )
    for name, motor in tables["motor"].items():
        if motor.get("kind") == "pm" and _word(motor, "fed_by") in tables["meter"]:
            report.problem(
                f"motor.{name}.fed_by",
                'a magnet motor cannot run direct on line; name its drive, or use kind = "pm-line-start"',
                motor["fed_by"],
            )


def _check_loops(meters: Mapping[str, Mapping[str, Any]], report: Report) -> None:
    """No meter feeds itself, by however many others; each loop is told once, at the meter that the file names first."""
    told: set[str] = set()
    for name in meters:
        way = [name]
        while (upstream := _word(meters[way[-1]], "fed_by")) in meters and upstream not in way:
            way.append(upstream)
        if upstream == name and name not in told:
            told.update(way)
            report.problem(f"meter.{name}.fed_by", f"the meter feeds itself: {' ← '.join([*way, name])}", upstream)


def _check_emptiness(config: Config, report: Report) -> None:
    if not config.buses:
        report.finding(
            "bus", 'none: nothing will be measured; write for example [bus.south] with tcp = "192.0.2.40:502"'
        )
    elif not polled_devices(config):
        report.finding("bus", "there is nothing to poll: no meter, and no drive whose comm_loss is stated")


def _check_units(tables: Tables, report: Report) -> None:
    taken: dict[tuple[Any, Any], str] = {}
    for kind in ("meter", "drive"):
        for name, table in tables[kind].items():
            bus, unit = table.get("bus"), table.get("unit")
            if isinstance(bus, str) and isinstance(unit, int):
                other = taken.setdefault((bus, unit), f"{kind}.{name}")
                if other != f"{kind}.{name}":
                    report.problem(f"{kind}.{name}.unit", f"{other} on bus {bus} has it already", unit)


def _check_ports(config: Config, report: Report) -> None:
    ports: dict[str, str] = {}
    for bus in _present(config.buses):
        where = bus.serial or f"{bus.tcp[0]}:{bus.tcp[1]}"
        other = ports.setdefault(where, f"bus.{bus.name}")
        if other != f"bus.{bus.name}":
            report.problem(f"bus.{bus.name}", f"{other} uses {where} already: one wire has one owner")
    for motor in _present(config.motors):
        if motor.waveform:
            other = ports.setdefault(motor.waveform.where, f"motor.{motor.name}")
            if other != f"motor.{motor.name}":
                report.problem(f"motor.{motor.name}.waveform", f"{other} uses {motor.waveform.where} already")


def _check_signals(config: Config, report: Report) -> None:
    taken: dict[str, str] = {}
    for name, row in config.signals.items():
        if row is not None:
            metric = metric_of(name, row["unit_of_measure"])
            other = taken.setdefault(metric, name)
            if other != name:
                report.problem(f"signal.{name}", f"would be published as {metric}, as signal.{other} is; rename one")


def _name_unseen(config: Config, report: Report) -> None:
    for motor in _present(config.motors):
        if motor.waveform:
            report.note(
                f"motor.{motor.name}.waveform.at",
                "accepted: harmonics are named the same wherever they are measured; `at` is published in meta",
            )
    for meter in _present(config.meters):
        if meter.ct and meter.ratio_in == "meter" and load_profile(meter.profile).register("ct_ratio") is None:
            report.note(f"meter.{meter.name}.ratio_in", "the meter does not tell its own ratio; check it at the meter")


def _unknown(kind: str, name: str, known: Collection[str]) -> str:
    near = nearest(name, known)
    if near:
        return f"no such {kind}; did you mean '{near}'?"
    return f"no such {kind}; there {'are' if len(known) != 1 else 'is'} {', '.join(known) or 'none'}"


def _present(items: Mapping[str, Any]) -> Iterator[Any]:
    return (item for item in items.values() if item is not None)


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
        by_drives = meter.divide == "drive-power" and all(
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
