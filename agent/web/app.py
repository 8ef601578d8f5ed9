"""The Starlette application: the routes of all views, the static files, the middleware."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.util import find_spec

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from agent.web import pages, static_files
from agent.web.context import Web
from agent.web.live import LiveHub
from agent.web.page_texts import texts_of
from agent.web.problem import API, on_error, on_http_exception, problem
from agent.web.security import LOOPBACK, Access, Guard, content_policy

# Modules with endpoints, each with its `routes`
ENDPOINTS = (
    "pages", "page_texts", "static_files", "plant", "motor_rows", "motor", "power_quality", "history", "events",
    "savings", "commissioning", "configuration", "health", "live",
)  # fmt: skip


def create_app(web: Web, access: Access = LOOPBACK) -> Starlette:
    """The page. Its live hub is in `state.live`: `on_change` is for the follower of `web`."""
    files = static_files.load()
    routes: list[BaseRoute] = [
        route for name in ENDPOINTS if find_spec(f"agent.web.{name}")
        for route in import_module(f"agent.web.{name}").routes
    ]  # fmt: skip
    routes.append(Route("/{path:path}", _unknown))
    app = Starlette(
        routes=routes, lifespan=_running, middleware=[Middleware(Guard, access, content_policy(files.script_hash))],
        exception_handlers={HTTPException: on_http_exception, Exception: on_error},
    )  # fmt: skip
    app.state.web, app.state.static, app.state.live = web, files, LiveHub(web)
    app.state.texts = texts_of(files.sources.values())
    return app


@asynccontextmanager
async def _running(app: Starlette) -> AsyncIterator[None]:
    hub: LiveHub = app.state.live
    hub.start()
    try:
        yield
    finally:
        hub.stop()


async def _unknown(request: Request) -> Response:
    if request.url.path.startswith((API, "/static/", "/i18n/")):
        return problem(request, 404)
    return await pages.page(request, 404)
