"""No row is lost or delivered twice when agent, broker or connection are killed, stopped or closed at random times.

A subscriber with a persistent session compares received with polled rows. Figures: docs/explanation/delivery.md.
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace
from support.basics import Mosquitto, free_port, wait_until
from support.delivery import Feeder, Link, Oracle, Stalls, judge, persistent_broker, some_time, write_config

from agent.config.loader import load_config
from agent.core.clock import SystemClock
from agent.core.messages import Message, encode
from agent.delivery.store import Store

COMMIT_MS = 200  # default of commit_interval


@dataclass
class Scene:
    folder: Path
    broker: Mosquitto
    link: Link
    oracle: Oracle
    feeder: Feeder
    chance: random.Random
    stalls: Stalls
    broker_kills_ms: list[int] = field(default_factory=list)
    commit_ms: int = COMMIT_MS

    def settle(self, seconds: float = 90) -> dict[str, int]:
        """Restarts the agent with few polls until every row is delivered, checks the store, returns figures."""
        self.feeder.stop()
        before = len(self.feeder.polled())
        self.feeder.rate = 0.1
        self.feeder.start()
        wait_until(lambda: len(self.feeder.polled()) > before, 20, "it polls again")
        wait_until(lambda: self.complete() and self.pending_rows() == 0, seconds, "everything arrives")
        self.feeder.stop()
        with closing(sqlite3.connect(self.folder / "state" / "magwatt.sqlite")) as db:
            assert db.execute("pragma integrity_check").fetchall() == [("ok",)]
            assert db.execute("select count(*) from aside").fetchone() == (0,)
        return judge(self.feeder, self.oracle, self.commit_ms, self.broker_kills_ms, self.stalls)

    def pending_rows(self) -> int:
        with closing(sqlite3.connect(self.folder / "state" / "magwatt.sqlite", timeout=5)) as db:
            return int(db.execute("select count(*) from spool").fetchone()[0])

    def complete(self) -> bool:
        return bool(self.oracle.rows) and max(poll for _, _, poll in self.oracle.rows) == max(self.feeder.polled())


@pytest.fixture
def scene(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Scene]:
    """A broker that can be killed writes each change to disk, so that its
    confirmation is reliable; this makes it slow.
    """
    broker_killed = "killed" in request.node.name and "broker" in request.node.name
    broker = persistent_broker(tmp_path, each_change=broker_killed)
    broker.start()
    link = Link(broker.port)
    link.start()
    oracle = Oracle(broker.port)
    feeder = Feeder(
        write_config(tmp_path, link.port, mqtt="backfill_rate = 5000"), tmp_path / "polls", 60 if broker_killed else 500
    )
    found = Scene(tmp_path, broker, link, oracle, feeder, random.Random(7), Stalls(tmp_path / "stalls"))
    found.stalls.start()
    feeder.start()
    wait_until(lambda: len(oracle.rows) > 20, 20, "rows arrive")
    yield found
    feeder.stop()
    oracle.stop()
    broker.stop()


def expect_nothing_lost(figures: dict[str, int]) -> None:
    print(figures)
    assert figures["lost_uncounted"] == 0, figures
    assert figures["beyond_commit_and_machine_ms"] == 0, figures
    assert figures["received"] > 0


def kill_agent(scene: Scene, times: int) -> None:
    for _ in range(times):
        scene.feeder.kill()
        before = len(scene.feeder.polled())
        scene.feeder.start()
        wait_until(lambda before=before: len(scene.feeder.polled()) > before, 20, "polling again")  # type: ignore[misc]
        some_time(scene.chance, 0.4, 1.6)


def stop_broker(scene: Scene, hard: bool) -> None:
    process = scene.broker.process
    assert process is not None
    if hard:
        process.kill()
        scene.broker_kills_ms.append(time.time_ns() // 1_000_000)
        process.wait()
    else:
        scene.broker.stop()
    some_time(scene.chance, 0.3, 1.0)
    scene.broker.start()
    some_time(scene.chance, 0.5, 1.5)


def swallow(scene: Scene) -> None:
    scene.link.hole = True
    some_time(scene.chance, 6.0, 8.0)  # longer than the keepalive of 5 s
    scene.link.cut()
    scene.link.hole = False
    some_time(scene.chance, 0.5, 1.5)


def cut(scene: Scene) -> None:
    scene.link.down = True
    scene.link.cut()
    some_time(scene.chance, 0.2, 1.0)
    scene.link.down = False
    some_time(scene.chance, 0.5, 1.5)


def test_agent_and_link_fail_and_the_broker_stops(scene: Scene) -> None:
    kill_agent(scene, 3)
    stop_broker(scene, hard=False)
    cut(scene)
    expect_nothing_lost(scene.settle())


def test_a_killed_broker_loses_nothing_that_it_confirmed(scene: Scene) -> None:
    stop_broker(scene, hard=True)
    expect_nothing_lost(scene.settle())


@pytest.mark.soak
@pytest.mark.parametrize(("durability", "commit_ms"), [("strict", COMMIT_MS), ("sd_card", 2000)])
def test_a_kill_loses_no_more_than_the_durability_allows(tmp_path: Path, durability: str, commit_ms: int) -> None:
    """Four kills with the broker, and four without it, when each row has to reach the disk. The rows that are missing
    were measured within the commit interval before the kill, and are in a gap."""
    broker = persistent_broker(tmp_path)
    broker.start()
    oracle = Oracle(broker.port)
    config = write_config(tmp_path, broker.port, f'durability = "{durability}"', "backfill_rate = 5000")
    feeder = Feeder(config, tmp_path / "polls", 500)
    link = Link(broker.port)
    found = Scene(
        tmp_path, broker, link, oracle, feeder, random.Random(7), Stalls(tmp_path / "stalls"), commit_ms=commit_ms
    )
    found.stalls.start()
    try:
        feeder.start()
        wait_until(lambda: len(oracle.rows) > 20, 20, "rows arrive")
        kill_agent(found, 4)
        broker.stop()
        for _ in range(4):
            some_time(found.chance, 2.0, 4.0)
            kill_agent(found, 1)
        broker.start()
        figures = found.settle()
        print(durability)
        expect_nothing_lost(figures)
        assert figures["missing_in_reported_gaps"] > 0, "a kill without a broker loses rows"
    finally:
        feeder.stop()
        oracle.stop()
        broker.stop()
        link.close()


@pytest.mark.soak
@pytest.mark.parametrize("fault", ["agent killed", "broker stopped", "broker killed", "black hole", "cut"])
def test_repeated_faults_lose_no_row(scene: Scene, fault: str) -> None:
    if fault == "agent killed":
        kill_agent(scene, 25)
    for _ in range(5):
        if fault == "broker stopped":
            stop_broker(scene, hard=False)
        elif fault == "broker killed":
            stop_broker(scene, hard=True)
        elif fault == "black hole":
            swallow(scene)
        elif fault == "cut":
            cut(scene)
    expect_nothing_lost(scene.settle(120))


@pytest.mark.soak
@pytest.mark.parametrize("limit", ["quota", "another program"])
def test_a_full_spool_without_a_broker_counts_each_row(tmp_path: Path, limit: str) -> None:
    """Every dropped row is counted; all others are delivered when the broker is available again."""
    place = tmp_path / "state"
    place.mkdir()
    if limit != "quota":
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)], capture_output=True)
        if done.returncode:
            pytest.skip("mounting needs root")
    broker = persistent_broker(tmp_path)
    broker.start()
    oracle = Oracle(broker.port)
    store = 'quota = "10MB"' if limit == "quota" else ""
    config = write_config(tmp_path, broker.port, store, "backfill_rate = 5000")
    feeder = Feeder(config, tmp_path / "polls", 500, pad=2500)
    link = Link(broker.port)
    found = Scene(tmp_path, broker, link, oracle, feeder, random.Random(7), Stalls(tmp_path / "stalls"))
    try:
        feeder.start()
        wait_until(lambda: len(oracle.rows) > 20, 20, "rows arrive")
        broker.stop()
        if limit != "quota":
            with (place / "hog").open("wb", buffering=0) as hog, contextlib.suppress(OSError):
                while True:
                    hog.write(b"x" * 65536)
        time.sleep(20)
        broker.start()
        arrived = lambda: len(oracle.rows) > 0.95 * len(feeder.polled())  # noqa: E731
        if limit != "quota":
            wait_until(arrived, 60, "what waits in memory arrives while the disk is full")
        (place / "hog").unlink(missing_ok=True)
        figures = found.settle(60)
        print(limit, figures)
        assert figures["lost_uncounted"] == figures["counted_although_delivered"] == 0
        assert figures["dropped_and_counted"] > 0 or limit != "quota"
    finally:
        feeder.stop()
        oracle.stop()
        broker.stop()
        link.close()
        subprocess.run(["umount", "-l", str(place)], capture_output=True)


def day_without_broker(folder: Path, every_s: int, backfill: int) -> tuple[Feeder, int]:
    """A spool with 24 h of twelve motors, one row per every_s; returns the number of rows."""
    feeder = Feeder(write_config(folder, free_port(), mqtt=f"backfill_rate = {backfill}"), folder / "polls", 12.0)
    config, _ = load_config(feeder.config)
    store = Store(folder / "state", SystemClock(), replace(config.store, commit_interval_s=0.02))
    store.sink_cursors(["mqtt"])
    now_ms = time.time_ns() // 1_000_000
    count = 0
    with feeder.polls.open("w") as polls:
        for second in range(0, 24 * 3600, every_s):
            t_ms = now_ms - 24 * 3_600_000 + second * 1000
            for motor in range(12):
                message = Message(f"m{motor}", "telemetry", t_ms, {"active_power_w": count})
                store.append(message.asset, "telemetry", t_ms, partial(encode, message))
                polls.write(f"{count} {t_ms}\n")
                count += 1
            if second % (600 * every_s) == 0:
                store.flush()
    store.close()
    return feeder, count


def come_back(folder: Path, feeder: Feeder, count: int, rate: int) -> None:
    """The broker is available again: live rows come immediately, the backfill in order and within its rate."""
    broker = Mosquitto(folder, "max_queued_messages 0\n")
    broker.start()
    oracle = Oracle(broker.port)
    feeder.config.write_text(feeder.config.read_text().replace(f":{find_port(feeder.config)}", f":{broker.port}", 1))
    feeder.start()
    try:
        wait_until(lambda: any(word == "online" for _, word in oracle.status), 20, "connected")
        wait_until(lambda: any("backfill" not in topic for topic, _, _ in oracle.rows), 20, "a live value")
        online_s = next(at_s for at_s, word in oracle.status if word == "online")
        first = next(row for row in oracle.rows if "backfill" not in row[0])
        assert oracle.came_s[first[1]] - online_s < 1.0, "live within a second of the connection"
        wait_until(
            lambda: sum("backfill" in topic for topic, _, _ in oracle.rows) >= count, 2 * count / rate + 30, "all"
        )
        back = [row for row in oracle.rows if "backfill" in row[0]]
        took_s = oracle.came_s[back[-1][1]] - oracle.came_s[back[0][1]]
        assert len(back) / took_s < 1.3 * rate, "the rate, a fifth of jitter, the first burst"
        numbers = [poll for _, _, poll in back]
        assert numbers[:count] == list(range(count)), "the whole day, in order, each once"
        live_s = oracle.came_s[first[1]] - online_s
        print(f"{count} rows at {len(back) / took_s:.0f} rows/s of {rate}, live after {live_s:.3f} s")
    finally:
        feeder.stop()
        oracle.stop()
        broker.stop()


def find_port(config: Path) -> str:
    return config.read_text().split("mqtt://127.0.0.1:")[1].split('"')[0]


def test_a_day_without_a_broker(tmp_path: Path) -> None:
    """24 h of twelve motors, thinned to a row in ten minutes."""
    feeder, count = day_without_broker(tmp_path, 600, 400)
    come_back(tmp_path, feeder, count, 400)


@pytest.mark.soak
def test_a_day_without_a_broker_every_second(tmp_path: Path) -> None:
    feeder, count = day_without_broker(tmp_path, 1, 4000)
    come_back(tmp_path, feeder, count, 4000)
