"""The motors of a live table in the order in which they are shown: by gateway, those in trouble first."""

from __future__ import annotations

import re
import time
from typing import Any, NamedTuple

from agent.cli.watch_alarms import alarms_of, is_urgent
from agent.core.state_reasons import STATES
from agent.core.text import N_, _
from agent.delivery.mqtt.follower import FollowedMessage, Follower

STALE_S = 5.0  # from this age on a row is stale, or from three of its intervals if they are longer
INTERVAL_S_MAX = 60.0  # a longer time between two messages is an outage, not an interval
QUALITIES = (N_("good"), N_("uncertain"), N_("bad"))
_MOTOR_KINDS = {"telemetry", "state"}


class Row(NamedTuple):
    """One motor or shared meter.

    age_s: since its last telemetry was received; None: none was received.
    reachable: False if its gateway is offline; its state is then outdated.
    stale: its values are older than their interval allows, or its gateway is offline.
    alarmed: it has an urgent alarm.
    """

    followed: FollowedMessage
    age_s: float | None
    reachable: bool
    stale: bool
    alarmed: bool = False

    @property
    def name(self) -> str:
        name: str = self.followed.messages.get("meta", {}).get("name", self.followed.asset)
        return name

    @property
    def state(self) -> str | None:
        """online | stale | offline | maintenance; None: unknown."""
        state: str | None = self.followed.messages.get("state", {}).get("state")
        return state if self.reachable else None

    @property
    def telemetry(self) -> dict[str, Any]:
        return self.followed.messages.get("telemetry", {})

    @property
    def quality(self) -> str | None:
        """good | uncertain | bad; None: unknown."""
        quality: str | None = self.telemetry.get("q")
        return quality

    @property
    def in_trouble(self) -> bool:
        """Whether an operator has to look; a motor in maintenance is never in trouble."""
        if self.state == "maintenance":
            return False
        return self.stale or self.alarmed or self.state in ("offline", "stale") or self.quality == "bad"


class GatewayRows(NamedTuple):
    """The rows of one gateway.

    status: online | offline; None: unknown.
    """

    gateway: str
    status: str | None
    rows: list[Row]

    @property
    def in_trouble(self) -> int:
        return sum(row.in_trouble for row in self.rows)


def rows_by_gateway(follower: Follower, search: str = "", trouble_first: bool = True) -> list[GatewayRows]:
    """The motors in natural order (pump-2 before pump-10).

    search: words that must all occur in the topic, name, state or quality of a motor, in any case.
    trouble_first: motors in trouble, and gateways with such motors, precede the others.
    """
    words = search.casefold().split()
    found: dict[str, list[Row]] = {}
    for topic, followed in follower.seen.copy().items():  # messages arrive in another thread
        if _MOTOR_KINDS & followed.messages.keys():
            row = _row(followed, follower.gateways.get(followed.gateway), is_urgent(alarms_of(follower, topic)))
            if all(word in _searched(topic, row) for word in words):
                found.setdefault(followed.gateway, []).append(row)
    groups = [
        GatewayRows(gateway, follower.gateways.get(gateway), sorted(
            rows, key=lambda row: (trouble_first and not row.in_trouble, natural(row.followed.asset))))
        for gateway, rows in found.items()
    ]  # fmt: skip
    return sorted(groups, key=lambda group: (trouble_first and not group.in_trouble, natural(group.gateway)))


def followed_in_order(follower: Follower) -> list[FollowedMessage]:
    """All assets by topic, in natural order."""
    return [followed for _topic, followed in sorted(follower.seen.copy().items(), key=lambda item: natural(item[0]))]


def natural(text: str) -> tuple[str, str]:
    """A sort key in which numbers are compared as numbers."""
    return re.sub("[0-9]+", lambda number: number[0].zfill(20), text.casefold()), text


def translated(text: str) -> str:
    """A state or quality in the language of the user; a word of another version as it is."""
    return _(text) if text in STATES or text in QUALITIES else text


def _row(followed: FollowedMessage, status: str | None, alarmed: bool) -> Row:
    received_s = followed.received_s.get("telemetry")
    since_s = max(followed.received_s.values(), default=0.0) if received_s is None else received_s
    waited_s = time.monotonic() - since_s
    stale = waited_s > max(STALE_S, 3 * min(followed.interval_s, INTERVAL_S_MAX))
    reachable = status != "offline"
    return Row(followed, None if received_s is None else waited_s, reachable, stale or not reachable, alarmed)


def _searched(topic: str, row: Row) -> str:
    words = [word for word in (row.state, row.quality) if word]
    return " ".join((topic, row.name, *words, *map(translated, words))).casefold()
