"""`magwatt init --browser` in a thread, and a browser without a screen: HTTP requests with a cookie."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from support.basics import within

from agent.core.text import use
from agent.web.setup import server
from agent.web.setup.server import SetupListen
from agent.web.setup.setup import Setup

BASE = "/setup/v1"
COMMAND = "magwatt init plant.toml --browser"


class Browser:
    """link: as printed in the terminal. A browser sends the origin of the page with each POST."""

    def __init__(self, link: str, language: str = "en") -> None:
        parts = urlsplit(link)
        self.host, self.token, self.origin = parts.netloc, parts.fragment, f"{parts.scheme}://{parts.netloc}"
        self.cookie, self._language = "", language
        self._connection: http.client.HTTPConnection = http.client.HTTPConnection(self.host, timeout=30)
        if parts.scheme == "https":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self._connection = http.client.HTTPSConnection(self.host, timeout=30, context=context)

    def request(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        """Status, and the body decoded from JSON or as bytes. headers: replace those of a browser; empty: none."""
        sent = {"Accept-Language": self._language, "Cookie": self.cookie}
        data = None
        if method == "POST":
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent |= {"Content-Type": "application/json", "Origin": self.origin}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, path, data, {name: value for name, value in sent.items() if value})
        response = self._connection.getresponse()
        if cookie := response.getheader("Set-Cookie"):
            self.cookie, self.attributes = cookie.partition(";")[0], cookie
        content = response.read()
        is_json = "json" in response.getheader("Content-Type", "")
        return response.status, json.loads(content) if is_json else content

    def close(self) -> None:
        self._connection.close()

    def act(self, name: str, **body: object) -> tuple[int, Any]:
        return self.request("POST", f"{BASE}/{name}", body)

    def do(self, name: str, **body: object) -> None:
        """An action that must be accepted."""
        status, answer = self.act(name, **body)
        assert status == 200, (name, body, answer)

    def open(self) -> None:
        self.do("session", token=self.token)

    def state(self, seen: int = 0) -> Any:
        status, answer = self.request("GET", f"{BASE}/state?seen={seen}")
        assert status == 200, answer
        return answer

    def state_with(self, **expected: object) -> Any:
        """The first state in which these keys have these values."""
        state = self.state()
        while any(state.get(key) != value for key, value in expected.items()):
            state = self.state(state["version"])
        return state

    def page(self, kind: str) -> Any:
        """The state when the commissioning shows a page of this kind."""
        state = self.state_with(stage="walk")
        while state["stage"] == "walk" and state["walk"]["page"]["kind"] != kind:
            state = self.state(state["version"])
        assert state["stage"] == "walk", state
        return state

    def answer(self, line: str) -> None:
        """Sends what an operator types in the terminal to the open question."""
        state = self.state_with(stage="questions")
        self.do("answer", key=state["question"]["key"], typed=line)


@contextmanager
def running(setup: Setup, language: str = "en", lasts_s: float = 3600.0) -> Iterator[Browser]:
    """A browser with the link, which it has not opened yet."""
    links: list[str] = []
    thread = threading.Thread(
        target=server.run, args=(setup, SetupListen(port=0), COMMAND, lambda link, _: links.append(link), lasts_s)
    )
    thread.start()
    try:
        within(lambda: bool(links), 10, "the link is printed")
        browser = Browser(links[0], language)
        yield browser
        browser.close()
    finally:
        setup.end()
        setup.close()
        setup.end()
        thread.join(20)
        use(None)
        assert not thread.is_alive()
