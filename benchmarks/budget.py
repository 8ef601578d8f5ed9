"""What the product needs of a computer, by component: the budget for the Raspberry Pi in docs/reference/measured.md.

    make bench-pi                                     # half an hour
    PYTHONPATH=.:tests python -m benchmarks.budget [--rounds N] [--seconds S]

Prints Markdown: the machine, then one row for each figure. Processor time is the least of several rounds, since other
work on the computer adds to it. Elsewhere than on a Raspberry Pi two columns project processor time to one by the ratio
of single cores.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from support.basics import Mosquitto, free_port, wait_until

from agent.core import kernel_cache
from agent.delivery.live_socket.newest_row import newest_row
from agent.delivery.live_socket.protocol import NAME
from benchmarks.agent_load import CASES, WARM_S, Steady, Usage, running, steady

ROOT = Path(__file__).parents[1]
RUN = "from agent.cli import main; main()"
NAMED_THREADS = "from benchmarks import watched_agent; watched_agent.run_agent(reduced=False)"
SD_CARD = 'durability = "sd_card"'
DISK_S = 300.0  # history is written each minute
MODEL = Path("/proc/device-tree/model")
# Processor time on a core of the PC → on one of a Raspberry Pi: where it comes from is in docs/reference/measured.md.
RATIOS = {"Pi 5": (1.2, 3.4), "Pi 4": (2.2, 6.3)}
COMPONENTS = {  # beginning of a thread's name → component
    "python": "buses and event loop", "line-": "buses and event loop", "mqtt": "MQTT", "store": "state file",
    "pipeline": "pipeline: efficiency, savings, alarms, power quality, condition of rows",
    "waveform": "reading the stream of samples", "records": "condition of waveforms",
}  # fmt: skip
OTHERS = "other threads"
TIME, SAME, OPEN = "time", "the same", "–"


class Figure(NamedTuple):
    """One row. on_pi: how it is on a Raspberry Pi: TIME depends on the processor, SAME does not, OPEN is not known."""

    what: str
    value: float
    unit: str
    on_pi: str = TIME


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=30.0, help="of each measurement of a running agent")
    given = parser.parse_args()
    print("\n".join(f"- {line}" for line in machine()))
    projected = {} if is_pi() else RATIOS
    columns = ["what", "here", *(f"{name}, projected" for name in projected)]
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for part in (kernels, commands, first_row, meters, motors, waveform):
        for figure in part(given.rounds, given.seconds):
            print(row(figure, projected), flush=True)


def row(figure: Figure, projected: dict[str, tuple[float, float]]) -> str:
    cells = [figure.what, f"{shown(figure.value)} {figure.unit}"]
    for low, high in projected.values():
        time_there = f"{shown(low * figure.value)} … {shown(high * figure.value)} {figure.unit}"
        cells.append(time_there if figure.on_pi == TIME else figure.on_pi)
    return f"| {' | '.join(cells)} |"


def shown(value: float) -> str:
    """Two or three significant figures; more would be chance."""
    return f"{value:.0f}" if value >= 20 else f"{value:.2g}"


def is_pi() -> bool:
    return MODEL.exists() and MODEL.read_text(errors="replace").startswith("Raspberry Pi")


def machine() -> Iterator[str]:
    """Model, processor, systems and load: what a reader of the figures has to know."""
    cpu = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
           if line.startswith(("model name", "CPU part"))]  # fmt: skip
    release = platform.freedesktop_os_release().get("PRETTY_NAME", "")
    model = MODEL.read_text(errors="replace").strip("\0") if MODEL.exists() else platform.machine()
    yield f"computer: {model}; {len(cpu)} × {cpu[0] if cpu else 'unknown'}"
    yield f"system: {release}, Linux {platform.release()}, Python {platform.python_version()}"
    yield f"load average at the start: {os.getloadavg()[0]:.1f}"
    for zone in sorted(Path("/sys/class/thermal").glob("thermal_zone*/temp")):
        yield f"temperature at the start: {int(zone.read_text()) / 1000:.0f} °C"


class Ended(NamedTuple):
    """A process that has ended, with those that it started. memory_mb: the highest of one of them."""

    cpu_s: float
    wall_s: float
    memory_mb: float


def ended(*arguments: str, **environment: str) -> Ended:
    began_s = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", RUN, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0  # it was waited for
    return Ended(used.ru_utime + used.ru_stime, time.monotonic() - began_s, used.ru_maxrss / 1024)


def kernels(_rounds: int, _seconds: float) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        found = ended("compile", XDG_CACHE_HOME=folder)
    yield Figure("`magwatt compile`: the kernels, once after an installation", found.cpu_s, "s")
    yield Figure("… time by the clock, here with the load above", found.wall_s, "s", OPEN)
    yield Figure("… memory of the process that compiles", found.memory_mb, "MB", SAME)


def commands(rounds: int, _seconds: float) -> Iterator[Figure]:
    with running("32+32") as (_pid, config):
        wait_for_row(config.parent)
        for name in ("check", "health"):
            used = min(ended(name, "--config", str(config)).cpu_s for _ in range(2 * rounds))
            yield Figure(f"`magwatt {name}`, 32 motors", used, "s")


def first_row(rounds: int, _seconds: float) -> Iterator[Figure]:
    used = []
    for _ in range(rounds):
        with running("32+32") as (pid, config):
            wait_for_row(config.parent)
            used.append(sum(Usage(pid).cpu_s.values()))
    yield Figure("`magwatt run` with 32 motors: from the start to the first row", min(used), "s")


def meters(rounds: int, seconds: float) -> Iterator[Figure]:
    found = least(rounds, seconds, "16")
    count = CASES["16"][0]
    yield Figure("agent, meters alone (16, 20 registers at 1 s): each meter and second", total_ms(found) / count, "ms")
    yield Figure('… bytes written, `durability = "sd_card"`, all 16', found.written_gb, "GB a day", SAME)


def motors(rounds: int, seconds: float) -> Iterator[Figure]:
    found, count = least(rounds, seconds, "32+32"), CASES["32+32"][0]
    yield Figure("agent, motors on meters (32): **each motor and second**", total_ms(found) / count, "ms")
    for name, value in by_component(found).items():
        yield Figure(f"… {name}", value / count, "ms")
    yield Figure("… memory, all 32", found.rss_mb, "MB", SAME)
    yield Figure('… bytes written, `durability = "sd_card"`, all 32', found.written_gb, "GB a day", SAME)
    with running("32+32", SD_CARD) as (_pid, config), page(config) as (pid, url):
        time.sleep(WARM_S)
        with reader(url):
            of_page = steady(pid, seconds)
    yield Figure("page, 32 motors, one browser: each second", total_ms(of_page), "ms")
    yield Figure("… memory", of_page.rss_mb, "MB", SAME)


def waveform(rounds: int, seconds: float) -> Iterator[Figure]:
    if not kernel_cache.is_complete():
        kernel_cache.compile_kernels()
    without, with_it = (
        min((on_pump_station(seconds, has_waveform) for _ in range(rounds)), key=total_ms)
        for has_waveform in (False, True)
    )
    what = "waveform of six channels, 10,240 S/s, everything on: **each motor and second**"
    yield Figure(what, total_ms(with_it) - total_ms(without), "ms")
    before_ms, after_ms = by_component(without), by_component(with_it)
    for name in ("waveform", "pipeline"):
        component = COMPONENTS[name]
        yield Figure(f"… {component}", after_ms.get(component, 0.0) - before_ms.get(component, 0.0), "ms")
    yield Figure("… memory of the agent with it, three devices", with_it.rss_mb, "MB", SAME)


def least(rounds: int, seconds: float, case: str) -> Steady:
    """The round with the least processor time, with bytes and memory of the first one, which is longer."""
    found = []
    for number in range(rounds):
        with running(case, SD_CARD) as (pid, _config):
            time.sleep(WARM_S)
            found.append(steady(pid, seconds if number else max(seconds, DISK_S)))
    return min(found, key=total_ms)._replace(written_gb=found[0].written_gb, rss_mb=found[0].rss_mb)


def total_ms(found: Steady) -> float:
    """Processor time in milliseconds per second."""
    return sum(found.cpu_ms.values())


def by_component(found: Steady) -> dict[str, float]:
    """Component → processor time in milliseconds per second, the largest first."""
    sums: dict[str, float] = {}
    for thread, value in found.cpu_ms.items():
        name = next((name for start, name in COMPONENTS.items() if thread.startswith(start)), OTHERS)
        sums[name] = sums.get(name, 0.0) + value
    return dict(sorted(sums.items(), key=lambda item: -item[1]))


def on_pump_station(seconds: float, has_waveform: bool) -> Steady:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Mosquitto(folder)
        broker.start()
        config = folder / "plant.toml"
        simulate = ["simulate", "pump-station", "--write-config", str(config), "--broker", broker.url]
        plant = subprocess.Popen([sys.executable, "-c", RUN, *simulate], cwd=ROOT, stdout=subprocess.DEVNULL)
        wait_until(config.exists, 60, "the plant")
        text = config.read_text().replace("[mqtt]", f"{SD_CARD}\n[mqtt]", 1)
        config.write_text(text if has_waveform else text.split("[motor.pump-2.waveform]")[0])
        agent = subprocess.Popen(
            [sys.executable, "-c", NAMED_THREADS, "run", str(config)], cwd=ROOT, stderr=subprocess.DEVNULL
        )
        try:
            time.sleep(2 * WARM_S)  # the serial bus is listened to first; the model of the condition is made
            return steady(agent.pid, seconds)
        finally:
            for process in (agent, plant):
                process.terminate()
                process.wait(30)
            broker.stop()


@contextlib.contextmanager
def page(config: Path) -> Iterator[tuple[int, str]]:
    """`magwatt web` while the agent runs; yields its process identifier and its address."""
    address = f"127.0.0.1:{free_port()}"
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, "web", "--config", str(config), "--listen", address], cwd=ROOT,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process.pid, f"http://{address}/api/v1"
    finally:
        process.terminate()
        process.wait(30)


@contextlib.contextmanager
def reader(url: str) -> Iterator[None]:
    """A process that reads the live stream, as a browser does."""
    code = f"from urllib.request import urlopen\nfor line in urlopen('{url}/stream'): pass"
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    try:
        yield
        assert process.poll() is None, "the stream ended"
    finally:
        process.terminate()
        process.wait(10)


def wait_for_row(folder: Path) -> None:
    path = folder / "state" / NAME
    wait_until(lambda: isinstance(newest_row([path], 60.0, 0.5), float), 120, "the first row")


if __name__ == "__main__":
    main()
