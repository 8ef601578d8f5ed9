"""Plant and agent in one process on virtual time: a month of polling in minutes, without buses, threads or a broker.

Everything between registers and payloads is the real agent: pollers, ModbusDevice, Pipeline, Publisher.
simulators.bus.memory.MemoryLink replaces the bus, a function replaces the broker. With delivery, the brokers of the
configuration also receive the messages, from the spool and in real time.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from random import Random
from typing import Any

from msgspec.structs import replace

from agent.acquisition.line_settings import bus_settings
from agent.config.loader import load_config
from agent.config.model import Bus, Config
from agent.delivery.delivery import keep_history
from agent.delivery.store import Store
from agent.runtime.alarm_service import STEP_S
from agent.runtime.assembly import Agent, AgentOptions
from agent.runtime.pipeline_thread import TICK_S
from agent.savings.records.repository import save_virtual_time
from agent.simulation.virtual_plant import OnTruth, VirtualPlant
from simulators.bus.memory import MemoryLink
from simulators.clock import LoopClock, run_virtual
from simulators.endpoints import Endpoints
from simulators.scenarios import PlannedFault, Plant, Scenario
from simulators.truth import TruthLog

OnMessage = Callable[[str, bytes, bool], None]  # topic, payload, retained

CONFIG_FILE = "plant.toml"
LEDGER_S = 3600.0  # interval of ledger records; a shorter one costs run time, because each commit waits for the disk
_TICKS = 4  # checks for late rows within the shortest poll interval, and between two reads of the maintenance log


def run_accelerated(
    scenario: Scenario,
    seconds: float,
    on_message: OnMessage,
    *,
    seed: int = 1,
    step_s: float | None = None,
    truth: Path | None = None,
    truth_every: int = 1,
    on_truth: OnTruth | None = None,
    fault: PlannedFault | None = None,
    edit: Callable[[str], str] = str,
    before_polling: Callable[[Agent], Coroutine[Any, Any, None]] | None = None,
    folder: Path | None = None,
    start_utc_ns: int | None = None,
    from_s: float = 0.0,
    on_progress: Callable[[float], None] = lambda _: None,
    deliver: bool = False,
    continues: bool = False,
) -> None:
    """Runs plant and agent for `seconds` of the scenario's time. The same arguments give the same bytes.

    on_message: called with each published message, first with the retained ones.
    seed: seed of the plant.
    step_s: step of the plant, seconds. None: that of the scenario.
    truth: NDJSON file for the true values, a row every truth_every steps. None: not written.
    on_truth: called with UTC milliseconds and the true values of these rows.
    fault: a fault of the scenario. None: no fault.
    edit: changes the agent's configuration before it is loaded.
    before_polling: runs before the first poll, for example a self-check of the devices. None: nothing.
    folder: directory for configuration, state and ledger. None: a temporary one, without ledger.
    start_utc_ns: UTC time of the plant's first second. None: that of the scenario.
    from_s: seconds of the plant in earlier runs; they are repeated without the agent.
    on_progress: called with the simulated seconds after each step, and once at the end, also after an exception.
    deliver: also deliver to the brokers of the configuration.
    continues: the plant continues in real time, so that the end of this run is not the present of later commands.
    Raises ConfigError for an invalid configuration.
    """
    plant = scenario.build(Random(seed))
    if fault is not None and scenario.provoke is not None:
        scenario.provoke(plant, *fault)
    with tempfile.TemporaryDirectory(prefix="magwatt-accelerated-") as temporary, TruthLog(truth) as log:
        config = _config(scenario, plant, folder or Path(temporary), edit)
        start_utc_ns = scenario.start_utc_ns if start_utc_ns is None else start_utc_ns
        receivers = [receive for receive in (log.write if truth is not None else None, on_truth) if receive is not None]
        virtual = VirtualPlant(plant, step_s or scenario.step_s, start_utc_ns, receivers, truth_every, on_progress)
        virtual.repeat(from_s)
        options = AgentOptions(deliver=deliver, ledger=folder is not None, seed=seed)
        run_virtual(
            lambda clock: _plant_and_agent(
                config, virtual, clock, options, on_message, seconds, before_polling, continues
            ),
            start_utc_ns + round(1e9 * from_s),
        )


async def _plant_and_agent(
    config: Config, virtual: VirtualPlant, clock: LoopClock, options: AgentOptions, on_message: OnMessage,
    seconds: float, before_polling: Callable[[Agent], Coroutine[Any, Any, None]] | None, continues: bool,
) -> None:  # fmt: skip
    """Runs the agent for `seconds`, from the second of the plant at which `virtual` is."""
    assert config.state_dir is not None
    store = Store(config.state_dir, clock)
    lines = {address: virtual.plant.lines[name] for name, address in _addresses(virtual.plant).items()}

    def link_of(bus: Bus) -> MemoryLink:
        line = lines[bus_settings(bus).where]
        return MemoryLink(line.devices, clock, wire=bus_settings(bus), silent=line.silent)

    agent = Agent(config, clock, store, replace(options, link_of=link_of))
    agent.publisher.on_message = on_message
    if continues and agent.delivery is None:
        keep_history(agent.publisher, store, config)
    agent.flagger.restore(clock.utc_ns() // 1_000_000)
    for topic, payload in agent.publisher.retained_messages():
        on_message(topic, payload, True)
    agent.connect()
    shortest_s = min((bus.poll_interval_s for bus in config.buses.values()), default=1.0)

    tick_s = max(TICK_S, shortest_s / _TICKS)

    async def repeat(interval_s: float, call: Callable[[], object]) -> None:
        while True:
            await clock.sleep(interval_s)
            call()

    tasks = [asyncio.create_task(virtual.run(clock))]
    if options.ledger:
        tasks.append(asyncio.create_task(repeat(LEDGER_S, agent.ledger_recorder.update)))
    if options.deliver:
        agent.publisher.announce_gaps()
    if before_polling is not None:
        await before_polling(agent)
    tasks += [asyncio.create_task(poller.run()) for poller in agent.pollers]
    tasks.append(asyncio.create_task(repeat(tick_s, agent.pipeline.tick)))
    tasks.append(asyncio.create_task(repeat(_TICKS * tick_s, agent.flagger.refresh)))
    tasks.append(asyncio.create_task(repeat(max(STEP_S, tick_s), agent.alarms.refresh)))
    try:
        done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()  # a task ends only with an exception
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        agent.pipeline.close()
        for live in agent.publisher.live if agent.delivery is None else ():
            live.stop()
        if options.ledger:
            agent.ledger_recorder.update()
            if not continues:
                save_virtual_time(store, clock.utc_ns() // 1_000_000)
        if agent.delivery is not None:
            agent.delivery.stop(lambda: None)
        store.close()
        virtual.end(min(clock.monotonic_ns() / 1e9, seconds))


def _addresses(plant: Plant) -> dict[str, str]:
    """An address for each line that is valid in a configuration. It is never opened."""
    return {
        name: f"/dev/virtual/{name}" if line.serial else f"127.0.0.1:{1 + number}"
        for number, (name, line) in enumerate(plant.lines.items())
    }


def _config(scenario: Scenario, plant: Plant, folder: Path, edit: Callable[[str], str]) -> Config:
    text = scenario.config_toml(Endpoints.of(_addresses(plant)), "mqtt://127.0.0.1:1883", "state")
    file = folder / CONFIG_FILE
    file.write_text(edit(text), encoding="utf-8")
    return load_config(file)[0]
