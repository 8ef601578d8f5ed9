"""The present time of a plant: that of this machine, or of a plant that was simulated on virtual time."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent.config.model import Config
    from agent.delivery.store import Store

_KIND, _NAME = "clock", "virtual"
_READ = "select body from note where kind = ? and name = ?"


def remember(store: Store, utc_ms: int) -> None:
    """Stores where a run on virtual time ended. Raises StoreError."""
    store.save_entry(_KIND, _NAME, "", {"utc_ms": utc_ms})


def present_ms(config: Config, rows: Callable[[str, tuple[Any, ...]], list[Any]], clock_ms: int) -> int:
    """clock_ms, or the end of the run on virtual time of a simulated plant: otherwise a baseline would be dated after
    its month. rows: runs a query on the state file.
    """
    found = rows(_READ, (_KIND, _NAME)) if config.site.simulated else []
    return int(json.loads(found[0][0])["utc_ms"]) if found else clock_ms
