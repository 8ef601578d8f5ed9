"""The names that programs and files of users depend on, as lines of text, one list for each contract.

docs/reference/compatibility.md states what may change. `names/NAME.txt` contains each list as it was in version 1.0.0,
and what was added since.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from drivers.reasons import CODES
from tests.support import command_tree

ROOT = Path(__file__).parents[2]
_DECLARED = re.compile(r"\bCode\(\s*\"(\w+)\"")
_TABLE = re.compile(r"create table if not exists (\w+) \((.*?)\n\);", re.DOTALL | re.IGNORECASE)


def metrics() -> Iterator[str]:
    """Message, metric, unit; the name in Prometheus."""
    from agent.delivery.base.metric_types import all_metrics
    from agent.delivery.prometheus.names import names

    exposed = names(all_metrics())
    for row in all_metrics():
        yield f"{row.topic} {row.name} {row.unit or '–'} {exposed[row.topic, row.name].name}"
        if row.kind == "estimate":
            yield f"{row.topic} {row.name}_u"


def reasons() -> Iterator[str]:
    """Codes of messages and causes of failed polls, each with the fields of its data."""
    from agent.delivery.followed_messages import MESSAGE_CODES

    for name in (*MESSAGE_CODES, "drivers.error_reasons"):
        source = import_module(name).__file__
        assert source is not None
        for code in _DECLARED.findall(Path(source).read_text(encoding="utf-8")):
            yield code
            yield from (f"{code} {field}" for field in CODES[code].fields)


def words() -> Iterator[str]:
    """Words and numbers in messages: kinds, flags with their bit, alarms, faults, states."""
    from agent.alarms.model import AlarmState, Change
    from agent.analysis.condition.answers import Condition, Confidence, Severity
    from agent.analysis.condition.faults import FAULTS
    from agent.config.alarm_definition import PRIORITIES
    from agent.config.alarm_table import DEFINITIONS
    from agent.contract.month import EVIDENCE
    from agent.delivery.followed_messages import ALARM, GATEWAY_KINDS, KINDS
    from agent.northbound.opcua.motor_nodes import ALARM as NODE_ALARM
    from agent.northbound.opcua.motor_nodes import STATE, TIME, UNACKNOWLEDGED
    from drivers.reading import Quality

    yield from (f"message {name}" for name in (*KINDS, *GATEWAY_KINDS, ALARM))
    yield from (f"flag {flag.name} {flag.value}" for flag in Quality)
    yield from (f"alarm {code}" for code in DEFINITIONS)
    yield from (f"alarm-priority {name}" for name in PRIORITIES)
    yield from (f"alarm-state {state}" for state in AlarmState)
    yield from (f"alarm-change {change}" for change in Change)
    yield from (f"fault {code}" for code in FAULTS)
    for kind in (Condition, Confidence, Severity):
        yield from (f"{kind.__name__.lower()} {value}" for value in kind)
    yield from (f"savings-verdict {name}" for name in EVIDENCE)
    yield from (f"opcua-node {name}" for name in (TIME, STATE, NODE_ALARM, UNACKNOWLEDGED))


def _tables() -> dict[str, Mapping[str, Any]]:
    """Name of each table of the configuration → its keys."""
    from agent.config import keys, sinks
    from agent.config.alarms import ALARM
    from agent.config.certificates import CERTIFICATE
    from agent.config.tariff_table import PERIOD, TARIFF

    return {
        "site": keys.SITE, "store": keys.STORE, "mqtt": keys.MQTT, "ledger": keys.LEDGER, "bus": keys.BUS,
        "meter": keys.METER, "meter.certificate": CERTIFICATE, "drive": keys.DRIVE, "motor": keys.MOTOR,
        "signal": keys.SIGNAL, "signal of a register": keys.SIGNAL_REGISTER, "signal of a topic": keys.SIGNAL_TOPIC,
        "tariff": TARIFF, "tariff.period": PERIOD, "alarms.CODE": ALARM, **sinks.TABLES,
    }  # fmt: skip


def _keys(table: str, keys: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, key in keys.items():
        yield f"{table}.{name}", key
        if key.nested is not None:
            yield from _keys(f"{table}.{name}", key.nested)


def configuration() -> Iterator[str]:
    """Tables and keys of plant.toml, and ids of register maps, which it names."""
    from agent.config.keys import TOP
    from drivers.profiles import profile_ids

    yield from (f"[{name}]" for name in TOP)
    for table, keys in _tables().items():
        yield from (name for name, _ in _keys(table, keys))
    yield from (f"profile {name}" for name in profile_ids())


def configuration_required() -> Iterator[str]:
    """Keys that a table must have."""
    from agent.config.schema import REQUIRED

    for table, keys in _tables().items():
        yield from (name for name, key in _keys(table, keys) if key.default is REQUIRED)


def register_maps() -> Iterator[str]:
    """Keys of register maps, which users write, too; quantities and units."""
    from drivers.profiles import dlt645_register, profile_parser, register_parser
    from drivers.vocabulary import vocabulary

    parts = {"protocol": profile_parser.PROTOCOL, "comm_loss": profile_parser.COMM_LOSS,
             "register": register_parser.REGISTER, "register of DL/T 645": dlt645_register.METER_KEYS}  # fmt: skip
    for part, keys in parts.items():
        yield from (f"{part}.{key}" for key in keys)
    yield from (f"quantity {item.name} {item.unit or '–'}" for item in vocabulary().values())


def _parameters() -> Iterator[tuple[str, click.Parameter]]:
    from agent.cli import main

    for path, command in command_tree.commands(main, "magwatt"):
        for item in command.params:
            names = item.opts if isinstance(item, click.Option) else [str(item.name).upper()]
            yield from ((f"{path} {name}", item) for name in (*names, *item.secondary_opts))


def commands() -> Iterator[str]:
    """Commands, options, the words that an option accepts, and exit codes."""
    from agent.cli import main, options

    yield from (path for path, _ in command_tree.commands(main, "magwatt"))
    for name, item in _parameters():
        flag = isinstance(item, click.Option) and item.is_flag
        yield f"{name} (flag)" if flag else name
        if isinstance(item.type, click.Choice):
            yield from (f"{name} {choice}" for choice in item.type.choices)
    yield f"exit code {options.FINDING}: a finding"
    yield f"exit code {options.WRONG}: wrong usage or input"


def commands_required() -> Iterator[str]:
    """Arguments and options that a command requires."""
    yield from (name for name, item in _parameters() if item.required)


def page() -> Iterator[str]:
    """Methods, paths and query parameters of the API, and fields of the described responses."""
    from agent.web.server.openapi import ACTIONS, PATHS, document

    api = document(frozenset((*PATHS, ACTIONS)), None)
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}"
            queries = (item["name"] for item in operation["parameters"] if item["in"] == "query")
            yield from (f"{method.upper()} {path}?{name}" for name in queries)
    for name, schema in api["components"]["schemas"].items():
        yield from (f"{name}.{field}" for field in schema.get("properties", ()))


def page_required() -> Iterator[str]:
    """Fields of a request that the API requires."""
    from agent.web.server.openapi import ACTIONS, PATHS, document

    api = document(frozenset((*PATHS, ACTIONS)), None)
    yield from (f"Decision.{field}" for field in api["components"]["schemas"]["Decision"].get("required", ()))


def modbus() -> Iterator[str]:
    """Registers of the block of a motor: offset, type, message, metric."""
    from agent.northbound.modbus.register_table import FIELDS, registers

    yield from (f"{item.offset} {item.kind} {item.name}" for item in FIELDS)
    yield from (f"{item.offset} {item.kind} {item.message} {item.metric}" for item in registers())


def lake() -> Iterator[str]:
    """Data sets of the lake and their columns; those of metrics have the names of the metrics."""
    from agent.delivery.files.lake import columns, configurations, events, minutes, parts, records

    yield f"layout v={parts.VERSION}"
    yield from (f"messages {name}" for name in (*columns.FRAME, *columns.JSON_TEXTS))
    for module in (configurations, events, records):
        yield from (f"{module.DATASET} {column.name} {column.type}" for column in module.SCHEMA)
    yield from (f"{minutes.DATASET} {name}" for name in minutes.minute_table([]).column_names)


def database() -> Iterator[str]:
    """Tables and columns of the database."""
    text = (ROOT / "deploy" / "timescaledb" / "tables.sql").read_text(encoding="utf-8")
    for table, body in _TABLE.findall(text):
        for line in body.splitlines():
            if re.match(r"  [a-z]", line):
                yield f"{table} {' '.join(line.split()).rstrip(',')}"


def formats() -> Iterator[str]:
    """Versions of signed documents and files."""
    from agent.backup import manifest
    from agent.contract import bundle, documents, month, plan, signatures
    from agent.core.messages import SCHEMA_VERSION
    from agent.delivery.files import snapshots
    from agent.fleet.report.export import FORMAT
    from agent.savings.ledger import chain

    yield f"messages {SCHEMA_VERSION}"
    yield f"snapshot {snapshots.VERSION}"
    yield from (module.SCHEMA for module in (manifest, bundle, documents, month, plan, signatures, chain))
    yield FORMAT


# Name of the file → its list. The first ones may only grow: they are promised. The second ones may only shrink: they
# are demanded of the user; only what is new may demand more.
PROMISED: dict[str, Callable[[], Iterator[str]]] = {
    "metrics": metrics, "reasons": reasons, "words": words, "configuration": configuration,
    "register-maps": register_maps, "commands": commands, "page": page, "modbus": modbus, "lake": lake,
    "database": database, "formats": formats,
}  # fmt: skip
DEMANDED: dict[str, Callable[[], Iterator[str]]] = {
    "configuration-required": configuration_required, "commands-required": commands_required,
    "page-required": page_required,
}  # fmt: skip
