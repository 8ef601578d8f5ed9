"""What `magwatt init` knows about this computer: its name, time zone and serial ports."""

from __future__ import annotations

import platform
import re
from pathlib import Path

from agent.commissioning.discovery.config_snippet import stable_name
from agent.commissioning.init.buses import SerialPort
from agent.commissioning.init.steps import Surroundings

STATE = Path("/var/lib/magwatt")  # of the service; docs/install.md
LOCALTIME = Path("/etc/localtime")


def surroundings() -> Surroundings:
    from serial.tools.list_ports import comports

    host = re.sub(r"[^a-z0-9_-]+", "-", platform.node().split(".")[0].lower()).strip("-")
    ports = tuple(
        SerialPort(stable_name(port.device), port.device, port.description if port.description != "n/a" else "")
        for port in sorted(comports())
    )
    return Surroundings(host[:64] or "gateway", _timezone(), str(STATE) if STATE.is_dir() else "state", ports, has_port)


def has_port(name: str) -> bool:
    return Path(name).exists()


def _timezone() -> str:
    """The IANA name of the system's time zone; UTC if it is not known."""
    _, _, name = str(LOCALTIME.resolve()).partition("/zoneinfo/")
    return name or "UTC"
