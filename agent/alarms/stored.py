"""The state of all alarms as JSON: what must survive a restart, and what commands show without the agent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from agent.alarms.model import AlarmKey, AlarmRecord
from agent.core.codec import decode_reason, encode_reason
from agent.delivery.store.stored_entries import stored_entries

VERSION = 1
KIND, NAME = "alarms", "state"  # of the entry in the state file: store.save_entry(KIND, NAME, "", manager.state())


class StoredAlarm(Struct, frozen=True):
    """record: at the time of storing. condition: of Condition.as_object. announced_seq, known, cause: of Alarm."""

    record: AlarmRecord
    condition: dict[str, Any]
    announced_seq: int
    known: bool
    cause: AlarmKey | None


class StoredAlarms(Struct, frozen=True, kw_only=True):
    """utc_ms: when it was made. seq: number of the last transition. operated: last row of the operator file.

    runs, causes, log: of the classes of these names. out_of_service: assets in maintenance.
    """

    v: int = VERSION
    utc_ms: int
    seq: int
    operated: int
    runs: dict[str, float | None]
    out_of_service: list[str]
    causes: list[dict[str, Any]]
    log: dict[str, Any]
    alarms: list[StoredAlarm]

    def as_object(self) -> dict[str, Any]:
        found = msgspec.to_builtins(self, enc_hook=encode_reason)
        assert isinstance(found, dict)
        return found


def read_stored(body: Mapping[str, Any] | None) -> StoredAlarms | None:
    """From `as_object`; None: there is none, or it is of another version."""
    if body is None or body.get("v") != VERSION:
        return None
    return msgspec.convert(body, StoredAlarms, dec_hook=decode_reason)


def stored_in(directory: Path) -> StoredAlarms | None:
    """The state of all alarms as the agent of this state directory last stored it; None: there is none."""
    return read_stored(stored_entries(directory, KIND).get(NAME))
