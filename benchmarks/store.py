"""Spool and delivery: rows/s into the spool, and the processor time of a published row compared with paho alone.

paho alone stores nothing. Each run is a separate process, both kinds in turn. Run: make bench-store. Figures:
docs/explanation/delivery.md. With --disk: disk writes and processor time of a whole agent without its bus.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import paho.mqtt.client as paho
from msgspec.structs import replace
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from support.basics import Mosquitto

from agent.config.loader import parse_broker
from agent.config.model import COMMIT_INTERVAL_S, StoreSettings
from agent.core.clock import SystemClock
from agent.delivery.store import Store
from benchmarks.disk_writes import main as disk_writes

RUNS = 7
ROWS, BATCH, BYTES = 20_000, 100, 400
SPOOL_S = 10.0
WAITING_MAX = 10_000  # rows appended but not yet committed; limits the lead of the benchmark over the disk
LIVE_MAX = 1000  # rows not yet confirmed by the broker: all of them live, none has to be read back
BACKFILL_PER_S = 2000.0
BODY = b"x" * (BYTES - 40)


def bare(port: int) -> float:
    """Return processor seconds for ROWS rows in batches of 100, each awaited."""
    client = paho.Client(CallbackAPIVersion.VERSION2, "bare", protocol=MQTTProtocolVersion.MQTTv5)
    client.max_inflight_messages_set(BATCH)
    left, done, ready = [0], threading.Event(), threading.Event()

    def confirmed(*_: object) -> None:
        left[0] -= 1
        if not left[0]:
            done.set()

    client.on_publish = confirmed
    client.on_connect = lambda *_: ready.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    ready.wait(5)
    started_s = time.process_time()
    for first in range(0, ROWS, BATCH):
        left[0] = BATCH
        done.clear()
        for number in range(first, first + BATCH):
            client.publish("magwatt/v1/s/g/m/telemetry", b'{"id":"%d",' % number + BODY, qos=1)
        done.wait(10)
    used_s = time.process_time() - started_s
    client.disconnect()
    client.loop_stop()
    return used_s


def ours(port: int) -> float:
    """The same rows appended, committed, published, confirmed and deleted; almost all of them are live."""
    return _through(port, LIVE_MAX, None)


def backlog(port: int) -> float:
    """The same for rows that arrive together: most must be read back, at a limited rate."""
    return _through(port, ROWS, BACKFILL_PER_S)


def _through(port: int, ahead_max: int, backfill_per_s: float | None) -> float:
    from agent.delivery.mqtt.sink import MqttSink

    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        store = Store(Path(folder), SystemClock())
        drain = store.sink_cursors(["mqtt"])["mqtt"]
        broker = replace(parse_broker(f"mqtt://127.0.0.1:{port}"), backfill_rate=backfill_per_s)
        sink = MqttSink(broker, "ours", "magwatt/v1/s/g", list, lambda *_: None)
        sink.start(drain)
        while not sink.link.connected:
            time.sleep(0.01)
        started_s = time.process_time()
        for first in range(0, ROWS, BATCH):
            for _ in range(BATCH):
                store.append("m", "telemetry", time.time_ns() // 1_000_000,
                             lambda row_id: b'{"id":"%s",' % row_id.encode() + BODY)  # fmt: skip
            while first + BATCH - sink.published > ahead_max:
                time.sleep(0.01)
        while sink.published < ROWS or store.figures()["spool_rows"]:
            time.sleep(0.1)
        used_s = time.process_time() - started_s
        assert sink.published == ROWS
        sink.stop()
        store.close()
    return used_s


def spool(commit_s: float) -> tuple[float, float]:
    """Return rows/s through the file, with a sink that confirms rows after their commit, and the processor time of one
    row."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        store = Store(Path(folder), SystemClock(), StoreSettings(commit_interval_s=commit_s))
        drain = store.sink_cursors(["null"])["null"]
        taken = [0]

        def take() -> None:
            while rows := [*drain.fetch_live(1000), *drain.fetch_backlog(1000)]:
                taken[0] += len(rows)
                drain.confirm([row.n for row in rows])

        made, until_s = 0, time.monotonic() + SPOOL_S
        cpu_s = time.process_time()
        while time.monotonic() < until_s:
            for _ in range(BATCH):
                store.append("m", "telemetry", time.time_ns() // 1_000_000,
                             lambda row_id: b'{"id":"%s",' % row_id.encode() + BODY)  # fmt: skip
            made += BATCH
            if made - taken[0] > WAITING_MAX:
                store.flush()
                take()
        store.flush()
        take()
        store.flush()
        cpu_s = time.process_time() - cpu_s
        assert store.figures()["rows_dropped"] == 0
        store.close()
    return made / SPOOL_S, cpu_s / made


def main() -> None:
    for commit_s in (COMMIT_INTERVAL_S["strict"], COMMIT_INTERVAL_S["sd_card"]):
        rate, cpu_s = spool(commit_s)
        print(f"spool, commit {commit_s:g} s: {rate:8,.0f} rows/s for {SPOOL_S:g} s, {1e6 * cpu_s:.1f} us per row")
    with tempfile.TemporaryDirectory() as folder:
        broker = Mosquitto(Path(folder))
        broker.start()
        found: dict[str, list[float]] = {"bare": [], "ours": [], "backlog": []}
        for _ in range(RUNS):
            for kind, seconds in found.items():
                command = [sys.executable, "-m", "benchmarks.store", kind, str(broker.port)]
                seconds.append(float(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
        broker.stop()
    per_row = {kind: 1e6 * statistics.median(seconds) / ROWS for kind, seconds in found.items()}
    print(f"processor time of a published row, paho alone: {per_row['bare']:.1f} us")
    for kind, words in (("ours", "live"), ("backlog", f"read back, {BACKFILL_PER_S:g} per second")):
        ratios = [mine / theirs for mine, theirs in zip(found[kind], found["bare"], strict=True)]
        print(f"{words}: {per_row[kind]:.1f} us, ratio: median {statistics.median(ratios):.2f}, "
              f"{min(ratios):.2f} … {max(ratios):.2f} of {RUNS} pairs")  # fmt: skip
    print(json.dumps({"rows": ROWS, "batch": BATCH, "bytes": BYTES, "python": sys.version.split()[0]}))


if __name__ == "__main__":
    if sys.argv[1:] == ["--disk"]:
        disk_writes()
    elif len(sys.argv) > 1:
        print({"bare": bare, "ours": ours, "backlog": backlog}[sys.argv[1]](int(sys.argv[2])))
    else:
        main()
