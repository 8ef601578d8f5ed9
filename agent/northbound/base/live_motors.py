"""The newest messages of each motor with their age, from the socket of an agent or from a broker."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from agent.config.alarm_definition import PRIORITIES
from agent.config.model import Config, Mqtt
from agent.core.state_directory import default_directory
from agent.delivery.base.metric_types import BAD_NAMES
from agent.delivery.followed_messages import FollowedMessage, MessageFollower
from agent.delivery.live_socket.follower import SocketFollower
from agent.delivery.live_socket.protocol import following_paths
from agent.delivery.mqtt.follower import Follower

VALUE_KINDS = ("telemetry", "pq3s", "savings")  # messages whose metrics are served
KINDS = frozenset((*VALUE_KINDS, "state", "meta"))
EVERYTHING = "*"  # key of the flags that hold for all values of a message
AGE_S_MAX = {"telemetry": 60.0, "pq3s": 60.0, "savings": 3600.0}  # a value that is older is unknown
ALARM_LEVELS = {priority: len(PRIORITIES) - place for place, priority in enumerate(PRIORITIES)}  # low 1 … safety 4
ACTIVE, UNACKNOWLEDGED = frozenset(("UNACK", "ACKED", "RTNUN")), frozenset(("UNACK", "RTNUN"))
STALE_S_MIN, STALE_INTERVALS = 3.0, 3.0  # older than this, and than so many intervals: bad
Changed = Callable[[FollowedMessage, str], None]


class RowFreshness(Struct, frozen=True):
    """age_s: of the newest row of telemetry; None: none was received. stale: it is not of the present."""

    age_s: float | None
    stale: bool


def follower_of(broker: Mqtt | None, topic: str, config: Config | None, changed: Changed) -> MessageFollower:
    """A follower that is not started. broker: None: the socket of the agent on this computer."""
    follower: MessageFollower
    if broker is not None:
        follower = Follower(broker, topic, changed)
    else:
        state_dir = (config.state_dir if config else None) or default_directory()
        follower = SocketFollower(following_paths(state_dir), changed)
    follower.kinds = KINDS
    return follower


def freshness(follower: MessageFollower, followed: FollowedMessage | None, now_s: float | None = None) -> RowFreshness:
    """now_s: monotonic; None: now."""
    received_s = followed.received_s.get("telemetry") if followed else None
    if followed is None or received_s is None:
        return RowFreshness(None, True)
    age_s = max(0.0, (time.monotonic() if now_s is None else now_s) - received_s)
    contact = not follower.interrupted and follower.gateways.get(followed.gateway) != "offline"
    return RowFreshness(age_s, not contact or age_s > max(STALE_S_MIN, STALE_INTERVALS * followed.interval_s))


def flags_of(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """The flags of a message; those of EVERYTHING hold for all values."""
    found = message.get("f")
    return found if isinstance(found, dict) else {}


def bad_metrics(message: Mapping[str, Any]) -> frozenset[str]:
    """The metrics with a flag that makes their value unusable; EVERYTHING: all of them."""
    return frozenset(name for name, flags in flags_of(message).items() if not BAD_NAMES.isdisjoint(flags))


def usable_number(message: Mapping[str, Any], metric: str, bad: frozenset[str]) -> float | int | None:
    """The value of a metric, or None. bad: of `bad_metrics`."""
    value = message["v"].get(metric)
    if isinstance(value, bool) or not isinstance(value, int | float) or EVERYTHING in bad:
        return None
    return None if metric in bad or metric.removesuffix("_u") in bad else value


def alarm_summary(records: Mapping[str, Mapping[str, Any]]) -> tuple[int, int]:
    """Level of the worst active alarm, 0: none; number of alarms that are not acknowledged. records: of one motor."""
    found = list(records.values())
    active = [str(record.get("priority")) for record in found if record.get("state") in ACTIVE]
    unacknowledged = sum(record.get("state") in UNACKNOWLEDGED for record in found)
    return max((ALARM_LEVELS.get(priority, 0) for priority in active), default=0), unacknowledged
