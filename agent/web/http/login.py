"""Login with the password of the page, its sessions, and the limit of attempts."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import logging
import secrets
import time
from collections import deque
from collections.abc import Callable
from html import escape
from typing import NamedTuple
from urllib.parse import parse_qs, quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from agent.core.password_hash import matches
from agent.core.text import N_
from agent.web.base.context import catalogue_of, language_of_request
from agent.web.http.problem import API, plain_page, problem
from agent.web.http.request_body import read_body
from agent.web.http.security import network_of

SESSION_S = 12 * 3600
SESSIONS_MAX = 256
TRIES_PER_ADDRESS, TRIES_IN_ALL, TRIES_S = 5, 20, 60.0
KNOWN_ADDRESSES_MAX = 64
NAME_CHARS_MAX = 40
METRICS = "/metrics"
OPEN_PATHS = ("/login", "/static/")  # without a session; they contain no data of the plant
log = logging.getLogger("magwatt.web")


class Attempts:
    """How often a password may be tried: TRIES_PER_ADDRESS and TRIES_IN_ALL within TRIES_S.

    Addresses of this computer, and those from which a login has succeeded, are not part of the sum: guessing from many
    addresses does not lock out the readers.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._recent: deque[tuple[float, str]] = deque()
        self.rejected = 0  # since the last one within the limits
        self._known: dict[str, None] = {"": None}

    def succeeded(self, address: str) -> None:
        self._known[network_of(address)] = None
        if len(self._known) > KNOWN_ADDRESSES_MAX:
            del self._known[list(self._known)[1]]

    def allow(self, address: str) -> bool:
        """Whether this attempt is within the limits; a rejected one does not count."""
        if self.exhausted(address):
            self.rejected += 1
            return False
        self.rejected = 0
        self._recent.append((self._now_s(), network_of(address)))
        return True

    def exhausted(self, address: str) -> bool:
        """Whether no attempt of this address is allowed now."""
        now_s, address = self._now_s(), network_of(address)
        while self._recent and now_s - self._recent[0][0] >= TRIES_S:
            self._recent.popleft()
        of_address = sum(other == address for _, other in self._recent)
        strangers = sum(other not in self._known for _, other in self._recent)
        return of_address >= TRIES_PER_ADDRESS or (address not in self._known and strangers >= TRIES_IN_ALL)


class _Session(NamedTuple):
    """end_s: monotonic. name: of the reader."""

    end_s: float
    name: str


class Login:
    """stored: the hash of the password. tls: the page is encrypted, so the cookie is never sent without TLS."""

    def __init__(self, stored: str, tls: bool, now_s: Callable[[], float] = time.monotonic) -> None:
        self.attempts = Attempts(now_s)
        self.cookie = "__Host-magwatt" if tls else "magwatt"
        self._stored, self._tls, self._now_s = stored, tls, now_s
        self._sessions: dict[str, _Session] = {}  # hash of the token → its session
        self._key, self._scraper = secrets.token_bytes(32), b""
        self._one_hash = asyncio.Lock()  # each takes 16 MB

    def known(self, request: Request) -> bool:
        """Whether the request belongs to a session."""
        return self._session(request) is not None

    def name_of(self, request: Request) -> str:
        """The name that the reader gave at the login; empty: none."""
        session = self._session(request)
        return session.name if session else ""

    def _session(self, request: Request) -> _Session | None:
        token = request.cookies.get(self.cookie, "")
        session = self._sessions.get(_digest(token)) if token else None
        return session if session and session.end_s > self._now_s() else None

    async def is_right(self, password: str) -> bool:
        async with self._one_hash:
            return await asyncio.to_thread(matches, self._stored, password)

    async def is_scraper(self, request: Request) -> bool:
        """Whether the request has the password itself (RFC 7617, with any user): Prometheus cannot log in.

        A wrong one is an attempt as any other, so that the quick comparison cannot be used for guessing.
        """
        password, address = _basic_password(request.headers.get("authorization", "")), address_of_client(request)
        if password is None or self.attempts.exhausted(address):
            return False
        digest = hmac.digest(self._key, password.encode(), "sha256")
        if hmac.compare_digest(digest, self._scraper):
            return True  # without the hash, which takes 50 ms and 16 MB
        if not self.attempts.allow(address) or not await self.is_right(password):
            log.warning("request of /metrics from %s: wrong password", address)
            return False
        self._scraper = digest
        self.attempts.succeeded(address)
        return True

    def begin(self, response: Response, name: str = "") -> None:
        """name: of the reader, for what is entered in this session."""
        token, now_s = secrets.token_urlsafe(32), self._now_s()
        self._sessions = {digest: known for digest, known in self._sessions.items() if known.end_s > now_s}
        while len(self._sessions) >= SESSIONS_MAX:
            del self._sessions[next(iter(self._sessions))]
        self._sessions[_digest(token)] = _Session(now_s + SESSION_S, name)
        response.set_cookie(
            self.cookie, token, max_age=SESSION_S, path="/", secure=self._tls, httponly=True, samesite="strict"
        )

    def end(self, request: Request, response: Response) -> None:
        self._sessions.pop(_digest(request.cookies.get(self.cookie, "")), None)
        response.delete_cookie(self.cookie, path="/", secure=self._tls, httponly=True, samesite="strict")


