"""Load a configuration: TOML → the records of agent/config/model.py, with all problems in one report."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from agent.config import keys, schema
from agent.config import reasons as codes
from agent.config.alarms import read_alarms
from agent.config.certificates import read_certificates
from agent.config.emission_factors import CoalEquivalent
from agent.config.model import (
    COMMIT_INTERVAL_S,
    DEFER_S,
    Bus,
    Config,
    Drive,
    Meter,
    Motor,
    MotorConditionSettings,
    Mqtt,
    Replaced,
    Site,
    StoreSettings,
    WaveformSource,
)
from agent.config.renamed_keys import with_new_keys
from agent.config.reporting_periods import phases_of
from agent.config.schema import PROBLEM, ConfigReport, Diagnostic, KeySpec
from agent.config.signal_tables import SignalReader, signal_keys
from agent.config.sinks import read_dialects
from agent.config.tariff_table import read_tariff
from agent.config.topology_check import check_topology
from drivers.errors import ProfileError
from drivers.file_reasons import FILE_UNREADABLE, TABLE_EXPECTED, with_suggestion
from drivers.profiles import profile_ids, set_profile_folders
from drivers.reasons import InvalidValue, Reason, cause_of
from drivers.toml_file import TomlError, parse_toml, read_limited
from drivers.toml_lines import key_lines

PROFILES_VARIABLE = "MAGWATT_PROFILES"
PORTS = {"s7": 102}  # by framing, if it is not that of Modbus
RACK_SLOT = {"rack": 0, "slot": 1}  # defaults: of an S7-1200 and S7-1500


class ConfigError(Exception):
    """A configuration that cannot be used. problems: everything that is wrong, in the order of the checks."""

    def __init__(self, problems: list[Diagnostic]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def load_config(path: Path) -> tuple[Config, ConfigReport]:
    """The configuration, and the report with its findings and notes. Raises ConfigError with every problem."""
    try:
        data = read_limited(path)
        raw = parse_toml(data)
    except OSError as error:
        raise ConfigError([Diagnostic(PROBLEM, path.name, None, "", None, _unreadable(path, error))]) from None
    except TomlError as error:
        raise ConfigError([_not_toml(path.name, error)]) from None
    report = ConfigReport(path.name, key_lines(data.decode("utf-8-sig")))
    raw = with_new_keys(raw, report)
    _use_own_profiles(path, raw, report)
    config = _parse(path, hashlib.sha256(data).hexdigest()[:16], raw, report)
    check_topology(config, raw, report)
    if report.problems:
        raise ConfigError(report.problems)
    return config, report


def config_of_text(text: str) -> Config:
    """The configuration of another computer, without what is only there: logins, outputs, own register maps (their
    folder can be named by MAGWATT_PROFILES). Raises ConfigError.
    """
    try:
        raw = parse_toml(text.encode())
    except TomlError as error:
        raise ConfigError([_not_toml("plant.toml", error)]) from None
    report = ConfigReport("plant.toml", key_lines(text))
    found = {name: table for name, table in with_new_keys(raw, report).items() if name in keys.OF_PLANT}
    found["mqtt"] = {"url": "mqtt://localhost"}  # signals from topics need one
    for name, table in found.get("signal", {}).items():
        found["signal"][name] = {key: value for key, value in table.items() if key not in keys.OF_BROKER}
    _use_own_profiles(Path(), {}, report)
    config = _parse(Path("plant.toml"), hashlib.sha256(text.encode()).hexdigest()[:16], found, report)
    check_topology(config, found, report)
    if report.problems:
        raise ConfigError(report.problems)
    return config


def _unreadable(path: Path, error: OSError) -> Reason:
    if isinstance(error, FileNotFoundError):
        return codes.CONFIG_FILE_MISSING(path=str(path))
    if isinstance(error, PermissionError):
        return codes.CONFIG_FILE_FORBIDDEN(path=str(path))
    return FILE_UNREADABLE(path=str(path), error=cause_of(error))


def _not_toml(file: str, error: TomlError) -> Diagnostic:
    if (found := error.syntax) is None:
        return Diagnostic(PROBLEM, file, None, error.key, None, error.reason)
    return Diagnostic(PROBLEM, file, found.line, error.key, None, error.reason, found.source, found.column)


def parse_broker(
    url: str, user: str | None = None, password_file: Path | None = None, ca: Path | None = None
) -> Mqtt:  # fmt: skip
    """The broker of a URL; the other arguments are those of the keys in [mqtt]. Raises InvalidValue."""
    tls, host, port = keys.broker_url(url)
    if password_file and not user:
        raise InvalidValue(codes.PASSWORD_WITHOUT_USER)
    if ca and not tls:
        raise InvalidValue(codes.CA_WITHOUT_TLS)
    for file in (password_file, ca):
        if file and (reason := keys.unusable_file(file, secret=file is password_file)):
            raise InvalidValue(reason)
    return Mqtt(host, port, tls, user, password_file, ca)


def _parse(path: Path, config_hash: str, raw: Mapping[str, Any], report: ConfigReport) -> Config:
    for name in raw:
        if name not in keys.TOP:
            report.problem(name, with_suggestion(codes.CONFIG_TABLE_UNKNOWN(), name, keys.TOP))
    if "site" not in raw:
        report.problem("site", codes.SITE_MISSING())
    site = schema.read_table(raw["site"], keys.SITE, "site", report) if "site" in raw else None
    store = schema.read_table(raw.get("store", {}), keys.STORE, "store", report) or schema.defaults(keys.STORE)
    ledger = schema.read_table(raw.get("ledger", {}), keys.LEDGER, "ledger", report) or schema.defaults(keys.LEDGER)
    mqtt = _mqtt(path.parent, raw["mqtt"], report) if "mqtt" in raw else None
    place = _site(site) if site else Site("?", "?", "UTC", None, None, None, None, False)
    return Config(
        path=path,
        hash=config_hash,
        site=place,
        state_dir=path.parent / store["state_dir"] if store["state_dir"] else None,
        store=StoreSettings(
            store["commit_interval"] or COMMIT_INTERVAL_S[store["durability"]],
            DEFER_S[store["durability"]],
            store["quota"],
            store["min_free_space"] / 100,
            store["spool_retention"],
            (store["history_1s"], store["history_1min"], store["history_15min"]),
        ),
        mqtt=mqtt,
        buses=_named(raw, "bus", keys.BUS, report, _bus),
        meters=_named(raw, "meter", keys.METER, report, _meter),
        drives=_named(raw, "drive", keys.DRIVE, report, _drive),
        motors=_named(raw, "motor", keys.MOTOR, report, _motor),
        signals=_named(raw, "signal", signal_keys, report, SignalReader(path.parent, place.root, "mqtt" in raw)),
        dialects=read_dialects(
            path.parent, raw, mqtt.outputs if mqtt else (), mqtt is not None, (place.id, place.gateway), report
        ),
        tariff=read_tariff(raw, site, report),
        checkpoint_file=path.parent / ledger["checkpoint_file"] if ledger["checkpoint_file"] else None,
        alarms=read_alarms(raw, report),
    )


def _site(values: dict[str, Any]) -> Site:
    coal, contract = values.pop("standard_coal"), values.pop("contract_coal")
    if contract is not None:
        coal = CoalEquivalent("contract", contract["year"], contract["kgce_per_kwh"], contract["source"], "stated")
    return Site(**values, coal=coal)


def _use_own_profiles(path: Path, raw: Mapping[str, Any], report: ConfigReport) -> None:
    """The folders of profiles must be known before the first profile is loaded."""
    site = raw.get("site")
    folder = site.get("profiles") if isinstance(site, dict) else None
    own = [path.parent / folder] if isinstance(folder, str) and folder else []
    set_profile_folders([*profile_folders(), *own])
    try:
        profile_ids()
    except ProfileError as error:
        for reason in error.problems:
            report.problem("site.profiles" if own else PROFILES_VARIABLE, reason)
        set_profile_folders(())


def profile_folders() -> list[Path]:
    """Folders of the user's register maps in the environment variable MAGWATT_PROFILES."""
    return [Path(part) for part in os.environ.get(PROFILES_VARIABLE, "").split(os.pathsep) if part]


