"""A node with a primary host: births wait for it; all statements of the specification on edge nodes are evaluated."""

from __future__ import annotations

import time

import pytest
from support import sparkplug_rules
from support.basics import wait_until
from support.dialects import configured
from support.sparkplug import Proxy
from support.sparkplug_world import NODE, World, born, online

from agent.core.state_reasons import DEVICE_NOT_RESPONDING
from drivers.reading import Quality

pytestmark = pytest.mark.alone

BURST_BYTES, RATE_BYTES_S = 64_000, 20_000  # docs/how-to/dialects.md: the rate limit of births


def test_the_time_of_a_host_is_compared_for_each_broker(hosted: World) -> None:
    """tck-id-operational-behavior-host-application-multi-server-timestamp"""
    hosted.state(True, 2000)
    bench = hosted.start()
    born(hosted)
    hosted.state(True, 1000)  # as on another server, with which the host connected earlier
    other = Proxy(hosted.mosquitto.port)
    config = configured(hosted.folder, f"mqtt://127.0.0.1:{other.port}", hosted.tables)
    assert hosted.sink is not None
    hosted.sink.reconfigure(config, bench.assets)
    wait_until(lambda: bool(other.sent_of("NBIRTH")), 10, "born there")
    hosted.stop()
    for proxy in (hosted.proxy, other):
        sparkplug_rules.check(proxy.sparkplug(), *NODE, "scada")
    other.stop()


def test_births_wait_for_the_primary_host_and_history_is_sent_afterwards(hosted: World) -> None:
    hosted.state(False, 1000)
    bench = hosted.start()
    online(hosted)
    wait_until(lambda: bool(hosted.proxy.sparkplug()), 5, "connected")
    for number in range(20):
        bench.row(active_power_w=float(number))
    time.sleep(1.5)
    hosted.state(True, 900)  # older than the latest state
    for data in (b"online", b"{}", b'{"online":1,"timestamp":5}', b"[" * 5000):
        hosted.publish("spBv1.0/STATE/scada", data)
    time.sleep(0.5)
    assert not hosted.sent_of("NBIRTH"), "the host is not there"
    hosted.state(True, 2000)
    hosted.settled()
    assert len(hosted.ids()) == 20
    assert all(hosted.ids().values()), "all of it as history"
    hosted.state(False, 1500)  # a late message with an older timestamp
    time.sleep(1.0)  # NDEATH within 0.5 s would be a reaction to it
    assert len(hosted.proxy.sparkplug()) == 1
    hosted.state(False, 3000)
    wait_until(lambda: len(hosted.proxy.sparkplug()) == 2, 10, "gone, and back to wait")
    for number in range(20):
        bench.row(active_power_w=float(number))
    hosted.state(True, 4000)
    born(hosted, 2)
    hosted.settled()
    assert len(hosted.ids()) == 40
    assert [packet.what for packet in hosted.proxy.sparkplug()[0][-2:]] == ["NDEATH", ""]
    hosted.check()


def test_every_statement_on_edge_nodes_is_evaluated(hosted: World) -> None:
    """Start, rows of all kinds, quality, loss of a device, rebirth, the host offline, and stop."""
    hosted.state(False, 1000)
    bench = hosted.start()
    online(hosted)
    hosted.state(True, 2000)
    wait_until(lambda: len(hosted.sent_of("DBIRTH")) == 2, 5, "births")
    bench.row(active_power_w=1.0, frequency_hz=50.0)
    bench.row(active_power_w=None, frequency_hz=50.0, flags={"active_power_w": Quality.NO_REPLY})
    bench.row(active_power_w=2.0, frequency_hz=50.0)
    bench.row(None, "health", spool_rows=1)
    hosted.settled()
    bench.publisher.publish_state("fan-2", "offline", [DEVICE_NOT_RESPONDING(device="dp-2")])
    wait_until(lambda: len(hosted.sent_of("DDEATH")) == 1, 5, "DDEATH")
    hosted.rebirth()
    born(hosted, 2)
    hosted.state(False, 1500)  # older than the latest
    time.sleep(0.6)
    hosted.state(False, 3000)
    wait_until(lambda: len(hosted.proxy.sparkplug()) == 2, 5, "back to wait")
    for number in range(20):
        bench.row(active_power_w=float(number), frequency_hz=50.0)
    hosted.state(True, 4000)
    born(hosted, 3)
    hosted.settled(30)
    hosted.stop()
    evaluated = hosted.check()
    assert sparkplug_rules.EDGE_NODE - evaluated.keys() == set()
    unknown = {name for name in evaluated if not name.startswith(sparkplug_rules.PRACTICE)}
    assert unknown - sparkplug_rules.EDGE_NODE == set()


def test_an_unstable_host_gets_births_at_the_documented_rate(hosted: World) -> None:
    hosted.start()
    online(hosted)
    started_s = time.monotonic()
    for number in range(60):
        hosted.state(number % 2 == 0, 10_000 + number)
        time.sleep(0.05)
    hosted.state(True, 20_000)
    count = len(hosted.sent_of("NBIRTH"))
    wait_until(
        lambda: len(hosted.sent_of("NBIRTH")) > count or hosted.sent_of("DBIRTH") != [],
        60,
        "it comes to rest",
    )
    sent = sum(len(p.payload) for what in ("NBIRTH", "DBIRTH") for p in hosted.sent_of(what))
    largest = max(len(p.payload) for what in ("NBIRTH", "DBIRTH") for p in hosted.sent_of(what))
    assert sent <= BURST_BYTES + RATE_BYTES_S * (time.monotonic() - started_s) + largest
    hosted.check()
