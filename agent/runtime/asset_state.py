"""Latest values of one asset between two rows, and the events of its meter."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent.analysis.efficiency.allocation import Allocation
from agent.analysis.efficiency.energy_counters import EnergyCounters, MeterEvent
from agent.analysis.efficiency.estimator import Estimator
from agent.analysis.efficiency.reasons import METER_WIRING_CORRECT
from agent.config.topology import Asset
from agent.core.messages import Message, event
from agent.core.metrics import Metric
from drivers.reading import Quality, Value
from drivers.reasons import Reason
from dsp.wiring import OK, UNKNOWN

if TYPE_CHECKING:
    from agent.analysis.efficiency.airgap_torque import AirgapTorque
    from agent.savings.tracking.tracker import SavingsTracker

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Slot:
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


@dataclass(slots=True)
class AssetState:
    """Data of one asset.

    period_s: shortest polling period of its devices.
    waits_for: devices without a reading since the last row.
    slots: device → quantity → latest value.
    row: the published values, one for each metric.
    silent: device without a response → cause; None: not known.
    misses: device → consecutive readings without a response.
    explained_ns: monotonic time of the last `explain` message.
    wiring: result of the wiring check in the last event.
    published_ns: monotonic time of the last row.
    row_ns: time in the last row: monotonic and UTC.
    renewed: whether a reading arrived since the last row.
    state: published state with its reasons.
    devices, sources: those of the asset, used with every reading.
    """

    asset: Asset
    period_s: float
    waits_for: set[str]
    slots: dict[str, dict[str, Slot]] = field(default_factory=dict)
    row: list[Slot] = field(default_factory=list)
    silent: dict[str, Reason | None] = field(default_factory=dict)
    misses: dict[str, int] = field(default_factory=dict)
    estimator: Estimator | None = None
    allocation: Allocation | None = None
    counters: EnergyCounters | None = None
    gap_torque: AirgapTorque | None = None
    savings: SavingsTracker | None = None
    explained_ns: int = 0
    wiring: str = ""
    quality: Quality = Quality.GOOD
    published_ns: int = 0
    row_ns: tuple[int, int] = (0, 0)
    renewed: bool = False
    state: tuple[str, list[Reason]] = field(default_factory=lambda: ("", []))
    devices: tuple[str, ...] = field(init=False)
    sources: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.devices, self.sources = self.asset.devices, self.asset.sources

    def add(self, quantity: str, slot: Slot) -> None:
        """Adds a new quantity. If several devices measure a metric, the value of the meter is published."""
        self.slots.setdefault(slot.device, {})[quantity] = slot
        meter = self.asset.meter.name if self.asset.meter else None
        known = next((item for item in self.row if item.metric.name == slot.metric.name), None)
        if known is None or (slot.device == meter and known.device != meter):
            self.row = [item for item in self.row if item is not known] + [slot]
            self.row.sort(key=lambda item: item.device != meter)


def meter_events(state: AssetState, at_ms: int) -> Iterator[Message]:
    """Events of the meter since the last row: replaced, register reset, wiring found wrong or correct again."""
    found = state.counters.events if state.counters else []
    if state.estimator is not None and state.asset.meter and not state.asset.shared:
        wiring = state.estimator.guard.wiring
        if wiring.text not in (UNKNOWN, state.wiring):
            if wiring.text != OK:
                found.append(MeterEvent("meter_wiring", [fault.reason for fault in wiring.faults]))
            elif state.wiring:
                found.append(MeterEvent("meter_wiring_ok", [METER_WIRING_CORRECT()]))
            state.wiring = wiring.text
    for kind, reasons in found:
        message = event(state.asset.name, at_ms, kind, reasons, {"event_start_ms": at_ms}, state.quality)
        log.warning("%s: %s: %s", state.asset.name, kind, message.values["event_text"])
        yield message
    found.clear()