def _named(
    raw: Mapping[str, Any],
    kind: str,
    allowed: Mapping[str, KeySpec] | Callable[[Mapping[str, Any]], Mapping[str, KeySpec]],
    report: ConfigReport,
    build: Any,
) -> dict[str, Any]:
    """The tables [kind.name]: name → record, or None for a table with problems, so that it causes no further ones.

    allowed: the allowed keys, or a function that returns those of a table.
    build: name, checked values and report → record or None.
    """
    found: dict[str, Any] = {}
    tables = raw.get(kind, {})
    if not isinstance(tables, dict):
        report.problem(kind, TABLE_EXPECTED(), tables)
        return found
    for name, table in tables.items():
        where = f"{kind}.{name}"
        try:
            schema.identifier(name)
        except ValueError as error:
            report.problem(where, codes.TABLE_NAME_INVALID(cause=schema.reason_of_error(error)))
            continue
        values = schema.read_table(table, allowed(table) if callable(allowed) else allowed, where, report)
        found[name] = build(name, values, report) if values is not None else None
    return found


def _mqtt(folder: Path, raw: Any, report: ConfigReport) -> Mqtt | None:
    values = schema.read_table(raw, keys.MQTT, "mqtt", report)
    if values is None:
        return None
    tls, host, port = values.pop("url")
    keys.resolve_files(values, folder, tls, "mqtt", report)
    if bool(values["cert"]) != bool(values["key"]):
        report.problem("mqtt", codes.CERTIFICATE_WITHOUT_KEY())
    return Mqtt(host, port, tls, keepalive_s=values.pop("keepalive"), **values)


