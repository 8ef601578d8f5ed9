"""The agent: polls, computes and publishes until it is stopped.

asyncio for everything that waits, one thread for the computation; ARCHITECTURE.md describes the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import queue
import signal
import threading
import time
from collections import deque
from collections.abc import Callable

from agent.acquisition.buses import Buses
from agent.acquisition.mqtt_signals.signals import MqttSignals
from agent.acquisition.scheduler import pollers
from agent.acquisition.selfcheck_results import apply_checks
from agent.acquisition.unsupported_registers import UnsupportedRegisterStore
from agent.acquisition.waveform_readers import WaveformReaders
from agent.config.model import Config
from agent.config.topology import assets
from agent.core.clock import ClockWatch, SystemClock, kernel_synchronised
from agent.core.stable_hash import share
from agent.delivery.delivery import Delivery, open_store
from agent.delivery.publisher import Publisher
from agent.delivery.store import Store, StoreError, default_directory
from agent.runtime.clock_supervisor import ClockSupervisor, last_utc_ns
from agent.runtime.config_watcher import ConfigWatcher
from agent.runtime.health import BEAT_MAX_S, BusNumbers, EventLoopLag, Health, HostMetrics, feed_watchdog
from agent.runtime.maintenance import MaintenanceLog
from agent.runtime.message_flags import MessageFlagger
from agent.runtime.pipeline import Pipeline
from agent.runtime.reconfigure import AgentComponents, due, ratings
from agent.runtime.systemd import notify
from agent.savings.ledger.recorder import LedgerRecorder
from agent.savings.tracking.tracker import SavingsTracker
from drivers.reading import Clock, Reading, Waveform

log = logging.getLogger(__name__)

QUEUE_MAX = 1000  # readings and waveform blocks that wait for the pipeline thread
TICK_S = 0.25
FAILURES_SHOWN = 3
SAVE_S = 60.0
STOP_S = 5.0  # longest wait for the end of the pipeline thread
START_TIME = time.monotonic()


class PipelineThread(threading.Thread):
    """The pipeline thread: processes readings and waveforms from a bounded queue that drops the oldest when full.

    A function in the queue runs in its turn and is never dropped. dropped: dropped readings and blocks. failures:
    internal errors. beat_ns: monotonic time of the last cycle.
    """

    def __init__(self, compute: Pipeline) -> None:
        super().__init__(name="compute", daemon=True)
        self.dropped = self.failures = 0
        self.beat_ns = time.monotonic_ns()
        self._compute = compute
        self._queue: queue.Queue[Reading | Waveform | Callable[[], None] | None] = queue.Queue(QUEUE_MAX)
        self._pushed_out: deque[Callable[[], None]] = deque()

    def put(self, item: Reading | Waveform | Callable[[], None]) -> None:
        while True:
            try:
                self._queue.put_nowait(item)
                return
            except queue.Full:
                with contextlib.suppress(queue.Empty):
                    oldest = self._queue.get_nowait()
                    if callable(oldest):
                        self._pushed_out.append(oldest)
                    else:
                        self.dropped += 1

    def stop(self) -> None:
        """Ends the thread after it has emptied the queue; a blocked thread is abandoned after STOP_S."""
        with contextlib.suppress(queue.Full):
            self._queue.put(None, timeout=STOP_S)
        self.join(STOP_S)

    def run(self) -> None:
        next_tick = time.monotonic()
        while True:
            self.beat_ns = time.monotonic_ns()
            wait_s = max(0.0, next_tick - time.monotonic())
            with contextlib.suppress(queue.Empty):
                item = self._queue.get(timeout=wait_s)
                while self._pushed_out:
                    self._take(self._pushed_out.popleft())
                if item is None:
                    return
                self._take(item)
            if (
                time.monotonic() >= next_tick and self._queue.empty()
            ):  # otherwise readings wait in the queue and are not late
                next_tick = time.monotonic() + TICK_S
                try:
                    self._compute.tick()
                except Exception:
                    self._failed("row")

    def _take(self, item: Reading | Waveform | Callable[[], None]) -> None:
        try:
            if isinstance(item, Reading):
                self._compute.reading(item)
            elif isinstance(item, Waveform):
                self._compute.waveform(item)
            else:
                item()
        except Exception:  # an error with one input must not stop the measurement of all others
            self._failed("input")

    def _failed(self, what: str) -> None:
        """Counts an internal error; the first ones are logged with their traceback."""
        self.failures += 1
        if self.failures <= FAILURES_SHOWN:
            log.exception("internal error; %s omitted", what)


async def run(config: Config, seconds: float | None = None) -> None:
    """Runs until SIGTERM, SIGINT or `seconds`. Errors in the plant or at the broker never end it."""
    clock = SystemClock()
    directory = config.state_dir or default_directory()
    store = open_store(directory, config, clock)
    reached_ns = last_utc_ns(store)
    watch = ClockWatch(
        clock, kernel_synchronised, reached_ns, config.site.assume_clock_synchronized or config.site.simulated
    )
    all_assets = assets(config)
    publisher = Publisher(config, all_assets, store, clock)
    delivery = Delivery(config, publisher, store, clock)
    marks = MessageFlagger(
        publisher.publish, publisher.publish_state, clock, MaintenanceLog(directory), lambda: watch.sure
    )
    marks.recall(reached_ns // 1_000_000)
    wires = Buses(clock)
    relay: list[Callable[[Reading | Waveform], None]] = []
    buses = pollers(config, clock, lambda reading: relay[0](reading))
    refusals = UnsupportedRegisterStore(store, buses)
    apply_checks(store, config, buses)
    counters = store.counters()
    energies = {name: wh / 1000 for name, wh in counters.items()}
    topics = MqttSignals(lambda reading: relay[0](reading), clock)
    topics.set(config)
    due_s = due(buses) | topics.due_s()
    compute = Pipeline(
        all_assets, due_s, ratings(config), clock, marks.emit, marks.publish_state, energies, counters,
        publisher.publish_retained,
        savings=lambda asset, every_s: SavingsTracker(
            asset, every_s, store, marks.emit, config.site.timezone, marks.held,
            lambda db, intervals, written_ms: bookkeeper.record(db, intervals, written_ms),
        ),
    )  # fmt: skip
    worker = PipelineThread(compute)
    relay.append(worker.put)
    worker.start()
    streams = WaveformReaders(worker.put, clock)
    streams.set(config)
    parts = AgentComponents(
        clock, store, wires, worker.put, compute, worker.put, publisher, delivery, streams, topics, marks,
        refusals, due_s,
    )  # fmt: skip
    reloader = ConfigWatcher(config, clock, parts.renew, marks.emit)
    bookkeeper = LedgerRecorder(store, lambda: reloader.config, publisher, clock)
    timekeeper = ClockSupervisor(watch, clock, store, marks.emit, worker.put)
    late, bus_numbers = EventLoopLag(clock), BusNumbers(lambda: wires.pollers, clock)
    health = Health(clock, marks.emit)
    for source in (bus_numbers, streams.numbers, topics.numbers, late):
        health.add(source)
    health.add(HostMetrics(directory), waits=True)
    health.add(delivery.numbers, waits=True)
    health.add(lambda: _numbers(worker, compute, reloader, marks, watch, timekeeper))

    def trouble() -> str | None:
        stuck_s = (time.monotonic_ns() - worker.beat_ns) / 1e9
        if stuck_s > BEAT_MAX_S:
            return f"the pipeline thread has been blocked for {stuck_s:.0f} s"
        return bus_numbers.hanging() or (None if store.alive else "the writer thread of the store has ended")

    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    # With a terminal, SIGHUP means that it was closed; without one, that the configuration is to be reloaded.
    loop.add_signal_handler(signal.SIGHUP, ending.set if os.isatty(0) else reloader.ask)
    for bus in buses:
        wires.start(bus)
    jobs = (
        wires.run(), topics.run(), delivery.run(clock), health.run(part=share(publisher.root)), late.run(),
        timekeeper.run(), marks.run(worker.put),
        reloader.run(), bookkeeper.run(),
        feed_watchdog(clock, trouble), _saving(clock, lambda: save(store, compute.energies_kwh(), parts.refusals)),
    )  # fmt: skip
    tasks = [asyncio.create_task(job) for job in jobs]
    log.info("polling %d devices on %d buses", sum(len(bus.devices) for bus in buses), len(buses))
    notify(READY=1, STATUS=f"polling {len(buses)} buses")
    try:
        await _until(ending, tasks, seconds)
    finally:
        notify(STOPPING=1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await wires.stop()
        streams.stop()
        await asyncio.to_thread(topics.stop)
        await asyncio.to_thread(worker.stop)
        compute.close()
        await asyncio.to_thread(bookkeeper.update)  # the checkpoint, if midnight has just passed
        timekeeper.remember()
        await asyncio.to_thread(delivery.stop, lambda: save(store, compute.energies_kwh(), parts.refusals))
        log.info("stopped")


async def _saving(clock: Clock, save: Callable[[], None]) -> None:
    while True:
        await clock.sleep(SAVE_S)
        await asyncio.to_thread(save)


def _numbers(
    worker: PipelineThread, compute: Pipeline, reloader: ConfigWatcher, marks: MessageFlagger, watch: ClockWatch,
    timekeeper: ClockSupervisor,
) -> dict[str, float | int]:  # fmt: skip
    return {
        "uptime_s": round(time.monotonic() - START_TIME),
        "readings_dropped": worker.dropped,
        "processing_errors": worker.failures,
        "waveform_samples_lost": compute.waveform_lost,
        "clock_synchronized": int(watch.sure),
        "clock_steps": timekeeper.steps,
        "motors_in_maintenance": marks.motors_in_maintenance,
        "config_reloads": reloader.reloads,
        "config_reloads_rejected": reloader.rejected,
    }


def save(store: Store, values: dict[str, float], refusals: UnsupportedRegisterStore) -> None:
    """Stores counters and register rejections. Disk errors are logged; measurement continues."""
    try:
        store.save_counters({name: round(1000 * kwh) for name, kwh in values.items()})
        refusals.save()
    except StoreError as error:
        log.warning("state not saved: %s; next attempt in %.0f s", error, SAVE_S)


async def _until(ending: asyncio.Event, tasks: list[asyncio.Task[None]], seconds: float | None) -> None:
    """Waits until `ending` is set or `seconds` are over; raises the exception of a task that ended (internal error)."""
    waiter = asyncio.create_task(ending.wait())
    done, _ = await asyncio.wait([waiter, *tasks], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    waiter.cancel()
    for task in done - {waiter}:
        task.result()
