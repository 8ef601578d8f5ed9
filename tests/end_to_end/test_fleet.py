"""A fleet at a real Mosquitto: no id is lost and births keep the rate limit, also through a restart of the broker."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from msgspec.structs import replace
from paho.mqtt.enums import CallbackAPIVersion
from support.basics import Mosquitto, free_port, real_command, wait_until
from support.dialects import Bench, configured
from support.sparkplug import Packet, Proxy

from agent.config.loader import parse_broker
from agent.core.clock import SystemClock
from agent.core.stable_hash import share
from agent.delivery.mqtt.sink import MqttSink
from agent.simulation.fleet.load_generator import FLEET_SUBSCRIPTION_FAILED, LABELS, FleetError, run_fleet

pytestmark = pytest.mark.alone

BURST_BYTES, RATE_BYTES_S = 64_000, 20_000  # docs/how-to/dialects.md: the rate limit of births
TEXT_BYTES = 3000  # more than one retained message of the simulated gateways


def magwatt(log: Path, *arguments: str) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-P", "-c", "from agent.cli import main; main()", *arguments],
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip


def test_no_row_is_lost_when_the_broker_restarts(tmp_path: Path) -> None:
    keeping = f"persistence true\npersistence_location {tmp_path}/\nmax_queued_messages 0\n"
    broker = Mosquitto(tmp_path, keeping)
    broker.start()

    def restart() -> None:
        broker.stop()
        broker.start()

    timer = threading.Timer(5, restart)
    timer.start()
    try:
        report = run_fleet(parse_broker(broker.url), "fleet", 20, 3, 1.0, 9, SystemClock())
    finally:
        timer.join()
        broker.stop()
    assert report.keys() == LABELS.keys()
    assert report["rows"] >= 20 * 3 * 8
    assert (report["lost"], report["out_of_order"]) == (0, 0)
    assert report["arrived"] == report["rows"] == report["confirmed"]
    assert report["connects"] > 20, "connected gateways reconnect"
    assert report["births"] <= report["connects"] * (2 + 2 * 3), "retained messages once for each connection"
    assert report["gateway_birth_kb_in_10_s_max"] * 1000 <= BURST_BYTES + 10 * RATE_BYTES_S + TEXT_BYTES


def test_the_agent_publishes_retained_messages_at_the_rate_limit(tmp_path: Path, mosquitto: Mosquitto) -> None:
    proxy = Proxy(mosquitto.port)
    config = configured(tmp_path, f"mqtt://127.0.0.1:{proxy.port}")
    assert config.mqtt is not None
    bench = Bench(config, tmp_path / "state")
    texts = [(f"{bench.publisher.root}/motor-{n}/meta", b"x" * 5000) for n in range(30)]
    sink = MqttSink(
        replace(config.mqtt, version="3.1.1"), "magwatt-test", bench.publisher.root, lambda: texts, lambda *_: None
    )
    sink.start(bench.store.sink_cursors([sink.name])[sink.name])

    def retained() -> list[Packet]:
        return [packet for found in list(proxy.connections) for packet in list(found) if packet.retain
                and packet.kind == "PUBLISH"]  # fmt: skip

    wait_until(lambda: len(retained()) == 31, 30, "all messages and the status")
    sink.stop()
    bench.close()
    proxy.stop()
    sent = retained()
    assert sent[0].topic.endswith("/status"), "the status is first"
    for first in range(len(sent)):
        for last in range(first, len(sent)):
            size = sum(len(packet.topic) + len(packet.payload) for packet in sent[first : last + 1])
            allowed = BURST_BYTES + RATE_BYTES_S * (sent[last].at_s - sent[first].at_s + 0.3) + 5100
            assert size <= allowed
    assert sent[-1].at_s - sent[0].at_s > (30 * 5000 - BURST_BYTES) / RATE_BYTES_S * 0.8


def test_ten_minute_values_of_a_fleet_are_spread_over_time(
    tmp_path: Path, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All gateways have them at the same time; each sends at its own time. A stop sends the rest."""
    monkeypatch.setattr("agent.delivery.mqtt.session.SYNCHRONOUS_DELAY_S", 4.0)
    proxy = Proxy(mosquitto.port)
    config = configured(tmp_path, f"mqtt://127.0.0.1:{proxy.port}")
    assert config.mqtt is not None
    bench = Bench(config, tmp_path / "state")
    root = bench.publisher.root
    sink = MqttSink(replace(config.mqtt, version="3.1.1"), "magwatt-test", root, lambda: [], lambda *_: None)
    bench.publisher.sinks = [sink]
    sink.start(bench.store.sink_cursors([sink.name])[sink.name])
    wait_until(lambda: sink.link.connected, 5, "connected")

    def at_s(kind: str) -> list[float]:
        return [p.at_s for found in list(proxy.connections) for p in list(found) if p.topic.endswith(f"/{kind}")]

    bench.row(kind="pq10m", active_power_w=1.0)
    bench.row(active_power_w=1.0)
    wait_until(lambda: bool(at_s("pq10m")), 10, "it comes")
    assert at_s("pq10m")[0] - at_s("telemetry")[0] == pytest.approx(4.0 * share(root), abs=0.7)
    bench.row(kind="pq10m", active_power_w=2.0)
    bench.store.flush()
    time.sleep(0.3)
    sink.stop()
    assert len(at_s("pq10m")) == 2, "a stop sends the rest"
    bench.close()
    proxy.stop()


def test_the_command(tmp_path: Path, mosquitto: Mosquitto) -> None:
    log = tmp_path / "fleet.log"
    arguments = ("--gateways", "3", "--motors", "2", "--interval", "0.5", "--seconds", "2", "--json")
    process = magwatt(log, "simulate", "fleet", *arguments, "--broker", mosquitto.url)
    assert process.wait(60) == 0
    report = json.loads(log.read_text().splitlines()[-1])
    assert report["gateways"] == 3
    assert report["arrived"] == report["rows"] > 0


def test_without_a_broker_the_error_is_one_line(tmp_path: Path) -> None:
    real_command("mosquitto")
    log = tmp_path / "fleet.log"
    port = free_port()
    process = magwatt(log, "simulate", "fleet", "--gateways", "1", "--broker", f"mqtt://127.0.0.1:{port}")
    assert process.wait(60) == 1
    (line,) = log.read_text().splitlines()
    assert f"127.0.0.1:{port}" in line
    with pytest.raises(FleetError) as error:
        run_fleet(parse_broker(f"mqtt://127.0.0.1:{port}"), "fleet", 1, 1, 1.0, 1, SystemClock())
    assert error.value.reason.code == FLEET_SUBSCRIPTION_FAILED
    assert error.value.reason.data["port"] == port


def test_the_will_of_a_gateway_sets_its_status(tmp_path: Path, mosquitto: Mosquitto) -> None:
    seen: dict[str, bytes] = {}
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_connect = lambda connected, *_: connected.subscribe("magwatt/v1/fleet/+/status", qos=1)
    client.on_message = lambda _client, _data, message: seen.__setitem__(message.topic, message.payload)
    client.connect("127.0.0.1", mosquitto.port)
    client.loop_start()
    process = magwatt(tmp_path / "log", "simulate", "fleet", "--gateways", "2", "--seconds", "60", "--interval", "1",
                      "--broker", mosquitto.url)  # fmt: skip
    try:
        wait_until(lambda: list(seen.values()) == [b"online"] * 2, 30, "both are online")
    finally:
        process.kill()
        process.wait()
    wait_until(lambda: list(seen.values()) == [b"offline"] * 2, 10, "their wills")
    client.disconnect()
    client.loop_stop()
