"""Delivery to a real broker: published rows, retained messages, and the behavior without a broker."""

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
from support.basics import Mosquitto, wait_until, within
from support.delivery import Link
from support.dialects import configured
from support.mqtt import ClosingBroker, Line, Listener

from agent.config.loader import parse_broker
from agent.config.model import Mqtt
from agent.config.reasons import SECRET_FILE_MISSING
from agent.delivery.mqtt import backoff
from agent.delivery.mqtt.backoff import DisconnectReason
from agent.delivery.reasons import (
    BROKER_LOGIN_REJECTED,
    CLIENT_ID_CONFLICT,
    CONNECT_FAILED,
    CONNECT_REJECTED,
    PUBLISH_FORBIDDEN,
    ROW_ENDS_CONNECTION,
    ROW_REJECTED,
    ROW_TOO_LARGE,
)
from drivers.reasons import Reason

pytestmark = pytest.mark.usefixtures("fresh_for_long")


def reported(caplog: pytest.LogCaptureFixture) -> list[Reason]:
    """The reasons in the warnings of the agent, in order."""
    warnings = [
        record for record in caplog.records if record.levelname == "WARNING" and record.name.startswith("agent.")
    ]
    return [item for record in warnings for item in record.args or () if isinstance(item, Reason)]


@pytest.fixture
def listener(mosquitto: Mosquitto) -> Iterator[Listener]:
    found = Listener(mosquitto.port)
    yield found
    found.stop()


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    found = Line(tmp_path / "state")
    yield found
    found.close()


def test_status_greeting_rows_and_a_clean_end(mosquitto: Mosquitto, listener: Listener, line: Line) -> None:
    sink = line.sink(parse_broker(mosquitto.url), [("g/info", b"{}")])
    wait_until(lambda: sink.link.connected, 5, "connected")
    line.put(200)
    wait_until(lambda: len(listener.of("g/m/telemetry")) == 200, 5, "200 rows")
    assert listener.of("g/m/telemetry") == line.payloads, "in order, once"
    wait_until(lambda: line.store.figures()["spool_rows"] == 0, 5, "confirmed rows are deleted")
    assert sink.published == 200
    sink.stop()
    wait_until(lambda: listener.of("g/status") == [b"online", b"offline"], 5, "status is offline")
    late = Listener(mosquitto.port)
    wait_until(lambda: late.of("g/status") == [b"offline"] and late.of("g/info") == [b"{}"], 5, "both are retained")
    assert late.of("g/m/telemetry") == [], "telemetry is not retained: an old row would look live"
    late.stop()


def test_rows_of_an_earlier_run_are_backfill_and_do_not_delay_live_rows(
    mosquitto: Mosquitto, listener: Listener, tmp_path: Path
) -> None:
    before = Line(tmp_path / "state")
    before.put(400)
    before.close()
    line = Line(tmp_path / "state")
    line.payloads = before.payloads
    started_s = time.monotonic()
    sink = line.sink(parse_broker(mosquitto.url))
    wait_until(lambda: sink.link.connected, 5, "connected")
    line.put(5)
    within(lambda: len(listener.of("g/m/telemetry")) == 5, 1, "live values within a second of the connection")
    wait_until(lambda: len(listener.of("g/m/backfill/telemetry")) > 50, 5, "the backlog moves")
    rate = len(listener.of("g/m/backfill/telemetry")) / (time.monotonic() - started_s)
    assert rate < 72, "50 rows/s, a fifth of jitter, and the first burst; less the moment before the connection"
    wait_until(lambda: len(listener.of("g/m/backfill/telemetry")) == 400, 15, "all of it")
    assert listener.of("g/m/backfill/telemetry") == line.payloads[:400], "in order, once"
    assert listener.of("g/m/telemetry") == line.payloads[400:]
    line.close()


def test_a_killed_agent_is_announced_by_its_will(mosquitto: Mosquitto, listener: Listener, line: Line) -> None:
    proxy = Link(mosquitto.port)
    proxy.start()
    line.sink(parse_broker(f"mqtt://127.0.0.1:{proxy.port}"))
    wait_until(lambda: listener.of("g/status") == [b"online"], 5, "online")
    proxy.cut()  # as after a kill or a disconnected cable: no DISCONNECT
    wait_until(lambda: b"offline" in listener.of("g/status"), 5, "the will")
    wait_until(lambda: listener.of("g/status")[-1] == b"online", 5, "it comes back")
    line.close()
    proxy.close()


