"""Delivery against the real broker: what goes out, what is retained, what happens without one."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from testkit import Mosquitto, free_port, wait_until

from agent.config import Mqtt, parse_broker
from agent.sinks.mqtt import MqttSink


class Listener:
    """An independent subscriber that keeps everything."""

    def __init__(self, port: int) -> None:
        self.messages: list[tuple[str, bytes, bool]] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_message = lambda _client, _data, m: self.messages.append((m.topic, m.payload, m.retain))
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def of(self, topic: str) -> list[bytes]:
        return [payload for name, payload, _ in list(self.messages) if name == topic]

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def listener(mosquitto: Mosquitto) -> Iterator[Listener]:
    found = Listener(mosquitto.port)
    yield found
    found.stop()


def sink_for(broker: Mqtt, greeting: list[tuple[str, bytes]] | None = None) -> MqttSink:
    return MqttSink(broker, "magwatt-test", "g/status", lambda: greeting or [])


def test_status_greeting_rows_and_a_clean_end(mosquitto: Mosquitto, listener: Listener) -> None:
    sink = sink_for(parse_broker(mosquitto.url), [("g/info", b"{}")])
    sink.start()
    wait_until(lambda: sink.connected, 5, "connected")
    for number in range(200):
        assert sink.publish("g/m/telemetry", str(number).encode())
    wait_until(lambda: len(listener.of("g/m/telemetry")) == 200, 5, "200 rows")
    assert listener.of("g/m/telemetry") == [str(number).encode() for number in range(200)], "in order, once"
    sink.stop()
    wait_until(lambda: listener.of("g/status") == [b"online", b"offline"], 5, "status says offline")
    late = Listener(mosquitto.port)
    wait_until(lambda: late.of("g/status") == [b"offline"] and late.of("g/info") == [b"{}"], 5, "both are retained")
    assert late.of("g/m/telemetry") == [], "telemetry is not retained: an old row would look live"
    late.stop()


def test_a_killed_agent_is_announced_by_its_will(mosquitto: Mosquitto, listener: Listener) -> None:
    sink = sink_for(parse_broker(mosquitto.url))
    sink.start()
    wait_until(lambda: listener.of("g/status") == [b"online"], 5, "online")
    client = sink._client
    assert client is not None
    sock = client.socket()
    assert isinstance(sock, socket.socket)
    sock.shutdown(socket.SHUT_RDWR)  # as a kill or a pulled cable: no DISCONNECT
    wait_until(lambda: b"offline" in listener.of("g/status"), 5, "the will")
    sink.stop()


def test_without_a_broker_nothing_waits_and_one_line_is_said_each_way(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broker = Mosquitto(tmp_path)
    sink = sink_for(parse_broker(broker.url), [("g/info", b"{}")])
    with caplog.at_level("INFO"):
        sink.start()
        started = time.monotonic()
        for _ in range(1000):
            assert not sink.publish("g/m/telemetry", b"x")
        assert time.monotonic() - started < 1, "publishing without a broker must not wait"
        assert sink.dropped == 1000
        wait_until(lambda: any("polling goes on" in record.message for record in caplog.records), 3, "one warning")
        broker.start()
        wait_until(lambda: sink.connected, 20, "it heals")
        broker.stop()
        wait_until(lambda: not sink.connected, 10, "it breaks again")
        broker.start()
        wait_until(lambda: sink.connected, 20, "it heals again")
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    healed = [record for record in caplog.records if "connected again" in record.message]
    assert (len(warnings), len(healed)) == (2, 2)
    sink.stop()
    broker.stop()


class SilentToFive(threading.Thread):
    """A broker that answers MQTT 5 with silence and 3.1.1 properly, as amqtt. Packets by hand, from the standard."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.levels: list[int] = []

    def run(self) -> None:
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            head = connection.recv(4096)
            level = head[head.index(b"MQTT") + 4]
            self.levels.append(level)
            if level == 4:
                connection.sendall(bytes([0x20, 2, 0, 0]))  # CONNACK, accepted
            while connection.recv(4096):
                pass


def test_a_broker_that_is_silent_to_mqtt_5_is_spoken_to_in_3_1_1() -> None:
    broker = SilentToFive()
    broker.start()
    sink = sink_for(parse_broker(f"mqtt://127.0.0.1:{broker.port}"))
    sink.start()
    started = time.monotonic()
    wait_until(lambda: sink.connected, 6, "connected by 3.1.1")
    assert time.monotonic() - started < 4
    assert broker.levels == [5, 4]
    sink.stop()
    broker.server.close()


def test_a_refused_login_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "passwords").write_text("")
    broker = Mosquitto(tmp_path, f"password_file {tmp_path / 'passwords'}\n")
    broker._config.write_text(broker._config.read_text().replace("allow_anonymous true", "allow_anonymous false"))
    (tmp_path / "passwords").chmod(0o644)
    broker.start()
    (tmp_path / "secret").write_text("wrong\n")
    settings = Mqtt("127.0.0.1", broker.port, False, user="gw", password_file=tmp_path / "secret")
    sink = sink_for(settings)
    with caplog.at_level("WARNING"):
        sink.start()
        wait_until(lambda: any("refused" in record.message for record in caplog.records), 6, "the refusal is said")
    assert not any("wrong" in record.message for record in caplog.records), "the password is in no log"
    sink.stop()
    broker.stop()


def test_a_missing_password_file_does_not_end_the_thread(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    settings = Mqtt("127.0.0.1", free_port(), False, user="gw", password_file=tmp_path / "nothing")
    sink = sink_for(settings)
    with caplog.at_level("WARNING"):
        sink.start()
        wait_until(lambda: any("nothing" in record.message for record in caplog.records), 3, "said")
    assert sink._thread.is_alive()
    sink.stop()


def test_rows_that_were_never_confirmed_are_counted(mosquitto: Mosquitto) -> None:
    """The broker freezes: what is handed over then has no PUBACK and counts as dropped, not as published."""
    sink = sink_for(Mqtt("127.0.0.1", mosquitto.port, False, keepalive_s=5.0))
    sink.start()
    wait_until(lambda: sink.connected, 5, "connected")
    for number in range(20):
        sink.publish("g/m/telemetry", str(number).encode())
    wait_until(lambda: sink.published == 20, 5, "confirmed")
    assert mosquitto._process is not None
    mosquitto._process.send_signal(signal.SIGSTOP)
    for number in range(30):
        assert sink.publish("g/m/telemetry", str(number).encode())
    mosquitto._process.send_signal(signal.SIGKILL)
    wait_until(lambda: not sink.connected, 15, "the loss is noticed")
    wait_until(lambda: sink.dropped == 30, 5, "counted")
    assert sink.published == 20
    sink.stop()
