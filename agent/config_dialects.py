"""The tables [homeassistant], [sparkplug], [prometheus] and [file] of the configuration.

A dialect is on when its table is there, or when `outputs` of [mqtt] names it. One that cannot be used is a finding, and
off: measuring goes on without it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent import schema
from agent.schema import Key, Report

PREFIX = re.compile(r"[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64})*")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class HomeAssistant:
    prefix: str = "homeassistant"


@dataclass(frozen=True, slots=True)
class Sparkplug:
    """group, node: the ids on the wire. primary_host: births wait for its STATE; None: for nobody's."""

    group: str
    node: str
    primary_host: str | None = None


@dataclass(frozen=True, slots=True)
class Prometheus:
    host: str = "127.0.0.1"
    port: int = 9464


@dataclass(frozen=True, slots=True)
class Files:
    """rotate_bytes: a file that reached it is closed. keep_bytes: the oldest closed ones go beyond that together."""

    directory: Path
    format: str = "ndjson"  # ndjson | parquet
    rotate_bytes: int = 50_000_000
    keep_bytes: int = 5_000_000_000


@dataclass(frozen=True, slots=True)
class Dialects:
    homeassistant: HomeAssistant | None = None
    sparkplug: Sparkplug | None = None
    prometheus: Prometheus | None = None
    file: Files | None = None


def _sparkplug_id(value: Any) -> str:
    text = schema.text(value)
    if re.search(r"[+#/]", text) or text == "STATE":
        raise ValueError("must not hold + # / (Sparkplug 3.0, chapter 4)")
    return text


HOMEASSISTANT = {"prefix": Key(schema.text, "homeassistant")}
SPARKPLUG = {
    "group": Key(_sparkplug_id, None),
    "node": Key(_sparkplug_id, None),
    "primary_host": Key(_sparkplug_id, None),
}
PROMETHEUS = {"listen": Key(schema.host_port(9464), ("127.0.0.1", 9464))}
FILE = {
    "dir": Key(schema.text),
    "format": Key(schema.one_of("ndjson", "parquet"), "ndjson"),
    "rotate": Key(schema.size(100_000, 10_000_000_000), 50_000_000),
    "keep": Key(schema.size(1_000_000, 10_000_000_000_000), 5_000_000_000),
}
TABLES = {"homeassistant": HOMEASSISTANT, "sparkplug": SPARKPLUG, "prometheus": PROMETHEUS, "file": FILE}


def read_dialects(
    folder: Path, raw: Mapping[str, Any], outputs: tuple[str, ...], broker: bool, site_gateway: tuple[str, str],
    report: Report,
) -> Dialects:  # fmt: skip
    """folder: of the configuration, for paths in it. broker: whether there is an [mqtt] table."""
    values = {name: _table(raw, name, keys, name in outputs, report) for name, keys in TABLES.items()}
    for name in ("homeassistant", "sparkplug"):
        if values[name] is not None and not broker:
            report.finding(name, "needs a broker: there is no [mqtt] table; it is off")
            values[name] = None
    group, node = site_gateway
    found: dict[str, Any] = {}
    if (table := values["homeassistant"]) is not None:
        if PREFIX.fullmatch(table["prefix"]):
            found["homeassistant"] = HomeAssistant(**table)
        else:
            report.finding(
                "homeassistant.prefix",
                "must be topic levels of A-Z a-z 0-9 _ - joined by /, no wildcards; Home Assistant is told nothing",
                table["prefix"],
            )
    if (table := values["sparkplug"]) is not None:
        found["sparkplug"] = Sparkplug(table["group"] or group, table["node"] or node, table["primary_host"])
    if (table := values["prometheus"]) is not None:
        host, port = table["listen"]
        found["prometheus"] = Prometheus(host, port)
        if host not in LOOPBACK:
            report.note("prometheus.listen", f"{host} is open to the network, without a password")
    if (table := values["file"]) is not None:
        found["file"] = Files(folder / table["dir"], table["format"], table["rotate"], table["keep"])
    return Dialects(**found)


def _table(
    raw: Mapping[str, Any], name: str, keys: Mapping[str, Key], named: bool, report: Report
) -> dict[str, Any] | None:
    table = raw.get(name)
    if table is None:
        return schema.read_table({}, keys, name, report) if named else None
    if not isinstance(table, dict):
        report.problem(name, f"must be a table: [{name}]", table)
        return None
    return schema.read_table(table, keys, name, report)
