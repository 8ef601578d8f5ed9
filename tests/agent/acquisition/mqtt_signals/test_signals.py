"""Signals from topics with the real broker: live, retained, lost connections, rejected subscriptions, reloads."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from paho.mqtt.enums import CallbackAPIVersion
from support.basics import HandClock, Mosquitto, wait_until
from support.config_text import bus, load, meter, motor, site, table

from agent.acquisition.mqtt_signals import reasons as codes
from agent.acquisition.mqtt_signals.signals import MqttSignals
from agent.cli import main
from agent.commissioning.doctor import reasons as doctor_codes
from agent.commissioning.doctor.mqtt_signals import topics
from agent.config.model import Config
from agent.core.clock import SystemClock
from agent.core.text import as_object
from agent.delivery.reasons import CONNECTION_LOST
from drivers.reading import Quality, Reading
from drivers.reasons import Reason

PLANT = site() + bus(tcp="127.0.0.1:1") + meter() + motor()
TONNES = (
    '[signal.tonnes]\ntopic = "mill/line-3"\nvalue = "tonnes"\nunit_of_measure = "t/h"\n'
    'motor = "p1"\nexpected_interval = "500ms"\n'
)
FLOW = '[signal.flow]\ntopic = "mill/line-3"\nvalue = "flow"\nunit_of_measure = "m3/h"\nmotor = "p1"\n'
SHIFT = '[signal.shift]\ntopic = "mill/shift"\nunit_of_measure = "no"\nmotor = "p1"\n'
T, F, S = "signal_tonnes_t_h", "signal_flow_m3_h", "signal_shift_no"


def plant_of(url: str, *signals: str) -> str:
    return PLANT + table("mqtt", url=url) + "".join(signals)


class Beats(HandClock):
    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        await asyncio.sleep(0)


class Plant:
    """A publisher on one broker, and the signals. Only the clock of the test moves their age."""

    def __init__(self, folder: Path, broker: Mosquitto) -> None:
        self.folder, self.broker = folder, broker
        self.clock = Beats(time.time())
        self.on_reading: Callable[[Reading], None] = lambda reading: None
        self.topics = MqttSignals(lambda reading: self.on_reading(reading), self.clock)
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.reconnect_delay_set(1, 1)
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()

    def config(self, *signals: str) -> Config:
        return load(self.folder, plant_of(self.broker.url, *signals))

    def set(self, *signals: str) -> None:
        self.topics.set(self.config(*signals))
        wait_until(lambda: all(item.complete for item in self.topics.subscribers.values()), 5, "subscribed")

    def publish(self, topic: str, body: Any, retain: bool = False) -> None:
        payload = body if isinstance(body, str) else json.dumps(body)
        self.client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(10)

    def now(self) -> dict[str, tuple[Any, Quality]]:
        def values_of(reading: Reading) -> Iterator[tuple[str, tuple[Any, Quality]]]:
            for name, value in reading.values.items():
                yield name, (value, reading.flags.get(name, Quality.GOOD) | reading.quality)

        return dict(item for reading in self.topics.readings() for item in values_of(reading))

    def wait_for(self, name: str, value: Any, flag: Quality = Quality.GOOD, seconds: float = 5) -> None:
        wait_until(lambda: self.now().get(name) == (value, flag), seconds, f"{name} = {value} {flag!r}: {self.now()}")

    def stop(self) -> None:
        self.topics.stop()
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def plant(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Plant]:
    found = Plant(tmp_path, mosquitto)
    yield found
    found.stop()


def test_published_values_are_read_and_unusable_ones_are_missing(plant: Plant) -> None:
    plant.publish("mill/shift", "2", retain=True)
    plant.set(TONNES, FLOW, SHIFT)
    plant.publish("mill/line-3", {"tonnes": 31.25, "flow": 120})
    plant.wait_for(T, 31.25)
    assert plant.now()[F] == (120, Quality.GOOD), "two signals of one message"
    assert plant.now()[S] == (2, Quality.STALE), "retained: its time is unknown"
    plant.publish("mill/shift", "3")
    plant.wait_for(S, 3)
    plant.publish("mill/line-3", {"tonnes": None, "flow": 121})
    plant.wait_for(T, None, Quality.OUT_OF_RANGE)
    assert plant.now()[F] == (121, Quality.GOOD)
    plant.publish("mill/line-3", {"tonnes": 30, "flow": 122, "more": "x" * 70_000})
    plant.publish("mill/line-3", {"tonnes": 29})
    plant.wait_for(T, 29)
    assert plant.now()[F] == (None, Quality.OUT_OF_RANGE), "the last message has no such field"
    numbers = plant.topics.numbers()
    assert (numbers["topic_messages"], numbers["topic_payloads_rejected"]) == (6, 4)
    plant.clock.move(2)
    plant.wait_for(T, None, Quality.STALE | Quality.NO_REPLY)
    assert plant.topics.numbers()["topics_silent"] == 1


def disconnected(plant: Plant) -> Reason | None:
    cause = plant.topics.states["signal.tonnes"].problem
    return codes.SIGNAL_DISCONNECTED(cause=cause) if cause else None


def test_a_broker_that_restarts_is_used_again(plant: Plant, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    plant.set(TONNES)
    plant.publish("mill/line-3", {"tonnes": 1})
    plant.wait_for(T, 1)
    plant.broker.stop()
    plant.clock.move(2)
    plant.wait_for(T, None, Quality.STALE | Quality.NO_REPLY)
    wait_until(lambda: plant.topics.readings()[0].error == disconnected(plant), 5, "the reason is in the reading")
    plant.broker.start()
    wait_until(lambda: next(iter(plant.topics.subscribers.values())).link.connected, 15, "connected again")
    wait_until(plant.client.is_connected, 15, "its publisher too")

    def came() -> bool:
        plant.publish("mill/line-3", {"tonnes": 2})
        return plant.now().get(T) == (2, Quality.GOOD)

    wait_until(came, 10, "values come again")
    logged = [
        item for record in caplog.records if isinstance(record.args, tuple)
        for item in record.args if isinstance(item, Reason) and item.code == CONNECTION_LOST
    ]  # fmt: skip
    assert len(logged) == 1


def test_signals_are_added_and_removed_without_effect_on_others(plant: Plant) -> None:
    plant.set(SHIFT)
    plant.publish("mill/shift", "7")
    plant.wait_for(S, 7)
    (link,) = (item.link for item in plant.topics.subscribers.values())
    plant.set(SHIFT, TONNES)
    assert plant.now()[S] == (7, Quality.GOOD)
    assert plant.topics.due_s().keys() == {"signal.shift", "signal.tonnes"}
    plant.publish("mill/line-3", {"tonnes": 5})
    plant.wait_for(T, 5)
    plant.set(SHIFT)
    plant.publish("mill/line-3", {"tonnes": 6})
    time.sleep(0.2)
    assert plant.now() == {S: (7, Quality.GOOD)}
    assert link.connects == 1, "one connection all the time"
    assert plant.topics.numbers()["topic_messages"] == 2, "unsubscribed"
    open_files = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        plant.set()
        assert plant.topics.subscribers == {}
        plant.set(SHIFT)
    assert len(os.listdir("/proc/self/fd")) <= open_files, "a closed connection leaves no file open"


def test_readings_are_passed_on_at_a_fixed_interval(plant: Plant) -> None:
    taken: list[Reading] = []
    two = asyncio.Event()

    def take(reading: Reading) -> None:
        taken.append(reading)
        if len(taken) == 2:
            two.set()

    plant.on_reading = take
    plant.set(SHIFT)
    plant.publish("mill/shift", "1")
    plant.wait_for(S, 1)

    async def two_beats() -> None:
        task = asyncio.create_task(plant.topics.run())
        await two.wait()
        task.cancel()

    asyncio.run(two_beats())
    assert [(reading.device, reading.values) for reading in taken] == [("signal.shift", {S: 1})] * 2
    assert taken[1].monotonic_ns - taken[0].monotonic_ns == 1_000_000_000


class Strict(threading.Thread):
    """A broker by the bytes of MQTT 3.1.1: accepts one topic, rejects the others (0x80, 3.9.3), publishes once,
    and records the packets that it receives."""

    def __init__(self, allowed: str) -> None:
        super().__init__(daemon=True)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self.kinds: list[int] = []  # of packets, as 2.2.1 numbers them
        self.requested: list[str] = []
        self._allowed = allowed.encode()

    def run(self) -> None:
        sock, _ = self._server.accept()
        with sock, contextlib.suppress(OSError):
            while head := sock.recv(1):
                size, shift = 0, 0
                while (digit := sock.recv(1)[0]) & 0x80:
                    size, shift = size | (digit & 0x7F) << shift, shift + 7
                size |= digit << shift
                body = b""
                while len(body) < size:
                    body += sock.recv(size - len(body))
                self.kinds.append(head[0] >> 4)
                if self.kinds[-1] == 1:
                    sock.sendall(bytes.fromhex("20020000"))
                elif self.kinds[-1] == 8:
                    sock.sendall(self._suback(body))
                    name = self._allowed
                    sock.sendall(bytes([0x32, 2 + len(name) + 2 + 1, 0, len(name)]) + name + b"\x00\x07" + b"4")
        self._server.close()

    def _suback(self, body: bytes) -> bytes:
        codes, at = [], 2
        while at < len(body):
            end = at + 2 + int.from_bytes(body[at : at + 2], "big")
            self.requested.append(body[at + 2 : end].decode())
            codes.append(1 if body[at + 2 : end] == self._allowed else 0x80)
            at = end + 1
        return bytes([0x90, 2 + len(codes), *body[:2], *codes])


def test_nothing_is_published_and_a_rejected_subscription_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:  # fmt: skip
    broker = Strict("mill/shift")
    broker.start()
    topics = MqttSignals(lambda reading: None, SystemClock())
    topics.set(load(tmp_path, plant_of(f"mqtt://127.0.0.1:{broker.port}", SHIFT, TONNES)))
    try:
        wait_until(lambda: len(topics.readings()) == 2, 5, "one came, the other is missing")
        values = {reading.device: reading.values for reading in topics.readings()}
        assert values == {"signal.shift": {S: 4}, "signal.tonnes": {T: None}}
        [rejected] = [
            record.args[0]
            for record in caplog.records
            if isinstance(record.args, tuple) and record.args and isinstance(record.args[0], Reason)
            and record.args[0].code == codes.SUBSCRIPTION_REJECTED
        ]  # fmt: skip
        assert isinstance(rejected, Reason)
        assert rejected.data["topic"] == "mill/line-3"
    finally:
        topics.stop()
    broker.join(5)
    assert broker.requested == ["mill/line-3", "mill/shift"]
    assert broker.kinds == [1, 8, 4, 14], "CONNECT, SUBSCRIBE, PUBACK, DISCONNECT; never 3, PUBLISH"


def test_another_broker_and_the_same_one_again_need_no_restart(plant: Plant, tmp_path: Path) -> None:
    other_folder = tmp_path / "other"
    other_folder.mkdir()
    other = Mosquitto(other_folder)
    other.start()
    there = Plant(other_folder, other)
    try:
        plant.set(SHIFT, TONNES + f'broker = "{other.url}"\n')
        assert len(plant.topics.subscribers) == 2
        plant.publish("mill/shift", "4")
        there.publish("mill/line-3", {"tonnes": 5})
        plant.wait_for(T, 5)
        plant.wait_for(S, 4)
        config = plant.config(SHIFT)
        plant.topics.set(replace(config, mqtt=replace(config.mqtt, keepalive_s=77.0)))  # type: ignore[type-var]
        assert len(plant.topics.subscribers) == 1
        wait_until(lambda: all(item.link.connected for item in plant.topics.subscribers.values()), 5, "connected")
    finally:
        there.stop()
        other.stop()


def test_read_and_doctor_show_received_messages(plant: Plant) -> None:
    file = str(plant.config(TONNES, SHIFT).path)
    plant.publish("mill/line-3", {"tonnes": 31.5}, retain=True)
    done = CliRunner().invoke(main, ["read", file, "signal.tonnes"])
    assert "signal_tonnes_t_h                          31.5        STALE" in done.output
    assert done.exit_code == 0
    done = CliRunner().invoke(main, ["read", file, "signal.tonne"])
    assert done.exit_code == 2
    assert "'signal.tonnes'" in done.output
    plant.broker.stop()
    done = CliRunner().invoke(main, ["read", file, "signal.tonnes", "--json"])
    assert done.exit_code == 1
    body = json.loads(done.stdout.splitlines()[0])
    assert body["quality"] == ["NO_REPLY"]
    cause = codes.SIGNAL_BROKER_UNREACHABLE(host="127.0.0.1", port=plant.broker.port)
    assert body["error"] == as_object(codes.NO_MESSAGE_BECAUSE(topic="mill/line-3", waited_s=0.5, cause=cause))


def test_the_doctor_reports_the_fault_of_each_signal(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.commissioning.doctor.mqtt_signals.LISTEN_S", 1.5)
    config = plant.config(TONNES, FLOW, SHIFT, SHIFT.replace("shift", "mould"))
    plant.publish("mill/line-3", {"tonnes": 30, "flow": "12,5"}, retain=True)
    plant.publish("mill/shift", "2", retain=True)

    def found() -> dict[str, tuple[str, Reason]]:
        return {item.where: (item.level.value, item.reason) for item in asyncio.run(topics(config))}

    reported = found()
    retained = doctor_codes.SIGNAL_RETAINED_ONLY(topic="mill/line-3", waited_s=0.5, interval_s=0.5, stale_s=1.5)
    assert reported["signal.tonnes"] == ("finding", retained), "a live message is expected twice a second"
    level, reason = reported["signal.flow"]
    assert level == "finding"
    assert reason.code == codes.PAYLOAD_REJECTED
    assert reason.data["cause"] == codes.FIELD_NOT_NUMBER(field="flow", value='"12,5"')
    pending = {"waited_s": 1.5, "interval_s": 60.0}
    shift = doctor_codes.SIGNAL_RETAINED_PENDING(topic="mill/shift", **pending)
    assert reported["signal.shift"] == ("note", shift), "one message is expected per minute"
    assert reported["signal.mould"] == ("note", doctor_codes.SIGNAL_PENDING(topic="mill/mould", **pending))
    plant.broker.stop()
    reported = found()
    assert set(reported) == {"signal.tonnes", "signal.flow", "signal.shift", "signal.mould"}
    cause = codes.SIGNAL_BROKER_UNREACHABLE(host="127.0.0.1", port=plant.broker.port)
    for level, reason in reported.values():
        assert level == "finding"
        assert reason.code == doctor_codes.SIGNAL_UNREACHABLE
        assert reason.data["cause"] == cause
