"""The Starlette application: the routes of all views, the static files, the middleware."""

from __future__ import annotations

from starlette.applications import Starlette

from agent.web.context import Web


def create_app(web: Web) -> Starlette:
    app = Starlette(routes=[])
    app.state.web = web
    return app
