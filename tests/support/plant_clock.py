"""A clock that is moved by hand and moves a simulated plant with it, and links to devices of that plant."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

from support.basics import HandClock

from agent.acquisition.line_settings import bus_settings
from agent.config.model import Bus
from simulators.bus.memory import MemoryLink
from simulators.devices.device import SimulatedDevice

STEP_S = 0.25


class Steps(Protocol):
    def step(self, dt_s: float) -> None: ...


class PlantClock(HandClock):
    """Waiting takes no real time. The plant advances in steps of at most STEP_S."""

    def __init__(self, plant: Steps) -> None:
        super().__init__()
        self._plant = plant

    def move(self, seconds: float) -> None:
        super().move(seconds)
        n = math.ceil(seconds / STEP_S)
        for _ in range(n):
            self._plant.step(seconds / n)


def link_to(devices: Sequence[SimulatedDevice], clock: HandClock) -> Callable[[Bus], MemoryLink]:
    """The `link_of` of a bus with these devices."""
    return lambda bus: MemoryLink(devices, clock, wire=bus_settings(bus))
