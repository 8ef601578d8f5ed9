"""The page under load: memory, processor time and delay with 30 motors that change each second and 20 clients.

    make bench-web

Starts a real broker and `magwatt web` as processes. The clients read in one thread of this process, which also publishes
as an agent does; its own time does not count.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from support.basics import Mosquitto, free_port

from agent.core.messages import Message, encode, encode_plain
from drivers.reading import Quality

ROOT = "magwatt/v1/bench/gw-01"
GOALS = {"rss_mb": 45.0, "delay_p95_ms": 300.0, "cpu_pct": 3.0}
VALUES = {
    **{f"voltage_l{n}n_v": 233.5 for n in (1, 2, 3)}, **{f"current_l{n}_a": 48.6 for n in (1, 2, 3)},
    **{f"active_power_l{n}_w": 10365.8 for n in (1, 2, 3)}, "power_factor": 0.912, "frequency_hz": 49.9965,
    "energy_import_kwh": 21507.023, "motor_current_a": 60.2, "output_frequency_hz": 82.8, "motor_speed_rpm": 1242,
    "system_efficiency_pct": 92.82, "motor_efficiency_pct": 96.67, "drive_efficiency_pct": 96.01,
    "shaft_power_w": 27484.0, "motor_losses_w": 946.0, "drive_losses_w": 1180.0, "motor_load_pct": 50.0,
    "efficiency_unavailable_reason": "",
}  # fmt: skip
U = {"system_efficiency_pct": 2.3, "motor_efficiency_pct": 0.85, "shaft_power_w": 779.0, "motor_losses_w": 240.0,
     "drive_losses_w": 650.0}  # fmt: skip


class Agent:
    """Publishes a row of each motor a second, evenly distributed. sent_s: power of a row → when it was published."""

    def __init__(self, port: int, motors: int) -> None:
        self.sent_s: dict[float, float] = {}
        self._motors, self._ending = motors, threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._client.publish(f"{ROOT}/status", b"online", qos=1, retain=True)
        for number in range(motors):
            meta = encode_plain("meta", 0, {"name": f"Pump {number}", "motor": {"kind": "pm", "rated_power_kw": 55.0}})
            self._client.publish(f"{ROOT}/pump-{number}/meta", meta, qos=1, retain=True)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()

    def _run(self) -> None:
        started_s, count = time.monotonic(), 0
        while not self._ending.is_set():
            motor, power_w = f"pump-{count % self._motors}", 30000.0 + count / 10
            t_ms = time.time_ns() // 1_000_000
            values = {**VALUES, "active_power_w": power_w}
            row = Message(motor, "telemetry", t_ms, values, U, dict.fromkeys(U, "M5"), quality=Quality.SIMULATED)
            self.sent_s[power_w] = time.monotonic()
            self._client.publish(f"{ROOT}/{motor}/telemetry", encode(row, str(count)), qos=1)
            count += 1
            self._ending.wait(max(0.0, started_s + count / self._motors - time.monotonic()))


class Clients:
    """Streams; the first one is decoded, and its delays noted. delays_s: from publishing to the arrival."""

    def __init__(self, port: int, count: int, sent_s: dict[float, float]) -> None:
        self.delays_s: list[float] = []
        self.bytes = 0
        self._sent_s, self._rest, self._ending = sent_s, b"", threading.Event()
        self._selector = selectors.DefaultSelector()
        for number in range(count):
            connection = socket.create_connection(("127.0.0.1", port), timeout=10)
            language = "en" if number % 2 == 0 else "zh"
            connection.sendall(f"GET /api/v1/stream?lang={language} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            self._selector.register(connection, selectors.EVENT_READ, number)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    def _run(self) -> None:
        while not self._ending.is_set():
            for key, _events in self._selector.select(0.2):
                data = key.fileobj.recv(1 << 20)  # type: ignore[union-attr]
                self.bytes += len(data)
                if key.data == 0:
                    self._note(data)

    def _note(self, data: bytes) -> None:
        now_s = time.monotonic()
        *events, self._rest = (self._rest + data).split(b"\n\n")
        for event in events:
            start = event.find(b"data: ")
            if start >= 0:
                for row in json.loads(event[start + 6 :].splitlines()[0])["motors"]:
                    if (sent_s := self._sent_s.pop(row["power_w"]["v"], None)) is not None:
                        self.delays_s.append(now_s - sent_s)


@contextmanager
def page(broker_port: int, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    port = free_port()
    command = [sys.executable, "-m", "agent.cli", "web", f"mqtt://127.0.0.1:{broker_port}", "--listen", f"127.0.0.1:{port}"]
    with (folder / "web.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until_s = time.monotonic() + 30
        while time.monotonic() < until_s:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield process, port
    finally:
        process.terminate()
        process.wait(10)


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


@click.command()
@click.option("--motors", default=30, show_default=True)
@click.option("--clients", default=20, show_default=True)
@click.option("--seconds", default=20.0, show_default=True)
def main(motors: int, clients: int, seconds: float) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Mosquitto(folder)
        broker.start()
        with page(broker.port, folder) as (process, port):
            print(f"started              RSS {rss_mb(process.pid):5.1f} MB")
            agent = Agent(broker.port, motors)
            time.sleep(3)
            for count in (0, 1, clients):
                measure(process.pid, port, agent, motors, count, seconds)
            agent.stop()
        broker.stop()


def measure(pid: int, port: int, agent: Agent, motors: int, count: int, seconds: float) -> None:
    agent.sent_s.clear()
    streams = Clients(port, count, agent.sent_s)
    time.sleep(2)
    streams.delays_s.clear()
    before_s, started_s, bytes_before = cpu_s(pid), time.monotonic(), streams.bytes
    time.sleep(seconds)
    used = (cpu_s(pid) - before_s) / (time.monotonic() - started_s)
    delays_ms = sorted(1000 * delay_s for delay_s in streams.delays_s)
    at = {share: delays_ms[int(share * (len(delays_ms) - 1))] for share in (0.5, 0.95)} if delays_ms else {}
    print(
        f"{motors} motors, {count:2d} clients  RSS {rss_mb(pid):5.1f} MB  processor {100 * used:4.2f} % of a core  "
        f"{(streams.bytes - bytes_before) / seconds / 1000:6.0f} kB/s  delay "
        + (f"p50 {at[0.5]:.0f} ms, p95 {at[0.95]:.0f} ms, {len(delays_ms)} rows" if at else "–")
    )
    streams.stop()


if __name__ == "__main__":
    print("goals:", ", ".join(f"{name} {value:g}" for name, value in GOALS.items()))
    main()
