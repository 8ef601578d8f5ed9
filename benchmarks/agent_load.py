"""The agent as installed under a steady load: processor time per thread, memory, bytes written to disk.

    agent_load.py [SECONDS [CASE …]]    cases: 16, 32+32; default: 60 s of each

A case has METERS on one Modbus TCP connection, twenty registers of their profile at 1 s, and MOTORS fed by the first
of them. `magwatt run` is a separate process with a real broker and a signed ledger; the start (WARM_S) is not counted.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

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


def measure(case: str, seconds: float, store: str = "") -> None:
    meters, motors = CASES[case]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Mosquitto(folder)
        broker.start()
        plant = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.agent_load", "--serve", str(meters)],
            cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert plant.stdout is not None
        address, powers_kw = plant.stdout.readline().strip(), plant.stdout.readline().split()
        config = folder / "plant.toml"
        of_motors_kw = [float(kw) for kw in powers_kw[:motors]]
        config.write_text(configuration(broker.url, f'tcp = "{address}"', meters, of_motors_kw, store=store))
        log = folder / "agent.log"
        with log.open("w") as output:
            command = [sys.executable, "-c", AGENT, "run", str(config)]
            agent = subprocess.Popen(command, cwd=Path(__file__).parents[1], stderr=output)
        try:
            time.sleep(WARM_S)
            before = Usage(agent.pid)
            time.sleep(seconds)
            after = Usage(agent.pid)
        finally:
            agent.terminate()
            agent.wait(30)
            plant.terminate()
            plant.wait()
            broker.stop()
        if "Traceback" in log.read_text():
            print(log.read_text())
    lasted_s = after.at_s - before.at_s
    threads = after.cpu_s - before.cpu_s
    ms = {thread: 1e3 * cpu_s / lasted_s / meters for thread, cpu_s in threads.most_common()}
    written = (after.written - before.written) / lasted_s * 86400 / 1e9
    print(f"{case:8} {sum(ms.values()):.3f} ms per device and second; {written:.1f} GB a day; {after.rss_mb:.1f} MB"
          f"{' with numpy' if after.numpy else ''}; by thread: "
          + ", ".join(f"{thread} {value:.3f}" for thread, value in ms.items()))  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(int(sys.argv[2]))
    duration_s = float(sys.argv[1]) if sys.argv[1:] else SECONDS
    for chosen in sys.argv[2:] or CASES:
        measure(chosen, duration_s)
