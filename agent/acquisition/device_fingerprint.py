"""Identity of a device for stored results: its connection, unit identifier and map."""

from __future__ import annotations

import hashlib

from agent.config.model import Bus
from drivers.profiles import Profile


def fingerprint_of(where: str, unit: int, profile: Profile) -> str:
    """where: serial port, or host:port."""
    return hashlib.sha256(f"{where} {unit} {profile}".encode()).hexdigest()[:16]


def where_of(bus: Bus) -> str:
    """The serial port of a bus, or host:port."""
    host, port = bus.tcp or ("", 0)
    return bus.serial or f"{host}:{port}"
