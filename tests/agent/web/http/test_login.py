"""The login: password file, cookie, guessing, forged forms, and where the page may listen."""

from __future__ import annotations

import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.basics import within
from support.page import Answer, Page, running_page

from agent.core import password_hash as password
from agent.core.password_hash import PASSWORD_FILE_INVALID, PASSWORD_TOO_SHORT
from agent.web.base.reasons import PAGE_OPEN, TLS_KEY_ALONE
from agent.web.http import login
from agent.web.server.start_check import Listen, check_listen
from drivers.reasons import InvalidValue

RIGHT = "correct horse, 电池 staple"


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("login") / "web-password"
    password.write_hash(file, RIGHT)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    found = password.read_hash(file)
    assert found is not None
    assert RIGHT not in found
    return found


@pytest.fixture
def page(stored: str) -> Iterator[Page]:
    with running_page(listen=Listen(password=stored)) as page:
        page.motor("pump-1")
        page.telemetry("pump-1")
        yield page


def attempt(page: Page, text: str, path: str = "/login", **headers: str) -> Answer:
    from urllib.parse import urlencode

    sent = {"Origin": f"http://{page.host}"} | headers
    return page.get(path, "POST", urlencode({"password": text}), **sent)


def session(page: Page) -> str:
    answer = attempt(page, RIGHT)
    assert answer.status == 303
    return answer.headers["set-cookie"].partition(";")[0]


def test_nothing_of_the_plant_is_shown_without_a_login(page: Page) -> None:
    assert page.get("/m/pump-1").headers["location"] == "/login?next=/m/pump-1"
    for path in ("/api/v1/plant", "/api/v1/stream", "/api/v1/openapi.json", "/i18n/en.json"):
        assert page.get(path).status == 401, path
    assert "pump" not in page.get("/login").text
    assert page.get("/static/page.css").status == 200  # of the login itself


def test_a_login_opens_the_page_until_the_logout(page: Page) -> None:
    cookie = session(page)
    assert page.get("/api/v1/plant", Cookie=cookie).status == 200
    assert page.get("/logout", "POST", Cookie=cookie, Origin=f"http://{page.host}").status == 303
    assert page.get("/api/v1/plant", Cookie=cookie).status == 401


def test_the_cookie_is_kept_from_scripts_and_other_sites(page: Page) -> None:
    attributes = attempt(page, RIGHT).headers["set-cookie"].lower().split("; ")
    assert {"httponly", "samesite=strict", "path=/", "max-age=43200"} <= set(attributes)


def test_a_stream_ends_with_its_session(page: Page) -> None:
    cookie = session(page)
    with page.raw() as stream:
        stream.sendall(f"GET /api/v1/stream HTTP/1.1\r\nHost: {page.host}\r\nCookie: {cookie}\r\n\r\n".encode())
        within(lambda: page.server.live.clients == 1, 2, "it is open")
        page.get("/logout", "POST", Cookie=cookie, Origin=f"http://{page.host}")
        page.telemetry("pump-1", {"active_power_w": 12345.0})
        within(lambda: page.server.live.clients == 0, 3, "the stream ended")
        received = b""
        while not received.endswith(b"\r\n0\r\n\r\n"):
            received += stream.recv(65536)
        assert b"12345" not in received


def test_a_session_ends_after_twelve_hours(stored: str) -> None:
    from starlette.requests import Request
    from starlette.responses import Response

    now_s = [0.0]
    found = login.Login(stored, tls=True, now_s=lambda: now_s[0])
    response = Response()
    found.begin(response)
    cookie = response.headers["set-cookie"]
    assert cookie.startswith("__Host-magwatt=")
    assert "secure" in cookie.lower()
    request = Request({"type": "http", "headers": [(b"cookie", cookie.partition(";")[0].encode())]})
    assert found.known(request)
    now_s[0] = 12 * 3600.0
    assert not found.known(request)


def test_wrong_and_guessed_passwords(page: Page) -> None:
    """Five tries a minute for each address; the sixth is rejected although it is right."""
    for text in ("", "wrong", RIGHT[:-1], RIGHT + " "):
        assert attempt(page, text).status == 401
    assert attempt(page, "x" * 2000).status == 401
    assert attempt(page, RIGHT).status == 429


def test_twenty_tries_a_minute_in_all() -> None:
    now_s = [0.0]
    attempts = login.Attempts(lambda: now_s[0])
    assert sum(attempts.allow(f"192.0.2.{number}") for number in range(100)) == 20
    now_s[0] = 59.9
    assert not attempts.allow("192.0.2.200")
    now_s[0] = 60.0
    assert attempts.allow("192.0.2.200")


