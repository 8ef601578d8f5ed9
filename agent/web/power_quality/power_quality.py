"""GET /power-quality, /motors/{id}/power-quality and the waveform of an event: the supply of a motor."""

from __future__ import annotations

import math
from typing import Any

from anyio.to_thread import run_sync
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.core.text import N_, Catalogue
from agent.web.base.context import Web, catalogue_of, web_of
from agent.web.base.motors import Entry, entries, find
from agent.web.http.json_response import json_response
from agent.web.power_quality.past_supply import past_supply, past_waveform
from agent.web.power_quality.supply import SupplyNow, supply_now, waveform_point
from agent.web.power_quality.supply_events import DAY_MS, SupplyEvent, night_headline, worst_event
from agent.web.power_quality.supply_headline import SupplyHeadline
from dsp.voltage_tolerance import tolerance_curve

DAYS = 30
CURVE = "semi-f47"
CURVE_SOURCE = N_(
    "what equipment must ride through; from public secondary sources, 80 % up to 10 s and 90 % beyond from memory"
)


class Curve(Struct):
    """steps: duration up to which a step holds (s; the last one null), lowest voltage in %."""

    title: str
    source: str
    mark: str
    source_text: str
    steps: list[tuple[float | None, float]]


class EventPlane(Struct):
    """list: oldest first. last_ms, worst_ms: t_ms of the newest and of the deepest event. below: the curve.

    why: the events of the past are not known.
    """

    days: int
    list: list[SupplyEvent]
    last_ms: int | None
    worst_ms: int | None
    below: int
    why: str | None
    curve: Curve


class PowerQuality(SupplyNow):
    """Everything of the view but the waveform of the last event."""

    events_headline: SupplyHeadline
    events: EventPlane


def power_quality(web: Web, entry: Entry, catalogue: Catalogue) -> PowerQuality:
    """Blocks for a query of the state file."""
    now_ms = web.now_ms()
    curve = tolerance_curve(CURVE)
    events, problem = past_supply(web, entry, now_ms - DAYS * DAY_MS, curve, catalogue)
    last = max(events, key=lambda event: event.start_ms, default=None)
    worst = worst_event(events)
    steps = [(until_s if math.isfinite(until_s) else None, pct) for until_s, pct in curve.steps]
    plane = EventPlane(
        DAYS, events, last.t_ms if last else None, worst.t_ms if worst else None,
        sum(event.below_curve is True for event in events), catalogue.reason(problem) if problem else None,
        Curve(curve.title, curve.source, curve.mark, catalogue(CURVE_SOURCE), steps),
    )  # fmt: skip
    now = supply_now(web, entry, catalogue)
    seen = now.has_device or bool(events)
    unseen = SupplyHeadline(catalogue(N_("Events unknown")), catalogue(N_("no samples of the waveform")))
    return PowerQuality(
        **{name: getattr(now, name) for name in now.__struct_fields__},
        events_headline=night_headline(events, now_ms, catalogue) if seen else unseen,
        events=plane,
    )


def live_detail(web: Web, catalogue: Catalogue, motor: str) -> SupplyNow | None:
    """What a new pq3s, harmonics or event message changes, for the stream; None: the motor is unknown."""
    entry = find(web, motor)
    return None if entry is None else supply_now(web, entry, catalogue)


def _entry(request: Request) -> Entry:
    entry = find(web_of(request), request.path_params["id"])
    if entry is None:
        raise HTTPException(404)
    return entry


async def _get(request: Request) -> Response:
    found = await run_sync(power_quality, web_of(request), _entry(request), catalogue_of(request))
    return json_response(request, found)


async def _list(request: Request) -> Response:
    """The motors in their order, and the first one that has a waveform device; None: none has."""
    motors: list[dict[str, Any]] = [
        {"id": entry.id, "has_device": waveform_point(entry) is not None}
        for entry in entries(web_of(request))
        if entry.kind != "meter"
    ]
    first = next((motor["id"] for motor in motors if motor["has_device"]), None)
    return json_response(request, {"motors": motors, "first": first})


async def _waveform(request: Request) -> Response:
    entry, t_ms = _entry(request), request.path_params["t_ms"]
    found = await run_sync(past_waveform, web_of(request), entry, t_ms, tolerance_curve(CURVE), catalogue_of(request))
    if found is None:
        raise HTTPException(404)
    return json_response(request, found)


routes = [
    Route("/api/v1/power-quality", _list),
    Route("/api/v1/motors/{id}/power-quality", _get),
    Route("/api/v1/motors/{id}/power-quality/events/{t_ms:int}", _waveform),
]
