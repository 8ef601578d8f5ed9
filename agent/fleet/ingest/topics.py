"""The topics that are stored in a lake (docs/mqtt.md)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

KINDS = frozenset(("telemetry", "pq3s", "pq10m", "harmonics", "savings", "condition", "event", "health"))
CHECKPOINT = "checkpoint"
_ROOT = "magwatt/v1"
FILTERS = tuple(f"{_ROOT}/{levels}" for levels in ("+/+/+", "+/+/+/+", "+/+/+/backfill/+"))
_NAME = re.compile(r"[a-z0-9_-]{1,64}")  # also a name of a folder


class TopicPlace(NamedTuple):
    """Where a message belongs. asset: None: the gateway. kind: one of KINDS, or CHECKPOINT."""

    site: str
    gateway: str
    asset: str | None
    kind: str


@lru_cache(100_000)
def place_of(topic: str) -> TopicPlace | None:
    """None: the message is not stored; it is retained, or of something else."""
    levels = topic.split("/")
    if "/".join(levels[:2]) != _ROOT or not all(map(_NAME.fullmatch, levels[2:])):
        return None
    match levels[2:]:
        case [site, gateway, "ledger", "checkpoint"]:
            return TopicPlace(site, gateway, None, CHECKPOINT)
        case [site, gateway, kind] | [site, gateway, "backfill", kind] if kind in KINDS:
            return TopicPlace(site, gateway, None, kind)
        case [site, gateway, asset, kind] | [site, gateway, asset, "backfill", kind] if kind in KINDS:
            return TopicPlace(site, gateway, asset, kind)
    return None
