"""Home Assistant: discovery messages fit its documented schema; devices appear, reappear and disappear.

Units and state classes of a device class: home-assistant/core, homeassistant/components/sensor/const.py. Keys: its MQTT
documentation (sensor.mqtt, binary_sensor.mqtt, device discovery) and components/mqtt/abbreviations.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from support.basics import Mosquitto, wait_until
from support.dialects import PLANT, SECOND, Bench, configured

from agent.config.loader import load_config
from agent.config.reasons import DISCOVERY_PREFIX_INVALID
from agent.config.topology import assets
from agent.core.messages import Message, codes, encode
from agent.core.metrics import by_name
from agent.core.text import english
from agent.delivery.base.metric_types import MetricType, all_metrics
from agent.delivery.homeassistant import sink as homeassistant
from agent.delivery.homeassistant.entities import EntityIds, asset_device, entity, template
from agent.delivery.homeassistant.sink import HomeAssistantSink
from agent.delivery.mqtt.backoff import DisconnectReason
from agent.delivery.store.reasons import AGENT_KILLED, STATE_FILE_TIMEOUT
from drivers.reading import Quality

UNITS: dict[str, set[str | None]] = {
    "apparent_power": {"VA"},
    "reactive_power": {"var"},
    "power": {"mW", "W", "kW", "MW", "GW", "TW"},
    "energy": {"J", "kJ", "MJ", "GJ", "mWh", "Wh", "kWh", "MWh", "GWh", "TWh"},
    "voltage": {"µV", "mV", "V", "kV", "MV"},
    "current": {"mA", "A"},
    "frequency": {"Hz", "kHz", "MHz", "GHz"},
    "power_factor": {"%", None},
    "temperature": {"°C", "°F", "K"},
    "duration": {"d", "h", "min", "s", "ms"},
    "volume_flow_rate": {"m³/h", "m³/s", "ft³/min", "L/h", "L/min", "L/s", "gal/min", "mL/s"},
    "pressure": {"Pa", "hPa", "kPa", "bar", "cbar", "mbar", "mmHg", "inHg", "psi"},
    "data_size": {"bit", "kbit", "Mbit", "Gbit", "B", "kB", "MB", "GB", "TB"},
    "enum": {None},
}
TOTALS = {"total", "total_increasing"}
EACH = {"measurement", *TOTALS}
STATES: dict[str, set[str]] = {name: {"measurement"} for name in UNITS} | {
    "energy": TOTALS, "duration": EACH, "data_size": EACH, "enum": set(),
}  # fmt: skip
SENSOR = {
    "p", "name", "uniq_id", "dev_cla", "stat_cla", "unit_of_meas", "stat_t", "val_tpl", "ent_cat", "en", "avty",
    "json_attr_t", "json_attr_tpl", "ops",
}  # fmt: skip
BINARY = {"p", "name", "uniq_id", "dev_cla", "stat_t", "val_tpl", "ent_cat", "avty", "pl_on", "pl_off"}
BINARY_CLASSES = {"connectivity", "problem", "running"}


def check_component(found: dict[str, Any]) -> None:
    if found["p"] == "binary_sensor":
        assert found.keys() <= BINARY
        assert found["dev_cla"] in BINARY_CLASSES
        return
    assert found["p"] == "sensor"
    assert found.keys() <= SENSOR, found.keys() - SENSOR
    device_class, state_class, unit = found.get("dev_cla"), found.get("stat_cla"), found.get("unit_of_meas")
    if device_class is not None:
        assert unit in UNITS[device_class], found
        assert state_class is None or state_class in STATES[device_class], found
    assert state_class in (None, *EACH)
    assert found.get("ent_cat") in (None, "diagnostic"), "a sensor is never of the category config"
    assert unit is None or unit.strip(), "no empty unit"


def check_device(body: dict[str, Any]) -> None:
    """The schema of a device discovery message."""
    assert body.keys() <= {"dev", "o", "cmps", "avty", "avty_mode", "stat_t", "qos"}
    assert body["dev"].keys() <= {"ids", "name", "mf", "mdl", "sn", "sw", "hw", "via_device", "cu"}
    assert body["dev"]["ids"]
    assert body["o"]["name"]
    unique = [component["uniq_id"] for component in body["cmps"].values()]
    assert len(unique) == len(set(unique))
    for component in body["cmps"].values():
        assert {"p", "uniq_id", "stat_t"} <= component.keys()
        check_component(component)
    for availability in body.get("avty", []):
        assert "t" in availability


def test_each_metric_fits_the_schema() -> None:
    for metric in all_metrics():
        check_component(entity(metric, metric.topic, "magwatt/v1/mill-2/gw-07", "pump-1") | {"uniq_id": "x"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"dev_cla": "energy", "stat_cla": "measurement", "unit_of_meas": "kWh"},
        {"dev_cla": "power", "unit_of_meas": "kWh"},
        {"dev_cla": "reactive_power", "unit_of_meas": "kvar"},
        {"ent_cat": "config"},
        {"unit_of_measurement": "W"},
    ],
)
def test_invalid_components_are_found(wrong: dict[str, Any]) -> None:
    with pytest.raises((AssertionError, KeyError)):
        check_component({"p": "sensor", "uniq_id": "x", "stat_t": "t"} | wrong)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [  # the table of the reference notes
        ("active_power_w", ("power", "measurement", "W")),
        ("motor_power_kw", ("power", "measurement", "kW")),
        ("reactive_power_var", ("reactive_power", "measurement", "var")),
        ("apparent_power_va", ("apparent_power", "measurement", "VA")),
        ("power_factor", ("power_factor", "measurement", None)),
        ("voltage_l1n_v", ("voltage", "measurement", "V")),
        ("current_l1_a", ("current", "measurement", "A")),
        ("frequency_hz", ("frequency", "measurement", "Hz")),
        ("energy_import_kwh", ("energy", "total_increasing", "kWh")),
        ("energy_shaft_wh", ("energy", "total_increasing", "Wh")),
        ("energy_net_kwh", ("energy", "total", "kWh")),
        ("motor_temperature_degc", ("temperature", "measurement", "°C")),
        ("motor_speed_rpm", (None, "measurement", "rpm")),
        ("shaft_torque_nm", (None, "measurement", "N·m")),
        ("motor_efficiency_pct", (None, "measurement", "%")),
        ("thd_i_l1_pct", (None, "measurement", "%")),
        ("run_hours_h", ("duration", "total_increasing", "h")),
        ("fault_text", (None, None, None)),
        ("fault_code", (None, None, None)),
    ],
)
def test_classes_and_units(name: str, wanted: tuple[str | None, ...]) -> None:
    metric = next(row for row in all_metrics() if row.name == name)
    found = entity(metric, "telemetry", "r", "a")
    assert (found.get("dev_cla"), found.get("stat_cla"), found.get("unit_of_meas")) == wanted


def test_names_that_could_collide_have_different_ids() -> None:
    plants = [(("a_b", "c"), "d"), (("a", "b_c"), "d"), (("a", "b"), "c_d"), (("a_", "b"), "c"), (("a", "_b"), "c")]
    found = {EntityIds(*place).of(asset) for place, asset in plants}
    assert len(found) == len(plants)
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyzU0123456789_-") for name in found), "fit for a topic"


def test_templates_hide_unusable_values() -> None:
    jinja2 = pytest.importorskip("jinja2", reason="Home Assistant's template language, not a part of magwatt")
    flags = {"b": Quality.STALE, "c": Quality.SUBSTITUTED}
    message = Message("p", "telemetry", 1, {"a": 1.5, "b": 2.5, "c": 3.5, "d": None, "s": [1, 2, 3]}, flags=flags)
    body = json.loads(encode(message, "1-1"))
    entities_of = {
        name: jinja2.Template(template(name, MetricType.SERIES if name == "s" else MetricType.NUMBER)).render(
            value_json=body
        )
        for name in ("a", "b", "c", "d", "s", "not_there")
    }
    assert entities_of == {"a": "1.5", "b": "None", "c": "3.5", "d": "None", "s": "3", "not_there": "None"}


def rendered(template: str, body: dict[str, Any]) -> Any:
    jinja2 = pytest.importorskip("jinja2", reason="Home Assistant's template language, not a part of magwatt")
    return json.loads(jinja2.Template(template).render(value_json=body))


def test_a_code_has_the_english_text_and_the_reasons_as_attributes() -> None:
    caveats = [AGENT_KILLED(), STATE_FILE_TIMEOUT(timeout_s=15.0)]
    found = entity(by_name("savings")["savings_caveats"], "savings", "r", "a")
    message = Message("a", "savings", 1, {"savings_caveats": codes(caveats)}, reasons={"savings_caveats": caveats})
    attributes = rendered(found["json_attr_tpl"], json.loads(encode(message, "1-1")))
    assert attributes["text"] == "; ".join(map(english, caveats))
    assert [(item["code"], item["data"]) for item in attributes["reasons"]] == [
        ("agent_killed", {}), ("state_file_timeout", {"timeout_s": 15.0}),
    ]  # fmt: skip
    without = Message("a", "savings", 1, {"savings_caveats": ""})
    assert rendered(found["json_attr_tpl"], json.loads(encode(without, "1-2"))) == {"text": "", "reasons": []}


def test_the_state_has_its_reasons_as_attributes(tmp_path: Path) -> None:
    config = configured(tmp_path, "mqtt://127.0.0.1:1")
    state = asset_device(assets(config)[0], EntityIds("mill-2", "gw-07"), "r", {})["cmps"]["state"]
    reasons = [{"code": "agent_killed", "data": {}, "text": "some text"}]
    body = {"state": "offline", "reason": reasons, "since": 1}
    assert rendered(state["json_attr_tpl"], body) == {"text": "some text", "reasons": reasons}
    assert rendered(state["json_attr_tpl"], {"state": "online", "reason": []}) == {"text": "", "reasons": []}


def test_a_fault_code_is_a_problem_too(tmp_path: Path) -> None:
    config = configured(tmp_path, "mqtt://127.0.0.1:1")
    body = asset_device(assets(config)[0], EntityIds("mill-2", "gw-07"), "r", {"telemetry": ["fault_code"]})
    assert body["cmps"]["fault"]["dev_cla"] == "problem"
    assert body["cmps"]["state"]["ops"] == ["online", "stale", "offline", "maintenance"]


class Listener:
    """The retained discovery messages, as Home Assistant receives them."""

    def __init__(self, port: int) -> None:
        self.count = 0
        self.configs: dict[str, dict[str, Any]] = {}
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.on_connect = lambda client, *_: client.subscribe("homeassistant/device/+/config", qos=1)
        self.client.on_message = self._take
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def _take(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        self.count += 1
        name = message.topic.split("/")[2]
        if message.payload:
            self.configs[name] = json.loads(message.payload)
        else:
            self.configs.pop(name, None)

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def listener(mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    monkeypatch.setattr(homeassistant, "SETTLE_S", 0.2)
    monkeypatch.setattr(homeassistant, "JITTER_S", 0.2)
    found = Listener(mosquitto.port)
    yield found
    found.stop()


def started(folder: Path, url: str, plant: str = PLANT + SECOND) -> tuple[Bench, HomeAssistantSink]:
    bench = Bench(configured(folder, url, "[homeassistant]", plant), folder / "state")
    sink = HomeAssistantSink(bench.config, bench.assets, bench.publisher.root, bench.store)
    bench.publisher.live = [sink]
    sink.start()
    return bench, sink


PUMP, FAN, GATEWAY = "magwatt_mill-2_gw-07_pump-1", "magwatt_mill-2_gw-07_fan-2", "magwatt_mill-2_gw-07"


def rows(bench: Bench) -> None:
    bench.row("pump-1", active_power_w=1.0, energy_import_kwh=2.0)
    bench.row("fan-2", motor_speed_rpm=1500.0)
    bench.row(None, "health", polls=1, bus_south_polls=1, memory_mb=90.0)


def test_motors_appear_with_what_they_measure(tmp_path: Path, mosquitto: Mosquitto, listener: Listener) -> None:
    bench, sink = started(tmp_path, mosquitto.url)
    rows(bench)
    wait_until(lambda: {PUMP, FAN, GATEWAY} <= listener.configs.keys(), 10, "three devices")
    wait_until(
        lambda: "health_bus_south_polls" in listener.configs[GATEWAY]["cmps"], 10, "and the values of the gateway"
    )
    for body in listener.configs.values():
        check_device(body)
    pump = listener.configs[PUMP]
    assert pump["dev"]["name"] == "1#除鳞泵"
    assert pump["dev"]["via_device"] == GATEWAY
    assert [item["t"] for item in pump["avty"]] == [
        f"{bench.publisher.root}/status",
        f"{bench.publisher.root}/pump-1/state",
    ]
    assert pump["avty_mode"] == "all"
    assert {"telemetry_active_power_w", "telemetry_energy_import_kwh", "state"} == pump["cmps"].keys()
    bench.row("pump-1", frequency_hz=50.0)
    wait_until(lambda: "telemetry_frequency_hz" in listener.configs[PUMP]["cmps"], 10, "a new metric follows")
    sink.stop()
    bench.close()


def test_discovery_messages_are_repeated_after_a_restart_of_home_assistant(
    tmp_path: Path, mosquitto: Mosquitto, listener: Listener
) -> None:
    bench, sink = started(tmp_path, mosquitto.url)
    rows(bench)
    wait_until(lambda: {PUMP, FAN, GATEWAY} <= listener.configs.keys(), 10, "three devices")
    count = listener.count
    listener.client.publish("homeassistant/status", b"offline", qos=1)
    listener.client.publish("homeassistant/status", b"online", qos=1)
    wait_until(lambda: listener.count >= count + 3, 10, "sent again")
    sink.stop()
    bench.close()


def test_a_removed_motor_disappears_also_when_removed_while_stopped(
    tmp_path: Path, mosquitto: Mosquitto, listener: Listener
) -> None:
    bench, sink = started(tmp_path, mosquitto.url)
    rows(bench)
    wait_until(lambda: {PUMP, FAN, GATEWAY} <= listener.configs.keys(), 10, "three devices")
    (tmp_path / "magwatt.toml").write_text((tmp_path / "magwatt.toml").read_text(encoding="utf-8").replace(SECOND, ""),
                                           encoding="utf-8")  # fmt: skip
    config = load_config(tmp_path / "magwatt.toml")[0]
    bench.publisher.reconfigure(config, assets(config))
    wait_until(lambda: FAN not in listener.configs, 10, "deleted")
    sink.stop()
    bench.close()
    assert PUMP in listener.configs, "a stop deletes nothing: the availability topic shows it"
    bench, sink = started(tmp_path, mosquitto.url, SECOND)  # the pump was removed while the agent was stopped
    wait_until(lambda: PUMP not in listener.configs, 10, "deleted after the restart")
    sink.stop()
    bench.close()


class Unconfirmed:
    """A client whose broker does not confirm."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []

    def subscribe(self, _topics: Any) -> tuple[int, int]:
        return 0, 1

    def publish(self, topic: str, payload: bytes, *_: Any) -> Any:
        self.sent.append((topic, payload))
        return SimpleNamespace(mid=len(self.sent))


