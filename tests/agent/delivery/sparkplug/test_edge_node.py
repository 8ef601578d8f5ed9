"""The content of the messages of the edge node: times, units, and which values are sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.basics import HandClock
from support.dialects import Bench, configured
from support.sparkplug import properties, read

from agent.delivery.sparkplug.edge_node import EdgeNode

STATE = {"state": "online", "reason": [], "since": 1}


class Node:
    """A node with one online device, on a clock that the test advances. sent: message type, payload."""

    def __init__(self, folder: Path) -> None:
        self.clock = HandClock()
        self.bench = Bench(configured(folder, "mqtt://127.0.0.1:1", "[sparkplug]"), folder / "state")
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.node = EdgeNode("mill-2", "gw-07", self.bench.config, self.bench.assets, self.clock,
                             lambda topic, payload: self.sent.append((topic.split("/")[2], read(payload))))  # fmt: skip
        self.start_ms = self.now_ms
        self.clock.move(1)
        self.births()
        self.node.update_retained("pump-1", json.dumps({**STATE, "t": self.now_ms}).encode())
        self.births()

    @property
    def now_ms(self) -> int:
        return self.clock.utc_ns() // 1_000_000

    def births(self) -> None:
        while self.node.birth_due:
            self.node.next_birth(0)

    def row(self, t_ms: int, historical: bool = False, number: int = 1, **values: float) -> dict[str, Any]:
        """The metrics of the message that a row causes, by name."""
        body = {"t": t_ms, "id": f"7-{number}", "q": "good", "v": values}
        self.node.row("pump-1", "telemetry", body, historical)
        return self.metrics(self.sent[-1][1])

    def birth(self, kind: str = "DBIRTH") -> dict[str, Any]:
        return next(payload for what, payload in reversed(self.sent) if what == kind)

    def metrics(self, payload: dict[str, Any]) -> dict[str, Any]:
        names = {metric["alias"]: metric["name"] for metric in self.birth()["metrics"]}
        return {names.get(metric.get("alias"), metric.get("name")): metric for metric in payload["metrics"]}


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    found = Node(tmp_path)
    yield found
    found.bench.close()


def test_the_time_of_a_message_is_that_of_its_sending(node: Node) -> None:
    """Sparkplug 3.0, 6.4.5: "the time at which the message was published"; a metric has the time of its capture."""
    taken_ms = node.now_ms
    node.clock.move(40)
    found = node.row(taken_ms, historical=True, active_power_w=5.0)
    assert node.sent[-1][1]["timestamp"] == taken_ms + 40_000
    assert found["active_power_w"]["timestamp"] == taken_ms


def test_properties_have_the_time_of_the_configuration(node: Node) -> None:
    for kind, name in (("NBIRTH", "Properties/agent"), ("DBIRTH", "Properties/name"), ("DBIRTH", "Properties/kind")):
        found = {metric["name"]: metric for metric in node.birth(kind)["metrics"]}
        assert found[name]["timestamp"] == node.start_ms


def test_every_number_has_a_unit(node: Node) -> None:
    pump, own = ({m["name"]: m for m in node.birth(kind)["metrics"]} for kind in ("DBIRTH", "NBIRTH"))
    for metric in [*pump.values(), *own.values()]:
        assert "engUnit" in properties(metric) or metric["datatype"] in (11, 12) or metric["name"] == "bdSeq"
    units = {name: properties(metric).get("engUnit") for name, metric in (own | pump).items()}
    assert units["power_factor"] == "1"
    assert units["status_word"] == "1"
    assert units["energy_uncounted_s"] == "s"
    assert units["event/event_start_ms"] == "ms"
    assert units["certificate_days"] == "d"
    assert units["spool_hours_left"] == "h"
    assert units["waveform_drift_ppm"] == "ppm"
    assert units["uptime_s"] == "s"
    assert [units[f"Properties/rated_{name}"] for name in ("power_kw", "speed_rpm", "voltage_v")] == ["kW", "rpm", "V"]


def test_a_birth_is_in_chronological_order_and_null_before_the_first_value(node: Node) -> None:
    first_ms = node.now_ms
    node.clock.move(5)
    node.row(node.now_ms, active_power_w=5.0)
    node.clock.move(5)
    node.node.request_births()
    node.births()
    for kind in ("NBIRTH", "DBIRTH"):
        times = [metric["timestamp"] for metric in node.birth(kind)["metrics"]]
        assert times == sorted(times)
    found = node.metrics(node.birth())
    assert found["active_power_w"]["timestamp"] == first_ms + 5000
    assert found["frequency_hz"]["is_null"]
    assert found["frequency_hz"]["timestamp"] <= first_ms, "a value on its way must not be older than its null"


def test_the_first_row_after_a_birth_is_complete(node: Node) -> None:
    """A host marks values stale when the connection is lost; the birth repeats those from before, at their times."""
    values = {"active_power_w": 5.0, "frequency_hz": 50.0}
    node.row(node.now_ms, **values)
    node.clock.move(1)
    assert node.row(node.now_ms, number=2, **values).keys() == {"id"}
    node.node.end_session()
    node.clock.move(20)
    node.births()
    back = node.row(node.now_ms, number=3, **values)
    assert back.keys() >= values.keys()
    assert back["frequency_hz"]["timestamp"] == node.now_ms
    node.clock.move(1)
    assert node.row(node.now_ms, number=4, **values).keys() == {"id"}


def test_values_stay_current_when_the_clock_is_put_back(node: Node) -> None:
    node.row(node.now_ms + 365 * 86_400_000, active_power_w=5.0, frequency_hz=50.0)
    found = node.row(node.now_ms, number=2, active_power_w=6.0, frequency_hz=50.0)
    assert found.keys() >= {"active_power_w", "frequency_hz"}
    node.row(node.now_ms - 1000, historical=True, number=1, active_power_w=7.0)
    node.node.request_births()
    node.births()
    power = node.metrics(node.birth())["active_power_w"]
    assert (power["double_value"], power["timestamp"]) == (6.0, node.now_ms)


def test_rows_of_an_agent_before_do_not_take_the_next_birth_back_in_time(node: Node) -> None:
    """The agent was killed: its rows are older than the null of the birth of the agent that sends them."""

    def times_ms() -> dict[str, int]:
        return {metric["name"]: metric["timestamp"] for metric in node.birth()["metrics"]}

    before = times_ms()
    node.row(node.start_ms - 5000, historical=True, shaft_power_w=7.0)
    node.node.request_births()
    node.births()
    after = times_ms()
    assert {name: (before[name], after[name]) for name in before if after[name] < before[name]} == {}


def test_an_unchanged_value_is_sent_once_a_minute(node: Node) -> None:
    """docs/how-to/dialects.md: at the latest a minute after it was sent last."""
    times = []
    for number in range(130):
        if "frequency_hz" in node.row(node.now_ms, number=number, frequency_hz=50.0, active_power_w=float(number)):
            times.append(number)
        node.clock.move(1)
    assert times == [0, 60, 120]
