"""The bus master compared with other masters in one run: tolerance of faulty lines, and cost. Run: make bench-bus.

Prints the Markdown of docs/reference/bus-measured.md. `bus.py matrix|rtu|tcp|many|dlt645` prints only that part.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from support.basics import Mosquitto
from support.fault_matrix import MEANWHILE_S, OVERDUE_S, TOO_LATE_S, Line

from benchmarks.far_end import BITS, FarEnd
from benchmarks.matrix import matrix
from benchmarks.meter_line import dlt645
from benchmarks.metered_plant import configuration
from benchmarks.peers import PATIENCE_S, TRIES, Lost, Master, OursAtOnce, masters, missing, version
from drivers.modbus_link import BusSettings
from simulators.bus.frames import ReadBlock

SPEEDS = {9600: (6, 1), 19200: (10, 1), 115200: (40, 8)}  # baud → sweeps, characters that arrive together
TURNAROUND_S = 0.005
SWEEP = [ReadBlock(unit, 3, 100, words) for unit, words in ((1, 4), (2, 10), (3, 20), (4, 30), (5, 50), (6, 80))]
SLOW_S = 1.0  # wait of an attempt on a slow but healthy line

REQUESTS, GROUPS = 2000, 7
FIFTY = ReadBlock(1, 3, 100, 50)

DEVICES, SECONDS = 32, 30
MB_MAX, LATE_MS_MAX = 40, 5


def say(line: str = "") -> None:
    print(line, flush=True)


def head() -> None:
    found = [f"{name} {version(name)}" for name in ("pymodbus", "minimalmodbus", "libmodbus") if name not in missing()]
    say("# The bus master, measured")
    say()
    say("Printed by `make bench-bus`: one run on one machine; ratios are transferable, absolute figures are not.")
    say(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}; others: {', '.join(found)}."
    )
    for name, how in missing().items():
        say(f"\nNot installed, so left out: {name} (`{how}`).")


def matrices() -> None:
    say("\n## Faulty lines\n")
    say(f"Ten polls each: good / **wrong** / lost. Every master waits at most {PATIENCE_S:g} s for a response and "
        f"makes {TRIES} attempts. Overdue: {OVERDUE_S:g} s; too late: {TOO_LATE_S:g} s, longer than any master waits; "
        f"the other responses of such a device take {MEANWHILE_S:g} s. Three blocks of the same size take turns. A "
        "value is wrong if it does not belong to a request of the same poll. deliver: all ten polls can succeed; "
        "never: there is no correct response; either: only wrong values count. The slave queues requests as converters "
        "do.")  # fmt: skip
    for kind in Line:
        say()
        matrix(kind, say)


# --- RTU ----------------------------------------------------------------------------------------------------------


def ideal_s(baud: int, blocks: list[ReadBlock]) -> float:
    """Transmission time of request and response, the slave's turnaround, and the silence after both frames."""
    character_s = BITS / baud
    silence_s = 0.00175 if baud > 19200 else 3.5 * character_s
    return sum((8 + 5 + 2 * block.words) * character_s + TURNAROUND_S + 2 * silence_s for block in blocks)


def rtu() -> None:
    say("\n## RTU: time relative to the transmission time\n")
    registers = ", ".join(str(block.words) for block in SWEEP)
    pause = f"{TURNAROUND_S * 1e3:g} ms"
    say(f"Sweeps of {len(SWEEP)} reads ({registers} registers, one slave each) on a line with real transmission times, "
        f"{pause} turnaround. Time: relative to the sum of transmission, turnaround and two silences. Silence broken: "
        "requests less than 3.5 characters after a response. CPU of the master's process only. ours: each block is of "
        "another device; at once: all are of one device, one call of the thread of the line.\n")  # fmt: skip
    say("| baud | master | time | silence broken | CPU per transaction | lost |")
    say("|---|---|---|---|---|---|")
    for baud, (sweeps, chunk) in SPEEDS.items():
        with FarEnd("rtu", baud, chunk, TURNAROUND_S) as far:
            wire = BusSettings("rtu", serial_port=far.where["port"], baud=baud, rtu_framing=True)
            for name, make in {**masters(Line.RTU), "ours, at once": OursAtOnce}.items():
                if "recovery" in name:
                    continue
                master = make(wire, Line.RTU, SLOW_S)
                try:
                    say(f"| {baud} | {name} | {_sweeps(master, far, baud, sweeps)} |")
                finally:
                    master.close()


