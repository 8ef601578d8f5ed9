"""What `magwatt plan` says of topics: to which broker we listen, for what, and when a value is missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agent.config import Config, Mqtt
from agent.signals import TopicSignal, topic_signals
from agent.topics.held import STALE_EVERY


def as_objects(config: Config) -> Iterator[dict[str, Any]]:
    """One for each broker."""
    for broker, signals in _by_broker(config).items():
        yield {
            "broker": _place(broker),
            "topics": [
                {
                    "signal": signal.device.removeprefix("signal."),
                    "topic": signal.topic,
                    "value": signal.value,
                    "time": signal.time,
                    "every_s": signal.expected_interval_s,
                    "stale_s": STALE_EVERY * signal.expected_interval_s,
                }
                for signal in signals
            ],
        }


def as_text(config: Config) -> Iterator[str]:
    """A block of lines for each broker."""
    for broker, signals in _by_broker(config).items():
        lines = [f"broker {_place(broker)}", f"  {'signal':20} {'every':>8} {'stale':>8}  topic"]
        for signal in signals:
            field = f"  value {signal.value}" if signal.value else ""
            every, stale = f"{signal.expected_interval_s:g} s", f"{STALE_EVERY * signal.expected_interval_s:g} s"
            lines.append(f"  {signal.device.removeprefix('signal.'):20} {every:>8} {stale:>8}  {signal.topic}{field}")
        yield "\n".join([*lines, "  nothing is asked: what others publish is listened to"])


def _by_broker(config: Config) -> dict[Mqtt | None, list[TopicSignal]]:
    found: dict[Mqtt | None, list[TopicSignal]] = {}
    for signal in topic_signals(config):
        found.setdefault(signal.broker, []).append(signal)
    return found


def _place(broker: Mqtt | None) -> str:
    return f"{broker.host}:{broker.port}" if broker else "none"
