"""Disk writes and processor time of an agent's delivery: GB a day, ms per meter and second of each thread.

The agent is complete except for the bus: the benchmark makes one reading per meter and second, spread over the second.
The writes are those of /proc/self/io (whole pages of 4 KiB, without the journal of the file system). Called by
`python -m benchmarks.store --disk`.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from support.basics import Mosquitto

SECONDS, WARM_S = 300, 15  # history is written each minute
PLANTS = ((16, 0), (32, 32), (64, 32))  # meters, and how many of them feed a motor
DURABILITY = ("strict", "sd_card")
METER = (
    '[meter.meter-{n}]\nbus = "b"\nunit_id = {unit}\nprofile = "eastron/sdm630"\nmeasuring_point = "{at}"\n'
    'class = "1"\n'
)
MOTOR = '[motor.motor-{n}]\nkind = "induction"\nkw = 30\nrpm = 1480\npoles = 4\nvolts = 400\nfed_by = "meter-{n}"\n'
LEVELS = (  # by the beginning of the quantity's name
    ("voltage_l1n", 230.1), ("voltage_l2n", 230.4), ("voltage_l3n", 229.8), ("voltage_ln", 230.1), ("voltage", 400.1),
    ("current_n", 0.3), ("current_sum", 123.0), ("current", 41.0), ("active_power_l", 8300.0),
    ("reactive_power_l", 4000.0), ("apparent_power_l", 9214.0), ("active_power", 24900.0), ("reactive_power", 12000.0),
    ("apparent_power", 27641.0), ("power_factor", 0.9), ("frequency", 50.0), ("phase_angle", 25.7), ("thd", 3.1),
    ("demand_active", 24000.0), ("demand", 40.0),
)  # fmt: skip


def config_text(meters: int, motors: int, port: int, durability: str) -> str:
    text = (
        f'[site]\nid = "t"\ngateway = "g{os.getpid()}"\nassume_clock_synchronized = true\n'
        f'[store]\nstate_dir = "state"\n{durability}\n[mqtt]\nurl = "mqtt://127.0.0.1:{port}"\n[bus.b]\n'
        'tcp = "127.0.0.1:1"\n'
    )
    for n in range(meters):
        text += METER.format(n=n, unit=n + 1, at="motor" if n < motors else "feeder")
        text += MOTOR.format(n=n) if n < motors else ""
    return text


def values(due_s: dict[str, float], n: int, second: int) -> dict[str, float]:
    """The quantities that are due in this second."""
    load, drift = 1 + 0.05 * math.sin(second / 7 + n), 1 + 0.001 * math.sin(second / 3 + n)
    found = {}
    for name, every_s in due_s.items():
        if second % max(1, round(every_s)) == 0:
            if "energy" in name:
                found[name] = round(1000.0 + n + 24.9 * second / 3600, 2)
            else:
                level = next(level for start, level in LEVELS if name.startswith(start))
                varies = name.startswith(("current", "active", "reactive", "apparent"))
                found[name] = round(level * (load if varies else drift), 4)
    return found


def used() -> dict[str, float]:
    """Processor seconds of each thread, by name."""
    found = {}
    for thread in threading.enumerate():
        used_ns = Path(f"/proc/self/task/{thread.native_id}/schedstat").read_text().split()[0]
        found[thread.name] = int(used_ns) / 1e9
    return found


def written_bytes() -> int:
    return int(dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())["write_bytes"])


def run(folder: Path, meters: int, motors: int, port: int, seconds: int, durability: str) -> dict[str, Any]:
    """One agent. durability: a line of the table [store]; empty: the default."""
    from agent.config.loader import load_config
    from agent.core.clock import SystemClock
    from agent.delivery.delivery import open_store
    from agent.runtime.assembly import Agent, AgentOptions
    from drivers.reading import Reading

    (folder / "plant.toml").write_text(config_text(meters, motors, port, durability))
    config, _ = load_config(folder / "plant.toml")
    clock = SystemClock()
    agent = Agent(config, clock, open_store(folder / "state", config, clock), AgentOptions())
    agent.connect()
    assert agent.delivery is not None
    (sink,) = agent.delivery.sinks
    started_s = time.monotonic()
    for second in range(WARM_S + seconds):
        if second == WARM_S:
            before = written_bytes(), used(), time.process_time(), sink.numbers()["rows_published"], time.monotonic()
        for n in range(meters):
            time.sleep(max(0.0, started_s + second + n / meters - time.monotonic()))
            now_ns, name = clock.utc_ns(), f"meter-{n}"
            found = values(agent.due_s[name], n, second)
            agent.pipeline.process(Reading(name, now_ns - 20_000_000, now_ns, found, monotonic_ns=clock.monotonic_ns()))
        if second % 60 == 59:
            agent.ledger_recorder.update()
    written, threads, cpu_s, published, at_s = before
    took_s, per_meter = time.monotonic() - at_s, 1000 / meters / (time.monotonic() - at_s)
    result = {
        "meters": meters,
        "motors": motors,
        "durability": durability,
        "gb_per_day": round((written_bytes() - written) / took_s * 86400 / 1e9, 2),
        "rows_per_s": round((sink.numbers()["rows_published"] - published) / took_s, 1),
        "cpu_ms_per_meter_and_s": round((time.process_time() - cpu_s) * per_meter, 3),
        "by_thread_ms": {
            name: round((now_s - threads.get(name, 0.0)) * per_meter, 3) for name, now_s in used().items()
        },
    }
    agent.delivery.stop(lambda: None)
    return result


def main() -> None:
    """All plants with each durability, in parallel: the disk is not the limit, and times are processor times."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        broker = Mosquitto(Path(name))
        broker.start()
        runs = []
        for number, (plant, durability) in enumerate((plant, mode) for plant in PLANTS for mode in DURABILITY):
            folder = Path(name) / str(number)
            folder.mkdir()
            arguments = [str(folder), *map(str, plant), str(broker.port), str(SECONDS), f'durability = "{durability}"']
            command = [sys.executable, "-m", "benchmarks.disk_writes", *arguments]
            runs.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        for process in runs:
            print(process.communicate()[0].strip())
        broker.stop()


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]), *map(int, sys.argv[2:6]), sys.argv[6])))
