"""Ledger recording by the agent: finished hours each minute, and a published checkpoint each midnight.

What a person does is recorded after them, so that no record stands before hours which were over when it was written.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from agent import VERSION
from agent.config import Config
from agent.savings import checkpoints
from agent.savings.hours import Keeper, due_ms
from agent.savings.keep import Rows, insert_intervals, rows_of
from agent.savings.ledger import Record, append_to
from agent.savings.ledger_key import Key, LedgerKeyError, load_or_make
from agent.savings.types import Interval
from agent.store import Store, StoreError
from agent.store.reasons import NO_STATE_DIR
from drivers.reading import Clock

log = logging.getLogger(__name__)

EVERY_S = 60.0
PART = 2000  # quarter hours of an import in one transaction
PLACE = "ledger"  # topic <root>/ledger/checkpoint


def record(
    store: Store, config: Config, now_ms: int, kind: str, body: Mapping[str, Any],
    then: Callable[[sqlite3.Connection], object] = lambda _: None,
) -> list[Record]:  # fmt: skip
    """What a person did, behind all hours that are over. then: what is in force with the record, in its transaction.
    Waits for its commit. Raises StoreError, LedgerKeyError, and what `then` raises."""
    key, keeper = _open_books(store, config)
    while store.do(lambda db: _keep_up(db, keeper, key, config, now_ms)):
        pass

    def append(db: sqlite3.Connection) -> list[Record]:
        late = keeper.keep_up(db, now_ms)  # since the last round
        found = late + append_to(db, key, now_ms, [(kind, {**body, "hours_to_ms": due_ms(now_ms)})])
        then(db)
        return found

    found: list[Record] = store.do(append)
    return found


def take_in(
    store: Store, config: Config, now_ms: int, body: Mapping[str, Any], intervals: Sequence[Interval]
) -> None:  # fmt: skip
    """An import: its record, then the intervals by parts, each in one transaction with the records of its hours, so
    that an agent which writes at the same time waits for a part only. After a kill the same import goes on where it
    stood. Waits for its commits. Raises StoreError, LedgerKeyError."""
    key, keeper = _open_books(store, config)
    record(store, config, now_ms, "import", body)
    for first in range(0, len(intervals), PART):
        part = rows_of(intervals[first : first + PART])

        def write(db: sqlite3.Connection, part: Rows = part) -> None:
            keeper.watch(db)
            insert_intervals(db, part)
            while _keep_up(db, keeper, key, config, now_ms):
                pass

        store.do(write)


def _open_books(store: Store, config: Config) -> tuple[Key, Keeper]:
    if store.directory is None:
        raise StoreError(NO_STATE_DIR)
    key = load_or_make(store.directory)
    return key, Keeper(key, _facts(config))


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
        self._told: int | None = None  # number of the checkpoint published last
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
            checkpoint = self._store.do(self._step)
            if checkpoint is not None and checkpoint.seq != self._told:
                self._publish(checkpoint)
        except (StoreError, LedgerKeyError, OSError) as error:
            if str(error) != self._trouble:
                log.error("the ledger cannot be kept: %s; next try in %.0f s", error, EVERY_S)
            self._trouble = str(error)
            return
        if self._trouble:
            log.info("the ledger is kept again")
        self._trouble = ""

    def amend(self, db: sqlite3.Connection) -> None:
        """In a transaction that wrote intervals: what may not wait for the next round is recorded in it. Where that
        fails the intervals stay, and the next round says why."""
        db.execute("savepoint amend")
        try:
            keeper, key = self._books()
            now_ms = self._clock.utc_ns() // 1_000_000
            while keeper.pressing(db, now_ms) and _keep_up(db, keeper, key, self._config(), now_ms):
                pass
        except sqlite3.Error:
            raise
        except Exception:
            db.execute("rollback to amend")
        db.execute("release amend")

    def _step(self, db: sqlite3.Connection) -> Record | None:
        """In the writer's thread. Returns the newest checkpoint."""
        keeper, key = self._books()
        _keep_up(db, keeper, key, self._config(), self._clock.utc_ns() // 1_000_000)
        return checkpoints.newest(db)

    def _books(self) -> tuple[Keeper, Key]:
        if self._keeper is None or self._key is None:
            if self._store.directory is None:
                raise LedgerKeyError("a ledger needs a state directory")
            self._key = load_or_make(self._store.directory)
            self._keeper = Keeper(self._key, {})
        self._keeper.facts = _facts(self._config())
        return self._keeper, self._key

    def _publish(self, checkpoint: Record) -> None:
        """At the start too: the broker may be another. A file has each checkpoint once."""
        self._teller.tell_text(PLACE, "checkpoint", checkpoints.checkpoint_message(checkpoint), keep=True)
        path = self._config().checkpoint_file
        if path is not None and not (path.is_file() and checkpoint.hash.encode() in path.read_bytes()):
            checkpoints.export(path, checkpoint)
        self._told = checkpoint.seq


def _keep_up(db: sqlite3.Connection, keeper: Keeper, key: Key, config: Config, now_ms: int) -> list[Record]:
    """The day's checkpoint before the new day's first record."""
    where = {"site": config.site.id, "gateway": config.site.gateway}
    checkpoints.append_daily_checkpoint(db, key, now_ms, config.site.timezone, where)
    return keeper.keep_up(db, now_ms)


def _facts(config: Config) -> dict[str, str]:
    return {"config": config.hash, "software": VERSION}
