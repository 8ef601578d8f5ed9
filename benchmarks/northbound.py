"""The servers for the systems above under load: processor time and memory with 30 motors that change each second.

    make bench-northbound

A server is a process; it follows a live socket in this one, which publishes a row of each motor a second and reads as
its clients do: ten of Modbus, one of OPC UA with a subscription to all values. The time of this process does not count.
"""

from __future__ import annotations

import asyncio
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
from agent.core.metrics import by_name
from agent.core.password_hash import write_hash
from agent.delivery.base.metric_types import MetricType, metric_type
from agent.delivery.live_socket.server import LiveSocket
from benchmarks.web import VALUES, U, cpu_s, rss_mb
from drivers.reading import Quality

ROOT = "magwatt/v1/bench/gw-01"
GOALS = {"Modbus": (6.0, 45.0), "OPC UA": (15.0, 130.0)}  # processor in percent of a core, memory in MB
METRICS = 30  # of a motor, all of which change with each row
REQUESTS = 15
PASSWORD = "benchmark-password"


class Agent:
    """Publishes a row of each motor a second on a live socket, evenly distributed."""

    def __init__(self, folder: Path, motors: int) -> None:
        self._socket = LiveSocket(folder / "live.sock", list, ROOT)
        assert self._socket.start() is None
        self._motors, self._ending = motors, threading.Event()
        further = [row.name for row in by_name("telemetry").values() if metric_type(row) is MetricType.NUMBER]
        row = {name: value for name, value in VALUES.items() if isinstance(value, float)}
        row |= {name: 1.0 for name in further if name not in row}
        self._row = list(row.items())[: METRICS - len(U)]
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
            values = {name: value + count / 100 if isinstance(value, float) else value for name, value in self._row}
            u = {name: value + count / 100 for name, value in U.items()}
            row = Message(motor, "telemetry", t_ms, values, u, dict.fromkeys(U, "M5"), quality=Quality.SIMULATED)
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
    return usage(pid, cpu_s(pid) - before_s, time.monotonic() - started_s)


def usage(pid: int, used_s: float, lasted_s: float) -> str:
    share = 100 * used_s / lasted_s
    return f"processor {share:5.2f} % of a core  RSS {rss_mb(pid):5.1f} MB  PSS {pss_mb(pid):5.1f} MB"


async def subscribed(port: int, pid: int, motors: int, seconds: float, folder: Path) -> str:
    """What the server takes while a client is subscribed to all values."""
    from asyncua import Client
    from support.opcua import client_of

    changes = [0]

    class Handler:
        def datachange_notification(self, *_change: object) -> None:
            changes[0] += 1

    client: Client = await client_of(folder, port, PASSWORD)
    async with client:
        gateway = client.get_node("ns=2;s=bench/gw-01")
        nodes = [node for motor in await gateway.get_children() for node in await motor.get_variables()]
        assert len(await gateway.get_children()) == motors
        subscription = await client.create_subscription(500, Handler())
        await subscription.subscribe_data_change(nodes)
        await asyncio.sleep(3)
        changes[0], started_s, before_s = 0, time.monotonic(), cpu_s(pid)
        await asyncio.sleep(seconds)
        lasted_s = time.monotonic() - started_s
        text = usage(pid, cpu_s(pid) - before_s, lasted_s)
        assert changes[0] > motors * lasted_s, "the client lost its connection"
        return f"OPC UA  1 client    {text}  {changes[0] / lasted_s:4.0f} values/s of {len(nodes)} nodes"


@click.command()
@click.option("--motors", default=30, show_default=True)
@click.option("--clients", default=10, show_default=True)
@click.option("--seconds", default=60.0, show_default=True)
def main(motors: int, clients: int, seconds: float) -> None:
    for name, (processor_pct, memory_mb) in GOALS.items():
        print(f"goal {name}: {processor_pct:g} % of a core, {memory_mb:g} MB")
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
    with tempfile.TemporaryDirectory() as name:
        write_hash(Path(name) / "opcua-password", PASSWORD)
        with server(Path(name), "opcua") as (process, port):
            agent = Agent(Path(name), motors)
            time.sleep(8)
            print(f"OPC UA  0 clients   {measured(process.pid, seconds)}")
            print(asyncio.run(subscribed(port, process.pid, motors, seconds, Path(name))))
            agent.stop()


if __name__ == "__main__":
    main()
