"""For the servers of the systems above: a follower that is fed by hand, and the messages of a motor."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec

from agent.core.messages import Message, encode
from agent.delivery.followed_messages import FollowedMessage, MessageFollower
from drivers.reading import Quality

ROOT = "magwatt/v1/mill/gw-1"


class FedFollower(MessageFollower):
    """connected: what `interrupted` is the opposite of. listeners: are called after each message."""

    connected = True

    def __init__(self, *listeners: Callable[[FollowedMessage, str], None]) -> None:
        super().__init__(self._on_change)
        self.listeners = list(listeners)

    def _on_change(self, followed: FollowedMessage, kind: str) -> None:
        for listener in self.listeners:
            listener(followed, kind)

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass

    @property
    def interrupted(self) -> bool:
        return not self.connected

    def feed(self, asset: str, kind: str, body: dict[str, Any], age_s: float = 0.0) -> None:
        """A message of an asset; `s` and `t` are added."""
        full = {"s": f"magwatt.{kind}/1", "t": time.time_ns() // 1_000_000, **body}
        self.receive(f"{ROOT}/{asset}/{kind}", msgspec.json.encode(full), age_s)

    def feed_row(self, asset: str, age_s: float = 0.0, kind: str = "telemetry", **values: Any) -> None:
        """A message of the agent's own envelope, without flags."""
        self.receive(f"{ROOT}/{asset}/{kind}", row_of(asset, kind, **values), age_s)


def row_of(asset: str, kind: str = "telemetry", **values: Any) -> bytes:
    """A message of the agent's own envelope, without flags."""
    return encode(Message(asset, kind, time.time_ns() // 1_000_000, values, quality=Quality.GOOD), "1-1")


def topics(count: int) -> list[str]:
    return [f"{ROOT}/pump-{number}" for number in range(1, count + 1)]