def test_a_removal_that_no_broker_confirmed_is_sent_again(tmp_path: Path) -> None:
    """The connection ends before the confirmation; otherwise the retained device would stay permanently."""
    bench = Bench(configured(tmp_path, "mqtt://127.0.0.1:1", "[homeassistant]"), tmp_path / "state")
    sink = HomeAssistantSink(bench.config, bench.assets, bench.publisher.root, bench.store)
    for asset in bench.assets:
        sink.on_published(Message(asset.name, "telemetry", 1, {"active_power_w": 1}))

    def removed_by(of: HomeAssistantSink) -> tuple[Unconfirmed, list[str]]:
        client = Unconfirmed()
        of.link.client = cast(paho.Client, client)
        of.on_connected(None)
        now_s = 0.0
        for _ in range(30):
            now_s += max(of.send_due(now_s), 0.5)
        return client, [topic for topic, payload in client.sent if not payload]

    assert removed_by(sink)[1] == []
    sink.on_disconnected(DisconnectReason.LOST, None)
    less = configured(tmp_path, "mqtt://127.0.0.1:1", "[homeassistant]", PLANT)
    sink.reconfigure(less, assets(less))
    (removed,) = removed_by(sink)[1]
    assert removed.endswith("fan-2/config")
    sink.on_disconnected(DisconnectReason.LOST, None)
    assert removed_by(sink)[1] == [removed]
    again = HomeAssistantSink(less, assets(less), bench.publisher.root, bench.store)
    client, topics = removed_by(again)
    assert topics == [removed], "also after a restart"
    again.on_confirmed(client.sent.index((removed, b"")) + 1, 0)
    again.on_disconnected(DisconnectReason.LOST, None)
    assert removed_by(again)[1] == []
    for each in (sink, again):
        each.link.wake()
    bench.close()


