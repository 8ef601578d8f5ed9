"""`python -m agent.delivery.files.lake`: writes to a lake what a LakeExport on its standard input names.

What was exported from the state file is noted in `export.json` of the lake's directory. Without it everything is
exported again, under the same names where the content is the same.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import pyarrow as pa
from msgspec import Struct
from msgspec.structs import replace

from agent.delivery.files.conversion import LakeExport
from agent.delivery.files.lake.configurations import export_configurations
from agent.delivery.files.lake.events import export_events
from agent.delivery.files.lake.minutes import export_minutes
from agent.delivery.files.lake.parts import Origin
from agent.delivery.files.lake.records import Place, export_ledger, key_of
from agent.delivery.files.lake.rows import convert
from agent.delivery.files.lake.snapshots import convert_snapshot

POSITION = "export.json"


class ExportPosition(Struct, frozen=True):
    """What was exported.

    minutes_to_ms: end of the last day; 0: none. configuration, events: hash of the newest.
    """

    ledger: Place = msgspec.field(default_factory=Place)
    minutes_to_ms: int = 0
    configuration: str = ""
    events: str = ""


def main(export: LakeExport) -> None:
    """Raises OSError, sqlite3.Error, ValueError, ArrowException."""
    with _state(export.state_file) as db:
        key = key_of(db) if db else ""
        origin = Origin(export.site, export.gateway, export.agent, key, export.config)
        for closed in export.closed:
            convert(closed, export.root, export.lake, origin)
        for waiting in export.snapshots:
            convert_snapshot(waiting, export.lake, origin)
        if not export.to_ms:
            return
        place = export.lake / POSITION
        position = msgspec.json.decode(place.read_bytes(), type=ExportPosition) if place.exists() else ExportPosition()
        newest = export_configurations(export.configurations, export.lake, origin, position.configuration)
        position = replace(position, configuration=newest)
        if db:
            newest_record = export_ledger(db, export.lake, origin, position.ledger)
            position = replace(
                position,
                ledger=newest_record,
                minutes_to_ms=export_minutes(db, export.lake, origin, position.minutes_to_ms, export.to_ms),
                events=export_events(db, export.lake, origin, newest_record, position.events),
            )
        _save(place, position)


@contextmanager
def _state(path: Path | None) -> Iterator[sqlite3.Connection | None]:
    """The state file, read-only, as it is now; None: there is none."""
    if path is None or not path.exists():
        yield None
        return
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)) as db:
        db.execute("begin")
        yield db


def _save(path: Path, position: ExportPosition) -> None:
    partial = path.with_suffix(".partial")
    partial.write_bytes(msgspec.json.encode(position))
    partial.replace(path)


if __name__ == "__main__":
    try:
        main(msgspec.json.decode(sys.stdin.buffer.read(), type=LakeExport, dec_hook=lambda kind, text: kind(text)))
    except (OSError, sqlite3.Error, ValueError, pa.ArrowException) as problem:
        sys.exit(f"{problem}")