class LoginRequired:
    """ASGI middleware: without a session only the login and the static files."""

    def __init__(self, app: ASGIApp, login: Login) -> None:
        self._app, self._login = app, login

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        path = scope["path"]
        permitted = path == OPEN_PATHS[0] or path.startswith(OPEN_PATHS[1]) or self._login.known(request)
        if permitted or (path == METRICS and await self._login.is_scraper(request)):
            await self._app(scope, receive, send)
        elif path == METRICS or path.startswith((API, "/i18n/")):
            await problem(request, 401)(scope, receive, send)
        else:
            await RedirectResponse(f"/login?next={quote(path, safe='/')}", 303)(scope, receive, send)


async def _show(request: Request) -> Response:
    return RedirectResponse("/", 303) if _login_of(request) is None else _form(request)


async def _try(request: Request) -> Response:
    login = _login_of(request)
    if login is None:
        return problem(request, 404)
    address = address_of_client(request)
    if not login.attempts.allow(address):
        if login.attempts.rejected == 1:
            log.warning("login from %s rejected: too many attempts; further ones are not logged", address)
        return problem(request, 429, headers={"retry-after": f"{TRIES_S:.0f}"})
    body = await read_body(request)
    if body is None:
        return problem(request, 413)
    form = parse_qs(body.decode("utf-8", "replace"))
    if not await login.is_right(form.get("password", [""])[0]):
        log.warning("login from %s: wrong password", address)
        return _form(request, 401)
    log.info("login from %s", address)
    login.attempts.succeeded(address)
    response = RedirectResponse(_next(request), 303)
    login.begin(response, _name(form.get("name", [""])[0]))
    return response


async def _leave(request: Request) -> Response:
    login = _login_of(request)
    response = RedirectResponse("/login", 303)
    if login is not None:
        login.end(request, response)
    return response


def _form(request: Request, status: int = 200) -> Response:
    catalogue = catalogue_of(request)
    action = f"/login?next={quote(_next(request), safe='/')}"
    title, label = catalogue(N_("Log in")), catalogue(N_("Password"))
    name = catalogue(N_("Name, shown with what you enter (optional)"))
    wrong = catalogue(N_("The password is wrong")) if status == 401 else ""
    form = (
        f'<form method="post" action="{escape(action)}" class="login"><label for="password">{escape(label)}</label>'
        '<input type="password" id="password" name="password" required autofocus autocomplete="current-password">'
        f'<label for="name">{escape(name)}</label><input type="text" id="name" name="name" '
        f'maxlength="{NAME_CHARS_MAX}" autocomplete="name">'
        f'<button type="submit" class="btn main">{escape(title)}</button></form>'
    )
    page = plain_page(language_of_request(request), title, wrong, form)
    return Response(page, status, {"cache-control": "no-store"}, "text/html")


def _next(request: Request) -> str:
    """The path of this page to which the login leads; never another host."""
    path = request.query_params.get("next", "/")
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() else "/"


def _name(text: str) -> str:
    """Without line breaks and control characters."""
    return "".join(filter(str.isprintable, " ".join(text.split())))[:NAME_CHARS_MAX]


def address_of_client(request: Request) -> str:
    return request.client.host if request.client else ""


def _basic_password(header: str) -> str | None:
    """The password in a header `Authorization: Basic …`; None: it is not one."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except ValueError:  # binascii.Error and UnicodeDecodeError are
        return None


def _login_of(request: Request) -> Login | None:
    login: Login | None = request.app.state.login
    return login


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


routes = [
    Route("/login", _show), Route("/login", _try, methods=["POST"]), Route("/logout", _leave, methods=["POST"]),
]  # fmt: skip
