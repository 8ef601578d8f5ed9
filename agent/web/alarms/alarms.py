"""All alarms of the agents, and what an operator decides about them."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.core.text import Catalogue
from agent.web.alarms.finding import Finding, in_order
from agent.web.alarms.records import alarm_findings, gateway_topics
from agent.web.base.context import Web, catalogue_of, web_of
from agent.web.base.motors import entries, name_of
from agent.web.http.csv_export import csv_response, wants_csv
from agent.web.http.json_response import json_response


class GatewaySums(Struct):
    """gateway: its name. sums: counts by priority and state, flood, and figures of the load on the operator."""

    gateway: str
    sums: dict[str, Any]


class Alarms(Struct):
    """alarms: worst first, normal ones last."""

    alarms: list[Finding]
    gateways: list[GatewaySums]


def alarms_of(web: Web, catalogue: Catalogue) -> Alarms:
    found: list[Finding] = []
    for topic in gateway_topics(web):
        found += alarm_findings(web, topic, None, topic.rpartition("/")[2], catalogue, calm=True)
    for entry in entries(web):
        found += alarm_findings(web, entry.topic, entry.id, name_of(entry), catalogue, calm=True)
    return Alarms(in_order(found), _sums(web))


def _sums(web: Web) -> list[GatewaySums]:
    known = sorted(web.follower.gateway_messages.copy().items())
    return [
        GatewaySums(topic.rpartition("/")[2], {key: value for key, value in sums.items() if key != "s"})
        for topic, messages in known if (sums := messages.get("alarms"))
    ]  # fmt: skip


async def _alarms(request: Request) -> Response:
    found = alarms_of(web_of(request), catalogue_of(request))
    return csv_response(found.alarms, "alarms") if wants_csv(request) else json_response(request, found)


routes = [Route("/api/v1/alarms", _alarms)]
