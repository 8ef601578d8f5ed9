"""The thread of a connection survives errors and keeps trying."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import paho.mqtt.client as paho
import pytest
from support.basics import Mosquitto, free_port, wait_until

from agent.config.model import Mqtt
from agent.delivery.mqtt import backoff, connection
from agent.delivery.mqtt.backoff import DisconnectReason
from agent.delivery.mqtt.connection import MqttConnection, MqttHandler
from agent.delivery.reasons import SINK_INTERNAL_ERROR
from drivers.reasons import Reason


@contextmanager
def _silent_server() -> Iterator[int]:
    """Port of a server that accepts connections and sends nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


class Counting(MqttHandler):
    """Counts the ends of connections."""

    def __init__(self) -> None:
        self.ends: list[DisconnectReason] = []

    def send_due(self, now_s: float) -> float:
        return 0.1

    def on_disconnected(self, end: DisconnectReason, reason: Reason | None) -> None:
        self.ends.append(end)


def test_an_error_while_closing_does_not_end_the_thread(mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> None:
        raise OSError("socket is closed")

    monkeypatch.setattr(paho.Client, "disconnect", failing)
    handler = Counting()
    link = MqttConnection("link", Mqtt("127.0.0.1", mosquitto.port, False), "one", handler)
    link.start()
    try:
        for connects in (1, 2):
            wait_until(lambda n=connects: link.connects == n and link.connected, 10, "connection")  # type: ignore[misc]
            link.update_settings(Mqtt("127.0.0.1", mosquitto.port, False, keepalive_s=30.0 + connects))
        wait_until(lambda: len(handler.ends) == 2, 10, "end")
    finally:
        link.stop()


class Failing(Counting):
    """Has a programming error that shows when it sends."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error
        self.reasons: list[Reason | None] = []

    def send_due(self, now_s: float) -> float:
        raise self.error

    def on_disconnected(self, end: DisconnectReason, reason: Reason | None) -> None:
        super().on_disconnected(end, reason)
        self.reasons.append(reason)


@pytest.mark.parametrize("error", [ValueError("shape (3,)"), OSError("no such file"), KeyError("m")])
def test_an_error_of_a_handler_is_logged_with_its_traceback_and_not_as_a_failed_connection(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    handler = Failing(error)
    link = MqttConnection("link", Mqtt("127.0.0.1", mosquitto.port, False), "one", handler)
    link.start()
    wait_until(lambda: bool(handler.reasons), 10, "the connection ends")
    link.stop()
    assert handler.reasons[0] == SINK_INTERNAL_ERROR(error=repr(error))
    tracebacks = [record.exc_info[1] for record in caplog.records if record.exc_info]
    assert tracebacks
    assert tracebacks[0] is error


def test_a_broker_that_never_responds_is_reported_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both versions of the protocol are tried again and again."""
    caplog.set_level(logging.INFO)
    for name in ("NEGOTIATION_S", "CONNACK_S"):
        monkeypatch.setattr(connection, name, 0.02)
    monkeypatch.setitem(backoff.LIMITS_S, DisconnectReason.UNREACHABLE, (0.01, 1.0, 0.01))
    handler = Counting()
    with _silent_server() as port:
        link = MqttConnection("link", Mqtt("127.0.0.1", port, False), "one", handler, negotiate=True)
        link.start()
        wait_until(lambda: handler.ends.count(DisconnectReason.UNREACHABLE) >= 3, 10, "three attempts")
        link.stop()
    assert [record.levelname for record in caplog.records if record.name == connection.__name__] == ["INFO", "WARNING"]


def test_the_log_distinguishes_the_first_connection(mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture) -> None:
    """The first connection after failed attempts is "connected", only later ones are "connected again"."""
    caplog.set_level(logging.INFO, connection.__name__)
    link = MqttConnection("link", Mqtt("127.0.0.1", free_port(), False), "one", Counting())
    link.start()
    try:
        wait_until(lambda: bool(caplog.records), 10, "the failure is logged")
        link.update_settings(Mqtt("127.0.0.1", mosquitto.port, False))
        wait_until(lambda: link.connected, 10, "connection")
        wait_until(lambda: bool(logged(caplog)), 5, "the connection is logged")
    finally:
        link.stop()
    assert not any("again" in text for text in logged(caplog))


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.INFO]
