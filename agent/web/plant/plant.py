"""The plant at one glance: verdict, saving now, motors, where the power goes; and the saving of the month."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from anyio.to_thread import run_sync
from msgspec import UNSET, Struct, UnsetType
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent import VERSION
from agent.core.text import N_, Catalogue
from agent.web.alarms.finding import Finding
from agent.web.base import values
from agent.web.base.context import Web, catalogue_of, web_of
from agent.web.base.motors import Entry, entries
from agent.web.base.reasons import GATEWAY_OFFLINE
from agent.web.base.recent import Spark
from agent.web.base.state_file import StateFileError
from agent.web.base.values import PageValue
from agent.web.history.history import last_hours
from agent.web.http.json_response import json_response
from agent.web.http.times import milliseconds, rfc3339
from agent.web.plant.findings import alarms, findings
from agent.web.plant.flow import Flow, flow_of
from agent.web.plant.motor_rows import MotorRow, row_of
from agent.web.savings.savings import month_summary
from drivers.reasons import Reason

NAMED_MAX = 2
STORED_S = 60  # the state file is asked at most once in this time


class SiteInfo(Struct):
    id: str
    name: str
    gateway: str


class Problem(Struct):
    code: str
    text: str


class Contact(Struct):
    """source: broker | socket; None: no live source. problem: why it is not connected, or cannot reach the agent."""

    source: str | None
    connected: bool
    problem: Problem | None = None


class Verdict(Struct):
    """Numbers of alarms and motors.

    unacknowledged: alarms that need action. acknowledged: of those, whose condition still holds.
    worst, longest_s, badges: highest priority, age of the oldest, and priority of each alarm that needs action.
    returned: not acknowledged, but the condition no longer holds. shelved: by an operator.
    suppressed: by design, as a consequence of another alarm, or out of service.
    acknowledged_text: names the acknowledged ones.
    """

    unacknowledged: int
    acknowledged: int
    worst: str | None
    motors: int
    reporting: int
    in_maintenance: int
    longest_s: float | None
    acknowledged_text: str
    badges: list[str]
    returned: int = 0
    shelved: int = 0
    suppressed: int = 0


class SavedNow(PageValue):
    """A sum over motors. motors: that are in it. of: all."""

    motors: int = 0
    of: int = 0


class LiveEvent(Struct):
    """The content of an event of the stream.

    flow: at most once a second: it is as long as all rows together.
    motors: those that changed. ids: of all motors, in order, where it changed. findings: all, where one changed.
    """

    t: str | None
    contact: Contact
    gateway: str | None
    verdict: Verdict
    saved_now_w: SavedNow
    flow: Flow | UnsetType
    motors: list[MotorRow]
    findings: list[Finding] | UnsetType = UNSET
    ids: list[str] | None = None


class Plant(Struct):
    t: str | None
    site: SiteInfo
    simulated: bool
    time_zone: str
    version: str
    contact: Contact
    gateway: str | None
    verdict: Verdict
    saved_now_w: SavedNow
    motors: list[MotorRow]
    findings: list[Finding]
    flow: Flow
    sparks: dict[str, Spark]


def plant_of(web: Web, catalogue: Catalogue) -> Plant:
    found = entries(web)
    rows = [row_of(web, entry, catalogue) for entry in found]
    flow = flow_of(web, found, rows, catalogue)
    live = live_of(web, catalogue, rows, flow, findings(web, found, rows, catalogue))
    assert live.findings is not UNSET
    sparks = {entry.id: web.recent.spark(entry.topic, web.now_ms()) for entry in found}
    return Plant(
        live.t, site_of(web), simulated(web, found), web.zone, VERSION, live.contact, live.gateway,
        live.verdict, live.saved_now_w, rows, live.findings, flow, sparks,
    )  # fmt: skip


def live_of(
    web: Web, catalogue: Catalogue, rows: list[MotorRow], flow: Flow | UnsetType, listed: list[Finding]
) -> LiveEvent:
    """The sums over all rows, and the verdict on them. listed: the findings of these rows."""
    return LiveEvent(
        rfc3339(web.now_ms()), contact_of(web, catalogue), gateway_of(web), verdict_of(web, rows, listed, catalogue),
        saved_now(rows, catalogue), flow, rows, listed,
    )  # fmt: skip


def contact_of(web: Web, catalogue: Catalogue) -> Contact:
    problem = web.problem()
    connected = problem is None
    if connected and gateway_of(web) == "offline":
        problem = GATEWAY_OFFLINE(gateway=site_of(web).gateway)
    return Contact(web.source, connected, _shown(problem, catalogue))


def _shown(problem: Reason | None, catalogue: Catalogue) -> Problem | None:
    return None if problem is None else Problem(str.__str__(problem.code), catalogue.reason(problem))


def gateway_of(web: Web) -> str | None:
    """online | offline; None: unknown. With several gateways offline as soon as one is."""
    known = set(web.follower.gateways.copy().values())
    return "offline" if "offline" in known else "online" if "online" in known else None


def site_of(web: Web) -> SiteInfo:
    if web.config is not None:
        return SiteInfo(web.config.site.id, web.config.site.id, web.config.site.gateway)
    for messages in web.follower.gateway_messages.copy().values():
        info = messages.get("info", {})
        return SiteInfo(str(info.get("site", "")), str(info.get("site", "")), str(info.get("gateway", "")))
    return SiteInfo("", "", "")


def simulated(web: Web, found: Sequence[Entry]) -> bool:
    """Whether any value comes from a software plant."""
    if web.config is not None and web.config.site.simulated:
        return True
    if any(messages.get("info", {}).get("simulated") for messages in web.follower.gateway_messages.copy().values()):
        return True
    return any("SIMULATED" in entry.messages.get("telemetry", {}).get("f", {}).get("*", ()) for entry in found)


def verdict_of(web: Web, rows: Sequence[MotorRow], listed: Sequence[Finding], catalogue: Catalogue) -> Verdict:
    """listed: the findings of these rows and of the gateway."""
    found = alarms(listed)
    counted = [item for item in found if item.state == "UNACK"]
    states = Counter(item.state for item in found)
    motors = [row for row in rows if row.kind != "meter"]
    since_ms = [milliseconds(item.since) for item in counted if item.since]
    longest_s = max(0.0, (web.now_ms() - min(since_ms)) / 1000) if since_ms else None
    return Verdict(
        len(counted), states["ACKED"], counted[0].priority if counted else None, len(motors),
        sum(not row.stale and row.state.word not in ("no_reply", "unknown") for row in motors),
        sum(row.priority == "maintenance" for row in motors), longest_s, _acknowledged(found, catalogue),
        [item.priority for item in counted], states["RTNUN"], states["SHLVD"], states["DSUPR"] + states["OOSRV"],
    )  # fmt: skip


def _acknowledged(found: Sequence[Finding], catalogue: Catalogue) -> str:
    """The acknowledged alarms in words; of many only how many."""
    names = [f"{item.name}: {item.text}" for item in found if item.state == "ACKED"]
    if not names:
        return ""
    if len(names) > NAMED_MAX:
        return catalogue(N_("{n:d} acknowledged {n:alarm|alarms}"), n=len(names))
    return catalogue(N_("acknowledged: {alarms}"), alarms=catalogue.translate("; ").join(names))


def saved_now(rows: Sequence[MotorRow], catalogue: Catalogue) -> SavedNow:
    """The sum of the motors whose saving is known. Uncertainties are added linearly, as in the report."""
    motors = [row for row in rows if row.kind != "meter"]
    known = [row.saved_w for row in motors if row.saved_w.v is not None]
    if not known:
        why = motors[0].saved_w.why if motors else values.NOTHING_RECEIVED.why(catalogue)
        return SavedNow(None, q="bad", why=why, motors=0, of=len(motors))
    u = [item.u for item in known if item.u is not None]
    quality = "uncertain" if any(item.q == "uncertain" for item in known) else "good"
    u_sum = sum(u) if len(u) == len(known) else None
    return SavedNow(sum(item.v or 0.0 for item in known), u_sum, quality, motors=len(known), of=len(motors))


async def plant_now(web: Web, catalogue: Catalogue) -> Plant:
    """The plant, its hour of power completed from the state file."""
    if web.config is not None and web.now_ms() - web.recent.stored_ms > STORED_S * 1000:
        root, names = web.config.site.root, [asset.name for asset in web.assets]
        web.recent.stored_ms = web.now_ms()  # not again by a request that comes meanwhile
        with suppress(StateFileError):
            found = await run_sync(last_hours, web, names)
            web.recent.use_stored({f"{root}/{name}": spark for name, spark in found.items()}, web.now_ms())
    return plant_of(web, catalogue)


async def _plant(request: Request) -> Response:
    return json_response(request, await plant_now(web_of(request), catalogue_of(request)))


async def _month(request: Request) -> Response:
    return json_response(request, await month_summary(web_of(request), catalogue_of(request)))


routes = [Route("/api/v1/plant", _plant), Route("/api/v1/plant/month", _month)]
