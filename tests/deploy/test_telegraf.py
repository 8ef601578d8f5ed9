"""The configuration of Telegraf, which is not started, compared with the messages of docs/reference/mqtt.md.

How Telegraf reads a message: plugins/parsers/json_v2 and plugins/inputs/mqtt_consumer of its source.
"""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import pytest
from support.postgres import DEPLOY

from agent.core.messages import Message, encode
from agent.core.metrics import by_name
from agent.fleet.load import KINDS, OF_MOTORS

BY_GATEWAY = ("event", "health")


@pytest.fixture(scope="module")
def conf() -> dict[str, Any]:
    return tomllib.loads((DEPLOY / "telegraf" / "telegraf.conf").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def consumer(conf: dict[str, Any]) -> dict[str, Any]:
    (found,) = conf["inputs"]["mqtt_consumer"]
    return dict(found)


def parsed(conf: dict[str, Any], topic: str) -> tuple[str, dict[str, str]]:
    """Table and tags of a topic: by each rule whose topic it matches, then by the processor."""
    levels, table, tags = topic.split("/"), "", {}
    for rule in conf["inputs"]["mqtt_consumer"][0]["topic_parsing"]:
        pattern = rule["topic"].split("/")
        if len(pattern) == len(levels) and all(one in ("+", level) for one, level in zip(pattern, levels, strict=True)):
            table = levels[rule["measurement"].split("/").index("measurement")]
            tags |= {name: level for name, level in zip(rule["tags"].split("/"), levels, strict=True) if name != "_"}
    metric = type("Metric", (), {"tags": tags})()
    (processor,) = conf["processors"]["starlark"]
    namespace: dict[str, Any] = {}
    exec(processor["source"], namespace)  # the part of Starlark that is Python
    namespace["apply"](metric)
    return table, tags


def is_subscribed(consumer: dict[str, Any], topic: str) -> bool:
    levels = topic.split("/")
    return any(
        len(pattern) == len(levels) and all(one in ("+", level) for one, level in zip(pattern, levels, strict=True))
        for pattern in (text.split("/") for text in consumer["topics"])
    )


@pytest.mark.parametrize("backlog", ["", "backfill/"])
def test_topics_become_tables_and_tags(conf: dict[str, Any], consumer: dict[str, Any], backlog: str) -> None:
    place = {"site": "mill-2", "gateway": "gw-07"}
    for kind in (*OF_MOTORS, "event"):
        topic = f"magwatt/v1/mill-2/gw-07/pump-1/{backlog}{kind}"
        assert is_subscribed(consumer, topic)
        assert parsed(conf, topic) == (kind, place | {"asset": "pump-1"})
    for kind in BY_GATEWAY:
        topic = f"magwatt/v1/mill-2/gw-07/{backlog}{kind}"
        assert is_subscribed(consumer, topic)
        assert parsed(conf, topic) == (kind, place)
    assert {*OF_MOTORS, *BY_GATEWAY} == set(KINDS)


def test_retained_messages_without_id_are_not_received(consumer: dict[str, Any]) -> None:
    """Telegraf reports an error for each message without `id`."""
    for kind in ("state", "meta", "explain", "condition", "alarm/dry_run", "harmonics"):
        assert not is_subscribed(consumer, f"magwatt/v1/mill-2/gw-07/pump-1/{kind}")
    assert not is_subscribed(consumer, "magwatt/v1/mill-2/gw-07/ledger/checkpoint")


def test_fields_are_those_of_the_envelope(consumer: dict[str, Any]) -> None:
    body = json.loads(encode(Message("fan", "telemetry", 1_790_000_000_123, {"active_power_w": 1.0}), "7-8"))
    (fields,) = consumer["json_v2"]
    assert (body[fields["timestamp_path"]], fields["timestamp_format"]) == (1_790_000_000_123, "unix_ms")
    assert {field["path"]: type(body[field["path"]]) for field in fields["field"]} == {"id": str, "q": str}
    (values,) = fields["object"]
    assert body[values["path"]] == {"active_power_w": 1.0}
    assert values["disable_prepend_keys"] is True


def test_lists_and_columns_of_single_buses_are_left_out(consumer: dict[str, Any]) -> None:
    lists = {name for kind in KINDS for name in by_name(kind) if re.match(r"(harmonics?|band|snapshot)_[ui]_", name)}
    assert len(lists) == 24
    (values,) = consumer["json_v2"][0]["object"]
    assert set(values["excluded_keys"]) == lists
    assert consumer["fieldexclude"] == ["bus_*"]
    assert consumer["topic_tag"] == "", "otherwise the topic becomes a column"


def test_nothing_is_lost_while_the_database_is_away(conf: dict[str, Any], consumer: dict[str, Any]) -> None:
    assert (consumer["qos"], consumer["persistent_session"]) == (1, True)
    assert consumer["max_undelivered_messages"] <= conf["agent"]["metric_buffer_limit"]
    assert conf["agent"]["metric_batch_size"] <= consumer["max_undelivered_messages"]


def test_options_of_the_output_are_known(conf: dict[str, Any]) -> None:
    """Telegraf does not start with an unknown one. Source: plugins/outputs/postgresql/README.md."""
    (output,) = conf["outputs"]["postgresql"]
    assert output.keys() <= {
        "connection", "schema", "tags_as_foreign_keys", "tag_table_suffix", "foreign_tag_constraint", "tags_as_jsonb",
        "fields_as_jsonb", "timestamp_column_name", "timestamp_column_type", "create_templates", "add_column_templates",
        "uint64_type", "retry_max_backoff", "tag_cache_size", "log_level",
    }  # fmt: skip


@pytest.mark.parametrize("store", ["telegraf/systemd.conf", "compose/telegraf-docker.conf"])
def test_secrets_come_from_a_store(conf: dict[str, Any], store: str) -> None:
    stores = tomllib.loads((DEPLOY / store).read_text(encoding="utf-8"))["secretstores"]
    assert {one["id"] for kind in stores.values() for one in kind} == {"secrets"}
    assert set(re.findall(r"@\{(\w+):(\w+)\}", json.dumps(conf))) == {("secrets", "mqtt"), ("secrets", "postgres")}
