"""One run of benchmarks.ingest: a simulated fleet, a broker, and workers of `magwatt fleet ingest`.

A worker is killed and started again, then the broker is restarted. What is in the lake afterwards is compared by id
with what the generator has sent.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
from msgspec import Struct
from support.basics import Mosquitto

from agent.config.loader import parse_broker
from agent.core.clock import SystemClock
from agent.fleet.lake import Lake
from agent.fleet.messages import coverage
from agent.simulation.fleet.load_generator import SimulatedFleet
from benchmarks.processes import ProcessUsage, has_ended, usage_of

BROKER = "max_queued_messages 0\nmax_inflight_messages 1000\npersistence true\nautosave_interval 1800\n"
SITE = "fleet"
KILL_AT, RESTART_AT = 0.4, 0.65  # of the duration
LOOK_S, REPORT_S = 0.5, 10.0
QUIET_S = 10.0  # nothing more arrives
DRAIN_S, STOP_S = 900.0, 1800.0


class Plan(Struct, frozen=True):
    """segment_s: age at which a worker converts. away_s: how long a killed worker and a stopped broker are away."""

    gateways: int
    motors: int
    interval_s: float
    seconds: float
    workers: int
    segment_s: float
    away_s: float


class Result(Struct):
    """Of one run. Processor times in µs a row, memory and disk in MB.

    lost: ids that are not in the lake. twice: rows that are in two files. doubled: that a question counts twice.
    wrong: rows with an id of another motor. repeated: received again and left out by the conversion.
    """

    plan: Plan
    rows: int
    lost: int
    twice: int
    doubled: int
    wrong: int
    files: int
    lake_mb: float
    received_mb_max: float
    receive_us: float
    convert_us: float
    generator_us: float
    broker_us: float
    worker_memory_mb: float
    conversion_memory_mb: float
    generator_lag_s: float
    drained_s: float
    load_average: float


class IngestProcess:
    """A worker, and what its processes have used, over restarts."""

    def __init__(self, broker: Mosquitto, lake: Path, part: int, parts: int, segment_s: float) -> None:
        self._command = [
            sys.executable, "-P", "-m", "agent.cli", "fleet", "ingest", "--lake", str(lake), "--broker", broker.url,
            "--part", f"{part}/{parts}", "--interval", f"{segment_s:g}", "--json",
        ]  # fmt: skip
        self._log = lake.parent / f"worker-{part}.log"
        self._before, self.used = ProcessUsage(), ProcessUsage()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        end_s = time.monotonic() + 60
        while b"receiving" not in self._log.read_bytes():
            assert time.monotonic() < end_s, self._log.read_text()
            time.sleep(0.1)
        self._before.own_s -= usage_of(self._process.pid).own_s  # the start of Python

    def look(self) -> None:
        if self._process is not None:
            found, before = usage_of(self._process.pid), self._before
            self.used = ProcessUsage(
                before.own_s + found.own_s, before.children_s + found.children_s,
                max(self.used.memory_mb, found.memory_mb),
                max(self.used.child_memory_mb, found.child_memory_mb),
            )  # fmt: skip

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._end()

    def stop(self) -> None:
        """Returns when everything is converted."""
        if self._process is not None:
            self._process.terminate()
            end_s = time.monotonic() + STOP_S
            while not has_ended(self._process.pid):
                assert time.monotonic() < end_s, "the worker has not ended"
                self.look()
                time.sleep(LOOK_S)
            code = self._end()
            assert code == 0, self._log.read_text()

    def _end(self) -> int:
        assert self._process is not None
        while not has_ended(self._process.pid):
            time.sleep(0.02)
        self.look()
        self._log.rename(self._log.with_suffix(f".{self._process.pid}.log"))
        self._before, code, self._process = self.used, self._process.wait(), None
        return code


class Run:
    """progress: called with a line of text."""

    def __init__(self, plan: Plan, folder: Path, progress: Callable[[str], None]) -> None:
        self._plan, self._lake, self._progress = plan, folder / "lake", progress
        self._broker = Mosquitto(folder, f"{BROKER}persistence_location {folder}/\n")
        self._broker_s = self._broker_before_s = 0.0
        self._broker.start()
        numbers = range(1, plan.workers + 1)
        self._workers = [IngestProcess(self._broker, self._lake, n, plan.workers, plan.segment_s) for n in numbers]
        self._received_mb, self._ending = 0.0, threading.Event()
        self._fleet = SimulatedFleet(
            parse_broker(self._broker.url), SITE, plan.gateways, plan.motors, plan.interval_s, SystemClock()
        )

    def measure(self) -> Result:
        self._lake.mkdir()
        observer, failed = threading.Thread(target=self._observe), list[BaseException]()
        try:
            for worker in self._workers:
                worker.start()
            observer.start()
            disturber = threading.Thread(target=self._disturb, args=(failed,))
            disturber.start()
            before_s = time.thread_time()
            self._fleet.run(self._plan.seconds)
            generator_s = time.thread_time() - before_s
            disturber.join()
            if failed:
                raise failed[0]
            drained_s = self._drain()
            for worker in self._workers:
                worker.stop()
        finally:
            self._ending.set()
            for worker in self._workers:
                worker.kill()
            self._look()
            self._broker.stop()
        return self._result(generator_s, drained_s)

    def _disturb(self, failed: list[BaseException]) -> None:
        try:
            self._ending.wait(KILL_AT * self._plan.seconds)
            self._progress("worker 1 is killed")
            self._workers[0].kill()
            self._ending.wait(self._plan.away_s)
            self._workers[0].start()
            self._progress("worker 1 receives again")
            self._ending.wait((RESTART_AT - KILL_AT) * self._plan.seconds - self._plan.away_s)
            self._look()
            self._broker.stop()
            self._broker_before_s = self._broker_s
            self._progress("the broker is stopped")
            self._ending.wait(self._plan.away_s)
            self._broker.start()
            self._progress("the broker is started")
        except BaseException as error:
            failed.append(error)

    def _observe(self) -> None:
        begin_s = reported_s = time.monotonic()
        while not self._ending.wait(LOOK_S):
            self._look()
            if time.monotonic() - reported_s >= REPORT_S:
                reported_s = time.monotonic()
                self._progress(self._line(reported_s - begin_s))

    def _look(self) -> None:
        for worker in self._workers:
            try:
                worker.look()
            except OSError:
                continue  # it has just been killed
        if (process := self._broker.process) is not None:
            self._broker_s = self._broker_before_s + usage_of(process.pid).own_s
        self._received_mb = max(self._received_mb, _megabytes(self._lake, "ingest/*/*.ndjson"))

    def _line(self, at_s: float) -> str:
        sent = sum(gateway.sequence for gateway in self._fleet.gateways)
        confirmed = sum(gateway.confirmed for gateway in self._fleet.gateways)
        received, files = (
            _megabytes(self._lake, "ingest/*/*.ndjson"),
            len(list(self._lake.glob("telemetry/**/*.parquet"))),
        )
        return (f"{at_s:.0f} s: {sent} rows, {confirmed} acknowledged, {received:.0f} MB received and not converted, "
                f"{files} files, delay {self._fleet.lag_s:.1f} s, load {os.getloadavg()[0]:.1f}")  # fmt: skip

    def _drain(self) -> float:
        """Waits until nothing more arrives; returns how long it did."""
        begin_s = changed_s = time.monotonic()
        before: dict[Path, int] = {}
        while time.monotonic() - changed_s < QUIET_S and time.monotonic() - begin_s < DRAIN_S:
            sizes = {path: path.stat().st_size for path in self._lake.glob("ingest/*/current.ndjson")}
            if any(size > before.get(path, 0) for path, size in sizes.items()):
                changed_s = time.monotonic()
            before = sizes
            time.sleep(LOOK_S)
        return changed_s - begin_s

    def _result(self, generator_s: float, drained_s: float) -> Result:
        sent = {gateway.name: gateway.sequence for gateway in self._fleet.gateways}
        rows, used = sum(sent.values()), [worker.used for worker in self._workers]
        lost, twice, wrong = compare(self._lake, sent, self._plan.motors)
        asked = sum(row.rows for row in coverage(Lake(self._lake)))
        return Result(
            self._plan, rows, lost, twice, asked - (rows - lost), wrong,
            len(list(self._lake.glob("telemetry/**/*.parquet"))), _megabytes(self._lake, "telemetry/**/*.parquet"),
            self._received_mb, 1e6 * sum(each.own_s for each in used) / rows,
            1e6 * sum(each.children_s for each in used) / rows, 1e6 * generator_s / rows, 1e6 * self._broker_s / rows,
            max(each.memory_mb for each in used), max(each.child_memory_mb for each in used),
            self._fleet.lag_s, drained_s, os.getloadavg()[2],
        )  # fmt: skip


def compare(lake: Path, sent: dict[str, int], motors: int) -> tuple[int, int, int]:
    """Ids that are missing, rows that are there more than once, and rows with an id of another motor.

    sent: gateway → number of rows; their numbers begin with 1 and go around the motors.
    """
    db = duckdb.connect(config={"memory_limit": "1GB", "threads": 1, "temp_directory": str(lake.parent / "spill")})
    found = db.execute(f"""
        select gateway, count(*), count(distinct number), max(number),
            count(*) filter (asset <> format('motor-{{:02d}}', (number - 1) % {motors} + 1))
        from (
            select gateway, asset, split_part(id, '-', 2)::bigint as number
            from read_parquet('{lake}/telemetry/**/*.parquet', hive_partitioning = true, union_by_name = true)
        ) group by gateway
    """).fetchall()
    counts = {gateway: distinct for gateway, _, distinct, _, _ in found}
    assert all(largest <= sent[gateway] for gateway, _, _, largest, _ in found), "rows that were not sent"
    lost = sum(number - counts.get(gateway, 0) for gateway, number in sent.items())
    return lost, sum(row[1] - row[2] for row in found), sum(row[4] for row in found)


def _megabytes(folder: Path, pattern: str) -> float:
    size = 0
    for path in folder.glob(pattern):
        try:
            size += path.stat().st_size
        except OSError:
            continue  # converted or merged meanwhile
    return size / 1e6
