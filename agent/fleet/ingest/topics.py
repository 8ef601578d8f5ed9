"""The topics that are stored in a lake (docs/reference/mqtt.md)."""

from __future__ import annotations

import re
from typing import NamedTuple

from msgspec import Struct

KINDS = frozenset(("telemetry", "pq3s", "pq10m", "harmonics", "savings", "event", "health"))  # `condition` has no id
CHECKPOINT = "checkpoint"
_LEVELS = ("+/+", "+/+/+", "+/+/backfill/+")  # below the site
_NAME = re.compile(r"[a-z0-9_-]{1,64}")  # also a name of a folder
_ROOT = re.compile(r"(?P<levels>[A-Za-z0-9_-]{1,64}(?:/[A-Za-z0-9_-]{1,64})*)(?:/\+|=(?P<site>[a-z0-9_-]{1,64}))")


class TopicPlace(NamedTuple):
    """Where a message belongs. asset: None: the gateway. kind: one of KINDS, or CHECKPOINT."""

    site: str
    gateway: str
    asset: str | None
    kind: str

    @property
    def topic(self) -> str:
        """The topic as it is without a `topic_prefix`."""
        asset = "ledger" if self.kind == CHECKPOINT else self.asset
        return "/".join(filter(None, (DEFAULT.levels, self.site, self.gateway, asset, self.kind)))


class TopicRoot(Struct, frozen=True):
    """Topics of gateways: those below levels/<site>, or, with a `site`, below levels, which is its `topic_prefix`."""

    levels: str
    site: str | None = None

    @property
    def filters(self) -> list[str]:
        root = self.levels if self.site else f"{self.levels}/+"
        return [f"{root}/{levels}" for levels in _LEVELS]

    def place_of(self, topic: str) -> TopicPlace | None:
        """None: the message is not stored; it is retained, of something else, or not below these levels."""
        if not topic.startswith(f"{self.levels}/"):
            return None
        levels = topic[len(self.levels) + 1 :].split("/")
        if not all(map(_NAME.fullmatch, levels)):
            return None
        match [self.site, *levels] if self.site else levels:
            case [site, gateway, "ledger", "checkpoint"]:
                return TopicPlace(site, gateway, None, CHECKPOINT)
            case [site, gateway, kind] | [site, gateway, "backfill", kind] if kind in KINDS:
                return TopicPlace(site, gateway, None, kind)
            case [site, gateway, asset, kind] | [site, gateway, asset, "backfill", kind] if kind in KINDS:
                return TopicPlace(site, gateway, asset, kind)
        return None


DEFAULT = TopicRoot("magwatt/v1")


def topic_root(text: str) -> TopicRoot | None:
    """PREFIX/+, where + is the level of the site, or PREFIX=SITE; None: neither."""
    found = _ROOT.fullmatch(text)
    return TopicRoot(found["levels"], found["site"]) if found else None
