"""Nothing lost, nothing doubled: the agent, the broker and the link between them are killed, stopped and cut at random
moments; an oracle with a persistent session holds what came against what was polled. Figures: docs/delivery.md."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from deliverykit import Feeder, Link, Oracle, judge, persistent_broker, some_time, write_config
from testkit import Mosquitto, wait_until

COMMIT_MS = 100


@dataclass
class Scene:
    folder: Path
    broker: Mosquitto
    link: Link
    oracle: Oracle
    feeder: Feeder
    chance: random.Random

    def settle(self, seconds: float = 30) -> dict[str, int]:
        """A clean end; a start with hardly any polls, until nothing is owed; the store is whole; then the verdict."""
        self.feeder.stop()
        before = len(self.feeder.polled())
        self.feeder.rate = 0.1
        self.feeder.start()
        wait_until(lambda: len(self.feeder.polled()) > before, 20, "it polls again")
        wait_until(lambda: self.complete() and self.owed() == 0, seconds, "everything arrives")
        self.feeder.stop()
        with closing(sqlite3.connect(self.folder / "state" / "magwatt.sqlite")) as db:
            assert db.execute("pragma integrity_check").fetchall() == [("ok",)]
            assert db.execute("select count(*) from aside").fetchone() == (0,)
        return judge(self.feeder, self.oracle, COMMIT_MS)

    def owed(self) -> int:
        with closing(sqlite3.connect(self.folder / "state" / "magwatt.sqlite", timeout=5)) as db:
            return int(db.execute("select count(*) from spool").fetchone()[0])

    def complete(self) -> bool:
        return bool(self.oracle.rows) and max(poll for _, _, poll in self.oracle.rows) == max(self.feeder.polled())


@pytest.fixture
def scene(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Scene]:
    """Where the broker is killed it writes down each change, so that its confirmation holds; that makes it slow."""
    broker_dies = "killed" in request.node.name and "broker" in request.node.name
    broker = persistent_broker(tmp_path, each_change=broker_dies)
    broker.start()
    link = Link(broker.port)
    link.start()
    oracle = Oracle(broker.port)
    feeder = Feeder(
        write_config(tmp_path, link.port, mqtt="backfill = 5000"), tmp_path / "polls", 60 if broker_dies else 500
    )
    found = Scene(tmp_path, broker, link, oracle, feeder, random.Random(7))
    feeder.start()
    wait_until(lambda: len(oracle.rows) > 20, 20, "rows arrive")
    yield found
    feeder.stop()
    oracle.stop()
    broker.stop()


def expect_nothing_lost(figures: dict[str, int]) -> None:
    print(figures)
    assert figures["lost_uncounted"] == 0, figures
    assert figures["oldest_missing_ms"] <= COMMIT_MS, figures
    assert figures["received"] > 0


def kill_agent(scene: Scene, times: int) -> None:
    for _ in range(times):
        before = len(scene.feeder.polled())
        scene.feeder.kill()
        scene.feeder.start()
        wait_until(lambda before=before: len(scene.feeder.polled()) > before, 20, "polling again")  # type: ignore[misc]
        some_time(scene.chance, 0.4, 1.6)


def stop_broker(scene: Scene, hard: bool) -> None:
    process = scene.broker._process
    assert process is not None
    if hard:
        process.kill()
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
@pytest.mark.parametrize("fault", ["agent killed", "broker stopped", "broker killed", "black hole", "cut"])
def test_long(scene: Scene, fault: str) -> None:
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
