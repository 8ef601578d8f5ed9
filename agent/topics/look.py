"""A look at topics from the outside of a running agent: what comes within a time, for `read` and `doctor`."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass

from agent.clock import SystemClock
from agent.config import Config
from agent.signals import TopicSignal
from agent.topics.held import TOPIC_PROBLEM
from agent.topics.topics import Topics
from drivers.reading import Quality, Reading

LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Seen:
    """What came for one signal. reading: None when nothing did. broker: what is wrong with the way to it."""

    signal: TopicSignal
    reading: Reading | None
    live: bool
    trouble: str
    broker: str
    waited_s: float

    def as_reading(self) -> Reading:
        """Silence as that of a device."""
        if self.reading is not None:
            return self.reading
        signal, where = self.signal, f"; {self.broker}" if self.broker else ""
        error = f"nothing came on {signal.topic} in {self.waited_s:g} s{where}"
        return Reading(signal.device, 0, 0, {signal.metric: None}, Quality.NO_REPLY, {}, TOPIC_PROBLEM(error=error))


class Look:
    """Connects at once and stays so until `stop`. Under a client id of its own: a running agent notices nothing."""

    def __init__(self, config: Config, only: str | None = None) -> None:
        self._topics = Topics(lambda reading: None, SystemClock(), f"look-{os.getpid()}")
        self._topics.set(config, only)
        self.signals = [held.signal for held in self._topics.held.values()]

    async def wait(self, longest_s: float) -> list[Seen]:
        """Until each signal told something that is of now, or something that cannot be used, or the time is over: its
        own `expected_interval`, and longest_s at most."""
        waits = {
            held.signal.device: min(held.signal.expected_interval_s, longest_s) for held in self._topics.held.values()
        }
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        while loop.time() - began_s < max(waits.values(), default=0.0):
            passed_s = loop.time() - began_s
            if all(held.live or held.trouble or passed_s >= waits[name] for name, held in self._topics.held.items()):
                break
            await asyncio.sleep(LOOK_S)
        readings = {reading.device: reading for reading in self._topics.readings()}
        return [
            Seen(held.signal, readings.get(name), held.live, held.trouble, self._trouble(held.signal), waits[name])
            for name, held in self._topics.held.items()
        ]

    def _trouble(self, signal: TopicSignal) -> str:
        listener = self._topics.listeners.get(signal.broker) if signal.broker else None
        if listener is None or signal.broker is None:
            return "there is no broker"
        if not listener.link.standing:
            return f"its broker {signal.broker.host}:{signal.broker.port} does not let us in, or is away"
        return listener.refused.get(signal.topic, "")

    async def stop(self) -> None:
        await asyncio.to_thread(self._topics.stop)
