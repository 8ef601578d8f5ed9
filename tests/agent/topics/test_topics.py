"""Signals from topics with the real broker: live and retained, a broker that dies, refusals, changes while running."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from click.testing import CliRunner
from configkit import bus, load, meter, motor, site, table
from paho.mqtt.enums import CallbackAPIVersion
from testkit import HandClock, Mosquitto, wait_until

from agent.cli import main
from agent.clock import SystemClock
from agent.config import Config
from agent.doctor.topics import topics
from agent.topics.topics import Topics
from drivers.reading import Quality, Reading

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
    """A publisher on one broker, and what is read of it. Nothing grows old but by the clock that is moved."""

    def __init__(self, folder: Path, broker: Mosquitto) -> None:
        self.folder, self.broker = folder, broker
        self.clock = Beats(time.time())
        self.topics = Topics(lambda reading: None, self.clock)
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()

    def config(self, *signals: str) -> Config:
        return load(self.folder, plant_of(self.broker.url, *signals))

    def set(self, *signals: str) -> None:
        self.topics.set(self.config(*signals))
        wait_until(lambda: all(item._subscribed == item._wanted and not item._asked
                               for item in self.topics.listeners.values()), 5, "subscribed")  # fmt: skip

    def say(self, topic: str, body: Any, retain: bool = False) -> None:
        payload = body if isinstance(body, str) else json.dumps(body)
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(10)

    def now(self) -> dict[str, tuple[Any, Quality]]:
        def told(reading: Reading) -> Iterator[tuple[str, tuple[Any, Quality]]]:
            for name, value in reading.values.items():
                yield name, (value, reading.flags.get(name, Quality.GOOD) | reading.quality)

        return dict(item for reading in self.topics.readings() for item in told(reading))

    def wait_for(self, name: str, value: Any, flag: Quality = Quality.GOOD, seconds: float = 5) -> None:
        wait_until(lambda: self.now().get(name) == (value, flag), seconds, f"{name} = {value} {flag!r}: {self.now()}")

    def stop(self) -> None:
        self.topics.stop()
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def plant(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Plant]:
    found = Plant(tmp_path, mosquitto)
    yield found
    found.stop()


def test_what_is_published_is_read_and_what_is_not_usable_is_missing(plant: Plant) -> None:
    plant.say("mill/shift", "2", retain=True)
    plant.set(TONNES, FLOW, SHIFT)
    plant.say("mill/line-3", {"tonnes": 31.25, "flow": 120})
    plant.wait_for(T, 31.25)
    assert plant.now()[F] == (120, Quality.GOOD), "two signals of one message"
    assert plant.now()[S] == (2, Quality.STALE), "retained: nobody knows since when"
    plant.say("mill/shift", "3")
    plant.wait_for(S, 3)
    plant.say("mill/line-3", {"tonnes": None, "flow": 121})
    plant.wait_for(T, None, Quality.OUT_OF_RANGE)
    assert plant.now()[F] == (121, Quality.GOOD)
    plant.say("mill/line-3", {"tonnes": 30, "flow": 122, "more": "x" * 70_000})
    plant.say("mill/line-3", {"tonnes": 29})
    plant.wait_for(T, 29)
    assert plant.now()[F] == (None, Quality.OUT_OF_RANGE), "the last message has no such field"
    numbers = plant.topics.numbers()
    assert (numbers["topic_messages"], numbers["topic_payloads_rejected"]) == (6, 4)
    plant.clock.move(2)
    plant.wait_for(T, None, Quality.STALE | Quality.NO_REPLY)
    assert plant.topics.numbers()["topics_silent"] == 1


def test_a_broker_that_dies_is_followed_again(plant: Plant, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    plant.set(TONNES)
    plant.say("mill/line-3", {"tonnes": 1})
    plant.wait_for(T, 1)
    plant.broker.stop()
    plant.clock.move(2)
    plant.wait_for(T, None, Quality.STALE | Quality.NO_REPLY)
    wait_until(lambda: "its broker is away" in str(plant.topics.readings()[0].error), 5, "the reason is told")
    plant.broker.start()
    wait_until(lambda: next(iter(plant.topics.listeners.values())).link.standing, 15, "connected again")
    wait_until(plant._client.is_connected, 15, "its publisher too")

    def came() -> bool:
        plant.say("mill/line-3", {"tonnes": 2})
        return plant.now().get(T) == (2, Quality.GOOD)

    wait_until(came, 10, "values come again")
    assert sum("connection lost" in record.getMessage() for record in caplog.records) == 1


def test_signals_come_and_go_while_the_others_are_not_touched(plant: Plant) -> None:
    plant.set(SHIFT)
    plant.say("mill/shift", "7")
    plant.wait_for(S, 7)
    (link,) = (item.link for item in plant.topics.listeners.values())
    plant.set(SHIFT, TONNES)
    assert plant.now()[S] == (7, Quality.GOOD)
    assert plant.topics.due_s().keys() == {"signal.shift", "signal.tonnes"}
    plant.say("mill/line-3", {"tonnes": 5})
    plant.wait_for(T, 5)
    plant.set(SHIFT)
    plant.say("mill/line-3", {"tonnes": 6})
    time.sleep(0.2)
    assert plant.now() == {S: (7, Quality.GOOD)}
    assert link.connects == 1, "one connection all the time"
    assert plant.topics.numbers()["topic_messages"] == 2, "unsubscribed"
    open_files = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        plant.set()
        assert plant.topics.listeners == {}
        plant.set(SHIFT)
    assert len(os.listdir("/proc/self/fd")) <= open_files, "a connection that ended leaves nothing open"


def test_the_beat_hands_readings_on_and_takes_nothing_for_itself(plant: Plant) -> None:
    taken: list[Reading] = []
    two = asyncio.Event()

    def take(reading: Reading) -> None:
        taken.append(reading)
        if len(taken) == 2:
            two.set()

    plant.topics._take = take
    plant.set(SHIFT)
    plant.say("mill/shift", "1")
    plant.wait_for(S, 1)

    async def two_beats() -> None:
        task = asyncio.create_task(plant.topics.run())
        await two.wait()
        task.cancel()

    asyncio.run(two_beats())
    assert [(reading.device, reading.values) for reading in taken] == [("signal.shift", {S: 1})] * 2
    assert taken[1].monotonic_ns - taken[0].monotonic_ns == 1_000_000_000


class Strict(threading.Thread):
    """A broker by the bytes of MQTT 3.1.1: lets one topic be read, refuses the others (0x80, 3.9.3), publishes once,
    and writes down what it is sent."""

    def __init__(self, allowed: str) -> None:
        super().__init__(daemon=True)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self.kinds: list[int] = []  # of packets, as 2.2.1 numbers them
        self.asked: list[str] = []
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
            self.asked.append(body[at + 2 : end].decode())
            codes.append(1 if body[at + 2 : end] == self._allowed else 0x80)
            at = end + 1
        return bytes([0x90, 2 + len(codes), *body[:2], *codes])


def test_nothing_is_ever_published_and_a_refusal_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:  # fmt: skip
    broker = Strict("mill/shift")
    broker.start()
    topics = Topics(lambda reading: None, SystemClock())
    topics.set(load(tmp_path, plant_of(f"mqtt://127.0.0.1:{broker.port}", SHIFT, TONNES)))
    try:
        wait_until(lambda: len(topics.readings()) == 2, 5, "one came, the other is missing")
        values = {reading.device: reading.values for reading in topics.readings()}
        assert values == {"signal.shift": {S: 4}, "signal.tonnes": {T: None}}
        said = [record.getMessage() for record in caplog.records if "refuses" in record.getMessage()]
        assert len(said) == 1
        assert said[0].startswith("topics: the broker refuses mill/line-3")
        assert said[0].endswith("let this user read it there")
    finally:
        topics.stop()
    broker.join(5)
    assert broker.asked == ["mill/line-3", "mill/shift"]
    assert broker.kinds == [1, 8, 4, 14], "CONNECT, SUBSCRIBE, PUBACK, DISCONNECT; never 3, PUBLISH"


def test_another_broker_and_the_same_one_again_need_no_restart(plant: Plant, tmp_path: Path) -> None:
    other_folder = tmp_path / "other"
    other_folder.mkdir()
    other = Mosquitto(other_folder)
    other.start()
    there = Plant(other_folder, other)
    try:
        plant.set(SHIFT, TONNES + f'broker = "{other.url}"\n')
        assert len(plant.topics.listeners) == 2
        plant.say("mill/shift", "4")
        there.say("mill/line-3", {"tonnes": 5})
        plant.wait_for(T, 5)
        plant.wait_for(S, 4)
        config = plant.config(SHIFT)
        plant.topics.set(replace(config, mqtt=replace(config.mqtt, keepalive_s=77.0)))  # type: ignore[type-var]
        assert len(plant.topics.listeners) == 1
        wait_until(lambda: all(item.link.standing for item in plant.topics.listeners.values()), 5, "connected")
    finally:
        there.stop()
        other.stop()


def test_read_and_doctor_show_what_comes(plant: Plant) -> None:
    file = str(plant.config(TONNES, SHIFT).path)
    plant.say("mill/line-3", {"tonnes": 31.5}, retain=True)
    done = CliRunner().invoke(main, ["read", file, "signal.tonnes"])
    assert "signal_tonnes_t_h                          31.5        STALE" in done.output
    assert done.exit_code == 0
    done = CliRunner().invoke(main, ["read", file, "signal.tonne"])
    assert "did you mean 'signal.tonnes'?" in done.output
    plant.broker.stop()
    done = CliRunner().invoke(main, ["read", file, "signal.tonnes", "--json"])
    assert done.exit_code == 1
    body = json.loads(done.stdout.splitlines()[0])
    assert body["quality"] == ["NO_REPLY"]
    assert "nothing came on mill/line-3" in body["error"]["text"]
    assert "is away" in body["error"]["text"]


def test_the_doctor_says_what_is_wrong_with_each_and_what_to_do(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr("agent.doctor.topics.LISTEN_S", 1.5)
    config = plant.config(TONNES, FLOW, SHIFT, SHIFT.replace("shift", "mould"))
    plant.say("mill/line-3", {"tonnes": 30, "flow": "12,5"}, retain=True)
    plant.say("mill/shift", "2", retain=True)

    def found() -> dict[str, tuple[str, str]]:
        return {item.where: (item.level.value, item.text) for item in asyncio.run(topics(config))}

    told = found()
    assert told["signal.tonnes"][0] == "finding", "it would be renewed twice a second"
    assert told["signal.tonnes"][1].startswith("only a retained value on mill/line-3 in 0.5 s")
    assert told["signal.flow"][0] == "finding"
    assert "no number (\"12,5\") in field 'flow': have its publisher send a number there" in told["signal.flow"][1]
    assert told["signal.shift"][0] == "note", "one a minute: it may come yet"
    assert told["signal.mould"] == (
        "note", "nothing came on mill/mould in 1.5 s; one is to come every 60 s: `magwatt read` waits for it longer"
    )  # fmt: skip
    plant.broker.stop()
    told = found()
    assert set(told) == {"signal.tonnes", "signal.flow", "signal.shift", "signal.mould"}
    assert all(level == "finding" and "does not let us in, or is away" in text for level, text in told.values())
