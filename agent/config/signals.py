"""Signals of the plant, [signal.*]: flows, damper positions, production, from registers or MQTT topics.

Each signal is published with the motor to which it belongs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from agent.config.model import Config, Mqtt
from agent.core.metrics import Metric
from drivers.profiles import Profile, Register
from drivers.profiles.model import WORDS
from drivers.profiles.s7_register import READ_VARIABLE
from drivers.s7_place import is_place, unit_text

MAX_REGISTERS = 32  # of one request: covers adjacent signals, and almost all devices accept it


class Calibration(NamedTuple):
    """Calibrations of a signal before and after.

    before, after: dates in the time zone of the plant.
    change: largest change of the error between them, with the uncertainty of both: percent of the value, of a
        temperature K, of a position or level in percent percentage points.
    """

    before: date
    after: date
    change: float


class Signal(Struct, frozen=True):
    """One register or topic.

    device: name of the readings that contain it.
    motor: the motor whose telemetry contains the value.
    metric: name, unit and description; the name is also the name of the value in the readings.
    name: of its table [signal.name].
    measures: shaft-torque | shaft-speed | winding-temperature, used for the efficiency; None: another quantity.
    accuracy: largest change of its error over the periods of a saving, relative; None: not stated.
    calibration: before and after; None: not stated.
    """

    device: str
    motor: str
    metric: Metric
    name: str
    measures: str | None = None
    accuracy: float | None = None
    calibration: Calibration | None = None


class SignalDevice(Struct, frozen=True):
    """All signals of one unit on one bus, polled together as one device.

    name: of the device, "signals-<bus>-<unit_id>".
    bus, unit_id: where it responds.
    motor: its devices are polled together with this one, so that the values have nearly the same time.
    profile: register map, made of the signals.
    """

    name: str
    bus: str
    unit_id: int
    motor: str
    profile: Profile


class TopicSignal(Struct, frozen=True):
    """A signal from an MQTT topic.

    device: name of its readings, "signal.<name>".
    metric: name of the value.
    topic: of the broker.
    value: path of the value in a JSON object, with dots for nested objects; None: the payload is a bare number.
    time: path of the time in a JSON object; None: the time of arrival is used.
    expected_interval_s: maximum interval between two values.
    scale, offset: value = payload value * scale + offset.
    low, high: limits of plausible values.
    broker: None: there is none.
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
    words = f"signal {name} {unit_of_measure.replace('%', ' pct ').replace('℃', 'degc').replace('°', 'deg')}"
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
            name,
            row["measures"],
            None if row["accuracy"] is None else row["accuracy"] / 100,
            None if row["calibration"] is None else Calibration(**row["calibration"]),
        )
        for name, row in config.signals.items()
        if row is not None
    )


def signal_devices(config: Config) -> list[SignalDevice]:
    """One pseudo-device for each bus and unit, with a register map made of its signals."""
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
    """The broker of the signal, else that of [mqtt] without the settings for publishing: a change of those must not
    reconnect the subscriber."""
    if row["broker"] is None:
        return None if config.mqtt is None else replace(config.mqtt, outputs=(), backfill_rate=None, version="auto")
    tls, host, port = row["broker"]
    return Mqtt(host, port, tls, row["user"], row["password_file"], row["ca"])


def _device_of(name: str, row: Mapping[str, Any]) -> str:
    return _device_name(row["bus"], row["unit_id"]) if row["topic"] is None else f"signal.{name}"


def _device_name(bus: str, unit: int) -> str:
    return f"signals-{bus}-{unit_text(unit).replace('.', '-').lower()}"


def _profile(config: Config, bus: str, unit: int, names: list[str]) -> Profile:
    return Profile(
        id=_device_name(bus, unit), vendor="", model="signals", kind="meter", phases=0, confidence="one_source",
        transports=("rtu", "tcp"), function=3, max_registers=MAX_REGISTERS, min_gap_s=0.005, timeout_s=1.0,
        refresh_s=0.0, gaps_allowed=False, registers=tuple(_register(name, config) for name in names),
    )  # fmt: skip


def _register(name: str, config: Config) -> Register:
    row = config.signals[name]
    is_plc = is_place(row["unit_id"])
    return Register(
        name=metric_of(name, row["unit_of_measure"]),
        address=row["address"] // 2 if is_plc else row["address"],
        function=READ_VARIABLE if is_plc else row["function"],
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
