"""For the delivery tests: an agent that can be killed, a subscriber, and a connection that can be interrupted.

As a program (`delivery.py CONFIG POLLS RATE PAD`) it is an agent without devices: the real publisher, store and
sinks with numbered messages. Each number is written to POLLS before it is published, by a write() that survives
SIGKILL.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from support.basics import Mosquitto, free_port, program

MOTORS = 4
BROKER_TURN_MS = 100  # between a confirmation of the broker and its own disk


def persistent_broker(folder: Path, each_change: bool = False) -> Mosquitto:
    """A broker whose confirmed messages survive a stop.

    each_change: it writes to disk after each turn of its loop. A kill then loses the messages of one turn at most, and
    it accepts some hundred messages per second.
    """
    each = "autosave_interval 1\nautosave_on_changes true\n" if each_change else ""
    return Mosquitto(folder, f"persistence true\npersistence_location {folder}/\nmax_queued_messages 0\n{each}")


def write_config(folder: Path, port: int, store: str = "", mqtt: str = "") -> Path:
    motors = "".join(
        f'[motor.m{n}]\nkind = "induction"\nkw = 30\nrpm = 1480\npoles = 4\nvolts = 400\nfed_by = "meter-{n}"\n'
        f'[meter.meter-{n}]\nbus = "b"\nunit_id = {n + 1}\nprofile = "eastron/sdm630"\n'
        'measuring_point = "motor"\nclass = "1"\n'
        for n in range(MOTORS)
    )
    config = folder / "plant.toml"
    config.write_text(
        f'[site]\nid = "t"\ngateway = "g"\nsimulated = true\n[store]\nstate_dir = "state"\n{store}\n'
        f'[mqtt]\nurl = "mqtt://127.0.0.1:{port}"\nkeepalive = "5s"\n{mqtt}\n[bus.b]\ntcp = "127.0.0.1:1"\n{motors}'
    )
    return config


def feed(config_file: Path, polls: Path, rate: float, pad: int) -> None:
    """Publish until SIGTERM. pad: bytes that make each message larger."""
    from agent.config.loader import load_config
    from agent.config.topology import assets
    from agent.core.clock import SystemClock
    from agent.core.messages import Message
    from agent.delivery.delivery import Delivery, open_store
    from agent.delivery.publisher import Publisher

    config, _ = load_config(config_file)
    clock = SystemClock()
    assert config.state_dir is not None
    store = open_store(config.state_dir, config, clock)
    publisher = Publisher(config, assets(config), store, clock)
    log_confirmations(polls.with_name("confirmed"))
    delivery = Delivery(config, publisher, store, clock)
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    log = os.open(polls, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    first = polls.read_bytes().count(b"\n")
    started_s = time.monotonic()
    announce_s = 0.0
    for number in itertools.count():
        while (early_s := started_s + number / rate - time.monotonic()) > 0:
            if ending.wait(early_s):
                delivery.stop(lambda: None)
                return
        now_ms = time.time_ns() // 1_000_000
        poll = first + number
        os.write(log, f"{poll} {now_ms}\n".encode())
        values = {"active_power_w": poll, "fault_text": "x" * pad}
        publisher.publish(Message(f"m{poll % MOTORS}", "telemetry", now_ms, values, counters={"polls": poll}))
        if time.monotonic() - announce_s > 0.5:
            announce_s = time.monotonic()
            threading.Thread(target=announce, args=(publisher,), daemon=True).start()


def announce(publisher: Any) -> None:
    from agent.delivery.store import StoreError

    with contextlib.suppress(StoreError):  # a full disk: announced later
        publisher.announce_gaps()


def log_confirmations(path: Path) -> None:
    """Logs number and time of each poll that the broker confirmed: a later loss is a loss of the broker."""
    from agent.delivery.store import SinkCursor

    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    polls: dict[int, int] = {}
    fetch_live, fetch_backlog, confirm = SinkCursor.fetch_live, SinkCursor.fetch_backlog, SinkCursor.confirm

    def remembered(rows: list[Any]) -> list[Any]:
        polls.update((row.n, json.loads(row.payload)["v"].get("active_power_w", -1)) for row in rows)
        return rows

    def confirmed(drain: SinkCursor, numbers: Iterable[int]) -> None:
        now_ms = time.time_ns() // 1_000_000
        os.write(log, "".join(f"{polls.pop(n)} {now_ms}\n" for n in numbers).encode())
        confirm(drain, numbers)

    SinkCursor.fetch_live = lambda drain, limit: remembered(fetch_live(drain, limit))  # type: ignore[method-assign]
    SinkCursor.fetch_backlog = lambda drain, limit: remembered(fetch_backlog(drain, limit))  # type: ignore[method-assign]
    SinkCursor.confirm = confirmed  # type: ignore[method-assign]


@dataclass
class Feeder:
    """The agent as a separate process."""

    config: Path
    polls: Path
    rate: float = 500.0
    pad: int = 0
    kills_ms: list[int] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.polls.touch()
        with (self.config.parent / "feeder.log").open("ab") as log:
            self.process = subprocess.Popen(
                program("delivery", str(self.config), str(self.polls), str(self.rate), str(self.pad)),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.kills_ms.append(time.time_ns() // 1_000_000)
        self.process.wait(60)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            assert self.process.wait(60) == 0, (self.config.parent / "feeder.log").read_text()[-3000:]

    def polled(self) -> dict[int, int]:
        """Number → UTC ms of the poll."""
        return numbers_in(self.polls)

    def confirmed(self) -> dict[int, int]:
        """Number → UTC ms of the broker's confirmation."""
        return numbers_in(self.polls.with_name("confirmed"))


