"""Who may use the setup: one browser, with the link of the terminal, from this page, for an hour."""

from __future__ import annotations

import hashlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.basics import within
from support.page import running_page
from support.setup_browser import BASE, COMMAND, Browser, running

from agent.cli.init_surroundings import surroundings
from agent.commissioning.init.session import InitSession
from agent.web.setup import server
from agent.web.setup.access import SetupAccess
from agent.web.setup.app import ACTIONS
from agent.web.setup.certificate import self_made
from agent.web.setup.server import SetupListen, parse_listen
from agent.web.setup.setup import Setup
from drivers.reasons import InvalidValue


def setup_of(folder: Path) -> Setup:
    return Setup(InitSession(folder / "plant.toml", surroundings()))


@pytest.fixture(scope="module")
def link(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Setup, Browser]]:
    setup = setup_of(tmp_path_factory.mktemp("setup"))
    with running(setup) as browser:
        browser.open()
        yield setup, browser


@contextmanager
def another(browser: Browser) -> Iterator[Browser]:
    """A second browser with the same link."""
    second = Browser(f"{browser.origin}/#{browser.token}")
    yield second
    second.close()


def test_the_link_works_for_one_browser_only(tmp_path: Path) -> None:
    """Looking at the page uses nothing up; the second browser shows how to start again."""
    with running(setup_of(tmp_path)) as browser, another(browser) as second:
        status, page = browser.request("GET", "/")
        assert status == 200
        assert browser.token.encode() not in page
        assert browser.act("session", token="x" * 22)[0] == 403
        browser.open()
        browser.open()  # loaded again
        status, problem = second.act("session", token=browser.token)
        assert status == 403
        assert COMMAND in problem["detail"]
        assert second.request("GET", f"{BASE}/state")[0] == 401
        assert browser.state()["stage"] == "questions"


def test_the_cookie_is_for_this_page_and_no_script(link: tuple[Setup, Browser]) -> None:
    _, browser = link
    assert {"httponly", "samesite=strict", "path=/"} <= {part.strip().lower() for part in browser.attributes.split(";")}
    assert len(browser.cookie.partition("=")[2]) >= 22, "128 bit"


@pytest.mark.parametrize("name", sorted(ACTIONS))
def test_each_action_needs_the_session(link: tuple[Setup, Browser], name: str) -> None:
    setup, browser = link
    before = setup.view()
    with another(browser) as second:
        assert second.act(name)[0] == 401
    assert setup.view() == before


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "", "Sec_Fetch_Site": "cross-site"}, 403),
        ({"Origin": "", "Sec_Fetch_Site": "same-site"}, 403),
        ({"Origin": ""}, 403),
        ({"Content_Type": "text/plain"}, 400),
        ({"Content_Type": "application/x-www-form-urlencoded"}, 400),
        ({"Host": "evil.example"}, 400),
    ],
)
def test_another_page_answers_nothing(link: tuple[Setup, Browser], headers: dict[str, str], status: int) -> None:
    """The cookie goes along: only origin, form and host name distinguish a foreign page from this one."""
    _, browser = link
    key = browser.state()["question"]["key"]
    assert browser.request("POST", f"{BASE}/answer", {"key": key, "typed": "mill-2"}, **headers)[0] == status
    assert browser.state()["question"]["key"] == key


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"key": 1, "typed": "x"}', b'{"key": "a"}', b'{"key":"a","typed":"b","x":1}']
)
def test_a_malformed_body_is_rejected(link: tuple[Setup, Browser], body: bytes) -> None:
    assert link[1].request("POST", f"{BASE}/answer", body)[0] == 400


def test_sizes_and_methods_are_limited(link: tuple[Setup, Browser]) -> None:
    _, browser = link
    assert browser.act("answer", key="site.id", typed="x" * 5000)[0] == 413
    assert browser.request("PUT", f"{BASE}/answer")[0] == 405
    assert browser.request("POST", f"{BASE}/state", {})[0] == 405
    assert browser.request("GET", f"{BASE}/answer")[0] == 405
    assert browser.request("GET", "/static/../access.py")[0] == 404


