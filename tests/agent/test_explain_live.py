"""`magwatt explain` says when what a broker kept is no longer so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from dialectkit import configured

from agent.cli import main
from agent.config import Mqtt
from agent.estimate import explain_live
from agent.subscribe import Follower, Seen

OFFLINE = {"state": "offline", "reason": "mcc-1: no answer", "since": 1_790_000_000_000}


@pytest.mark.parametrize(
    ("gateway", "state", "said"),
    [
        ("online", {"state": "online", "reason": "", "since": 0}, ""),
        ("online", OFFLINE, "pump-1 is offline since "),
        ("offline", {"state": "online", "reason": "", "since": 0}, "a/gw is offline: this is what it told last, "),
    ],
)
def test_what_is_no_longer_so_is_said_first(
    gateway: str, state: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def start(follower: Follower) -> None:
        follower.gateways["a/gw"] = gateway
        follower.seen["a/gw/pump-1"] = Seen("a/gw", "pump-1", {"explain": {"t": 1_790_000_000_000}, "state": state})

    monkeypatch.setattr(Follower, "start", start)
    monkeypatch.setattr(explain_live, "as_text", lambda *_: "the figures")
    assert explain_live.from_broker(Mqtt("127.0.0.1", 1883, False), "pump-1", "#", 1.0, False) == 0
    out = capsys.readouterr().out
    assert out.startswith(said or "the figures")
    assert out.endswith("the figures\n")
    assert ("mcc-1: no answer" in out) == (state is OFFLINE)


def test_a_configuration_asks_its_own_gateway_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def from_broker(_broker: Mqtt, _motor: str, topic: str, _seconds: float, _as_json: bool) -> int:
        asked.append(topic)
        return 0

    monkeypatch.setattr(explain_live, "from_broker", from_broker)
    config = configured(tmp_path, "mqtt://127.0.0.1:1883")
    for words in (["--config", str(tmp_path / "magwatt.toml")], [], ["--topic", "plant/#"]):
        assert CliRunner().invoke(main, ["explain", "pump-1", *words]).exit_code == 0
    assert asked == [f"{config.site.root}/#", "magwatt/v1/#", "plant/#"]


def test_who_finds_no_broker_is_told_what_to_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def start(_follower: Follower) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(Follower, "start", start)
    assert explain_live.from_broker(Mqtt("127.0.0.1", 1883, False), "pump-1", "#", 1.0, False) == 1
    assert "--config FILE --poll" in capsys.readouterr().err
