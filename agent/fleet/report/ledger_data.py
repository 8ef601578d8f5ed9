"""What the lake has of a gateway for its savings: intervals, baselines and decisions of the ledger, events."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from agent.core.codec import decode_reason
from agent.delivery.files.lake.rows import day_of
from agent.fleet.lake import Lake, Relation
from agent.fleet.lake_files import LakeFile
from agent.fleet.ledger_records import decided_event, frozen_baseline, is_stored_interval, read_interval
from agent.savings.records import baseline_json
from agent.savings.records.model import Baseline, Interval, NonRoutineEvent

STEP_MS = 8 * 86_400_000  # of intervals in one query
_RECORDS = Relation(
    {"seq": "bigint", "t": "timestamptz", "kind": "varchar", "line": "varchar", "asset": "varchar",
     "start": "timestamptz", "length_s": "integer", "stored": "varchar"},
    ("ledger", "seq", "line", "stored"),
)  # fmt: skip
_EVENTS = Relation({"event": "varchar"}, ("event",))
_CONFIGURATIONS = Relation({"valid_from": "timestamptz", "text": "varchar"}, ("valid_from",))
_DECIDED = ("decision", "adjust_wh", "by", "reason", "decided_ms")


class _Recorded(Struct):
    interval: str


class LedgerData:
    """The data of one ledger.

    ledger: its files. events: files of non-routine events of the same ledger.
    missing: starts of counting records without the stored interval, or with another one than the record names.
    """

    def __init__(self, lake: Lake, ledger: Sequence[LakeFile], events: Sequence[LakeFile]) -> None:
        self._lake, self._ledger, self._event_files = lake, ledger, events
        self._rows: dict[str, dict[int, str]] = {}
        self._span = (0, 0)
        self.missing = set[tuple[str, int]]()

    def read(self, from_ms: int, to_ms: int) -> None:
        """Reads the intervals of all motors that start in this time. Raises LakeError."""
        self._span = from_ms, to_ms
        for begin_ms in range(from_ms, to_ms, STEP_MS):
            self._add(begin_ms, min(begin_ms + STEP_MS, to_ms))

    def intervals(self, asset: str, from_ms: int, to_ms: int) -> list[Interval]:
        """The intervals of a motor that start in this time, in order. Raises LakeError."""
        if from_ms < self._span[0]:
            self._add(from_ms, self._span[0])
            self._span = from_ms, self._span[1]
        if to_ms > self._span[1]:
            self._add(self._span[1], to_ms)
            self._span = self._span[0], to_ms
        rows = self._rows.get(asset, {})
        found = [read_interval(rows[ms]) for ms in sorted(rows) if from_ms <= ms < to_ms]
        return [item for item in found if item.length_s]

    @property
    def motors(self) -> list[str]:
        """Names of the motors with intervals in the time that was read."""
        return sorted({*self._rows, *(asset for asset, _ in self.missing)})

    def newest_ms(self) -> int:
        """Time of the newest record, UTC."""
        [(newest,)] = self._lake.ask(self._ledger, lambda rows: f"select epoch_ms(max(t)) from {rows}", _RECORDS)
        return newest or 0

    def baselines(self) -> dict[str, Baseline]:
        """The frozen baseline in force of each motor. One that was changed, or cannot be read, is none."""
        found = dict[str, Baseline]()
        for body in self._bodies("baseline"):
            with suppress(ValueError, TypeError, KeyError, AttributeError, msgspec.MsgspecError):
                baseline = frozen_baseline(body)
                if baseline_json.intact(baseline):
                    found[baseline.asset] = baseline
        return found

    def events(self) -> dict[str, list[NonRoutineEvent]]:
        """The events of each motor, by number. A decision counts if the ledger has its record."""
        events = {(event.asset, event.number): event for event in self._newest_events()}
        decided = dict[tuple[str, int], NonRoutineEvent]()
        for body in self._bodies("decision"):
            with suppress(KeyError, msgspec.MsgspecError, TypeError, ValueError):
                event = decided_event(body)
                decided[event.asset, event.number] = event
        undecided = {"decision": None, "adjust_wh": 0.0, "by": "", "reason": "", "decided_ms": None}
        found: dict[str, list[NonRoutineEvent]] = {}
        for place in sorted({*events, *decided}):
            record = decided.get(place)
            decision = {name: getattr(record, name) for name in _DECIDED} if record else undecided
            event = replace(events[place], **decision) if place in events else decided[place]
            found.setdefault(event.asset, []).append(event)
        return found

    def _newest_events(self) -> list[NonRoutineEvent]:
        if not self._event_files:
            return []
        newest = max(self._event_files, key=lambda file: [int(part) for part in file.path.stem.split("-")[1:3]])
        rows = self._lake.ask([newest], lambda rows: f"select event from {rows}", _EVENTS)
        found = list[NonRoutineEvent]()
        for (text,) in rows:
            with suppress(msgspec.MsgspecError, TypeError):
                found.append(msgspec.json.decode(text, type=NonRoutineEvent, dec_hook=decode_reason))
        return found

    def _bodies(self, kind: str) -> list[dict[str, Any]]:
        """The records of a kind, the newest last."""
        query = f"select line from {{}} where kind = '{kind}' order by seq"
        return [msgspec.json.decode(line) for (line,) in self._lake.ask(self._ledger, query.format, _RECORDS)]

    def _add(self, from_ms: int, to_ms: int) -> None:
        """Of several records of a start the last one counts; of one in two files the copy that has the interval.

        A record is not written before its interval begins, so that earlier files are not read.
        """
        files = [file for file in self._ledger if file.partition >= day_of(from_ms)[:7]]
        query = f"""
            select asset, epoch_ms(start), length_s, line, stored from {{}} where kind = 'interval'
            and start >= epoch_ms({from_ms}::bigint)::timestamptz and start < epoch_ms({to_ms}::bigint)::timestamptz
            order by seq, stored is not null
        """
        rows = self._lake.ask(files, query.format, _RECORDS)
        last = {(asset, start_ms): found for asset, start_ms, *found in rows}
        for (asset, start_ms), (length_s, line, row) in last.items():
            if row is not None and is_stored_interval(row, _digest(line)):
                self._rows.setdefault(asset, {})[start_ms] = row
            elif length_s:
                self.missing.add((asset, start_ms))


def newest_configuration(lake: Lake, files: Sequence[LakeFile]) -> str | None:
    """The text of the newest configuration of a gateway; None: the lake has none. Raises LakeError."""
    rows = lake.ask(files, lambda rows: f"select arg_max(text, valid_from) from {rows}", _CONFIGURATIONS)
    return rows[0][0] if rows else None


def _digest(line: str) -> str:
    try:
        return msgspec.json.decode(line, type=_Recorded).interval
    except msgspec.MsgspecError:
        return ""
