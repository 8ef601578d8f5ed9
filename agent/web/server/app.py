"""The Starlette application: the routes of all views, the static files, the middleware."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from types import ModuleType

from anyio import CapacityLimiter
from anyio.to_thread import current_default_thread_limiter
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from agent.web.base.context import Web
from agent.web.gateway.config_reload import follow_configuration
from agent.web.http import static_files
from agent.web.http.login import Login, LoginRequired
from agent.web.http.problem import API, on_http_exception, problem
from agent.web.http.security import LOOPBACK, Access, Guard, content_policy
from agent.web.savings.stored_savings import follow_stored_savings
from agent.web.server import metrics, pages
from agent.web.server.live import Detail, LiveHub

# Modules with endpoints, each with its `routes`
ENDPOINTS = (
    "http.login", "server.pages", "server.page_texts", "http.static_files", "plant.plant", "plant.motor_rows",
    "motor.motor", "motor.condition", "alarms.alarms", "alarms.actions", "power_quality.power_quality",
    "history.history", "motor.old_plant", "plant.events", "savings.contract", "savings.savings",
    "commissioning.commissioning", "gateway.configuration", "gateway.health", "server.live", "server.openapi",
)  # fmt: skip

THREADS_MAX = 2  # at the same time, one of them for a history: each more would delay the live values


def create_app(web: Web, access: Access = LOOPBACK, login: Login | None = None, exposed: bool = False) -> Starlette:
    """The page. Its live hub is in `state.live`: `on_change` is for the follower of `web`.

    login: None: the page has no password. exposed: with /metrics.
    """
    files = static_files.load()
    modules = load_endpoints()
    routes: list[BaseRoute] = [route for module in modules.values() for route in module.routes]
    if exposed:
        routes += metrics.routes
    routes.append(Route("/{path:path}", _unknown))
    middleware = [Middleware(Guard, access, content_policy(files.script_hash))]
    if login is not None:
        middleware.append(Middleware(LoginRequired, login))
    app = Starlette(
        routes=routes, lifespan=_running, middleware=middleware,
        exception_handlers={HTTPException: on_http_exception},
    )  # fmt: skip
    app.state.web, app.state.static, app.state.live = web, files, LiveHub(web, _details(modules))
    app.state.login = login
    app.state.texts = files.texts_of(name for name in files.texts if not name.startswith("setup/"))
    return app


def load_endpoints() -> dict[str, ModuleType]:
    """The modules of ENDPOINTS, by the last part of their names."""
    return {path.rpartition(".")[2]: import_module(f"agent.web.{path}") for path in ENDPOINTS}


def _details(modules: Mapping[str, ModuleType]) -> dict[str, Detail]:
    """What the modules of one motor add to an event of the stream."""
    return {name: module.live_detail for name, module in modules.items() if hasattr(module, "live_detail")}


@asynccontextmanager
async def _running(app: Starlette) -> AsyncIterator[None]:
    hub: LiveHub = app.state.live
    current_default_thread_limiter().total_tokens = THREADS_MAX
    app.state.one_history = CapacityLimiter(1)
    hub.start()
    web: Web = app.state.web
    following = [asyncio.create_task(follow(web)) for follow in (follow_configuration, follow_stored_savings)]
    try:
        yield
    finally:
        for task in following:
            task.cancel()
        hub.stop()


async def _unknown(request: Request) -> Response:
    if request.url.path.startswith((API, "/static/", "/i18n/")):
        return problem(request, 404)
    return await pages.page(request, 404)
