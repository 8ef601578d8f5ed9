"""The records of alarms that the agents publish, in the language of the reader."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agent.core.text import N_, Catalogue, text_of_object
from agent.core.units import unit_sign
from agent.web.alarms.finding import ALARMS, STATES, AlarmView, Finding
from agent.web.base.context import Web
from agent.web.http.times import rfc3339

CALM = "NORM"
Records = Mapping[str, Mapping[str, Any]]  # last level of the topic (code or code-part) → record
_SUPPRESSED_BY = {
    "motor_off": N_("motor off"), "start": N_("the motor starts"), "cause": N_("consequence of another alarm"),
    "maintenance": N_("maintenance"),
}  # fmt: skip


def records_of(web: Web, topic: str) -> Records:
    """topic: of a motor or a gateway. Records of another version, whose state is not known, are left out."""
    found = web.follower.alarms.get(topic, {})
    return {code: record for code, record in found.items() if record.get("state") in STATES}


def alarm_findings(
    web: Web, topic: str, motor: str | None, name: str, catalogue: Catalogue, calm: bool = False
) -> list[Finding]:
    """The alarms of a motor, or of a gateway (motor None), that are not normal; calm: also those."""
    found = records_of(web, topic)
    return [
        _finding(record, found, motor, name, catalogue)
        for record in found.values() if calm or record["state"] != CALM
    ]  # fmt: skip


def codes_of(records: Records, calm: bool = True) -> set[str]:
    """The codes of records; calm: also of those that are normal."""
    return {str(record.get("code")) for record in records.values() if calm or record["state"] != CALM}


def gateway_topics(web: Web) -> list[str]:
    """The gateways whose topics have alarms, apart from those of motors."""
    known = {*web.follower.gateways.copy(), *web.follower.gateway_messages.copy()}
    return sorted(topic for topic in web.follower.alarms.copy() if topic in known)


def _finding(
    record: Mapping[str, Any], others: Records, motor: str | None, name: str, catalogue: Catalogue
) -> Finding:  # fmt: skip
    priority, code, why = record.get("priority"), str(record.get("code") or ""), record.get("why")
    return Finding(
        motor, name, priority if priority in ALARMS else "low", code, time_or_none(record.get("since_ms")),
        translated(record.get("title") or code, catalogue),
        text_of_object(why, catalogue) if isinstance(why, dict) else "",
        texts(record.get("advice"), catalogue), _view(record, others, catalogue),
    )  # fmt: skip


def _view(record: Mapping[str, Any], others: Records, catalogue: Catalogue) -> AlarmView:
    active, by, assets = record.get("active"), str(record.get("suppressed_by") or ""), record.get("assets")
    return AlarmView(
        state=record["state"], part=str(record.get("part") or ""), seq=_whole(record.get("seq")) or 0,
        active=active if isinstance(active, bool) else None, raised=time_or_none(record.get("raised_ms")),
        value=number(record.get("value")), unit=unit_of(record), limit=number(record.get("limit")),
        u95=number(record.get("u95")), confidence=str(record.get("confidence") or ""),
        consequence=translated(record.get("consequence") or "", catalogue),
        time_to_respond_min=number(record.get("time_to_respond_min")),
        acked_by=text_or_none(record.get("acked_by")), acked=time_or_none(record.get("acked_ms")),
        shelved_until=time_or_none(record.get("shelved_until_ms")), shelved_by=text_or_none(record.get("shelved_by")),
        shelved_why=text_or_none(record.get("shelved_why")),
        suppressed_by=catalogue.translate(_SUPPRESSED_BY[by]) if by in _SUPPRESSED_BY else by,
        caused_by=_cause(record.get("caused_by"), others, catalogue),
        consequences=_whole(record.get("consequences")) or 0,
        assets=[str(asset) for asset in assets] if isinstance(assets, list) else [],
        count_24h=_whole(record.get("count_24h")), quality=str(record.get("quality") or "good"),
        shelvable=record.get("priority") != "safety",
    )  # fmt: skip


def _cause(cause: Any, others: Records, catalogue: Catalogue) -> str:
    """The title of the alarm with this code; of one of another asset the code."""
    if not isinstance(cause, str):
        return ""
    return translated(next((other["title"] for other in others.values() if other.get("code") == cause), cause),
                      catalogue)  # fmt: skip


def translated(text: Any, catalogue: Catalogue) -> str:
    """A text of the agent, of whose version this page may not be: then it stays English."""
    return (catalogue.known(str(text)) or str(text)) if text else ""


def texts(found: Any, catalogue: Catalogue) -> list[str]:
    return [translated(text, catalogue) for text in found] if isinstance(found, Iterable) else []


def unit_of(record: Mapping[str, Any]) -> str:
    """The unit of an index as it is shown."""
    return unit_sign(str(record.get("unit") or ""))


def number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def time_or_none(utc_ms: Any) -> str | None:
    return rfc3339(utc_ms) if isinstance(utc_ms, int) and utc_ms else None
