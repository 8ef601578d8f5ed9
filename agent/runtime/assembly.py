"""The agent, assembled: the components of `magwatt run`, of accelerated runs and of `magwatt explain --poll`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct

from agent.acquisition.bus_stops import STOP, apply_stops
from agent.acquisition.buses import Buses
from agent.acquisition.minute_mean import power_for_energy
from agent.acquisition.mqtt_signals.signals import MqttSignals
from agent.acquisition.pollers import pollers
from agent.acquisition.scheduler import BusLink, BusPoller
from agent.acquisition.selfcheck_results import disabled_registers
from agent.acquisition.unsupported_registers import UnsupportedRegisterStore
from agent.acquisition.waveform_readers import WaveformReaders
from agent.alarms import stored as alarms
from agent.alarms.operator_log import OperatorLog
from agent.config.model import Bus, Config
from agent.config.topology import assets, drive_rating_kw
from agent.core.messages import Message
from agent.delivery.delivery import Delivery
from agent.delivery.files.snapshots import SnapshotHeader, count_of_day, write_waiting
from agent.delivery.publisher import Publisher
from agent.delivery.store import Store, StoreError, default_directory
from agent.runtime.alarm_service import AlarmOutputs, AlarmService
from agent.runtime.condition_stage import STORED_AS, ConditionServices, ConditionStage
from agent.runtime.maintenance import MaintenanceLog
from agent.runtime.message_flags import MessageFlagger
from agent.runtime.pipeline import Item, Outputs, Pipeline, PolledPlant
from agent.runtime.snapshot_stage import Snapshots, SnapshotServices
from agent.runtime.stage import Stage, StageContext
from agent.runtime.stages import EXPLAIN_S, CounterStage, EfficiencyStage, SavingsStage, allocation_stage
from agent.savings.ledger.recorder import LedgerRecorder
from agent.savings.tracking.tracker import SavingsTracker
from drivers.reading import Clock
from drivers.reasons import Reason

log = logging.getLogger(__name__)

T = TypeVar("T")


class AgentOptions(Struct, frozen=True):
    """Differences from the agent of `magwatt run`.

    synchronized: whether the clock is synchronized.
    deliver: whether the sinks of the configuration receive the messages.
    ledger: whether intervals are recorded in the ledger.
    explain_s: shortest interval between two `explain` messages of a motor.
    seed: of the random delays of the pollers.
    client: part of the MQTT client ID with which signals are received.
    link_of: makes the link of a bus; None: a Modbus connection.
    compute: runs a slow function, for records of waveforms, and returns without waiting; the default runs it.
    """

    synchronized: Callable[[], bool] = lambda: True
    deliver: bool = True
    ledger: bool = True
    explain_s: float = EXPLAIN_S
    seed: int = 0
    client: str = "topics"
    link_of: Callable[[Bus], BusLink] | None = None
    compute: Callable[[Callable[[], None]], object] = lambda job: job()


class Agent:
    """The connected components of an agent. After `connect` it is ready to poll.

    config: the configuration in force.
    link_of: makes the link of a bus.
    put: receives readings and waveforms, and functions that run in the order of the queue.
    pollers: of the configuration at the start; `buses` has the running ones.
    due_s: polling intervals as the pipeline knows them.
    disabled: device → how many of its registers are not read because nothing has confirmed them.
    """

    def __init__(self, config: Config, clock: Clock, store: Store, options: AgentOptions | None = None) -> None:
        self.config, self.clock, self.store, self._options = config, clock, store, options or AgentOptions()
        self.state_dir = config.state_dir or default_directory()
        self.publisher = Publisher(config, assets(config), store, clock)
        self.delivery = Delivery(config, self.publisher, store, clock) if self._options.deliver else None
        self.flagger = MessageFlagger(
            self.publisher.publish, self.publisher.publish_state, clock, MaintenanceLog(self.state_dir),
            self._options.synchronized,
        )  # fmt: skip
        self.ledger_recorder = LedgerRecorder(store, lambda: self.config, self.publisher, clock)
        self.snapshots = self._new_snapshots()
        save = partial(store.post_entry, alarms.KIND, alarms.NAME, "")
        self.alarms = AlarmService(
            config, assets(config), clock, OperatorLog(self.state_dir),
            AlarmOutputs(self._emit, self.publisher, save), store.entry(alarms.KIND, alarms.NAME, ""),
            lambda: self.flagger.in_maintenance,
        )  # fmt: skip
        efficiency_stage = partial(EfficiencyStage, explain_s=self._options.explain_s)
        self.pipeline = Pipeline(
            clock,
            Outputs(self._emit, self._publish_state, self.publisher.publish_retained, self.alarms.on_row),
            (
                efficiency_stage,
                allocation_stage,
                CounterStage,
                self._savings_stage,
                self._condition_stage,
                *((self.snapshots.stage,) if self.snapshots else ()),
            ),
            store.counters(),
        )
        self.buses = Buses(clock)
        self.link_of = self._options.link_of or self.buses.link_of

    def connect(self, put: Callable[[Item], None] | None = None) -> None:
        """Prepares the sources of readings and configures the pipeline for them.

        put: receives the readings; None: the pipeline processes them immediately.
        """
        self.put = put or self.pipeline.process
        self.mqtt_signals = MqttSignals(self.put, self.clock, self._options.client)
        self.waveform_readers = WaveformReaders(self.put, self.clock)
        self.pollers = self.new_pollers(self.config)
        self.unsupported_registers = UnsupportedRegisterStore(self.store, self.pollers)
        self.mqtt_signals.set(self.config)
        self.due_s = due(self.pollers) | self.mqtt_signals.due_s()
        self.disabled = disabled_registers(self.config)
        self.pipeline.reconfigure(polled_plant(self.config, self.due_s, self.disabled))

    def new_pollers(self, config: Config) -> list[BusPoller]:
        """The pollers of a configuration, with stored rejections of their devices."""
        new = pollers(config, self.clock, self.put, seed=self._options.seed, link_of=self.link_of)
        UnsupportedRegisterStore(self.store, new)
        apply_stops(self.store.entries(STOP), new, self.clock)
        return new

    def save_unsupported_registers(self) -> None:
        """Stores register rejections. Disk errors are logged; measurement continues."""
        try:
            self.unsupported_registers.save()
        except StoreError as error:
            log.warning("register rejections not stored: %s", error)

    def _emit(self, message: Message) -> None:
        self.flagger.emit(message)
        if self.snapshots is not None:
            self.snapshots.on_message(message)

    def _new_snapshots(self) -> Snapshots | None:
        """None: nothing writes a lake. Another directory requires a restart."""
        files = self.config.dialects.file
        if files is None or files.layout != "wide" or not self._options.deliver:
            return None
        site = self.config.site
        write = partial(self._write_snapshot, files.directory)
        services = SnapshotServices(
            partial(count_of_day, files.directory, site.id, site.gateway),
            lambda header, samples: self._options.compute(partial(write, header, samples)),
            lambda: self.config.hash,
        )
        return Snapshots(services, lambda: self.clock.monotonic_ns() / 1e9)

    @staticmethod
    def _write_snapshot(directory: Path, header: SnapshotHeader, samples: Any) -> None:
        try:
            write_waiting(directory, header, samples)
        except OSError as error:
            log.warning("file: no snapshot of the waveform of %s: %s", header.asset, error.strerror or error)

    def _publish_state(self, asset: str, state: str, reasons: Sequence[Reason]) -> None:
        self.flagger.publish_state(asset, state, reasons)
        self.alarms.on_state(asset, reasons)

    def _condition_stage(self, context: StageContext) -> Stage:
        return ConditionStage(
            context,
            ConditionServices(
                partial(self.store.entry, STORED_AS), partial(self.store.post_entry, STORED_AS, deferred=True),
                self.alarms.on_answers, self._compute, lambda: self.clock.utc_ns() // 1_000_000,
            ),
        )  # fmt: skip

    def _compute(self, job: Callable[[], T], done: Callable[[T], None]) -> None:
        """Runs the job where the options want it, and `done` with its result in the thread of the pipeline."""

        def run() -> None:
            try:
                result = job()
            except Exception:
                log.exception("internal error; a record of a waveform is not judged")
                return
            self.put(partial(done, result))

        self._options.compute(run)

    def _savings_stage(self, context: StageContext) -> Stage:
        record = self.ledger_recorder.record if self._options.ledger else None
        tracker = SavingsTracker(
            context.asset, context.period_s, self.store, self.flagger.emit, context.zone,
            lambda motor: motor in self.flagger.in_maintenance, record,
        )  # fmt: skip
        if meter := context.asset.meter:
            tracker.power = power_for_energy(context.due_s.get(meter.name, {}))
        return SavingsStage(tracker)


def polled_plant(
    config: Config, due_s: dict[str, dict[str, float]], disabled: Mapping[str, Reason] | None = None
) -> PolledPlant:  # fmt: skip
    drive_kw = {drive.name: drive_rating_kw(config, drive) for drive in config.drives.values()}
    return PolledPlant(assets(config), due_s, drive_kw, config.site.timezone, disabled or {})


def due(buses: list[BusPoller]) -> dict[str, dict[str, float]]:
    """Device → quantity → seconds after which it is read again."""
    return {polled.device.name: polled.due_s() for bus in buses for polled in bus.devices}
