"""A node with a real Mosquitto, without and with a primary host."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.basics import Mosquitto
from support.sparkplug_world import World


@pytest.fixture
def world(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[World]:
    found = World(tmp_path, mosquitto)
    yield found
    found.end()


@pytest.fixture
def hosted(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[World]:
    found = World(tmp_path, mosquitto, '[sparkplug]\nprimary_host = "scada"')
    yield found
    found.end()
