"""The part of `magwatt plan` about MQTT topics: brokers, topics, and the age at which a value is missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agent.acquisition.mqtt_signals.signal_state import STALE_EVERY
from agent.config.model import Config, Mqtt
from agent.config.signals import TopicSignal, topic_signals
from agent.core.columns import headings
from agent.core.text import N_, _

COLUMNS = ((N_("signal"), 20), (N_("interval"), -8), (N_("stale"), -8), (N_("topic"), 20))


def as_objects(config: Config) -> Iterator[dict[str, Any]]:
    """One object for each broker."""
    for broker, signals in _by_broker(config).items():
        yield {
            "broker": _address(broker),
            "topics": [
                {
                    "signal": signal.device.removeprefix("signal."),
                    "topic": signal.topic,
                    "value": signal.value,
                    "time": signal.time,
                    "expected_interval_s": signal.expected_interval_s,
                    "stale_s": STALE_EVERY * signal.expected_interval_s,
                }
                for signal in signals
            ],
        }


def as_text(config: Config) -> Iterator[str]:
    """A block of lines for each broker."""
    for broker, signals in _by_broker(config).items():
        lines = [_("broker {address}", address=_address(broker)), f"  {headings(COLUMNS)}"]
        for signal in signals:
            field = f"  value {signal.value}" if signal.value else ""
            every, stale = f"{signal.expected_interval_s:g} s", f"{STALE_EVERY * signal.expected_interval_s:g} s"
            lines.append(f"  {signal.device.removeprefix('signal.'):20} {every:>8} {stale:>8} {signal.topic}{field}")
        note = _("Subscribed only; the agent sends no request for these values.")
        yield "\n".join([*lines, f"  {note}"])


def _by_broker(config: Config) -> dict[Mqtt | None, list[TopicSignal]]:
    found: dict[Mqtt | None, list[TopicSignal]] = {}
    for signal in topic_signals(config):
        found.setdefault(signal.broker, []).append(signal)
    return found


def _address(broker: Mqtt | None) -> str:
    return f"{broker.host}:{broker.port}" if broker else "–"
