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
from agent.delivery.mqtt.session import MqttSession, SinkState
from agent.delivery.mqtt.suspects import Suspects
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


def connected(
    line: Line, suspects: Suspects | None = None, **limits: int
) -> tuple[MqttSession, RecordedLink, list[tuple[str, Reason]]]:
    """limits: of the CONNACK packet."""
    link: Any = RecordedLink()
    dropped: list[tuple[str, Reason]] = []
    state = SinkState(BackfillRateLimiter(Random(1)), BirthRateLimiter(), suspects or Suspects())
    session = MqttSession(
        link, SimpleNamespace(**limits), line.drain, "g", state, lambda topic, reason: dropped.append((topic, reason))
    )
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


def test_after_the_end_of_a_connection_live_rows_precede_its_unconfirmed_rows_which_are_sent_alone(line: Line) -> None:
    suspects = Suspects()
    session, link, _ = connected(line, suspects)
    line.put(2)
    now_s = time.monotonic()
    session.send_due(now_s)
    assert suspects.cause_of_end(dict.fromkeys(session.unconfirmed, 0.1), 0) is None
    line.drain.return_unconfirmed()
    session, link, _ = connected(line, suspects)
    live, suspect = "g/m/telemetry", "g/m/backfill/telemetry"
    line.put(1)
    session.send_due(now_s)
    session.send_due(now_s + 1)  # from here on, the rate permits backfill
    line.put(1)
    session.send_due(now_s + 1)
    assert link.sent == [live], "the second one waits until the suspect was sent"
    expected = [live]
    for confirmed, sent in ((1, suspect), (2, live), (3, suspect)):
        session.on_confirmed(confirmed, 0)
        session.send_due(now_s + 1)
        expected.append(sent)
        assert link.sent == expected
    assert len(suspects) == 1
    session.on_confirmed(4, 0)
    session.send_due(now_s + 1)
    assert len(suspects) == 0


def test_a_suspect_that_is_not_confirmed_delays_other_rows_for_three_seconds(line: Line) -> None:
    suspects = Suspects()
    session, link, _ = connected(line, suspects)
    line.put(1)
    now_s = time.monotonic()
    session.send_due(now_s)
    suspects.cause_of_end(dict.fromkeys(session.unconfirmed, 0.1), 0)
    line.drain.return_unconfirmed()
    session, link, _ = connected(line, suspects)
    session.send_due(now_s)
    session.send_due(now_s + 1)
    assert link.sent == ["g/m/backfill/telemetry"]
    line.put(1)
    session.send_due(now_s + 3.9)
    assert len(link.sent) == 1
    session.send_due(now_s + 4.1)
    assert link.sent[1:] == ["g/m/telemetry"]