def _sweeps(master: Master, far: FarEnd, baud: int, sweeps: int) -> str:
    master.sweep(SWEEP)  # everything is loaded, the line is open
    time.sleep(0.1)
    far.count()
    lost, seconds, cpu_s = 0, [], time.process_time()
    for _ in range(sweeps):
        started_s = time.perf_counter()
        try:
            master.sweep(SWEEP)
        except Lost:
            lost += 1
        else:
            seconds.append(time.perf_counter() - started_s)
    cpu_s = time.process_time() - cpu_s
    counted = far.count()
    ratio = f"{statistics.median(seconds) / ideal_s(baud, SWEEP):.3f}" if seconds else "–"
    requests = sweeps * len(SWEEP)
    return f"{ratio} | {counted['violations']} of {requests} | {1e3 * cpu_s / requests:.2f} ms | {lost} sweeps"


# --- TCP ----------------------------------------------------------------------------------------------------------


def tcp() -> None:
    say("\n## TCP: cost of a request\n")
    say(f"{FIFTY.words} registers for each request over loopback, {GROUPS} groups of {REQUESTS}, masters in turn; the "
        "server in a separate process. CPU of the master's process: median (minimum).\n")  # fmt: skip
    costs: dict[str, list[float]] = {}
    rates: dict[str, list[float]] = {}
    with FarEnd("tcp") as far:
        wire = BusSettings("tcp", host="127.0.0.1", port_number=far.where["port_number"])
        open_ = {name: make(wire, Line.TCP, SLOW_S) for name, make in masters(Line.TCP).items() if "recov" not in name}
        blocks = [FIFTY] * REQUESTS
        for master in open_.values():
            master.sweep(blocks[:200])
        for _ in range(GROUPS):
            for name, master in open_.items():
                cpu_s, wall_s = time.process_time(), time.perf_counter()
                master.sweep(blocks)
                costs.setdefault(name, []).append((time.process_time() - cpu_s) / REQUESTS)
                rates.setdefault(name, []).append(REQUESTS / (time.perf_counter() - wall_s))
        for master in open_.values():
            master.close()
    ours = statistics.median(costs["ours"])
    say("| master | CPU per request | ours in ratio | requests per second |")
    say("|---|---|---|---|")
    for name, row in costs.items():
        median = statistics.median(row)
        say(f"| {name} | {median * 1e6:.1f} µs ({min(row) * 1e6:.1f}) | {ours / median:.2f} | "
            f"{statistics.median(rates[name]):.0f} |")  # fmt: skip


# --- the complete agent -------------------------------------------------------------------------------------------


def many() -> None:
    say(f"\n## {DEVICES} devices at 1 s\n")
    say(f"`magwatt run` with {DEVICES} meters of 20 registers for {SECONDS} s; loop lag by a ticker of 10 ms.\n")
    say("| bus | memory | peak | loop lag p50 | p99 | maximum | CPU | requests per second |")
    say("|---|---|---|---|---|---|---|---|")
    with FarEnd("tcp") as far:
        bus = f'tcp = "127.0.0.1:{far.where["port_number"]}"'
        say(f"| one TCP connection | {_agent(bus, far)} |")
    with FarEnd("rtu", 115200, 8, 0.002) as far:
        bus = f'serial = "{far.where["port"]}"\nline = "115200 8N1"\nlisten_before_start = "0s"'
        say(f"| one line, 115200 baud | {_agent(bus, far)} |")
    say(f"\nGoal: at most {MB_MAX} MB without numpy, p99 at most {LATE_MS_MAX} ms.")


def _agent(bus: str, far: FarEnd) -> str:
    """Run the agent in a separate process for some seconds, observed from inside its loop."""
    with tempfile.TemporaryDirectory() as folder:
        broker = Mosquitto(Path(folder))
        broker.start()
        try:
            config = Path(folder) / "plant.toml"
            config.write_text(configuration(broker.url, bus, DEVICES, point="feeder"))
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.watched_agent", str(config), str(SECONDS)],
                cwd=Path(__file__).parents[1], capture_output=True, text=True, timeout=SECONDS + 60,
            )  # fmt: skip
        finally:
            broker.stop()
    if done.returncode:
        return f"failed: {(done.stderr.strip().splitlines() or ['?'])[-1]}"
    row = json.loads(done.stdout.strip().splitlines()[-1])
    numpy = " (with numpy)" if row["numpy"] else ""
    return (f"{row['rss_mb']:.0f} MB{numpy} | {row['peak_mb']:.0f} MB | {row['late_p50_ms']:.1f} ms | "
            f"{row['late_p99_ms']:.1f} ms | {row['late_max_ms']:.1f} ms | {row['cpu_pct']:.1f} % | "
            f"{far.count()['asked'] / SECONDS:.0f}")  # fmt: skip


PARTS: dict[str, Callable[[], None]] = {"matrix": matrices, "rtu": rtu, "tcp": tcp, "many": many, "dlt645": dlt645}

if __name__ == "__main__":
    head()
    for part in sys.argv[1:] or PARTS:
        PARTS[part]()
