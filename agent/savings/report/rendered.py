"""The report of a month as texts, formatted figures and pictures, in each language: for the local page.

The functions are those of the HTML report, so that both show the same to the last digit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agent.core.local_time import format_minute, zone_of
from agent.core.text import LANGUAGES, Catalogue
from agent.savings.report.html.page import Cover, motor_texts, overview_texts
from agent.savings.report.html.summary import Headline
from agent.savings.report.html.templating import standalone_svg
from agent.savings.report.model.ledger_check import LedgerCheck
from agent.savings.report.model.month import ReportMonth

# Of the HTML report, without U95 and coverage
DAY_COLUMNS = (
    "date", "measured, kWh", "compared with the baseline, kWh", "adjusted baseline, kWh", "saving, kWh",
    "cumulative saving, kWh",
)  # fmt: skip


def rendered(months: Sequence[ReportMonth], cover: Cover) -> dict[str, Any]:
    """One object for JSON: the cover, and language ("en", "zh") → `overview` (None for one motor) and `motors`.

    The pictures of a motor are named by `pictures`.
    """
    texts = {}
    for language in LANGUAGES:
        catalogue = Catalogue(language, zone_of(cover.zone))
        texts[language.partition("_")[0]] = {
            "overview": overview_texts(months, catalogue) if len(months) > 1 else None,
            "motors": [_motor(month, catalogue) for month in months],
        }
    return {
        "month": months[0].month if months else "", "site": cover.site, "gateway": cover.gateway, "zone": cover.zone,
        "made": format_minute(cover.made_ms, cover.zone), "made_ms": cover.made_ms, "version": cover.version,
        "config": cover.config_hash, "check": cover.check, "simulated": any(month.simulated for month in months),
        "texts": texts,
    }  # fmt: skip


def pictures(months: Sequence[ReportMonth], cover: Cover) -> dict[str, str]:
    """Name of a file → chart of the report as an SVG file, which contains its own colours."""
    found = {}
    for language in LANGUAGES:
        catalogue = Catalogue(language, zone_of(cover.zone))
        for month in months:
            for number, figure in enumerate(motor_texts(month, catalogue)["figures"]):
                found[_picture_name(month, number, catalogue)] = standalone_svg(str(figure.svg))
    return found


def _motor(month: ReportMonth, _: Catalogue) -> Mapping[str, Any]:
    shown = dict(motor_texts(month, _))
    del shown["month"]
    headline, figures = shown.pop("headline"), shown.pop("figures")
    return shown | {
        "id": month.asset, "title": month.title, "simulated": month.simulated,
        "verdict": month.saving.verdict if month.saving and month.saving.intervals else None,
        "ledger_state": _ledger_state(month.ledger),
        "headline": _headline(headline) if headline else None,
        "tiles": [tile._asdict() for tile in shown["tiles"]],
        "notes": [{"text": text, "setting": setting} for text, setting in shown["notes"]],
        "parts": [{**row, "name": _(row["name"]) if row["name"] else _("total")} for row in shown["parts"]],
        "pictures": [
            {"title": figure.title, "file": _picture_name(month, number, _)} for number, figure in enumerate(figures)
        ],
        "money": [row._asdict() for row in shown["money"]],
        "days_head": [*map(_, DAY_COLUMNS), "U95", _("coverage")],
        "events": [_event(item, _) for item in shown["events"]],
        **{name: [row._asdict() for row in shown[name]] for name in ("meter", "baseline", "ledger")},
    }  # fmt: skip


def _headline(headline: Headline) -> Mapping[str, Any]:
    return headline._asdict() | {"assumptions": [line._asdict() for line in headline.assumptions]}


def _ledger_state(ledger: LedgerCheck) -> str:
    """none: no record; touched: a record is not valid or its energy differs; whole; pending: whole so far."""
    if ledger.result is None:
        return "none"
    if not ledger.intact:
        return "touched"
    return "pending" if ledger.pending else "whole"


def _event(shown: Mapping[str, Any], _: Catalogue) -> Mapping[str, Any]:
    """A non-routine event. decision: text; by: who decided, and when."""
    event = shown["event"]
    if event.decision:
        verdict = " ".join(filter(None, (_(event.decision), shown["adjustment"])))
        decision, by = f"{verdict}{_(': ')}{event.reason}", f"{event.by} {shown['decided']}"
    else:
        decision, by = _("awaits a decision (proposed: {proposal:word})", proposal=event.proposal), ""
    return {
        "number": event.number, "kind": _(event.kind), "start": shown["start"], "end": shown["end"],
        "cause": shown["cause"], "energy": shown["energy"], "decision": decision, "by": by,
    }  # fmt: skip


def _picture_name(month: ReportMonth, number: int, _: Catalogue) -> str:
    return f"{month.asset}-{number + 1}-{_.language.partition('_')[0]}.svg"
