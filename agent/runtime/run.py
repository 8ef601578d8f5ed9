"""The agent process: polls, computes and publishes until it is stopped.

asyncio for everything that waits, one thread for the pipeline; ARCHITECTURE.md describes the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from agent.acquisition.bus_stops import skip_listening
from agent.acquisition.selfcheck_results import log_checks
from agent.config.model import Config
from agent.core import kernel_cache
from agent.core.clock import ClockWatch, rest_s
from agent.core.messages import Message
from agent.core.stable_hash import share
from agent.core.systemd import notify
from agent.delivery.delivery import open_store
from agent.delivery.site_clock import start_clock
from agent.delivery.store import Store, StoreError, default_directory
from agent.delivery.store.reasons import READINGS_DROPPED
from agent.runtime.assembly import Agent, AgentOptions
from agent.runtime.bus_supervisor import BusSupervisor
from agent.runtime.clock_supervisor import ClockSupervisor
from agent.runtime.config_watcher import ConfigWatcher
from agent.runtime.health import CYCLE_MAX_S, BusNumbers, EventLoopLag, Health, HostMetrics, feed_watchdog
from agent.runtime.pipeline_queue import PipelineQueue
from agent.runtime.pipeline_thread import PipelineThread
from agent.runtime.reconfigure import reconfigure

log = logging.getLogger(__name__)

SAVE_S = 60.0
REPORT_S = 1.0
START_TIME = time.monotonic()


async def run(config: Config, seconds: float | None = None) -> None:
    """Runs until SIGTERM, SIGINT or `seconds`. Errors in the plant or at the broker never end it."""
    kernel_cache.only_load()
    clock, watch = start_clock(config)  # before the store dates its run
    store = open_store(config.state_dir or default_directory(), config, clock)
    computations = ThreadPoolExecutor(1, "records")
    agent = Agent(config, clock, store, AgentOptions(synchronized=lambda: watch.reliable, compute=computations.submit))
    agent.flagger.restore(watch.reached_ns // 1_000_000)
    thread = PipelineThread(agent.pipeline)
    agent.connect(thread.put)
    log_checks(config, agent.due_s)
    thread.start()
    agent.waveform_readers.configure(config)
    config_watcher = ConfigWatcher(config, clock, partial(reconfigure, agent), agent.flagger.emit)
    clock_supervisor = ClockSupervisor(watch, clock, store, agent.flagger.emit, thread.put)
    lag, bus_numbers = EventLoopLag(clock), BusNumbers(lambda: agent.buses.pollers, clock)
    assert agent.delivery is not None
    health = Health(
        clock, partial(_publish_health, agent),
        [bus_numbers, agent.waveform_readers.numbers, agent.mqtt_signals.numbers, lag,
         agent.ledger_recorder.numbers,
         lambda: _numbers(agent, thread, config_watcher, watch, clock_supervisor)],
        [HostMetrics(agent.state_dir), agent.delivery.numbers],
    )  # fmt: skip

    ending = asyncio.Event()
    _handle_signals(ending, config_watcher)
    skip_listening(store, agent.pollers)
    for poller in agent.pollers:
        agent.buses.start(poller)
    bus_supervisor = BusSupervisor(lambda: agent.buses.pollers, clock, store, agent.flagger.emit)
    jobs: tuple[Coroutine[Any, Any, None], ...] = (
        agent.buses.run(), agent.mqtt_signals.run(), agent.delivery.run(clock),
        health.run(phase=share(agent.publisher.root)), lag.run(), clock_supervisor.run(), agent.flagger.run(thread.put),
        agent.alarms.run(thread.put), config_watcher.run(), agent.ledger_recorder.run(), bus_supervisor.run(),
        feed_watchdog(clock, lambda: _blocked(agent, thread, bus_numbers)), _save_regularly(agent),
        _report_dropped_readings(agent, thread.queue),
    )  # fmt: skip
    tasks = [asyncio.create_task(job) for job in jobs]
    devices = sum(len(bus.devices) for bus in agent.pollers)
    log.info("polling; devices: %d, buses: %d", devices, len(agent.pollers))
    notify(READY=1, STATUS=f"polling; devices: {devices}, buses: {len(agent.pollers)}")
    try:
        await _until(ending, tasks, seconds)
    finally:
        notify(STOPPING=1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(bus_supervisor.save_clean_ends)
        await agent.buses.stop()
        agent.waveform_readers.stop()
        computations.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(agent.mqtt_signals.stop)
        await asyncio.to_thread(thread.stop)
        agent.pipeline.close()
        await asyncio.to_thread(report_dropped_readings, agent.store, thread.queue)
        await asyncio.to_thread(agent.ledger_recorder.update)  # the checkpoint, if midnight has just passed
        await asyncio.to_thread(agent.delivery.stop, agent.save_unsupported_registers)
        log.info("stopped")


def _publish_health(agent: Agent, message: Message) -> None:
    agent.flagger.emit(message)
    agent.put(partial(agent.alarms.on_health, message.values))


def _handle_signals(ending: asyncio.Event, config_watcher: ConfigWatcher) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    # With a terminal, SIGHUP means that it was closed; without one, that the configuration is to be reloaded.
    loop.add_signal_handler(signal.SIGHUP, ending.set if os.isatty(0) else config_watcher.request)


def _blocked(agent: Agent, thread: PipelineThread, buses: BusNumbers) -> str | None:
    """Status text about a thread or a bus that no longer works; None when all do."""
    blocked_s = (time.monotonic_ns() - thread.cycle_ns) / 1e9
    if blocked_s > CYCLE_MAX_S:
        return f"the pipeline thread has been blocked for {blocked_s:.0f} s"
    return buses.blocked() or (None if agent.store.alive else "the writer thread of the store has ended")


async def _save_regularly(agent: Agent) -> None:
    while True:
        await agent.clock.sleep(SAVE_S)
        await asyncio.to_thread(agent.save_unsupported_registers)


async def _report_dropped_readings(agent: Agent, queue: PipelineQueue) -> None:
    while True:
        await agent.clock.sleep(rest_s(agent.clock.monotonic_ns(), REPORT_S))
        if queue.has_unreported:
            await asyncio.to_thread(report_dropped_readings, agent.store, queue)


def report_dropped_readings(store: Store, queue: PipelineQueue) -> None:
    """Records dropped readings as data gaps, one for each device; later, while the store cannot be written."""
    with contextlib.suppress(StoreError):  # logged by the writer
        queue.report_dropped(
            lambda it: store.record_gap("telemetry", READINGS_DROPPED(device=it.device), it.n, it.from_ms, it.to_ms)
        )


def _numbers(
    agent: Agent, thread: PipelineThread, config_watcher: ConfigWatcher, watch: ClockWatch,
    clock_supervisor: ClockSupervisor,
) -> dict[str, float | int]:  # fmt: skip
    return {
        "uptime_s": round(time.monotonic() - START_TIME),
        "readings_dropped": thread.queue.dropped,
        "processing_errors": thread.failures,
        "registers_disabled": sum(reason.data["n"] for reason in agent.disabled.values()),
        "waveform_samples_lost": agent.pipeline.waveform_samples_lost,
        "waveforms_waiting": agent.pipeline.waveforms_waiting,
        "clock_synchronized": int(watch.reliable),
        "clock_steps": clock_supervisor.steps,
        "motors_in_maintenance": len(agent.flagger.in_maintenance),
        "config_reloads": config_watcher.reloads,
        "config_reloads_rejected": config_watcher.rejected,
    }


async def _until(ending: asyncio.Event, tasks: list[asyncio.Task[None]], seconds: float | None) -> None:
    """Waits until `ending` is set or `seconds` are over; raises the exception of a task that ended (internal error)."""
    waiter = asyncio.create_task(ending.wait())
    done, _ = await asyncio.wait([waiter, *tasks], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    waiter.cancel()
    for task in done - {waiter}:
        task.result()
