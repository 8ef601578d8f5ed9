"""Check the graph of the plant: problems, findings that the operator must decide on, and notes."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any

from agent.config import reasons as codes
from agent.config.meter_line_check import check_meter_lines, note_energy_steps
from agent.config.model import Config, Meter
from agent.config.schema import ConfigReport, unknown_reference
from agent.config.signals import metric_of
from agent.config.topology import eight_point_gain_of, is_polled, may_be_read, polled_devices
from drivers.profiles import load_profile
from dsp.efficiency_drive import EightPointGain

KINDS = ("bus", "meter", "drive", "motor", "signal")
Tables = Mapping[str, Mapping[str, Mapping[str, Any]]]


def check_topology(config: Config, raw: Mapping[str, Any], report: ConfigReport) -> None:
    """Check references, duplicate names and addresses, invalid measuring points, profiles and watchdogs.

    raw: the tables of the file, so that a table with another problem is checked too.
    """
    tables = {kind: _tables(raw, kind) for kind in KINDS}
    _check_names(tables, report)
    check_references(raw, report)
    _check_places(tables, report)
    _check_loops(tables["meter"], report)
    _check_units(tables, report)
    _check_ports(config, report)
    _check_signals(config, report)
    _check_drives(config, report)
    _check_listened(config, report)
    _check_readable(config, report)
    _check_meters(config, report)
    check_meter_lines(config, raw, report)
    if not report.problems and not polled_devices(config):
        report.finding("bus", codes.NO_DEVICE_TO_POLL() if config.buses else codes.BUS_MISSING())
    _note_unchecked(config, report)
    if not report.problems:
        _note_losses(config, report)
        note_energy_steps(config, report)


def check_references(raw: Mapping[str, Any], report: ConfigReport) -> None:
    """The keys bus, fed_by and motor must contain the name of a table. raw: the tables of the file."""
    tables = {kind: _tables(raw, kind) for kind in KINDS}
    sources = [*tables["meter"], *tables["drive"]]
    allowed = (
        ("meter", "bus", "bus", tables["bus"]),
        ("meter", "fed_by", "meter", sources),  # _check_places reports a drive
        ("drive", "bus", "bus", tables["bus"]),
        ("drive", "fed_by", "meter", tables["meter"]),
        ("motor", "fed_by", "meter or drive", sources),
        ("signal", "bus", "bus", tables["bus"]),
        ("signal", "motor", "motor", tables["motor"]),
    )
    for kind, key, what, known in allowed:
        for name, table in tables[kind].items():
            if (reference := _text(table, key)) and reference not in known:
                report.problem(f"{kind}.{name}.{key}", unknown_reference(what, reference, known), reference)
    for name, motor in tables["motor"].items():
        own = {signal: table for signal, table in tables["signal"].items() if _text(table, "motor") == name}
        settings = motor.get("condition")
        for key in ("bearing_signal", "ambient_signal"):
            if isinstance(settings, dict) and (reference := _text(settings, key)) and reference not in own:
                reason = unknown_reference("signal", reference, own)
                report.problem(f"motor.{name}.condition.{key}", reason, reference)


def _tables(raw: Mapping[str, Any], kind: str) -> dict[str, Mapping[str, Any]]:
    found = raw.get(kind, {})
    return {name: table for name, table in found.items() if isinstance(table, dict)} if isinstance(found, dict) else {}


def _text(table: Mapping[str, Any], key: str) -> str:
    """The text of `key`; empty for another type, which agent/config/schema.py reports."""
    value = table.get(key)
    return value if isinstance(value, str) else ""


def _duplicates(owners: Iterable[tuple[Hashable, str]]) -> Iterator[tuple[Any, str, str]]:
    """(key, first owner, other owner) of each further owner of a key. owners: (key, owner)."""
    first: dict[Hashable, str] = {}
    for key, owner in owners:
        if (other := first.setdefault(key, owner)) != owner:
            yield key, other, owner


def _check_names(tables: Tables, report: ConfigReport) -> None:
    owners = ((name, f"{kind}.{name}") for kind in ("meter", "drive", "motor") for name in tables[kind])
    for _, other, owner in _duplicates(owners):
        report.problem(owner, codes.NAME_TAKEN(other=other))


def _check_places(tables: Tables, report: ConfigReport) -> None:
    """Measuring points with wrong values, and motors that cannot run."""
    for name, meter in tables["meter"].items():
        if _text(meter, "fed_by") in tables["drive"]:
            report.problem(f"meter.{name}.fed_by", codes.METER_AT_DRIVE_OUTPUT(), meter["fed_by"])
    for name, drive in tables["drive"].items():
        upstream = _text(drive, "fed_by")
        point = tables["meter"].get(upstream, {}).get("measuring_point")
        if point == "motor":
            report.problem(f"meter.{upstream}.measuring_point", codes.FEEDS_DRIVE(drive=name), "motor")
        if point == "drive-input" and drive.get("rectifier") is False:
            report.problem(f"meter.{upstream}.measuring_point", codes.FEEDS_RECTIFIER(drive=name), point)
    for name, motor in tables["motor"].items():
        if motor.get("kind") == "pm" and _text(motor, "fed_by") in tables["meter"]:
            report.problem(f"motor.{name}.fed_by", codes.PM_WITHOUT_DRIVE(), motor["fed_by"])


def _check_loops(meters: Mapping[str, Mapping[str, Any]], report: ConfigReport) -> None:
    """No meter may feed itself, directly or through others. Each loop is one problem, of its first meter."""
    reported: set[str] = set()
    for name in meters:
        path = [name]
        while (upstream := _text(meters[path[-1]], "fed_by")) in meters and upstream not in path:
            path.append(upstream)
        if upstream == name and name not in reported:
            reported.update(path)
            report.problem(f"meter.{name}.fed_by", codes.FED_BY_LOOP(meters=tuple(path)), upstream)


def _check_drives(config: Config, report: ConfigReport) -> None:
    """Profiles and communication watchdogs of the drives."""
    for drive in _present(config.drives):
        profile = load_profile(drive.profile)
        if profile.kind != "vfd":
            report.problem(f"drive.{drive.name}.profile", codes.DRIVE_PROFILE_EXPECTED(), drive.profile)
        elif may_be_read(config, drive):
            continue
        elif drive.comm_loss is None:
            reason = codes.COMM_LOSS_NOT_STATED()
            if parameter := profile.comm_loss.get("parameter"):
                reason = codes.COMM_LOSS_PARAMETER_NOT_STATED(parameter=str(parameter))
            report.finding(f"drive.{drive.name}.comm_loss", reason)
        elif drive.comm_loss == "armed":
            report.finding(f"drive.{drive.name}.comm_loss", codes.COMM_LOSS_ARMED(), drive.comm_loss)


def _check_listened(config: Config, report: ConfigReport) -> None:
    """Devices whose registers cannot be recognised on a bus that is only listened to."""
    for kind, items in (("meter", config.meters), ("drive", config.drives)):
        for item in _present(items):
            bus = config.buses.get(item.bus)
            if bus is not None and bus.listens and load_profile(item.profile).dialect == "sunspec":
                report.problem(f"{kind}.{item.name}.bus", codes.SUNSPEC_ON_LISTENED_BUS(bus=bus.name), item.bus)


def _note_losses(config: Config, report: ConfigReport) -> None:
    """What the losses at eight points would gain; one note for equal drives."""
    equal: dict[EightPointGain, list[str]] = {}
    for drive in config.drives.values():
        if gain := eight_point_gain_of(config, drive):
            equal.setdefault(gain, []).append(drive.name)
    for gain, names in equal.items():
        reason = codes.EIGHT_POINTS_MISSING(**{name: round(value, 4) for name, value in gain._asdict().items()})
        if len(names) > 1:
            reason = codes.EIGHT_POINTS_MISSING_EQUAL(first=reason, count=len(names) - 1)
        report.note(f"drive.{names[0]}.losses", reason)


def _check_readable(config: Config, report: ConfigReport) -> None:
    """Devices that are configured but not polled."""
    for item in (*_present(config.meters), *_present(config.drives)):
        kind = "meter" if isinstance(item, Meter) else "drive"
        if not is_polled(item.profile):
            report.finding(f"{kind}.{item.name}.profile", codes.PRIVATE_PROTOCOL(), item.profile)


def _check_meters(config: Config, report: ConfigReport) -> None:
    for meter in _present(config.meters):
        if load_profile(meter.profile).kind == "vfd":
            report.problem(f"meter.{meter.name}.profile", codes.METER_PROFILE_EXPECTED(), meter.profile)
        if meter.ct and not meter.ct_class:
            report.note(f"meter.{meter.name}.ct_class", codes.CT_CLASS_ASSUMED())
        if meter.vt and not meter.vt_class:
            report.note(f"meter.{meter.name}.vt_class", codes.CT_CLASS_ASSUMED())
        elif meter.vt_class and not meter.vt:
            report.problem(f"meter.{meter.name}.vt_class", codes.VT_CLASS_WITHOUT_VT(), meter.vt_class)


def _check_units(tables: Tables, report: ConfigReport) -> None:
    owners = (
        ((table["bus"], table["unit_id"]), f"{kind}.{name}")
        for kind in ("meter", "drive")
        for name, table in tables[kind].items()
        if isinstance(table.get("bus"), str) and isinstance(table.get("unit_id"), int | str)
    )
    for (bus, unit_id), other, owner in _duplicates(owners):
        report.problem(f"{owner}.unit_id", codes.UNIT_ID_TAKEN(other=other, bus=bus), unit_id)


def _check_ports(config: Config, report: ConfigReport) -> None:
    buses = [(bus.serial or "{}:{}".format(*bus.tcp), f"bus.{bus.name}") for bus in _present(config.buses)]
    streams = [
        (motor.waveform.where, f"motor.{motor.name}.waveform") for motor in _present(config.motors) if motor.waveform
    ]
    for port, other, owner in _duplicates([*buses, *streams]):
        report.problem(owner, codes.PORT_TAKEN(other=other, port=port))


def _check_signals(config: Config, report: ConfigReport) -> None:
    owners = ((metric_of(name, row["unit_of_measure"]), name) for name, row in config.signals.items() if row)
    for metric, other, name in _duplicates(owners):
        report.problem(f"signal.{name}", codes.SIGNAL_METRIC_TAKEN(other=other, metric=metric))


def _note_unchecked(config: Config, report: ConfigReport) -> None:
    """Statements of the configuration that the agent cannot check."""
    for motor in _present(config.motors):
        if motor.waveform:
            report.note(f"motor.{motor.name}.waveform.measuring_point", codes.WAVEFORM_POINT())
    for meter in _present(config.meters):
        if meter.ct and meter.ratio_applied_by == "meter" and load_profile(meter.profile).register("ct_ratio") is None:
            report.note(f"meter.{meter.name}.ratio_applied_by", codes.RATIO_NOT_READABLE())


def _present(items: Mapping[str, Any]) -> Iterator[Any]:
    return (item for item in items.values() if item is not None)