def numbers_in(file: Path) -> dict[int, int]:
    pairs = (line.split() for line in file.read_text().splitlines())
    return {int(number): int(at_ms) for number, at_ms in pairs}


class Stalls(threading.Thread):
    """Scheduling and disk delays of this machine, measured by a separate loop that sleeps, writes and syncs."""

    def __init__(self, file: Path) -> None:
        super().__init__(daemon=True)
        self._log = os.open(file, os.O_WRONLY | os.O_CREAT, 0o644)
        self._rounds: list[tuple[int, int]] = []  # UTC ms of the end, ms in excess of the sleep

    def run(self) -> None:
        while True:
            started_s = time.monotonic()
            time.sleep(0.02)
            os.pwrite(self._log, b"x", 0)
            os.fsync(self._log)
            late_ms = round(1000 * (time.monotonic() - started_s - 0.02))
            self._rounds.append((time.time_ns() // 1_000_000, late_ms))

    def around(self, at_ms: int) -> int:
        """Longest delay around a moment, ms."""
        near = [late for end, late in self._rounds if end - late <= at_ms + 50 and end >= at_ms - 1000]
        return max(near, default=0)


class Oracle:
    """A subscriber with a persistent session, which keeps all messages."""

    def __init__(self, port: int) -> None:
        self.rows: list[tuple[str, str, int]] = []  # topic, id, poll: first deliveries only
        self.duplicates = 0
        self.gaps: dict[int, dict[str, Any]] = {}  # by the number of the gap
        self.events: list[dict[str, Any]] = []
        self.came_s: dict[str, float] = {}
        self.status: list[tuple[float, str]] = []
        self._seen: set[str] = set()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, "oracle", clean_session=False)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe("magwatt/#", qos=1)
        self._client.on_message = self._keep
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _keep(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        if message.topic.endswith("/status"):
            self.status.append((time.monotonic(), message.payload.decode()))
            return
        body = json.loads(message.payload)
        if "id" not in body:
            return
        if body["id"] in self._seen:
            self.duplicates += 1
            return
        self._seen.add(body["id"])
        if message.topic.endswith("/telemetry"):
            self.rows.append((message.topic, body["id"], body["v"]["active_power_w"]))
            self.came_s[body["id"]] = time.monotonic()
        elif message.topic.endswith("/event"):
            self.events.append(body["v"])
            if body["v"]["event_kind"] == "data_gap":
                self.gaps[body["v"]["event_number"]] = {**body["v"], "to_ms": body["t"]}

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Link(threading.Thread):
    """A TCP proxy that forwards, discards everything without closing (`hole`), or closes the connection."""

    def __init__(self, target: int) -> None:
        super().__init__(daemon=True)
        self.port, self._target = free_port(), target
        self._server = socket.create_server(("127.0.0.1", self.port))
        self.hole = self.down = False
        self._pairs: list[tuple[socket.socket, socket.socket]] = []

    def close(self) -> None:
        self.cut()
        self._server.close()

    def cut(self) -> None:
        for pair in self._pairs:
            for end in pair:
                end.close()
        self._pairs.clear()

    def run(self) -> None:
        while True:
            try:
                ours, _ = self._server.accept()
            except OSError:
                return
            if self.down:
                ours.close()
                continue
            try:
                theirs = socket.create_connection(("127.0.0.1", self._target), 2)
            except OSError:
                ours.close()
                continue
            self._pairs.append((ours, theirs))
            threading.Thread(target=self._pump, args=(ours, theirs), daemon=True).start()

    def _pump(self, ours: socket.socket, theirs: socket.socket) -> None:
        while True:
            try:
                for ready in select.select([ours, theirs], [], [], 0.5)[0]:
                    if self.hole:
                        time.sleep(0.05)  # data stays in the socket buffers
                        continue
                    data = ready.recv(65536)
                    if not data:
                        raise OSError
                    (theirs if ready is ours else ours).sendall(data)
            except (OSError, ValueError):
                ours.close()
                theirs.close()
                return


def judge(feeder: Feeder, oracle: Oracle, commit_ms: int, broker_kills_ms: list[int], stalls: Stalls) -> dict[str, int]:
    """Compares received with polled rows: every loss is reported and the order is kept. Returns figures."""
    confirmed = feeder.confirmed()
    polled = feeder.polled()
    came = {poll for _, _, poll in oracle.rows}
    assert came <= polled.keys(), "rows that were never published"
    assert len(came) == len(oracle.rows), "a poll came under two ids"
    missing = sorted(polled.keys() - came)
    killed = [gap for gap in oracle.gaps.values() if gap["event_rows"] is None]
    counted = sum(gap["event_rows"] for gap in oracle.gaps.values() if gap["event_rows"] is not None)
    unreported, oldest_ms, in_groups, of_the_broker, beyond_ms = 0, 0, 0, 0, 0
    for poll in missing:
        at_ms = polled[poll]
        before = [kill - at_ms for kill in feeder.kills_ms if -1 <= kill - at_ms <= 10 * commit_ms]
        if before and any(gap["event_start_ms"] <= at_ms <= gap["to_ms"] for gap in killed):
            oldest_ms = max(oldest_ms, min(before))
            beyond_ms = max(beyond_ms, min(before) - commit_ms - stalls.around(at_ms + min(before)))
            in_groups += 1
        elif any(abs(kill - confirmed.get(poll, 0)) <= BROKER_TURN_MS for kill in broker_kills_ms):
            of_the_broker += 1
        else:
            unreported += 1
    topics: dict[str, int] = {}
    for topic, _, poll in oracle.rows:
        assert poll > topics.get(topic, -1), f"{topic}: {poll} came after {topics[topic]}"
        topics[topic] = poll
    return {
        "polled": len(polled),
        "received": len(came),
        "duplicates": oracle.duplicates,
        "kills": len(feeder.kills_ms),
        "missing_in_reported_gaps": in_groups,
        "oldest_missing_ms": oldest_ms,
        "beyond_commit_and_machine_ms": beyond_ms,
        "confirmed_and_lost_by_the_broker": of_the_broker,
        "dropped_and_counted": counted,
        "lost_uncounted": max(0, unreported - counted),
        "counted_although_delivered": max(0, counted - unreported),
    }


def some_time(chance: random.Random, low_s: float, high_s: float) -> None:
    time.sleep(chance.uniform(low_s, high_s))


if __name__ == "__main__":
    feed(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
