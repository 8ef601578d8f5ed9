"""The page of the invented plant on a free port: the real application, whose follower gets messages from a test."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from support import page_plant
from support.basics import wait_until
from support.page import RunningServer

from agent.config.model import Config, Mqtt
from agent.config.topology import assets
from agent.delivery.mqtt.follower import MESSAGE_CODES, REMOVED, FollowedMessage, Follower
from agent.web.base.context import Web
from agent.web.server.server import make_server
from agent.web.server.start_check import Listen


class PlantPage(RunningServer):
    """web: what the endpoints read. address: of the page, without a slash at its end."""

    def __init__(self, config: Config | None) -> None:
        for name in MESSAGE_CODES:
            import_module(name)  # as a follower does when it connects
        self.follower = Follower(Mqtt("127.0.0.1", 1883, False), "#")
        self.web = Web(self.follower, config, assets=assets(config) if config else (), now_ms=lambda: page_plant.NOW_MS)
        super().__init__(make_server(self.web, Listen()))
        self.address = f"http://{self.host}"
        self._feeding = threading.Thread(target=self._feed, daemon=True)
        self._ending = threading.Event()
        self._stale = True

    def stop(self) -> None:
        self._ending.set()
        if self._feeding.is_alive():
            self._feeding.join(10)
        super().stop()

    def start_plant(self) -> None:
        """The invented plant: what it sent in the last hour, and from now on everything each second."""
        self.follower.gateways[page_plant.GATEWAY] = "online"
        self.follower.gateway_messages[page_plant.GATEWAY] = page_plant.gateway_messages(
            self.web.config.hash if self.web.config else ""
        )
        for motor, row, power_w in page_plant.past_hour():
            self.web.recent.add(f"{page_plant.GATEWAY}/{motor}", row, power_w)
        self.receive_all()
        self._feeding.start()

    def show(self, stale: bool) -> None:
        """stale: one motor has old values from now on."""
        self._stale = stale
        self.receive_all()

    def receive(self, motor: str, kind: str, body: dict[str, Any], age_s: float = 0.0) -> None:
        """A message of the agent, received some time ago."""
        topic = f"{page_plant.GATEWAY}/{motor}"
        followed = self.follower.seen.setdefault(topic, FollowedMessage(page_plant.GATEWAY, motor))
        followed.messages[kind] = body
        followed.received_s[kind] = time.monotonic() - age_s
        self.server.live.on_change(followed, kind)

    def receive_all(self) -> None:
        for motor, kind, body, age_s in page_plant.live_messages(self._stale):
            self.receive(motor, kind, body, age_s)

    def remove(self, motor: str) -> None:
        """The motor was removed from the configuration of the agent."""
        followed = self.follower.seen.pop(f"{page_plant.GATEWAY}/{motor}")
        self.server.live.on_change(followed, REMOVED)

    def _feed(self) -> None:
        while not self._ending.wait(1.0):
            self.receive_all()


@contextmanager
def plant_page(folder: Path) -> Iterator[PlantPage]:
    """The page of the plant, with the report of its month; the files are made in the folder."""
    page = PlantPage(page_plant.make_plant(folder))
    page.start()
    try:
        page.start_plant()
        wait_until(lambda: page.json("/api/v1/plant/month")["state"] == "ready", 60, "the report of the month")
        yield page
    finally:
        page.stop()
