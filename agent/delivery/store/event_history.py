"""History of events and of changes of state: rows of the table `history` whose step is 0, with waveforms of step -1.

Software that does not know these steps reads and deletes only rows of the steps that it knows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from agent.core.messages import EVERYTHING, Message
from agent.core.text import as_object
from agent.delivery.store.store import Store
from agent.delivery.store.waveform_blob import packed_waveform, unpacked_waveform, without_waveform

EVENT_STEP, WAVEFORM_STEP = 0, -1
KEEP_S = 400 * 86400.0
EVENTS_MAX, WAVEFORMS_MAX = 2000, 100  # of each motor, and of the gateway
CLEAN_EVERY = 50  # events between two deletions: at most so many are kept beyond EVENTS_MAX
GATEWAY = ""  # the asset of events of the gateway
Rows = Callable[[str, tuple[Any, ...]], Iterable[Any]]  # a query on the state file


class StoredEvent(Struct, frozen=True):
    """An event, or the start of a state.

    asset: motor or shared meter; "": the gateway.
    t_ms: time of its message, UTC; of equal times of one asset the second is a millisecond later.
    kind: event | state.
    body: of an event its keys v (without waveform), f and r; of a state: state, reason, since.
    has_waveform: whether its waveform is stored.
    """

    asset: str
    t_ms: int
    kind: str
    body: dict[str, Any]
    has_waveform: bool


class EventHistory:
    """A live sink. Keeps KEEP_S, and of each motor the newest EVENTS_MAX with WAVEFORMS_MAX waveforms."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._states: dict[str, str] = {}  # asset → its state in this run
        self._added: dict[str, int] = {}

    def on_published(self, message: Message) -> None:
        if message.kind != "event":
            return
        body: dict[str, Any] = {"kind": "event", "v": without_waveform(message.values)}
        if message.quality:
            body["f"] = {EVERYTHING: message.quality.names()}
        if message.reasons:
            body["r"] = {name: [as_object(reason) for reason in found] for name, found in message.reasons.items()}
        self._put(message.asset or GATEWAY, message.t_ms, body, packed_waveform(message.values))

    def on_message(self, topic: str, payload: bytes, retain: bool) -> None:
        """Receives each message, and stores the states that differ from the one before."""
        if not (retain and topic.endswith("/state")):
            return
        asset = topic.split("/")[-2]
        if not payload:  # the motor was removed
            self._states.pop(asset, None)
            return
        state = msgspec.json.decode(payload, type=dict[str, Any])
        if state["state"] != self._states.get(asset):
            self._states[asset] = state["state"]
            body = {"kind": "state", **{key: state[key] for key in ("state", "reason", "since")}}
            self._put(asset, state["since"], body, None)

    def reconfigure(self, *_changed: object) -> None:
        """Removed motors keep their events until they are too old."""

    def start(self) -> None:
        """Nothing to do: each event is a separate row."""

    def stop(self) -> None:
        """The store commits what was posted."""

    def _put(self, asset: str, t_ms: int, body: dict[str, Any], waveform: bytes | None) -> None:
        count = self._added[asset] = self._added.get(asset, 0) + 1
        oldest_ms = self._store.oldest_ms if count % CLEAN_EVERY == 1 else None
        self._store.post(_write(asset, t_ms, msgspec.json.encode(body), waveform, oldest_ms), deferred=True)


def read_events(rows: Rows, from_ms: int, to_ms: int, asset: str | None = None) -> list[StoredEvent]:
    """Events and states with from_ms ≤ t < to_ms, in the order of time. asset None: of all.

    rows: runs a query on the state file, such as `Store.rows`.
    """
    one = "and asset = ?" if asset is not None else ""
    values = (EVENT_STEP, from_ms, to_ms) if asset is None else (EVENT_STEP, from_ms, to_ms, asset)
    query = f"select asset, t_ms, body from history where step_s = ? and t_ms >= ? and t_ms < ? {one} order by t_ms"
    found = list(rows(query, values))
    waveforms = {
        tuple(row)
        for row in rows("select asset, t_ms from history where step_s = ? and t_ms >= ? and t_ms < ?",
                        (WAVEFORM_STEP, from_ms, to_ms))
    }  # fmt: skip
    return [
        StoredEvent(name, t_ms, body.pop("kind"), body, (name, t_ms) in waveforms)
        for name, t_ms, text in found
        for body in [msgspec.json.decode(text, type=dict[str, Any])]
    ]


def read_waveform(rows: Rows, asset: str, t_ms: int) -> Mapping[str, Any] | None:
    """Channels of the waveform of an event, as in its message; None: it is not stored (any more)."""
    query = "select body from history where step_s = ? and asset = ? and t_ms = ?"
    for (blob,) in rows(query, (WAVEFORM_STEP, asset, t_ms)):
        return unpacked_waveform(blob)
    return None


def last_state_before(rows: Rows, asset: str, t_ms: int) -> StoredEvent | None:
    """The state of an asset at a time, of its newest EVENTS_MAX events; None: unknown."""
    query = (
        "select t_ms, body from history where step_s = ? and asset = ? and t_ms <= ? and substr(body, 1, ?) = ? "
        "order by t_ms desc limit 1"
    )
    for at_ms, text in rows(query, (EVENT_STEP, asset, t_ms, len(_STATE), _STATE)):
        body = msgspec.json.decode(text, type=dict[str, Any])
        return StoredEvent(asset, at_ms, body.pop("kind"), body, False)
    return None


def _write(
    asset: str, t_ms: int, body: bytes, waveform: bytes | None, oldest_ms: Callable[[float], int] | None
) -> Callable[[sqlite3.Connection], None]:
    """A job that adds an event; with `oldest_ms` it also deletes those that are too old or too many."""

    def job(db: sqlite3.Connection) -> None:
        key_ms = t_ms
        while db.execute(_KNOWN, (EVENT_STEP, asset, key_ms)).fetchone():
            key_ms += 1
        db.execute("insert into history values (?, ?, ?, ?)", (EVENT_STEP, asset, key_ms, body))
        if waveform is not None:
            db.execute("insert or replace into history values (?, ?, ?, ?)", (WAVEFORM_STEP, asset, key_ms, waveform))
            _keep_newest(db, WAVEFORM_STEP, asset, WAVEFORMS_MAX)
        if oldest_ms is not None:
            _keep_newest(db, EVENT_STEP, asset, EVENTS_MAX)
            db.execute("delete from history where step_s in (?, ?) and asset = ? and t_ms < ?",
                       (EVENT_STEP, WAVEFORM_STEP, asset, oldest_ms(KEEP_S)))  # fmt: skip

    return job


_STATE = b'{"kind":"state"'
_KNOWN = "select 1 from history where step_s = ? and asset = ? and t_ms = ?"


def _keep_newest(db: sqlite3.Connection, step_s: int, asset: str, count: int) -> None:
    db.execute(
        "delete from history where step_s = ? and asset = ? and t_ms <= "
        "(select t_ms from history where step_s = ? and asset = ? order by t_ms desc limit 1 offset ?)",
        (step_s, asset, step_s, asset, count),
    )
