"""Ingestion over a real broker: a killed worker and a broker that restarts lose no message and double none."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from support.basics import Mosquitto, wait_until
from support.delivery import persistent_broker
from support.lake import parts, rows

from agent.config.model import Mqtt
from agent.core.clock import SystemClock
from agent.core.messages import Message, encode
from agent.delivery.files.line_file import LineFile
from agent.fleet import reasons as codes
from agent.fleet.ingest.compaction import compact
from agent.fleet.ingest.topics import topic_root
from agent.fleet.ingest.worker import IngestSettings, IngestWorker
from agent.fleet.lake import Lake, LakeError
from agent.fleet.messages import coverage

pytestmark = pytest.mark.alone
GATEWAYS = 20


class Worker:
    """A process of `magwatt fleet ingest`."""

    def __init__(self, broker: Mosquitto, lake: Path, name: str, *options: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "agent.cli", "fleet", "ingest", "--lake", str(lake), "--broker", broker.url,
             "--name", name, "--interval", "1", "--json", *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert self._process.stderr is not None
        while b"receiving" not in (line := self._process.stderr.readline()):
            assert line, "the worker has ended"

    def kill(self) -> None:
        if self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.communicate()

    def stop(self) -> dict[str, int]:
        self._process.terminate()
        return dict(json.loads(self._process.communicate(timeout=30)[0]))


class Fleet:
    """Publishes messages of twenty gateways; after an outage again what the broker had not confirmed."""

    def __init__(self, broker: Mosquitto) -> None:
        self.sent = self.confirmed = 0
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="gateways", clean_session=False)
        self._client.on_publish = self._on_publish
        self._client.reconnect_delay_set(1, 1)
        self._client.max_inflight_messages_set(200)
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()

    def publish(self, count: int) -> None:
        for number in range(self.sent, self.sent + count):
            message = Message("pump-1", "telemetry", 1_789_948_800_000 + 10 * number, {"active_power_w": 1.5})
            topic = f"magwatt/v1/mill-2/gw-{number % GATEWAYS:02d}/pump-1/telemetry"
            self._client.publish(topic, encode(message, f"7-{number}"), qos=1)
            if number % 50 == 0:
                time.sleep(0.02)
        self.sent += count

    def wait(self) -> None:
        wait_until(lambda: self.confirmed == self.sent, 20, "the broker has confirmed")

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_publish(self, *_: object) -> None:
        self.confirmed += 1


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    found = persistent_broker(tmp_path)
    found.start()
    yield found
    found.stop()


@pytest.fixture
def fleet(broker: Mosquitto) -> Iterator[Fleet]:
    found = Fleet(broker)
    yield found
    found.close()


@pytest.fixture
def worker(broker: Mosquitto, tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Starts a worker with this name."""
    started = list[Worker]()

    def start(name: str, *options: str) -> Worker:
        started.append(Worker(broker, tmp_path / "lake", name, *options))
        return started[-1]

    yield start
    for each in started:
        each.kill()


def test_a_killed_worker_and_a_broker_that_restarts(
    broker: Mosquitto, fleet: Fleet, worker: Callable[..., Worker], tmp_path: Path
) -> None:
    one, two = worker("one", "--part", "1/2"), worker("two", "--part", "2/2")
    fleet.publish(800)
    one.kill()  # with messages that it has not acknowledged
    fleet.publish(800)
    one = worker("one", "--part", "1/2")
    fleet.publish(500)
    broker.stop()
    fleet.publish(300)
    broker.start()
    fleet.publish(800)
    fleet.wait()
    time.sleep(2.5)  # the workers connect again within a second and receive the last messages
    counts = [one.stop(), two.stop()]
    assert all(count["rejected"] == 0 and count["received"] > 200 for count in counts), "both had a share"
    lake = tmp_path / "lake"
    assert sum(row.rows for row in coverage(Lake(lake))) == 3200
    compact(lake, (lake / "telemetry").rglob("day=*"), "9999-12-31")
    found = [row["id"] for row in rows(lake, "telemetry")]
    assert sorted(found) == sorted(f"7-{number}" for number in range(3200)), "each once"


def test_messages_wait_for_a_worker_that_is_stopped(
    broker: Mosquitto, fleet: Fleet, worker: Callable[..., Worker]
) -> None:
    """Also those that the broker receives after a restart and before the worker. Mosquitto keeps no shared subscription
    for that time."""
    worker("one").stop()
    broker.stop()
    broker.start()
    fleet.publish(100)
    fleet.wait()
    one = worker("one")
    time.sleep(0.5)
    assert one.stop()["rows"] == 100


