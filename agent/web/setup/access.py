"""Who may use the setup: the one browser that opened the link first, for at most an hour."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from hashlib import sha256

TOKEN_BYTES = 16  # 128 bit: guessing needs no limit of its own
LASTS_S = 3600.0


class SetupAccess:
    """A link that works once, and the session of the browser that opened it.

    token: part of the link. It is sent by the script of the page and is no part of an address that is requested, so
        that neither the preview of a link nor a log uses it up.
    """

    def __init__(self, lasts_s: float = LASTS_S, now_s: Callable[[], float] = time.monotonic) -> None:
        self.token = secrets.token_urlsafe(TOKEN_BYTES)
        self._now_s, self._ends_s = now_s, now_s() + lasts_s
        self._session: bytes | None = None  # hash of the value in the cookie

    @property
    def used(self) -> bool:
        return self._session is not None

    @property
    def left_s(self) -> float:
        return max(0.0, self._ends_s - self._now_s())

    def exchange(self, token: str) -> str | None:
        """The session for the token of the link; None: wrong, used, or the hour is over."""
        if self.used or not self.left_s or not secrets.compare_digest(token.encode(), self.token.encode()):
            return None
        session = secrets.token_urlsafe(TOKEN_BYTES)
        self._session = _hash(session)
        return session

    def admits(self, session: str) -> bool:
        return bool(self._session and self.left_s and secrets.compare_digest(_hash(session), self._session))


def _hash(session: str) -> bytes:
    return sha256(session.encode()).digest()
