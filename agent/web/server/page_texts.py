"""The texts that the scripts of the page use, from the gettext catalogues: English text → translation."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.core.text import Catalogue, language_of
from agent.web.base.context import catalogue_for
from agent.web.http.json_response import json_response
from agent.web.http.problem import problem


def translations(texts: Iterable[str], catalogue: Catalogue) -> dict[str, str]:
    """Without those that are the same in both languages."""
    found = {text: catalogue.translate(text) for text in texts}
    return {text: translated for text, translated in found.items() if translated != text}


async def _texts(request: Request) -> Response:
    language = language_of(request.path_params["language"])
    if language is None:
        return problem(request, 404)
    return json_response(request, translations(request.app.state.texts, catalogue_for(language, UTC)))


routes = [Route("/i18n/{language}.json", _texts)]
