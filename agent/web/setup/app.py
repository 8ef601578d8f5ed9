"""The application of the setup: one page, its state, and the actions of the operator."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC
from typing import Any

import anyio.to_thread
import msgspec
from msgspec import Struct
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.commissioning.wizard.answers import Reply
from agent.core.text import Catalogue, _, language_of, text_of
from agent.web.base.context import language_of_request
from agent.web.http.security import Access, Guard, content_policy
from agent.web.http.static_files import load, respond
from agent.web.server.pages import document
from agent.web.setup.access import SetupAccess
from agent.web.setup.setup import Setup
from drivers.reasons import InvalidValue

PAGE, FIRST_SCRIPT = "setup/setup.html", "setup/setup.js"
BASE = "/setup/v1"
POLL_S = 20.0  # longest wait for the next state; a mobile network closes idle connections after a minute


class Choose(Struct, forbid_unknown_fields=True):
    choice: str


class Typed(Struct, forbid_unknown_fields=True):
    key: str
    typed: str


class Key(Struct, forbid_unknown_fields=True):
    key: str


class Password(Struct, forbid_unknown_fields=True):
    password: str


class Operator(Struct, forbid_unknown_fields=True):
    by: str


class Replied(Struct, forbid_unknown_fields=True):
    number: int
    reply: Reply
    remark: str = ""


class Again(Struct, forbid_unknown_fields=True):
    number: int
    again: bool


class PageNumber(Struct, forbid_unknown_fields=True):
    number: int


class Language(Struct, forbid_unknown_fields=True):
    language: str


class Nothing(Struct, forbid_unknown_fields=True):
    pass


class Session(Struct, forbid_unknown_fields=True):
    token: str


# Action → the form of its body, what it does
ACTIONS: dict[str, tuple[type[Any], Callable[[Setup, Any], None]]] = {
    "choose": (Choose, lambda setup, body: setup.choose(body.choice)),
    "answer": (Typed, lambda setup, body: setup.answer(body.key, body.typed)),
    "back": (Key, lambda setup, body: setup.back(body.key)),
    "password": (Password, lambda setup, body: setup.set_password(body.password)),
    "cancel": (Nothing, lambda setup, body: setup.cancel_scan()),
    "write": (Nothing, lambda setup, body: setup.write()),
    "commission": (Operator, lambda setup, body: setup.begin_walk(body.by)),
    "reply": (Replied, lambda setup, body: setup.reply(body.number, body.reply, body.remark)),
    "check": (Again, lambda setup, body: setup.check_again(body.number, body.again)),
    "next": (PageNumber, lambda setup, body: setup.next_motor(body.number)),
    "language": (Language, lambda setup, body: setup.use_language(language_of(body.language) or "en")),
    "end": (Nothing, lambda setup, body: setup.end()),
}


class SetupContext(Struct):
    """What the endpoints need. fingerprint: of the certificate; empty without TLS. command: that starts it again.

    zone: of texts before the plant is known.
    """

    setup: Setup
    access: SetupAccess
    fingerprint: str
    command: str
    zone: str = "UTC"


def create_app(context: SetupContext, hosts: frozenset[str]) -> Starlette:
    """hosts: names and addresses by which the page is reached."""
    static = load(page=PAGE, first=FIRST_SCRIPT)
    tls = bool(context.fingerprint)
    posts = frozenset(f"{BASE}/{name}" for name in (*ACTIONS, "session"))
    guard = Middleware(Guard, access=Access(hosts, tls, posts=posts), policy=content_policy(static.script_hash))
    actions = [Route(f"{BASE}/{name}", _action(*action), methods=["POST"]) for name, action in ACTIONS.items()]
    app = Starlette(middleware=[guard], routes=[
        Route("/", _page), Route("/static/{name:path}", _static), Route(f"{BASE}/state", _state),
        Route(f"{BASE}/session", _session, methods=["POST"]), *actions,
    ])  # fmt: skip
    app.state.web = app.state.context = context
    app.state.static = static
    app.state.texts = static.texts_of(static.imported)
    return app


def cookie_name(tls: bool) -> str:
    return "__Host-magwatt-setup" if tls else "magwatt-setup"


def _context(request: Request) -> SetupContext:
    found: SetupContext = request.app.state.context
    return found


async def _page(request: Request) -> Response:
    """The page. Without a session it shows nothing of the plant."""
    return document(request, Catalogue(language_of_request(request), UTC), {})


async def _static(request: Request) -> Response:
    file = request.app.state.static.files.get(request.path_params["name"])
    return Response(status_code=404) if file is None else respond(request, file)


async def _session(request: Request) -> Response:
    """Exchanges the token of the link for a session; it works once."""
    context = _context(request)
    body = await _body(request, Session)
    if body is None:
        return _problem(400, _("The request is invalid"))
    if _admitted(request):
        return _json({"open": True})
    session = context.access.exchange(body.token)
    if session is None:
        detail = (
            _("Another browser opened this link before: it works once. To start again, press Ctrl-C in the terminal "
              "and enter {command}. Everything that was entered is kept.", command=context.command)
            if context.access.used else
            _("This link is not that of the running setup. Open the one that the terminal shows.")
        )  # fmt: skip
        return _problem(403, detail)
    context.setup.use_language(language_of_request(request))
    response, tls = _json({"open": True}), bool(context.fingerprint)
    response.set_cookie(
        cookie_name(tls), session, max_age=int(context.access.left_s), httponly=True, secure=tls, samesite="strict"
    )
    return response


async def _state(request: Request) -> Response:
    """The state when it differs from version `seen`, at the latest after `POLL_S`."""
    context = _context(request)
    if not _admitted(request):
        return _closed(context)
    seen = request.query_params.get("seen", "0")
    board = context.setup.board
    await board.next_version(int(seen) if seen.isascii() and seen.isdecimal() else 0, POLL_S)
    version = board.version
    shown = await anyio.to_thread.run_sync(context.setup.view)
    return _json({
        "version": version, "left_s": round(context.access.left_s), "fingerprint": context.fingerprint,
        "command": context.command, **shown,
    })  # fmt: skip


def _action(form: type[Any], act: Callable[[Setup, Any], None]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        context = _context(request)
        if not _admitted(request):
            return _closed(context)
        body = await _body(request, form)
        if body is None:
            return _problem(400, _("The request is invalid"))
        try:
            await anyio.to_thread.run_sync(act, context.setup, body)
        except InvalidValue as error:
            return _problem(422, text_of(error))
        except OSError as error:
            return _problem(500, text_of(error))
        return _json({"done": True})

    return endpoint


async def _body(request: Request, form: type[Any]) -> Any:
    """The body as this form; None: it is not. Only JSON: no form of another page can send it."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return None
    try:
        async with asyncio.timeout(10):
            return msgspec.json.decode(await request.body(), type=form)
    except (msgspec.DecodeError, TimeoutError):
        return None


def _admitted(request: Request) -> bool:
    context = _context(request)
    return context.access.admits(request.cookies.get(cookie_name(bool(context.fingerprint)), ""))


def _closed(context: SetupContext) -> Response:
    if not context.access.left_s:
        return _problem(401, _("The hour is over. To continue, enter {command}; everything that was entered is kept.",
                               command=context.command))  # fmt: skip
    return _problem(401, _("This browser has no session. Open the link that the terminal shows."))


def _json(body: Any) -> Response:
    return Response(msgspec.json.encode(body), headers={"cache-control": "no-store"}, media_type="application/json")


def _problem(status: int, detail: str) -> Response:
    body = {"type": "about:blank", "status": status, "detail": detail}
    headers = {"cache-control": "no-store"}
    return Response(msgspec.json.encode(body), status, headers, "application/problem+json")
