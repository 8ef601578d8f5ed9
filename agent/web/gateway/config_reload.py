"""A changed configuration file is read again, as the agent does; a wrong one changes nothing."""

from __future__ import annotations

import asyncio
import logging

from agent.config.loader import ConfigError, load_config
from agent.config.topology import assets
from agent.web.base.context import Web

LOOK_S = 5.0
log = logging.getLogger("magwatt.web")


async def follow_configuration(web: Web) -> None:
    """Runs until it is cancelled."""
    while web.config is not None:
        known = web.config.path, _changed_ns(web)
        await asyncio.sleep(LOOK_S)
        if _changed_ns(web) in (None, known[1]):
            continue
        try:
            config = await asyncio.to_thread(lambda path: load_config(path)[0], known[0])
        except (ConfigError, OSError) as error:
            log.warning("%s: not applied: %s", known[0], error)
            continue
        if config.hash != web.config.hash:
            web.config, web.assets = config, assets(config)
            log.info("%s: read again", known[0])


def _changed_ns(web: Web) -> int | None:
    try:
        return web.config.path.stat().st_mtime_ns if web.config else None
    except OSError:
        return None
