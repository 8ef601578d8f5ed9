"""The tables [homeassistant], [sparkplug], [prometheus] and [file] of the configuration.

A dialect is on if its table is present or `outputs` of [mqtt] contains its name. One that cannot be used is off, and is
a finding: the agent measures without it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from agent.config import reasons as codes
from agent.config import schema
from agent.config.schema import ConfigReport, KeySpec
from drivers.reasons import InvalidValue

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class HomeAssistant(Struct, frozen=True):
    prefix: str = "homeassistant"


class Sparkplug(Struct, frozen=True):
    """The table [sparkplug].

    group, node: group ID and edge node ID of the topics.
    primary_host: births wait for the STATE of this host application; None: births are sent without waiting.
    """

    group: str
    node: str
    primary_host: str | None = None


class Prometheus(Struct, frozen=True):
    host: str = "127.0.0.1"
    port: int = 9464


class Files(Struct, frozen=True):
    """The table [file].

    directory: where the files are written.
    format: ndjson | parquet.
    layout: of Parquet files: long (a row for each value) | wide (a column for each metric, in partitions).
    rotate_bytes: a file of this size is closed and the next one opened.
    keep_bytes: maximum size of all closed files; the oldest are deleted.
    """

    directory: Path
    format: str = "ndjson"
    rotate_bytes: int = 50_000_000
    keep_bytes: int = 5_000_000_000
    layout: str = "long"


class Dialects(Struct, frozen=True):
    homeassistant: HomeAssistant | None = None
    sparkplug: Sparkplug | None = None
    prometheus: Prometheus | None = None
    file: Files | None = None


def _sparkplug_id(value: Any) -> str:
    text = schema.text(value)
    if re.search(r"[+#/]", text) or text == "STATE":
        raise InvalidValue(codes.SPARKPLUG_ID_INVALID)
    return text


HOMEASSISTANT = {"prefix": KeySpec(schema.text, "homeassistant")}
SPARKPLUG = {
    "group": KeySpec(_sparkplug_id, None),
    "node": KeySpec(_sparkplug_id, None),
    "primary_host": KeySpec(_sparkplug_id, None),
}
PROMETHEUS = {"listen": KeySpec(schema.host_port(9464), ("127.0.0.1", 9464))}
FILE = {
    "dir": KeySpec(schema.text),
    "format": KeySpec(schema.one_of("ndjson", "parquet"), None),
    "layout": KeySpec(schema.one_of("long", "wide"), "long"),
    "rotate": KeySpec(schema.size(100_000, 10_000_000_000), 50_000_000),
    "keep": KeySpec(schema.size(1_000_000, 10_000_000_000_000), 5_000_000_000),
}
TABLES = {"homeassistant": HOMEASSISTANT, "sparkplug": SPARKPLUG, "prometheus": PROMETHEUS, "file": FILE}


def _files(folder: Path, table: Mapping[str, Any], report: ConfigReport) -> Files:
    wide = table["layout"] == "wide"
    if wide and table["format"] == "ndjson":
        report.problem("file.layout", codes.WIDE_LAYOUT_NEEDS_PARQUET(), table["layout"])
    written = "parquet" if wide else table["format"] or "ndjson"
    return Files(folder / table["dir"], written, table["rotate"], table["keep"], table["layout"])


def read_dialects(
    folder: Path, raw: Mapping[str, Any], outputs: tuple[str, ...], broker: bool, site_gateway: tuple[str, str],
    report: ConfigReport,
) -> Dialects:  # fmt: skip
    """Reads the tables of the dialects and reports their problems.

    folder: folder of the configuration file; its paths are relative to it.
    outputs: value of the key in [mqtt].
    broker: whether there is an [mqtt] table.
    site_gateway: default group and node of Sparkplug.
    """
    values = {
        name: schema.read_table(raw.get(name, {}), keys, name, report)
        for name, keys in TABLES.items() if name in raw or name in outputs
    }  # fmt: skip
    for name in ("homeassistant", "sparkplug"):
        if values.get(name) is not None and not broker:
            report.finding(name, codes.DIALECT_WITHOUT_BROKER())
            values[name] = None
    found: dict[str, Any] = {}
    if table := values.get("homeassistant"):
        try:
            found["homeassistant"] = HomeAssistant(schema.topic_prefix(table["prefix"]))
        except InvalidValue:
            report.finding("homeassistant.prefix", codes.DISCOVERY_PREFIX_INVALID(), table["prefix"])
    if table := values.get("sparkplug"):
        group, node = site_gateway
        found["sparkplug"] = Sparkplug(table["group"] or group, table["node"] or node, table["primary_host"])
    if table := values.get("prometheus"):
        host, port = table["listen"]
        found["prometheus"] = Prometheus(host, port)
        if host not in LOOPBACK:
            report.note("prometheus.listen", codes.OPEN_TO_NETWORK(host=host))
    if table := values.get("file"):
        found["file"] = _files(folder, table, report)
    return Dialects(**found)
