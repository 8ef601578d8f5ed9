"""Interface between the pipeline and its stages: the reading that a stage processes, and the row that it completes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any

from msgspec import Struct, field

from agent.analysis.efficiency.energy_window import EnergyCell
from agent.config.topology import Asset
from agent.core.messages import Message, event
from agent.core.metrics import Metric, rounded
from drivers.reading import Quality, Reading, Value, Waveform
from drivers.reasons import Reason


class DeviceRole(Enum):
    """What a device is for a motor: its meter, its drive, its plant signals, or another drive of its meter."""

    METER = "meter"
    DRIVE = "drive"
    SIGNALS = "signals"
    OTHER_DRIVE = "other_drive"


class MotorReading(Struct):
    """A reading for one motor.

    role: what the device is for this motor.
    reading: what the device returned.
    responded: whether it responded.
    values, flags: the part of this motor; a stage may replace them, the stages after it and the row use them.
    """

    role: DeviceRole
    reading: Reading
    responded: bool
    values: Mapping[str, Value]
    flags: Mapping[str, Quality]


class TelemetryRow(Struct):
    """The telemetry of one asset at one time, completed by one stage after the other.

    now_ns: monotonic time.
    utc_ms: present UTC.
    t_ms: UTC of the newest value.
    metrics: metrics of the message, by name.
    values, uncertainties, methods, flags, quality, counters, reasons: as in Message.
    energies: what the motor converted since the last row.
    speed_rpm: of the shaft; None: not known.
    withheld: why no efficiency may be published; None: one may be.
    events, retained: published after the row; retained: message type → body.
    """

    asset: str
    now_ns: int
    utc_ms: int
    t_ms: int
    metrics: Mapping[str, Metric]
    quality: Quality = Quality.GOOD
    values: dict[str, object] = field(default_factory=dict)
    uncertainties: dict[str, float] = field(default_factory=dict)
    methods: dict[str, str] = field(default_factory=dict)
    flags: dict[str, Quality] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, Sequence[Reason]] = field(default_factory=dict)
    energies: Sequence[EnergyCell] = ()
    speed_rpm: float | None = None
    withheld: Reason | None = None
    events: list[Message] = field(default_factory=list)
    retained: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def now_s(self) -> float:
        return self.now_ns / 1e9

    def put(self, values: Mapping[str, Value]) -> None:
        """Adds values with the digits of their metrics."""
        metrics, own = self.metrics, self.values
        for name, value in values.items():
            own[name] = rounded(metrics[name], value) if isinstance(value, (int, float)) else value

    def put_uncertainties(self, found: Mapping[str, float]) -> None:
        """Adds the uncertainties of values of this row, with three digits."""
        values, own = self.values, self.uncertainties
        for name, u in found.items():
            if name in values:
                own[name] = float(f"{u:.3g}")

    def add_event(self, kind: str, reasons: Sequence[Reason]) -> None:
        start = {"event_start_ms": self.t_ms}
        self.events.append(event(self.asset, self.t_ms, kind, reasons, start, self.quality))

    def message(self) -> Message:
        return Message(self.asset, "telemetry", self.t_ms, self.values, self.uncertainties, self.methods, self.flags,
                       self.quality, self.counters, self.reasons)  # fmt: skip


class Stage:
    """Processes the data of one motor, in the pipeline thread.

    Stages exchange data only by MotorReading and TelemetryRow.
    """

    def on_reading(self, item: MotorReading) -> None:
        """A reading of a device of this motor, or of another drive of its meter; also one without a response."""

    def on_waveform(self, block: Waveform, now_s: float) -> None:
        """A block of the waveform of this motor; now_s: monotonic time."""

    def on_row(self, row: TelemetryRow) -> None:
        """The next row, with the values of the devices and of the stages before."""

    def close(self) -> None:
        """The agent stops, or the motor is removed or gets another configuration."""


class StageContext(Struct, frozen=True):
    """What a stage is made from.

    asset: the motor with its devices.
    period_s: shortest polling period of its devices.
    due_s: device → quantity → seconds between two readings.
    drive_kw: rated power of its drive; None: not known, or no drive.
    zone: time zone of the site.
    counters: counters of the store; of a stage made before, as its last row had them.
    disabled: of its devices with registers that are not read because nothing has confirmed them, how many.
    """

    asset: Asset
    period_s: float
    drive_kw: float | None
    zone: str
    counters: Mapping[str, int]
    disabled: tuple[Reason, ...] = ()
    due_s: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


StageFactory = Callable[[StageContext], Stage | None]  # None: the motor does not need this stage
