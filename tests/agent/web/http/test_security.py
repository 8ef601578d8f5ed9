"""What the page rejects or bounds: foreign host names, forged forms, paths, headers, connections, streams."""

from __future__ import annotations

import contextlib
import time

import pytest
from support.basics import within
from support.page import Page, Stream, running_page

from agent.web.server import connections
from agent.web.server.start_check import Listen


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8470", "127.0.0.1.evil.example", "localhost.evil.example", "192.0.2.1", ""]
)
def test_another_host_name_is_rejected(page: Page, host: str) -> None:
    """A name that its owner points to this computer must not make a browser read the page (DNS rebinding)."""
    answer = page.get("/api/v1/plant", Host=host)
    assert (answer.status, b"pump" in answer.body) == (400, False)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:8470", "LOCALHOST."])
def test_names_of_this_computer_are_accepted(page: Page, host: str) -> None:
    assert page.get("/api/v1/plant", Host=host).status == 200


def test_a_host_name_can_be_added() -> None:
    with running_page(listen=Listen(names=("Gateway.plant.example",))) as page:
        assert page.get("/", Host="gateway.plant.example:8470").status == 200
        rejected = page.get("/", Host="plant.example")
        assert (rejected.status, "--host" in rejected.text) == (400, True)  # it says what to do


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "POST"])
def test_the_page_only_reads(page: Page, method: str) -> None:
    origin = f"http://{page.host}"
    assert page.get("/api/v1/plant", method, Origin=origin).status == 405
    assert page.get("/", method, Origin=origin).status == 405


def test_every_answer_has_the_security_headers(page: Page) -> None:
    answers = [
        page.get("/"),
        page.get("/api/v1/nowhere"),
        page.get("/static/app.js"),
        page.get("/", Host="evil.example"),
    ]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert "access-control-allow-origin" not in answer.headers
        assert "server" not in answer.headers


def test_an_internal_error_is_answered_with_the_same_headers(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> int:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(page.web, "now_ms", broken)
    answer = page.get("/api/v1/plant")
    assert answer.status == 500
    assert b"secret" not in answer.body
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static//etc/passwd", "/static/%00",
     "/static/styles/../../context.py", "/static/\\..\\app.py", "/static/README.md", "/static/vendor/README.md"],
)  # fmt: skip
def test_only_files_of_the_page_are_sent(page: Page, path: str) -> None:
    with page.raw() as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {page.host}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.split(b" ", 2)[1] in (b"404", b"400")
    assert b"import" not in answer
    assert b"root:" not in answer


@pytest.mark.parametrize("size", [9_000, 60_000, 2_000_000])
def test_giant_cookies_are_rejected(page: Page, size: int) -> None:
    with page.raw() as connection:
        head = f"GET / HTTP/1.1\r\nHost: {page.host}\r\nCookie: lang={'x' * size}\r\n\r\n".encode()
        with contextlib.suppress(ConnectionError):
            connection.sendall(head)
        try:
            answer = connection.recv(65536)
        except ConnectionError:
            answer = b""
    assert answer.split(b" ")[1] in (b"400", b"431") if answer else size > 60_000
    assert page.get("/api/v1/plant").status == 200


@pytest.mark.parametrize("path", ["/api/v1/plant?" + "metric=x&" * 10_000, "/" + "a" * 5000])
def test_a_long_address_is_rejected(page: Page, path: str) -> None:
    assert page.get(path).status == 414
    assert page.get(path[:4000]).status in (200, 404)


def test_a_large_body_is_rejected_before_it_is_read(page: Page) -> None:
    with page.raw() as connection:
        connection.sendall(f"POST /login HTTP/1.1\r\nHost: {page.host}\r\nContent-Length: 4097\r\n\r\n".encode())
        assert connection.recv(65536).split(b" ")[1] == b"413"


def test_headers_that_arrive_slowly_end_the_connection(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_S_MAX", 0.3)
    with page.raw() as silent, page.raw() as slow:
        started_s = time.monotonic()
        ended = False
        for piece in [b"GET / HTTP/1.1\r\n", *[b"X-A: b\r\n"] * 40]:
            try:
                slow.sendall(piece)
            except ConnectionError:
                ended = True
                break
            time.sleep(0.05)
        assert ended
        assert time.monotonic() - started_s < 1.5
        silent.settimeout(1)
        with contextlib.suppress(ConnectionError):
            assert silent.recv(1) == b"", "closed"


def test_a_slow_second_request_ends_the_connection_too(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_S_MAX", 0.3)
    with page.raw() as connection:
        connection.sendall(f"HEAD /static/app.js HTTP/1.1\r\nHost: {page.host}\r\n\r\n".encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        connection.sendall(b"GET / HTTP/1.1\r\n")
        within(lambda: not page.server.server_state.connections, 2, "the page closed the connection")


def test_a_stream_lasts_longer_than_the_headers_may(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_S_MAX", 0.2)
    stream = Stream(page)
    stream.event()
    time.sleep(0.4)
    page.telemetry("pump-1")
    stream.event()
    stream.close()


def test_streams_and_connections_are_limited(page: Page) -> None:
    streams = [Stream(page) for _ in range(32)]
    for stream in streams:
        stream.event()
    refused = page.get("/api/v1/stream")
    assert (refused.status, refused.headers["retry-after"]) == (503, "10")
    with contextlib.ExitStack() as stack:
        others = [stack.enter_context(page.raw()) for _ in range(200)]
        within(lambda: len(page.server.server_state.connections) == 64, 5, "the others were closed")
        page.telemetry("pump-1")
        for stream in streams:
            while "pump-1" not in {row["id"] for row in stream.event()["motors"]}:
                pass
        del others
    for stream in streams:
        stream.close()
    within(lambda: page.get("/api/v1/plant").status == 200, 5, "it answers again")
