"""The configuration: TOML → the records of agent/config.py, all problems at once."""

from __future__ import annotations

import hashlib
import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from agent import config_keys as keys
from agent import schema
from agent.config import Bus, Config, Drive, Meter, Motor, Mqtt, Replaced, Site, StoreSettings, WaveformSource
from agent.config_dialects import read_dialects
from agent.config_renamed import with_new_keys
from agent.config_signals import SignalReader, signal_keys
from agent.config_tariff import read_tariff
from agent.savings.phases import phases_of
from agent.schema import Key, Report
from agent.topology_check import check_topology
from drivers.errors import ProfileError
from drivers.profiles import profile_ids, set_profile_folders

PROFILES_VARIABLE = "MAGWATT_PROFILES"


class ConfigError(Exception):
    """A configuration that cannot be used; `problems` holds one line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load_config(path: Path) -> tuple[Config, Report]:
    """The configuration, and the report with its findings and notes. Raises ConfigError with every problem."""
    report = Report(path.name)
    try:
        data = path.read_bytes()
        raw = tomllib.loads(data.decode("utf-8-sig"))  # Notepad puts a mark in front
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror or error}"]) from None
    except RecursionError:
        raise ConfigError([f"{path.name}: not valid TOML: nested too deep"]) from None
    except ValueError as error:  # not TOML, not UTF-8, or a number of thousands of digits
        raise ConfigError([f"{path.name}: not valid TOML: {' '.join(str(error).split())}"]) from None
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
    """The broker behind a url; the rest as the keys of [mqtt]. Raises ValueError."""
    tls, host, port = keys.broker_url(url)
    if password_file and not user:
        raise ValueError("a password file needs a user")
    if ca and not tls:
        raise ValueError("an authority (ca) is of no use without TLS; did you mean mqtts://?")
    for file in filter(None, (password_file, ca)):
        if not file.is_file():
            raise ValueError(f"no such file: {file}")
    return Mqtt(host, port, tls, user, password_file, ca)


def _parse(path: Path, raw: Mapping[str, Any], report: Report) -> Config:
    for name in raw:
        if name not in keys.TOP:
            near = schema.nearest(name, keys.TOP)
            report.problem(name, "unknown table" + (f"; did you mean '{near}'?" if near else ""))
    site_raw = _table(raw, "site", report)
    site = schema.read_table(site_raw, keys.SITE, "site", report) if site_raw is not None else None
    if "site" not in raw:
        report.problem(
            "site", 'missing; it names the plant and this gateway, for example id = "mill-2", gateway = "gw-07"'
        )
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
    """The folder is looked at before any profile is asked for by name."""
    site = raw.get("site")
    folder = site.get("profiles") if isinstance(site, dict) else None
    own = [path.parent / folder] if isinstance(folder, str) and folder else []
    set_profile_folders([*profile_folders(), *own])
    try:
        profile_ids()
    except ProfileError as error:
        for line in str(error).splitlines():
            report.problem("site.profiles" if own else PROFILES_VARIABLE, line)
        set_profile_folders(())


def profile_folders() -> list[Path]:
    """Folders of own register maps that the environment names."""
    return [Path(part) for part in os.environ.get(PROFILES_VARIABLE, "").split(os.pathsep) if part]


def _table(raw: Mapping[str, Any], name: str, report: Report) -> Mapping[str, Any] | None:
    value = raw.get(name, {})
    if not isinstance(value, dict):
        report.problem(name, f"must be a table: [{name}]", value)
        return None
    return value if name in raw else None


def _named(
    raw: Mapping[str, Any], kind: str, allowed: Mapping[str, Key] | Callable[[Mapping[str, Any]], Mapping[str, Key]],
    report: Report, build: Any,
) -> dict[str, Any]:  # fmt: skip
    """[kind.name] tables; a table with problems is left out, so that it causes no second one elsewhere.

    allowed: the keys, or what tells them by the table.
    """
    found: dict[str, Any] = {}
    for name, table in (_table(raw, kind, report) or {}).items():
        where = f"{kind}.{name}"
        try:
            schema.identifier(name)
        except ValueError as error:
            report.problem(where, f"the name {error}")
            continue
        if not isinstance(table, dict):
            report.problem(where, f"must be a table: [{kind}.{name}]", table)
            continue
        values = schema.read_table(table, allowed(table) if callable(allowed) else allowed, where, report)
        built = build(name, values, report) if values is not None else None
        found[name] = built  # None: known by name, but unusable
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
            report.finding(f"mqtt.{key}", f"no such file ({file})", values[key])
        elif file is not None and key in ("password_file", "key") and (trouble := keys.open_to_others(file)):
            report.finding(f"mqtt.{key}", trouble, values[key])
    if files["ca"] and not tls:
        report.finding("mqtt.ca", "is not used: the url is mqtt://; did you mean mqtts://?", values["ca"])
    if bool(files["cert"]) != bool(files["key"]):
        report.problem("mqtt", "a certificate needs its key: cert and key go together")
    if files["cert"] and not tls:
        report.finding("mqtt.cert", "is not used: the url is mqtt://; did you mean mqtts://?", values["cert"])
    return Mqtt(host, port, tls, values["user"], files["password_file"], files["ca"], values["version"],
                values["keepalive"], values["outputs"], files["cert"], files["key"],
                values["backfill_rate"])  # fmt: skip


def _bus(name: str, values: dict[str, Any], report: Report) -> Bus | None:
    if bool(values["serial"]) == bool(values["tcp"]):
        report.problem(f"bus.{name}", "needs either serial or tcp" + (", not both" if values["serial"] else ""))
        return None
    if values["serial"] and values["line"] is None:
        report.problem(f"bus.{name}.line", 'missing; speed, data bits, parity and stop bits, for example "19200 8E1"')
        return None
    if values["serial"] and values["framing"] == "tcp":
        report.problem(f"bus.{name}.framing", "a serial line carries Modbus RTU; leave framing out", "tcp")
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
        report.problem(f"drive.{name}.losses", "must be a table", losses)
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
            report.problem(f"{where}.{key}", "must be a table", raw)
            raw = None
        nested[key] = schema.read_table(raw, table, f"{where}.{key}", report) if raw is not None else None
    waveform = None
    if nested["waveform"] is not None:
        source = nested["waveform"]
        if bool(source["serial"]) == bool(source["tcp"]):
            report.problem(f"{where}.waveform", "needs either serial or tcp")
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
    except (ValueError, OverflowError) as error:
        report.problem(f"{where}.periods", str(error))
    return Motor(
        name=name, loss_points_w=points, replaced_motor=replaced_motor, waveform=waveform, periods=periods, **values
    )
