"""Where results go: one file per dialect.

A **durable** sink (MQTT, Sparkplug, a file) must not lose a row. It drains the spool from a place of its own: at the
start it is given its `Drain` (agent/store/drain.py), which wakes it when rows were committed. In its own thread it

    takes    rows:  drain.take_live(n) first, then drain.take_backlog(n); each row it takes is in its hands
    confirms them:  drain.confirm(numbers) when the far side has them for good (MQTT: PUBACK; a file: fsync)
    refuses  one:   drain.refuse(n, reason) when the far side will never take it; it is set aside and counted
    gives back all: drain.give_back() when its connection is gone; they come again, as backlog

A row is gone from the store when every durable sink has confirmed it, so one that is away for long keeps rows for
itself alone. Sinks are named once for all runs: a name that `run` does not ask for any more is forgotten.

A **live** sink (Prometheus, a page) shows what is newest and may miss rows: `show` is called for each message.

Retained texts (info, meta, state) are no rows: `tell` gives each change, and the sink asks `texts` for all of them when
it has to start anew. Nothing of a sink may hold up the caller: `tell`, `show` and `wake` only take note.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from agent.messages import Message
from agent.store import Drain

Texts = Callable[[], list[tuple[str, bytes]]]  # topic, payload of everything retained, in a good order to be sent


class DurableSink(Protocol):
    """name: under which the store keeps its place."""

    name: str

    def start(self, drain: Drain) -> None: ...

    def tell(self, topic: str, payload: bytes) -> None: ...

    def numbers(self) -> Mapping[str, float | int]:
        """For `health`; each name is a row of the metrics table."""
        ...

    def stop(self) -> None:
        """Sends what it can within a few seconds; the rest stays in the spool."""
        ...


class LiveSink(Protocol):
    def start(self) -> None: ...

    def show(self, message: Message) -> None: ...

    def stop(self) -> None: ...
