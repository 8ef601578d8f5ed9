"""The start of the report: the saving with its uncertainty, and the key figures below it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from agent.config import emission_factors
from agent.config.model import Meter
from agent.core.local_time import format_date
from agent.core.text import N_, Catalogue
from agent.savings.accounting.verdict import COVERAGE_LEAST, NEGATIVE, NOT_YET, PROVEN, UNDECIDED
from agent.savings.baseline.models import described
from agent.savings.records.model import Saving
from agent.savings.report.formatting import alike, grouped, kwh, plus_minus, with_u
from agent.savings.report.model.cost import Cost
from agent.savings.report.model.month import ReportMonth

MARKS = {PROVEN: "✓", NOT_YET: "?", NEGATIVE: "✗", UNDECIDED: "?"}
CURRENCIES = {"CNY": N_("CNY")}  # those with a name in another language


class Headline(NamedTuple):
    """The result of a month.

    kind: class of the style sheet.
    verdict: with its mark.
    amount: the saving with its U95.
    sums: the sum that the saving comes from; confidence interval and saving rate.
    """

    kind: str
    verdict: str
    amount: str
    sums: tuple[str, str]


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
    text = verdict_text(month, _)
    kind, verdict = saving.verdict, f"{MARKS[saving.verdict]} {text}"
    if not month.ledger.confirmed:
        kind = "denied"
        verdict = _("⚠ The ledger does not confirm this result (the figures alone: {verdict})", verdict=text)
    value, u = with_u(abs(saving.saved_wh) / 1000, saving.u95_wh / 1000)
    if saving.saved_wh >= 0:
        amount = _("{value} ± {u} kWh saved", value=value, u=u)
    else:
        amount = _("{value} ± {u} kWh additional consumption", value=value, u=u)
    low, high = (alike((saving.saved_wh + sign * saving.u95_wh) / 1000, saving.u95_wh / 1000) for sign in (-1, 1))
    sums = (
        _("adjusted baseline {adjusted} kWh − measured energy {measured} kWh = {saved} kWh, rounded to the uncertainty",
          adjusted=kwh(saving.adjusted_wh), measured=kwh(saving.measured_wh), saved=kwh(saving.saved_wh)),
        _("95 % confidence interval: {low} to {high} kWh; saving rate {rate} %",
          low=low, high=high, rate=grouped(100 * saving.share, 1)),
    )  # fmt: skip
    return Headline(kind, verdict, amount, sums)


def verdict_text(month: ReportMonth, _: Catalogue) -> str:
    """The verdict, with the share of the month that it is about unless that is nearly all of it."""
    if month.saving is None:
        return _("no saving calculated")
    if not month.saving.intervals or month.compared >= COVERAGE_LEAST:
        return _(month.saving.verdict)
    share = grouped(100 * month.compared, 1 if month.compared < 0.1 else 0)
    return _("{verdict:word}, for {share} % of the month only", verdict=month.saving.verdict, share=share)


def tiles(month: ReportMonth, _: Catalogue) -> list[Tile]:
    return [*_worth(month, _), *_origin(month, _), *_verification(month, _)]


def _worth(month: ReportMonth, _: Catalogue) -> Iterator[Tile]:
    saving = month.saving
    if saving is not None and saving.intervals:
        if (money := month.money) is not None:
            kind = _("energy, demand and power factor") if money.own_bill else _("energy by time of use")
            notes = [kind]
            if money.demand_at_most:
                amount, unit = grouped(money.demand_at_most), currency(money.currency, _)
                notes.append(_("demand: at most {amount} {unit}", amount=amount, unit=unit))
            yield Tile(_("money"), cost_text(money, _), tuple(notes))
        if month.factor is not None:
            amount = scaled(saving, month.factor.kg_per_kwh / 1e6)
            yield Tile(_("avoided grid emissions"), f"{amount} t CO₂", (factor_text(month.factor, _),))
        for kind, name in (
            ("calorific", _("standard coal, calorific value")), ("equivalent", _("standard coal, equivalent value"))
        ):  # fmt: skip
            figure = emission_factors.coal(kind, month.year)
            amount = scaled(saving, figure.kgce_per_kwh / 1e6)
            yield Tile(name, f"{amount} tce", (coal_text(figure, _),))
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
        value = _("intact; {n:d} × 15 min not recorded yet", n=ledger.pending)
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


def coal_text(figure: emission_factors.CoalEquivalent, _: Catalogue) -> str:
    """A figure of standard coal with its year and source."""
    year = f" {figure.year}" if figure.year else ""
    return _(", ").join((f"{figure.kgce_per_kwh:g} kgce/kWh{year}", _source(figure.source, figure.status, _)))


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
