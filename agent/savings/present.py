"""What time it is where a plant is looked at: this machine's, or the plant's own where it ran on virtual time."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent.config import Config
    from agent.store import Store

_KIND, _NAME = "clock", "virtual"
_READ = "select body from note where kind = ? and name = ?"


def remember(store: Store, utc_ms: int) -> None:
    """A run on virtual time ended there. Raises StoreError."""
    store.save_note(_KIND, _NAME, "", {"utc_ms": utc_ms})


def present_ms(config: Config, rows: Callable[[str, tuple[Any, ...]], list[Any]], clock_ms: int) -> int:
    """clock_ms, but in a simulated plant that ran on virtual time the moment that it has reached: else a baseline would
    be dated after the month that it is for. rows: what a query finds in the state file."""
    found = rows(_READ, (_KIND, _NAME)) if config.site.simulated else []
    return int(json.loads(found[0][0])["utc_ms"]) if found else clock_ms