def test_the_session_ends_after_an_hour() -> None:
    now_s = [0.0]
    access = SetupAccess(3600.0, lambda: now_s[0])
    session = access.exchange(access.token)
    assert session is not None
    now_s[0] = 3599.0
    assert access.admits(session)
    assert not access.admits(session[:-1])
    assert not access.admits("")
    now_s[0] = 3601.0
    assert not access.admits(session)
    late = SetupAccess(3600.0, lambda: now_s[0])
    now_s[0] += 3601.0
    assert late.exchange(late.token) is None


def test_the_server_ends_with_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser shows how to continue; nothing is lost."""
    monkeypatch.setattr(server, "LAST_S", 0.5)
    with running(setup_of(tmp_path), lasts_s=0.5) as browser:
        browser.open()
        browser.answer("mill-2")
        status = 200
        while status == 200:
            status, problem = browser.request("GET", f"{BASE}/state?seen={browser_version(browser)}")
        assert status == 401
        assert COMMAND in problem["detail"]
        within(lambda: not listens(browser.host), 5, "the port is closed")
    assert "mill-2" in (tmp_path / "plant.answers.toml").read_text(encoding="utf-8")


def browser_version(browser: Browser) -> int:
    status, state = browser.request("GET", f"{BASE}/state")
    return int(state["version"]) if status == 200 else 0


def listens(host: str) -> bool:
    name, _, port = host.partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((name, int(port))) == 0


@pytest.mark.parametrize("text", ["0.0.0.0:8471", "[::]:8471", "gateway:8471", "192.0.2.5:0", "192.0.2.5:99999", ""])
def test_the_link_needs_a_definite_address(text: str) -> None:
    with pytest.raises(InvalidValue):
        parse_listen(text)


def test_addresses_are_read() -> None:
    assert parse_listen("192.0.2.5") == SetupListen("192.0.2.5", 8471)
    assert parse_listen("[2001:db8::1]:8500") == SetupListen("2001:db8::1", 8500)
    assert SetupListen("2001:db8::1").name == "[2001:db8::1]"


def test_the_certificate_is_that_of_its_fingerprint_and_address() -> None:
    """A client that trusts it accepts it for this address and for no other."""
    context, fingerprint = self_made("127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            for _ in range(2):
                connection, _address = listening.accept()
                try:
                    context.wrap_socket(connection, server_side=True).close()
                except ssl.SSLError:
                    connection.close()

        thread = threading.Thread(target=accept)
        thread.start()
        pem = ssl.get_server_certificate(listening.getsockname())
        trusting = ssl.create_default_context(cadata=pem)
        with (
            socket.create_connection(listening.getsockname()) as plain,
            trusting.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
        ):
            assert secured.version() in ("TLSv1.2", "TLSv1.3")
            received = secured.getpeercert(binary_form=True)
        thread.join(10)
    assert received is not None
    assert fingerprint.replace(":", "").lower() == hashlib.sha256(received).hexdigest()


def test_another_address_than_loopback_is_encrypted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a cookie that only this origin can set; the fingerprint is shown in the browser, too."""
    monkeypatch.setattr(server, "is_loopback", lambda host: False)
    with running(setup_of(tmp_path)) as browser:
        assert browser.origin.startswith("https://")
        browser.open()
        assert browser.cookie.startswith("__Host-")
        assert "secure" in browser.attributes.lower()
        assert len(browser.state()["fingerprint"]) == 95
        assert browser.act("answer", key="site.id", typed="mill-2")[0] == 200


def test_each_page_has_only_its_own_texts(link: tuple[Setup, Browser]) -> None:
    """All others would be a part of its first load."""
    _, html = link[1].request("GET", "/?lang=zh")
    with running_page() as page:
        plant = page.get("/?lang=zh").body
    for text, here, there in ((b'"Cancel the scan"', html, plant), (b'"Saved now"', plant, html)):
        assert text in here
        assert text not in there
