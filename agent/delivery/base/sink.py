"""Protocol of the sinks, the destinations of results.

A **durable** sink (MQTT, Sparkplug, files) must not lose a row. It has its own position in the spool: `start` passes
its `SinkCursor` (agent/delivery/store/cursor.py), which wakes the sink when there are rows. Its own thread

    fetches rows:     cursor.fetch_live(n) first, then cursor.fetch_backlog(n)
    confirms them:    cursor.confirm(numbers) when the destination has stored them (MQTT: PUBACK; a file: fsync)
    rejects a row:    cursor.reject(n, reason) when the destination will never accept it; it is set aside and counted
    returns all rows: cursor.return_unconfirmed() when its connection has ended; they come again as backlog

A row is deleted from the spool when every durable sink has confirmed it. A sink keeps its name over all runs; a name
that is no longer configured is removed.

A **live** sink (Prometheus, Home Assistant) shows the newest values and may miss rows: `on_published` is called for
each message.

Retained messages (info, meta, state) are not rows: `update_retained` passes each change, and the sink calls
`RetainedMessages` for all of them after it has connected. No method of a sink may block its caller: `reconfigure`,
`update_retained`, `on_published` and `wake` only record the change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from agent.config.model import Config
from agent.config.topology import Asset
from agent.core.messages import Message
from agent.delivery.store import SinkCursor

RetainedMessages = Callable[[], list[tuple[str, bytes]]]  # topic and payload of each, in the order of sending


class Sink(Protocol):
    def reconfigure(self, config: Config, assets: tuple[Asset, ...]) -> None:
        """Applies a changed configuration."""

    def stop(self) -> None:
        """A durable sink sends rows for a few seconds at most; the others stay in the spool."""


class DurableSink(Sink, Protocol):
    """A sink that must not lose a row. name: key of its position in the store."""

    name: str

    def start(self, cursor: SinkCursor) -> None: ...

    def update_retained(self, topic: str, payload: bytes) -> None:
        """Receives a changed retained message."""

    def numbers(self) -> Mapping[str, float | int]:
        """Values for `health`; each name is a metric."""
        ...


class LiveSink(Sink, Protocol):
    def start(self) -> None: ...

    def on_published(self, message: Message) -> None: ...
