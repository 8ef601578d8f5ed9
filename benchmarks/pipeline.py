"""Processor time of the pipeline for one reading, without buses, threads and sinks: `pipeline.py [MOTORS [SECONDS]]`.

Each motor has a meter with twenty registers, read once a second; rows go to a store in memory.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from random import Random

from benchmarks import watched_agent
from benchmarks.metered_plant import PROFILE, configuration

BUS = 'tcp = "127.0.0.1:502"'


class VirtualClock:
    """Time that the benchmark advances."""

    def __init__(self) -> None:
        self.now_ns = time.time_ns()

    def utc_ns(self) -> int:
        return self.now_ns

    def monotonic_ns(self) -> int:
        return self.now_ns

    async def sleep(self, seconds: float) -> None:
        self.now_ns += int(seconds * 1e9)


def main(motors: int = 32, seconds: int = 120) -> float:
    """Prints and returns µs of processor time per reading."""
    watched_agent.cut_profiles()
    from agent.config.loader import load_config
    from agent.delivery.store import Store
    from agent.runtime.assembly import Agent, AgentOptions
    from drivers.profiles import load_profile
    from drivers.reading import Reading
    from simulators.devices.bench import BenchDevice

    profile = load_profile(PROFILE)
    devices = [BenchDevice(profile, unit, Random(unit)) for unit in range(1, motors + 1)]
    names = [row.name for row in profile.registers]
    with tempfile.TemporaryDirectory() as name:
        config = Path(name) / "plant.toml"
        powers_kw = [device.machine.kw for device in devices]
        config.write_text(configuration("mqtt://127.0.0.1:1", BUS, motors, powers_kw))
        clock = VirtualClock()
        agent = Agent(load_config(config)[0], clock, Store(None, clock), AgentOptions(deliver=False))
        agent.connect()
        busy_s = 0.0
        for _ in range(seconds):
            for device in devices:
                device.step(1.0)
                clock.now_ns += 1_000_000_000 // motors
                values = {row: device.values.get(row) for row in names}
                reading = Reading(f"meter-{device.unit}", clock.now_ns, clock.now_ns, values, monotonic_ns=clock.now_ns)
                begun_s = time.thread_time()
                agent.pipeline.process(reading)
                busy_s += time.thread_time() - begun_s
        agent.pipeline.close()
        agent.store.close()
    each_us = 1e6 * busy_s / motors / seconds
    print(f"{each_us:.1f} µs per reading")
    return each_us


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
