"""Births, data and deaths: metrics with unit and meaning, changed metrics only, commands, other motors."""

from __future__ import annotations

import math
import time

import pytest
from support.basics import wait_until
from support.dialects import PLANT, SECOND, configured
from support.sparkplug import command, properties, read, value_of
from support.sparkplug_world import World, born, metrics, online

from agent.config.topology import assets
from agent.core.state_reasons import DEVICE_NOT_RESPONDING
from agent.core.text import english
from drivers.reading import Quality

pytestmark = pytest.mark.alone


def test_a_birth_holds_every_metric_with_unit_and_meaning(world: World) -> None:
    bench = world.start()
    online(world)
    wait_until(lambda: len(world.sent_of("DBIRTH")) == 2, 5, "births")
    pump = metrics(next(packet for packet in world.sent_of("DBIRTH") if packet.topic.endswith("/pump-1")))
    assert properties(pump["active_power_w"])["engUnit"] == "W"
    assert properties(pump["motor_efficiency_pct_u"])["engUnit"] == "%"
    assert "documentation" in properties(pump["motor_efficiency_pct"])
    assert pump["Properties/name"]["string_value"] == "1#除鳞泵"
    assert value_of(pump["Properties/rated_power_kw"], 10) == 132.0
    assert pump["status_word"]["datatype"] == 4
    assert pump["efficiency_unavailable_reason"]["datatype"] == 12
    assert pump["event/snapshot_u_l1_v"]["datatype"] == 31
    assert pump["active_power_w"]["is_null"], "not measured yet"
    own = metrics(world.sent_of("NBIRTH")[0])
    assert {"bus_south_polls", "spool_rows", "event/event_kind"} <= own.keys()
    bench.row(active_power_w=71240.0, status_word=-7, efficiency_unavailable_reason="too little load")
    wait_until(lambda: bool(world.sent_of("DDATA")), 5, "data")
    data = {metric["alias"]: metric for metric in read(world.sent_of("DDATA")[-1].payload)["metrics"]}
    assert value_of(data[pump["active_power_w"]["alias"]], 10) == 71240.0
    assert value_of(data[pump["status_word"]["alias"]], 4) == -7
    assert data[pump["efficiency_unavailable_reason"]["alias"]]["string_value"] == "too little load"
    world.check()


def test_only_changed_metrics_are_published_with_their_quality(world: World) -> None:
    bench = world.start()
    online(world)
    wait_until(lambda: len(world.sent_of("DBIRTH")) == 2, 5, "births")
    names = {metric["alias"]: name for name, metric in
             metrics(next(p for p in world.sent_of("DBIRTH") if p.topic.endswith("/pump-1"))).items()}  # fmt: skip
    bad = {"active_power_w": Quality.NO_REPLY}
    for number, (value, flags) in enumerate([(5.0, {}), (5.0, {}), (None, bad), (6.0, {})], 1):
        bench.row(active_power_w=value, frequency_hz=50.0, flags=flags)
        wait_until(lambda count=number: len(world.sent_of("DDATA")) == count, 5, "data")  # type: ignore[misc]
    updates = [{names[m["alias"]]: m for m in read(packet.payload)["metrics"]} for packet in world.sent_of("DDATA")]
    assert [("frequency_hz" in message, "active_power_w" in message) for message in updates] == [
        (True, True), (False, False), (False, True), (False, True),
    ]  # fmt: skip
    assert all("id" in message for message in updates), "each row has an id"
    lost, back = updates[2]["active_power_w"], updates[3]["active_power_w"]
    assert lost["is_null"]
    assert properties(lost) == {"Quality": 0, "flags": "NO_REPLY"}
    assert properties(back)["Quality"] == 192
    world.check()


def test_a_device_death_and_birth_follow_its_connection(world: World) -> None:
    bench = world.start()
    online(world)
    wait_until(lambda: len(world.sent_of("DBIRTH")) == 2, 5, "births")
    silent = DEVICE_NOT_RESPONDING(device="dp-1")
    bench.publisher.publish_state("pump-1", "stale", [silent])
    wait_until(lambda: bool(world.sent_of("DDATA")), 5, "the state is published")
    sent = read(world.sent_of("DDATA")[-1].payload)["metrics"]
    assert english(silent) in [metric.get("string_value") for metric in sent]
    bench.publisher.publish_state("pump-1", "offline", [DEVICE_NOT_RESPONDING(device="mcc-1")])
    bench.row(active_power_w=None, flags={"active_power_w": Quality.NO_REPLY})
    wait_until(lambda: len(world.sent_of("DDEATH")) == 1, 5, "DDEATH")
    count = len(world.sent_of("DDATA"))
    world.settled()
    assert len(world.sent_of("DDATA")) == count, "no data of an offline device"
    online(world, "pump-1")
    wait_until(lambda: len(world.sent_of("DBIRTH")) == 3, 5, "born again")
    world.check()


