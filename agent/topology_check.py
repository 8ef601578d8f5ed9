"""What is wrong with the plant's graph as it is configured, and what a person must look at."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from agent.config import Config, Meter
from agent.schema import Report, nearest
from agent.signals import metric_of
from agent.topology import polled_devices, speaks_modbus
from drivers.profiles import load_profile
from drivers.registers import usable

Tables = Mapping[str, Mapping[str, Mapping[str, Any]]]


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
    _check_drives(config, report)
    _check_readable(config, report)
    _check_meters(config, report)
    if not report.problems:
        _check_emptiness(config, report)
    _name_unseen(config, report)


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
    """Every bus, fed_by and motor must name something that is there."""
    sources = [*tables["meter"], *tables["drive"]]
    allowed = (
        ("meter", "bus", "bus", tables["bus"]),
        ("meter", "fed_by", "meter", sources),  # a drive there is refused by _check_places
        ("drive", "bus", "bus", tables["bus"]),
        ("drive", "fed_by", "meter", tables["meter"]),
        ("motor", "fed_by", "meter or drive", sources),
        ("signal", "bus", "bus", tables["bus"]),
        ("signal", "motor", "motor", tables["motor"]),
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
        if tables["meter"].get(upstream, {}).get("measuring_point") == "motor":
            report.problem(
                f"meter.{upstream}.measuring_point",
                f'feeds the drive {name}; that place is called "drive-input"',
                "motor",
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


def _check_drives(config: Config, report: Report) -> None:
    """Their profiles, and the watchdog question."""
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


def _check_readable(config: Config, report: Report) -> None:
    """What is configured and will not be read."""
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


def _check_meters(config: Config, report: Report) -> None:
    for meter in _present(config.meters):
        if load_profile(meter.profile).kind == "vfd":
            report.problem(f"meter.{meter.name}.profile", "is a drive's profile; put it under [drive.…]", meter.profile)
        if meter.ct and not meter.ct_class:
            report.note(f"meter.{meter.name}.ct_class", "not stated; class 1 is assumed for the uncertainty")


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
            bus, unit = table.get("bus"), table.get("unit_id")
            if isinstance(bus, str) and isinstance(unit, int):
                other = taken.setdefault((bus, unit), f"{kind}.{name}")
                if other != f"{kind}.{name}":
                    report.problem(f"{kind}.{name}.unit_id", f"{other} on bus {bus} has it already", unit)


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
                f"motor.{motor.name}.waveform.measuring_point",
                "accepted: harmonics are named the same wherever they are measured; "
                "`measuring_point` is published in meta",
            )
    for meter in _present(config.meters):
        if meter.ct and meter.ratio_applied_by == "meter" and load_profile(meter.profile).register("ct_ratio") is None:
            report.note(
                f"meter.{meter.name}.ratio_applied_by", "the meter does not tell its own ratio; check it at the meter"
            )


def _unknown(kind: str, name: str, known: Collection[str]) -> str:
    near = nearest(name, known)
    if near:
        return f"no such {kind}; did you mean '{near}'?"
    return f"no such {kind}; there {'are' if len(known) != 1 else 'is'} {', '.join(known) or 'none'}"


def _present(items: Mapping[str, Any]) -> Iterator[Any]:
    return (item for item in items.values() if item is not None)
