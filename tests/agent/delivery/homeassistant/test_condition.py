"""Alarms and condition in Home Assistant: one problem and the indices of each motor, and nothing that commands.

Keys and units are checked as for all entities; see test_sink.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import paho.mqtt.client as paho
import pytest
from support.alarm_messages import DEMAGNETIZED, alarm, condition, fault
from support.dialects import PLANT, SECOND, Bench, configured

from agent.config.topology import assets
from agent.delivery.homeassistant.sink import HomeAssistantSink
from agent.delivery.sinks import live_sinks
from tests.agent.delivery.homeassistant.test_sink import PUMP, check_device


class Broker:
    """A client whose broker keeps what is retained."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}
        self.subscribed: list[str] = []

    def subscribe(self, topics: Any) -> tuple[int, int]:
        self.subscribed += [topic for topic, _ in topics]
        return 0, 1

    def publish(self, topic: str, payload: bytes, *_: Any) -> Any:
        self.kept[topic] = json.loads(payload) if payload else None
        return SimpleNamespace(mid=len(self.kept))


class Site:
    """An agent with two motors and the sink, whose broker confirms immediately."""

    def __init__(self, folder: Path, plant: str = PLANT + SECOND) -> None:
        self.bench = Bench(configured(folder, "mqtt://127.0.0.1:1", "[homeassistant]", plant), folder / "state")
        (sink,) = live_sinks(self.bench.config, self.bench.publisher, self.bench.store)
        assert isinstance(sink, HomeAssistantSink)
        self.bench.publisher.live = [sink]
        self.sink, self.broker, self.now_s = sink, Broker(), 0.0
        sink.link.client = cast(paho.Client, self.broker)
        sink.on_connected(None)

    def publish(self, asset: str | None, kind: str, body: Any, name: str = "") -> None:
        self.bench.publisher.publish_retained(asset, kind, body, name=name, keep=True)

    def device(self) -> Any:
        """The discovery message of the pump, after what is due was sent."""
        for _ in range(40):
            self.now_s += max(self.sink.send_due(self.now_s), 0.5)
        return self.broker.kept[f"homeassistant/device/{PUMP}/config"]

    def summary(self) -> Any:
        self.device()
        return self.broker.kept.get(f"{self.bench.publisher.root}/pump-1/homeassistant")

    def close(self) -> None:
        self.sink.link.wake()
        self.bench.close()


def rendered(template: str, body: Any) -> str:
    jinja2 = pytest.importorskip("jinja2", reason="Home Assistant's template language, not a part of magwatt")
    return str(jinja2.Template(template).render(value_json=body))


