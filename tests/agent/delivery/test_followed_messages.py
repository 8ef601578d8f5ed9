"""Records of alarms and conditions as a follower keeps them."""

from __future__ import annotations

import json
from typing import Any

from support.alarm_messages import DEMAGNETIZED, alarm

from agent.delivery.followed_messages import REMOVED, FollowedMessage, MessageFollower

ROOT = "magwatt/v1/mill-2/gw-07"
PUMP = f"{ROOT}/pump-1"


class Heard:
    """A follower, and the changes that it reported."""

    def __init__(self) -> None:
        self.changes: list[tuple[str, str]] = []
        self.follower = MessageFollower(self._on_change)

    def _on_change(self, followed: FollowedMessage, kind: str) -> None:
        self.changes.append((f"{followed.gateway}/{followed.asset}", kind))

    def receive(self, topic: str, body: Any) -> None:
        self.follower.receive(topic, json.dumps(body).encode() if body else b"")


def test_alarms_are_kept_by_owner_and_code_until_their_topic_is_deleted() -> None:
    heard = Heard()
    heard.receive(f"{PUMP}/alarm/phase_loss", alarm("phase_loss"))
    heard.receive(f"{PUMP}/alarm/stall", alarm("stall", "NORM"))
    heard.receive(f"{ROOT}/alarm/disk", alarm("disk", "ACKED"))
    assert {owner: list(found) for owner, found in heard.follower.alarms.items()} == {
        PUMP: ["phase_loss", "stall"], ROOT: ["disk"]
    }  # fmt: skip
    assert heard.changes == [(PUMP, "alarm"), (PUMP, "alarm"), (ROOT, "alarm")]
    assert heard.follower.seen == {}, "an alarm alone makes no motor"
    heard.receive(f"{PUMP}/alarm/phase_loss", None)
    assert list(heard.follower.alarms[PUMP]) == ["stall"]


def test_what_is_not_an_alarm_of_an_agent_is_ignored() -> None:
    heard = Heard()
    heard.receive(f"{PUMP}/alarm/phase_loss", {"code": "phase_loss"})
    heard.follower.receive(f"{PUMP}/alarm/stall", b"[1")
    assert heard.follower.alarms == {}


def test_a_motor_may_have_the_name_alarm() -> None:
    heard = Heard()
    heard.receive(f"{ROOT}/alarm/telemetry", {"s": "magwatt.telemetry/1", "t": 1, "v": {}})
    assert (list(heard.follower.seen), heard.follower.alarms) == ([f"{ROOT}/alarm"], {})


def test_a_removed_motor_has_no_alarms_any_more() -> None:
    heard = Heard()
    heard.receive(f"{PUMP}/meta", {"s": "magwatt.meta/1", "t": 1})
    heard.receive(f"{PUMP}/alarm/phase_loss", alarm("phase_loss"))
    heard.receive(f"{PUMP}/condition", DEMAGNETIZED)
    heard.receive(f"{PUMP}/condition", None)
    assert list(heard.follower.seen[PUMP].messages) == ["meta"]
    assert heard.changes[-1] == (PUMP, "condition")
    heard.receive(f"{PUMP}/meta", None)
    assert (heard.follower.seen, heard.follower.alarms) == ({}, {})
    assert heard.changes[-1] == (PUMP, REMOVED)


def test_the_sums_of_a_gateway_are_its_message() -> None:
    heard = Heard()
    heard.receive(f"{ROOT}/alarms", {"s": "magwatt.alarms/1", "t": 1, "flood": True})
    assert heard.follower.gateway_messages[ROOT]["alarms"]["flood"] is True


def test_kinds_that_are_not_wanted_are_not_stored_but_a_removed_motor_is_seen() -> None:
    heard = Heard()
    heard.follower.kinds = frozenset(("telemetry",))
    heard.receive(f"{PUMP}/harmonics", {"s": "magwatt.harmonics/1", "v": {}})
    assert heard.follower.seen == {}
    heard.receive(f"{PUMP}/telemetry", {"s": "magwatt.telemetry/1", "v": {}})
    assert heard.changes == [(PUMP, "telemetry")]
    heard.receive(f"{PUMP}/meta", None)
    assert heard.changes[-1] == (PUMP, REMOVED)
