"""The motors of the plant as rows: values, state in words, priority."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.core.text import N_, Catalogue
from agent.web.alarms.records import alarm_findings, records_of
from agent.web.base import values
from agent.web.base.context import Web, catalogue_of, web_of
from agent.web.base.last_savings import AGE_MS_MAX
from agent.web.base.motors import Entry, entries, name_of
from agent.web.base.values import PageValue
from agent.web.http.csv_export import csv_response, wants_csv
from agent.web.http.json_response import json_response
from agent.web.http.times import rfc3339
from agent.web.plant import motor_state
from agent.web.plant.alarmed_state import Derived, alarmed_state, is_covered
from agent.web.plant.motor_state import RowState, StateInputs

STALE_S_MIN = 3.0
UNUSABLE_S = 60.0  # a value that is older is unknown
KINDS = {
    "pm": N_("magnet motor"), "induction": N_("induction motor"), "pm-line-start": N_("line-start magnet motor"),
    "meter": N_("shared meter"),
}  # fmt: skip
POWER_METRICS = (("active_power_w", 1.0), ("motor_input_power_w", 1.0), ("motor_power_kw", 1000.0))


class MotorRow(Struct):
    """One motor or shared meter; the keys are those of the API.

    priority: of its worst alarm. acknowledged: all its alarms of this priority are acknowledged or shelved.
    """

    id: str
    name: str
    rating: str
    kind: str
    priority: str
    acknowledged: bool
    power_w: PageValue
    efficiency_pct: PageValue
    saved_w: PageValue
    shaft_w: PageValue
    losses_w: PageValue
    state: RowState
    t: str | None
    age_s: float | None
    stale: bool
    interval_s: float


class MotorRows(Struct):
    motors: list[MotorRow]


class Freshness(NamedTuple):
    """age_s: since the last telemetry arrived; None: none did. contact: the agent can be reached."""

    age_s: float | None
    interval_s: float
    contact: bool

    @property
    def stale(self) -> bool:
        return self.age_s is None or not self.contact or self.age_s > max(STALE_S_MIN, 3 * self.interval_s)

    @property
    def usable(self) -> bool:
        return self.age_s is not None and self.age_s <= max(UNUSABLE_S, 3 * self.interval_s)

    @property
    def usable_now(self) -> bool:
        """Whether there are values of the present."""
        return self.usable and self.contact


def freshness(web: Web, entry: Entry) -> Freshness:
    received_s = entry.followed.received_s.get("telemetry") if entry.followed else None
    age_s = None if received_s is None else max(0.0, time.monotonic() - received_s)
    gateway = entry.topic.rpartition("/")[0]
    contact = web.follower.gateways.get(gateway) != "offline" and not web.follower.interrupted
    return Freshness(age_s, web.recent.interval_s(entry.topic), contact)


def row_of(web: Web, entry: Entry, catalogue: Catalogue) -> MotorRow:
    fresh, telemetry = freshness(web, entry), entry.messages.get("telemetry", {})
    shown = shown_of(web, entry, catalogue)
    derived = derived_state(web, entry, catalogue)
    state = alarmed_state(derived, alarm_findings(web, entry.topic, entry.id, "", catalogue))
    t_ms = telemetry.get("t")
    return MotorRow(
        entry.id, name_of(entry), _rating(entry, catalogue), entry.kind or "unknown",
        state.priority, state.acknowledged, shown.power(), shown.value("system_efficiency_pct"),
        _saved(web, entry, fresh, catalogue), shown.value("shaft_power_w"), shown.losses(), state.row,
        rfc3339(t_ms) if t_ms else None, None if fresh.age_s is None else round(fresh.age_s, 1), fresh.stale,
        round(fresh.interval_s, 1),
    )  # fmt: skip


def derived_state(web: Web, entry: Entry, catalogue: Catalogue) -> Derived:
    """What the messages show; without a priority where the agent has an alarm for the same."""
    fresh = freshness(web, entry)
    state = motor_state.state_of(StateInputs(entry.messages, entry.kind, fresh.stale, fresh.usable, fresh.contact),
                                 catalogue)  # fmt: skip
    if is_covered(state.alarms, records_of(web, entry.topic), fresh.usable):
        state = state._replace(priority="normal")
    since_ms = state.since_ms
    if state.priority != "normal":
        since_ms = web.recent.note_priority(entry.id, state.priority, since_ms, web.now_ms())
    return Derived(state.priority, state.shown(since_ms))


def shown_of(web: Web, entry: Entry, catalogue: Catalogue) -> Shown:
    """The newest values of a motor."""
    return Shown(entry.messages.get("telemetry", {}), _withheld(freshness(web, entry)), catalogue)


def power_w_of(telemetry: dict[str, Any]) -> float | None:
    """The usable input power of a row, W."""
    for metric, scale in POWER_METRICS:
        number = telemetry.get("v", {}).get(metric)
        if isinstance(number, int | float) and not values.bad_flags(telemetry, metric):
            return scale * number
    return None


class Shown(NamedTuple):
    """The values of a row of telemetry; withheld: why all of them are unknown."""

    telemetry: dict[str, Any]
    withheld: values.Absence | None
    catalogue: Catalogue

    def value(self, metric: str, scale: float = 1.0) -> PageValue:
        if self.withheld is not None:
            return values.unknown(self.withheld, self.catalogue)
        return values.value_of(self.telemetry, metric, self.catalogue, scale)

    def power(self) -> PageValue:
        first = self.value(*POWER_METRICS[0])
        others = (self.value(*each) for each in POWER_METRICS[1:] if first.v is None)
        return next((value for value in others if value.v is not None), first)

    def losses(self) -> PageValue:
        """Of motor and drive together; their U may have the same sign."""
        motor = self.value("motor_losses_w")
        if motor.v is None or "drive_losses_w" not in self.telemetry.get("v", {}):
            return motor
        drive = self.value("drive_losses_w")
        if drive.v is None:
            return drive
        u = None if motor.u is None or drive.u is None else motor.u + drive.u
        return PageValue(motor.v + drive.v, u, max(motor.q, drive.q), motor.m)


def savings_message(web: Web, entry: Entry) -> dict[str, Any]:
    """The newest message `savings`, received or stored; {}: there is none."""
    return web.last_savings.message(entry.topic, entry.messages.get("savings", {}), web.now_ms())


def _withheld(fresh: Freshness) -> values.Absence | None:
    if fresh.age_s is None:
        return values.NOTHING_RECEIVED
    if not fresh.usable:
        return values.NO_CONTACT if not fresh.contact else values.NO_REPLY
    return None


def _saved(web: Web, entry: Entry, fresh: Freshness, catalogue: Catalogue) -> PageValue:
    """Mean saved power of the last interval of 15 min."""
    message = savings_message(web, entry)
    state = entry.messages.get("state", {}).get("state")
    if state == "maintenance":
        return values.unknown(values.MAINTENANCE, catalogue)
    if entry.kind == "meter":
        return values.unknown(values.NO_BASELINE, catalogue)
    if not fresh.usable or state == "offline":
        return values.unknown(values.NOT_CLAIMED, catalogue)
    if absence := web.last_savings.absence(entry.topic, message):
        return values.unknown(absence, catalogue)
    if web.now_ms() - message.get("t", 0) > AGE_MS_MAX:
        return values.unknown(values.SAVING_OLD, catalogue)
    found = values.value_of(message, "interval_saved_wh", catalogue, 4.0)
    return values.unknown(values.NOT_COMPARED, catalogue) if found.v is None else found


def _rating(entry: Entry, catalogue: Catalogue) -> str:
    kind = catalogue.translate(KINDS.get(entry.kind, ""))
    meta = entry.messages.get("meta", {}).get("motor", {})
    kw = entry.asset.motor.kw if entry.asset and entry.asset.motor else meta.get("rated_power_kw")
    if not isinstance(kw, int | float):
        return kind
    return f"{kw:g} kW · {kind}" if kind else f"{kw:g} kW"


async def _motors(request: Request) -> Response:
    web, catalogue = web_of(request), catalogue_of(request)
    rows = [row_of(web, entry, catalogue) for entry in entries(web)]
    return csv_response(rows, "motors") if wants_csv(request) else json_response(request, MotorRows(rows))


routes = [Route("/api/v1/motors", _motors)]
