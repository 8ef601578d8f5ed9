"""The page of the invented plant on a free port: the real application, whose follower gets messages from a test."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from support import page_plant
from support.basics import within

from agent.config.model import Config, Mqtt
from agent.config.topology import assets
from agent.delivery.mqtt.follower import MESSAGE_CODES, REMOVED, FollowedMessage, Follower
from agent.web.context import Web
from agent.web.server import make_server
from agent.web.start_check import Listen


class PlantPage:
    """web: what the endpoints read. address: of the page, without a slash at its end."""

    def __init__(self, config: Config | None, now_ms: int | None = page_plant.NOW_MS) -> None:
        self.follower = Follower(Mqtt("127.0.0.1", 1883, False), "#")
        self.web = Web(self.follower, config, assets=assets(config) if config else ())
        if now_ms is not None:
            self.web.now_ms = lambda: now_ms
        self._server = make_server(self.web, Listen(port=0))
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)
        self._feeding = threading.Thread(target=self._feed, daemon=True)
        self._ending = threading.Event()
        self._stale = True

    def start(self) -> None:
        self._thread.start()
        within(lambda: self._server.started, 10, "the page answers")

    def stop(self) -> None:
        self._ending.set()
        if self._feeding.is_alive():
            self._feeding.join(10)
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()
        assert not self._thread.is_alive()

    def receive(self, motor: str, kind: str, body: dict[str, Any], age_s: float = 0.0) -> None:
        """A message of the agent, received some time ago."""
        topic = f"{page_plant.GATEWAY}/{motor}"
        followed = self.follower.seen.setdefault(topic, FollowedMessage(page_plant.GATEWAY, motor))
        followed.messages[kind] = body
        followed.received_s[kind] = time.monotonic() - age_s
        self._server.live.on_change(followed, kind)

    def start_plant(self) -> None:
        """The invented plant: what it sent in the last hour, and from now on everything each second."""
        self.follower.gateways[page_plant.GATEWAY] = "online"
        self.follower.gateway_messages[page_plant.GATEWAY] = page_plant.gateway_messages()
        for motor, row, power_w in page_plant.past_hour():
            self.web.recent.add(f"{page_plant.GATEWAY}/{motor}", row, power_w)
        self.receive_all()
        self._feeding.start()

    def show(self, stale: bool) -> None:
        """stale: one motor has old values from now on."""
        self._stale = stale
        self.receive_all()

    def receive_all(self) -> None:
        for motor, kind, body, age_s in page_plant.live_messages(self._stale):
            self.receive(motor, kind, body, age_s)

    def _feed(self) -> None:
        while not self._ending.wait(1.0):
            self.receive_all()

    def remove(self, motor: str) -> None:
        """The motor was removed from the configuration of the agent."""
        followed = self.follower.seen.pop(f"{page_plant.GATEWAY}/{motor}")
        self._server.live.on_change(followed, REMOVED)


@contextmanager
def plant_page(folder: Path, hostile: bool = False) -> Iterator[PlantPage]:
    """The page of the whole plant; its files are made in the folder."""
    for name in MESSAGE_CODES:
        import_module(name)  # as a follower does when it connects
    page = PlantPage(page_plant.make_plant(folder, hostile))
    page.start()
    try:
        page.start_plant()
        yield page
    finally:
        page.stop()
