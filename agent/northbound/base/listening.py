"""A listening socket, or the reason why there is none."""

from __future__ import annotations

import ipaddress
import socket

from agent.northbound.base.reasons import LISTEN_IMPOSSIBLE
from drivers.reasons import InvalidValue, cause_of

BACKLOG = 32


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises InvalidValue if the address cannot be used."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise InvalidValue(LISTEN_IMPOSSIBLE(host=host, port=port, error=cause_of(error))) from None


def is_loopback(host: str) -> bool:
    """Whether only this computer can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
