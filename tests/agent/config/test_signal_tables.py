"""Signals from topics in the configuration: the records, and each problem with its key and code."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from support import config_text
from support.config_text import bus, meter, motor, site

from agent.cli import main
from agent.config import reasons as codes
from agent.config.model import Config, Mqtt
from agent.config.schema import Diagnostic
from agent.config.signals import signal_devices, topic_signals
from agent.config.topology import assets
from agent.delivery.base.metric_types import expected_metrics
from drivers.file_reasons import DID_YOU_MEAN, KEY_MISSING, KEY_UNKNOWN
from drivers.reasons import Reason

PLANT = site() + bus() + meter() + motor()
MQTT = '[mqtt]\nurl = "mqtt://192.0.2.9"\noutputs = ["homeassistant"]\n'
REGISTER = '[signal.flow]\nbus = "b"\nunit_id = 4\naddress = 1\ntype = "u16"\nunit_of_measure = "m3/h"\nmotor = "p1"\n'


def topic(lines: str = "", name: str = "tonnes", topic: str = 'topic = "mill/line-3/production"') -> str:
    return f'[signal.{name}]\n{topic}\nunit_of_measure = "t/h"\nmotor = "p1"\n{lines}\n'


def load(folder: Path, text: str, mqtt: str = MQTT) -> Config:
    return config_text.load(folder, PLANT + mqtt + text)


def problems(folder: Path, text: str, mqtt: str = MQTT) -> list[Diagnostic]:
    return config_text.problems(folder, PLANT + mqtt + text)


def test_signals_from_a_register_and_a_topic(tmp_path: Path) -> None:
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
    assert found.broker == Mqtt("192.0.2.9", 1883, False), "that of [mqtt], without the settings for publishing"
    assert [device.name for device in signal_devices(config)] == ["signals-b-4"]
    (asset,) = assets(config)
    assert asset.signal_devices == ("signals-b-4", "signal.tonnes")
    assert [signal.accuracy for signal in asset.signals] == [None, 0.01]
    units = {metric.name: metric.unit for metric in expected_metrics(asset)["telemetry"]}
    assert units["signal_tonnes_t_h"] == "t/h", "all dialects declare it like a signal from a register"


def test_another_broker_has_its_own_login(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    os.chmod(secret, 0o600)
    lines = 'broker = "mqtt://192.0.2.7:1884"\nuser = "reader"\npassword_file = "secret"'
    (found,) = topic_signals(load(tmp_path, topic(lines), mqtt=""))
    assert found.broker == Mqtt("192.0.2.7", 1884, False, "reader", secret)


@pytest.mark.parametrize(
    ("text", "key", "value", "reason"),
    [
        (topic("low = 5\nhigh = 1"), "tonnes.low", "5.0", codes.LIMITS_REVERSED(high=1.0)),
        (REGISTER + "low = 5\nhigh = 1\n", "flow.low", "5.0", codes.LIMITS_REVERSED(high=1.0)),
        (topic("calibration = { before = 2026-05-01, after = 2026-05-01, change = 0.3 }"), "tonnes.calibration", None,
         codes.CALIBRATION_ORDER()),
        (topic("calibration = { before = 2026-05-01, after = 2026-07-01 }"), "tonnes.calibration.change", None,
         KEY_MISSING()),
        (topic(topic='topic = "mill/+/production"'), "tonnes.topic", '"mill/+/production"', codes.TOPIC_WILDCARD()),
        (topic(topic='topic = "mill/#"'), "tonnes.topic", '"mill/#"', codes.TOPIC_WILDCARD()),
        (topic(topic='topic = "$share/a/b"'), "tonnes.topic", '"$share/a/b"', codes.SHARED_SUBSCRIPTION()),
        (topic(topic='topic = ""'), "tonnes.topic", '""', codes.TEXT_EXPECTED()),
        (topic(topic='topic = "magwatt/v1/mill-2/gw-07/p1/telemetry"'), "tonnes.topic",
         '"magwatt/v1/mill-2/gw-07/p1/telemetry"', codes.OWN_TOPIC()),
        (topic('bus = "b"\nunit_id = 3'), "tonnes", None, codes.TOPIC_AND_REGISTER(keys=("bus", "unit_id"))),
        (topic(topic=""), "tonnes.topic", None, codes.TOPIC_MISSING()),
        (topic(topic='topik = "a/b"'), "tonnes.topik", '"a/b"', DID_YOU_MEAN(problem=KEY_UNKNOWN(), near="topic")),
        (topic('time = "t"'), "tonnes.time", '"t"', codes.TIME_WITHOUT_VALUE()),
        (topic('expected_interval = "2d"'), "tonnes.expected_interval", '"2d"',
         codes.DURATION_LIMITS(low_s=0.1, high_s=86400)),
        (topic('user = "me"'), "tonnes.user", None, codes.LOGIN_WITHOUT_BROKER()),
        (topic('broker = "mqtt://a:b@c"'), "tonnes.broker", '"mqtt://***@c"', codes.URL_WITH_CREDENTIALS()),
        (topic('broker = "mqtt://c"\npassword_file = "x"'), "tonnes.password_file", None,
         codes.PASSWORD_WITHOUT_USER()),
        (topic('measures = "shaft-torque"'), "tonnes.expected_interval", None,
         codes.SIGNAL_TOO_SLOW(measures="shaft-torque", longest_s=2.0)),
        (REGISTER.replace("address = 1\n", ""), "flow.address", None, KEY_MISSING()),
    ],
)  # fmt: skip
def test_each_mistake_is_one_problem(tmp_path: Path, text: str, key: str, value: str | None, reason: Reason) -> None:
    (problem,) = problems(tmp_path, text)
    assert (problem.key, problem.value, problem.reason) == (f"signal.{key}", value, reason)


def test_a_topic_of_another_agent_is_accepted_and_a_topic_of_this_agent_is_not(tmp_path: Path) -> None:
    assert topic_signals(load(tmp_path, topic(topic='topic = "magwatt/v1/mill-2/gw-08/p1/telemetry"')))
    plant = PLANT.replace('gateway = "gw-07"', 'gateway = "gw-07"\ntopic_prefix = "plant/mill"')
    (problem,) = config_text.problems(tmp_path, plant + MQTT + topic(topic='topic = "plant/mill/gw-07/p1/state"'))
    assert (problem.key, problem.reason) == ("signal.tonnes.topic", codes.OWN_TOPIC())


def test_a_topic_without_a_broker_is_a_problem(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, topic(), mqtt="")
    assert (problem.key, problem.reason) == ("signal.tonnes.topic", codes.SIGNAL_WITHOUT_BROKER())


def test_plan_shows_the_subscribed_topics(tmp_path: Path) -> None:
    load(tmp_path, topic('value = "a.b"\nexpected_interval = "5s"'))
    done = CliRunner().invoke(main, ["plan", str(tmp_path / "plant.toml")])
    assert done.exit_code == 0
    assert "192.0.2.9:1883" in done.output
    assert "tonnes" in done.output
    assert "5 s     15 s mill/line-3/production  value a.b" in done.output
