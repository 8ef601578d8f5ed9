"""What an operator decides about an alarm, as rows of the operator file: the only thing that the page writes.

Only after a login. The agent reads the file and publishes the alarm again; nothing is written to a device.
"""

from __future__ import annotations

import logging
from typing import Literal

import msgspec
from anyio.to_thread import run_sync
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.alarms.manager import SHELVE_MAX_S
from agent.alarms.messages import identity
from agent.alarms.model import AlarmKey
from agent.alarms.operator_log import OperatorLog, OperatorLogError
from agent.delivery.store import default_directory
from agent.web.alarms.records import records_of
from agent.web.base.context import Web, catalogue_of, web_of
from agent.web.base.motors import entries
from agent.web.http.json_response import json_response
from agent.web.http.login import Login, address_of_client
from agent.web.http.problem import problem
from agent.web.http.request_body import read_body
from drivers.reasons import Code, CodedError

log = logging.getLogger("magwatt.web")
PATH = "/api/v1/alarms/actions"
MINUTES_MAX, REASON_CHARS_MAX = round(SHELVE_MAX_S / 60), 200
PAGE = "page"  # name of an operator who gave none
_STATES = {"ack": ("UNACK", "RTNUN"), "shelve": ("UNACK", "RTNUN", "ACKED"), "unshelve": ("SHLVD",)}

LOGIN_NEEDED = Code(
    "page_alarm_login_needed",
    "alarms are acknowledged and shelved after a login: set a password with `magwatt web --set-password`, or use "
    "`magwatt alarms` on the gateway",
)
ACTION_INVALID = Code(
    "page_alarm_action_invalid",
    "the request is not an object with action (ack, shelve, unshelve), code, and for shelving minutes (1 to {n_max:d}) "
    "and reason",
)
ALARM_UNKNOWN = Code("page_alarm_unknown", "this gateway has no such alarm; those of other gateways are decided there")
ALARM_CHANGED = Code("page_alarm_changed", "the state of the alarm has changed meanwhile")
NOT_SHELVABLE = Code(
    "page_alarm_not_shelvable", "the alarm protects people and cannot be shelved; use `magwatt maintenance`"
)


class Decision(Struct, forbid_unknown_fields=True):
    """motor: None: the gateway or the plant. seq: of the record that the operator saw. minutes, reason: of shelving."""

    action: Literal["ack", "shelve", "unshelve"]
    code: str
    motor: str | None = None
    part: str = ""
    seq: int = 0
    minutes: int = 0
    reason: str = ""


class Entered(Struct):
    """number: of the row in the operator file."""

    number: int


class RefusedError(CodedError):
    """The decision cannot be entered. status: of the response."""

    def __init__(self, status: int, code: Code) -> None:
        super().__init__(code)
        self.status = status


def enter(web: Web, decision: Decision, by: str) -> int:
    """Number of the row. Raises RefusedError, OperatorLogError. Blocks while the file is locked."""
    key = _key(web, decision)
    record = next((found for name, found in records_of(web, _topic(web, key.asset)).items() if name == key.name), None)
    if record is None or web.config is None:
        raise RefusedError(404, ALARM_UNKNOWN)
    if record["state"] not in _STATES[decision.action] or (decision.seq and decision.seq != record.get("seq")):
        raise RefusedError(409, ALARM_CHANGED)
    operators = OperatorLog(web.config.state_dir or default_directory())
    now_ms, reason = web.now_ms(), " ".join(decision.reason.split())
    if decision.action == "ack":
        return operators.acknowledge(key, now_ms, by, int(record.get("seq") or 0), reason)
    if decision.action == "unshelve":
        return operators.unshelve(key, now_ms, by, reason)
    definition = web.config.alarms.definition(key.asset or None, key.code)
    if definition is None or not definition.can_be_shelved or record.get("priority") == "safety":
        raise RefusedError(409, NOT_SHELVABLE)
    return operators.shelve(key, now_ms, now_ms + 60_000 * decision.minutes, by, reason)


def parsed(body: bytes) -> Decision | None:
    """None: it is not a decision."""
    try:
        found = msgspec.json.decode(body, type=Decision)
    except msgspec.DecodeError:
        return None
    shelved = 1 <= found.minutes <= MINUTES_MAX and bool(found.reason.strip())
    long = len(found.reason) > REASON_CHARS_MAX or not found.reason.isprintable()
    return None if long or (found.action == "shelve" and not shelved) else found


def _key(web: Web, decision: Decision) -> AlarmKey:
    """Of an alarm of the agent whose state directory this page can reach."""
    if decision.motor is None:
        return AlarmKey("", decision.code, decision.part)
    entry = next((entry for entry in entries(web) if entry.id == decision.motor), None)
    if entry is None or entry.asset is None:
        raise RefusedError(404, ALARM_UNKNOWN)
    return AlarmKey(entry.asset.name, decision.code, decision.part)


def _topic(web: Web, asset: str) -> str:
    root = web.config.site.root if web.config else ""
    return f"{root}/{asset}" if asset else root


async def _decide(request: Request) -> Response:
    web, catalogue = web_of(request), catalogue_of(request)
    login: Login | None = request.app.state.login
    if login is None or not login.known(request):
        return problem(request, 403, catalogue.reason(LOGIN_NEEDED()))
    body = await read_body(request)
    if body is None:
        return problem(request, 413)
    if (decision := parsed(body)) is None or not _is_json(request):
        return problem(request, 400, catalogue.reason(ACTION_INVALID(n_max=MINUTES_MAX)))
    by = login.name_of(request) or PAGE
    try:
        number = await run_sync(enter, web, decision, by)
    except RefusedError as refused:
        return problem(request, refused.status, catalogue.reason(refused.reason))
    except OperatorLogError as error:
        log.warning("an action on an alarm was not entered: %s", error)
        return problem(request, 500, catalogue.reason(error.reason))
    name = identity(AlarmKey(decision.motor or "", decision.code, decision.part))
    log.info("%s of %s by %s from %s", decision.action, name, by, address_of_client(request))
    return json_response(request, Entered(number))


def _is_json(request: Request) -> bool:
    """A form of another site cannot send this type without a permission that the page never gives."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


routes = [Route(PATH, _decide, methods=["POST"])]
