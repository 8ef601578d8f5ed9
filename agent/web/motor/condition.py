"""The condition of one motor: what is wrong, how certain that is, and what cannot be seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.analysis.condition.faults import FAULTS
from agent.analysis.condition.message import unseen_by_reason
from agent.core.text import Catalogue, text_of_object
from agent.web.alarms.records import number, text_or_none, texts, time_or_none, translated, unit_of
from agent.web.base.context import Web, catalogue_of, web_of
from agent.web.base.motors import Entry, find
from agent.web.base.reasons import CONDITION_OUTDATED, CONDITION_UNKNOWN, MOTOR_UNKNOWN
from agent.web.http.json_response import json_response
from agent.web.http.problem import problem
from agent.web.http.times import rfc3339
from agent.web.plant import motor_rows
from agent.web.plant.motor_state import LIVE_TERMINALS

WORDS = ("finding", "healthy", "unknown")
FINDING, CLEAR, NOT_OBSERVABLE = VERDICTS = ("finding", "clear", "not_observable")


class Trend(Struct):
    """Change of an index in 30 days, in `unit`."""

    per_30d: float
    unit: str


class FaultAnswer(Struct):
    """What is known about one fault. None: not known, or it does not apply; times RFC 3339.

    verdict: finding | clear (looked for, and it would have been seen) | not_observable.
    severity: of a finding: note | warning | alarm. confidence: certain | likely | possible.
    index, limit, u95: in `unit`; u95: expanded uncertainty (k = 2).
    since: of the verdict. seen: when it was last looked for.
    why: evidence of a finding, or why the fault is not observable, in a sentence.
    """

    code: str
    title: str
    verdict: str
    severity: str | None
    confidence: str | None
    index: float | None
    unit: str
    limit: float | None
    u95: float | None
    since: str | None
    seen: str | None
    why: str
    advice: list[str]
    trend: Trend | None


class UnseenFaults(Struct):
    """why: a reason why faults are not observable, in a sentence. codes: these faults."""

    why: str
    codes: list[str]


class MotorCondition(Struct):
    """motor: its id. condition: finding | healthy | unknown; healthy only if the agent reports it, and is connected.

    why: why the condition is unknown although the agent reported another one, or none; empty: it is as reported.
    t: time of the report; None: there is none. faults: in the order of the table of faults.
    unseen: those of `faults` that are not observable, by reason.
    baselines: number of learned baselines.
    """

    motor: str
    condition: str
    why: str
    t: str | None
    faults: list[FaultAnswer]
    unseen: list[UnseenFaults]
    baselines: int


def condition_of(web: Web, entry: Entry, catalogue: Catalogue) -> MotorCondition:
    message = entry.messages.get("condition", {})
    word, why = str(message.get("condition")), ""
    if word not in WORDS:
        word, why = "unknown", catalogue.reason(CONDITION_UNKNOWN())
    elif word == "healthy" and not motor_rows.freshness(web, entry).usable_now:
        word, why = "unknown", catalogue.reason(CONDITION_OUTDATED())
    t_ms, baselines, faults = message.get("t"), message.get("baselines"), _faults(message)
    return MotorCondition(
        entry.id, word, why, rfc3339(t_ms) if isinstance(t_ms, int) else None,
        [_answer(code, body, catalogue) for code, body in faults.items()],
        [UnseenFaults(text_of_object(reason, catalogue), codes) for reason, codes in unseen_by_reason(faults)],
        len(baselines) if isinstance(baselines, list) else 0,
    )  # fmt: skip


def _faults(message: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The verdicts of a message in the order of the table of faults; codes of another version follow.

    That terminals are clear of voltage is never reported, whatever a message contains.
    """
    faults = message.get("faults")
    found = {
        code: body for code, body in (faults if isinstance(faults, dict) else {}).items()
        if isinstance(body, dict) and body.get("verdict") in VERDICTS
        and (code, body["verdict"]) != (LIVE_TERMINALS, CLEAR)
    }  # fmt: skip
    ordered = [*(code for code in FAULTS if code in found), *(code for code in found if code not in FAULTS)]
    return {code: found[code] for code in ordered}


def live_detail(web: Web, catalogue: Catalogue, motor_id: str) -> MotorCondition | None:
    """What an event of the stream contains of one motor; None: it vanished."""
    entry = find(web, motor_id)
    return None if entry is None else condition_of(web, entry, catalogue)


def _answer(code: str, body: Mapping[str, Any], catalogue: Catalogue) -> FaultAnswer:
    known = FAULTS.get(code)
    why = body.get("reason") if body["verdict"] == NOT_OBSERVABLE else body.get("why")
    advice = body.get("advice") or (known.advice if known else ())
    return FaultAnswer(
        code=code, title=catalogue(known.title) if known else translated(body.get("title") or code, catalogue),
        verdict=body["verdict"], severity=text_or_none(body.get("severity")),
        confidence=text_or_none(body.get("confidence")), index=number(body.get("index")),
        unit=unit_of(body), limit=number(body.get("limit")),
        u95=number(body.get("u95")), since=time_or_none(body.get("since_ms")), seen=time_or_none(body.get("seen_ms")),
        why=text_of_object(why, catalogue) if isinstance(why, dict) else "",
        advice=texts(advice, catalogue) if body["verdict"] == FINDING else [], trend=_trend(body.get("trend")),
    )  # fmt: skip


def _trend(found: Any) -> Trend | None:
    change = number(found.get("per_30d")) if isinstance(found, dict) else None
    return None if change is None else Trend(change, unit_of(found))


async def _condition(request: Request) -> Response:
    web, catalogue, name = web_of(request), catalogue_of(request), str(request.path_params["id"])
    entry = find(web, name)
    if entry is None:
        return problem(request, 404, catalogue.reason(MOTOR_UNKNOWN(name=name)))
    return json_response(request, condition_of(web, entry, catalogue))


routes = [Route("/api/v1/motors/{id}/condition", _condition)]
