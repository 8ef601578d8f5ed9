"""Which broker and topics `watch` and `explain` use: of a URL, else of the configuration, else of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.dialects import configured

from agent.cli import explain_source, main, watch_runner
from agent.cli.broker_source import ALL_TOPICS, BrokerSource
from agent.core.text import text_of
from agent.delivery.mqtt.follower import BrokerError
from agent.delivery.reasons import BROKER_LOGIN_MISSING, BROKER_LOGIN_OPTIONS_MISSING, BROKER_PROBLEM

COMMANDS = (["watch"], ["explain", "pump-1"])


@pytest.fixture
def used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[BrokerSource]:
    """The brokers that the commands use, in a folder that is empty at first."""
    found: list[BrokerSource] = []
    monkeypatch.setattr(watch_runner, "watch_broker", lambda source, *_: found.append(source))
    monkeypatch.setattr(explain_source, "from_broker", lambda source, *_: found.append(source))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MAGWATT_CONFIG", raising=False)
    return found


def magwatt(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


@pytest.mark.parametrize("command", COMMANDS)
def test_the_broker_of_the_configuration_that_is_found(
    command: list[str], used: list[BrokerSource], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configured(tmp_path, "mqtt://broker.example:1999")
    (tmp_path / "magwatt.toml").rename(tmp_path / "plant.toml")
    own = f"{config.site.root}/#"
    assert magwatt(*command).exit_code == 0
    assert magwatt(*command, "--topic", "plant/#", "--user", "li").exit_code == 0
    assert magwatt(*command, "mqtt://other.example").exit_code == 0
    monkeypatch.setenv("MAGWATT_CONFIG", str(tmp_path / "plant.toml"))
    monkeypatch.chdir("/")
    assert magwatt(*command).exit_code == 0
    monkeypatch.delenv("MAGWATT_CONFIG")
    assert magwatt(*command, "--config", str(tmp_path / "plant.toml")).exit_code == 0
    assert [(item.broker.host, item.broker.port, item.broker.user, item.topic) for item in used] == [
        ("broker.example", 1999, config.mqtt and config.mqtt.user, own),
        ("broker.example", 1999, "li", "plant/#"),
        ("other.example", 1883, None, ALL_TOPICS),
        ("broker.example", 1999, config.mqtt and config.mqtt.user, own),
        ("broker.example", 1999, config.mqtt and config.mqtt.user, own),
    ]
    assert magwatt(*command, "mqtt://other.example", "--config", str(tmp_path / "plant.toml")).exit_code == 2
    assert len(used) == 5


@pytest.mark.parametrize("command", COMMANDS)
def test_without_a_configuration_the_broker_on_this_machine(command: list[str], used: list[BrokerSource]) -> None:
    assert magwatt(*command).exit_code == 0
    assert [(item.broker.host, item.broker.port, item.topic) for item in used] == [("127.0.0.1", 1883, ALL_TOPICS)]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_configuration_without_a_broker_ends_the_command(
    command: list[str], used: list[BrokerSource], tmp_path: Path
) -> None:
    configured(tmp_path, "mqtt://broker.example:1999")
    text = (tmp_path / "magwatt.toml").read_text(encoding="utf-8")
    without = [part for part in text.split("\n[") if not part.startswith("mqtt")]
    (tmp_path / "plant.toml").write_text("\n[".join(without), encoding="utf-8")
    done = magwatt(*command)
    assert done.exit_code == 2
    assert "plant.toml" in done.output
    assert not used


def test_the_message_names_keys_only_if_a_configuration_is_read(used: list[BrokerSource], tmp_path: Path) -> None:
    assert magwatt("watch").exit_code == 0
    (source,) = used
    error = BrokerError(BROKER_PROBLEM, host="127.0.0.1", port=1883, cause=BROKER_LOGIN_MISSING())
    keys, options = text_of(BROKER_LOGIN_MISSING()), text_of(BROKER_LOGIN_OPTIONS_MISSING())
    assert options in source.advice(error)
    assert keys not in source.advice(error)
    named = source._replace(config_file=tmp_path / "plant.toml").advice(error)
    assert keys in named
    assert str(tmp_path / "plant.toml") in named
