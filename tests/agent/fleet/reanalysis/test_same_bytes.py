"""The same bytes with one process, four, one of them killed, and a Dask cluster of which a worker is killed."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from support.basics import ROOT, free_port, wait_until
from support.snapshots import START_NS, U_V, sines, snapshot

from agent.fleet.reanalysis import workers as module
from agent.fleet.reanalysis.analyses import ANALYSES
from agent.fleet.reanalysis.run import reanalyse
from agent.fleet.reanalysis.task import compute, compute_in_cluster, prepare
from agent.fleet.reanalysis.workers import DaskWorkers, ProcessWorkers, ReanalysisError, Workers
from agent.fleet.reasons import SCHEDULER_UNREACHABLE

pytestmark = pytest.mark.soak
SNAPSHOTS, RATE_HZ = 240, 5000.0


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lake")
    for number in range(SNAPSHOTS):
        samples = sines(2, RATE_HZ, amps=20.0 + number).astype(np.float32)
        snapshot(folder, samples, RATE_HZ, start_ns=START_NS + number * 10**12, supply={"voltage_v": U_V})
    return folder


@pytest.fixture(scope="module")
def expected(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return results(lake, tmp_path_factory.mktemp("one"), ProcessWorkers(1, compute, prepare))


def results(lake: Path, out: Path, workers: Workers, after: Callable[[int], None] = lambda _: None) -> dict[str, bytes]:
    """Names and contents of the results. after: called with the number of finished inputs."""
    report = reanalyse(lake, out, ANALYSES["power-quality"], workers, progress=lambda done, _: after(done))
    assert (report.computed, report.findings) == (SNAPSHOTS, [])
    return {path.name: path.read_bytes() for path in out.rglob("*.parquet")}


def test_four_processes(lake: Path, expected: dict[str, bytes], tmp_path: Path) -> None:
    assert results(lake, tmp_path, ProcessWorkers(4, compute, prepare)) == expected


def test_a_killed_process(lake: Path, expected: dict[str, bytes], tmp_path: Path) -> None:
    workers = ProcessWorkers(4, compute, prepare)

    def kill(done: int) -> None:
        if done == 100:
            multiprocessing.active_children()[0].kill()

    assert results(lake, tmp_path, workers, kill) == expected
    assert workers.deaths == 1


@contextmanager
def cluster(folder: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and two workers: its address and the processes of the workers."""
    address = f"tcp://127.0.0.1:{free_port()}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-P", "-m", *arguments, "--no-dashboard"], cwd=folder, env=environment,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip

    scheduler = start("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", address.rpartition(":")[2])
    worker = ("distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny", "--host", "127.0.0.1")
    workers = [start(*worker) for _ in range(2)]
    try:
        yield address, workers
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_dask_cluster_with_a_killed_worker(lake: Path, expected: dict[str, bytes], tmp_path: Path) -> None:
    from distributed import Client

    with cluster(tmp_path) as (address, workers):

        def ready() -> bool:
            with Client(address, timeout=60, set_as_default=False) as client:
                return len(client.nthreads()) == 2

        wait_until(ready, 60, "two workers")

        def kill(done: int) -> None:
            if done == 100:
                workers[0].kill()

        assert results(lake, tmp_path / "out", DaskWorkers(address, compute_in_cluster), kill) == expected
        assert workers[0].poll() is not None


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_scheduler_that_does_not_respond(lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECT_S", 1.0)
    with pytest.raises(ReanalysisError) as raised:
        results(lake, tmp_path, DaskWorkers(f"tcp://127.0.0.1:{free_port()}", compute_in_cluster))
    assert raised.value.reason.code == SCHEDULER_UNREACHABLE
