"""What happened and what needs action: events with their waveforms, and findings of now."""

from __future__ import annotations

import re
from typing import Any

from anyio.to_thread import run_sync
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.core.text import N_, Catalogue
from agent.delivery.store.event_history import read_waveform
from agent.web.alarms.finding import Finding
from agent.web.base.context import Web, catalogue_of, web_of
from agent.web.base.motors import entries
from agent.web.base.state_file import StateFileError, state_of
from agent.web.base.values import Why
from agent.web.history.history import asset_of
from agent.web.http.csv_export import csv_response, wants_csv
from agent.web.http.json_response import json_response
from agent.web.plant.findings import findings
from agent.web.plant.motor_rows import row_of
from agent.web.plant.past_events import PageEvent, past_events
from drivers.reasons import Code

DAY_MS = 86_400_000
DAYS, DAYS_MAX = 30, 400

DAYS_INVALID = Code("page_days_invalid", "`days` must be a number from 1 to {n_max:d}")
WAVEFORM_ABSENT = Code(
    "page_waveform_absent",
    "there is no waveform of this event: those of the newest {n:d} events of a motor are kept, of devices that deliver "
    "waveforms",
)


class Events(Struct):
    """why: the events of the past are not known. findings need no state file."""

    events: list[PageEvent]
    findings: list[Finding]
    why: Why | None = None


class Waveform(Struct):
    """u, i: three phases each, V and A, equal in length; of a channel that was not measured an empty list.

    missing samples: None.
    """

    start_ms: int
    rate_hz: float
    u: list[list[float | None]]
    i: list[list[float | None]]


def events_of(web: Web, days: int, motor: str | None, catalogue: Catalogue) -> Events:
    """Blocks while the file is read."""
    now_ms = web.now_ms()
    motors = entries(web)
    kinds = {entry.id: entry.kind for entry in motors}
    listed = findings(web, motors, [row_of(web, entry, catalogue) for entry in motors], catalogue)
    current = [item for item in listed if motor is None or item.motor == motor]
    try:
        found = state_of(web).read(
            lambda db: past_events(db, now_ms - days * DAY_MS, now_ms + DAY_MS, motor, kinds, catalogue)
        )
    except StateFileError as error:
        why = Why(str.__str__(error.reason.code), catalogue(N_("no history")), catalogue.reason(error.reason))
        return Events([], current, why)
    return Events(found, current)


def waveform_of(web: Web, motor: str, t_ms: int) -> Waveform | None:
    """Raises StateFileError."""
    found = state_of(web).read(lambda db: read_waveform(db.execute, motor, t_ms))
    if found is None:
        return None
    return Waveform(found["snapshot_start_ms"], found["snapshot_rate_hz"], _phases(found, "u", "v"),
                    _phases(found, "i", "a"))  # fmt: skip


def _phases(found: Any, quantity: str, unit: str) -> list[list[float | None]]:
    return [found.get(f"snapshot_{quantity}_l{phase}_{unit}", []) for phase in (1, 2, 3)]


async def _events(request: Request) -> Response:
    web, catalogue, query = web_of(request), catalogue_of(request), request.query_params
    days = query.get("days", str(DAYS))
    if not re.fullmatch("[0-9]{1,3}", days) or not 1 <= int(days) <= DAYS_MAX:
        raise HTTPException(400, catalogue.reason(DAYS_INVALID(n_max=DAYS_MAX)))
    found = await run_sync(events_of, web, int(days), query.get("motor"), catalogue)
    if wants_csv(request):
        return await run_sync(csv_response, found.events, "events")
    return await run_sync(json_response, request, found)


async def _waveform(request: Request) -> Response:
    web, catalogue = web_of(request), catalogue_of(request)
    motor, _ = asset_of(request)
    t_ms = str(request.path_params["t_ms"])
    if not re.fullmatch("[0-9]{1,15}", t_ms):
        raise HTTPException(404)
    try:
        found = await run_sync(waveform_of, web, motor, int(t_ms))
    except StateFileError as error:
        raise HTTPException(404, catalogue.reason(error.reason)) from None
    if found is None:
        raise HTTPException(404, catalogue.reason(WAVEFORM_ABSENT(n=100)))
    return await run_sync(json_response, request, found)


routes = [
    Route("/api/v1/events", _events),
    Route("/api/v1/motors/{id}/events/{t_ms}/waveform", _waveform),
]
