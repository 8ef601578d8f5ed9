"""Unconfirmed messages of one connection. The link is a list of sent messages, and the test advances the time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from support.mqtt import Line

from agent.config.model import Mqtt
from agent.delivery.mqtt.rate_limit import BackfillRateLimiter, BirthRateLimiter
from agent.delivery.mqtt.session import MqttSession
from agent.delivery.reasons import CONFIRMATION_TIMEOUT, MQTT_TOPIC_INVALID, ROW_REJECTED, ROW_TOO_LARGE
from drivers.reasons import Reason


class RecordedLink:
    """sent: topic of each packet identifier - 1. closed: the reasons for which the connection was ended."""

    settings = Mqtt("broker", 1883, False, keepalive_s=20.0)

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.closed: list[Reason] = []

    def publish(self, topic: str, payload: bytes, qos: int = 1, retain: bool = False) -> int:
        if "#" in topic:
            raise ValueError("topic with a wildcard")
        self.sent.append(topic)
        return len(self.sent)

    def close(self, reason: Reason, *_: object) -> None:
        self.closed.append(reason)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    found = Line(tmp_path / "state")
    yield found
    found.close()


def connected(line: Line, **limits: int) -> tuple[MqttSession, RecordedLink, list[tuple[str, Reason]]]:
    """limits: of the CONNACK packet."""
    link: Any = RecordedLink()
    dropped: list[tuple[str, Reason]] = []
    session = MqttSession(
        link, SimpleNamespace(**limits), line.drain, "g", BackfillRateLimiter(Random(1)), BirthRateLimiter(),
        lambda topic, reason: dropped.append((topic, reason)),
    )  # fmt: skip
    return session, link, dropped


def test_retained_messages_that_are_never_confirmed_end_the_connection(line: Line) -> None:
    """They fill the window, so that no row is sent; the broker still responds to PINGREQ."""
    session, link, _ = connected(line, ReceiveMaximum=3)
    session.retained |= {f"g/m{n}/meta": b"{}" for n in range(3)}
    now_s = time.monotonic()
    session.send_due(now_s)
    line.put(1)
    session.send_due(now_s + 15)
    assert link.closed == []
    assert len(link.sent) == 3
    session.send_due(now_s + 25)
    assert link.closed == [CONFIRMATION_TIMEOUT(timeout_s=20.0)]


def test_a_confirmed_retained_message_makes_room_for_a_row(line: Line) -> None:
    session, link, dropped = connected(line, ReceiveMaximum=1)
    session.retained["g/m/meta"] = b"{}"
    now_s = time.monotonic()
    session.send_due(now_s)
    line.put(1)
    session.on_confirmed(1, 0)
    session.send_due(now_s)
    session.on_confirmed(2, 0)
    session.send_due(now_s + 60)
    assert link.sent == ["g/m/meta", "g/m/telemetry"]
    assert (session.published, link.closed, dropped) == (1, [], [])


def test_a_rejected_retained_message_is_reported_and_does_not_count_as_a_row(line: Line) -> None:
    session, link, dropped = connected(line)
    session.retained["g/m/meta"] = b"{}"
    now_s = time.monotonic()
    session.send_due(now_s)
    session.on_confirmed(1, 0x87)
    session.send_due(now_s)
    assert dropped == [("g/m/meta", ROW_REJECTED(reason_code=0x87))]
    assert (session.published, link.closed) == (0, [])


def test_a_retained_message_over_the_packet_limit_or_with_an_invalid_topic_is_not_sent(line: Line) -> None:
    session, link, dropped = connected(line, MaximumPacketSize=1000)
    session.retained |= {"g/m/meta": bytes(1000), "g/#/meta": b"{}", "g/m/state": b"{}"}
    session.send_due(time.monotonic())
    assert link.sent == ["g/m/state"]
    assert dropped == [
        ("g/#/meta", MQTT_TOPIC_INVALID(error="topic with a wildcard")),
        ("g/m/meta", ROW_TOO_LARGE(limit_bytes=1000)),
    ]
