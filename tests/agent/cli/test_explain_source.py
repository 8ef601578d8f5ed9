"""`magwatt explain` states first when the message that the broker retains is outdated."""

from __future__ import annotations

from typing import Any

import pytest
from support.basics import free_port

from agent.cli import explain_source
from agent.cli.broker_source import BrokerSource
from agent.config.model import Mqtt
from agent.core.state_reasons import DEVICE_NOT_RESPONDING
from agent.core.text import as_object
from agent.delivery.mqtt.follower import FollowedMessage, Follower

OFFLINE = {
    "state": "offline", "reason": [as_object(DEVICE_NOT_RESPONDING(device="mcc-1"))], "since": 1_790_000_000_000,
}  # fmt: skip
ONLINE = {"state": "online", "reason": [], "since": 0}


@pytest.mark.parametrize(
    ("gateway", "state", "named"),
    [("online", ONLINE, ()), ("online", OFFLINE, ("pump-1", "2026-09-2", "mcc-1")),
     ("offline", ONLINE, ("a/gw", "2026-09-2"))],
)  # fmt: skip
def test_an_outdated_message_is_announced(
    gateway: str, state: dict[str, Any], named: tuple[str, ...], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def start(follower: Follower) -> None:
        follower.gateways["a/gw"] = gateway
        follower.seen["a/gw/pump-1"] = FollowedMessage(
            "a/gw", "pump-1", {"explain": {"t": 1_790_000_000_000}, "state": state}
        )

    monkeypatch.setattr(Follower, "start", start)
    monkeypatch.setattr(explain_source, "as_text", lambda *_: "the values")
    assert explain_source.from_broker(BrokerSource(Mqtt("127.0.0.1", 1883, False), "#"), "pump-1", 1.0, False) == 0
    first, _, rest = capsys.readouterr().out.partition("the values")
    assert rest == "\n"
    assert bool(first) == bool(named)
    assert all(name in first for name in named)


@pytest.mark.text
def test_without_a_broker_the_alternatives_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    source = BrokerSource(Mqtt("127.0.0.1", free_port(), False), "#")
    assert explain_source.from_broker(source, "pump-1", 1.0, False) == 1
    message = capsys.readouterr().err
    assert all(option in message for option in ("--config FILE", "--poll"))