def test_changed_retained_messages_are_sent_immediately_and_with_each_connection(
    mosquitto: Mosquitto, listener: Listener, line: Line
) -> None:
    proxy = Link(mosquitto.port)
    proxy.start()
    sink = line.sink(parse_broker(f"mqtt://127.0.0.1:{proxy.port}"))
    wait_until(lambda: sink.link.connected, 5, "connected")
    line.texts["g/m/state"] = b"stale"
    sink.update_retained("g/m/state", b"stale")
    within(lambda: listener.of("g/m/state") == [b"stale"], 2, "sent")
    line.texts["g/m/state"] = b"offline"
    proxy.cut()
    wait_until(lambda: listener.of("g/m/state")[-1] == b"offline", 5, "sent with the next connection")
    line.close()
    proxy.close()


def test_without_a_broker_nothing_blocks_and_loss_and_recovery_are_logged_once(
    tmp_path: Path, line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    broker = Mosquitto(tmp_path)
    with caplog.at_level("INFO"):
        sink = line.sink(parse_broker(broker.url), [("g/info", b"{}")])
        started = time.monotonic()
        line.append(1000)
        assert time.monotonic() - started < 2, "publishing without a broker must not wait"
        line.store.flush()
        assert line.store.figures()["spool_rows"] == 1000
        wait_until(lambda: [reason.code for reason in reported(caplog)] == [CONNECT_FAILED], 3, "one warning")
        broker.start()
        wait_until(lambda: sink.link.connected, 20, "it recovers")
        broker.stop()
        wait_until(lambda: not sink.link.connected, 10, "it is lost again")
        broker.start()
        wait_until(lambda: sink.link.connects == 2, 20, "it recovers again")
    levels = [record.levelname for record in caplog.records if f":{broker.port}: " in record.message]
    assert levels == ["WARNING", "INFO", "WARNING", "INFO"]
    sink.stop()
    broker.stop()


class SilentToFive(threading.Thread):
    """A broker that supports 3.1.1 only and does not respond to MQTT 5, like amqtt. Packets are written by hand."""

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


def test_a_broker_that_does_not_respond_to_mqtt_5_is_used_with_3_1_1(line: Line) -> None:
    broker = SilentToFive()
    broker.start()
    sink = line.sink(parse_broker(f"mqtt://127.0.0.1:{broker.port}"))
    within(lambda: sink.link.connected, 4, "connected by 3.1.1")
    assert broker.levels == [5, 4]
    broker.server.close()


def test_a_rejected_login_is_logged_once_and_not_retried_every_second(
    tmp_path: Path, line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "passwords").write_text("")
    log = tmp_path / "broker.log"
    broker = Mosquitto(tmp_path, f"password_file {tmp_path / 'passwords'}\nlog_dest file {log}\n")
    file = broker.config_file
    file.write_text(file.read_text().replace("allow_anonymous true", "allow_anonymous false"))
    (tmp_path / "passwords").chmod(0o644)
    broker.start()
    (tmp_path / "secret").write_text("wrong\n")
    settings = Mqtt("127.0.0.1", broker.port, False, user="gw", password_file=tmp_path / "secret")
    with caplog.at_level("WARNING"):
        line.sink(settings)
        wait_until(lambda: bool(reported(caplog)), 6, "the rejection is logged")
        time.sleep(4)
    assert not any("wrong" in record.message for record in caplog.records), "the password is in no log"
    assert reported(caplog) == [CONNECT_REJECTED(error=BROKER_LOGIN_REJECTED(user="gw"))]
    assert log.read_text().count("not authorised") == 1, "one attempt: the next follows after 15 s or more"
    broker.stop()


def test_a_missing_password_file_does_not_end_the_thread(
    caplog: pytest.LogCaptureFixture, tmp_path: Path, line: Line
) -> None:
    broker = Mosquitto(tmp_path)
    settings = Mqtt("127.0.0.1", broker.port, False, user="gw", password_file=tmp_path / "nothing")
    with caplog.at_level("WARNING"):
        sink = line.sink(settings)
        wait_until(lambda: bool(reported(caplog)), 3, "logged")
    assert reported(caplog)[0].code == CONNECT_FAILED
    assert reported(caplog)[0].data["error"] == SECRET_FILE_MISSING(path=str(tmp_path / "nothing"))
    broker.start()
    (tmp_path / "nothing").write_text("secret\n")
    wait_until(lambda: sink.link.connected, 20, "the next attempt reads the file")
    sink.stop()
    broker.stop()


def test_unconfirmed_rows_are_sent_again(mosquitto: Mosquitto, line: Line) -> None:
    """The broker stops responding and ends: rows sent meanwhile have no PUBACK and stay in the spool."""
    sink = line.sink(Mqtt("127.0.0.1", mosquitto.port, False, keepalive_s=5.0))
    wait_until(lambda: sink.link.connected, 5, "connected")
    line.put(20)
    wait_until(lambda: sink.published == 20, 5, "confirmed")
    assert mosquitto.process is not None
    mosquitto.process.send_signal(signal.SIGSTOP)
    line.put(30)
    time.sleep(0.3)
    assert sink.link.connected
    mosquitto.process.send_signal(signal.SIGKILL)
    mosquitto.process.wait()
    wait_until(lambda: not sink.link.connected, 15, "the loss is detected")
    assert line.store.figures()["spool_rows"] == 30
    mosquitto.start()
    wait_until(lambda: sink.published == 50, 15, "they come again")
    wait_until(lambda: line.store.figures()["spool_rows"] == 0, 5, "and are deleted")


def test_a_second_client_with_the_same_identifier_is_reported_and_not_disconnected(
    mosquitto: Mosquitto, line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    sink = line.sink(parse_broker(mosquitto.url))
    wait_until(lambda: sink.link.connected, 5, "connected")
    with caplog.at_level("WARNING"):
        other = paho.Client(CallbackAPIVersion.VERSION2, line.client_id)
        other.connect("127.0.0.1", mosquitto.port)
        other.loop_start()
        wait_until(lambda: not sink.link.connected, 5, "disconnected by the broker")
        time.sleep(3)
    assert not sink.link.connected, "it waits 15 s or more, so that the other client stays connected"
    assert other.is_connected()
    conflict = CLIENT_ID_CONFLICT(client_id=line.client_id)
    assert line.events == [("client_id_conflict", conflict)]
    assert reported(caplog) == [conflict]
    other.disconnect()
    other.loop_stop()


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_row_over_the_limit_of_the_broker_is_set_aside_and_the_others_are_delivered(
    tmp_path: Path, line: Line, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MQTT 5 reports the limit; a broker of 3.1.1 closes the connection each time. Rows become backlog after a second
    here. As in a plant, rows continue to arrive: they prove that the broker accepts others."""
    monkeypatch.setattr("agent.delivery.store.cursor.FRESH_S", 1.0)
    broker = Mosquitto(tmp_path, "max_packet_size 20000\n")
    broker.start()
    listener = Listener(broker.port)
    sink = line.sink(Mqtt("127.0.0.1", broker.port, False, version=version))
    wait_until(lambda: sink.link.connected, 5, "connected")
    line.put(3)
    line.put(1, size=30_000)
    line.put(3)
    n = 6

    def set_aside() -> bool:
        nonlocal n
        line.put(1)
        n += 1
        time.sleep(0.2)
        return bool(line.store.fetch_gaps())

    wait_until(set_aside, 30, "the row is set aside")
    wait_until(lambda: len(listener.of("g/m/telemetry") + listener.of("g/m/backfill/telemetry")) >= n, 30, "the rest")
    wait_until(lambda: line.store.figures()["spool_rows"] == 0, 30, "nothing is stuck")
    (gap,) = line.store.fetch_gaps()
    assert gap.rows == 1
    assert gap.reason == (ROW_TOO_LARGE(limit_bytes=20_000) if version == "5" else ROW_ENDS_CONNECTION(n=3))
    listener.stop()
    sink.stop()
    broker.stop()


def test_a_retained_message_over_the_limit_of_the_broker_does_not_end_the_connection(
    tmp_path: Path, line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    broker = Mosquitto(tmp_path, "max_packet_size 20000\n")
    broker.start()
    with caplog.at_level("WARNING"):
        sink = line.sink(parse_broker(broker.url), [("g/m/meta", bytes(30_000)), ("g/m/state", b"{}")])
        line.put(3)
        wait_until(lambda: sink.published == 3, 10, "the rows")
        sink.update_retained("g/m/meta", bytes(40_000))
        wait_until(lambda: sink.numbers()["retained_dropped"] == 2, 5, "each is counted")
        line.put(1)
        wait_until(lambda: sink.published == 4, 10, "another row")
    assert sink.link.connects == 1
    assert reported(caplog) == [ROW_TOO_LARGE(limit_bytes=20_000)]
    sink.stop()
    broker.stop()


def test_rejected_retained_messages_are_logged_once_per_topic_and_counted(
    tmp_path: Path, line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "acl").write_text("topic readwrite g/m/telemetry\ntopic readwrite g/status\n")
    (tmp_path / "acl").chmod(0o600)
    broker = Mosquitto(tmp_path, f"acl_file {tmp_path / 'acl'}\n")
    broker.start()
    with caplog.at_level("WARNING"):
        sink = line.sink(parse_broker(broker.url), [("g/m/meta", b"{}"), ("g/m/state", b"{}")])
        for count in (2, 3, 4):
            wait_until(lambda n=count: sink.numbers()["retained_dropped"] == n, 5, "counted")  # type: ignore[misc]
            sink.update_retained("g/m/state", str(count).encode())
        line.put(1)
        wait_until(lambda: sink.published == 1, 5, "rows are delivered")
    assert reported(caplog) == 2 * [ROW_REJECTED(reason_code=0x87)]
    sink.stop()
    broker.stop()


@pytest.fixture
def _brief_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Delays between connections of at most 0.1 s. Rows become backlog after a second, as in a plant."""
    for end in (DisconnectReason.LOST, DisconnectReason.MESSAGE):
        monkeypatch.setitem(backoff.LIMITS_S, end, (0.1, 1.0, 0.1))
    monkeypatch.setattr("agent.delivery.store.cursor.FRESH_S", 1.0)


@pytest.mark.usefixtures("_brief_delays")
@pytest.mark.parametrize("size", [20, 30_000])
def test_a_row_that_ends_each_connection_is_rejected_and_hardly_delays_others(line: Line, size: int) -> None:
    """The confirmations of the rows before it are lost with the connection, so that it is one of several unconfirmed
    rows. Four brief connections do not look like two clients with one identifier."""
    poison = b"7" * size
    line.put(5)
    line.payloads.append(poison)
    line.store.append("m", "event", 1, lambda _: poison)
    line.put(5)
    broker = ClosingBroker(lambda _, payload: payload == poison)
    broker.start()
    sink = line.sink(broker.settings, [("g/info", b"{}")])
    put_s: dict[bytes, float] = {}
    until_s = time.monotonic() + 20
    while not (gaps := line.store.fetch_gaps()) and time.monotonic() < until_s:
        line.append(1)
        put_s[line.payloads[-1]] = time.monotonic()
        time.sleep(0.02)
    (gap,) = gaps
    assert (gap.rows, gap.reason) == (1, ROW_ENDS_CONNECTION(n=3))
    assert broker.connections >= 1 + 3
    wait_until(lambda: line.store.figures()["spool_rows"] == 0, 10, "nothing is stuck")
    assert set(line.payloads) - broker.received.keys() == {poison}
    waits_s = [broker.received[payload][1] - at_s for payload, at_s in put_s.items()]
    assert max(waits_s) < 3, "0.1 s, the time for a connection, and a busy machine"
    for topic in ("g/m/telemetry", "g/m/backfill/telemetry"):
        found = [payload for payload, (name, _) in broker.received.items() if name == topic]
        assert found == sorted(found, key=line.payloads.index)
    assert line.events == []
    sink.stop()
    broker.close()


@pytest.mark.usefixtures("_brief_delays")
def test_a_row_is_rejected_also_if_the_first_connection_confirms_nothing(line: Line) -> None:
    line.put(1)
    line.put(1, size=30_000)
    broker = ClosingBroker(lambda _, payload: len(payload) > 20_000, silent=1)
    broker.start()
    sink = line.sink(broker.settings)
    wait_until(lambda: line.store.figures()["spool_rows"] == 0, 30, "nothing is stuck")
    assert broker.connections in (4, 5), "the first, three that end at the row, and perhaps already the next"
    (gap,) = line.store.fetch_gaps()
    assert (gap.rows, gap.reason) == (1, ROW_ENDS_CONNECTION(n=3))
    assert line.events == []
    sink.stop()
    broker.close()


@pytest.mark.usefixtures("_brief_delays")
def test_no_row_is_rejected_by_a_broker_that_accepts_none(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(backoff.LIMITS_S, DisconnectReason.TAKEN_OVER, (0.1, 1.0, 0.1))
    line.put(3)
    broker = ClosingBroker(lambda topic, _: topic.endswith("telemetry"))
    broker.start()
    sink = line.sink(broker.settings)
    wait_until(lambda: broker.connections >= 8, 20, "some connections")
    assert line.store.figures()["spool_rows"] == 3
    assert line.store.fetch_gaps() == []
    sink.stop()
    broker.close()


@pytest.mark.usefixtures("_brief_delays")
def test_a_retained_message_that_ends_each_connection_is_not_sent_again(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    broker = ClosingBroker(lambda topic, _: topic == "g/m/meta")
    broker.start()
    with caplog.at_level("WARNING"):
        sink = line.sink(broker.settings, [("g/m/meta", b"{}"), ("g/m/state", b"{1}")])
        until_s = time.monotonic() + 20
        while not sink.numbers()["retained_dropped"]:
            assert time.monotonic() < until_s
            line.put(1)
            time.sleep(0.02)
        line.put(3)
        wait_until(lambda: line.store.figures()["spool_rows"] == 0, 10, "the rows")
        connections = broker.connections
        sink.update_retained("g/m/meta", b"{2}")
        line.put(1)
        wait_until(lambda: line.store.figures()["spool_rows"] == 0, 10, "the last row")
    assert broker.connections == connections
    assert set(broker.received) == {b"online", b"{1}", *line.payloads}
    assert [reason for reason in reported(caplog) if reason.code == ROW_ENDS_CONNECTION] == [ROW_ENDS_CONNECTION(n=3)]
    sink.stop()
    broker.close()


def test_a_broker_that_forbids_publishing_gets_few_connections_and_rows_are_kept(
    tmp_path: Path, line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "acl").write_text("topic read #\n")
    (tmp_path / "acl").chmod(0o600)
    broker = Mosquitto(tmp_path, f"acl_file {tmp_path / 'acl'}\n")
    broker.start()
    with caplog.at_level("WARNING"):
        line.sink(parse_broker(broker.url))
        line.put(10)
        wait_until(lambda: bool(reported(caplog)), 5, "logged")
        time.sleep(2)
    assert reported(caplog) == [ROW_REJECTED(reason_code=0x87), PUBLISH_FORBIDDEN(topic="g")]  # `online`, then rows
    assert line.store.figures()["spool_rows"] == 10
    broker.stop()


def test_other_settings_are_used_without_waiting_for_the_next_attempt(
    tmp_path: Path, mosquitto: Mosquitto, listener: Listener, line: Line
) -> None:
    """The sink moves between brokers; rows that the first one did not confirm are sent to the second one."""
    silent = Mosquitto(tmp_path)  # not started
    sink = line.sink(parse_broker(silent.url))
    line.put(5)
    time.sleep(5)  # the delay between attempts has grown
    sink.reconfigure(configured(tmp_path, mosquitto.url))
    within(lambda: sink.link.connected, 2, "connected to the other broker")
    wait_until(lambda: sink.published == 5, 5, "the rows")
    silent.start()
    sink.reconfigure(configured(tmp_path, silent.url))
    wait_until(lambda: listener.of("g/status")[-1] == b"offline", 5, "it leaves the first broker")
    line.put(3)
    wait_until(lambda: sink.published == 8, 5, "it sends to the other one")
    sink.stop()
    silent.stop()
