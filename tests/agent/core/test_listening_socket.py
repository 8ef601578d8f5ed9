"""Why a server cannot listen: the error of the system, without text that a library adds to it."""

from __future__ import annotations

import errno
import socket

import pytest

from agent.core.listening_socket import LISTEN_IMPOSSIBLE, bound, is_loopback
from drivers.reasons import InvalidValue, cause_of


def test_it_listens_at_once_where_a_connection_has_just_ended() -> None:
    with bound("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), first.accept()[0] as accepted:
            accepted.shutdown(socket.SHUT_WR)  # the side that closes first keeps the address for a minute
    with bound("127.0.0.1", port), socket.create_connection(("127.0.0.1", port), timeout=1):
        pass


def test_the_reason_is_that_of_the_system() -> None:
    with bound("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InvalidValue) as raised:
            bound("127.0.0.1", port)
    in_use = cause_of(OSError(errno.EADDRINUSE, "Address already in use"))
    assert raised.value.reason == LISTEN_IMPOSSIBLE(host="127.0.0.1", port=port, error=in_use)
    with pytest.raises(InvalidValue) as raised:
        bound("192.0.2.1", 0)  # of no computer (RFC 5737)
    unavailable = cause_of(OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address"))
    assert raised.value.reason == LISTEN_IMPOSSIBLE(host="192.0.2.1", port=0, error=unavailable)


def test_what_is_loopback() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.8.8.8", "::1", "localhost", "LocalHost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.0.2.1", "gateway", "localhost.example", "")))
