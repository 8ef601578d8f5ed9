"""Lakes of the retrofit of metered_retrofit.py: exported from its state file as the sink does."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from msgspec.structs import replace
from support import metered_retrofit
from support.basics import HandClock
from support.savings import save_event

from agent.delivery.files.conversion import ConfigurationFile
from agent.delivery.files.lake.configurations import export_configurations
from agent.delivery.files.lake.events import export_events
from agent.delivery.files.lake.parts import Origin
from agent.delivery.files.lake.records import Place, export_ledger
from agent.delivery.store import Store
from agent.savings.records.model import Interval, NonRoutineEvent
from agent.savings.records.non_routine_events import CAUSES
from agent.savings.records.repository import event_json

MONTH = "2024-10"
DAYS = 4  # of the month that have data
DAY_MS = 86_400_000
BEGIN_MS = metered_retrofit.utc_ms(f"{MONTH}-01 00:00")
NOW_MS = BEGIN_MS + DAYS * DAY_MS + 60_000


def retrofit(
    folder: Path, events: Sequence[NonRoutineEvent] = (), days: int = DAYS, month: str = MONTH,
    after: Callable[[int, int], list[Interval]] = metered_retrofit.new,
) -> Path:  # fmt: skip
    """plant.toml and state of the first days of a month. events: those with a decision are in the ledger, too."""
    metered_retrofit.retrofit(folder, days=days, month=month, after=after)
    store = Store(folder / "state", HandClock(NOW_MS / 1000))
    for event in events:
        saved = save_event(store, event)
        if saved.decision is not None:
            metered_retrofit.appended(store, NOW_MS, [("decision", {"event": event_json(saved)})])
    store.close()
    return folder


def to_lake(plant: Path, lake: Path, gateway: str = "gw-07", text: str | None = None) -> None:
    """Exports the state file of a retrofit. text: another configuration."""
    origin = Origin("mill-2", gateway, "1.2.3")
    with closing(sqlite3.connect(plant / "state" / "magwatt.sqlite")) as db:
        place = export_ledger(db, lake, origin, Place())
        export_events(db, lake, origin, place, "")
    text = (plant / "plant.toml").read_text(encoding="utf-8") if text is None else text
    export_configurations([ConfigurationFile(1, "c0ffee", text, metered_retrofit.ZONE)], lake, origin, "")


def maintenance(number: int = 0, day: int = 1, **decision: object) -> NonRoutineEvent:
    """Six hours on a day of the month."""
    begin_ms = BEGIN_MS + day * DAY_MS + 8 * 3_600_000
    event = NonRoutineEvent(
        number, "fan", "maintenance", begin_ms, begin_ms + 6 * 3_600_000, CAUSES["maintenance"], 0.0, "exclude"
    )
    return replace(event, **decision)
