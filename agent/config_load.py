"""Load a configuration: TOML → the records of agent/config.py, with all problems in one report."""

from __future__ import annotations

import hashlib
import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from agent import config_keys as keys
from agent import config_reasons as codes
from agent import schema
from agent.config import Bus, Config, Drive, Meter, Motor, Mqtt, Replaced, Site, StoreSettings, WaveformSource
from agent.config_dialects import read_dialects
from agent.config_lines import key_lines
from agent.config_renamed import with_new_keys
from agent.config_signals import SignalReader, signal_keys
from agent.config_tariff import read_tariff
from agent.savings.phases import phases_of
from agent.schema import PROBLEM, Diagnostic, Key, Report
from agent.topology_check import check_topology
from drivers.errors import ProfileError
from drivers.file_reasons import FILE_MISSING, FILE_UNREADABLE, INVALID_TOML, TABLE_EXPECTED, with_suggestion
from drivers.profiles import profile_ids, set_profile_folders
from drivers.reasons import InvalidValue, Reason, cause_of

PROFILES_VARIABLE = "MAGWATT_PROFILES"


class ConfigError(Exception):
    """A configuration that cannot be used. problems: everything that is wrong, in the order of the checks."""

    def __init__(self, problems: list[Diagnostic]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def load_config(path: Path) -> tuple[Config, Report]:
    """The configuration, and the report with its findings and notes. Raises ConfigError with every problem."""
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")  # Notepad writes a byte order mark
        raw = tomllib.loads(text)
    except OSError as error:
        raise _unreadable(path, FILE_UNREADABLE(path=str(path), error=cause_of(error))) from None
    except RecursionError:
        raise _unreadable(path, codes.TOML_TOO_DEEP()) from None
    except ValueError as error:  # not TOML, not UTF-8, or a number of thousands of digits
        raise _unreadable(path, INVALID_TOML(error=" ".join(str(error).split()))) from None
    report = Report(path.name, key_lines(text))
    raw = with_new_keys(raw, report)
    _use_own_profiles(path, raw, report)
    config = _parse(path, raw, report)
    config_hash = hashlib.sha256(data).hexdigest()[:16]
    check_topology(config, raw, report)
    if report.problems:
        raise ConfigError(report.problems)
    return Config(**{**{name: getattr(config, name) for name in Config.__slots__}, "hash": config_hash}), report


def parse_broker(
    url: str, user: str | None = None, password_file: Path | None = None, ca: Path | None = None
) -> Mqtt:  # fmt: skip
    """The broker of a URL; the other arguments are those of the keys in [mqtt]. Raises InvalidValue."""
    tls, host, port = keys.broker_url(url)
    if password_file and not user:
        raise InvalidValue(codes.PASSWORD_WITHOUT_USER)
    if ca and not tls:
        raise InvalidValue(codes.CA_WITHOUT_TLS)
    for file in filter(None, (password_file, ca)):
        if not file.is_file():
            raise InvalidValue(FILE_MISSING, path=str(file))
    return Mqtt(host, port, tls, user, password_file, ca)


def _unreadable(path: Path, reason: Reason) -> ConfigError:
    return ConfigError([Diagnostic(PROBLEM, path.name, None, "", None, reason)])


def _parse(path: Path, raw: Mapping[str, Any], report: Report) -> Config:
    for name in raw:
        if name not in keys.TOP:
            report.problem(name, with_suggestion(codes.CONFIG_TABLE_UNKNOWN(), name, keys.TOP))
    site_raw = _table(raw, "site", report)
    site = schema.read_table(site_raw, keys.SITE, "site", report) if site_raw is not None else None
    if "site" not in raw:
        report.problem("site", codes.SITE_MISSING())
    store = schema.read_table(_table(raw, "store", report) or {}, keys.STORE, "store", report) or {
        name: key.default for name, key in keys.STORE.items()
    }
    mqtt = _mqtt(path, raw, report)
    ledger = schema.read_table(_table(raw, "ledger", report) or {}, keys.LEDGER, "ledger", report) or {
        "checkpoint_file": None
    }
    names = (site["id"], site["gateway"]) if site else ("?", "?")
    place = Site(**site) if site else Site("?", "?", "UTC", None, None, None, None, False)
    return Config(
        path=path,
        hash="",
        site=place,
        state_dir=path.parent / store["state_dir"] if store["state_dir"] else None,
        store=StoreSettings(
            store["commit_interval"],
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
        dialects=read_dialects(path.parent, raw, mqtt.outputs if mqtt else (), mqtt is not None, names, report),
        tariff=read_tariff(raw, site, report),
        checkpoint_file=path.parent / ledger["checkpoint_file"] if ledger["checkpoint_file"] else None,
    )


def _use_own_profiles(path: Path, raw: Mapping[str, Any], report: Report) -> None:
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


def _table(raw: Mapping[str, Any], name: str, report: Report) -> Mapping[str, Any] | None:
    value = raw.get(name, {})
    if not isinstance(value, dict):
        report.problem(name, TABLE_EXPECTED(), value)
        return None
    return value if name in raw else None


def _named(
    raw: Mapping[str, Any], kind: str, allowed: Mapping[str, Key] | Callable[[Mapping[str, Any]], Mapping[str, Key]],
    report: Report, build: Any,
) -> dict[str, Any]:  # fmt: skip
    """The tables [kind.name]: name → record, or None for a table with problems, so that it causes no further ones.

    allowed: the allowed keys, or a function that returns those of a table.
    build: name, checked values and report → record or None.
    """
    found: dict[str, Any] = {}
    for name, table in (_table(raw, kind, report) or {}).items():
        where = f"{kind}.{name}"
        try:
            schema.identifier(name)
        except ValueError as error:
            report.problem(where, codes.TABLE_NAME_INVALID(cause=schema.reason_of_error(error)))
            continue
        if not isinstance(table, dict):
            report.problem(where, TABLE_EXPECTED(), table)
            continue
        values = schema.read_table(table, allowed(table) if callable(allowed) else allowed, where, report)
        built = build(name, values, report) if values is not None else None
        found[name] = built
    return found


def _mqtt(path: Path, raw: Mapping[str, Any], report: Report) -> Mqtt | None:
    table = _table(raw, "mqtt", report)
    values = schema.read_table(table, keys.MQTT, "mqtt", report) if table is not None else None
    if values is None:
        return None
    tls, host, port = values["url"]
    files: dict[str, Path | None] = {}
    for key in ("password_file", "ca", "cert", "key"):
        file = files[key] = path.parent / values[key] if values[key] else None
        if file is not None and not file.is_file():
            report.finding(f"mqtt.{key}", FILE_MISSING(path=str(file)), values[key])
        elif file is not None and key in ("password_file", "key") and (reason := keys.open_to_others(file)):
            report.finding(f"mqtt.{key}", reason, values[key])
    if files["ca"] and not tls:
        report.finding("mqtt.ca", codes.TLS_KEY_UNUSED(), values["ca"])
    if bool(files["cert"]) != bool(files["key"]):
        report.problem("mqtt", codes.CERTIFICATE_WITHOUT_KEY())
    if files["cert"] and not tls:
        report.finding("mqtt.cert", codes.TLS_KEY_UNUSED(), values["cert"])
    return Mqtt(host, port, tls, values["user"], files["password_file"], files["ca"], values["version"],
                values["keepalive"], values["outputs"], files["cert"], files["key"],
                values["backfill_rate"])  # fmt: skip


def _bus(name: str, values: dict[str, Any], report: Report) -> Bus | None:
    if bool(values["serial"]) == bool(values["tcp"]):
        report.problem(f"bus.{name}", codes.SERIAL_AND_TCP() if values["serial"] else codes.SERIAL_OR_TCP())
        return None
    if values["serial"] and values["line"] is None:
        report.problem(f"bus.{name}.line", codes.LINE_SETTINGS_MISSING())
        return None
    if values["serial"] and values["framing"] == "tcp":
        report.problem(f"bus.{name}.framing", codes.SERIAL_FRAMING(), "tcp")
        return None
    return Bus(
        name=name,
        serial=values["serial"],
        line=values["line"] or (19200, 8, "N", 1),
        tcp=values["tcp"],
        framing=values["framing"] or ("rtu" if values["serial"] else "tcp"),
        poll_interval_s=values["poll_interval"],
        listen_before_start_s=values["listen_before_start"] if values["serial"] or values["framing"] == "rtu" else 0.0,
        timeout_s=values["timeout"],
        inter_request_delay_s=values["inter_request_delay"],
        rs485=values["rs485"],
    )


def _meter(name: str, values: dict[str, Any], report: Report) -> Meter:
    values["accuracy_class"] = values.pop("class")
    return Meter(name=name, **values)


def _drive(name: str, values: dict[str, Any], report: Report) -> Drive:
    values["efficiency_class"] = values.pop("class")
    losses = values.pop("losses")
    if losses is not None and not isinstance(losses, dict):
        report.problem(f"drive.{name}.losses", TABLE_EXPECTED(), losses)
        losses = None
    read = schema.read_table(losses, keys.DRIVE_LOSSES, f"drive.{name}.losses", report) if losses is not None else None
    return Drive(name=name, loss_points_w=read["watts"] if read else (), **values)


def _motor(name: str, values: dict[str, Any], report: Report) -> Motor | None:
    where = f"motor.{name}"
    nested: dict[str, Any] = {}
    for key, table in (("losses", keys.LOSSES), ("replaced_motor", keys.REPLACED_MOTOR), ("waveform", keys.WAVEFORM),
                       ("periods", keys.PERIODS)):  # fmt: skip
        raw = values.pop(key)
        if raw is not None and not isinstance(raw, dict):
            report.problem(f"{where}.{key}", TABLE_EXPECTED(), raw)
            raw = None
        nested[key] = schema.read_table(raw, table, f"{where}.{key}", report) if raw is not None else None
    waveform = None
    if nested["waveform"] is not None:
        source = nested["waveform"]
        if bool(source["serial"]) == bool(source["tcp"]):
            reason = codes.SERIAL_AND_TCP() if source["serial"] else codes.SERIAL_OR_TCP()
            report.problem(f"{where}.waveform", reason)
        else:
            host, port = source["tcp"] or ("", 0)
            waveform = WaveformSource(source["serial"] or f"socket://{host}:{port}", source["baud"],
                                      source["measuring_point"], source["supply"])  # fmt: skip
    replaced_motor = None
    if nested["replaced_motor"] is not None:
        old = nested["replaced_motor"]
        replaced_motor = Replaced(old["kind"], old["kw"], old["class"], old["rpm"], old["since"])
    values["title"] = values.pop("name") or name
    values["efficiency_class"] = values.pop("class")
    values["efficiency_pct"] = values.pop("efficiency")
    points = nested["losses"]["watts"] if nested["losses"] else ()
    periods = tuple((key, day) for key, day in (nested["periods"] or {}).items() if day is not None)
    try:
        phases_of(dict(periods), "UTC")
    except ValueError as error:
        report.problem(f"{where}.periods", schema.reason_of_error(error))
    except OverflowError as error:
        report.problem(f"{where}.periods", codes.VALUE_INVALID(error=str(error)))
    return Motor(
        name=name, loss_points_w=points, replaced_motor=replaced_motor, waveform=waveform, periods=periods, **values
    )
