"""The report as one HTML file: no script, nothing loaded from elsewhere, both languages in it, made to be printed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files

from agent.savings.events import adjustments
from agent.savings.report import charts
from agent.savings.report.cards import baseline_card, formulas, ledger_card, meter_table, money_table
from agent.savings.report.doubt import of_parts
from agent.savings.report.month import Month, local
from agent.savings.report.numbers import grouped, kwh, with_u
from agent.savings.report.table import dated, table
from agent.savings.report.texts import LANGUAGES, Words
from agent.savings.report.top import headline, tiles, verdict_said

PARTS = ("control", "motor", "drive")


@dataclass(frozen=True, slots=True)
class Cover:
    """Who made the report, when (UTC ms), of which plant. check: the command that verifies it."""

    site: str
    gateway: str
    zone: str
    made_ms: int
    version: str
    config_hash: str
    check: str


def page(months: Sequence[Month], cover: Cover, first: str = "en") -> str:
    """first: the language that is shown when it is opened, en or zh."""
    style = (files("agent.savings.report") / "report.css").read_text(encoding="utf-8")
    head = months[0] if months else None
    title = f"{head.title if len(months) == 1 and head else cover.site} {head.month if head else ''}"
    switches = "".join(
        f'<input type="radio" name="lang" id="lang-{lang}"{" checked" if lang == first else ""}>'
        f'<label for="lang-{lang}">{name}</label>'
        for lang, name in LANGUAGES.items()
    )
    codes = {"en": "en", "zh": "zh-CN"}
    articles = "".join(
        f'<article class="{lang}" lang="{codes[lang]}">{_article(months, cover, Words(lang))}</article>'
        for lang in LANGUAGES
    )
    return (
        f'<!doctype html>\n<html lang="{first}"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{style}</style></head>'
        f"<body>{switches}{articles}</body></html>\n"
    )


def _article(months: Sequence[Month], cover: Cover, words: Words) -> str:
    parts = []
    if len(months) > 1:
        parts.append(_overview(months, cover, words))
    parts += [_motor(month, cover, words) for month in months]
    parts.append(formulas(months, words))
    parts.append(
        f"<footer>magwatt {escape(cover.version)} · {words('made')} {local(cover.made_ms, cover.zone)} "
        f"({escape(cover.zone)}) · {words('configuration')} {escape(cover.config_hash)}</footer>"
    )
    return "".join(parts)


def _overview(months: Sequence[Month], cover: Cover, words: Words) -> str:
    rows = []
    for month in months:
        saving = month.saving
        value, u = with_u(saving.saved_wh / 1000, saving.u95_wh / 1000) if saving else ("–", "–")
        money = co2 = "–"
        if month.money:
            money = f"{' ± '.join(with_u(month.money.saved, month.money.u95))} {escape(words(month.money.currency))}"
        if saving and month.factor:
            scale = month.factor.kg_per_kwh / 1e6
            co2 = f"{' ± '.join(with_u(saving.saved_wh * scale, saving.u95_wh * scale))} t"
        rows.append([
            f'<a href="#{words.lang}-{escape(month.asset)}">{escape(month.title)}</a>',
            _word(month, words), value, u,
            f"{grouped(100 * saving.share, 1)} %" if saving else "–", money, co2,
        ])  # fmt: skip
    rows.append(_sum(months, words))
    head = [words("motor"), words("verdict"), words("saved, kWh"), "U95", words("saving rate"), words("money"), "CO₂"]
    return (
        f"<section><h1>{escape(cover.site)} · {escape(months[0].month)}</h1>"
        f"{_simulated(words) if any(month.simulated for month in months) else ''}"
        f"<h2>{words('All motors')}</h2>{table(head, rows, numbers=(2, 3, 4, 5, 6))}</section>"
    )


def _sum(months: Sequence[Month], words: Words) -> list[str]:
    """Doubts are added as they stand: meters of one class may err alike. Of which motors it is, where not of all."""
    told = [(month, month.saving) for month in months if month.saving is not None]
    name = f"<b>{words('together')}</b>"
    if len(told) < len(months):
        name += f" <small>{words('N of M motors').replace('N', str(len(told))).replace('M', str(len(months)))}</small>"
    if not all(month.proof.bears_out for month, _ in told):
        name += f" <small>⚠ {words('not all borne out by the ledger')}</small>"
    if not told:
        return [name, *["–"] * 6]
    saved, old = sum(each.saved_wh for _, each in told), sum(each.adjusted_wh for _, each in told)
    value, u = with_u(saved / 1000, sum(each.u95_wh for _, each in told) / 1000)
    money = co2 = "–"
    if priced := [month.money for month in months if month.money is not None]:
        both = with_u(sum(each.saved for each in priced), sum(each.u95 for each in priced))
        money = f"{' ± '.join(both)} {escape(words(priced[0].currency))}"
    if scaled := [(each, month.factor.kg_per_kwh / 1e6) for month, each in told if month.factor]:
        both = with_u(sum(each.saved_wh * kg for each, kg in scaled), sum(each.u95_wh * kg for each, kg in scaled))
        co2 = f"{' ± '.join(both)} t"
    share = f"{grouped(100 * saved / old, 1)} %" if old else "–"
    return [name, "", f"<b>{value}</b>", f"{u} <small>{words('at most')}</small>", share, money, co2]


def _word(month: Month, words: Words) -> str:
    if month.saving is not None and not month.proof.bears_out:
        return f"⚠ {words('not borne out by the ledger')}"
    return verdict_said(month, words)


def _simulated(words: Words) -> str:
    return f'<p class="simulated">{words("SIMULATED: made from a software plant, no measurement")}</p>'


def _motor(month: Month, cover: Cover, words: Words) -> str:
    name = escape(month.title) + (f" <small>{escape(month.asset)}</small>" if month.title != month.asset else "")
    span = f"{local(month.from_ms, month.zone)} – {local(month.to_ms, month.zone)} ({escape(month.zone)})"
    pictures = [
        charts.baseline_cloud(month, words), charts.cumulated(month, words), charts.load_histogram(month, words),
        charts.efficiency_over_load(month, words),
    ]  # fmt: skip
    figures = "".join(f"<figure>{picture}{_caption(picture)}</figure>" for picture in pictures if picture)
    return "".join((
        f'<section class="motor" id="{words.lang}-{escape(month.asset)}">',
        f"<header><p>{words('What the magnet motor saves')} · {escape(cover.site)} / {escape(cover.gateway)}</p>"
        f"<h1>{name}</h1><p>{escape(month.month)} · {span}</p></header>",
        _simulated(words) if month.simulated else "",
        headline(month, words),
        tiles(month, words),
        _notes(month, words),
        _parts(month, words),
        f'<div class="figures">{figures}</div>' if figures else "",
        money_table(month, words),
        _days(month, words),
        _events(month, words),
        meter_table(month, words),
        baseline_card(month, words),
        ledger_card(month, cover.check, words),
        "</section>",
    ))  # fmt: skip


def _caption(picture: str) -> str:
    return f"<figcaption>{picture.partition('<title>')[2].partition('</title>')[0]}</figcaption>"


def _notes(month: Month, words: Words) -> str:
    said = [*month.notes, *month.hints, *(month.saving.reasons if month.saving else ())]
    if month.saving and month.saving.advice:
        said.append(month.saving.advice)
    if not said:
        return ""
    return f"<h2>{words('What to know')}</h2><ul class='notes'>{_items(words.said(text) for text in said)}</ul>"


def _parts(month: Month, words: Words) -> str:
    saving = month.saving
    if saving is None or not saving.parts:
        return ""
    rows = []
    largest = max(abs(part.wh) for part in saving.parts.values()) or 1.0
    for name in PARTS:
        part = saving.parts[name]
        value, u = with_u(part.wh / 1000, part.u95_wh / 1000)
        width = 46 * abs(part.wh) / largest
        at = 50.0 if part.wh >= 0 else 50.0 - width
        bar = f'<svg class="part" viewBox="0 0 100 10" preserveAspectRatio="none"><rect class="bar ' \
              f'{"new" if part.wh >= 0 else "lost"}" x="{at:.1f}" y="1" width="{width:.1f}" height="8"/>' \
              f'<line class="axis" x1="50" x2="50" y1="0" y2="10"/></svg>'  # fmt: skip
        share = f"{grouped(100 * part.wh / saving.adjusted_wh, 1)} %" if saving.adjusted_wh else "–"
        rows.append([f"{words(name)}<br><small>{words(f'about {name}')}</small>", bar, value, u, share])
    value, u = with_u(saving.saved_wh / 1000, saving.u95_wh / 1000)
    rows.append([f"<b>{words('together')}</b>", "", f"<b>{value}</b>", u, f"<b>{grouped(100 * saving.share, 1)} %</b>"])
    creep = ""
    if saving.speed_creep_wh is not None:
        creep = (
            f"<p>{words('Of control, lost because the new motor has no slip')}{words(': ')}"
            f"{kwh(saving.speed_creep_wh)} kWh</p>"
        )
    head = [words("from"), "", "kWh", "U95", words("of the old plant's energy")]
    doubt = f"<p class='small'>{escape(said)}</p>" if (said := of_parts(month, words)) else ""
    return f"<h2>{words('Where it comes from')}</h2>{table(head, rows, numbers=(2, 3, 4))}{doubt}{creep}"


def _days(month: Month, words: Words) -> str:
    if not month.days:
        return ""
    rows = []
    for day in month.days:
        so_far = [kwh(day.total_wh), kwh(day.u95_wh)] if day.u95_wh else ["–", "–"]
        compared_wh = None if day.adjusted_wh is None or day.saved_wh is None else day.adjusted_wh - day.saved_wh
        rows.append([day.date, kwh(day.measured_wh), kwh(compared_wh), kwh(day.adjusted_wh), kwh(day.saved_wh), *so_far,
                     f"{100 * day.coverage:.0f} %"])  # fmt: skip
    head = [words("day"), words("measured, kWh"), words("of it compared, kWh"), words("old plant, kWh"),
            words("saved, kWh"),
            words("saved since the begin, kWh"), "U95", words("coverage")]  # fmt: skip
    added = ""
    if month.saving and (wh := adjustments(month.events, month.asset, (month.saving.from_ms, month.saving.to_ms))):
        said = words("In the sum, but in no day's row: N that was added by decisions on events")
        added = f"<p class='small'>{said.replace('N', f'{kwh(wh)} kWh')}</p>"
    return f"<h2>{words('Day by day')}</h2>{table(head, rows, numbers=range(1, 8), kind='days')}{added}"


def _events(month: Month, words: Words) -> str:
    if not month.events:
        return f"<h2>{words('Events')}</h2><p>{words('none')}</p>" if month.intervals else ""
    rows = []
    for event in month.events:
        until = dated(local(event.to_ms, month.zone)) if event.to_ms is not None else words("goes on")
        proposed = f"{words('proposed')}{words(': ')}{words(event.proposal)}"
        decided = words("waits for a decision") + words.aside(proposed)
        if event.decision:
            when = dated(local(event.decided_ms, month.zone)) if event.decided_ms else ""
            adjusted = f" {kwh(event.adjust_wh)} kWh" if event.adjust_wh else ""
            decided = f"{words(event.decision)}{adjusted}{words(': ')}{escape(event.reason)} "
            decided += f"<small>{escape(event.by)} {when}</small>"
        rows.append([str(event.number), words(event.kind), dated(local(event.from_ms, month.zone)), until,
                     escape(words.said(event.text)), kwh(event.energy_wh), decided])  # fmt: skip
    head = [words("no."), words("kind"), words("begin"), words("end"), words("what"), "kWh", words("decision")]
    return f"<h2>{words('Events')}</h2>{table(head, rows, numbers=(0, 5))}"


def _items(texts: Iterable[str]) -> str:
    return "".join(f"<li>{escape(text)}</li>" for text in texts)
