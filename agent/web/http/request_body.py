"""The body of a POST: small, and received within a time."""

from __future__ import annotations

import asyncio

from starlette.requests import Request

BODY_BYTES_MAX = 4096
BODY_S_MAX = 10.0


async def read_body(request: Request) -> bytes | None:
    """None: too large, or too slow."""
    found = b""
    try:
        async with asyncio.timeout(BODY_S_MAX):
            async for piece in request.stream():
                found += piece
                if len(found) > BODY_BYTES_MAX:
                    return None
    except TimeoutError:
        return None
    return found
