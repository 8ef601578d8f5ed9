"""One motor: how efficient it is now, where the rest goes, and why it is so uncertain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.core.metrics import by_name
from agent.core.text import Catalogue
from agent.web.base.context import Web, catalogue_of, web_of
from agent.web.base.motors import Entry, find
from agent.web.base.reasons import MOTOR_UNKNOWN
from agent.web.base.values import PageValue
from agent.web.http.json_response import json_response
from agent.web.http.problem import problem
from agent.web.http.times import rfc3339
from agent.web.motor import motor_plate, uncertainty
from agent.web.motor.motor_plate import Fact
from agent.web.motor.motor_quantities import Quantity, quantities_of
from agent.web.motor.savings_so_far import SavedSoFar, saved_so_far
from agent.web.motor.uncertainty import Budget, Method
from agent.web.motor.waterfall import Inputs, Waterfall, share_of_drive, waterfall_of
from agent.web.plant import motor_rows
from agent.web.plant.motor_rows import MotorRow, Shown

EFFICIENCIES = ("system_efficiency_pct", "motor_efficiency_pct", "drive_efficiency_pct")


class MetricValue(PageValue):
    """A metric of the telemetry. unit, about: of the metrics table, about: UNSET: not in the language of the reader;
    both only in the response to a request.
    """

    unit: str | UnsetType = UNSET
    about: str | UnsetType = UNSET


class HistoryMetrics(Struct):
    """What the chart over time shows. power: metric; power_scale: from its unit to W."""

    power: str
    power_scale: float
    efficiency: str


class MotorDetail(MotorRow):
    """subtitle: rating, drive and speed in words. methods: metric of an efficiency → its method.
    explained: when the agent stated budgets, sources and improvements; None: not yet.
    nameplate, meter: only in the response to a request.
    """

    subtitle: str
    has_drive: bool
    efficiencies: dict[str, PageValue]
    methods: dict[str, Method]
    efficiency_class: str | None
    saved_so_far: SavedSoFar
    waterfall: Waterfall
    budgets: list[Budget]
    improvements: list[str]
    explained: str | None
    quantities: list[Quantity]
    values: dict[str, MetricValue]
    history: HistoryMetrics
    nameplate: list[Fact] | UnsetType = UNSET
    meter: list[Fact] | UnsetType = UNSET


def detail_of(web: Web, entry: Entry, catalogue: Catalogue, complete: bool = True) -> MotorDetail:
    """complete: with what does not change while the agent runs."""
    row = motor_rows.row_of(web, entry, catalogue)
    shown = motor_rows.shown_of(web, entry, catalogue)
    explain, telemetry = entry.messages.get("explain", {}), entry.messages.get("telemetry", {})
    has_drive = motor_plate.has_drive(entry)
    sources = motor_plate.sources_of(entry, catalogue)
    methods = uncertainty.methods_of(telemetry.get("m", {}), catalogue)
    inputs = Inputs(shown.value, row.power_w, _input_u(explain), has_drive, share_of_drive(explain), sources)
    body = msgspec.structs.asdict(row)
    found = MotorDetail(
        **body,
        subtitle=motor_plate.subtitle(entry, row.rating, sources, catalogue),
        has_drive=has_drive,
        efficiencies={name: shown.value(name) for name in EFFICIENCIES if has_drive or name != EFFICIENCIES[2]},
        methods=methods,
        efficiency_class=_text(telemetry, "efficiency_class_observed"),
        saved_so_far=_saved_so_far(web, entry, row, catalogue),
        waterfall=Waterfall() if entry.kind == "meter" else waterfall_of(inputs, catalogue),
        budgets=[] if entry.kind == "meter" else uncertainty.budgets_of(explain, sources, has_drive, catalogue),
        improvements=motor_plate.listed(explain.get("improvements", ()), catalogue),
        explained=rfc3339(explain["t"]) if "t" in explain else None,
        quantities=quantities_of(entry, shown, catalogue),
        values=_values(telemetry, shown, complete),
        history=_history(telemetry, has_drive),
    )
    if complete:
        found.nameplate = motor_plate.nameplate_of(entry, catalogue)
        found.meter = motor_plate.meter_of(entry, catalogue)
    return found


def _saved_so_far(web: Web, entry: Entry, row: MotorRow, catalogue: Catalogue) -> SavedSoFar:
    message = motor_rows.savings_message(web, entry)
    return saved_so_far(message, web.last_savings.absence(entry.topic, message), row.saved_w, catalogue)


def live_detail(web: Web, catalogue: Catalogue, motor_id: str) -> MotorDetail | None:
    """What an event of the stream contains of one motor; None: it vanished."""
    entry = find(web, motor_id)
    return None if entry is None else detail_of(web, entry, catalogue, complete=False)


def _input_u(explain: Mapping[str, Any]) -> float | None:
    """Relative U of the input power."""
    u_w, mean_w = explain.get("input_u_w"), explain.get("powers", {}).get("input_w")
    return u_w / abs(mean_w) if u_w is not None and mean_w else None


def _text(message: Mapping[str, Any], metric: str) -> str | None:
    found = message.get("v", {}).get(metric)
    return found if isinstance(found, str) and found else None


def _values(telemetry: Mapping[str, Any], shown: Shown, complete: bool) -> dict[str, MetricValue]:
    """All numbers of the telemetry."""
    known, found = by_name("telemetry"), {}
    measured = telemetry.get("v", {})
    for name, number in measured.items():
        if isinstance(number, str) or (name.endswith("_u") and name.removesuffix("_u") in measured):
            continue
        value = MetricValue(**msgspec.structs.asdict(shown.value(name)))
        if complete and (metric := known.get(name)):
            value.unit, value.about = metric.unit, shown.catalogue.known(metric.about) or UNSET
        found[name] = value
    return found


def _history(telemetry: Mapping[str, Any], has_drive: bool) -> HistoryMetrics:
    present = [pair for pair in motor_rows.POWER_METRICS if pair[0] in telemetry.get("v", {})]
    power, scale = present[0] if present else motor_rows.POWER_METRICS[0]
    return HistoryMetrics(power, scale, "system_efficiency_pct" if has_drive else "motor_efficiency_pct")


async def _motor(request: Request) -> Response:
    web, catalogue, name = web_of(request), catalogue_of(request), str(request.path_params["id"])
    entry = find(web, name)
    if entry is None:
        return problem(request, 404, catalogue.reason(MOTOR_UNKNOWN(name=name)))
    return json_response(request, detail_of(web, entry, catalogue))


routes = [Route("/api/v1/motors/{id}", _motor)]
