"""The first screen of the report: how much, how sure, from what, and whether it can be checked."""

from __future__ import annotations

from html import escape

from agent.savings import carbon
from agent.savings.report.doubt import largest
from agent.savings.report.month import Month, local
from agent.savings.report.numbers import alike, grouped, kwh, with_u
from agent.savings.report.table import dated
from agent.savings.report.texts import Words
from agent.savings.verdict import COVERAGE_LEAST

MARKS = {"proven": "✓", "not yet proven": "?", "negative": "✗"}
Tile = tuple[str, str, str]  # name, value, small print; HTML


def headline(month: Month, words: Words) -> str:
    """The saving with its doubt, and the sum it comes from."""
    saving = month.saving
    if saving is None or not saving.intervals:
        told = words("No saving is told for this month")
        used = f"<p>{words('energy used')}{words(': ')}{kwh(month.measured_wh)} kWh</p>" if month.energy_known else ""
        return f'<div class="verdict none"><p class="big">{told}</p>{used}</div>'
    value, u = with_u(abs(saving.saved_wh) / 1000, saving.u95_wh / 1000)
    kind, word = saving.verdict.replace(" ", "-"), f"{MARKS[saving.verdict]} {verdict_said(month, words)}"
    if not month.proof.bears_out:
        alone = f"{words('by the numbers alone')}{words(': ')}{verdict_said(month, words)}"
        kind, word = "denied", f"⚠ {words('The ledger does not bear this out')}{words.aside(alone)}"
    big = words("N saved" if saving.saved_wh >= 0 else "N more used").replace("N", f"{value} <i>±</i> {u} kWh")
    low, high = (alike((saving.saved_wh + sign * saving.u95_wh) / 1000, saving.u95_wh / 1000) for sign in (-1, 1))
    return (
        f'<div class="verdict {kind}"><p class="word">{word}</p><p class="big">{big}</p>'
        f"<p>{_of(words, 'N the old plant would have used', saving.adjusted_wh)} − "
        f"{_of(words, 'N measured', saving.measured_wh)} = {kwh(saving.saved_wh)} kWh{words(', ')}"
        f"{words('rounded to its doubt')}</p>"
        f"<p>{words('With 95 % confidence between L and H').replace('L', low).replace('H', f'{high} kWh')}{words('; ')}"
        f"{words('saving rate')} {grouped(100 * saving.share, 1)} %</p>"
        + (f"<p class='small'>{why}</p>" if (why := largest(saving, words)) else "")
        + "</div>"
    )


def _of(words: Words, phrase: str, wh: float) -> str:
    return words(phrase).replace("N", f"{kwh(wh)} kWh")


def verdict_said(month: Month, words: Words) -> str:
    """The verdict, with the part of the month that it speaks of where that is not nearly all of it."""
    if month.saving is None:
        return words("no saving told")
    if not month.saving.intervals or month.compared >= COVERAGE_LEAST:
        return words(month.saving.verdict)
    share = grouped(100 * month.compared, 1 if month.compared < 0.1 else 0)
    part = words("for P of the month only").replace("P", f"{share} %")
    return f"{words(month.saving.verdict)}{words(', ')}{part}"


def tiles(month: Month, words: Words) -> str:
    found = [*_worth(month, words), *_from_what(month, words)]
    return "<dl>" + "".join(
        f"<div><dt>{name}</dt><dd>{value}</dd><dd class='small'>{small}</dd></div>" for name, value, small in found
    ) + "</dl>"  # fmt: skip


def _worth(month: Month, words: Words) -> list[Tile]:
    saving, found = month.saving, list[Tile]()
    if saving is not None and saving.intervals:
        if (money := month.money) is not None:
            value, u = with_u(money.saved, money.u95)
            unit = escape(words(money.currency))
            small = words("energy, demand and power factor") if money.own_bill else words("energy by time of use")
            if money.demand_at_most:
                small += f"{words('; ')}{words('demand at most')} {grouped(money.demand_at_most)} {unit}"
            found.append((words("money"), f"{value} ± {u} {unit}", small))
        if month.factor is not None:
            scale = month.factor.kg_per_kwh / 1e6
            value, u = with_u(saving.saved_wh * scale, saving.u95_wh * scale)
            found.append((words("avoided grid emissions"), f"{value} ± {u} t CO₂", words.factor(month.factor)))
        for kind in ("calorific", "equivalent"):
            figure = carbon.coal(kind, month.year)
            scale = figure.kgce_per_kwh / 1e6
            value, u = with_u(saving.saved_wh * scale, saving.u95_wh * scale)
            found.append((words(f"standard coal, {figure.kind}"), f"{value} ± {u} tce", words.coal(figure)))
    if month.tonnes:
        known = month.compared_kwh_t or (month.measured_wh / 1000 / month.tonnes,)
        found.append((words("specific energy"), " → ".join(f"{each:.2f}" for each in known) + " kWh/t",
                      f"{grouped(month.tonnes)} t"))  # fmt: skip
    return found


def _from_what(month: Month, words: Words) -> list[Tile]:
    found = list[Tile]()
    if month.intervals:
        if month.plant is not None and (meter := month.plant.meter) is not None:
            classed = f"{words('class')} {escape(meter.accuracy_class)}"
            if meter.ct:
                ct_class = meter.ct_class or words("not stated (1 is taken)")
                classed += f" + {words('transformers')} {escape(ct_class)}"
            small = (
                f"{escape(meter.name)}{words(', ')}{words('serial number')} "
                f"{escape(meter.serial_number or words('not stated'))}"
            )
            found.append((words("measured by"), classed, small))
        running = "" if month.running_h is None else f"{words('; ')}{words('running')} {grouped(month.running_h, 1)} h"
        found.append((words("coverage"), f"{100 * month.coverage:.1f} %",
                      words("of the time was measured") + running))  # fmt: skip
    if (baseline := month.baseline) is not None:
        fit = f"CV(RMSE) {100 * baseline.cv_rmse:.1f} %{words(', ')}" if baseline.n else ""
        frozen = dated(local(baseline.frozen_ms, month.zone)[:10]) if baseline.frozen_ms else "–"
        drivers = ", ".join(map(words.signal, baseline.drivers))
        of_them = words.aside(escape(drivers)) if drivers else ""
        found.append((words("baseline"), words(f"model {baseline.kind}") + of_them,
                      f"{fit}{words('frozen')} {frozen} {escape(baseline.by)}"))  # fmt: skip
    verdict = month.proof.verdict
    if verdict is None and month.intervals:
        found.append((words("can I verify it: ledger"), words("no"), words("no record covers this month")))
    if verdict is not None:
        said = words("whole; agrees with this report")
        if verdict.first_bad is not None or verdict.problems or month.proof.differing:
            said = words("NOT WHOLE")
        elif verdict.unchecked:
            said = words("whole; signatures not checked")
        elif month.proof.waiting:
            said = f"{words('whole; not recorded yet')}{words(': ')}{month.proof.waiting} × 15 min"
        checkpoint = (
            f"{words('checkpoint')} {month.proof.checkpoint['hash'][:16]}…"
            if month.proof.checkpoint
            else words("no checkpoint yet")
        )
        looked = words("no external checkpoint looked at")
        if agreeing := verdict.external_checkpoints:
            looked = f"{words('external checkpoints that agree')}{words(': ')}{agreeing}"
        small = checkpoint if said == words("NOT WHOLE") else f"{checkpoint}{words('; ')}{looked}"
        found.append((words("can I verify it: ledger"), said, small))
    return found
