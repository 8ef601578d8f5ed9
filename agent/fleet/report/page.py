"""The report of a fleet as one HTML file in all languages, with the templates and the style of the monthly report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from markupsafe import Markup

from agent import VERSION
from agent.core.local_time import format_minute
from agent.core.text import LANGUAGES, Catalogue
from agent.fleet.report.attention import TITLES, Attention
from agent.fleet.report.chart import Bar, ranking_svg
from agent.fleet.report.motors import MotorSaving
from agent.fleet.report.report import FleetReport, FleetTotal, is_decided
from agent.savings.report.formatting import alike, grouped, kwh, with_u
from agent.savings.report.html.summary import MARKS, STYLES
from agent.savings.report.html.templating import bilingual_page, environment, standalone_svg, style_sheet
from agent.savings.report.model.uncertainty import COMPONENTS

PACKAGE = "agent.fleet.report"
BEST, WORST = 10, 4  # motors of the ranking that are shown
LISTED = 8  # things of one kind that need attention


def page(report: FleetReport, first: str = "en") -> str:
    """The page. first: the language that is shown when it is opened."""
    articles = {}
    for language in LANGUAGES:
        text = environment(PACKAGE).get_template("fleet.html").render(**_texts(report, Catalogue(language)))
        articles[language] = Markup(text)
    return bilingual_page(" ".join(("magwatt", period(report))), articles, first, style_sheet() + _style())


def picture(report: FleetReport, language: str) -> str:
    """The ranking as an SVG file. language: one of `LANGUAGES`."""
    return standalone_svg(str(_ranking(report, Catalogue(language))), _style())


def _style() -> str:
    return style_sheet(PACKAGE, "fleet.css")


def period(report: FleetReport) -> str:
    first, last = report.months
    return first if first == last else f"{first} – {last}"


def total_text(total: FleetTotal, _: Catalogue) -> str:
    value, u = with_u(abs(total.saved_wh) / 1000, total.uncertainty.u95_wh / 1000)
    if total.saved_wh >= 0:
        return _("{value} ± {u} kWh saved", value=value, u=u)
    return _("{value} ± {u} kWh additional consumption", value=value, u=u)


def attention_lines(items: Sequence[Attention], _: Catalogue) -> Iterator[tuple[str, list[str], int]]:
    """By kind: its title, the first lines, and the number of others."""
    for kind, group in groupby(sorted(items, key=lambda item: list(TITLES).index(item.kind)), lambda item: item.kind):
        found = list(group)
        yield _(TITLES[kind]), [_.reason(item.reason) for item in found[:LISTED]], max(0, len(found) - LISTED)


def shown_motors(motors: Sequence[MotorSaving]) -> list[MotorSaving | int]:
    """The first and the last ones of the ranking, and between them the number of the others."""
    if len(motors) <= BEST + WORST + 1:
        return [*motors]
    return [*motors[:BEST], len(motors) - BEST - WORST, *motors[-WORST:]]


def _texts(report: FleetReport, _: Catalogue) -> Mapping[str, Any]:
    total = report.total
    low, high = (alike((total.saved_wh + sign * total.uncertainty.u95_wh) / 1000, total.uncertainty.u95_wh / 1000)
                 for sign in (-1, 1))  # fmt: skip
    ranked = [motor for motor in report.motors if motor.saving is not None]
    return {
        "_": _, "report": report, "total": total, "period": period(report), "kind": STYLES[total.verdict],
        "verdict": f"{MARKS[total.verdict]} {_(total.verdict)}", "amount": total_text(total, _),
        "limits": _("U95: with a probability of 95 % between {low} and {high} kWh; saving rate {rate} %",
                    low=low, high=high, rate=grouped(100 * total.share, 1)),
        "bounds": [kwh(total.uncertainty.independent_wh), kwh(total.uncertainty.correlated_wh)],
        "common": total.uncertainty.common_share,
        "energies": [kwh(total.adjusted_wh), kwh(total.measured_wh)],
        "sites": len({motor.site for motor in report.motors}),
        "coverage": _coverage(report.motors),
        "figure": _ranking(report, _) if ranked else "",
        "rows": [item if isinstance(item, int) else _row(item, _) for item in shown_motors(ranked)],
        "attention": list(attention_lines(report.attention, _)),
        "causes": _causes(total, _), "made": format_minute(report.made_ms, "UTC"), "version": VERSION,
    }  # fmt: skip


def _coverage(motors: Sequence[MotorSaving]) -> list[str]:
    """Shares of the time of all motors that are measured, and that are part of the saving."""
    sums = [sum(motor.coverage for motor in motors), sum(motor.compared for motor in motors)]
    return [grouped(100 * total / max(1, len(motors)), 1) for total in sums]


def _row(motor: MotorSaving, _: Catalogue) -> Mapping[str, Any]:
    saving = motor.saving
    assert saving is not None
    value, u = with_u(saving.saved_wh / 1000, saving.u95_wh / 1000)
    share = grouped(100 * motor.compared, 0 if motor.compared >= 0.1 else 1)
    return {
        "place": f"{motor.site} / {motor.gateway}", "title": motor.title,
        "verdict": f"{MARKS[saving.verdict]} {_(saving.verdict)}", "value": value, "u": u,
        "share": grouped(100 * saving.share, 1), "compared": share,
    }  # fmt: skip


def _ranking(report: FleetReport, _: Catalogue) -> Markup:
    ranked = [motor for motor in report.motors if is_decided(motor)]
    bars = list[Bar]()
    for item in shown_motors(ranked):
        if isinstance(item, int):
            bars.append(Bar(_("… {n:d} more", n=item)))
        elif item.saving is not None:
            name = f"{item.title} · {item.gateway}"
            bars.append(Bar(name, item.saving.saved_wh / 1000, item.saving.u95_wh / 1000))
    title = _("Saving of each motor with its U95, {period}", period=period(report))
    axis = [_("saving, kWh"), period(report), *([_("simulated")] if report.simulated else [])]
    return ranking_svg(bars, " · ".join(axis), title)


def _causes(total: FleetTotal, _: Catalogue) -> list[tuple[str, str, str]]:
    """Name, standard uncertainty and share of the variance of each component, the largest first."""
    variance = sum(u * u for u in total.uncertainty.causes.values())
    found = sorted(total.uncertainty.causes.items(), key=lambda item: -item[1])
    return [(_(COMPONENTS[name].short), kwh(u), f"{100 * u * u / variance:.0f} %") for name, u in found if u > 0]
