"""A session over TLS: messages larger and smaller than a record, each until it is acknowledged."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from support.basics import Mosquitto, free_port, real_command

from agent.config.model import Mqtt
from agent.core.clock import SystemClock
from agent.fleet.ingest.session import IngestSession

pytestmark = pytest.mark.alone
SENT = [b"%d" % number + bytes(size) for number in range(300) for size in (10, 1000, 40_000)]


class Subscriber:
    def __init__(self, broker: Mqtt) -> None:
        self.found = list[bytes]()
        self.session = IngestSession(broker, "s", ["a/+"], lambda _, payload: self.found.append(payload), SystemClock())

    def run(self, until: Callable[[], bool], acknowledges: bool = True) -> None:
        end_s = time.monotonic() + 20
        while not until() and time.monotonic() < end_s:
            if not self.session.connected:
                self.session.connect_if_due()
            elif not self.session.receive():
                self.session.disconnect(None)
            elif acknowledges:
                self.session.acknowledge()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[tuple[Mosquitto, Mqtt]]:
    command = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
               "/CN=b", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "b.key", "-out", "b.pem"]  # fmt: skip
    subprocess.run([real_command("openssl"), *command], cwd=tmp_path, check=True, capture_output=True)
    port = free_port()
    extra = f"max_queued_messages 0\nmax_inflight_messages 1000\nlistener {port} 127.0.0.1\n"
    found = Mosquitto(tmp_path, f"{extra}certfile {tmp_path}/b.pem\nkeyfile {tmp_path}/b.key\n")
    found.start()
    yield found, Mqtt("127.0.0.1", port, tls=True, ca=tmp_path / "b.pem")
    found.stop()


def test_every_message_until_it_is_acknowledged(broker: tuple[Mosquitto, Mqtt]) -> None:
    subscriber = Subscriber(broker[1])
    subscriber.run(lambda: subscriber.session.subscribed)
    publisher = paho.Client(CallbackAPIVersion.VERSION2)
    publisher.connect("127.0.0.1", broker[0].port)
    publisher.loop_start()
    for payload in SENT:
        done = publisher.publish("a/b", payload, qos=1)
    subscriber.run(lambda: len(subscriber.found) == len(SENT), acknowledges=False)
    assert subscriber.found == SENT
    subscriber.session.disconnect(None)

    again = Subscriber(broker[1])
    again.run(lambda: len(again.found) == len(SENT))
    again.session.disconnect(None)
    assert again.found == SENT, "they were not acknowledged"

    done.wait_for_publish(10)
    done = publisher.publish("a/b", b"last", qos=1)
    done.wait_for_publish(10)
    publisher.loop_stop()
    last = Subscriber(broker[1])
    last.run(lambda: len(last.found) > 0)
    last.session.disconnect(None)
    assert last.found == [b"last"], "the others were acknowledged"
