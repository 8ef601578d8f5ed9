"""JSON responses with an entity tag, compressed where the client accepts it."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from agent.web.http.static_files import make_file, respond


def json_response(request: Request, body: Any) -> Response:
    """body: struct or plain data of msgspec."""
    return respond(request, make_file(msgspec.json.encode(body), "application/json"), "private, no-cache")
