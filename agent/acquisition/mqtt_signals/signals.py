"""All signals from topics: one connection for each broker, and readings at a fixed interval as of polled devices."""

from __future__ import annotations

import threading
import zlib
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from agent.acquisition.mqtt_signals.signal_state import SignalState
from agent.config.model import Config, Mqtt
from agent.config.signals import topic_signals
from drivers.reading import Clock, Quality, Reading

if TYPE_CHECKING:
    from agent.acquisition.mqtt_signals.subscriber import MqttSubscriber

SAMPLE_INTERVAL_S = 1.0  # interval of the readings; of several values in one interval the latest is used


class MqttSignals:
    """Between two readings one value is stored for each signal, so that no queue can grow.

    states: device → state of the signal.
    subscribers: broker → connection.
    on_reading: is called with each reading.
    purpose: part of the client ID, which must be unique.
    """

    def __init__(self, on_reading: Callable[[Reading], None], clock: Clock, purpose: str = "topics") -> None:
        self.states: dict[str, SignalState] = {}
        self.subscribers: dict[Mqtt, MqttSubscriber] = {}
        self._on_reading, self._clock, self._purpose = on_reading, clock, purpose
        self._quality = Quality.GOOD
        self._by_topic: dict[tuple[Mqtt, str], list[SignalState]] = {}
        self._lock = threading.Lock()  # messages arrive in the threads of the connections
        self._messages = self._rejected = 0

    def set(self, config: Config, only: str | None = None) -> None:
        """Follows the signals of a configuration. Unchanged signals keep their value, unchanged brokers stay connected.

        only: device of the only signal to follow; None: all. Blocks for some seconds when a broker is removed.
        """
        now_ns, utc_ns = self._clock.monotonic_ns(), self._clock.utc_ns()
        signals = [signal for signal in topic_signals(config) if only in (None, signal.device)]
        with self._lock:
            known = {state.signal: state for state in self.states.values()}
            self.states = {
                signal.device: known.get(signal) or SignalState(signal, now_ns, utc_ns) for signal in signals
            }
            self._quality = Quality.SIMULATED if config.site.simulated else Quality.GOOD
            self._by_topic = {}
            for state in self.states.values():
                if state.signal.broker is not None:
                    self._by_topic.setdefault((state.signal.broker, state.signal.topic), []).append(state)
        topics: defaultdict[Mqtt, set[str]] = defaultdict(set)
        for broker, topic in self._by_topic:
            topics[broker].add(topic)
        for broker in self.subscribers.keys() - topics.keys():
            self.subscribers.pop(broker).link.stop()
        for broker, followed in topics.items():
            if broker not in self.subscribers:
                self._connect(config, broker)
            self.subscribers[broker].follow(followed)

    def due_s(self) -> dict[str, dict[str, float]]:
        """Device → quantity → interval in which it is read."""
        return {name: {state.signal.metric: SAMPLE_INTERVAL_S} for name, state in self.states.items()}

    def readings(self) -> list[Reading]:
        """One of each signal with a value, or with an overdue value."""
        now_ns, utc_ns = self._clock.monotonic_ns(), self._clock.utc_ns()
        with self._lock:
            found = [
                state.reading(now_ns, utc_ns, self._quality, self.connected(state)) for state in self.states.values()
            ]
        return [reading for reading in found if reading is not None]

    def connected(self, state: SignalState) -> bool:
        subscriber = self.subscribers.get(state.signal.broker) if state.signal.broker else None
        return subscriber is not None and subscriber.link.connected

    async def run(self) -> None:
        while True:
            for reading in self.readings():
                self._on_reading(reading)
            await self._clock.sleep(SAMPLE_INTERVAL_S)

    def numbers(self) -> Mapping[str, float | int]:
        """For `health`; empty without signals from topics."""
        if not self.states:
            return {}
        now_ns = self._clock.monotonic_ns()
        with self._lock:
            silent = sum(state.silent(now_ns) for state in self.states.values())
        return {"topic_messages": self._messages, "topic_payloads_rejected": self._rejected, "topics_silent": silent}

    def stop(self) -> None:
        for subscriber in list(self.subscribers.values()):  # `set` may still run in a cancelled reload
            subscriber.link.stop()

    def _connect(self, config: Config, broker: Mqtt) -> None:
        from agent.acquisition.mqtt_signals.subscriber import MqttSubscriber  # imports paho

        address = f"{broker.user or ''}@{broker.host}:{broker.port}"
        client_id = f"magwatt-{config.site.id}-{config.site.gateway}-{self._purpose}-{zlib.crc32(address.encode()):08x}"
        subscriber = self.subscribers[broker] = MqttSubscriber(
            broker, client_id, lambda topic, payload, retained: self._on_message(broker, topic, payload, retained)
        )
        subscriber.link.start()

    def _on_message(self, broker: Mqtt, topic: str, payload: bytes, retained: bool) -> None:
        now_ns, utc_ns = self._clock.monotonic_ns(), self._clock.utc_ns()
        with self._lock:
            followed = self._by_topic.get((broker, topic), ())
            self._messages += bool(followed)
            for state in followed:
                self._rejected += not state.on_payload(payload, retained, now_ns, utc_ns)
