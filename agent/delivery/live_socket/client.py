"""Connecting to the socket of an agent."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path

from drivers.reasons import Code

CONNECT_S = 2.0

LIVE_SOCKET_ABSENT = Code(
    "live_socket_absent",
    "no agent serves {path} ({cause}): start `magwatt run` on this computer, as this user or one with this group",
)


def connected(paths: Sequence[Path]) -> tuple[socket.socket, Path]:
    """A connection to the first of these sockets that accepts one, and its path. Raises the OSError of the first."""
    first: OSError | None = None
    for path in paths:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.settimeout(CONNECT_S)
            sock.connect(str(path))
            sock.settimeout(None)
            return sock, path
        except OSError as error:
            sock.close()
            first = first or error
    raise first or FileNotFoundError()
