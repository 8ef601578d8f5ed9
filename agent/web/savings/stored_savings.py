"""Reads from the state file what no message has stated yet: the last saving of each motor, and its baseline."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import suppress
from typing import Any

import msgspec

from agent.savings.records.repository import FROZEN, MESSAGE
from agent.web.base.context import Web
from agent.web.base.last_savings import LastSavings, has_saving
from agent.web.base.state_file import StateFileError, state_of

EVERY_S = 60.0


async def follow_stored_savings(web: Web) -> None:
    """Immediately, and then once a minute while the message of a motor is missing or without a saving. Runs until it is
    cancelled.
    """
    while web.config is not None:
        if _is_wanted(web):
            try:
                web.last_savings = await asyncio.to_thread(read_last_savings, web)
            except StateFileError:
                web.last_savings = LastSavings()
        await asyncio.sleep(EVERY_S)


def read_last_savings(web: Web) -> LastSavings:
    """Of the motors of the configuration. Blocks for some milliseconds. Raises StateFileError."""

    def read(db: sqlite3.Connection) -> tuple[list[Any], set[str]]:
        messages = db.execute("select name, body from note where kind = ?", (MESSAGE,)).fetchall()
        frozen = db.execute("select name from note where kind = ?", (FROZEN,)).fetchall()
        return messages, {name for (name,) in frozen}

    topics, found = _topics(web), dict[str, dict[str, Any]]()
    messages, frozen = state_of(web).read(read)
    for name, text in messages:
        with suppress(msgspec.DecodeError):
            body = msgspec.json.decode(text)
            if name in topics and isinstance(body, dict) and isinstance(body.get("t"), int):
                found[topics[name]] = body
    return LastSavings(found, {topic: name in frozen for name, topic in topics.items()})


def _is_wanted(web: Web) -> bool:
    seen = web.follower.seen.copy()
    received = (seen[topic].messages if topic in seen else {} for topic in _topics(web).values())
    return not all(has_saving(messages.get("savings", {})) for messages in received)


def _topics(web: Web) -> dict[str, str]:
    """Motor of the configuration → topic."""
    root = web.config.site.root if web.config else ""
    return {asset.name: f"{root}/{asset.name}" for asset in web.assets if asset.motor is not None}
