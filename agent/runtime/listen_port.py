"""Whether the agent can listen on the port of its HTTP server."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

from agent.runtime import reasons as codes
from drivers.reasons import Reason, cause_of

LOCK = "agent.lock"


def cannot_listen(host: str, port: int, state_dir: Path) -> Reason | None:
    """Why the agent cannot listen there; None: it can, or an agent with this state directory listens already."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            return codes.LISTEN_ADDRESS_UNKNOWN(host=host, port=port, error=cause_of(error))
        if not _is_locked(state_dir / LOCK):
            return codes.LISTEN_PORT_TAKEN(host=host, port=port, other=port + 1)
    return None


def _is_locked(file: Path) -> bool:
    """Whether a process holds the lock; it is not taken here, because this would disturb an agent that starts."""
    try:
        found = file.stat()
        locks = Path("/proc/locks").read_text(encoding="ascii").split()
    except OSError:
        return False
    return f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}" in locks
