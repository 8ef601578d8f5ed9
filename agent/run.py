"""The agent: polls, computes, publishes, until it is told to stop.

Threads: asyncio for everything that waits, one computing thread, one reader thread per waveform, one for MQTT.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import signal
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from agent import kernels
from agent.checked import apply_checks
from agent.clock import SystemClock
from agent.compute import Compute
from agent.config import Config
from agent.learnt import Refusals
from agent.messages import Message
from agent.metrics import by_name, rounded
from agent.poll import BusPoller, pollers
from agent.publish import Publisher
from agent.sinks.mqtt import MqttSink
from agent.store import Store, StoreError, default_directory
from agent.topology import assets, drive_rating_kw
from drivers.reading import Clock, Quality, Reading, Waveform

if TYPE_CHECKING:
    from drivers.waveform import StreamReader

log = logging.getLogger(__name__)

QUEUE_MAX = 1000  # readings and waveform blocks between the wires and the computing thread
TICK_S = 0.25
FAILURES_SHOWN = 3
HEALTH_S, SAVE_S = 60.0, 60.0
START_TIME = time.monotonic()


class Worker(threading.Thread):
    """The computing thread: takes readings and waveforms from a bounded queue; when it is full the oldest goes."""

    def __init__(self, compute: Compute) -> None:
        super().__init__(name="compute", daemon=True)
        self.dropped = self.failures = 0
        self._compute = compute
        self._queue: queue.Queue[Reading | Waveform | None] = queue.Queue(QUEUE_MAX)

    def put(self, item: Reading | Waveform) -> None:
        while True:
            try:
                self._queue.put_nowait(item)
                return
            except queue.Full:
                with contextlib.suppress(queue.Empty):
                    self._queue.get_nowait()
                    self.dropped += 1

    def stop(self) -> None:
        self._queue.put(None)
        self.join(5)

    def run(self) -> None:
        next_tick = time.monotonic()
        while True:
            wait_s = max(0.0, next_tick - time.monotonic())
            try:
                item = self._queue.get(timeout=wait_s)
                if item is None:
                    return
                if isinstance(item, Reading):
                    self._compute.reading(item)
                else:
                    self._compute.waveform(item)
            except queue.Empty:
                pass
            except Exception:  # one bad input must not end the measuring of all others
                self._failed("the input is left out")
            if time.monotonic() >= next_tick:
                next_tick = time.monotonic() + TICK_S
                try:
                    self._compute.tick()
                except Exception:
                    self._failed("a row is left out")

    def _failed(self, what: str) -> None:
        """A mistake of ours: its trace once, then only counted, so that no log is flooded."""
        self.failures += 1
        if self.failures <= FAILURES_SHOWN:
            log.exception("computing failed; %s", what)


async def run(config: Config, seconds: float | None = None) -> None:
    """Runs until SIGTERM, SIGINT or `seconds`. Trouble in the plant or with the broker never ends it."""
    clock = SystemClock()
    kernels.use_cache()
    store = Store(config.state_dir or default_directory(), clock)
    all_assets = assets(config)
    publisher = Publisher(config, all_assets, store, clock)
    sink = None
    if config.mqtt is not None:
        client_id = f"magwatt-{config.site.id}-{config.site.gateway}"
        sink = MqttSink(config.mqtt, client_id, f"{publisher.root}/status", publisher.greeting)
        publisher.carrier = sink
        sink.start()
    else:
        log.warning("no [mqtt] table: results go nowhere")
    relay: list[Callable[[Reading | Waveform], None]] = []
    buses = pollers(config, clock, lambda reading: relay[0](reading))
    refusals = Refusals(store, buses)
    apply_checks(store, config, buses)
    energies = {name: wh / 1000 for name, wh in store.counters().items()}
    compute = Compute(
        all_assets,
        {polled.device.name: polled.due_s() for bus in buses for polled in bus.devices},
        {drive.name: drive_rating_kw(config, drive) for drive in config.drives.values()},
        clock,
        publisher.publish,
        publisher.tell_state,
        energies,
    )
    worker = Worker(compute)
    relay.append(worker.put)
    worker.start()
    readers = _waveform_readers(config, worker.put, clock)
    health = Health(buses, worker, compute, sink, publisher, readers, clock)
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    tasks = [asyncio.create_task(bus.run(), name=f"bus {bus.bus.name}") for bus in buses]
    tasks.append(asyncio.create_task(health.run(lambda: save(store, compute.energies_kwh(), refusals))))
    log.info("polling %d devices on %d buses", sum(len(bus.devices) for bus in buses), len(buses))
    try:
        await _until(ending, tasks, seconds)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for reader in readers:
            reader.stop()
        await asyncio.to_thread(worker.stop)
        compute.close()
        if sink is not None:
            await asyncio.to_thread(sink.stop)
        save(store, compute.energies_kwh(), refusals)
        store.close()
        log.info("stopped")


def save(store: Store, values: dict[str, float], refusals: Refusals) -> None:
    """Trouble with the disk is said and lived with: measuring goes on."""
    try:
        store.save_counters({name: round(1000 * kwh) for name, kwh in values.items()})
        refusals.save()
    except StoreError as error:
        log.warning("state not saved: %s; next try in a minute", error)


async def _until(ending: asyncio.Event, tasks: list[asyncio.Task[None]], seconds: float | None) -> None:
    """Until told to stop; a task that ends by itself is a mistake of ours and is raised."""
    waiter = asyncio.create_task(ending.wait())
    done, _ = await asyncio.wait([waiter, *tasks], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    waiter.cancel()
    for task in done - {waiter}:
        task.result()


def _waveform_readers(config: Config, take: Callable[[Waveform], None], clock: Clock) -> list[StreamReader]:
    motors = [motor for motor in config.motors.values() if motor.waveform]
    if not motors:
        return []
    from drivers.waveform import StreamReader

    quality = Quality.SIMULATED if config.site.simulated else Quality.GOOD
    readers: list[StreamReader] = []
    for motor in motors:
        assert motor.waveform is not None
        reader = StreamReader(motor.name, motor.waveform.where, motor.waveform.baud, take, clock, quality)
        reader.start()
        readers.append(reader)
    return readers


class Health:
    """The agent's own counters, once a minute; the other housekeeping runs at the same beat."""

    def __init__(
        self, buses: list[BusPoller], worker: Worker, compute: Compute, sink: MqttSink | None, publisher: Publisher,
        readers: list[StreamReader], clock: Clock,
    ) -> None:  # fmt: skip
        self._parts = buses, worker, compute, sink, publisher, readers
        self._clock = clock

    async def run(self, save: Callable[[], None]) -> None:
        while True:
            await self._clock.sleep(min(HEALTH_S, SAVE_S))
            self._publish()
            await asyncio.to_thread(save)

    def _publish(self) -> None:
        buses, worker, compute, sink, publisher, readers = self._parts
        values: dict[str, float | int] = {
            "uptime_s": round(time.monotonic() - START_TIME),
            "polls": sum(bus.polls for bus in buses),
            "polls_failed": sum(bus.failed for bus in buses),
            "published": sink.published if sink else 0,
            "dropped": sink.dropped if sink else 0,
            "queue_dropped": worker.dropped,
            "mqtt_connects": sink.connects if sink else 0,
            "waveform_samples_lost": compute.waveform_lost,
            "waveform_frames_damaged": sum(reader.assembler.decoder.damaged for reader in readers),
            "computing_failures": worker.failures,
            "late_answers": sum(bus.link.late for bus in buses),
            "damaged_answers": sum(bus.link.damaged for bus in buses),
        }
        drifts = [drift for reader in readers if (drift := reader.assembler.drift_ppm()) is not None]
        if drifts:
            values["waveform_drift_ppm"] = max(drifts, key=abs)
        table = by_name("health")
        shown = {name: rounded(table[name], value) for name, value in values.items()}
        publisher.publish(Message(None, "health", self._clock.utc_ns() // 1_000_000, shown))