def test_guessing_from_many_addresses_does_not_lock_out_those_who_know_the_password() -> None:
    """For as long as it lasts: this computer, and one from which a login has succeeded before, can still log in."""
    attempts = login.Attempts(lambda: 0.0)
    assert attempts.allow("192.0.2.7")
    attempts.succeeded("192.0.2.7")
    assert sum(attempts.allow(f"198.51.100.{number}") for number in range(100)) == 20
    assert attempts.allow("192.0.2.7")
    assert attempts.allow("127.0.0.1")
    assert not attempts.allow("203.0.113.1")
    assert sum(attempts.allow("127.0.0.1") for _ in range(10)) == 4, "five of one address"


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
     {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://127.0.0.1"}],
)  # fmt: skip
def test_a_form_of_another_site_is_rejected(page: Page, headers: dict[str, str]) -> None:
    answer = attempt(page, RIGHT, **headers)
    assert answer.status == 403
    assert "set-cookie" not in answer.headers


def test_a_post_without_origin_is_rejected(page: Page) -> None:
    assert page.get("/login", "POST", "password=x").status == 403


@pytest.mark.parametrize("path", ["//evil.example", "/\\evil.example", "https://evil.example", "/%0d%0aSet-Cookie:a=b"])
def test_the_login_never_leads_to_another_host(page: Page, path: str) -> None:
    answer = attempt(page, RIGHT, f"/login?next={path}")
    assert answer.headers["location"] == "/"


def test_a_body_without_length_is_limited(page: Page) -> None:
    with page.raw() as connection:
        connection.sendall(
            f"POST /login HTTP/1.1\r\nHost: {page.host}\r\nOrigin: http://{page.host}\r\n"
            "Transfer-Encoding: chunked\r\n\r\n".encode() + b"1000\r\n" + b"x" * 4096 + b"\r\n1000\r\n" + b"x" * 4096
        )  # fmt: skip
        assert connection.recv(65536).split(b" ")[1] == b"413"


def test_the_log_has_neither_password_nor_cookie(page: Page, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    cookie = session(page)
    page.get("/?lang=en", Cookie=cookie)
    within(lambda: "GET '/' 200" in caplog.text, 2, "the access log")
    assert RIGHT not in caplog.text
    assert cookie.partition("=")[2] not in caplog.text


def test_whoever_sends_nonsense_does_not_fill_the_log(page: Page, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING")
    for _ in range(20):
        with page.raw() as connection:
            connection.sendall(b"nonsense\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 400")
    assert caplog.messages == []
    answers = [attempt(page, "").status for _ in range(30)]
    assert answers.count(401) == 5
    assert len(caplog.messages) == 6, "one for each attempt, and one for all that were rejected"


def test_a_short_password_and_a_damaged_file_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue) as found:
        password.write_hash(tmp_path / "hash", "123456789")
    assert found.value.reason.code == PASSWORD_TOO_SHORT
    assert password.read_hash(tmp_path / "hash") is None
    for text in ("", "secret", "scrypt$1$1$1$AAAA$AAAA", "scrypt$16384$8$1$!$!"):
        (tmp_path / "hash").write_text(text)
        with pytest.raises(InvalidValue) as found:
            password.read_hash(tmp_path / "hash")
        assert found.value.reason.code == PASSWORD_FILE_INVALID


@pytest.mark.parametrize(
    ("host", "name"),
    [("0.0.0.0", socket.gethostname()), ("::", socket.gethostname()), ("192.0.2.1", "192.0.2.1"), ("::1", "[::1]")],
)
def test_the_printed_address_can_be_typed_into_a_browser(host: str, name: str) -> None:
    assert Listen(host, cert=Path("cert.pem")).address(8470) == f"https://{name}:8470/"


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "gateway.example"])
def test_other_computers_need_tls_and_a_password(host: str, stored: str) -> None:
    check_listen(Listen("127.0.0.1"))
    for listen in (Listen(host), Listen(host, password=stored)):
        with pytest.raises(InvalidValue) as found:
            check_listen(listen)
        assert found.value.reason.code == PAGE_OPEN
    with pytest.raises(InvalidValue) as found:
        check_listen(Listen(host, cert=Path("cert.pem")))
    assert found.value.reason.code == TLS_KEY_ALONE
