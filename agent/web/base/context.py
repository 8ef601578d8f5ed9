"""What every endpoint of the page needs: live messages, configuration, state file, and the language of the reader."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import tzinfo
from functools import cache

from msgspec import Struct, field
from starlette.requests import Request

from agent.config.model import Config
from agent.config.topology import Asset
from agent.core.local_time import zone_of
from agent.core.text import Catalogue, language_of
from agent.delivery.followed_messages import MessageFollower
from agent.web.base.last_savings import LastSavings
from agent.web.base.recent import Recent
from drivers.reasons import Reason

LANGUAGE_COOKIE = "lang"


class Web(Struct):
    """follower: the newest messages of each motor, from the broker or from the socket of the agent.
    config: of this plant; None: the page follows a broker without a configuration.
    now_ms: UTC milliseconds.
    assets: motors and shared meters of the configuration.
    recent: what this process has seen since its start.
    last_savings: of the motors from which no message of savings was received.
    source: of the live messages, broker | socket; None: none.
    problem: why there is no contact with the source now; None: there is.
    """

    follower: MessageFollower
    config: Config | None = None
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    assets: tuple[Asset, ...] = ()
    recent: Recent = field(default_factory=Recent)
    last_savings: LastSavings = LastSavings()
    source: str | None = "broker"
    problem: Callable[[], Reason | None] = lambda: None

    @property
    def zone(self) -> str:
        """Name of the plant's time zone."""
        return self.config.site.timezone if self.config else "UTC"


def web_of(request: Request) -> Web:
    found: Web = request.app.state.web
    return found


def language_of_request(request: Request) -> str:
    """One of `LANGUAGES`: query `lang`, cookie `lang`, Accept-Language, English."""
    accepted = [part.partition(";")[0].strip() for part in request.headers.get("accept-language", "").split(",")]
    for name in (request.query_params.get("lang", ""), request.cookies.get(LANGUAGE_COOKIE, ""), *accepted[:20]):
        if found := language_of(name):
            return found
    return "en"


def catalogue_of(request: Request) -> Catalogue:
    """The texts of the reader, times in the zone of the plant."""
    return catalogue_for(language_of_request(request), zone_of(web_of(request).zone))


@cache
def catalogue_for(language: str, zone: tzinfo) -> Catalogue:
    """language: one of `LANGUAGES`."""
    return Catalogue(language, zone)
