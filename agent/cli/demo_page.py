"""The page of the demo: its port, and the command that serves it."""

from __future__ import annotations

import socket
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

PORT = 8470


class DemoPage(NamedTuple):
    """command: arguments of `magwatt`. address: of the page in a browser of this computer."""

    command: tuple[str, ...]
    address: str


def demo_page(config: Path) -> DemoPage | None:
    """None: the libraries of the page are not installed."""
    if not all(map(find_spec, ("starlette", "uvicorn"))):
        return None
    where = f"127.0.0.1:{_free_port()}"
    return DemoPage(("web", "--config", str(config), "--listen", where), f"http://{where}/")


def _free_port() -> int:
    """PORT, or another one if something listens there."""
    for port in (PORT, 0):
        with socket.socket() as found:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                found.bind(("127.0.0.1", port))
            except OSError:
                continue
            free: int = found.getsockname()[1]
            return free
    return PORT