def test_one_problem_for_each_motor(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.publish("pump-1", "alarm", alarm("stall", "UNACK", "medium"), "stall")
    found = site.device()
    check_device({**found, "cmps": {key: without_attributes(item) for key, item in found["cmps"].items()}})
    component = found["cmps"]["alarm"]
    assert (component["p"], component["dev_cla"]) == ("binary_sensor", "problem")
    assert component["stat_t"] == f"{site.bench.publisher.root}/pump-1/homeassistant"
    assert [item["t"] for item in component["avty"]] == [f"{site.bench.publisher.root}/status"], (
        "also while it is silent"
    )
    assert rendered(component["val_tpl"], site.summary()) == "ON"
    attributes = json.loads(rendered(component["json_attr_tpl"], site.summary()))
    assert (attributes["priority"], attributes["text"]) == ("medium", "a phase is lost")
    assert [(item["code"], item["state"], item["value"], item["unit"]) for item in attributes["alarms"]] == [
        ("stall", "UNACK", 0.3, "A")
    ]  # fmt: skip
    site.close()


def without_attributes(component: dict[str, Any]) -> dict[str, Any]:
    """binary_sensor.mqtt has them, too; the check of the other entities does not list them."""
    return {key: value for key, value in component.items() if not key.startswith("json_attr")}


@pytest.mark.parametrize(
    ("state", "priority", "on"),
    [
        ("UNACK", "safety", True), ("ACKED", "high", True), ("ACKED", "medium", True), ("UNACK", "low", False),
        ("RTNUN", "high", False), ("NORM", "high", False), ("SHLVD", "high", False), ("DSUPR", "high", False),
        ("OOSRV", "safety", False),
    ],
)  # fmt: skip
def test_a_problem_is_an_open_alarm_of_medium_priority_or_above(
    tmp_path: Path, state: str, priority: str, on: bool
) -> None:
    site = Site(tmp_path)
    site.publish("pump-1", "alarm", alarm("other", "NORM", "safety"), "other")
    site.publish("pump-1", "alarm", alarm("stall", state, priority), "stall")
    assert site.summary()["problem"] is on
    site.close()


def test_a_change_is_published_and_the_worst_is_named_first(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.publish("pump-1", "alarm", alarm("stall", "UNACK", "low"), "stall")
    assert site.summary()["priority"] == "low"
    site.publish("pump-1", "alarm", alarm("phase_loss", "ACKED", "high"), "phase_loss")
    found = site.summary()
    assert (found["problem"], found["priority"], [item["code"] for item in found["alarms"]]) == (
        True, "high", ["phase_loss", "stall"]
    )  # fmt: skip
    site.bench.publisher.delete_retained("pump-1", "alarm", "phase_loss")
    assert site.summary()["problem"] is False
    site.close()


def test_each_index_is_a_sensor_with_its_answer_as_attributes(tmp_path: Path) -> None:
    site = Site(tmp_path)
    hot = fault("clear", 71.5, "degC", limit=130.0)
    message = condition("finding", **DEMAGNETIZED["faults"], over_temperature=hot)
    site.publish("pump-1", "condition", message)
    found = {key: item for key, item in site.device()["cmps"].items() if key.startswith("condition_")}
    assert {key: (item.get("unit_of_meas"), item.get("dev_cla")) for key, item in found.items()} == {
        "condition_demagnetization": ("%", None), "condition_phase_loss": (None, None),
        "condition_over_temperature": ("°C", "temperature"),
    }  # fmt: skip
    sensor = found["condition_demagnetization"]
    assert rendered(sensor["val_tpl"], message) == "-9.2"
    assert json.loads(rendered(sensor["json_attr_tpl"], message))["u95"] == 2.4
    assert rendered(sensor["val_tpl"], condition("unknown")) == "None"
    site.close()


def test_nothing_can_be_commanded(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.publish("pump-1", "alarm", alarm("stall"), "stall")
    site.publish("pump-1", "condition", DEMAGNETIZED)
    components = site.device()["cmps"].values()
    assert {component["p"] for component in components} <= {"sensor", "binary_sensor"}
    assert not any(key.startswith("cmd") for component in components for key in component)
    assert site.broker.subscribed == ["homeassistant/status"]
    site.close()


def test_after_a_restart_the_entities_stay_and_no_alarm_is_called_off(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.publish("pump-1", "alarm", alarm("stall"), "stall")
    site.publish("pump-1", "condition", DEMAGNETIZED)
    before = site.device()["cmps"].keys()
    site.close()
    again = Site(tmp_path)
    assert again.device()["cmps"].keys() == before
    assert again.summary() is None, "what the broker keeps holds until the agent has published its alarms"
    again.close()


def test_the_summary_of_a_removed_motor_is_deleted_also_after_a_restart(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.publish("pump-1", "alarm", alarm("stall"), "stall")
    assert site.summary()["problem"] is True
    less = configured(tmp_path, "mqtt://127.0.0.1:1", "[homeassistant]", SECOND)
    site.bench.publisher.reconfigure(less, assets(less))
    assert site.summary() is None
    site.close()
    removed = Site(tmp_path, SECOND)
    removed.sink.send_due(0.0)
    removed.sink.send_due(0.0)
    assert removed.broker.kept == {f"{removed.bench.publisher.root}/pump-1/homeassistant": None,
                                   f"homeassistant/device/{PUMP}/config": None}  # fmt: skip
    removed.close()
