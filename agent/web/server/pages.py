"""The addresses of the page: all of them get the same document, with the data of the start in it."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.core.text import Catalogue
from agent.web.base.context import catalogue_of, web_of
from agent.web.http.static_files import make_file, respond
from agent.web.plant.plant import plant_now
from agent.web.server.page_texts import translations

PATHS = (
    "/", "/m/{motor}", "/m/{motor}/pq", "/pq", "/savings", "/savings/{month}", "/alarms", "/commissioning",
    "/configuration", "/health", "/more",
)  # fmt: skip
_START = b'<script type="application/json" id="start">'
_ENGLISH, _CHINESE = b'<html lang="en">', b'<html lang="zh-CN">'


async def page(request: Request, status: int = 200) -> Response:
    """index.html with language, texts and plant of now."""
    web, catalogue = web_of(request), catalogue_of(request)
    login = request.app.state.login is not None
    start = {"plant": await plant_now(web, catalogue), "login": login, "acts": login and web.config is not None}
    response = document(request, catalogue, start)
    if response.status_code == 200:
        response.status_code = status
    return response


def document(request: Request, catalogue: Catalogue, start: dict[str, Any]) -> Response:
    """The document of the application with the data of its start, to which language and texts are added."""
    state, language = request.app.state, catalogue.language
    start = {"language": language.partition("_")[0], "texts": translations(state.texts, catalogue), **start}
    data = msgspec.json.encode(start).replace(b"<", b"\\u003c").replace("\u2028".encode(), b"\\u2028")
    html = state.static.index.encode().replace(_START, _START + data, 1)
    if language.startswith("zh"):
        html = html.replace(_ENGLISH, _CHINESE, 1)
    response = respond(request, make_file(html, "text/html"), "private, no-cache")
    response.headers["vary"] = "accept-encoding, accept-language, cookie"
    return response


routes = [Route(path, page) for path in PATHS]
