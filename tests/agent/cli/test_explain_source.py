"""`magwatt explain` states first when the message that the broker retains is outdated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.basics import free_port
from support.dialects import configured

from agent.cli import explain_source, main
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
    assert explain_source.from_broker(Mqtt("127.0.0.1", 1883, False), "pump-1", "#", 1.0, False) == 0
    first, _, rest = capsys.readouterr().out.partition("the values")
    assert rest == "\n"
    assert bool(first) == bool(named)
    assert all(name in first for name in named)


def test_a_configuration_selects_its_own_gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    topics: list[str] = []

    def from_broker(_broker: Mqtt, _motor: str, topic: str, _seconds: float, _as_json: bool) -> int:
        topics.append(topic)
        return 0

    monkeypatch.setattr(explain_source, "from_broker", from_broker)
    config = configured(tmp_path, "mqtt://127.0.0.1:1883")
    for words in (["--config", str(tmp_path / "magwatt.toml")], [], ["--topic", "plant/#"]):
        assert CliRunner().invoke(main, ["explain", "pump-1", *words]).exit_code == 0
    assert topics == [f"{config.site.root}/#", "magwatt/v1/#", "plant/#"]


@pytest.mark.text
def test_without_a_broker_the_alternatives_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain_source.from_broker(Mqtt("127.0.0.1", free_port(), False), "pump-1", "#", 1.0, False) == 1
    assert "--config FILE --poll" in capsys.readouterr().err
