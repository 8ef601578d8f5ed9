"""What a plant tells beside its meters, [signal.*]: flows, dampers, tonnes, from registers or topics of a broker.

Each is published with the motor it belongs to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from agent.config import Config, Mqtt
from agent.metrics import Metric
from drivers.profiles import Profile, Register
from drivers.profiles.shape import WORDS

MAX_REGISTERS = 32  # in one read: enough for signals side by side, and few devices refuse it


@dataclass(frozen=True, slots=True)
class Signal:
    """One register or topic; its metric's name is also its name in readings of `device`."""

    device: str
    motor: str
    metric: Metric
    measures: str | None = None  # shaft-torque | shaft-speed | winding-temperature: what an efficiency may use
    accuracy: float | None = None  # relative U (k = 2), for what savings are adjusted by


@dataclass(frozen=True, slots=True)
class SignalDevice:
    """All signals of one unit on one bus, polled together under a name of their own."""

    name: str
    bus: str
    unit_id: int
    motor: str  # with which it is polled close together
    profile: Profile


@dataclass(frozen=True, slots=True)
class TopicSignal:
    """A signal that somebody publishes. `device` is the name of its readings, in the words of the configuration.

    value, time: fields of a JSON object, dots go deeper; None: the payload is a bare number, the time is that of
    arrival. broker: None where there is none.
    """

    device: str
    metric: str
    topic: str
    value: str | None
    time: str | None
    expected_interval_s: float
    scale: float
    offset: float
    low: float
    high: float
    broker: Mqtt | None


def metric_of(name: str, unit_of_measure: str) -> str:
    """`descaler-1-flow` in m3/h → `signal_descaler_1_flow_m3_h`."""
    words = f"signal {name} {unit_of_measure.replace('%', ' pct ').replace('°', 'deg')}"
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")


def signals(config: Config) -> tuple[Signal, ...]:
    return tuple(
        Signal(
            _device_of(name, row),
            row["motor"],
            Metric(
                metric_of(name, row["unit_of_measure"]),
                row["unit_of_measure"],
                f"signal {name} of the plant",
                "measured",
            ),
            row["measures"],
            None if row["accuracy"] is None else row["accuracy"] / 100,
        )
        for name, row in config.signals.items()
        if row is not None
    )


def signal_devices(config: Config) -> list[SignalDevice]:
    """One pseudo-device per bus and unit, with a map made of its signals."""
    found: dict[tuple[str, int], list[str]] = {}
    for name, row in config.signals.items():
        if row["topic"] is None:
            found.setdefault((row["bus"], row["unit_id"]), []).append(name)
    return [
        SignalDevice(
            _device_name(bus, unit), bus, unit, config.signals[names[0]]["motor"], _profile(config, bus, unit, names)
        )
        for (bus, unit), names in found.items()
    ]


def topic_signals(config: Config) -> tuple[TopicSignal, ...]:
    return tuple(
        TopicSignal(
            _device_of(name, row), metric_of(name, row["unit_of_measure"]), row["topic"], row["value"], row["time"],
            row["expected_interval"], row["scale"], row["offset"], row["low"], row["high"], _broker(config, row),
        )
        for name, row in config.signals.items()
        if row["topic"] is not None
    )  # fmt: skip


def _broker(config: Config, row: Mapping[str, Any]) -> Mqtt | None:
    """As [mqtt] says, without what concerns publishing only, so that a change of that is none here."""
    if row["broker"] is None:
        return None if config.mqtt is None else replace(config.mqtt, outputs=(), backfill_rate=None, version="auto")
    tls, host, port = row["broker"]
    return Mqtt(host, port, tls, row["user"], row["password_file"], row["ca"])


def _device_of(name: str, row: Mapping[str, Any]) -> str:
    return _device_name(row["bus"], row["unit_id"]) if row["topic"] is None else f"signal.{name}"


def _device_name(bus: str, unit: int) -> str:
    return f"signals-{bus}-{unit}"


def _profile(config: Config, bus: str, unit: int, names: list[str]) -> Profile:
    rows = [_register(name, config) for name in names]
    return Profile(
        id=_device_name(bus, unit), vendor="", model="signals", kind="meter", phases=0, confidence="one_source",
        transports=("rtu", "tcp"), function=3, max_registers=MAX_REGISTERS, min_gap_s=0.005, timeout_s=1.0,
        refresh_s=0.0, gaps_allowed=False, registers=tuple(rows),
    )  # fmt: skip


def _register(name: str, config: Config) -> Register:
    row = config.signals[name]
    return Register(
        name=metric_of(name, row["unit_of_measure"]),
        address=row["address"],
        function=row["function"],
        type=row["type"],
        words=WORDS[row["type"]],
        big_words_first=row["word_order"] == "big",
        scale=row["scale"],
        offset=row["offset"],
        unit=row["unit_of_measure"],
        group="fast",
        confidence="one_source",
        window=(row["low"], row["high"]),
    )
