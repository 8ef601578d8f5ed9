"""The start of the report: the saving with its uncertainty, and the key figures below it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from agent.config import emission_factors
from agent.config.model import Meter
from agent.core.local_time import format_date
from agent.core.text import N_, Catalogue
from agent.savings.accounting.assumptions import described as assumption_line
from agent.savings.accounting.verdict import (
    COVERAGE_LEAST,
    NEGATIVE,
    NOT_PROVEN,
    PROVEN,
    PROVISIONAL,
    UNDECIDED,
)
from agent.savings.baseline.models import described
from agent.savings.records.model import Saving
from agent.savings.report.formatting import alike, grouped, kwh, plus_minus, rounded_kwh, with_u
from agent.savings.report.model.cost import Cost
from agent.savings.report.model.month import ReportMonth
from agent.savings.settings import setting

MARKS = {PROVEN: "✓", PROVISIONAL: "~", NOT_PROVEN: "?", NEGATIVE: "✗", UNDECIDED: "⚠"}
# Classes of the style sheet: the page of an undecided month contains the words of no other verdict
STYLES = {
    PROVEN: "sure", PROVISIONAL: "tentative", NOT_PROVEN: "within-u", NEGATIVE: "negative", UNDECIDED: "undecided"
}  # fmt: skip
COAL_NAMES = {
    "calorific": N_("standard coal, calorific value"),
    "equivalent": N_("standard coal, equivalent value"),
}
COAL_BASES = {
    "generation": N_("coal consumption of generation, {year:d}"),
    "supply": N_("coal consumption of supply, {year:d}"),
    "contract": N_("figure of the contract, {year:d}"),
}
ADDS_UP_KWH = 0.005  # half of the last digit that `kwh` can show
CURRENCIES = {"CNY": N_("CNY")}  # those with a name in another language


class AssumptionLine(NamedTuple):
    """status: open | checked | stated | accepted. setting: key of the configuration by which it can be stated."""

    status: str
    text: str
    setting: str


class Headline(NamedTuple):
    """The result of a month.

    kind: class of the style sheet.
    verdict: with its mark.
    amount: the saving with its U95.
    sums: the sum that the saving comes from; its limits and the saving rate.
    bold: the amount is the result; False: it is undecided.
    """

    kind: str
    verdict: str
    amount: str
    sums: tuple[str, str]
    assumptions: tuple[AssumptionLine, ...]
    bold: bool


class Tile(NamedTuple):
    """A key figure with its notes."""

    name: str
    value: str
    notes: tuple[str, ...] = ()


def headline(month: ReportMonth, _: Catalogue) -> Headline | None:
    """The result of a month; None when no interval is part of a saving."""
    saving = month.saving
    if saving is None or not saving.intervals:
        return None
    verdict = f"{MARKS[saving.verdict]} {verdict_text(month, _)}"
    value, u = with_u(abs(saving.saved_wh) / 1000, saving.u95_wh / 1000)
    if saving.saved_wh >= 0:
        amount = _("{value} ± {u} kWh saved", value=value, u=u)
    else:
        amount = _("{value} ± {u} kWh additional consumption", value=value, u=u)
    low, high = (alike((saving.saved_wh + sign * saving.u95_wh) / 1000, saving.u95_wh / 1000) for sign in (-1, 1))
    shown = rounded_kwh(saving.adjusted_wh) - rounded_kwh(saving.measured_wh) - rounded_kwh(saving.saved_wh)
    sums = (
        _("adjusted baseline {adjusted} kWh − measured energy {measured} kWh {equals} {saved} kWh, rounded to the "
          "uncertainty", adjusted=kwh(saving.adjusted_wh), measured=kwh(saving.measured_wh), saved=kwh(saving.saved_wh),
          equals="=" if abs(shown) < ADDS_UP_KWH else "≈"),
        _("U95: with a probability of 95 % between {low} and {high} kWh; saving rate {rate} %",
          low=low, high=high, rate=grouped(100 * saving.share, 1)),
    )  # fmt: skip
    assumptions = tuple(
        AssumptionLine(item.status, _.reason(assumption_line(item)), setting(item.reason, month.asset))
        for item in saving.assumptions
    )
    return Headline(STYLES[saving.verdict], verdict, amount, sums, assumptions, month.undecided is None)


def verdict_text(month: ReportMonth, _: Catalogue) -> str:
    """The verdict, with its cause if it is undecided, otherwise with the share of the month that it is about unless
    that is nearly all of it.
    """
    if month.saving is None:
        return _("no saving calculated")
    if month.undecided:
        return _("{verdict:word}: {cause}", verdict=month.saving.verdict, cause=month.undecided)
    if not month.saving.intervals or month.compared >= COVERAGE_LEAST:
        return _(month.saving.verdict)
    share = grouped(100 * month.compared, 1 if month.compared < 0.1 else 0)
    return _("{verdict:word}, for {share} % of the month only", verdict=month.saving.verdict, share=share)


def tiles(month: ReportMonth, _: Catalogue) -> list[Tile]:
    return [*_worth(month, _), *_origin(month, _), *_verification(month, _)]


def _worth(month: ReportMonth, _: Catalogue) -> Iterator[Tile]:
    saving, decided = month.saving, month.undecided is None
    if saving is not None and saving.intervals and decided:
        if (money := month.money) is not None:
            kind = _("energy, demand and power factor") if money.own_bill else _("energy by time of use")
            notes = [kind]
            if money.demand_at_most:
                amount, unit = plus_minus(money.demand_at_most, money.demand_u95), currency(money.currency, _)
                notes.append(_("demand: at most {amount} {unit}", amount=amount, unit=unit))
            yield Tile(_("money"), cost_text(money, _), tuple(notes))
        if month.factor is not None:
            amount = scaled(saving, month.factor.kg_per_kwh / 1e6)
            yield Tile(_("avoided grid emissions"), f"{amount} t CO₂", (factor_text(month.factor, _),))
        for convention, figure in month.coal.items():
            amount = scaled(saving, figure.kgce_per_kwh / 1e6)
            yield Tile(_(COAL_NAMES[convention]), f"{amount} tce", coal_notes(figure, month.year, _))
    if month.tonnes:
        known = month.compared_kwh_t or (month.measured_wh / 1000 / month.tonnes,)
        value = " → ".join(f"{each:.2f}" for each in known) + " kWh/t"
        yield Tile(_("specific energy"), value, (f"{grouped(month.tonnes)} t",))


def scaled(saving: Saving, factor: float) -> str:
    """The saving times a factor per Wh, with its U95."""
    return plus_minus(saving.saved_wh * factor, saving.u95_wh * factor)


def cost_text(money: Cost, _: Catalogue) -> str:
    """The money saved, with its U95."""
    return f"{plus_minus(money.saved, money.u95)} {currency(money.currency, _)}".rstrip()


def _origin(month: ReportMonth, _: Catalogue) -> Iterator[Tile]:
    if month.intervals:
        if month.plant is not None and (meter := month.plant.meter) is not None:
            value = _("class {name}", name=meter.accuracy_class)
            if meter.ct:
                value = _("class {name} + CT {ct_class}", name=meter.accuracy_class, ct_class=ct_class(meter, _))
            serial = meter.serial_number or _("not stated")
            yield Tile(
                _("measured by"), value, (_("{meter}, serial number {serial}", meter=meter.name, serial=serial),)
            )
        notes = [_("of the time was measured")]
        if month.running_h is not None:
            notes.append(_("running {hours} h", hours=grouped(month.running_h, 1)))
        yield Tile(_("coverage"), f"{100 * month.coverage:.1f} %", tuple(notes))
    if (baseline := month.baseline) is not None:
        fit = (f"CV(RMSE) {100 * baseline.cv_rmse:.1f} %",) if baseline.n else ()
        day = format_date(baseline.frozen_ms, month.zone) if baseline.frozen_ms else "–"
        frozen = _("frozen {date} {by}", date=day, by=baseline.by)
        model = described(baseline.kind, baseline.shape, baseline.drivers)
        yield Tile(_("baseline"), _.reason(model), (*fit, frozen))


def _verification(month: ReportMonth, _: Catalogue) -> Iterator[Tile]:
    ledger, name = month.ledger, _("verifiable: ledger")
    result = ledger.result
    if result is None:
        if month.intervals:
            yield Tile(name, _("no"), (_("no record of this month"),))
        return
    checkpoint = (
        _("checkpoint {hash}…", hash=ledger.checkpoint["hash"][:16]) if ledger.checkpoint else _("no checkpoint yet")
    )
    if not ledger.intact:
        yield Tile(name, _("NOT INTACT"), (checkpoint,))
        return
    if result.unchecked:
        value = _("intact; signatures not checked")
    elif ledger.pending:
        value = _("intact; {n:d} intervals not recorded yet", n=ledger.pending)
    else:
        value = _("intact; equals this report")
    external = _("no external checkpoint compared")
    if result.external_checkpoints:
        external = _("external checkpoints that match: {n:d}", n=result.external_checkpoints)
    yield Tile(name, value, (checkpoint, external))


def ct_class(meter: Meter, _: Catalogue) -> str:
    """The class of the current transformers."""
    return meter.ct_class or _("not stated (class 1 assumed)")


def currency(code: str, _: Catalogue) -> str:
    return _(CURRENCIES[code]) if code in CURRENCIES else code


def factor_text(factor: emission_factors.EmissionFactor, _: Catalogue) -> str:
    """A grid emission factor with its grid, year and source."""
    place = " ".join(filter(None, (factor.scope, _place(factor.region, _), str(factor.year or ""))))
    return _(", ").join(
        filter(None, (f"{factor.kg_per_kwh:g} kg/kWh", place, _source(factor.source, factor.status, _)))
    )


def coal_notes(figure: emission_factors.CoalEquivalent, year: int, _: Catalogue) -> tuple[str, ...]:
    """Which figure of standard coal is used, with its year and source. year: of the month."""
    value = f"{figure.kgce_per_kwh:g} kgce/kWh", _source(figure.source, figure.status, _)
    if figure.year is None:
        return (_(", ").join(value),)
    notes = _(", ").join((_(COAL_BASES[figure.kind], year=figure.year), *value))
    if figure.kind != "contract" and figure.year != year - 1:
        return notes, _("no figure for {year:d} is available", year=year - 1)
    return (notes,)


def _place(region: str, _: Catalogue) -> str:
    """A region that has a Chinese and an English name, 华北 North, in the language of the page."""
    if word := emission_factors.WORDS.get(region):
        return _(word)
    chinese, _space, english = region.partition(" ")
    if not english or chinese.isascii():
        return region
    return chinese if _.language == "zh_CN" else english


def _source(source: str, status: str, _: Catalogue) -> str:
    word = emission_factors.WORDS.get(source)
    return (_(word) if word else source) + (" [M]" if status == "memory" else "")
