"""Signals from topics in the configuration: what is read, and each mistake with its remedy."""

from __future__ import annotations

import os
from pathlib import Path

import configkit
import pytest
from click.testing import CliRunner
from configkit import bus, meter, motor, site

from agent.cli import main
from agent.config import Config, Mqtt
from agent.config_load import ConfigError
from agent.signals import signal_devices, topic_signals
from agent.sinks.shapes import expected
from agent.topology import assets

PLANT = site() + bus() + meter() + motor()
MQTT = '[mqtt]\nurl = "mqtt://192.0.2.9"\noutputs = ["homeassistant"]\n'
REGISTER = '[signal.flow]\nbus = "b"\nunit_id = 4\naddress = 1\ntype = "u16"\nunit_of_measure = "m3/h"\nmotor = "p1"\n'


def topic(lines: str = "", name: str = "tonnes", topic: str = 'topic = "mill/line-3/production"') -> str:
    return f'[signal.{name}]\n{topic}\nunit_of_measure = "t/h"\nmotor = "p1"\n{lines}\n'


def load(folder: Path, text: str, mqtt: str = MQTT) -> Config:
    return configkit.load(folder, PLANT + mqtt + text)


def problems(folder: Path, text: str, mqtt: str = MQTT) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        load(folder, text, mqtt)
    return [line.removeprefix("plant.toml: ") for line in refused.value.problems]


def test_both_kinds_stand_side_by_side(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        REGISTER + topic('value = "a.b"\ntime = "t"\nexpected_interval = "5s"\nscale = 0.001\naccuracy = "1%"'),
    )
    (found,) = topic_signals(config)
    assert (found.topic, found.value, found.time, found.expected_interval_s) == (
        "mill/line-3/production",
        "a.b",
        "t",
        5.0,
    )
    assert (found.device, found.metric, found.scale) == ("signal.tonnes", "signal_tonnes_t_h", 0.001)
    assert found.broker == Mqtt("192.0.2.9", 1883, False), "as [mqtt] says, without what concerns publishing"
    assert [device.name for device in signal_devices(config)] == ["signals-b-4"]
    (asset,) = assets(config)
    assert asset.signal_devices == ("signals-b-4", "signal.tonnes")
    assert [signal.accuracy for signal in asset.signals] == [None, 0.01]
    told = {metric.name: metric.unit for metric in expected(asset)["telemetry"]}
    assert told["signal_tonnes_t_h"] == "t/h", "every dialect declares it as it does a register's"


def test_another_broker_has_its_own_login(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    os.chmod(secret, 0o600)
    lines = 'broker = "mqtt://192.0.2.7:1884"\nuser = "reader"\npassword_file = "secret"'
    (found,) = topic_signals(load(tmp_path, topic(lines), mqtt=""))
    assert found.broker == Mqtt("192.0.2.7", 1884, False, "reader", secret)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (topic("low = 5\nhigh = 1"), "signal.tonnes.low = 5.0: is above high"),
        (REGISTER + "low = 5\nhigh = 1\n", "signal.flow.low = 5.0: is above high"),
        (topic(topic='topic = "mill/+/production"'), "signal.tonnes.topic = \"mill/+/production\": holds a wildcard"),
        (topic(topic='topic = "mill/#"'), "holds a wildcard"),
        (topic(topic='topic = "$share/a/b"'), "shared subscription"),
        (topic(topic='topic = ""'), "must be a text"),
        (topic(topic='topic = "magwatt/v1/mill-2/gw-07/p1/telemetry"'), "is the agent's own"),
        (topic('bus = "b"\nunit_id = 3'), "signal.tonnes: names a topic and a register (bus, unit_id): leave one"),
        (topic(topic=""), "signal.tonnes.topic: missing; a signal comes from a topic, or from a register"),
        (topic(topic='topik = "a/b"'), "signal.tonnes.topik = \"a/b\": unknown key; did you mean 'topic'?"),
        (topic('time = "t"'), "signal.tonnes.time = \"t\": needs value"),
        (topic('expected_interval = "2d"'), "must be 0.1 s to 86400 s"),
        (topic('user = "me"'), "signal.tonnes.user: goes with broker"),
        (topic('broker = "mqtt://a:b@c"'), "holds a user or password"),
        (topic('broker = "mqtt://c"\npassword_file = "x"'), "signal.tonnes.password_file: needs user beside it"),
        (topic('measures = "shaft-torque"'),
         "signal.tonnes.expected_interval: shaft-torque must come every 2 s at least"),
        (REGISTER.replace("address = 1\n", ""), "signal.flow.address: missing"),
    ],
)  # fmt: skip
def test_each_mistake_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    (line,) = problems(tmp_path, text)
    assert said in line


def test_a_topic_of_another_agent_is_welcome_and_a_namespace_of_ones_own_is_not(tmp_path: Path) -> None:
    assert topic_signals(load(tmp_path, topic(topic='topic = "magwatt/v1/mill-2/gw-08/p1/telemetry"')))
    (line,) = problems_with_prefix(tmp_path)
    assert "is the agent's own" in line


def problems_with_prefix(folder: Path) -> list[str]:
    text = PLANT.replace('gateway = "gw-07"', 'gateway = "gw-07"\ntopic_prefix = "plant/mill"')
    with pytest.raises(ConfigError) as refused:
        configkit.load(folder, text + MQTT + topic(topic='topic = "plant/mill/gw-07/p1/state"'))
    return refused.value.problems


def test_without_a_broker_a_topic_comes_from_nowhere(tmp_path: Path) -> None:
    (line,) = problems(tmp_path, topic(), mqtt="")
    assert line.startswith("signal.tonnes.topic: comes from no broker: write an [mqtt] table")


def test_plan_shows_what_is_listened_to(tmp_path: Path) -> None:
    load(tmp_path, topic('value = "a.b"\nexpected_interval = "5s"'))
    done = CliRunner().invoke(main, ["plan", str(tmp_path / "plant.toml")])
    assert done.exit_code == 0
    assert "broker 192.0.2.9:1883" in done.output
    assert "tonnes" in done.output
    assert "5 s     15 s  mill/line-3/production  value a.b" in done.output
