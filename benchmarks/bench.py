"""Durations that users notice, each as a median over several runs. Run: make bench. Figures:
docs/reference/measured.md.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from support.basics import Mosquitto, wait_until

from agent.core import kernel_cache

MAGWATT = [str(Path(sys.executable).parent / "magwatt")]
RUNS = 7


def timed(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def medians() -> None:
    """Start-up time of `--help` compared with `import click`, measured alternately."""
    commands = {
        "python -c 'import click'": [sys.executable, "-c", "import click"],
        "magwatt --help": [*MAGWATT, "--help"],
        "magwatt --lang zh --help": [*MAGWATT, "--lang", "zh", "--help"],
        "magwatt profiles": [*MAGWATT, "profiles"],
    }
    rows: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(3 * RUNS):
        for name, command in commands.items():
            rows[name].append(timed(command))
    click_s = statistics.median(rows["python -c 'import click'"])
    for name, seconds in rows.items():
        middle_s = statistics.median(seconds)
        span = f"{min(seconds):.3f} … {max(seconds):.3f}"
        print(f"{name:44} {middle_s:8.3f} s   {middle_s / click_s:5.2f} x click   (of {span})")


def chain() -> None:
    """Seconds of six channels at 10,240 S/s processed in one second of one core, all functions on.

    Comparison with other software: make bench-dsp.
    """
    from benchmarks.dsp import ALL_ON, RATE_HZ, SECONDS, own_chain, signal

    x = signal(RATE_HZ)
    own_chain(x, RATE_HZ, ALL_ON)
    speeds = [SECONDS / own_chain(x, RATE_HZ, ALL_ON) for _ in range(RUNS)]
    print(f"{'measurement chain, all functions on':44} {statistics.median(speeds):8.0f} x real time   ")  # fmt: skip


def first_value() -> None:
    """Time from exec of `magwatt run` to the first telemetry of a Modbus TCP device at a subscriber.

    Also prints the agent's memory.
    """
    with tempfile.TemporaryDirectory() as folder:
        broker = Mosquitto(Path(folder))
        broker.start()
        came = threading.Event()
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.on_connect = lambda c, *_: c.subscribe("magwatt/v1/demo/gw-01/pump-1/telemetry", qos=1)
        client.on_message = lambda *_: came.set()
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        config = Path(folder) / "plant.toml"
        arguments = ["simulate", "pump-station", "--write-config", str(config), "--broker", broker.url]
        plant = subprocess.Popen([*MAGWATT, *arguments], stdout=subprocess.DEVNULL)
        wait_until(config.exists, 20, "the plant")
        seconds = []
        for _ in range(RUNS):
            came.clear()
            started = time.perf_counter()
            agent = subprocess.Popen([*MAGWATT, "run", str(config)], stderr=subprocess.DEVNULL)
            if not came.wait(20):
                raise RuntimeError("no value was published within 20 s")
            seconds.append(time.perf_counter() - started)
            agent.terminate()
            agent.wait(20)
        print(f"{'first value published, Modbus TCP':44} {statistics.median(seconds):8.3f} s   "
              f"(of {min(seconds):.3f} … {max(seconds):.3f})")  # fmt: skip
        whole = config.read_text()
        without = whole.split("[motor.pump-2.waveform]")[0]
        for name, text in (("agent with a waveform", whole), ("agent, registers only", without)):
            config.write_text(text)
            agent = subprocess.Popen([*MAGWATT, "run", str(config)], stderr=subprocess.DEVNULL)
            time.sleep(15)
            status = Path(f"/proc/{agent.pid}/status").read_text()
            rss = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
            ticks = Path(f"/proc/{agent.pid}/stat").read_text().rsplit(")", 1)[1].split()
            cpu = (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK") / 15
            print(f"{name:44} {rss / 1024:8.0f} MB  {100 * cpu:.1f} % of a core, including the start")
            agent.terminate()
            agent.wait(20)
        plant.terminate()
        plant.wait(20)
        client.disconnect()
        client.loop_stop()
        broker.stop()


if __name__ == "__main__":
    if not kernel_cache.is_complete():
        kernel_cache.compile_kernels()
    print(
        json.dumps(
            {"python": sys.version.split()[0], "runs": RUNS, "own_rss_mb": resource.getrusage(0).ru_maxrss // 1024}
        )
    )
    medians()
    chain()
    first_value()
