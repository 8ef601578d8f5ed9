"""The demo with `--outputs sparkplug,homeassistant`, as a user runs it: discovery
messages agree with published values.
"""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from support import sparkplug_rules
from support.basics import Mosquitto, wait_until
from support.sparkplug import Proxy, read

pytestmark = pytest.mark.alone

SECONDS = 30
MOTORS = "descaling-1", "descaling-2", "scale-pit", "lamella", "cooling-fan"


def test_the_demo_publishes_both_dialects_and_each_entity_has_its_value(tmp_path: Path, mosquitto: Mosquitto) -> None:
    proxy = Proxy(mosquitto.port)
    configs: dict[str, dict[str, Any]] = {}
    rows: dict[str, dict[str, Any]] = {}
    taken_back: set[str] = set()

    def keep(_client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        if message.topic.startswith("homeassistant/"):
            if message.payload:
                configs[message.topic] = json.loads(message.payload)
            else:
                taken_back.add(message.topic)
        elif message.payload[:1] == b"{":
            rows.setdefault(message.topic, {}).update(json.loads(message.payload).get("v", {}))

    listener = paho.Client(CallbackAPIVersion.VERSION2)
    topics = [("homeassistant/#", 1), ("magwatt/#", 1)]
    listener.on_connect = lambda client, *_: client.subscribe(topics)
    listener.on_message = keep
    listener.connect("127.0.0.1", mosquitto.port)
    listener.loop_start()
    arguments = ["demo", "--headless", "--no-past", "--seconds", str(SECONDS), "--fault", "none", "--outputs",
                 "sparkplug,homeassistant", "--broker", f"mqtt://127.0.0.1:{proxy.port}"]  # fmt: skip
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-P", "-c", "from agent.cli import main; main()", *arguments],
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)  # fmt: skip
    try:
        assert process.wait(120) == 0, (tmp_path / "log").read_text()
    finally:
        process.kill()
        process.wait()
    wait_until(
        lambda: len(configs) > len(MOTORS) and configs.keys() == taken_back,
        10,
        "the demo takes back what it told somebody else's broker",
    )
    listener.disconnect()
    listener.loop_stop()
    time.sleep(0.2)
    proxy.stop()

    connections = proxy.sparkplug()
    sparkplug_rules.check(connections, "demo", "gw-01")
    births: dict[str, list[set[str]]] = {}
    for packet in proxy.sent_of("DBIRTH"):
        names = {metric["name"] for metric in read(packet.payload)["metrics"]}
        births.setdefault(packet.topic.rsplit("/", 1)[1], []).append(names)
    assert sorted(births) == sorted(MOTORS)
    for motor, declared in births.items():
        for before, after in itertools.pairwise(declared):
            added = after - before
            assert added, f"{motor} is born again only when a new metric appears"
            assert all(name.startswith("Condition/") for name in added), "every measured metric was foreseen"
    assert all(read(packet.payload)["metrics"] for packet in proxy.sent_of("DDATA"))

    assert len(configs) == len(MOTORS) + 1, "the motors and the gateway"
    for topic, body in configs.items():
        for key, component in body["cmps"].items():
            named = re.search(r"v\.get\('([^']+)'\)", component["val_tpl"]) if "val_tpl" in component else None
            if named and "_health_" not in f"_{key}":
                assert named[1] in rows[component["stat_t"]], f"{topic}: {key} points to what never came"


def test_an_unknown_output_is_an_error_of_one_line() -> None:
    command = [sys.executable, "-P", "-c", "from agent.cli import main; main()", "demo", "--outputs", "sparklug"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "sparklug" in done.stderr
    assert "sparkplug, homeassistant, prometheus" in done.stderr
