"""The requirements on edge nodes hold and no row is lost over stop, change of broker, outage and kill."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from support import sparkplug_rules
from support.basics import program, wait_until
from support.dialects import configured
from support.sparkplug import Proxy, command, read
from support.sparkplug_world import NODE, World, born, online

from agent.cli.demo_runner import start_processes

pytestmark = pytest.mark.alone


def test_start_rows_stop_and_start_again(world: World) -> None:
    bench = world.start()
    born(world)
    online(world)
    wait_until(lambda: len(world.sent_of("DBIRTH")) == 2, 5, "both devices")
    for number in range(300):  # more than a turn of the sequence number
        bench.row(active_power_w=1000.0 + number)
    wait_until(lambda: len(world.sent_of("DDATA")) >= 300, 10, "300 rows")
    world.settled()
    bench.row(active_power_w=0.0)
    bench.store.flush()
    world.stop()
    wait_until(lambda: world.proxy.sparkplug()[0][-1].kind == "DISCONNECT", 5, "it leaves")
    assert world.proxy.sparkplug()[0][-2].what == "NDEATH"
    assert len(world.ids()) == 301, "the last one, too"
    world.start()
    online(world)
    born(world, 2)
    world.stop()
    assert len(world.proxy.sparkplug()) == 2
    again = [packet for packet in world.proxy.sparkplug()[1] if packet.what == "DDATA"]
    assert not again, "NDEATH proved the rest: nothing comes again"
    world.check()


def test_a_change_of_broker_is_preceded_by_a_death(world: World) -> None:
    bench = world.start()
    online(world)
    wait_until(lambda: len(world.sent_of("DBIRTH")) == 2, 5, "births")
    other = Proxy(world.mosquitto.port)
    config = configured(world.folder, f"mqtt://127.0.0.1:{other.port}", world.tables)
    assert world.sink is not None
    world.sink.reconfigure(config, bench.assets)
    wait_until(lambda: len(other.sent_of("DBIRTH")) == 2, 10, "born there")
    before, after = world.proxy.sparkplug(), other.sparkplug()
    wait_until(lambda: [p.kind for p in before[0][-2:]] == ["PUBLISH", "DISCONNECT"], 5, "a farewell")
    sparkplug_rules.check([*before, *after], *NODE)
    world.stop()
    other.stop()


@pytest.mark.parametrize("how", ["cut", "black hole", "broker killed"])
def test_an_outage_loses_no_row(world: World, how: str) -> None:
    bench = world.start()
    online(world)
    wait_until(lambda: len(world.sent_of("DBIRTH")) == 2, 5, "births")
    published = 0

    def rows(count: int, every_s: float = 0.005) -> None:
        nonlocal published
        for _ in range(count):
            bench.row(active_power_w=float(published))
            published += 1
            time.sleep(every_s)

    rows(40)
    if how == "black hole":
        world.proxy.swallow = True  # half open: the node continues to send
        rows(60, 0.03)
        world.proxy.cut()
        world.proxy.swallow = False
    elif how == "cut":
        world.proxy.cut()
        rows(60, 0.03)
    else:
        assert world.mosquitto.process is not None
        world.mosquitto.process.kill()
        world.mosquitto.stop()
        rows(60, 0.03)
        world.mosquitto.start()
    rows(40)
    world.settled(30)
    assert len(world.ids()) == published
    assert any(world.ids().values()), "some of it as history"
    world.check()


def test_a_kill_is_announced_by_the_will_and_nothing_is_lost(hosted: World) -> None:
    world = hosted
    world.state(True, 1000)
    feeder = program("sparkplug_feeder", str(world.folder), str(world.proxy.port), world.tables)

    def running(until: Callable[[], bool]) -> int:
        """Number of rows that the process had committed when it was killed."""
        process = subprocess.Popen(feeder, stdout=subprocess.PIPE, text=True)
        try:
            wait_until(until, 20, "rows arrive")
        finally:
            process.kill()
            output, _ = process.communicate()
        return int((output.split() or ["0"])[-1])

    committed = running(lambda: len(world.ids()) > 50)
    wait_until(lambda: any("/NDEATH/" in topic for topic, _ in world.received), 10, "the will")
    died = next(payload for topic, payload in world.received if "/NDEATH/" in topic)
    first = world.proxy.sparkplug()[0][0]
    assert read(died)["metrics"] == read(first.payload)["metrics"]
    seen = len(world.ids())
    running(lambda: len(world.ids()) > seen + 50)
    boots: dict[str, list[int]] = {}
    for name in world.ids():
        boot, number = name.split("-")
        boots.setdefault(boot, []).append(int(number))
    first_boot = sorted(boots[min(boots)])
    assert first_boot[-1] >= committed
    assert first_boot == list(range(1, len(first_boot) + 1)), "none is missing"
    world.check()


@pytest.mark.soak
def test_the_agent_keeps_every_statement_over_kills_and_outages(hosted: World) -> None:
    """The agent of the demo with a primary host: kill -9, broker outage, cut, host offline, rebirth, in turns."""
    at_ms = itertools.count(1000)
    config = hosted.folder / "plant.toml"
    run = [sys.executable, "-P", "-c", "from agent.cli import main; main()", "run", str(config)]

    def settle() -> None:
        hosted.state(True, next(at_ms))
        count = len(hosted.sent_of("DDATA"))
        wait_until(lambda: len(hosted.sent_of("DDATA")) > count + 20, 200, "data")

    hosted.state(True, next(at_ms))
    with contextlib.ExitStack() as stack:
        url = f"mqtt://127.0.0.1:{hosted.proxy.port}"
        _, agent = start_processes(hosted.folder, stack, url, None, ("sparkplug",), "scada")
        for _ in range(3):
            settle()
            agent.kill()
            agent.wait()
            agent = stack.enter_context(subprocess.Popen(run, stderr=subprocess.DEVNULL))
            stack.callback(agent.terminate)
            settle()
            hosted.mosquitto.stop()
            time.sleep(5)
            hosted.mosquitto.start()
            wait_until(hosted.host.is_connected, 60, "the host is back")
            settle()
            hosted.proxy.cut()
            settle()
            hosted.publish("spBv1.0/demo/NCMD/gw-01", command("Node Control/Rebirth"))
            hosted.state(False, next(at_ms))
            time.sleep(5)
            settle()
    evaluated = sparkplug_rules.check(hosted.proxy.sparkplug(), "demo", "gw-01", "scada")
    assert evaluated["payloads-timestamp-in-UTC"] > 300
