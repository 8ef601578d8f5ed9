"""The agent as installed under a steady load: processor time per thread, memory, bytes written to disk.

    agent_load.py [SECONDS [CASE …]]    cases: 16, 32+32; default: 60 s of each

A case has METERS on one Modbus TCP connection, twenty registers of their profile at 1 s, and MOTORS fed by the first
of them. `magwatt run` is a separate process with a real broker and a signed ledger; the start (WARM_S) is not counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

from support.basics import Mosquitto

from benchmarks.metered_plant import PROFILE, configuration

CASES = {"16": (16, 0), "32+32": (32, 32)}
WARM_S, SECONDS = 15.0, 60.0
STEP_S = 0.5  # of the simulated devices

AGENT = "from benchmarks import watched_agent; watched_agent.run_agent()"


def serve(meters: int) -> None:
    """Serve the meters until the end of the process; prints the address, then the power of each motor in kW."""
    from drivers.profiles import load_profile
    from simulators.bus.tcp import TcpBus
    from simulators.devices.bench import BenchDevice

    profile = load_profile(PROFILE)
    devices = [BenchDevice(profile, unit, Random(unit)) for unit in range(1, meters + 1)]

    async def main() -> None:
        print(await TcpBus([device.served for device in devices]).start(), flush=True)
        print(*(device.machine.kw for device in devices), flush=True)
        while True:
            await asyncio.sleep(STEP_S)
            for device in devices:
                device.step(STEP_S)

    asyncio.run(main())


class Usage:
    """Resources that a process has used so far, from /proc: processor time by thread name, bytes written."""

    def __init__(self, pid: int) -> None:
        tick_s = 1 / os.sysconf("SC_CLK_TCK")
        self.at_s = time.monotonic()
        self.cpu_s: Counter[str] = Counter()
        for task in Path(f"/proc/{pid}/task").iterdir():
            fields = (task / "stat").read_text().rsplit(")", 1)[1].split()
            nanoseconds = int((task / "schedstat").read_text().split()[0])  # finer than the ticks of `stat`
            name = (task / "comm").read_text().strip()
            self.cpu_s[name] += nanoseconds / 1e9 if nanoseconds else (int(fields[11]) + int(fields[12])) * tick_s
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        self.rss_mb = int(status["VmRSS"].split()[0]) / 1024
        io = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
        self.written = int(io["write_bytes"]) - int(io["cancelled_write_bytes"])
        self.numpy = "numpy" in Path(f"/proc/{pid}/maps").read_text()


class Steady(NamedTuple):
    """What a process needs while its load is constant.

    cpu_ms: thread name → processor time in milliseconds per second, the largest first.
    written_gb: to disk per day. rss_mb: memory at the end. numpy: whether it is loaded.
    """

    cpu_ms: dict[str, float]
    written_gb: float
    rss_mb: float
    numpy: bool


def steady(pid: int, seconds: float) -> Steady:
    """Measures a process for so many seconds."""
    before = Usage(pid)
    time.sleep(seconds)
    after = Usage(pid)
    lasted_s = after.at_s - before.at_s
    threads = (after.cpu_s - before.cpu_s).most_common()
    return Steady(
        {thread: 1e3 * cpu_s / lasted_s for thread, cpu_s in threads},
        (after.written - before.written) / lasted_s * 86400 / 1e9, after.rss_mb, after.numpy,
    )  # fmt: skip


@contextlib.contextmanager
def running(case: str, store: str = "") -> Iterator[tuple[int, Path]]:
    """The agent with its plant and a broker; yields the agent's process identifier and its configuration."""
    meters, motors = CASES[case]
    root = Path(__file__).parents[1]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Mosquitto(folder)
        broker.start()
        plant = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.agent_load", "--serve", str(meters)], cwd=root, stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        assert plant.stdout is not None
        address, powers_kw = plant.stdout.readline().strip(), plant.stdout.readline().split()
        config = folder / "plant.toml"
        of_motors_kw = [float(kw) for kw in powers_kw[:motors]]
        config.write_text(configuration(broker.url, f'tcp = "{address}"', meters, of_motors_kw, store=store))
        log = folder / "agent.log"
        with log.open("w") as output:
            agent = subprocess.Popen([sys.executable, "-c", AGENT, "run", str(config)], cwd=root, stderr=output)
        try:
            yield agent.pid, config
        finally:
            agent.terminate()
            agent.wait(30)
            plant.terminate()
            plant.wait()
            broker.stop()
            if "Traceback" in log.read_text():
                print(log.read_text())


def measure(case: str, seconds: float) -> None:
    meters, _ = CASES[case]
    with running(case) as (pid, _config):
        time.sleep(WARM_S)
        found = steady(pid, seconds)
    ms = {thread: value / meters for thread, value in found.cpu_ms.items()}
    print(f"{case:8} {sum(ms.values()):.3f} ms per device and second; {found.written_gb:.1f} GB a day; "
          f"{found.rss_mb:.1f} MB{' with numpy' if found.numpy else ''}; by thread: "
          + ", ".join(f"{thread} {value:.3f}" for thread, value in ms.items()))  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(int(sys.argv[2]))
    duration_s = float(sys.argv[1]) if sys.argv[1:] else SECONDS
    for chosen in sys.argv[2:] or CASES:
        measure(chosen, duration_s)
