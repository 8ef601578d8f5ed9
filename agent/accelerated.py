"""Plant and agent in one process on virtual time: a month of polling in minutes, without wires, threads or a broker.

Everything between the registers and the payloads is the real agent: pollers, ModbusDevice, Compute, Publisher. In the
place of a wire stands simulators.bus.memory.MemoryLink, in the place of the broker whatever takes the payloads.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random

from agent.checked import apply_checks, save_check
from agent.compute import Compute
from agent.config import Bus, Config, load_config
from agent.poll import BusPoller, pollers, wire_of
from agent.publish import Publisher
from agent.run import TICK_S
from agent.savings.bookkeeper import Bookkeeper
from agent.savings.live import SavingsLane
from agent.selfcheck.bench import bench_of
from agent.selfcheck.check import self_check as check_devices
from agent.store import Store
from agent.topology import assets, drive_rating_kw
from simulators.bus.memory import MemoryLink
from simulators.clock import START_UTC_NS, LoopClock, run_virtual
from simulators.endpoints import Endpoints
from simulators.scenarios import Line, Plant, Scenario
from simulators.truth import Row, TruthLog

Take = Callable[[str, bytes, bool], None]  # topic, payload, retained

BOOK_S = 3600.0  # often enough: each commit waits for the disk, however fast time runs
_TICKS = 4  # looks for late rows within the shortest polling period


class _Carrier:
    def __init__(self, take: Take) -> None:
        self._take = take

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        self._take(topic, payload, retain)
        return True


def run_accelerated(
    scenario: Scenario,
    seconds: float,
    take: Take,
    *,
    seed: int = 1,
    step_s: float | None = None,
    truth: Path | None = None,
    truth_every: int = 1,
    on_truth: Callable[[int, dict[str, Row]], None] | None = None,
    fault: tuple[str, float] | None = None,
    edit: Callable[[str], str] = str,
    self_check: bool = False,
    folder: Path | None = None,
    start_utc_ns: int = START_UTC_NS,
) -> None:
    """`seconds` of the scenario's time. take: gets what the agent publishes, from the first greeting on.

    step_s: of the plant, default the scenario's. truth: NDJSON file, a row every truth_every steps; on_truth: UTC ms
    and that row.
    edit: changes the agent's configuration before it is loaded. self_check: the devices are checked first, as in
    commissioning, and what is doubted says so. folder: configuration and state stay there, with a ledger. Same
    arguments, same bytes. Raises ConfigError when the configuration is refused.
    """
    plant = scenario.build(Random(seed))
    if fault is not None and scenario.provoke is not None:
        scenario.provoke(plant, *fault)
    with tempfile.TemporaryDirectory(prefix="magwatt-accelerated-") as passing, TruthLog(truth) as log:
        config = _config(scenario, plant, folder or Path(passing), edit)

        def tell(utc_ms: int) -> None:
            if truth is not None or on_truth is not None:
                rows = dict(plant.truth())
                log.write(utc_ms, rows)
                if on_truth is not None:
                    on_truth(utc_ms, rows)

        run_virtual(
            lambda clock: _both(
                config,
                plant,
                clock,
                take,
                seconds,
                step_s or scenario.step_s,
                tell,
                truth_every,
                seed,
                self_check,
                folder is not None,
            ),
            start_utc_ns,
        )


async def _both(
    config: Config, plant: Plant, clock: LoopClock, take: Take, seconds: float, step_s: float,
    tell: Callable[[int], None], truth_every: int, seed: int, self_check: bool, ledger: bool,
) -> None:  # fmt: skip
    assert config.state_dir is not None
    store = Store(config.state_dir, clock)
    all_assets = assets(config)
    publisher = Publisher(config, all_assets, store, clock)
    publisher.carrier = _Carrier(take)
    for topic, payload in publisher.greeting():
        take(topic, payload, True)
    lines = _by_address(plant)
    computing: list[Compute] = []
    buses = pollers(
        config, clock, lambda reading: computing[0].reading(reading), seed=seed,
        link_of=lambda bus: _link(bus, lines, clock),
    )  # fmt: skip
    compute = Compute(
        all_assets,
        {polled.device.name: polled.due_s() for bus in buses for polled in bus.devices},
        {drive.name: drive_rating_kw(config, drive) for drive in config.drives.values()},
        clock,
        publisher.publish,
        publisher.tell_state,
        {},
        store.counters(),
        publisher.tell_text,
        savings=lambda asset, every_s: SavingsLane(asset, every_s, store, publisher.publish, config.site.timezone),
    )
    computing.append(compute)
    shortest_s = min((bus.every_s for bus in config.buses.values()), default=1.0)

    async def move() -> None:
        number = 0
        while True:
            plant.step(step_s)
            if number % truth_every == 0:
                tell(clock.utc_ns() // 1_000_000)
            number += 1  # times of a grid: no error adds up over a month
            await clock.sleep(number * step_s - clock.monotonic_ns() / 1e9)

    async def tick() -> None:
        while True:
            await clock.sleep(max(TICK_S, shortest_s / _TICKS))
            compute.tick()

    async def book(keeper: Bookkeeper) -> None:
        while True:
            await clock.sleep(BOOK_S)
            keeper.keep()

    tasks = [asyncio.create_task(move())]
    if ledger:
        tasks.append(asyncio.create_task(book(Bookkeeper(store, lambda: config, publisher, clock))))
    if self_check:
        await _check(config, buses, store, lines, clock)
    tasks += [asyncio.create_task(bus.run()) for bus in buses]
    tasks.append(asyncio.create_task(tick()))
    try:
        done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()  # none ends by itself: a mistake is raised here
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        compute.close()
        store.save_counters({name: round(1000 * kwh) for name, kwh in compute.energies_kwh().items()})
        store.close()


async def _check(
    config: Config, buses: list[BusPoller], store: Store, lines: dict[str, Line], clock: LoopClock
) -> None:
    links = {name: _link(bus, lines, clock) for name, bus in config.buses.items()}
    result = await check_devices(bench_of(config, links), clock)
    for bus in buses:
        for polled in bus.devices:
            name = polled.device.name
            if name in result.devices:
                said = [finding for finding in result.findings if finding.device == name]
                save_check(store, config, bus, polled, clock.utc_ns() // 1_000_000, result.devices[name], said)
    apply_checks(store, config, buses)


def _addresses(plant: Plant) -> dict[str, str]:
    """An address for each line, such as a configuration can name. Nothing is ever opened there."""
    return {
        name: f"/dev/virtual/{name}" if line.serial else f"127.0.0.1:{1 + number}"
        for number, (name, line) in enumerate(plant.lines.items())
    }


def _by_address(plant: Plant) -> dict[str, Line]:
    where = _addresses(plant)
    return {where[name]: line for name, line in plant.lines.items()}


def _link(bus: Bus, lines: dict[str, Line], clock: LoopClock) -> MemoryLink:
    wire = wire_of(bus)
    line = lines[wire.where]
    return MemoryLink(line.devices, clock, wire=wire, silent=line.silent)


def _config(scenario: Scenario, plant: Plant, folder: Path, edit: Callable[[str], str]) -> Config:
    text = scenario.config_toml(Endpoints.of(_addresses(plant)), "mqtt://127.0.0.1:1883", "state")
    file = folder / f"{scenario.name}.toml"
    file.write_text(edit(text), encoding="utf-8")
    return load_config(file)[0]
