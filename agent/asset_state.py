"""What is known of one asset between two rows, and what happened to its meter."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent.estimate.allocate import Allocation
from agent.estimate.counters import Counters
from agent.estimate.estimator import Estimator
from agent.messages import Message
from agent.metrics import Metric
from agent.topology import Asset
from drivers.reading import Quality, Value

if TYPE_CHECKING:
    from agent.estimate.gap_torque import GapTorque
    from agent.savings.live import SavingsLane

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Slot:
    """The newest value of one quantity of one device, as it is published."""

    device: str
    metric: Metric
    stale_ns: float  # from that age on
    value: Value = None
    flag: Quality = Quality.GOOD
    at_ns: tuple[int, int] = (0, 0)  # when its reading came: monotonic, and UTC, which may step back


@dataclass(slots=True)
class AssetState:
    asset: Asset
    period_s: float
    waits_for: set[str]  # devices not heard since the last row
    slots: dict[str, dict[str, Slot]] = field(default_factory=dict)  # device → quantity
    row: list[Slot] = field(default_factory=list)  # of these what is published, one for each metric
    silent: dict[str, str] = field(default_factory=dict)  # device → what went wrong
    misses: dict[str, int] = field(default_factory=dict)  # device → readings without an answer in a row
    estimator: Estimator | None = None
    allocation: Allocation | None = None
    counters: Counters | None = None
    gap_torque: GapTorque | None = None
    savings: SavingsLane | None = None
    explained_ns: int = 0  # monotonic
    wiring: str = ""  # as last told in an event
    quality: Quality = Quality.GOOD
    published_ns: int = 0  # monotonic
    told_ns: tuple[int, int] = (0, 0)  # the last row's time, monotonic and UTC
    renewed: bool = False  # whether anything came since the last row
    state: tuple[str, str] = ("", "")
    devices: tuple[str, ...] = field(init=False)  # of the asset, looked up with every reading
    sources: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.devices, self.sources = self.asset.devices, self.asset.sources

    def add(self, quantity: str, slot: Slot) -> None:
        """A quantity that comes for the first time. What the meter tells, no other device may."""
        self.slots.setdefault(slot.device, {})[quantity] = slot
        meter = self.asset.meter.name if self.asset.meter else None
        told = next((item for item in self.row if item.metric.name == slot.metric.name), None)
        if told is None or (slot.device == meter and told.device != meter):
            self.row = [item for item in self.row if item is not told] + [slot]
            self.row.sort(key=lambda item: item.device != meter)


def happenings(state: AssetState, values: Mapping[str, object], at_ms: int) -> Iterator[Message]:
    """Events of the meter since the last row: exchanges, resets, a wiring that was found wrong or right again."""
    events = state.counters.events if state.counters else []
    word = values.get("meter_wiring")
    if isinstance(word, str) and word not in ("unknown", state.wiring):
        if word != "ok" or state.wiring:
            kind = "meter_wiring_ok" if word == "ok" else "meter_wiring"
            events.append({"event_kind": kind, "event_text": word.replace("|", " or ")})
        state.wiring = word
    for body in events:
        log.warning("%s: %s (%s)", state.asset.name, body["event_kind"].replace("_", " "), body["event_text"])
        yield Message(state.asset.name, "event", at_ms, body | {"event_start_ms": at_ms}, quality=state.quality)
    events.clear()
