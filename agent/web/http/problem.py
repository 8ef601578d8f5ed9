"""Errors: RFC 9457 problem documents for the API, a plain page for people."""

from __future__ import annotations

from html import escape
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from agent.core.text import N_
from agent.web.base.context import catalogue_of, language_of_request

API = "/api/"
_TITLES = {
    400: N_("The request is invalid"),
    401: N_("A login is required"),
    403: N_("This request is not allowed"),
    404: N_("There is nothing at this address"),
    405: N_("This method is not allowed; the page only reads"),
    409: N_("This cannot be done now"),
    413: N_("The request is too large"),
    414: N_("The address is too long"),
    429: N_("Too many attempts; try again in a minute"),
    431: N_("The headers of the request are too large"),
    500: N_("Internal error; the log of the page has its cause"),
    503: N_("Too many connections or streams; close other pages"),
}


def problem(request: Request, status: int, detail: str = "", headers: dict[str, str] | None = None) -> Response:
    """The response to a request that failed, as a problem document or, outside the API, as a page.

    detail: text in the language of the reader.
    """
    catalogue = catalogue_of(request)
    title = catalogue(_TITLES[status]) if status in _TITLES else HTTPStatus(status).phrase
    if request.url.path.startswith(API):
        body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status}
        if detail:
            body["detail"] = detail
        return Response(msgspec.json.encode(body), status, headers, "application/problem+json")
    return Response(plain_page(language_of_request(request), title, detail), status, headers, "text/html")


def plain_page(language: str, title: str, text: str = "", form: str = "") -> str:
    """A page without script. form: HTML; the other texts are escaped."""
    tag = "zh-CN" if language.startswith("zh") else "en"
    return (
        f'<!doctype html><html lang="{tag}"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">'
        f'<title>{escape(title)} · magwatt</title><link rel="stylesheet" href="/static/page.css"></head>'
        f'<body><main id="main" class="plain"><h1>{escape(title)}</h1>{f"<p>{escape(text)}</p>" if text else ""}'
        f"{form}</main></body></html>"
    )


async def on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = "" if error.detail == HTTPStatus(error.status_code).phrase else error.detail  # the default of Starlette
    return problem(request, error.status_code, detail, dict(error.headers or {}))
