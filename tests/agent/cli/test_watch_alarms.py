"""Alarms in the live table: which motor is marked, and the worst alarm of each in one line."""

from __future__ import annotations

from typing import Any

import pytest
from support.alarm_messages import alarm
from support.watch_plant import SITE, plant

from agent.cli.watch_notes import format_alarms
from agent.cli.watch_rows import rows_by_gateway
from agent.delivery.mqtt.follower import Follower


def alarmed(*records: dict[str, Any], owner: str = "gw-7/pump-3") -> Follower:
    follower = plant(5)
    follower.alarms[f"{SITE}/{owner}"] = {record["code"]: record for record in records}
    return follower


@pytest.mark.parametrize(
    ("state", "priority", "marked"),
    [("UNACK", "medium", True), ("ACKED", "safety", True), ("UNACK", "low", False), ("RTNUN", "high", False),
     ("SHLVD", "high", False), ("DSUPR", "high", False), ("NORM", "high", False), ("LATER", "high", False),
     ("UNACK", "urgent", False)],
)  # fmt: skip
def test_a_motor_with_an_urgent_alarm_is_in_trouble_and_comes_first(state: str, priority: str, marked: bool) -> None:
    groups = rows_by_gateway(alarmed(alarm("stall", state, priority)))
    rows = next(group.rows for group in groups if group.gateway.endswith("gw-7"))
    assert [row.followed.asset for row in rows if row.in_trouble] == (["pump-3"] if marked else [])
    assert (rows[0].followed.asset == "pump-3") is marked


def test_one_line_for_each_motor_names_the_worst() -> None:
    records = (alarm("a", "ACKED", "high", title="first"), alarm("b", "UNACK", "high", title="second"),
               alarm("c", "UNACK", "medium", title="third"), alarm("d", "SHLVD", "safety", title="fourth"))  # fmt: skip
    (line,) = format_alarms(alarmed(*records))
    assert "gw-7/pump-3: " in line
    assert "second" in line
    assert not any(other in line for other in ("first", "third", "fourth"))
    assert "2" in line.partition("second")[2]


def test_alarms_of_a_gateway_are_listed_too() -> None:
    (line,) = format_alarms(alarmed(alarm("disk", "RTNUN", "low", title="full"), owner="gw-7"))
    assert "gw-7: " in line
    assert format_alarms(alarmed(alarm("disk", "NORM"), owner="gw-7")) == []


def test_a_gateway_that_has_sent_an_event_is_listed_once() -> None:
    follower = alarmed(alarm("supply_dip", "UNACK", "medium"), owner="gw-7")
    follower.receive(f"{SITE}/gw-7/event", b'{"s":"magwatt.event/1","v":{"event_kind":"dip"}}')
    assert f"{SITE}/gw-7" in follower.seen
    assert len(format_alarms(follower)) == 1
