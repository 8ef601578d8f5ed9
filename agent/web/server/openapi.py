"""The OpenAPI document of the API: paths by hand, schemas from the structs."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent import VERSION
from agent.web.alarms.actions import Decision, Entered
from agent.web.alarms.alarms import Alarms
from agent.web.history.history import POINTS_MAX, POINTS_MIN
from agent.web.http.json_response import json_response
from agent.web.motor.condition import MotorCondition
from agent.web.motor.motor import MotorDetail
from agent.web.motor.old_plant import OldPlant
from agent.web.plant.motor_rows import MotorRows
from agent.web.plant.plant import LiveEvent, Plant
from agent.web.savings.contract import MonthContracts
from agent.web.savings.month import Month

BASE = "/api/v1"
ACTIONS = "/alarms/actions"
_REF = "#/components/schemas/{name}"
# Path → summary, struct of the answer; None: an object whose keys the summary names
PATHS: dict[str, tuple[str, type | None]] = {
    "/plant": ("The plant: verdict, saving now, motors, where the power goes, an hour of power", Plant),
    "/plant/month": ("The saving of this month, by day", Month),
    "/motors": ("All motors and shared meters", MotorRows),
    "/motors/{id}": ("One motor: its row, nameplate, values, losses and the parts of its uncertainty", MotorDetail),
    "/motors/{id}/condition": (
        "What is known about each fault of one motor: found, clear or not observable",
        MotorCondition,
    ),
    "/motors/{id}/history": ("Mean, minimum and maximum of metrics over time, at most 2,000 points each", None),
    "/motors/{id}/old-plant": ("Power of the adjusted baseline, at most 62 days", OldPlant),
    "/motors/{id}/power-quality": ("Phasors, harmonics with limits, distortion and events of one motor", None),
    "/motors/{id}/events/{t_ms}/waveform": ("Voltages and currents around an event", None),
    "/alarms": ("All alarms of the agents, also those that are normal, and their sums", Alarms),
    "/events": ("Events of the last days and present findings", None),
    "/savings": ("The months for which a report exists", None),
    "/savings/newest/report.html": ("Redirects to the report of the newest month", None),
    "/savings/{month}": ("The figures of the report of a month", None),
    "/savings/{month}/report.html": ("The report of a month as a page", None),
    "/savings/{month}/report.csv": ("The report of a month as CSV", None),
    "/savings/{month}/report.json": ("The report of a month as JSON", None),
    "/savings/{month}/contract": (
        "The contracts of a month: revisions, signatures, what waits for whom",
        MonthContracts,
    ),
    "/savings/{month}/sheet-{number}.html": ("The confirmation sheet of a contract and month as a page", None),
    "/savings/{month}/bundle-{number}.json": ("The bundle of a contract and month for a verifier", None),
    "/savings/{month}/{picture}": ("A picture of the report as SVG; the report names its files", None),
    "/power-quality": ("The motors with a waveform device or a meter of power quality", None),
    "/motors/{id}/power-quality/events/{t_ms}": ("Voltages and currents around an event that was received live", None),
    "/commissioning": ("Steps of the commissioning of each motor, with their evidence", None),
    "/configuration": ("What is configured, without secrets", None),
    "/health": ("Buses, errors, spool, clock and versions", None),
    "/stream": ("Live values as server-sent events: `rows` with the keys of LiveEvent", LiveEvent),
    "/openapi.json": ("This document", None),
}
_LISTS = ("/motors", "/motors/{id}/history", "/alarms", "/events", "/savings", "/savings/{month}")  # also as CSV
_QUERY: dict[str, dict[str, tuple[str, dict[str, Any]]]] = {
    "/motors/{id}/history": {
        "metric": ("name of a metric; can be repeated", {"type": "array", "items": {"type": "string"}}),
        "from": ("start, RFC 3339", {"type": "string", "format": "date-time"}),
        "to": ("end, RFC 3339", {"type": "string", "format": "date-time"}),
        "points": ("largest number of points", {"type": "integer", "minimum": POINTS_MIN, "maximum": POINTS_MAX}),
    },
    "/motors/{id}/old-plant": {
        "from": ("start, RFC 3339", {"type": "string", "format": "date-time"}),
        "to": ("end, RFC 3339", {"type": "string", "format": "date-time"}),
    },
    "/events": {
        "days": ("how many days back", {"type": "integer", "minimum": 1}),
        "motor": ("of this motor only", {"type": "string"}),
    },
    "/stream": {"motor": ("also the details of this motor", {"type": "string"})},
}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
}  # fmt: skip


@cache
def document(paths: frozenset[str], cookie: str | None) -> dict[str, Any]:
    """OpenAPI 3.1. paths: of the API that this page has. cookie: of the login; None: there is none."""
    known = {path: PATHS[path] for path in PATHS if path in paths}
    kinds = [*(kind for _, kind in known.values() if kind), *([Decision, Entered] if ACTIONS in paths else [])]
    _, schemas = msgspec.json.schema_components(kinds, ref_template=_REF)
    found: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "magwatt", "version": VERSION, "license": {"name": "Apache-2.0"},
            "description": "Read-only, except for the decisions of operators about alarms. Times are RFC 3339 UTC with "
            "milliseconds, or integers in keys that end in _ms. "
            "Units are in the keys. null: unknown, with the reason next to it.",
        },
        "servers": [{"url": BASE}],
        "paths": {
            **{path: {"get": _operation(path, summary, kind)} for path, (summary, kind) in known.items()},
            **_decided(paths),
        },
        "components": {"schemas": {**schemas, "ProblemDocument": _PROBLEM}},
    }  # fmt: skip
    if cookie:
        found["components"]["securitySchemes"] = {"session": {"type": "apiKey", "in": "cookie", "name": cookie}}
        found["security"] = [{"session": []}]
    return found


def _decided(paths: frozenset[str]) -> dict[str, Any]:
    """The one path that accepts something."""
    if ACTIONS not in paths:
        return {}
    operation = _operation(ACTIONS, "Acknowledges, shelves or unshelves an alarm; only after a login", Entered)
    schema = {"$ref": _REF.format(name=Decision.__name__)}
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    return {ACTIONS: {"post": {**operation, "requestBody": body}}}


def _operation(path: str, summary: str, kind: type | None) -> dict[str, Any]:
    schema = {"$ref": _REF.format(name=kind.__name__)} if kind else {"type": "object"}
    content = {_media_type(path): {"schema": {"type": "string"} if _is_text(path) else schema}}
    if path in _LISTS:
        content["text/csv"] = {"schema": {"type": "string"}}
    answer: dict[str, Any] = {"description": summary, "content": content}
    if path != "/stream":
        answer["headers"] = {"ETag": {"schema": {"type": "string"}}}
    problem = {"application/problem+json": {"schema": {"$ref": _REF.format(name="ProblemDocument")}}}
    return {
        "summary": summary, "operationId": "_".join(re.findall(r"\w+", path)),
        "parameters": [*_path_parameters(path), *_query_parameters(path)],
        "responses": {"200": answer, "default": {"description": "Problem (RFC 9457)", "content": problem}},
    }  # fmt: skip


def _media_type(path: str) -> str:
    ends = {".html": "text/html", ".csv": "text/csv", "{picture}": "image/svg+xml", "stream": "text/event-stream"}
    return next((media for end, media in ends.items() if path.endswith(end)), "application/json")


def _is_text(path: str) -> bool:
    return _media_type(path) != "application/json"


def _path_parameters(path: str) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+)}", path)
    kinds = {
        "t_ms": {"type": "integer"},
        "number": {"type": "integer", "minimum": 1},
        "month": {"type": "string", "pattern": r"^\d{4}-\d{2}$"},
    }  # fmt: skip
    return [
        {"name": name, "in": "path", "required": True, "schema": kinds.get(name, {"type": "string"})} for name in names
    ]


def _query_parameters(path: str) -> list[dict[str, Any]]:
    found = dict(_QUERY.get(path, {}))
    found["lang"] = ("language of the texts", {"type": "string", "enum": ["en", "zh"]})
    if path in _LISTS:
        found["format"] = ("csv: UTF-8 with a byte-order mark", {"type": "string", "enum": ["json", "csv"]})
    return [
        {"name": name, "in": "query", "description": about, "schema": schema} for name, (about, schema) in found.items()
    ]


async def _document(request: Request) -> Response:
    login = request.app.state.login
    paths = frozenset(
        route.path_format.removeprefix(BASE) for route in request.app.routes if route.path.startswith(BASE + "/")
    )
    return json_response(request, document(paths, login.cookie if login else None))


routes = [Route(f"{BASE}/openapi.json", _document)]
