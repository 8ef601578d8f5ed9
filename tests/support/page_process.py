"""`magwatt web` as a process at a real broker, and rows of one motor of the invented plant."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from support import page_plant
from support.basics import ROOT, Mosquitto, free_port, interruptible

MOTOR = "descaling"


class RowPublisher:
    """Publishes the messages of one motor, each `interval_s` while the broker takes them."""

    def __init__(self, broker: Mosquitto, interval_s: float | None = None) -> None:
        """interval_s: None: only when `publish` is called."""
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        self._messages = [item for item in page_plant.live_messages(stale=False) if item[0] == MOTOR]
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(interval_s,))
        if interval_s is not None:
            self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(10)
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self) -> None:
        """All messages of the motor, and the status of its gateway."""
        self._client.publish(f"{page_plant.GATEWAY}/status", "online", retain=True)
        for _, kind, body, _ in self._messages:
            self._send(kind, body, retain=kind in ("meta", "state"))

    def publish_power(self, power_w: float) -> None:
        """A row of telemetry."""
        body = next(body for _, kind, body, _ in self._messages if kind == "telemetry")
        self._send("telemetry", {**body, "v": {**body["v"], "active_power_w": power_w}})

    def _send(self, kind: str, body: dict[str, object], retain: bool = False) -> None:
        payload = msgspec.json.encode({**body, "t": time.time_ns() // 1_000_000})
        self._client.publish(f"{page_plant.GATEWAY}/{MOTOR}/{kind}", payload, retain=retain)

    def _run(self, interval_s: float) -> None:
        while not self._ending.wait(interval_s):
            self.publish()


class WebProcess:
    """`magwatt web`, which can be ended and started again at the same address."""

    def __init__(self, broker: Mosquitto, folder: Path) -> None:
        self._port = free_port()
        self.address = f"http://127.0.0.1:{self._port}"
        self._command = interruptible("web", broker.url, "--listen", f"127.0.0.1:{self._port}")
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            self._command, cwd=self._folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert self._process.stdout is not None
        assert self.address.encode() in self._process.stdout.readline()

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process.wait(15)
            self._process = None
