"""The report as one HTML file in all languages, from Jinja2 templates: no script, nothing loaded, printable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup
from msgspec import Struct

from agent.alarms.reasons import PRIORITY_NAMES, STATE_NAMES
from agent.core.local_time import format_minute, zone_of
from agent.core.text import LANGUAGES, Catalogue
from agent.savings.accounting.verdict import UNDECIDED
from agent.savings.records.model import NonRoutineEvent
from agent.savings.records.non_routine_events import adjustments
from agent.savings.report.formatting import grouped, kwh, plus_minus, rounded_to_u, with_u
from agent.savings.report.html import charts, details, summary
from agent.savings.report.html.templating import REPORT, bilingual_page, environment, style_sheet
from agent.savings.report.model import uncertainty
from agent.savings.report.model.alarms_of_month import AlarmOfMonth
from agent.savings.report.model.month import ReportMonth
from agent.savings.settings import setting

PARTS = ("control", "motor", "drive")
BAR = 46.0  # of 100 units, longest bar of a part


class Cover(Struct, frozen=True):
    """Origin of the report.

    zone: time zone of the site.
    made_ms: UTC.
    check: command that verifies the ledger.
    """

    site: str
    gateway: str
    zone: str
    made_ms: int
    version: str
    config_hash: str
    check: str


def page(
    months: Sequence[ReportMonth], cover: Cover, first: str = "en", added: Mapping[str, Markup] | None = None,
    added_style: str = "",
) -> str:  # fmt: skip
    """The page. first: the language that is shown when it is opened, a name that `language_of` knows.

    added: language → what follows at its end; added_style: style sheet of that.
    """
    articles = {}
    for language in LANGUAGES:
        catalogue = Catalogue(language, zone_of(cover.zone))
        text = environment(REPORT).get_template("article.html").render(
            _=catalogue, lang=language.partition("_")[0], cover=cover, made=format_minute(cover.made_ms, cover.zone),
            overview=overview_texts(months, catalogue) if len(months) > 1 else None,
            motors=[motor_texts(month, catalogue) for month in months], sources=details.sources(months, catalogue),
            decided=any(month.saving and month.saving.verdict != UNDECIDED for month in months),
        )  # fmt: skip
        articles[language] = Markup(text) + (added or {}).get(language, "")
    head = months[0] if months else None
    title = head.title if head and len(months) == 1 else cover.site
    return bilingual_page(f"{title} {head.month if head else ''}", articles, first, style_sheet() + added_style)


def motor_texts(month: ReportMonth, _: Catalogue) -> Mapping[str, Any]:
    """What the template of one motor shows; texts and formatted numbers."""
    saving, money = month.saving, month.money
    notes = [*month.notes, *month.hints, *month.caveats]
    if saving and saving.advice:
        notes.append(saving.advice)
    parts, parts_rounded = _parts(month)
    added_wh = adjustments(month.events, (saving.from_ms, saving.to_ms)) if saving else 0.0
    return {
        "month": month,
        "decided": month.undecided is None and (month.ledger.result is None or month.ledger.intact),
        "span": f"{format_minute(month.from_ms, month.zone)} – {format_minute(month.to_ms, month.zone)} ({month.zone})",
        "headline": summary.headline(month, _),
        "largest": uncertainty.largest_text(saving, _) if saving else "",
        "largest_setting": uncertainty.largest_setting(saving) if saving else "",
        "measured": kwh(month.measured_wh) if month.energy_known else "",
        "tiles": summary.tiles(month, _),
        "notes": [(_.reason(note), setting(note, month.asset)) for note in notes],
        "parts": parts,
        "parts_rounded": parts_rounded,
        "losses_missing": uncertainty.losses_missing(month),
        "parts_less_certain": uncertainty.parts_less_certain(saving),
        "creep": kwh(saving.speed_creep_wh) if saving and saving.speed_creep_wh is not None else "",
        "figures": charts.figures(month, _),
        "money_head": details.money_head(month, _),
        "money": details.money_rows(month, _),
        "power_factor": details.power_factor(money.before, money.after, _) if money else "",
        "days": _days(month),
        "added": kwh(added_wh) if added_wh else "",
        "events": [_event(event, month.zone, _) for event in month.events],
        "alarms": [_alarm(item, month.zone, _) for item in month.alarms],
        "meter": details.meter_rows(month, _),
        "baseline": details.baseline_rows(month, _),
        "ledger": details.ledger_rows(month, _),
        "is_hmac": month.ledger.is_hmac,
    }


def _parts(month: ReportMonth) -> tuple[list[Mapping[str, Any]], bool]:
    """The parts of the saving and their sum, empty when they are unknown; whether the rounded numbers that are shown
    add up to another sum."""
    saving = month.saving
    if saving is None or not saving.parts:
        return [], False
    largest = max(abs(part.wh) for part in saving.parts.values()) or 1.0
    rows: list[Mapping[str, Any]] = []
    for name in PARTS:
        part = saving.parts[name]
        width = BAR * abs(part.wh) / largest
        share = f"{grouped(100 * part.wh / saving.adjusted_wh, 1)} %" if saving.adjusted_wh else "–"
        value, u = with_u(part.wh / 1000, part.u95_wh / 1000)
        rows.append({"name": name, "value": value, "u": u, "share": share, "lost": part.wh < 0, "width": f"{width:.1f}",
                     "x": f"{50.0 if part.wh >= 0 else 50.0 - width:.1f}"})  # fmt: skip
    value, u = with_u(saving.saved_wh / 1000, saving.u95_wh / 1000)
    rows.append({"name": "", "value": value, "u": u, "share": f"{grouped(100 * saving.share, 1)} %"})
    shown = sum(rounded_to_u(part.wh / 1000, part.u95_wh / 1000) for part in saving.parts.values())
    total = rounded_to_u(saving.saved_wh / 1000, saving.u95_wh / 1000)
    return rows, abs(shown - total) > 1e-6 * max(1.0, abs(total))


def _days(month: ReportMonth) -> list[list[str]]:
    rows = []
    for day in month.days:
        compared_wh = None if day.adjusted_wh is None or day.saved_wh is None else day.adjusted_wh - day.saved_wh
        so_far = [kwh(day.total_wh), kwh(day.u95_wh)] if day.u95_wh else ["–", "–"]
        rows.append([day.date, kwh(day.measured_wh), kwh(compared_wh), kwh(day.adjusted_wh), kwh(day.saved_wh), *so_far,
                     f"{100 * day.coverage:.0f} %"])  # fmt: skip
    return rows


def _event(event: NonRoutineEvent, zone: str, _: Catalogue) -> Mapping[str, Any]:
    return {
        "event": event,
        "start": format_minute(event.from_ms, zone),
        "end": format_minute(event.to_ms, zone) if event.to_ms is not None else "",
        "cause": _.reason(event.cause),
        "energy": kwh(event.energy_wh) if event.to_ms is not None else "–",  # it is stored at the end
        "decided": format_minute(event.decided_ms, zone) if event.decided_ms else "",
        "adjustment": f"{kwh(event.adjust_wh)} kWh" if event.adjust_wh else "",
    }


def _alarm(item: AlarmOfMonth, zone: str, _: Catalogue) -> Mapping[str, Any]:
    return {
        "title": _(item.title), "priority": _(PRIORITY_NAMES.get(item.priority, item.priority)),
        "announced": str(item.announced), "state": _(STATE_NAMES.get(item.state, item.state)), "open": item.open,
        "last": format_minute(item.last_ms, zone) if item.last_ms is not None else "–",
    }  # fmt: skip


def overview_texts(months: Sequence[ReportMonth], _: Catalogue) -> Mapping[str, Any]:
    """All motors and their sum."""
    with_saving = [month for month in months if month.saving is not None]
    return {
        "site_month": months[0].month,
        "simulated": any(month.simulated for month in months),
        "rows": [_overview_row(month, _) for month in months],
        "sum": _sum(months, _),
        "n": len(with_saving), "of": len(months),
        "decided": all(month.undecided is None for month in with_saving),
    }  # fmt: skip


def _overview_row(month: ReportMonth, _: Catalogue) -> Mapping[str, Any]:
    saving, money = month.saving, month.money
    co2 = f"{summary.scaled(saving, month.factor.kg_per_kwh / 1e6)} t" if saving and month.factor else "–"
    verdict = f"⚠ {_(UNDECIDED)}" if month.undecided else summary.verdict_text(month, _)
    value, u = with_u(saving.saved_wh / 1000, saving.u95_wh / 1000) if saving else ("–", "–")
    cost = summary.cost_text(money, _) if money else "–"
    return {
        "asset": month.asset, "title": month.title, "verdict": verdict,
        "numbers": [value, u, f"{grouped(100 * saving.share, 1)} %" if saving else "–", cost, co2],
    }  # fmt: skip


def _sum(months: Sequence[ReportMonth], _: Catalogue) -> Mapping[str, str]:
    """The sum of all motors. Uncertainties are added linearly: meters of the same class can have the same error."""
    found = [(month, month.saving) for month in months if month.saving is not None]
    if not found:
        return dict.fromkeys(("value", "u", "share", "money", "co2"), "–")
    saved_wh, adjusted_wh = sum(each.saved_wh for _m, each in found), sum(each.adjusted_wh for _m, each in found)
    value, u = with_u(saved_wh / 1000, sum(each.u95_wh for _m, each in found) / 1000)
    money = co2 = "–"
    if priced := [month.money for month in months if month.money is not None]:
        cost = plus_minus(sum(each.saved for each in priced), sum(each.u95 for each in priced))
        money = f"{cost} {summary.currency(priced[0].currency, _)}"
    if scaled := [(each, month.factor.kg_per_kwh / 1e6) for month, each in found if month.factor]:
        tonnes = plus_minus(
            sum(each.saved_wh * kg for each, kg in scaled), sum(each.u95_wh * kg for each, kg in scaled)
        )
        co2 = f"{tonnes} t"
    share = f"{grouped(100 * saved_wh / adjusted_wh, 1)} %" if adjusted_wh else "–"
    return {"value": value, "u": u, "share": share, "money": money, "co2": co2}