def test_an_unexpected_metric_is_in_a_birth_before_its_first_data(world: World) -> None:
    bench = world.start()
    online(world)
    wait_until(lambda: len(world.sent_of("DBIRTH")) == 2, 5, "births")
    bench.row(ground_current_percent=3.5)  # not a register of its devices
    wait_until(lambda: len(world.sent_of("DBIRTH")) == 3, 5, "the device has a new DBIRTH")
    assert value_of(metrics(world.sent_of("DBIRTH")[-1])["ground_current_percent"], 10) == 3.5
    bench.row(None, "health", bus_of_tomorrow_polls=1)
    wait_until(lambda: len(world.sent_of("NBIRTH")) == 2, 5, "so is the node")
    world.check()


def test_rebirth_on_demand_and_a_storm_of_demands(world: World) -> None:
    bench = world.start()
    online(world)
    wait_until(lambda: len(world.sent_of("DBIRTH")) == 2, 5, "births")
    world.rebirth()
    born(world, 2)
    started_s = time.monotonic()
    for _ in range(100):
        world.rebirth()
    took_s = time.monotonic() - started_s
    while len(world.sent_of("NBIRTH")) < 3 and time.monotonic() < started_s + 60:
        bench.row(active_power_w=time.monotonic())  # waits for the births
        time.sleep(0.1)
    world.settled()
    time.sleep(1)
    assert len(world.sent_of("NBIRTH")) <= 3 + math.ceil(took_s / 5), "demands within 5 s are one"
    assert len(world.proxy.sparkplug()) == 1, "same connection"
    wait_until(lambda: len(world.sent_of("DBIRTH")) % 2 == 0, 10, "all devices each time")
    world.check()


def test_a_removed_motor_gets_a_death_and_a_new_one_a_birth(world: World) -> None:
    bench = world.start()
    online(world)
    wait_until(lambda: len(world.sent_of("DBIRTH")) == 2, 5, "births")
    old = SECOND.replace("fan-2", "fan-3").replace("dp-2", "dp-3")
    config = configured(world.folder, f"mqtt://127.0.0.1:{world.proxy.port}", world.tables, PLANT + old)
    bench.publisher.reconfigure(config, assets(config))
    online(world, "fan-3")
    wait_until(lambda: len(world.sent_of("DBIRTH")) == 3, 5, "the new one is born")
    assert [packet.topic.rsplit("/", 1)[1] for packet in world.sent_of("DDEATH")] == ["fan-2"]
    assert world.sent_of("DBIRTH")[-1].topic.endswith("/fan-3")
    world.check()


BAD_COMMANDS = [
    b"", b"\xff\xff\xff", b"\x12\xff\xff\xff\xff\x0f", b"x" * 100_000, command("Node Control/Rebirth", "true"),
    command("Node Control/Reboot"), command("", True, alias=5), command("active_power_w", "1"), b"\x12\x02\x0a\x00",
    b"\x12" * 5000, b"\x12\x04\x0a\x02\xff\xfe",
]  # fmt: skip


def test_invalid_commands_change_nothing(world: World) -> None:
    bench = world.start()
    born(world)
    online(world)
    for data in BAD_COMMANDS:
        world.publish("spBv1.0/mill-2/NCMD/gw-07", data)
    world.publish("spBv1.0/mill-2/NCMD/gw-07", command("Node Control/Rebirth", False))
    wait_until(lambda: bool(world.sink and world.sink.commands_rejected >= len(BAD_COMMANDS) - 2), 5, "counted")
    bench.row(active_power_w=1.0)
    wait_until(lambda: bool(world.ids()), 5, "rows go on")
    assert len(world.sent_of("NBIRTH")) == 1
    assert len(world.proxy.sparkplug()) == 1
    world.check()
