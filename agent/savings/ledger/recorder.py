"""Ledger recording by the agent: finished hours each minute, and a checkpoint each midnight, which is published.

Baselines, decisions and imports are recorded after all hours that are over.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from agent import VERSION
from agent.config.model import Config
from agent.delivery.store import Store, StoreError
from agent.delivery.store.reasons import NO_STATE_DIR
from agent.savings.ledger import checkpoints
from agent.savings.ledger.chain import LedgerRecord, append_to
from agent.savings.ledger.interval_records import HourlyRecorder, due_ms
from agent.savings.ledger.signing_key import LedgerKey, LedgerKeyError, load_or_make
from agent.savings.records.model import Interval
from agent.savings.records.repository import Rows, insert_intervals, rows_of
from drivers.reading import Clock
from drivers.reasons import CodedError

log = logging.getLogger(__name__)

EVERY_S = 60.0
PART = 2000  # intervals of an import in one transaction
PLACE = "ledger"  # topic <root>/ledger/checkpoint


def record(
    store: Store, config: Config, now_ms: int, kind: str, body: Mapping[str, Any],
    then: Callable[[sqlite3.Connection], object] = lambda _: None,
) -> list[LedgerRecord]:  # fmt: skip
    """Records a baseline, a decision or an import after all hours that are over, and waits for the commit.

    then: called in the transaction of the record, so that it takes effect with the record or not at all.
    Raises StoreError, LedgerKeyError, and what `then` raises.
    """
    key, keeper = _recorder(store, config)
    while store.do(lambda db: _keep_up(db, keeper, key, config, now_ms)):
        pass

    def append(db: sqlite3.Connection) -> list[LedgerRecord]:
        late = keeper.keep_up(db, now_ms)  # hours that ended meanwhile
        found = late + append_to(db, key, now_ms, [(kind, {**body, "hours_to_ms": due_ms(now_ms)})])
        then(db)
        return found

    found: list[LedgerRecord] = store.do(append)
    return found


def record_import(
    store: Store, config: Config, now_ms: int, body: Mapping[str, Any], intervals: Sequence[Interval]
) -> None:  # fmt: skip
    """Writes an import: its record, then its intervals in parts, each in one transaction with the records of its hours.

    An agent that writes concurrently waits for one part only. After a kill, the same import continues where it ended.
    Waits for the commits. Raises StoreError, LedgerKeyError.
    """
    key, keeper = _recorder(store, config)
    record(store, config, now_ms, "import", body)
    for first in range(0, len(intervals), PART):
        part = rows_of(intervals[first : first + PART])

        def write(db: sqlite3.Connection, part: Rows = part) -> None:
            keeper.watch(db)
            insert_intervals(db, part)
            while _keep_up(db, keeper, key, config, now_ms):
                pass

        store.do(write)


def _recorder(store: Store, config: Config) -> tuple[LedgerKey, HourlyRecorder]:
    if store.directory is None:
        raise StoreError(NO_STATE_DIR)
    key = load_or_make(store.directory)
    return key, HourlyRecorder(key, _facts(config))


class RetainedPublisher(Protocol):
    """Publishes a retained message of the gateway."""

    def publish_retained(self, asset: str, kind: str, body: Mapping[str, Any], *, keep: bool = False) -> None: ...


class LedgerRecorder:
    """Records hours and publishes checkpoints while the agent runs.

    config: returns the current configuration.
    An error is logged once; measuring continues, and the hours are recorded when the error is gone. Without a state
    directory there is no ledger.
    """

    def __init__(self, store: Store, config: Callable[[], Config], teller: RetainedPublisher, clock: Clock) -> None:
        self._store, self._config, self._teller, self._clock = store, config, teller, clock
        self._failure: object = None  # identity of the error of the last round
        self._key: LedgerKey | None = None
        self._keeper: HourlyRecorder | None = None
        self._published: int | None = None  # number of the last published checkpoint
        if store.directory is not None:
            store.post(HourlyRecorder.watch)

    async def run(self) -> None:
        """Records every `EVERY_S`, first after that time.

        By then the registers of the meters have closed the gap of the last stop, and its hour is recorded completely.
        """
        while True:
            await self._clock.sleep(EVERY_S)
            await asyncio.to_thread(self.keep)

    def keep(self) -> None:
        """One round: records hours, publishes a new checkpoint. Waits for the disk."""
        if self._store.directory is None:
            return
        try:
            checkpoint = self._store.do(self._step)
            if checkpoint is not None and checkpoint.seq != self._published:
                self._publish(checkpoint)
        except (StoreError, LedgerKeyError, OSError) as error:
            if (failure := _identity(error)) != self._failure:
                log.error("ledger recording failed: %s; next attempt in %.0f s", error, EVERY_S)
            self._failure = failure
            return
        if self._failure is not None:
            log.info("ledger recording resumed")
        self._failure = None

    def amend(self, db: sqlite3.Connection, intervals: Sequence[Interval] = ()) -> None:
        """Records what must not wait for the next round, in the transaction that wrote the intervals.

        If this fails, the intervals are still written, and the next round logs the error.
        """
        db.execute("savepoint amend")
        try:
            keeper, key = self._recorder()
            now_ms = self._clock.utc_ns() // 1_000_000
            while keeper.pressing(db, now_ms) and _keep_up(db, keeper, key, self._config(), now_ms):
                pass
        except sqlite3.Error:
            raise
        except Exception:
            db.execute("rollback to amend")
        db.execute("release amend")

    def _step(self, db: sqlite3.Connection) -> LedgerRecord | None:
        """Runs in the writer's thread. Returns the newest checkpoint."""
        keeper, key = self._recorder()
        _keep_up(db, keeper, key, self._config(), self._clock.utc_ns() // 1_000_000)
        return checkpoints.newest(db)

    def _recorder(self) -> tuple[HourlyRecorder, LedgerKey]:
        if self._keeper is None or self._key is None:
            if self._store.directory is None:
                raise StoreError(NO_STATE_DIR)
            self._key = load_or_make(self._store.directory)
            self._keeper = HourlyRecorder(self._key, {})
        self._keeper.facts = _facts(self._config())
        return self._keeper, self._key

    def _publish(self, checkpoint: LedgerRecord) -> None:
        """Publishes after each start, too, because the broker may be another. A file contains each checkpoint once."""
        self._teller.publish_retained(PLACE, "checkpoint", checkpoints.checkpoint_message(checkpoint), keep=True)
        path = self._config().checkpoint_file
        if path is not None and not (path.is_file() and checkpoint.hash.encode() in path.read_bytes()):
            checkpoints.export(path, checkpoint)
        self._published = checkpoint.seq


def _keep_up(
    db: sqlite3.Connection, keeper: HourlyRecorder, key: LedgerKey, config: Config, now_ms: int
) -> list[LedgerRecord]:
    """Appends the checkpoint of the previous day, then the records of hours."""
    where = {"site": config.site.id, "gateway": config.site.gateway}
    checkpoints.append_daily_checkpoint(db, key, now_ms, config.site.timezone, where)
    return keeper.keep_up(db, now_ms)


def _identity(error: Exception) -> object:
    """Equal for equal errors, so that each is logged once."""
    return error.reason if isinstance(error, CodedError) else (type(error), error.args)


def _facts(config: Config) -> dict[str, str]:
    return {"config": config.hash, "software": VERSION}
