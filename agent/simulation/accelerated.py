"""Plant and agent in one process on virtual time: a month of polling in minutes, without buses, threads or a broker.

Everything between registers and payloads is the real agent: pollers, ModbusDevice, Compute, Publisher.
simulators.bus.memory.MemoryLink replaces the bus, a function replaces the broker. With delivery, the brokers of the
configuration also receive the messages, from the spool and in real time.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random

from agent.acquisition.scheduler import BusPoller, pollers, wire_of
from agent.acquisition.selfcheck_results import apply_checks, save_check
from agent.commissioning.selfcheck.devices import bench_of
from agent.commissioning.selfcheck.run import self_check as check_devices
from agent.config.loader import load_config
from agent.config.model import Bus, Config
from agent.config.topology import assets, drive_rating_kw
from agent.delivery.delivery import Delivery
from agent.delivery.publisher import Publisher
from agent.delivery.store import Store
from agent.runtime.agent import TICK_S
from agent.runtime.maintenance import MaintenanceLog
from agent.runtime.message_flags import MessageFlagger
from agent.runtime.pipeline import Pipeline
from agent.savings.ledger.recorder import LedgerRecorder
from agent.savings.records.present import remember
from agent.savings.tracking.tracker import SavingsTracker
from agent.simulation.virtual_plant import OnTruth, VirtualPlant
from simulators.bus.memory import MemoryLink
from simulators.clock import LoopClock, run_virtual
from simulators.endpoints import Endpoints
from simulators.scenarios import Plant, Scenario, ScenarioLine
from simulators.truth import TruthLog

OnMessage = Callable[[str, bytes, bool], None]  # topic, payload, retained

CONFIG_FILE = "plant.toml"
LEDGER_S = 3600.0  # interval of ledger records; a shorter one costs run time, because each commit waits for the disk
_TICKS = 4  # checks for late rows within the shortest poll interval; one of them also reads the maintenance log


class _Carrier:
    def __init__(self, on_message: OnMessage) -> None:
        self._on_message = on_message

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        self._on_message(topic, payload, retain)
        return True


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
    fault: tuple[str, float] | None = None,
    edit: Callable[[str], str] = str,
    self_check: bool = False,
    folder: Path | None = None,
    start_utc_ns: int | None = None,
    from_s: float = 0.0,
    passed: Callable[[float], None] = lambda _: None,
    deliver: bool = False,
) -> None:
    """Runs plant and agent for `seconds` of the scenario's time. The same arguments give the same bytes.

    on_message: called with each published message, first with the retained ones.
    seed: seed of the plant.
    step_s: step of the plant, seconds. None: that of the scenario.
    truth: NDJSON file for the true values, a row every truth_every steps. None: not written.
    on_truth: called with UTC milliseconds and the true values of these rows.
    fault: name and second of a fault of the scenario.
    edit: changes the agent's configuration before it is loaded.
    self_check: check the devices first, as in commissioning, and flag the values of suspect ones.
    folder: directory for configuration, state and ledger. None: a temporary one, without ledger.
    start_utc_ns: UTC time of the plant's first second. None: that of the scenario.
    from_s: seconds of the plant in earlier runs; they are repeated without the agent.
    passed: called with the simulated time in seconds after each step, and once at the end, also after an exception.
    deliver: also deliver to the brokers of the configuration.
    Raises ConfigError for an invalid configuration.
    """
    plant = scenario.build(Random(seed))
    if fault is not None and scenario.provoke is not None:
        scenario.provoke(plant, *fault)
    with tempfile.TemporaryDirectory(prefix="magwatt-accelerated-") as passing, TruthLog(truth) as log:
        config = _config(scenario, plant, folder or Path(passing), edit)
        start_utc_ns = scenario.start_utc_ns if start_utc_ns is None else start_utc_ns
        virtual = VirtualPlant(
            plant, step_s or scenario.step_s, start_utc_ns, log if truth is not None else None, on_truth, truth_every,
            passed,
        )  # fmt: skip
        virtual.repeat(from_s)
        run_virtual(
            lambda clock: _plant_and_agent(
                config, virtual, clock, on_message, from_s, seconds, passed, seed, self_check, bool(folder), deliver
            ),
            start_utc_ns + round(1e9 * from_s),
        )


async def _plant_and_agent(
    config: Config, virtual: VirtualPlant, clock: LoopClock, on_message: OnMessage, from_s: float, seconds: float,
    passed: Callable[[float], None], seed: int, self_check: bool, ledger: bool, deliver: bool,
) -> None:  # fmt: skip
    assert config.state_dir is not None
    store = Store(config.state_dir, clock)
    all_assets = assets(config)
    publisher = Publisher(config, all_assets, store, clock)
    publisher.carrier = _Carrier(on_message)
    delivery = Delivery(config, publisher, store, clock) if deliver else None
    marks = MessageFlagger(
        publisher.publish, publisher.publish_state, clock, MaintenanceLog(config.state_dir), lambda: True
    )
    marks.recall(clock.utc_ns() // 1_000_000)
    for topic, payload in publisher.retained_messages():
        on_message(topic, payload, True)
    lines = _by_address(virtual.plant)
    computing: list[Pipeline] = []
    bookkeeper = LedgerRecorder(store, lambda: config, publisher, clock)
    buses = pollers(
        config, clock, lambda reading: computing[0].reading(reading), seed=seed,
        link_of=lambda bus: _link(bus, lines, clock),
    )  # fmt: skip
    compute = Pipeline(
        all_assets,
        {polled.device.name: polled.due_s() for bus in buses for polled in bus.devices},
        {drive.name: drive_rating_kw(config, drive) for drive in config.drives.values()},
        clock,
        marks.emit,
        marks.publish_state,
        {},
        store.counters(),
        publisher.publish_retained,
        savings=lambda asset, every_s: SavingsTracker(
            asset, every_s, store, marks.emit, config.site.timezone, marks.held, bookkeeper.record if ledger else None
        ),
    )
    computing.append(compute)
    shortest_s = min((bus.poll_interval_s for bus in config.buses.values()), default=1.0)

    async def tick() -> None:
        while True:
            marks.take_holds(marks.look())
            for _ in range(_TICKS):
                await clock.sleep(max(TICK_S, shortest_s / _TICKS))
                compute.tick()

    async def book() -> None:
        while True:
            await clock.sleep(LEDGER_S)
            bookkeeper.update()

    tasks = [asyncio.create_task(virtual.move(clock, from_s))]
    if ledger:
        tasks.append(asyncio.create_task(book()))
    if deliver:
        publisher.announce_gaps()
    if self_check:
        await _check(config, buses, store, lines, clock)
    tasks += [asyncio.create_task(bus.run()) for bus in buses]
    tasks.append(asyncio.create_task(tick()))
    try:
        done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()  # a task ends only with an exception
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        compute.close()
        if ledger:
            bookkeeper.update()
        store.save_counters({name: round(1000 * kwh) for name, kwh in compute.energies_kwh().items()})
        if ledger:
            remember(store, clock.utc_ns() // 1_000_000)
        if delivery is not None:
            delivery.stop(lambda: None)
        store.close()
        reached_s = from_s + min(clock.monotonic_ns() / 1e9, seconds)
        virtual.up_to(reached_s)
        passed(reached_s)


async def _check(
    config: Config, buses: list[BusPoller], store: Store, lines: dict[str, ScenarioLine], clock: LoopClock
) -> None:
    links = {name: _link(bus, lines, clock) for name, bus in config.buses.items()}
    result = await check_devices(bench_of(config, links), clock)
    for bus in buses:
        for polled in bus.devices:
            name = polled.device.name
            if name in result.devices:
                findings = [finding for finding in result.findings if finding.device == name]
                save_check(store, config, bus, polled, clock.utc_ns() // 1_000_000, result.devices[name], findings)
    apply_checks(store, config, buses)


def _addresses(plant: Plant) -> dict[str, str]:
    """An address for each line that is valid in a configuration. It is never opened."""
    return {
        name: f"/dev/virtual/{name}" if line.serial else f"127.0.0.1:{1 + number}"
        for number, (name, line) in enumerate(plant.lines.items())
    }


def _by_address(plant: Plant) -> dict[str, ScenarioLine]:
    where = _addresses(plant)
    return {where[name]: line for name, line in plant.lines.items()}


def _link(bus: Bus, lines: dict[str, ScenarioLine], clock: LoopClock) -> MemoryLink:
    wire = wire_of(bus)
    line = lines[wire.where]
    return MemoryLink(line.devices, clock, wire=wire, silent=line.silent)


def _config(scenario: Scenario, plant: Plant, folder: Path, edit: Callable[[str], str]) -> Config:
    text = scenario.config_toml(Endpoints.of(_addresses(plant)), "mqtt://127.0.0.1:1883", "state")
    file = folder / CONFIG_FILE
    file.write_text(edit(text), encoding="utf-8")
    return load_config(file)[0]
