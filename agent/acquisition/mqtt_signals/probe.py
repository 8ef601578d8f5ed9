"""Receive the signals from topics for a limited time, independently of a running agent: for `read` and `doctor`."""

from __future__ import annotations

import asyncio
import os

from msgspec import Struct

from agent.acquisition.mqtt_signals import reasons as codes
from agent.acquisition.mqtt_signals.signals import MqttSignals
from agent.config.model import Config
from agent.config.signals import TopicSignal
from agent.core.clock import SystemClock
from drivers.reading import Quality, Reading
from drivers.reasons import Reason

CHECK_INTERVAL_S = 0.05


class ProbedTopic(Struct, frozen=True):
    """What was received of one signal.

    reading: None: nothing.
    live: a good value with a known time was received.
    problem: what is wrong with the latest payload; None: nothing.
    broker: what is wrong with the connection or subscription; None: nothing.
    waited_s: maximum waiting time, seconds.
    """

    signal: TopicSignal
    reading: Reading | None
    live: bool
    problem: Reason | None
    broker: Reason | None
    waited_s: float

    def as_reading(self) -> Reading:
        """The reading; without one, that of a device that does not respond."""
        if self.reading is not None:
            return self.reading
        signal = self.signal
        error = codes.NO_MESSAGE(topic=signal.topic, waited_s=self.waited_s)
        if self.broker:
            error = codes.NO_MESSAGE_BECAUSE(topic=signal.topic, waited_s=self.waited_s, cause=self.broker)
        return Reading(signal.device, 0, 0, {signal.metric: None}, Quality.NO_REPLY, {}, error)


class TopicProbe:
    """Connects immediately and disconnects with `stop`. Its own client ID leaves a running agent connected."""

    def __init__(self, config: Config, only: str | None = None) -> None:
        self._topics = MqttSignals(lambda reading: None, SystemClock(), f"look-{os.getpid()}")
        self._topics.set(config, only)
        self.signals = [state.signal for state in self._topics.states.values()]

    async def wait(self, longest_s: float) -> list[ProbedTopic]:
        """Waits until each signal has a live value or an unusable payload, or its time is over: its
        `expected_interval`, at most longest_s."""
        states = self._topics.states
        waits = {name: min(state.signal.expected_interval_s, longest_s) for name, state in states.items()}
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        while (passed_s := loop.time() - began_s) < max(waits.values(), default=0.0):
            if all(state.live or state.problem or passed_s >= waits[name] for name, state in states.items()):
                break
            await asyncio.sleep(CHECK_INTERVAL_S)
        readings = {reading.device: reading for reading in self._topics.readings()}
        return [
            ProbedTopic(state.signal, readings.get(name), state.live, state.problem, self._broker_problem(state.signal),
                 waits[name])
            for name, state in states.items()
        ]  # fmt: skip

    def _broker_problem(self, signal: TopicSignal) -> Reason | None:
        subscriber = self._topics.subscribers.get(signal.broker) if signal.broker else None
        if subscriber is None or signal.broker is None:
            return codes.NO_SIGNAL_BROKER()
        if not subscriber.link.connected:
            return codes.SIGNAL_BROKER_UNREACHABLE(host=signal.broker.host, port=signal.broker.port)
        return subscriber.rejected.get(signal.topic)

    async def stop(self) -> None:
        await asyncio.to_thread(self._topics.stop)