def test_a_worker_that_leaves_keeps_no_part_of_the_messages(fleet: Fleet, worker: Callable[..., Worker]) -> None:
    worker("one", "--leave").stop()
    two = worker("two")
    fleet.publish(100)
    fleet.wait()
    time.sleep(0.5)
    assert two.stop()["rows"] == 100


def test_a_message_that_is_not_on_the_disk_is_not_acknowledged(
    broker: Mosquitto, fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, clock = IngestSettings(tmp_path / "lake", "one"), SystemClock()
    address = Mqtt("127.0.0.1", broker.port, tls=False)

    def run(worker: IngestWorker, until: Callable[[], bool]) -> None:
        end_s = time.monotonic() + 10
        worker.run(lambda: until() or time.monotonic() > end_s)

    run(first := IngestWorker(address, settings, clock), lambda: first.session.subscribed)
    fleet.publish(100)
    fleet.wait()
    with monkeypatch.context() as patch:
        patch.setattr(LineFile, "append", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(OSError, match="No space left"):
            run(IngestWorker(address, settings, clock), lambda: False)
    run(last := IngestWorker(address, settings, clock), lambda: last.received == 100)
    assert last.report.rows == 100


def test_gateways_with_a_topic_prefix(broker: Mosquitto, tmp_path: Path) -> None:
    """The topics of two sites: one is the last level of its prefix, the other is named."""
    roots = tuple(filter(None, map(topic_root, ("acme/+", "Works/power=mill-2"))))
    worker = IngestWorker(
        Mqtt("127.0.0.1", broker.port, tls=False), IngestSettings(tmp_path / "lake", "one", roots), SystemClock()
    )
    publisher = paho.Client(CallbackAPIVersion.VERSION2)
    end_s = time.monotonic() + 20

    def received_all() -> bool:
        if worker.session.subscribed and not publisher.is_connected():
            publisher.connect("127.0.0.1", broker.port)
            for root in ("acme/mill-1/gw-07", "Works/power/gw-07", "magwatt/v1/mill-3/gw-07", "other/mill-4/gw-07"):
                message = Message("pump-1", "telemetry", 1_789_948_800_000, {"active_power_w": 1.5})
                publisher.publish(f"{root}/pump-1/telemetry", encode(message, "7-1"), qos=1)
            publisher.loop_start()
        return worker.received == 2 or time.monotonic() > end_s

    worker.run(received_all)
    publisher.loop_stop()
    assert [path.split("/")[2:4] for path in parts(tmp_path / "lake")] == [
        ["site=mill-1", "gateway=gw-07"], ["site=mill-2", "gateway=gw-07"]
    ]  # fmt: skip


def test_a_subscription_that_the_broker_rejects(tmp_path: Path) -> None:
    """MQTT 5.0, 3.2 and 3.9: a connection is accepted, three topics are not authorized. Mosquitto accepts all."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def respond() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(bytes.fromhex("20 03 00 00 00"))
                connection.recv(1000)
                connection.sendall(bytes.fromhex("90 06 00 01 00 87 87 87"))
                connection.recv(1000)

        threading.Thread(target=respond, daemon=True).start()
        port, end_s = server.getsockname()[1], time.monotonic() + 20
        worker = IngestWorker(
            Mqtt("127.0.0.1", port, tls=False), IngestSettings(tmp_path / "lake", "one"), SystemClock()
        )
        with pytest.raises(LakeError) as raised:
            worker.run(lambda: time.monotonic() > end_s)
    assert raised.value.reason == codes.INGEST_REJECTED(host="127.0.0.1", port=port, topic="magwatt/v1/+/+/+")


def test_each_gateway_is_of_one_part(tmp_path: Path) -> None:
    workers = [IngestSettings(tmp_path, f"{part}", part=part, parts=3) for part in (1, 2, 3)]
    counts = [0, 0, 0]
    for number in range(300):
        topics = [f"magwatt/v1/mill-2/gw-{number}/{levels}" for levels in ("pump-1/telemetry", "backfill/event")]
        owners = {tuple(worker.place_of(topic) is not None for worker in workers) for topic in topics}
        [owner] = owners
        assert sum(owner) == 1
        counts[owner.index(True)] += 1
    assert min(counts) > 60, "binomial: 100 ± 8"


def test_a_name_is_used_by_one_worker(tmp_path: Path) -> None:
    settings, nowhere = IngestSettings(tmp_path, "one"), Mqtt("127.0.0.1", 1, tls=False)
    first = IngestWorker(nowhere, settings, SystemClock())
    with pytest.raises(LakeError) as raised:
        IngestWorker(nowhere, settings, SystemClock())
    assert raised.value.reason == codes.INGEST_NAME_USED(path=str(tmp_path / "ingest" / "one"))
    first.run(lambda: True)
