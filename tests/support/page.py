"""The page on a free port with a follower that the test feeds, and plain HTTP clients for it."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from support.basics import within

from agent.config.model import Config
from agent.config.topology import assets
from agent.core.messages import Message, encode
from agent.delivery.followed_messages import ALARM, HealthSince
from agent.delivery.mqtt.follower import REMOVED, FollowedMessage
from agent.web.base.context import Web
from agent.web.server.server import PageServer, make_server
from agent.web.server.start_check import Listen
from drivers.reading import Quality

ROOT = "magwatt/v1/demo/gw-01"
MOTOR = {"kind": "pm", "rated_power_kw": 55.0}
RUNNING = {"active_power_w": 30000.0, "system_efficiency_pct": 92.8, "motor_speed_rpm": 1226, "shaft_power_w": 27840,
           "motor_losses_w": 946, "drive_losses_w": 1180, "efficiency_unavailable_reason": ""}  # fmt: skip
U = {"system_efficiency_pct": 2.3, "shaft_power_w": 779.0, "motor_losses_w": 240.0, "drive_losses_w": 650.0}


class FedFollower:
    """What a follower offers to the page. The test decides what was received."""

    def __init__(self) -> None:
        self.seen: dict[str, FollowedMessage] = {}
        self.gateways: dict[str, str] = {ROOT: "online"}
        self.gateway_messages: dict[str, dict[str, dict[str, Any]]] = {}
        self.alarms: dict[str, dict[str, dict[str, Any]]] = {}
        self.health_since: dict[str, HealthSince] = {}
        self.interrupted = False

    def start(self) -> None: ...

    def stop(self) -> None: ...


class RunningServer:
    """A server in a thread, on a free port."""

    def __init__(self, server: PageServer) -> None:
        self.server = server
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=server.run, args=([self._socket],), daemon=True)

    def start(self) -> None:
        self._thread.start()
        within(lambda: self.server.started, 10, "the page answers")

    def stop(self) -> None:
        self.server.should_exit = True
        self._thread.join(10)
        self._socket.close()
        assert not self._thread.is_alive()

    def get(self, path: str, method: str = "GET", body: str | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, sent)
        response = connection.getresponse()
        found = Answer(response.status, dict(response.getheaders()), response.read())
        connection.close()
        return found

    def json(self, path: str, **headers: str) -> Any:
        answer = self.get(path, **headers)
        assert answer.status == 200, answer
        return json.loads(answer.body)

    def raw(self) -> socket.socket:
        """A connection on which the test writes what it likes."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)


class Page(RunningServer):
    """A page that runs. web: what its endpoints read; its follower is fed by `telemetry` and the methods below."""

    def __init__(self, config: Config | None = None, listen: Listen | None = None) -> None:
        self.follower = FedFollower()
        self.web = Web(self.follower, config, assets=assets(config) if config else ())  # type: ignore[arg-type]
        super().__init__(make_server(self.web, listen or Listen()))

    def receive(self, asset: str, kind: str, body: dict[str, Any], age_s: float = 0.0) -> None:
        """A message of the agent, received some time ago."""
        followed = self.follower.seen.setdefault(f"{ROOT}/{asset}", FollowedMessage(ROOT, asset))
        followed.messages[kind] = body
        followed.received_s[kind] = time.monotonic() - age_s
        self.server.live.on_change(followed, kind)

    def motor(self, asset: str, name: str = "", motor: Mapping[str, Any] | None = MOTOR, **meta: Any) -> None:
        known = {"motor": motor} if motor else {}
        self.receive(asset, "meta", {"name": name or asset, **known, **meta})

    def telemetry(
        self, asset: str, values: Mapping[str, Any] = RUNNING, age_s: float = 0.0, quality: Quality = Quality.SIMULATED,
        flags: Mapping[str, Quality] | None = None, u: Mapping[str, float] = U, reasons: Any = None,
    ) -> None:  # fmt: skip
        """A row as the agent encodes it."""
        t_ms = time.time_ns() // 1_000_000 - round(1000 * age_s)
        known = {name: u[name] for name in u if name in values}
        methods = dict.fromkeys(known, "M5")
        row = Message(asset, "telemetry", t_ms, values, known, methods, flags or {}, quality, reasons=reasons or {})
        self.receive(asset, "telemetry", json.loads(encode(row, "1")), age_s)

    def alarm(self, asset: str | None, record: dict[str, Any]) -> None:
        """The record of an alarm. asset: None: of the gateway."""
        owner = f"{ROOT}/{asset}" if asset else ROOT
        self.follower.alarms.setdefault(owner, {})[record["code"]] = record
        gateway, _, name = owner.rpartition("/")
        self.server.live.on_change(FollowedMessage(gateway, name), ALARM)

    def remove(self, asset: str) -> None:
        self.server.live.on_change(self.follower.seen.pop(f"{ROOT}/{asset}"), REMOVED)


class Answer:
    """Status, headers with lower-case names, and body."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status, self.body = status, body
        self.headers = {name.lower(): value for name, value in headers.items()}

    @property
    def text(self) -> str:
        return self.body.decode()


class Stream:
    """A client of the stream. `event` returns the data of the next event."""

    def __init__(self, page: RunningServer, query: str = "") -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=10)
        self._connection.request("GET", f"/api/v1/stream?{query}")
        self.response = self._connection.getresponse()

    def event(self) -> Any:
        while True:
            line = self.response.readline()
            assert line, "the stream ended"
            if line.startswith(b"data: "):
                return json.loads(line[6:])

    def close(self) -> None:
        self.response.close()
        self._connection.close()


@contextmanager
def running_page(config: Config | None = None, listen: Listen | None = None) -> Iterator[Page]:
    page = Page(config, listen)
    page.start()
    try:
        yield page
    finally:
        page.stop()