def _bus(name: str, values: dict[str, Any], report: ConfigReport) -> Bus | None:
    framing = values["framing"] or ("rtu" if values["serial"] else "tcp")
    if not _one_port(values, f"bus.{name}", report) or not _is_plc_complete(values, f"bus.{name}", report):
        return None
    if values["serial"] and values["line"] is None:
        report.problem(f"bus.{name}.line", codes.LINE_SETTINGS_MISSING())
        return None
    if values["serial"] and values["framing"] == "tcp":
        report.problem(f"bus.{name}.framing", codes.SERIAL_FRAMING(), "tcp")
        return None
    if values["mode"] == "listen" and framing in ("tcp", "s7"):
        report.problem(f"bus.{name}.mode", codes.LISTEN_NEEDS_A_LINE(), "listen")
        return None
    return Bus(
        name=name,
        serial=values["serial"],
        line=values["line"] or ((2400, 8, "E", 1) if framing == "dlt645" else (19200, 8, "N", 1)),
        tcp=values["tcp"] and (values["tcp"][0], values["tcp"][1] or PORTS.get(framing, 502)),
        framing=framing,
        poll_interval_s=values["poll_interval"],
        listen_before_start_s=0.0 if framing in ("tcp", "s7") else values["listen_before_start"],
        resume_after_quiet_s=values["resume_after_quiet"],
        timeout_s=values["timeout"],
        inter_request_delay_s=values["inter_request_delay"],
        rs485=values["rs485"],
        rack_slot=_rack_slot(values) if framing == "s7" else None,
        mode=values["mode"],
    )


def _rack_slot(values: Mapping[str, Any]) -> tuple[int, int]:
    rack, slot = (default if values[key] is None else values[key] for key, default in RACK_SLOT.items())
    return rack, slot


def _is_plc_complete(values: Mapping[str, Any], where: str, report: ConfigReport) -> bool:
    """Whether the keys of a PLC are those that it needs; otherwise reports a problem."""
    if values["framing"] == "s7":
        if values["serial"]:
            report.problem(f"{where}.serial", codes.PLC_ON_SERIAL_LINE(), values["serial"])
        elif find_spec("snap7") is None:
            report.problem(f"{where}.framing", codes.PLC_LIBRARY_MISSING(), "s7")
        else:
            return True
        return False
    for key in RACK_SLOT:
        if values[key] is not None:
            report.problem(f"{where}.{key}", codes.RACK_WITHOUT_PLC(bus=where), values[key])
            return False
    return True


def _one_port(values: Mapping[str, Any], where: str, report: ConfigReport) -> bool:
    """Whether exactly one of `serial` and `tcp` is given; otherwise reports a problem."""
    if bool(values["serial"]) == bool(values["tcp"]):
        report.problem(where, codes.SERIAL_AND_TCP() if values["serial"] else codes.SERIAL_OR_TCP())
        return False
    return True


def _meter(name: str, values: dict[str, Any], report: ConfigReport) -> Meter:
    certificates = read_certificates(values, f"meter.{name}", report)
    return Meter(name=name, accuracy_class=values.pop("class"), certificates=certificates, **values)


def _drive(name: str, values: dict[str, Any], report: ConfigReport) -> Drive:
    losses = values.pop("losses")
    return Drive(
        name=name, efficiency_class=values.pop("class"), loss_points_w=losses["watts"] if losses else (), **values
    )


def _motor(name: str, values: dict[str, Any], report: ConfigReport) -> Motor:
    where = f"motor.{name}"
    del values["alarms"]
    losses, old, source = values.pop("losses"), values.pop("replaced_motor"), values.pop("waveform")
    waveform = None
    if source and _one_port(source, f"{where}.waveform", report):
        port = source["serial"] or "socket://{}:{}".format(*source["tcp"])
        waveform = WaveformSource(port, source["baud"], source["measuring_point"], source["supply"])
    factors = {key: text for key, text in (values.pop("static_factors") or {}).items() if text is not None}
    periods = {key: day for key, day in (values.pop("periods") or {}).items() if day is not None}
    try:
        phases_of(periods, "UTC")
    except ValueError as error:
        report.problem(f"{where}.periods", schema.reason_of_error(error))
    except OverflowError as error:
        report.problem(f"{where}.periods", codes.VALUE_INVALID(error=str(error)))
    return Motor(
        name=name, title=values.pop("name") or name, efficiency_class=values.pop("class"),
        efficiency_pct=values.pop("efficiency"), loss_points_w=losses["watts"] if losses else (),
        replaced_motor=Replaced(efficiency_class=old.pop("class"), **old) if old else None, waveform=waveform,
        periods=tuple(periods.items()), static_factors=tuple(factors.items()),
        condition=MotorConditionSettings(**(values.pop("condition") or {})), **values,
    )  # fmt: skip
