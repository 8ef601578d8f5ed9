"""A plant with one meter and the agent that reads it, in a separate process that may be killed.

python month_of_counting.py STATE_DIR FROM_S TO_S [KILL_S]

The plant is built from its seed and stepped to FROM_S. Then the agent runs to TO_S on virtual time. At KILL_S, the
process is killed and loses what is not committed. Each line of the output is `seconds counted_Wh true_Wh` of a
committed row; only committed rows are sent.
"""

from __future__ import annotations

import asyncio
import cmath
import json
import math
import os
import random
import signal
import sys
from pathlib import Path

from agent.config.loader import load_config
from agent.delivery.store import Store
from agent.runtime.assembly import Agent, AgentOptions
from drivers.profiles import load_profile
from simulators.bus.memory import MemoryLink
from simulators.clock import START_UTC_NS, LoopClock, VirtualLoop
from simulators.devices.device import SimulatedDevice
from simulators.meters.meter import EXACT, SimulatedMeter
from simulators.plant.phasors import PhasorComponent, phasors

STEP_S, POLL_S, DAY_S = 30.0, 60.0, 86_400.0
SHOWN_S = 3600.0  # lead of the plant over committed rows; without a limit, days with a slow disk
ROLLS_AT_KWH, START_KWH = 10_000.0, 4_000.0
RESET_S = 12.3 * DAY_S
GAPS_S = (
    (2.5 * DAY_S, 180.0),
    (7 * DAY_S, 10_800.0),
    (14 * DAY_S, 1_800.0),
    (19 * DAY_S, 3_600.0),
    (24 * DAY_S, 600.0),
)
CONFIG = """
[site]
id = "s"
gateway = "g"
simulated = true
[store]
state_dir = {state}
[bus.b]
tcp = "127.0.0.1:502"
poll_interval = "60s"
[meter.m]
bus = "b"
unit_id = 1
profile = "eastron/sdm630"
measuring_point = "motor"
class = "0.5"
power_factor_compensation = true
[motor.p]
kind = "induction"
kw = 55
rpm = 1475
poles = 4
volts = 400
class = "IE3"
fed_by = "m"
"""


class Plant:
    """A load that varies between 12 and 52 kW and is off at night; the meter has a resolution of 0.01 kWh."""

    def __init__(self) -> None:
        self.meter = SimulatedMeter(EXACT, start_kwh=START_KWH, rolls_at=ROLLS_AT_KWH, quanta={"kWh": 0.01})
        self.now_s, self.true_wh = 0.0, 0.0
        self._chance, self._watts = random.Random(11), 30_000.0
        self.silent: set[int] = set()
        self._reset = False

    def step(self) -> None:
        self._watts = min(max(self._watts + self._chance.gauss(0, 900), 12_000.0), 52_000.0)
        watts = self._watts if self.now_s % DAY_S < 0.85 * DAY_S else 40.0
        current = cmath.rect(watts / 3 / 230 / 0.86, -math.acos(0.86))
        u, i = phasors([PhasorComponent(1, 1, 230 + 0j)]), phasors([PhasorComponent(1, 1, current)])
        self.now_s += STEP_S
        if not self._reset and self.now_s >= RESET_S:
            self._reset = True
            self.meter = SimulatedMeter(EXACT, rolls_at=ROLLS_AT_KWH, quanta={"kWh": 0.01})  # reset by service: from 0
        self.meter.step(u, i, 50.0, STEP_S)
        self.true_wh += watts * STEP_S / 3600
        quiet = any(start <= self.now_s < start + length for start, length in GAPS_S)
        (self.silent.add if quiet else self.silent.discard)(1)


async def run(state: Path, from_s: float, to_s: float, kill_s: float, clock: LoopClock, plant: Plant) -> None:
    file = state / "plant.toml"
    file.write_text(CONFIG.format(state=json.dumps(str(state))))
    config, _ = load_config(file)
    assert config.state_dir is not None
    store = Store(config.state_dir, clock)
    store.drains(["judge"])
    device = SimulatedDevice(1, load_profile("eastron/sdm630"), lambda: plant.meter.values, rating_kw=None)

    waiting: list[str] = []

    def show() -> None:
        """Prints rows when they are committed."""
        store.flush()
        for line in waiting:
            print(line)
        sys.stdout.flush()
        waiting.clear()

    class Judge:
        def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
            if topic.endswith("/telemetry"):
                counted = json.loads(payload)["v"].get("energy_counted_import_wh")
                if counted is not None:
                    waiting.append(f"{plant.now_s:.0f} {counted} {plant.true_wh:.1f}")
            return True

    options = AgentOptions(
        deliver=False, ledger=False, seed=3, link_of=lambda _bus: MemoryLink([device], clock, silent=plant.silent)
    )
    agent = Agent(config, clock, store, options)
    agent.publisher.carrier = Judge()
    agent.connect()

    async def move() -> None:
        while True:
            await clock.sleep(STEP_S)
            plant.step()
            if plant.now_s >= kill_s:
                os.kill(os.getpid(), signal.SIGKILL)
            if plant.now_s % SHOWN_S == 0:
                show()

    async def tick() -> None:
        while True:
            await clock.sleep(STEP_S)
            agent.pipeline.tick()

    tasks = [
        asyncio.create_task(move()),
        asyncio.create_task(tick()),
        *(asyncio.create_task(bus.run()) for bus in agent.buses),
    ]
    done, _ = await asyncio.wait(tasks, timeout=to_s - from_s, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    show()
    store.close()


def main(state: str, from_s: str, to_s: str, kill_s: str = "inf") -> None:
    plant = Plant()
    plant.step()
    while plant.now_s < float(from_s):
        plant.step()
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        clock = LoopClock(loop, START_UTC_NS + int(plant.now_s * 1e9))
        runner.run(run(Path(state), plant.now_s, float(to_s), float(kill_s), clock, plant))


if __name__ == "__main__":
    main(*sys.argv[1:])
