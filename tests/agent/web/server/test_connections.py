"""Clients that are slow, silent or many: how long each may keep the page waiting, and how many there may be."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator

import pytest
from support.basics import within
from support.page import Page, running_page

from agent.web.http.security import network_of
from agent.web.server import connections
from agent.web.server.connections import Admission


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    monkeypatch.setattr(connections, "REQUEST_S_MAX", 0.5)
    monkeypatch.setattr(connections, "READ_S_MAX", 0.5)
    with running_page() as page:
        page.motor("pump-1")
        yield page


def request(page: Page, path: str, *headers: str) -> bytes:
    return "\r\n".join((f"GET {path} HTTP/1.1", f"Host: {page.host}", *headers, "", "")).encode()


def test_a_body_that_arrives_slowly_ends_the_connection(page: Page) -> None:
    """Also after the response: a rejected request must not hold a connection by the body that it announced."""
    with page.raw() as slow:
        slow.sendall(request(page, "/nowhere", "Content-Length: 4000"))
        started_s = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < started_s + 3:
                slow.sendall(b"x")
                time.sleep(0.05)
        assert time.monotonic() - started_s < 2.5
    within(lambda: not page.server.server_state.connections, 2, "the page closed the connection")


@pytest.mark.parametrize("path", ["/api/v1/stream", "/static/vendor/uplot.iife.min.js"])
def test_a_client_that_never_reads_is_disconnected(page: Page, path: str) -> None:
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", page.port))
        client.sendall(request(page, path) * 60)
        within(lambda: bool(page.server.server_state.connections), 2, "it is connected")
        for number in range(40):
            page.motor(f"pump-{number}", "x" * 40_000)  # more than the socket takes
        within(lambda: not page.server.server_state.connections, 8, "the page closed the connection")


@pytest.mark.alone
def test_a_client_that_reads_slowly_gets_everything(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """No request is expected from it while it receives the last response: three times as long as it may be silent."""
    monkeypatch.setattr(connections, "READ_S_MAX", 1.0)
    for number in range(40):
        page.motor(f"pump-{number}", "x" * 40_000)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)  # less makes the kernel wait for windows
        client.connect(("127.0.0.1", page.port))
        client.sendall(request(page, "/api/v1/plant"))
        received = b""
        while len(received) < 1_500_000:
            received += (piece := client.recv(50_000))
            assert piece, f"closed after {len(received)} bytes"
            time.sleep(2e-6 * len(piece))  # three seconds in all, at most 0.1 s at a time


def test_streams_that_begin_at_the_same_time_are_limited_too(page: Page) -> None:
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(page.raw()) for _ in range(60)]
        for client in clients:
            client.sendall(request(page, "/api/v1/stream"))
        statuses = [client.recv(12)[9:] for client in clients]
    assert (statuses.count(b"200"), statuses.count(b"503")) == (32, 28)


def test_one_computer_does_not_take_all_connections() -> None:
    admission = Admission()
    assert sum(admission.admit("192.0.2.1") for _ in range(100)) == 24
    assert admission.admit("192.0.2.2")
    admission.leave("192.0.2.1")
    assert admission.admit("192.0.2.1")


def test_other_computers_leave_connections_to_this_one() -> None:
    admission = Admission()
    assert sum(admission.admit(f"192.0.2.{number}") for number in range(200)) == 56
    assert sum(admission.admit("127.0.0.1") for _ in range(100)) == 8
    for number in range(56):
        admission.leave(f"192.0.2.{number}")
    assert sum(admission.admit("::1") for _ in range(100)) == 56, "64 in all"


def test_addresses_that_one_computer_can_choose_count_as_one() -> None:
    """An IPv6 host chooses the last 64 bits itself (RFC 4291, 2.5.1)."""
    assert network_of("2001:db8:1:2::1") == network_of("2001:db8:1:2:ffff::9") != network_of("2001:db8:1:3::1")
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1")
    assert network_of("::1") == network_of("127.0.0.2") == network_of("::ffff:127.0.0.1") == ""
