"""Re-analysis of snapshots: the same bytes on any workers, processor time for a second of waveform, and overhead.

`python -m benchmarks.reanalyse [--snapshots N]`. N different snapshots (default 2000: 3.5 GB in the folder for
temporary files) of 10 s, six channels and 10 kHz: waveforms of the simulator, with noise that no two files share.
Power quality is computed with one process, with four, with four of which one is killed, and with two workers of Dask.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from agent.core import kernel_cache
from agent.delivery.files.lake.parts import Origin
from agent.delivery.files.lake.snapshots import convert_snapshot
from agent.delivery.files.snapshots import SnapshotHeader, write_waiting
from agent.fleet.reanalysis.analyses import ANALYSES
from agent.fleet.reanalysis.run import Progress, reanalyse
from agent.fleet.reanalysis.task import compute, compute_in_cluster, prepare
from agent.fleet.reanalysis.workers import DaskWorkers, ProcessWorkers, Workers
from simulators.devices.waves import Synthesiser

RATE_HZ, LENGTH_S = 10_000.0, 10.0
ROLES = ("u1", "u2", "u3", "i1", "i2", "i3")
START_NS = 1_790_784_000_000_000_000  # 2026-10-01 00:00 in Shanghai
MOTORS, DAY_NS = 12, 86_400 * 10**9
SUPPLY = {"voltage_v": 230.0, "current_a": 60.0, "demand_a": 60.0, "lamp": "230V"}
ANALYSIS = ANALYSES["power-quality"]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--snapshots", type=int, default=2000)
    count = options.parse_args().snapshots
    kernel_cache.complete()
    with tempfile.TemporaryDirectory(prefix="magwatt-reanalyse-") as folder:
        lake = Path(folder) / "lake"
        write_snapshots(lake, count)
        size = sum(path.stat().st_size for path in lake.rglob("*.parquet"))
        print(f"{count} snapshots, {size / count / 1e6:.2f} MB each")
        pools: dict[str, Any] = {
            "1 process": ProcessWorkers(1, compute, prepare), "4 processes": ProcessWorkers(4, compute, prepare),
            "4 processes, one killed": ProcessWorkers(4, compute, prepare),
        }  # fmt: skip
        expected = None
        for name, workers in pools.items():
            found = measured(
                name, lake, Path(folder) / name, count, workers, kill_one if "killed" in name else _nothing
            )
            assert expected in (None, found), f"{name}: the results differ"
            expected = found
        with dask_of_two() as (address, started):
            workers = DaskWorkers(address, compute_in_cluster)
            found = measured("Dask, 2 workers", lake, Path(folder) / "dask", count, workers, _nothing, started)
            assert found == expected, "Dask: the results differ"
        print("all results have the same bytes")


def write_snapshots(lake: Path, count: int) -> None:
    """By motor, with other currents, and noise of one thousandth."""
    noise = np.random.Generator(np.random.SFC64(1))
    waves = [_wave(0.5 + 0.04 * motor) for motor in range(MOTORS)]
    for number in range(count):
        day, motor = divmod(number, MOTORS)
        wave = waves[motor]
        samples = noise.standard_normal(wave.shape, np.float32) * np.float32([[0.3]] * 3 + [[0.05]] * 3) + wave
        header = SnapshotHeader(
            asset=f"motor-{motor:02d}", start_ns=START_NS + day * DAY_NS, rate_hz=RATE_HZ, samples=samples.shape[1],
            missing=0, channels=ROLES, wiring="3P4W", clipping=(600.0,) * 3 + (150.0,) * 3, supply=SUPPLY,
        )  # fmt: skip
        convert_snapshot(write_waiting(lake, header, samples), lake, Origin("mill-2", "gw-07", "1"))


def _wave(load: float) -> np.ndarray[Any, Any]:
    """Ten seconds of a rectifier at the mains, with 5th, 7th, 11th and 13th harmonic."""
    turn = np.exp(-2j * np.pi / 3 * np.arange(3))[:, None]
    orders = np.arange(14)
    u_v, i_a = np.zeros(14), np.zeros(14)
    u_v[[1, 5, 7]] = 230.0, 4.0, 2.5
    i_a[[1, 5, 7, 11, 13]] = load * np.array([60.0, 18.0, 9.0, 4.5, 3.0])
    source, parts = Synthesiser(RATE_HZ), []
    for hz in (50.01, 49.99, 50.0, 50.02, 49.98):
        state = u_v * turn**orders, i_a * np.exp(-0.5j) * turn**orders
        parts.append(source.block(*state, hz, round(RATE_HZ * LENGTH_S / 5)))
    return np.concatenate(parts, axis=1).astype(np.float32)


def measured(
    name: str, lake: Path, out: Path, count: int, workers: Workers, progress: Progress,
    before_s: tuple[float, float] | None = None,
) -> dict[str, bytes]:  # fmt: skip
    """Prints what a run took; returns its files. before_s: processor times before the workers were started."""
    own_s, others_s = before_s or processor_s()
    begin_s = time.perf_counter()
    report = reanalyse(lake, out, ANALYSIS, workers, progress=progress)
    wall_s = time.perf_counter() - begin_s
    assert (report.computed, report.findings) == (count, []), report
    if isinstance(workers, DaskWorkers):
        workers_s = sum(Path(f"/proc/{child.pid}").exists() and _cpu_s(child.pid or 0)
                        for child in multiprocessing.active_children())  # fmt: skip
    else:
        workers_s = processor_s()[1] - others_s
    own_s = processor_s()[0] - own_s
    total_s = own_s + workers_s
    print(f"{name}: {wall_s:.1f} s, processor {total_s:.1f} s, {count * LENGTH_S / total_s:.0f} times real time per "
          f"core; {100 * own_s / total_s:.2f} % of it to list, to pass on and to write results")  # fmt: skip
    return {path.name: path.read_bytes() for path in out.rglob("*.parquet")}


def kill_one(done: int, total: int) -> None:
    if total // 4 <= done < total // 4 + ANALYSIS.batch:
        multiprocessing.active_children()[0].kill()


def _nothing(done: int, total: int) -> None:
    pass


@contextmanager
def dask_of_two() -> Iterator[tuple[str, tuple[float, float]]]:
    """Two workers as processes; the scheduler is in this process, whose time therefore contains it."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        yield cluster.scheduler_address, processor_s()


def processor_s() -> tuple[float, float]:
    """Of this process, and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time(), children.ru_utime + children.ru_stime


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


if __name__ == "__main__":
    main()
