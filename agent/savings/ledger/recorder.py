"""Recording of savings data by the agent and by commands: each interval in the transaction that writes it, and a
checkpoint each midnight, which is published.
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
from agent.savings.ledger.interval_records import IntervalRecorder, remove_provisional
from agent.savings.ledger.reasons import HMAC_LEDGER
from agent.savings.ledger.signing_key import HMAC, LedgerKey, LedgerKeyError, load_or_make
from agent.savings.ledger.succession import key_in_force
from agent.savings.records.model import Interval
from agent.savings.records.repository import insert_intervals, rows_of
from drivers.reading import Clock
from drivers.reasons import CodedError

log = logging.getLogger(__name__)

EVERY_S = 60.0
PART = 2000  # intervals of an import in one transaction
RECORDING = "ledger recording"
TOPIC = "ledger"  # checkpoints: <root>/ledger/checkpoint


def record(
    store: Store, config: Config, now_ms: int, kind: str, write: Callable[[sqlite3.Connection], Mapping[str, Any]]
) -> None:  # fmt: skip
    """Records a baseline, a decision or an import, and waits for the commit.

    write: returns the body of the record. Called in its transaction, so that what it writes takes effect with the
        record or not at all.
    Raises StoreError, LedgerKeyError, and what `write` raises.
    """
    recorder = _recorder(store, config)

    def append(db: sqlite3.Connection) -> None:
        recorder.key = key_in_force(db, recorder.key)
        _append_due(db, recorder, config, now_ms, complete=False)
        append_to(db, recorder.key, now_ms, [(kind, write(db))])

    store.do(append)


def record_import(
    store: Store, config: Config, now_ms: int, body: Mapping[str, Any], intervals: Sequence[Interval]
) -> None:  # fmt: skip
    """Writes an import: its record, then its intervals in parts, each in one transaction with their records.

    An agent that writes concurrently waits for one part only. After a kill, the same import continues where it ended.
    Waits for the commits. Raises StoreError, LedgerKeyError.
    """
    recorder = _recorder(store, config)
    record(store, config, now_ms, "import", lambda _: body)
    for first in range(0, len(intervals), PART):
        part = intervals[first : first + PART]

        def write(db: sqlite3.Connection, part: Sequence[Interval] = part) -> None:
            recorder.key = key_in_force(db, recorder.key)
            recorder.record(db, now_ms, part)
            insert_intervals(db, rows_of(part))

        store.do(write)


def _recorder(store: Store, config: Config) -> IntervalRecorder:
    if store.directory is None:
        raise StoreError(NO_STATE_DIR)
    return IntervalRecorder(load_or_make(store.directory), _provenance(config))


class RetainedPublisher(Protocol):
    """Publishes a retained message of the gateway."""

    def publish_retained(self, asset: str, kind: str, body: Mapping[str, Any], *, keep: bool = False) -> None: ...


class LedgerRecorder:
    """Records intervals and publishes checkpoints while the agent runs.

    config: returns the current configuration.
    While the key cannot sign, intervals are written without a record. The error is logged once; these intervals are
    recorded when the error is gone, also by a later run. Without a state directory there is no ledger.
    """

    def __init__(self, store: Store, config: Callable[[], Config], publisher: RetainedPublisher, clock: Clock) -> None:
        self._store, self._config, self._publisher, self._clock = store, config, publisher, clock
        self._errors: dict[str, object] = {}  # what failed in the last round → identity of the error
        self._recorder: IntervalRecorder | None = None
        self._failures = 0  # calls of `record` that failed
        self._adopted_after = -1  # their number when intervals without a record were adopted last
        self._searched = 0  # number of the last record that was searched for checkpoints
        self._unexported: LedgerRecord | None = None  # the newest checkpoint until it is in the file

    def numbers(self) -> dict[str, int]:
        """Values for `health`; empty until the key is in use."""
        recorder = self._recorder
        return {} if recorder is None else {"ledger_signed": int(recorder.key.kind != HMAC)}

    async def run(self) -> None:
        """Calls `update` every `EVERY_S`."""
        while True:
            await self._clock.sleep(EVERY_S)
            await asyncio.to_thread(self.update)

    def update(self) -> None:
        """Appends the checkpoint of the previous day, and publishes the newest one. Waits for the disk."""
        if self._store.directory is None:
            return
        self._attempt(RECORDING, self._append_and_publish)
        self._attempt("writing of the checkpoint file", self._export)

    def _attempt(self, what: str, action: Callable[[], None]) -> None:
        """Logs an error once; also an internal one must not end measuring."""
        try:
            action()
        except Exception as error:
            if (failure := _identity(error)) != self._errors.get(what):
                internal = not isinstance(error, CodedError | OSError)
                log.error("%s failed: %s; next attempt in %.0f s", what, error, EVERY_S, exc_info=internal)
            self._errors[what] = failure
            return
        if self._errors.pop(what, None) is not None:
            log.info("%s resumed", what)

    def _append_and_publish(self) -> None:
        """Publishes after each start, too, because the broker may be another."""
        failures = self._failures
        found, self._searched = self._store.do(self._append_due)
        self._adopted_after = failures
        if found is not None:
            self._unexported = found
            self._publisher.publish_retained(TOPIC, "checkpoint", checkpoints.checkpoint_message(found), keep=True)

    def _export(self) -> None:
        """Appends the newest checkpoint to the file, which contains each checkpoint once."""
        checkpoint, path = self._unexported, self._config().checkpoint_file
        if checkpoint is None:
            return
        if path is not None and not (path.is_file() and checkpoint.hash.encode() in path.read_bytes()):
            checkpoints.export(path, checkpoint)
        self._unexported = None

    def record(self, db: sqlite3.Connection, intervals: Sequence[Interval], written_ms: int) -> None:
        """Records intervals in the transaction that writes them, before they replace stored ones.

        written_ms: UTC time when the transaction was requested; it may be executed later.
        """
        if self._store.directory is None:
            return
        db.execute("savepoint record")
        try:
            recorder = self._current_recorder(db)
            _append_due(db, recorder, self._config(), self._now_ms, self._complete)
            recorder.record(db, self._now_ms, intervals, written_ms)
        except sqlite3.Error:
            raise
        except Exception as error:
            if not isinstance(error, CodedError | OSError) and _identity(error) != self._errors.get(RECORDING):
                log.exception("internal error; intervals are stored without a record")  # other errors: the next round
            db.execute("rollback to record")
            remove_provisional(db, intervals)
            self._recorder, self._failures = None, self._failures + 1
        db.execute("release record")

    def _append_due(self, db: sqlite3.Connection) -> tuple[LedgerRecord | None, int]:
        """Runs in the writer's thread. Returns the newest checkpoint that was not searched yet, and the last record.
        Before the first interval nothing is due, and no key is needed."""
        if not db.execute("select 1 from ledger union all select 1 from interval limit 1").fetchone():
            return None, 0
        _append_due(db, self._current_recorder(db), self._config(), self._now_ms, self._complete)
        [last] = db.execute("select ifnull(max(seq), 0) from ledger").fetchone()
        return checkpoints.newest(db, self._searched), last

    def _current_recorder(self, db: sqlite3.Connection) -> IntervalRecorder:
        """The key is loaded again when `magwatt ledger begin` has changed it."""
        if self._recorder is not None and _is_replaced(db, self._recorder.key):
            self._recorder = None
        if self._recorder is None:
            recorder = _recorder(self._store, self._config())
            recorder.key = key_in_force(db, recorder.key)
            self._recorder = recorder
            if recorder.key.kind == HMAC:
                log.warning("%s", HMAC_LEDGER())
        self._recorder.provenance = _provenance(self._config())
        return self._recorder

    @property
    def _complete(self) -> bool:
        """Whether all intervals that were stored without a record have been adopted."""
        return self._adopted_after == self._failures

    @property
    def _now_ms(self) -> int:
        return self._clock.utc_ns() // 1_000_000


def _append_due(
    db: sqlite3.Connection, recorder: IntervalRecorder, config: Config, now_ms: int, complete: bool
) -> None:  # fmt: skip
    """Appends what precedes other records: the checkpoint of the previous day, and (unless all intervals are recorded:
    `complete`) the records of stored intervals that have none.
    """
    where = {"site": config.site.id, "gateway": config.site.gateway}
    checkpoints.append_daily_checkpoint(db, recorder.key, now_ms, config.site.timezone, where)
    if not complete:
        recorder.adopt(db, now_ms)


def _is_replaced(db: sqlite3.Connection, key: LedgerKey) -> bool:
    try:
        return key_in_force(db, key) != key
    except LedgerKeyError:
        return True


def _identity(error: Exception) -> object:
    """Equal for equal errors, so that each is logged once."""
    return error.reason if isinstance(error, CodedError) else (type(error), error.args)


def _provenance(config: Config) -> dict[str, str]:
    return {"config": config.hash[:16], "software": VERSION}
