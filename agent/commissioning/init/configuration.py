"""The answers as a commented plant.toml."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.acquisition.poll_interval import proposed_interval_s
from agent.commissioning.discovery.config_snippet import record_of
from agent.commissioning.init.answers import INIT_METER, INIT_MOTOR, Answers, toml_value, write_atomically
from agent.commissioning.init.motors import poles_in
from agent.config import keys
from agent.config.loader import ConfigError, load_config
from agent.config.model import Bus
from agent.core.columns import cells
from agent.core.text import N_, _
from drivers.profiles import load_profile

COMMENT_COLUMN = 34
# Key → its comment. The keys of a table in this order, then all others of the answers.
SITE = {
    "id": N_("the plant, first level of the MQTT topics"),
    "gateway": N_("this computer, second level"),
    "timezone": N_("of texts and reports; stored times are UTC"),
}
STORE = {"state_dir": N_("counters, history, ledger and rows that wait for the broker")}
MQTT = {
    "url": "",
    "user": "",
    "password_file": N_("the password, readable by its owner only (mode 0600)"),
    "ca": N_("of the authority that signed the certificate of the broker"),
}
BUS = {
    "serial": "",
    "tcp": "",
    "framing": N_("a transparent converter"),
    "line": N_("baud rate, data bits, parity, stop bits"),
    "poll_interval": N_("the shortest usual one that the bus can carry; `magwatt plan` shows its load"),
}
METER = {
    "bus": "",
    "unit_id": "",
    "profile": "",
    "measuring_point": N_("motor, drive-input or feeder"),
    "class": N_("accuracy class of the meter"),
    "wiring": N_("3P4W, 3P3W or 1P2W"),
    "ct": N_("current transformers"),
    "ct_class": N_("their class; class 1 is assumed without it"),
    "vt": N_("voltage transformers"),
    "vt_class": N_("their class; class 1 is assumed without it"),
    "ratio_applied_by": N_("meter: the ratio is set in the meter; agent: magwatt applies it"),
}
DRIVE = {
    "bus": "",
    "unit_id": "",
    "profile": "",
    "comm_loss": N_("communication watchdog on this port, as found at the drive"),
    "fed_by": N_("the meter at its input"),
}
MOTOR = {
    "kind": N_("pm, pm-line-start or induction"),
    "kw": N_("nameplate"),
    "rpm": "",
    "poles": "",
    "volts": N_("of the connection that is used"),
    "amps": "",
    "class": N_("efficiency class"),
    "efficiency": N_("at rated load, percent"),
    "fed_by": N_("the drive that feeds it, or its meter"),
}


def write_configuration(file: Path, answers: Answers) -> None:
    """Writes the configuration if it has no problem. Raises OSError, and ConfigError; then the file is unchanged."""
    new = file.with_name(f"{file.name}.new")
    write_atomically(new, configuration(answers))
    try:
        load_config(new)
    except ConfigError:
        new.unlink()
        raise
    new.replace(file)


def configuration(answers: Answers) -> str:
    """The configuration. The poll intervals are those that the buses can carry."""
    lines = [
        "# "
        + _("Written by `magwatt init`. All keys: docs/reference/configuration.md. After a change: magwatt check FILE")
    ]
    lines += _table("site", answers.get("site", {}), SITE)
    lines += _table("store", answers.get("store", {}), STORE)
    if answers.get("mqtt", {}).get("url"):
        lines += _table("mqtt", answers["mqtt"], MQTT)
    for name, table in answers.get("bus", {}).items():
        lines += _bus(answers, name, table)
    for name, table in answers.get("meter", {}).items():
        wiring = {"wiring": "1P2W"} if load_profile(table["profile"]).phases == 1 else {}
        data = {key: value for key, value in table.items() if key not in INIT_METER}
        lines += _table(f"meter.{name}", {**wiring, **data}, METER)
    for name, table in answers.get("drive", {}).items():
        lines += _table(f"drive.{name}", table, DRIVE)
    for name, table in answers.get("motor", {}).items():
        lines += _motor(name, table)
    return "\n".join(lines) + "\n"


def _bus(answers: Answers, name: str, table: Mapping[str, Any]) -> list[str]:
    shown = {key: value for key, value in table.items() if (key, value) != ("framing", "tcp")}
    if "poll_interval" not in table:
        shown["poll_interval"] = f"{_interval_s(answers, name, table):g}s"
    comments = BUS if table.get("framing") == "rtu" else {**BUS, "framing": ""}
    return _table(f"bus.{name}", shown, comments)


def _interval_s(answers: Answers, bus: str, table: Mapping[str, Any]) -> float:
    line = keys.BUS["line"].convert(table["line"]) if table.get("line") else (19200, 8, "E", 1)
    serial = table.get("serial")
    framing = table.get("framing") or ("rtu" if serial else "tcp")
    record = Bus(bus, serial, line, None if serial else ("", 0), framing, 1.0, 0.0, None, None)
    devices = [
        record_of(bus, int(item["unit_id"]), load_profile(item["profile"]))
        for kind in ("meter", "drive") for item in answers.get(kind, {}).values() if item["bus"] == bus
    ]  # fmt: skip
    return proposed_interval_s(record, devices)


def _motor(name: str, table: Mapping[str, Any]) -> list[str]:
    plate = {key: value for key, value in table.items() if key not in INIT_MOTOR}
    head, *lines = _table(f"motor.{name}", {**plate, "poles": poles_in(table)}, MOTOR)[1:]
    only_checked = [f"{table['hz']:g} Hz"] if table.get("hz") else []
    only_checked += [f"cos φ {table['cos_phi']:g}"] if table.get("cos_phi") else []
    if only_checked:
        lines.append("# " + _("also on the nameplate: {entries}", entries=tuple(only_checked)))
    return ["", head, *lines]


def _table(head: str, values: Mapping[str, Any], comments: Mapping[str, str]) -> list[str]:
    order = [*comments, *(key for key in values if key not in comments)]
    lines = [_line(key, values[key], _(comments.get(key, ""))) for key in order if _is_stated(values.get(key))]
    nested = [key for key in order if isinstance(values.get(key), dict)]
    return ["", f"[{head}]", *lines, *(line for key in nested for line in _table(f"{head}.{key}", values[key], {}))]


def _is_stated(value: Any) -> bool:
    return value is not None and value != "" and not isinstance(value, dict)


def _line(key: str, value: Any, comment: str) -> str:
    text = f"{key} = {toml_value(value)}"
    if not comment:
        return text
    return f"{text}{' ' * max(2, COMMENT_COLUMN - cells(text))}# {comment}"