def test_rare_metrics_keep_their_entities_over_a_restart(
    tmp_path: Path, mosquitto: Mosquitto, listener: Listener
) -> None:
    bench, sink = started(tmp_path, mosquitto.url)
    rows(bench)
    bench.row("pump-1", "event", event_kind="dip")
    wait_until(lambda: "event_event_kind" in listener.configs.get(PUMP, {"cmps": {}})["cmps"], 10, "published")
    sink.stop()
    bench.close()
    count = listener.count
    bench, sink = started(tmp_path, mosquitto.url)
    wait_until(lambda: listener.count >= count + 3, 10, "published again before any row")
    assert "event_event_kind" in listener.configs[PUMP]["cmps"]
    sink.stop()
    bench.close()


@pytest.mark.parametrize("prefix", ["home/#", "+/ha", "a b", "/ha", "ha/"])
def test_a_prefix_with_wildcards_is_reported_and_disables_home_assistant(tmp_path: Path, prefix: str) -> None:
    path = tmp_path / "magwatt.toml"
    configured(tmp_path, "mqtt://127.0.0.1:1", f'[homeassistant]\nprefix = "{prefix}"')
    config, report = load_config(path)
    assert config.dialects.homeassistant is None, "measurement continues without it"
    found = [(item.key, item.value, item.reason) for item in report.findings]
    assert ("homeassistant.prefix", f'"{prefix}"', DISCOVERY_PREFIX_INVALID()) in found


def test_off_by_default(tmp_path: Path) -> None:
    assert configured(tmp_path, "mqtt://127.0.0.1:1").dialects.homeassistant is None
