"""A row of the metrics table is sufficient: every dialect and the documentation contain the metric."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import Any

from support.dialects import PLANT, SECOND, configured

from agent.alarms.messages import event_of
from agent.alarms.model import AlarmRecord, AlarmState, AlarmTransition, Change
from agent.config.alarm_table import DEFINITIONS
from agent.config.topology import assets
from agent.core.messages import Message, codes, encode
from agent.core.metrics import Metric, by_name
from agent.core.text import english
from agent.delivery.base.metric_types import MetricType, all_metrics, expected_metrics, metric_type
from agent.delivery.files.ndjson import line
from agent.delivery.homeassistant.entities import entity
from agent.delivery.prometheus.names import names
from agent.delivery.prometheus.sink import PrometheusSink
from agent.delivery.sparkplug.metric_registry import DATATYPES, MetricRegistry, changed_values
from agent.delivery.store import StoredRow
from agent.delivery.store.reasons import AGENT_KILLED, STATE_FILE_TIMEOUT
from drivers.reasons import Reason

DOCS = Path(__file__).parents[3] / "docs"
ROWS = list(all_metrics())
EXAMPLES: dict[MetricType, Any] = {
    MetricType.NUMBER: 1.5,
    MetricType.INTEGER: 3,
    MetricType.TEXT: "word",
    MetricType.SERIES: [1.0, None, 2.0],
}


def test_the_docs_name_each_row_in_each_dialect() -> None:
    command = [sys.executable, str(DOCS / "generate" / "names_table.py")]
    table = subprocess.run(command, capture_output=True, text=True, check=True, cwd=DOCS.parent).stdout
    assert table in (DOCS / "reference" / "dialect-names.md").read_text(encoding="utf-8"), "it is old: make docs"
    for metric in ROWS:
        assert f"| {metric.topic} | `{metric.name}` |" in table


def test_each_row_reaches_each_dialect(tmp_path: Path) -> None:
    config = configured(tmp_path, "mqtt://127.0.0.1:1", "[prometheus]")
    sink = PrometheusSink(config, assets(config))
    exposed = names(ROWS)
    for metric in ROWS:
        reaches_all(metric, sink, exposed[metric.topic, metric.name].name)


def reaches_all(metric: Metric, sink: PrometheusSink, exposed: str) -> None:
    asset = None if metric.topic == "health" else "pump-1"
    name = metric.name.replace("*", "south")
    value = EXAMPLES[metric_type(metric)]
    message = Message(asset, metric.topic, 1_790_000_000_000, {name: value})

    found = entity(metric, metric.topic, "r", asset, name)
    assert f"'{name}'" in found["val_tpl"]
    assert found["stat_t"].endswith(f"/{metric.topic}")

    registry = MetricRegistry(count(1), lambda _kind, wanted: metric if wanted == name else None, 0)
    body = {"t": message.t_ms, "id": "1-1", "q": "good", "v": {name: value}}
    updates, _ = registry.read(metric.topic, body)
    (own,) = [item for item in changed_values(updates) if item.registered.name.endswith(name)]
    assert own.value is not None
    assert own.registered.datatype == DATATYPES[metric_type(metric)]

    sink.on_published(message)
    samples = [sample for family in sink.collect() for sample in family.samples]
    assert samples
    assert exposed in {sample.name for sample in samples}

    row = StoredRow(1, "1-1", message.t_ms, asset, metric.topic, encode(message, "1-1"))
    assert f'"{name}":'.encode() in line(row, "r")


def test_the_words_of_an_alarm_reach_sparkplug_and_prometheus(tmp_path: Path) -> None:
    """Name, states, change, priority and operator are texts; a number type would send null."""
    record = AlarmRecord(asset="pump-1", code="stall", priority="high")
    transition = AlarmTransition(seq=4, at_ms=1_790_000_000_000, before=AlarmState.NORM, after=AlarmState.UNACK,
                                 change=Change.RAISED, announced=True, record=record, by="li")  # fmt: skip
    message = event_of(transition, DEFINITIONS["stall"])
    registry = MetricRegistry(count(1), lambda kind, name: by_name(kind).get(name), 0)
    updates, _ = registry.read("event", json.loads(encode(message, "1-1")))
    sent = {item.registered.name.removeprefix("event/"): item.value for item in updates}
    assert {name: sent[name] for name in message.values} == message.values
    config = configured(tmp_path, "mqtt://127.0.0.1:1", "[prometheus]")
    sink = PrometheusSink(config, assets(config))
    sink.on_published(message)
    assert "magwatt_alarm_state_info" in {sample.name for family in sink.collect() for sample in family.samples}


def test_a_code_has_its_english_text_as_a_metric_of_sparkplug() -> None:
    """`NAME_text` is declared with the code, follows it and is empty again without reasons."""
    table = by_name("savings")
    coded = {metric.name for metric in ROWS if metric.kind == "code"}
    assert {"efficiency_unavailable_reason", "savings_caveats", "savings_advice"} <= coded
    registry = MetricRegistry(count(1), lambda _kind, wanted: table.get(wanted), 0)
    registry.expect("savings", table.items())
    assert registry.metrics["savings/savings_caveats_text"].datatype == DATATYPES[MetricType.TEXT]
    assert {name for name in registry.metrics if name.endswith("_text")} == {
        f"savings/{name}_text" for name in coded & table.keys()
    }

    def sent(reasons: list[Reason]) -> dict[str, Any]:
        values, found = {"savings_caveats": codes(reasons)}, {"savings_caveats": reasons}
        body = json.loads(encode(Message("pump-1", "savings", 1_790_000_000_000, values, reasons=found), "1-1"))
        updates, undeclared = registry.read("savings", body)
        assert not undeclared
        return {item.registered.name.removeprefix("savings/"): item.value for item in changed_values(updates)}

    reasons = [AGENT_KILLED(), STATE_FILE_TIMEOUT(timeout_s=15.0)]
    first = sent(reasons)
    assert first["savings_caveats"] == "agent_killed,state_file_timeout"
    assert first["savings_caveats_text"] == "; ".join(map(english, reasons))
    assert "savings_caveats_text" not in sent(reasons), "unchanged: not sent"
    assert sent([]) == {"savings_caveats": "", "savings_caveats_text": ""}


def test_expected_metrics_of_motors_with_and_without_a_waveform(tmp_path: Path) -> None:
    waveform = '[motor.fan-2.waveform]\ntcp = "127.0.0.1:7000"\nmeasuring_point = "drive-input"\n'
    config = configured(tmp_path, "mqtt://127.0.0.1:1", "", PLANT + SECOND + waveform)
    pump, fan = assets(config)[:2]
    assert set(expected_metrics(fan)) - set(expected_metrics(pump)) == {"pq3s", "pq10m", "harmonics"}
    assert {"telemetry", "event"} <= set(expected_metrics(pump))
    names_of_pump = {row.name for row in expected_metrics(pump)["telemetry"]}
    assert {"active_power_w", "motor_speed_rpm", "motor_efficiency_pct", "energy_shaft_wh"} <= names_of_pump
    assert "thd_u_l1_pct" in names_of_pump, "the meter has that register"
    assert "motor_speed_rpm" in {row.name for row in expected_metrics(fan)["telemetry"]}
    assert "thd_u_l1_pct" not in {row.name for row in expected_metrics(fan)["telemetry"]}, "no meter there"
