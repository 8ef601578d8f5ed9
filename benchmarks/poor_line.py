"""Share of the values that arrive from a device whose responses are lost or late. Run it as a module.

Prints a table of docs/reference/bus-measured.md. Arguments: only these profiles and masters.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from support.answer_check import fault_of
from support.fault_matrix import FaultStep, Script, clean
from support.scripted_slave import RtuPty, UnorderedPty

from agent.acquisition.scheduler import GROUP_FACTOR, BusPoller, PolledDevice
from agent.config.model import Bus
from agent.core.clock import SystemClock
from benchmarks.peers import Lost, Master, MinimalModbus, PymodbusSync
from drivers.framing import Request
from drivers.modbus_device import DeviceSettings, ModbusDevice
from drivers.modbus_link import BusSettings, ModbusLink
from drivers.profiles import load_profile
from drivers.reading import Quality, Reading
from drivers.register_blocks import break_even_hole
from simulators.bus.frames import Ask, ReadBlock

WARM_S = 60.0  # not counted: the master learns whether responses are late or lost
SECONDS = 40.0
AT_ONCE = 48  # lines that run in parallel; most of the time is waiting
BITS, TURNAROUND_S, LATE_S = 10, 0.015, 1.5
POLL_INTERVAL_S = 1.0
PROFILES = (
    "eastron/sdm630", "eastron/sdm120", "schneider/iem3000", "carlo-gavazzi/em340", "abb/b23", "janitza/umg96rm",
    "orno/we516", "lovato/dmg610", "siemens/pac3200", "schneider/atv320", "vacon/vacon-100",
)  # fmt: skip


def by_count(number: int, late_s: float) -> Script:
    """Every so manyth response is late; late_s = 0: lost."""
    return lambda ask: bad(ask, late_s) if ask.number % number == 0 else clean(ask)


def by_chance(share: float, late_s: float, chance: random.Random) -> Script:
    return lambda ask: bad(ask, late_s) if chance.random() < share else clean(ask)


def bad(ask: Ask, late_s: float) -> list[FaultStep]:
    return [FaultStep(ask.frame(), late_s)] if late_s else []


CONDITIONS: dict[str, Callable[[], Script]] = {
    "every 4th lost": lambda: by_count(4, 0.0),
    "1 of 10 lost": lambda: by_chance(0.1, 0.0, random.Random(2)),
    "every 4th late": lambda: by_count(4, LATE_S),
    "1 of 10 late": lambda: by_chance(0.1, LATE_S, random.Random(4)),
}


class CheckedLink(ModbusLink):
    """A link that checks each block it returns against the requests of the slave."""

    def __init__(self, wire: BusSettings, slave: RtuPty) -> None:
        super().__init__(wire, SystemClock())
        self._slave = slave
        self.wrong: list[str] = []

    async def read_block(self, request: Request, *rest: float, **more: object) -> bytes:  # type: ignore[override]
        since_s = time.monotonic()
        data = await super().read_block(request, *rest, **more)  # type: ignore[arg-type]
        words = [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]
        if trouble := fault_of(words, ReadBlock(*request), since_s, self._slave.asked):
            self.wrong.append(trouble)
        return data


@dataclass
class Arrived:
    """The periods of each quantity in which a value arrived."""

    began_s: float
    due_s: dict[str, float]
    periods: dict[str, set[int]] = field(default_factory=dict)

    def add(self, name: str, at_s: float) -> None:
        if name in self.due_s and at_s > self.began_s:
            self.periods.setdefault(name, set()).add(int((at_s - self.began_s) / self.due_s[name]))

    def share(self, seconds: float) -> float:
        """Values that arrived, in relation to those due."""
        got = sum(
            len([n for n in self.periods.get(name, ()) if n < int(seconds / due_s)])
            for name, due_s in self.due_s.items()
        )
        return got / sum(int(seconds / due_s) for due_s in self.due_s.values())


async def ours(device_of: Callable[[ModbusLink], ModbusDevice], slave: RtuPty, wire: BusSettings) -> tuple[float, int]:
    link = CheckedLink(wire, slave)
    polled = PolledDevice(device_of(link), POLL_INTERVAL_S, {})
    due_s = {name: s for name, s in polled.due_s().items() if s < SECONDS}
    arrived = Arrived(time.monotonic() + WARM_S, due_s)

    def take(reading: Reading) -> None:
        if Quality.NO_REPLY not in reading.quality:
            for name in reading.values:
                if Quality.NO_REPLY not in reading.flags.get(name, Quality.GOOD):
                    arrived.add(name, reading.monotonic_ns / 1e9)

    poller = BusPoller(
        Bus("line", wire.serial_port, (wire.baud, 8, "N", 1), None, "rtu", POLL_INTERVAL_S, 0.0, None, None),
        [polled],
        link,
        SystemClock(),
        take,
        random.Random(0),
    )
    task = asyncio.create_task(poller.run())
    await asyncio.sleep(WARM_S + SECONDS + 0.5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return arrived.share(SECONDS), len(link.wrong)


def peer(make: Callable[..., Master], device: ModbusDevice, slave: RtuPty, wire: BusSettings) -> tuple[float, int]:
    """The same blocks at the same times, three attempts each."""
    due_s = {name: POLL_INTERVAL_S * GROUP_FACTOR[g] for g in GROUP_FACTOR for name in device.names([g])}
    master, wrong = make(wire, slave.kind, device.health.response_time.timeout_s), 0
    arrived = Arrived(time.monotonic() + WARM_S, due_s)
    try:
        for n in range(int(SECONDS)):
            rest_s = arrived.began_s + n * POLL_INTERVAL_S - time.monotonic()
            if rest_s < -POLL_INTERVAL_S:
                continue  # this period is over
            time.sleep(max(0.0, rest_s))
            groups = [group for group, factor in GROUP_FACTOR.items() if n % factor == 0]
            for block in device.blocks(groups):
                time.sleep(device.inter_request_delay_s)
                asked = ReadBlock(device.unit, block.function, block.address, block.count)
                since_s = time.monotonic()
                try:
                    words = master.read(asked)
                except Lost:
                    continue
                if fault_of(words, asked, since_s, slave.asked):
                    wrong += 1
                else:
                    for row in block.registers:
                        arrived.add(row.name, time.monotonic())
    finally:
        master.close()
    return arrived.share(SECONDS), wrong


MASTERS = {"ours": None, "pymodbus": PymodbusSync, "minimalmodbus": MinimalModbus}


async def one(profile: str, baud: int, condition: str, master: str) -> tuple[float, int]:
    slave = UnorderedPty(CONDITIONS[condition](), baud=baud, bits=BITS, turnaround_s=TURNAROUND_S, chunk=64)
    slave.start()
    wire = BusSettings("line", serial_port=slave.serial_port, baud=baud)
    settings = DeviceSettings(
        character_s=wire.character_s, hole_max=break_even_hole(wire.character_s, wire.silence_s, TURNAROUND_S)
    )

    def device_of(link: ModbusLink) -> ModbusDevice:
        return ModbusDevice("m", load_profile(profile), 1, link, SystemClock(), settings)

    try:
        if (make := MASTERS[master]) is None:
            return await ours(device_of, slave, wire)
        device = device_of(ModbusLink(wire, SystemClock()))
        return await asyncio.to_thread(peer, make, device, slave, wire)
    finally:
        await asyncio.to_thread(slave.stop)


async def measure(
    profiles: Sequence[str], bauds: Sequence[int], masters: Sequence[str]
) -> dict[tuple[str, int, str, str], tuple[float, int]]:
    from concurrent.futures import ThreadPoolExecutor

    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(3 * AT_ONCE))
    room = asyncio.Semaphore(AT_ONCE)
    cases = [(p, b, c, m) for m in masters for c in CONDITIONS for b in bauds for p in profiles]

    async def run(case: tuple[str, int, str, str]) -> tuple[float, int]:
        async with room:
            return await one(*case)

    return dict(zip(cases, await asyncio.gather(*map(run, cases)), strict=True))


def main() -> None:
    profiles = [a for a in sys.argv[1:] if "/" in a] or list(PROFILES)
    masters = [m for m in MASTERS if m in sys.argv[1:]] or list(MASTERS)
    found = asyncio.run(measure(profiles, (9600, 19200), masters))
    print("| profile | baud | master | " + " | ".join(CONDITIONS) + " |")
    print("|---|---|---|" + "---|" * len(CONDITIONS))
    for p in profiles:
        for b in (9600, 19200):
            for m in masters:
                cells = [
                    f"{100 * s:.0f}" + (f" **{w}**" if w else "") for s, w in (found[p, b, c, m] for c in CONDITIONS)
                ]
                print(f"| {p} | {b} | {m} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
