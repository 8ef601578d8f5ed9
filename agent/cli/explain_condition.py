"""The condition of a motor as text for an engineer: findings with advice, what is clear, what cannot be seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agent.analysis.condition.faults import FAULTS, clear_title
from agent.analysis.condition.message import unseen_by_reason
from agent.cli.condition_words import CONDITIONS, CONFIDENCES, SEVERITIES
from agent.cli.watch_alarms import own
from agent.core.text import _, text_of_object
from agent.core.units import unit_sign

LIVE_TERMINALS = "live_terminals"  # that there is no voltage is never reported
Fault = Mapping[str, Any]


def condition_text(body: Mapping[str, Any], current: bool) -> str:
    """The section on the condition. current: the agent and the devices of the motor are online."""
    return "\n".join(_lines(body, current))


def _lines(body: Mapping[str, Any], current: bool) -> Iterator[str]:
    word = str(body.get("condition"))
    word = "unknown" if word not in CONDITIONS or (word == "healthy" and not current) else word
    yield _("Condition: {condition:word}", condition=CONDITIONS[word])
    faults = body.get("faults") or {}
    ordered = [*(code for code in FAULTS if code in faults), *(code for code in faults if code not in FAULTS)]
    for code in ordered:
        if faults[code].get("verdict") == "finding":
            yield from _finding(code, faults[code])
    clear = tuple(
        clear_title(code) if code in FAULTS else _title(code, faults[code])
        for code in ordered
        if faults[code].get("verdict") == "clear" and code != LIVE_TERMINALS
    )
    if clear:
        yield "  " + _("clear: {faults}", faults=_("; ").join(clear))
    for reason, codes in unseen_by_reason({code: faults[code] for code in ordered}):
        titles = tuple(_title(code, faults[code]) for code in codes)
        yield "  " + _("not observable: {faults}", faults=_("; ").join(titles))
        yield "    " + text_of_object(reason)


def _finding(code: str, fault: Fault) -> Iterator[str]:
    known = {"severity": SEVERITIES, "confidence": CONFIDENCES}
    words = [_(names[fault[key]]) for key, names in known.items() if fault.get(key) in names]
    yield "  " + _("found: {fault} ({words})", fault=_title(code, fault), words=_(", ").join(words))
    parts = [_index(fault), text_of_object(fault["why"]) if fault.get("why") else ""]
    yield from (f"    {part}" for part in parts if part)
    for number, step in enumerate(fault.get("advice") or (), 1):
        yield f"    {number}. {own(str(step))}"


def _index(fault: Fault) -> str:
    """The index with its uncertainty, limit and trend; empty: there is none."""
    if fault.get("index") is None:
        return ""
    unit = unit_sign(fault.get("unit"))
    value = f"{fault['index']:.4g}" + (f" ± {fault['u95']:.2g}" if fault.get("u95") is not None else "")
    parts = [f"{value} {unit}".strip()]
    if fault.get("limit") is not None:
        parts.append(_("limit {limit:g}", limit=fault["limit"]))
    if trend := fault.get("trend"):
        parts.append(
            _("{change:+.2g} {unit} in 30 d", change=trend["per_30d"], unit=unit_sign(trend.get("unit")) or unit)
        )
    return _(", ").join(parts)


def _title(code: str, fault: Fault) -> str:
    return _(FAULTS[code].title) if code in FAULTS else own(str(fault.get("title") or code))
