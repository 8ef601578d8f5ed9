"""A socket that listens, or the reason why there is none; and who can reach its address."""

from __future__ import annotations

import ipaddress
import socket

from drivers.reasons import Code, InvalidValue, cause_of

BACKLOG = 64
LISTEN_IMPOSSIBLE = Code(
    "listen_impossible",
    "--listen {host}:{port:d}: {error}. Name an address of this computer and a free port; one below 1024 needs a "
    "privilege",
)


def bound(host: str, port: int) -> socket.socket:
    """Raises InvalidValue if the address cannot be used."""
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:  # not `socket.create_server`, which adds the address to the text of an error
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if listening.family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise InvalidValue(LISTEN_IMPOSSIBLE(host=host, port=port, error=cause_of(error))) from None
    return listening


def is_loopback(host: str) -> bool:
    """Whether only this computer can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
