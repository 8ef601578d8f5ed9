"""The Modbus TCP server under load: processor time and memory with 30 motors that change each second.

    make bench-northbound

The server is a process; it follows a live socket in this one, which publishes a row of each motor a second and reads as
ten clients do. The time of this process does not count.
"""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from support.basics import free_port

from agent.core.messages import Message, encode
from agent.delivery.live_socket.server import LiveSocket
from benchmarks.web import VALUES, U, cpu_s, rss_mb
from drivers.reading import Quality

ROOT = "magwatt/v1/bench/gw-01"
GOALS = {"processor_pct": 6.0, "memory_mb": 45.0}
REQUESTS = 15


class Agent:
    """Publishes a row of each motor a second on a live socket, evenly distributed."""

    def __init__(self, folder: Path, motors: int) -> None:
        self._socket = LiveSocket(folder / "live.sock", list, ROOT)
        assert self._socket.start() is None
        self._motors, self._ending = motors, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        self._thread.join()
        self._socket.stop()

    def _run(self) -> None:
        started_s, count = time.monotonic(), 0
        while not self._ending.is_set():
            motor, t_ms = f"pump-{count % self._motors}", time.time_ns() // 1_000_000
            values = {**VALUES, "active_power_w": 30000.0 + count / 10}
            row = Message(motor, "telemetry", t_ms, values, U, dict.fromkeys(U, "M5"), quality=Quality.SIMULATED)
            self._socket.on_message(f"{ROOT}/{motor}/telemetry", encode(row, str(count)), False)
            count += 1
            self._ending.wait(max(0.0, started_s + count / self._motors - time.monotonic()))


class ModbusClients:
    """Each reads all motors once a second. answers: how many were complete. slowest_s: time of a request."""

    def __init__(self, port: int, count: int, motors: int) -> None:
        self.answers, self.slowest_s = 0, 0.0
        self._ending = threading.Event()
        per_request = -(-motors // REQUESTS)
        self._requests = [
            struct.pack(">HHHBBHH", number, 0, 6, 1, 4, 60 * (1 + number * per_request), 60 * per_request)
            for number in range(-(-motors // per_request))
        ]
        self._bytes = 9 + 120 * per_request
        self._sockets = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(count)]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        self._thread.join()
        for each in self._sockets:
            each.close()

    def _run(self) -> None:
        next_s = time.monotonic()
        while not self._ending.is_set():
            for each in self._sockets:
                for request in self._requests:
                    sent_s = time.monotonic()
                    each.sendall(request)
                    data = b""
                    while len(data) < self._bytes:
                        data += each.recv(4096)
                    self.slowest_s = max(self.slowest_s, time.monotonic() - sent_s)
                    self.answers += 1
            next_s += 1.0
            self._ending.wait(max(0.0, next_s - time.monotonic()))


def present(port: int) -> int:
    """Motors with values of the present, as the server states it."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(struct.pack(">HHHBBHH", 1, 0, 6, 1, 4, 2, 1))
        return int.from_bytes(client.recv(11)[9:], "big")


@contextmanager
def server(folder: Path, *command: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A command of magwatt that listens on a port."""
    port = free_port()
    (folder / "plant.toml").write_text(f'[site]\nid = "bench"\ngateway = "gw-01"\n[store]\nstate_dir = "{folder}"\n')
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "agent.cli", *command, "--config", str(folder / "plant.toml"),
             "--listen", f"127.0.0.1:{port}"], stdout=log, stderr=log,
        )  # fmt: skip
    try:
        wait_until(lambda: _is_open(port), 60)
        yield process, port
    finally:
        process.terminate()
        process.wait(10)


def wait_until(true: Callable[[], bool], limit_s: float) -> None:
    until_s = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < until_s
        time.sleep(0.1)


def _is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def pss_mb(pid: int) -> float:
    """Resident memory, of which shared pages count in parts."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def measured(pid: int, seconds: float) -> str:
    """Processor time over some seconds, and memory after them."""
    before_s, started_s = cpu_s(pid), time.monotonic()
    time.sleep(seconds)
    used = (cpu_s(pid) - before_s) / (time.monotonic() - started_s)
    return f"processor {100 * used:5.2f} % of a core  RSS {rss_mb(pid):5.1f} MB  PSS {pss_mb(pid):5.1f} MB"


@click.command()
@click.option("--motors", default=30, show_default=True)
@click.option("--clients", default=10, show_default=True)
@click.option("--seconds", default=60.0, show_default=True)
def main(motors: int, clients: int, seconds: float) -> None:
    print("goals:", ", ".join(f"{name} {value:g}" for name, value in GOALS.items()))
    with tempfile.TemporaryDirectory() as name, server(Path(name), "modbus-server") as (process, port):
        agent = Agent(Path(name), motors)
        time.sleep(3)
        for count in (0, clients):
            reading = ModbusClients(port, count, motors)
            time.sleep(2)
            reading.answers, reading.slowest_s, started_s = 0, 0.0, time.monotonic()
            text = measured(process.pid, seconds)
            rate = reading.answers / (time.monotonic() - started_s)
            slowest_ms = 1000 * reading.slowest_s
            print(f"Modbus {count:2d} clients  {text}  {rate:4.0f} requests/s  slowest {slowest_ms:.0f} ms")
            reading.stop()
            assert present(port) == motors, "values of the present"
        agent.stop()


if __name__ == "__main__":
    main()
