"""GET /health: is the gateway itself well? What is wrong in words first, then the figures of the message `health`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent import VERSION
from agent.config.certificate_conditions import certificate_conditions
from agent.config.schema import FINDING
from agent.core.local_time import local_datetime
from agent.core.metrics import by_name
from agent.core.row_names import row_name
from agent.core.text import N_, Catalogue
from agent.delivery.followed_messages import HealthSince
from agent.delivery.store import default_directory
from agent.web.base.context import Web, catalogue_of, web_of
from agent.web.gateway import health_reasons as codes
from agent.web.gateway.configuration import in_force
from agent.web.gateway.health_findings import AGENT, BROKER, CONFIGURATION, HealthFinding, Number, findings
from agent.web.http.json_response import json_response
from agent.web.http.times import rfc3339
from drivers.reasons import Reason

PRIORITIES = ("high", "medium", "low", "unknown")
OLD_S = 180.0  # three messages are missing
_BUS = re.compile(r"bus_(.+)_polls")
# Parts of the view: title, and figures with name, unit, factor and decimals
GROUPS: tuple[tuple[str, tuple[tuple[str, str, str, float, int], ...]], ...] = (
    (N_("Clock"), (
        ("clock_synchronized", N_("synchronized"), "?", 1, 0), ("clock_steps", N_("steps of the clock"), "", 1, 0),
        ("event_loop_lag_p99_ms", N_("delay of polls, 99 %"), "ms", 1, 1),
        ("event_loop_lag_max_ms", N_("delay of polls, longest"), "ms", 1, 1),
    )),
    (N_("Broker and store"), (
        ("rows_published", N_("rows confirmed"), "", 1, 0), ("spool_rows", N_("rows that wait"), "", 1, 0),
        ("rows_in_memory", N_("rows in memory only"), "", 1, 0), ("rows_dropped", N_("rows dropped"), "", 1, 0),
        ("spool_mb", N_("state file"), "MB", 1, 1), ("spool_used_pct", N_("of its quota"), "%", 1, 1),
        ("spool_hours_left", N_("until it is full"), "h", 1, 0),
        ("mqtt_connects", N_("connections to the broker"), "", 1, 0),
        ("certificate_days", N_("certificate valid for"), "d", 1, 0),
        ("ledger_signed", N_("ledger signed with a public key"), "?", 1, 0),
    )),
    (N_("Computer"), (
        ("disk_free_mb", N_("free disk space"), "GB", 0.001, 1), ("memory_mb", N_("memory of the agent"), "MB", 1, 0),
        ("cpu_pct", N_("processor, 100 % is one core"), "%", 1, 1),
        ("uptime_s", N_("agent runs for"), "h", 1 / 3600, 1),
    )),
    (N_("Acquisition"), (
        ("polls", N_("polls with values"), "", 1, 0), ("polls_failed", N_("polls that failed"), "", 1, 0),
        ("readings_dropped", N_("readings dropped"), "", 1, 0), ("processing_errors", N_("internal errors"), "", 1, 0),
        ("registers_disabled", N_("registers not confirmed"), "", 1, 0),
        ("topics_silent", N_("signals without a value"), "", 1, 0),
        ("waveform_samples_lost", N_("waveform samples lost"), "", 1, 0),
        ("waveforms_waiting", N_("waveforms that wait for the kernels"), "", 1, 0),
        ("waveform_frames_corrupt", N_("waveform frames corrupt"), "", 1, 0),
        ("waveform_drift_ppm", N_("clock of the waveform device"), "ppm", 1, 0),
        ("motors_in_maintenance", N_("motors in maintenance"), "", 1, 0),
        ("config_reloads", N_("configuration changes applied"), "", 1, 0),
        ("config_reloads_rejected", N_("configuration changes rejected"), "", 1, 0),
    )),
)  # fmt: skip
OF_BUS = ("polls", "polls_failed", "late_responses", "corrupt_responses", "offline", "utilization_pct")


async def _health(request: Request) -> Response:
    return json_response(request, answer(web_of(request), catalogue_of(request)))


routes = [Route("/api/v1/health", _health)]


def answer(web: Web, _: Catalogue) -> dict[str, Any]:
    root = _root(web)
    messages = web.follower.gateway_messages.get(root, {})
    health, info = messages.get("health", {}), messages.get("info", {})
    values, now_ms = _numbers(health.get("v")), web.now_ms()
    t_ms = health["t"] if isinstance(health.get("t"), int) else None
    age_s = None if t_ms is None else max(0.0, (now_ms - t_ms) / 1000)
    buses = sorted(match[1] for name in values if (match := _BUS.fullmatch(name)))
    directory = web.config.state_dir if web.config else None
    own = findings(values, buses, str(directory or default_directory()))
    found = sorted([*_of_contact(web, root, age_s), *_of_configuration(web), *own],
                   key=lambda item: PRIORITIES.index(item.priority))  # fmt: skip
    since = web.follower.health_since.get(root, HealthSince())
    return {
        "t": rfc3339(now_ms), "gateway": root.rpartition("/")[2], "online": web.follower.gateways.get(root),
        "message": {"t": None if t_ms is None else rfc3339(t_ms), "age_s": age_s,
                    "stale": age_s is None or age_s > OLD_S},
        "findings": [_finding(item, since, _) for item in found],
        "examined": _.reason(codes.NO_FINDING(n=len(values))) if values and not found else None,
        "buses": [_bus(values, name) for name in buses],
        "response_times": {"code": "not_published", "text": _("not published"),
                           "long": _.reason(codes.RESPONSE_TIMES_UNKNOWN())},
        "groups": [_group(title, figures, values, _) for title, figures in GROUPS],
        "versions": _versions(info, _),
    }  # fmt: skip


def _root(web: Web) -> str:
    """Topic of the gateway: of the configuration, otherwise the first one that was received."""
    if web.config is not None:
        return web.config.site.root
    return min({*web.follower.gateway_messages.copy(), *web.follower.gateways.copy()}, default="")


def _numbers(values: Any) -> dict[str, Number]:
    items: Mapping[str, Any] = values if isinstance(values, dict) else {}
    return {
        name: value for name, value in items.items() if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _of_contact(web: Web, root: str, age_s: float | None) -> Iterable[HealthFinding]:
    if web.follower.interrupted or web.follower.error is not None:
        yield HealthFinding("high", BROKER, codes.CONTACT_MISSING())
    elif web.follower.gateways.get(root) == "offline":
        yield HealthFinding("high", AGENT, codes.AGENT_OFFLINE())
    elif age_s is None:
        yield HealthFinding("unknown", AGENT, codes.NO_MESSAGE())
    elif age_s > OLD_S:
        yield HealthFinding("high", AGENT, codes.MESSAGE_OLD(age_s=age_s))


def _of_configuration(web: Web) -> Iterable[HealthFinding]:
    if web.config is not None and (used := in_force(web, web.config)) is not None and used != web.config.hash:
        yield HealthFinding("medium", CONFIGURATION, codes.CONFIG_NOT_USED())
    if web.config is not None:
        today = local_datetime(web.now_ms(), web.config.site.timezone).date()
        for level, key, reason in certificate_conditions(web.config, today):
            priority = "medium" if level == FINDING else "low"
            yield HealthFinding(priority, CONFIGURATION, codes.CALIBRATION(key=key, cause=reason))


def _finding(item: HealthFinding, since: HealthSince, _: Catalogue) -> dict[str, Any]:
    """since: time of the first message in which the figure was as it is now; at_least: it was so in the first one.
    counts: the figure is a counter, so that `since` is its last increase.
    """
    changed_ms = since.changed_ms.get(item.figure or "")
    counts = bool(item.figure) and by_name("health")[row_name(item.figure or "")].kind == "counter"
    return {
        "priority": item.priority, "code": str.__str__(item.reason.code), "where": _(item.where), "bus": item.bus,
        "text": _.reason(item.reason), "since": None if changed_ms is None else rfc3339(changed_ms),
        "counts": counts, "at_least": changed_ms is not None and changed_ms == since.first_ms,
    }  # fmt: skip


def _bus(values: Mapping[str, Number], name: str) -> dict[str, Any]:
    return {"name": name} | {figure: values.get(f"bus_{name}_{figure}") for figure in OF_BUS}


def _group(
    title: str, figures: Iterable[tuple[str, str, str, float, int]], values: Mapping[str, Number], _: Catalogue
) -> dict[str, Any]:
    """Figures that the agent does not publish are left out: their part does not run."""
    rows: list[dict[str, Any]] = []
    for name, label, unit, factor, decimals in figures:
        if (value := values.get(name)) is None:
            continue
        if unit == "?":
            rows.append({"label": _(label), "text": _("yes") if value else _("no")})
        else:
            rows.append({"label": _(label), "value": value * factor, "decimals": decimals, "unit": unit})
    return {"title": _(title), "rows": rows}


def _versions(info: Mapping[str, Any], _: Catalogue) -> list[dict[str, Any]]:
    unknown: Reason | None = None if info else codes.NO_MESSAGE()
    rows = [
        (_("agent"), info.get("version")), (_("page"), VERSION), (_("configuration in force"), info.get("config")),
        (_("start number"), info.get("boot")),
    ]  # fmt: skip
    why = _.reason(unknown) if unknown else _("not stated")
    return [{"label": label, "text": "—" if value is None else str(value), "why": why if value is None else None}
            for label, value in rows]  # fmt: skip
