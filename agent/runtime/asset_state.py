"""Latest values of the devices of one asset, from which its rows start, and its state: online, stale or offline."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from msgspec import Struct

from agent.config.topology import Asset
from agent.core.metrics import Metric, rounded
from agent.core.state_reasons import DEVICE_NOT_POLLED, DEVICE_NOT_RESPONDING, DEVICE_UNAVAILABLE
from agent.runtime.stage import MotorReading, TelemetryRow
from drivers.reading import ORIGIN, Quality, Reading, Value
from drivers.reasons import Reason
from drivers.vocabulary import metric_name_of

log = logging.getLogger(__name__)

STALE_PERIODS = 3.0  # a value not renewed for that many of its own periods is stale
MISSES_MIN = 2  # consecutive failures that change an asset's state; its values are null from the first one
_GOOD = Quality.GOOD  # used for each value of each row

Due = Mapping[str, Mapping[str, float]]  # device → quantity → seconds between two readings


class Slot(Struct):
    """The latest value of one quantity of one device.

    stale_ns: age from which the value is stale.
    at_ns: arrival of its reading: monotonic time, and UTC, which may step back.
    """

    device: str
    metric: Metric
    stale_ns: float
    value: Value = None
    flag: Quality = Quality.GOOD
    at_ns: tuple[int, int] = (0, 0)


class AssetState:
    """Data of one asset.

    due_s: of its devices; a device that is missing here is not polled.
    period_s: shortest polling period of its meter and drive.
    waits_for: devices without a reading since the last row.
    row_ns: monotonic time of the last row.
    """

    def __init__(self, asset: Asset, due_s: Due) -> None:
        self.asset = asset
        self.due_s = {name: due_s[name] for name in asset.sources if name in due_s}
        self._polled = [name for name in asset.devices if name in due_s]
        self.period_s = min((min(due.values()) for name in self._polled if (due := due_s[name])), default=1.0)
        self.waits_for = set(self._polled)
        self.row_ns = 0
        self._metrics = asset.metrics("telemetry")
        self._signals = {signal.metric.name for signal in asset.signals}
        self._slots: dict[str, dict[str, Slot]] = {}  # device → quantity → value
        self._row: list[Slot] = []  # the published values, one for each metric
        self._causes: dict[str, Reason | None] = {}  # device without a response → cause; None: not known
        self._misses: dict[str, int] = {}  # device → consecutive readings without a response
        self._quality = Quality.GOOD
        self._newest_ns = (0, 0)  # time in the last row: monotonic and UTC
        self._renewed = False  # a reading arrived since the last row
        self._state: tuple[str, list[Reason]] = ("", [])

    def own_signals(self, values: Mapping[str, Value]) -> Mapping[str, Value]:
        """The values of a signal device that belong to this asset."""
        return {name: value for name, value in values.items() if name in self._signals}

    def record_response(self, reading: Reading, responded: bool) -> None:
        """Records whether a device of this asset has responded."""
        self._quality = reading.quality & ORIGIN
        if responded:
            self._causes.pop(reading.device, None)
            self._misses[reading.device] = 0
        else:
            self._causes[reading.device] = reading.error
            self._misses[reading.device] = self._misses.get(reading.device, MISSES_MIN) + 1

    def store(self, item: MotorReading) -> None:
        """Stores the values of a reading that belong to this asset."""
        self._renewed = True
        reading, flags = item.reading, item.flags
        known = self._slots.get(reading.device, {})
        at_ns = reading.monotonic_ns, reading.came_ns
        for name, value in item.values.items():
            slot = known.get(name) or self._new_slot(reading.device, name)
            slot.value = rounded(slot.metric, value) if isinstance(value, (int, float)) else value
            slot.flag = flags.get(name, _GOOD)
            slot.at_ns = at_ns
        if not item.responded:  # all values of this device are unknown now, those of slow groups too
            for slot in self._slots.get(reading.device, {}).values():
                slot.value, slot.flag = None, slot.flag | Quality.NO_REPLY

    def next_row(self, now_ns: int, utc_ns: int) -> TelemetryRow | None:
        """Starts a row with the values of the devices; None before the first reading."""
        self.waits_for = {name for name in self._polled if name not in self._causes}
        self.row_ns = now_ns
        if not self._slots:
            return None
        values: dict[str, object] = {}
        flags: dict[str, Quality] = {}
        newest = (0, 0)
        for slot in self._row:
            name, flag = slot.metric.name, slot.flag
            if now_ns - slot.at_ns[0] > slot.stale_ns:
                flag |= Quality.STALE
            values[name] = slot.value
            if flag:
                flags[name] = flag
            if slot.at_ns > newest:
                newest = slot.at_ns
        # Without new values the row has the present time. The next row never has an earlier time.
        self._newest_ns = max(self._newest_ns, newest if self._renewed else (now_ns, utc_ns))
        self._renewed = False
        return TelemetryRow(
            self.asset.name, now_ns, utc_ns // 1_000_000, self._newest_ns[1] // 1_000_000, self._metrics,
            self._quality, values, flags=flags,
        )  # fmt: skip

    def changed_state(self) -> tuple[str, list[Reason]] | None:
        """The state with its reasons if it has changed since the last call."""
        unpolled = [name for name in self.asset.sources if name not in self.due_s]
        unresponsive = {name for name in self._causes if self._misses[name] >= MISSES_MIN}
        reasons = [
            DEVICE_UNAVAILABLE(device=name, cause=cause) if (cause := self._causes[name]) else
            DEVICE_NOT_RESPONDING(device=name)
            for name in self.due_s if name in unresponsive
        ]  # fmt: skip
        reasons += [DEVICE_NOT_POLLED(device=name) for name in unpolled]
        responding = self._slots.keys() - unresponsive
        state = "online" if responding and not reasons else "stale" if responding and self.due_s else "offline"
        if (state, reasons) == self._state or not (self._slots or not self.due_s):
            return None
        if state != self._state[0]:
            log.log(logging.INFO if state == "online" else logging.WARNING, "%s is %s%s", self.asset.name, state,
                    f" ({'; '.join(map(str, reasons))})" if reasons else "")  # fmt: skip
        self._state = (state, reasons)
        return self._state

    def _new_slot(self, device: str, quantity: str) -> Slot:
        """Adds a new quantity. If several devices measure a metric, the value of the meter is published."""
        due_s = self.due_s[device].get(quantity, self.period_s)
        slot = Slot(device, self._metrics[metric_name_of(quantity)], (STALE_PERIODS * due_s + 1) * 1e9)
        self._slots.setdefault(device, {})[quantity] = slot
        meter = self.asset.meter.name if self.asset.meter else None
        known = next((item for item in self._row if item.metric.name == slot.metric.name), None)
        if known is None or (device == meter and known.device != meter):
            self._row = [item for item in self._row if item is not known] + [slot]
            self._row.sort(key=lambda item: item.device != meter)
        return slot
