"""What `magwatt init` knows about this computer: its name, time zone and serial ports."""

from __future__ import annotations

import platform
import re
from pathlib import Path

from agent.commissioning.discovery.config_snippet import stable_name
from agent.commissioning.init.buses import SerialPort
from agent.commissioning.init.steps import Surroundings
from agent.core.local_time import system_zone

STATE = Path("/var/lib/magwatt")  # of the service; docs/how-to/install.md


def surroundings() -> Surroundings:
    from serial.tools.list_ports import comports

    host = re.sub(r"[^a-z0-9_-]+", "-", platform.node().split(".")[0].lower()).strip("-")
    ports = tuple(
        SerialPort(stable_name(port.device), port.device, port.description if port.description != "n/a" else "")
        for port in sorted(comports())
    )
    return Surroundings(
        host[:64] or "gateway", system_zone(), str(STATE) if STATE.is_dir() else "state", ports, has_port
    )


def has_port(name: str) -> bool:
    return Path(name).exists()
