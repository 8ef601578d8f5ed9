"""The agent's own bookkeeping: each minute hours that are over go into the ledger, each midnight a root goes out.

What a person does is recorded after them, so that no record stands before hours which were over when it was written.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from agent import VERSION
from agent.config import Config
from agent.savings import roots
from agent.savings.hours import Keeper, due_ms
from agent.savings.ledger import Record, append_to
from agent.savings.ledger_key import Key, LedgerKeyError, load_or_make
from agent.store import Store, StoreError
from drivers.reading import Clock

log = logging.getLogger(__name__)

EVERY_S = 60.0
PLACE = "ledger"  # topic <root>/ledger/root


def record(store: Store, config: Config, now_ms: int, kind: str, body: Mapping[str, Any]) -> list[Record]:
    """What a person did, behind all hours that are over. Waits for its commit. Raises StoreError, LedgerKeyError."""
    if store.directory is None:
        raise StoreError("a ledger needs a state directory")
    key = load_or_make(store.directory)
    keeper = Keeper(key, _facts(config))
    while store.do(lambda db: _keep_up(db, keeper, key, config, now_ms)):
        pass

    def append(db: sqlite3.Connection) -> list[Record]:
        late = keeper.keep_up(db, now_ms)  # since the last round
        return late + append_to(db, key, now_ms, [(kind, {**body, "hours_to_ms": due_ms(now_ms)})])

    found: list[Record] = store.do(append)
    return found


class Teller(Protocol):
    def tell_text(self, asset: str, kind: str, body: Mapping[str, Any], *, keep: bool = False) -> None: ...


class Bookkeeper:
    """config: the one that is in force now. Trouble is said once and lived with: measuring goes on, and what was not
    recorded is recorded when the trouble is over. Without a state directory there is no ledger."""

    def __init__(self, store: Store, config: Callable[[], Config], teller: Teller, clock: Clock) -> None:
        self._store, self._config, self._teller, self._clock = store, config, teller, clock
        self._trouble = ""
        self._key: Key | None = None
        self._keeper: Keeper | None = None
        self._told: int | None = None  # number of the root that was told last
        if store.directory is not None:
            store.post(Keeper.watch)

    async def run(self) -> None:
        """Begins after a while: by then the meters have told what was not seen while the agent was stopped, so that the
        hour in which it stopped is recorded whole."""
        while True:
            await self._clock.sleep(EVERY_S)
            await asyncio.to_thread(self.keep)

    def keep(self) -> None:
        """Waits for the disk."""
        if self._store.directory is None:
            return
        try:
            root = self._store.do(self._step)
            if root is not None and root.seq != self._told:
                self._publish(root)
        except (StoreError, LedgerKeyError, OSError) as error:
            if str(error) != self._trouble:
                log.error("the ledger cannot be kept: %s; next try in %.0f s", error, EVERY_S)
            self._trouble = str(error)
            return
        if self._trouble:
            log.info("the ledger is kept again")
        self._trouble = ""

    def _step(self, db: sqlite3.Connection) -> Record | None:
        """In the writer's thread. Returns the newest root."""
        assert self._store.directory is not None
        config, now_ms = self._config(), self._clock.utc_ns() // 1_000_000
        if self._keeper is None or self._key is None:
            self._key = load_or_make(self._store.directory)
            self._keeper = Keeper(self._key, {})
        self._keeper.facts = _facts(config)
        _keep_up(db, self._keeper, self._key, config, now_ms)
        return roots.newest(db)

    def _publish(self, root: Record) -> None:
        """At the start too: the broker may be another. A file has each root once."""
        self._teller.tell_text(PLACE, "root", roots.told(root), keep=True)
        path = self._config().roots_file
        if path is not None and not (path.is_file() and root.hash in path.read_text(encoding="utf-8")):
            roots.export(path, root)
        self._told = root.seq


def _keep_up(db: sqlite3.Connection, keeper: Keeper, key: Key, config: Config, now_ms: int) -> list[Record]:
    """The day's root before the new day's first record."""
    where = {"site": config.site.id, "gateway": config.site.gateway}
    roots.close_day(db, key, now_ms, config.site.timezone, where)
    return keeper.keep_up(db, now_ms)


def _facts(config: Config) -> dict[str, str]:
    return {"config": config.hash, "software": VERSION}
