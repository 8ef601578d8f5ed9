"""The pipeline: readings and waveforms of all devices in, rows and events of all assets out, in one thread."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from agent.analysis.power_quality.channels import WaveformChannels
from agent.config.topology import Asset
from agent.core.messages import Message
from agent.runtime.asset_state import AssetState, Due
from agent.runtime.stage import DeviceRole, MotorReading, Stage, StageContext, StageFactory, TelemetryRow
from drivers.reading import Clock, Quality, Reading, Waveform
from drivers.reasons import Reason

log = logging.getLogger(__name__)

LATE_PERIODS = 1.5  # a row is published after that many periods even if a device is missing

Item = Reading | Waveform | Callable[[], None]


class PolledPlant(Struct, frozen=True):
    """The part of a configuration that the pipeline follows.

    due_s: device → quantity → seconds between two readings; a device that is missing here is not polled.
    drive_kw: drive → rated power; None: not known.
    zone: time zone of the site.
    disabled: device → how many of its registers are not read because nothing has confirmed them.
    """

    assets: tuple[Asset, ...]
    due_s: Due
    drive_kw: Mapping[str, float | None]
    zone: str
    disabled: Mapping[str, Reason] = field(default_factory=dict)


class Outputs(Struct, frozen=True):
    """Where the pipeline publishes.

    emit: receives messages.
    publish_state: receives each change of an asset's state: asset, state, reasons.
    publish_retained: receives retained messages: asset, type, body.
    on_row: receives each complete row.
    """

    emit: Callable[[Message], None]
    publish_state: Callable[[str, str, Sequence[Reason]], None] = lambda *_: None
    publish_retained: Callable[[str, str, Mapping[str, Any]], None] = lambda *_: None
    on_row: Callable[[TelemetryRow], None] = lambda _: None


class _AssetPipeline:
    """One asset: its latest values and its stages."""

    def __init__(self, state: AssetState, stages: Sequence[Stage]) -> None:
        self.state, self.stages = state, stages

    def roles(self) -> Iterator[tuple[str, DeviceRole]]:
        """The devices whose readings this asset needs."""
        asset = self.state.asset
        own = {device.name: role for device, role in ((asset.meter, DeviceRole.METER), (asset.drive, DeviceRole.DRIVE))
               if device}  # fmt: skip
        others = dict.fromkeys((branch.drive for branch in asset.branches if branch.drive), DeviceRole.OTHER_DRIVE)
        yield from (others | dict.fromkeys(asset.signal_devices, DeviceRole.SIGNALS) | own).items()

    def on_reading(self, role: DeviceRole, reading: Reading) -> None:
        state = self.state
        values = state.own_signals(reading.values) if role is DeviceRole.SIGNALS else reading.values
        item = MotorReading(role, reading, Quality.NO_REPLY not in reading.quality, values, reading.flags)
        if role is not DeviceRole.OTHER_DRIVE:
            state.record_response(reading, item.responded)
        for stage in self.stages:
            stage.on_reading(item)
        if role is not DeviceRole.OTHER_DRIVE:
            state.store(item)

    def publish(self, now_ns: int, utc_ns: int, outputs: Outputs) -> Mapping[str, int]:
        """Publishes the state if it changed, then a row, its events and retained messages.

        Returns the counters of the row.
        """
        row = self.state.next_row(now_ns, utc_ns)
        name = self.state.asset.name
        if (changed := self.state.changed_state()) is not None:
            outputs.publish_state(name, *changed)
        if row is None:
            return {}
        for stage in self.stages:
            stage.on_row(row)
        outputs.emit(row.message())
        outputs.on_row(row)
        for message in row.events:
            log.warning("%s: %s: %s", name, message.values["event_kind"], message.values["event_text"])
            outputs.emit(message)
        for kind, body in row.retained.items():
            outputs.publish_retained(name, kind, body)
        return row.counters

    def close(self) -> None:
        for stage in self.stages:
            stage.close()


class Pipeline:
    """All assets. Without a configuration, which `reconfigure` applies, readings are ignored.

    stages: factories of the stages of a motor, in the order in which they process a reading and complete a row.
    counters: counters in the store.
    """

    def __init__(
        self, clock: Clock, outputs: Outputs, stages: Sequence[StageFactory] = (),
        counters: Mapping[str, int] | None = None,
    ) -> None:  # fmt: skip
        self._clock, self._outputs, self._factories = clock, outputs, stages
        self._counters = dict(counters or {})  # also of removed motors, which may be added again
        self._assets: dict[Asset, _AssetPipeline] = {}
        self._zone = ""
        self._by_device: dict[str, list[tuple[DeviceRole, _AssetPipeline]]] = {}
        self._channels = WaveformChannels(outputs.emit)

    def process(self, item: Item) -> None:
        """Processes a reading or a waveform, or calls a function."""
        if isinstance(item, Reading):
            self.on_reading(item)
        elif isinstance(item, Waveform):
            self.on_waveform(item)
        else:
            item()

    def on_reading(self, reading: Reading) -> None:
        """Processes a reading, and publishes the rows for which no device is missing any more.

        An internal error with one asset is raised when all assets have processed the reading.
        """
        errors = []
        for role, asset in self._by_device.get(reading.device, ()):
            try:
                self._on_reading(role, asset, reading)
            except Exception as error:
                errors.append(error)
        if errors:
            raise ExceptionGroup(f"reading of {reading.device}", errors)

    def _on_reading(self, role: DeviceRole, asset: _AssetPipeline, reading: Reading) -> None:
        asset.on_reading(role, reading)
        waits_for = asset.state.waits_for
        if reading.device in waits_for:
            waits_for.discard(reading.device)
            if not waits_for:
                self._publish(asset)

    def on_waveform(self, block: Waveform) -> None:
        now_s = self._clock.monotonic_ns() / 1e9
        for asset in self._assets.values():
            if asset.state.asset.name == block.device:
                for stage in asset.stages:
                    stage.on_waveform(block, now_s)
        self._channels.on_block(block)

    @property
    def waveform_samples_lost(self) -> int:
        """Missing samples in waveform streams."""
        return self._channels.lost

    @property
    def waveforms_waiting(self) -> int:
        """Waveform streams that are not analysed, because the kernels are not compiled."""
        return len(self._channels.waiting)

    def tick(self) -> None:
        """Publishes rows whose devices are overdue. To be called a few times a second."""
        now_ns = self._clock.monotonic_ns()
        for asset in self._assets.values():
            state = asset.state
            if not state.row_ns:
                state.row_ns = now_ns  # the first row may wait one period for its devices
            elif now_ns - state.row_ns > LATE_PERIODS * state.period_s * 1e9:
                self._publish(asset)

    def reconfigure(self, plant: PolledPlant) -> None:
        """Applies a configuration; an unchanged motor keeps its data, unless the time zone changes, in which the dates
        of its periods are. For the pipeline thread.
        """
        before = self._assets if plant.zone == self._zone else {}
        unchanged = {
            asset: before[asset]
            for asset in plant.assets
            if asset in before
            and all(before[asset].state.due_s.get(name) == plant.due_s.get(name) for name in asset.sources)
        }
        for asset in self._assets.keys() - unchanged.keys():
            self._assets[asset].close()
        self._zone = plant.zone
        self._assets = {asset: unchanged.get(asset) or self._new(asset, plant) for asset in plant.assets}
        self._by_device = {}
        for item in self._assets.values():
            for device, role in item.roles():
                self._by_device.setdefault(device, []).append((role, item))
        self._channels.configure({asset.name: asset.motor for asset in plant.assets})

    def close(self) -> None:
        """Ends subprocesses, and stores unfinished intervals."""
        for asset in self._assets.values():
            asset.close()
        self._channels.close()

    def _new(self, asset: Asset, plant: PolledPlant) -> _AssetPipeline:
        state = AssetState(asset, plant.due_s)
        drive_kw = plant.drive_kw.get(asset.drive.name) if asset.drive else None
        disabled = tuple(plant.disabled[name] for name in asset.devices if name in plant.disabled)
        context = StageContext(asset, state.period_s, drive_kw, plant.zone, self._counters, disabled, plant.due_s)
        stages = [factory(context) for factory in self._factories] if asset.motor else []
        return _AssetPipeline(state, [stage for stage in stages if stage is not None])

    def _publish(self, asset: _AssetPipeline) -> None:
        self._counters |= asset.publish(self._clock.monotonic_ns(), self._clock.utc_ns(), self._outputs)
