"""What stands behind the numbers: tariff, meters, baseline, ledger, formulas."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape

from agent.savings import carbon
from agent.savings.models import BY_STATE, factors, formula, stretches
from agent.savings.money import Bill
from agent.savings.report.month import Month, local
from agent.savings.report.numbers import grouped, kwh
from agent.savings.report.table import pairs, table
from agent.savings.report.texts import Words
from agent.savings.types import Baseline


def money_table(month: Month, words: Words) -> str:
    money = month.money
    if money is None:
        return ""
    before, after, unit = money.before, money.after, escape(words(money.currency))
    rows = []
    for name in before.energy_cost:
        old, new = before.energy_cost[name], after.energy_cost.get(name, 0.0)
        saved_wh = before.wh_by_period[name] - after.wh_by_period.get(name, 0.0)
        rows.append([escape(words(name)), kwh(saved_wh), grouped(old, 2),
                     grouped(new, 2), grouped(old - new, 2)])  # fmt: skip
    if before.demand_cost or after.demand_cost:
        left_out = "" if money.own_bill else f" <small>{words('at most, not added')}</small>"
        rows.append([f"{words('demand')} {grouped(before.demand_kw, 1)} → {grouped(after.demand_kw, 1)} kW{left_out}",
                     "", grouped(before.demand_cost, 2), grouped(after.demand_cost, 2),
                     grouped(before.demand_cost - after.demand_cost, 2)])  # fmt: skip
    rows.append([f"<b>{words('together')}</b>", kwh(month.saving.saved_wh if month.saving else None), "", "",
                 f"<b>{grouped(money.saved, 2)}</b>"])  # fmt: skip
    rows.append(["U95", kwh(month.saving.u95_wh if month.saving else None), "", "", grouped(money.u95, 2)])
    head = [words("period"), words("saved, kWh"), f"{words('old plant')}{words(', ')}{unit}",
            f"{words('now')}{words(', ')}{unit}", f"{words('saved')}{words(', ')}{unit}"]  # fmt: skip
    return f"<h2>{words('Money')}</h2>{table(head, rows, numbers=(1, 2, 3, 4))}{_power_factor(before, after, words)}"


def _power_factor(before: Bill, after: Bill, words: Words) -> str:
    if after.power_factor is None:
        return ""
    was = f"{before.power_factor:.2f} → " if before.power_factor is not None else ""
    rule = (
        f"{words('; ')}{words('by itself it would adjust a bill by')} {grouped(100 * after.adjustment, 2)} %"
        if after.adjustment
        else ""
    )
    return f"<p>{words('Power factor of this motor')}{words(': ')}{was}{after.power_factor:.2f}{rule}</p>"


def meter_table(month: Month, words: Words) -> str:
    plant = month.plant
    if plant is None or plant.meter is None:
        return ""
    meter = plant.meter
    ct_class = meter.ct_class or words("not stated (1 is taken)")
    ct = f"{meter.ct[0]:g}/{meter.ct[1]:g}{words(', ')}{words('class')} {ct_class}" if meter.ct \
        else words("direct")  # fmt: skip
    seen = sorted({item.meter for item in month.intervals if item.meter})
    rows = [
        (
            words("meter"),
            words(", ").join(
                (
                    escape(meter.name),
                    escape(meter.profile),
                    f"{words('at')} {escape(meter.measuring_point)}",
                    meter.wiring,
                )
            ),
        ),
        (words("serial number"), escape(meter.serial_number or words("not stated"))),
        (words("accuracy class"), escape(meter.accuracy_class)),
        (words("current transformers"), ct),
        (words("calibration certificate"), escape(meter.certificate or words("not stated"))),
        (words("meters in the data"), escape("; ".join(seen) or "–")),
    ]
    if motor := plant.motor:
        said = (words(motor.kind), f"{motor.kw:g} kW", f"{motor.rpm:g} rpm", f"{motor.poles} {words('poles')}",
                f"{motor.volts:g} V")  # fmt: skip
        rows.insert(0, (words("motor"), words(", ").join(said)))
        if old := motor.replaced_motor:
            told = (
                words(old.kind),
                f"{old.kw:g} kW",
                old.efficiency_class or "–",
                f"{old.rpm:g} rpm" if old.rpm else "",
            )
            rows.insert(1, (words("replaces"), words(", ").join(filter(None, told))))
    return f"<h2>{words('Motor and meters')}</h2>{pairs(rows)}"


def baseline_card(month: Month, words: Words) -> str:
    found = month.baseline
    if found is None:
        return ""
    zone = month.zone
    ranges = words("; ").join(f"{escape(words.signal(name))} {said}" for name, said in _ranges(found, words))
    rivals = words("; ").join(f"{escape(words.said(name))} {100 * score:.2f} %" for name, score in
                       sorted(found.candidates.items(), key=lambda pair: pair[1])[:6])  # fmt: skip
    drivers = words.aside(escape(", ".join(map(words.signal, found.drivers)))) if found.drivers else ""
    if vif := found.shape.get("vif"):
        drivers += f"{words('; ')}VIF {', '.join(f'{value:.3g}' for value in vif.values())}"
    span = f"{local(found.from_ms, zone)} – {local(found.to_ms, zone)}, {found.n} × {found.length_s // 60} min"
    fit = f"{100 * found.cv_rmse:.2f} %, {grouped(100 * found.nmbe, 3)} %, {found.r2:.4f}"
    rows = [
        (words("model"), words(f"model {found.kind}") + drivers),
        (words("formula"), _formula(found, words)),
        (words("learnt from"), span if found.n else escape(words.said(found.fallback))),
        (words("effective number n′"), f"{found.n_effective:.0f}" if found.n else "–"),
        ("CV(RMSE), NMBE, R²", fit if found.n else "–"),
        (words("range seen"), ranges or "–"),
        (words("models tried, CV(RMSE) by cross-validation"), rivals or "–"),
        (words("frozen"), f"{local(found.frozen_ms, zone) if found.frozen_ms else '–'} {escape(found.by)}"),
        ("SHA-256", f"<code>{found.hash}</code>"),
    ]  # fmt: skip
    if month.saving and month.saving.causes:
        causes = sorted(month.saving.causes.items(), key=lambda pair: -pair[1])
        together = math.sqrt(sum(wh * wh for _, wh in causes))
        rows.append((words("standard uncertainty by cause, kWh"),
                     words("; ").join([*(f"{words(name)} {wh / 1000:.3g}" for name, wh in causes if wh > 0),
                                       f"√Σu² = {together / 1000:.3g}{words(', ')}U95 "
                                       f"{month.saving.u95_wh / 1000:.3g}"])))  # fmt: skip
    return f"<h2>{words('Baseline')}</h2>{pairs(rows)}"


def _ranges(baseline: Baseline, words: Words) -> Iterator[tuple[str, str]]:
    """Each driver with what was seen of it; where states have slopes of their own, in each state."""
    of_states = baseline.shape["ranges"] if baseline.kind == "slopes" else {}
    for name in baseline.ranges:
        if name not in of_states:
            yield name, " | ".join(f"{low:g} … {high:g}" for low, high in stretches(baseline, name))
            continue
        state = escape(words.signal(baseline.drivers[-1]))
        for value, (low, high) in zip(baseline.shape["states"], of_states[name], strict=True):
            yield name, f"{low:g} … {high:g} [{state} = {value:g}]"


def _formula(baseline: Baseline, words: Words) -> str:
    """The model with its coefficients, such that a reader can put a flow in."""
    values = baseline.coefficients
    unit, name = f"Wh {words('in')} {baseline.length_s // 60} min", ""
    if baseline.drivers:
        name = f"{words(', ')}x = {escape(words.signal(baseline.drivers[0]))}"
    still = "still" in baseline.shape
    if baseline.kind in ("binned", "state") and not still:
        places = baseline.shape["centres" if baseline.kind == "binned" else "states"]
        pairs_said = "; ".join(f"{place:.4g} → {value:.6g}" for place, value in zip(places, values, strict=False))
        return f"E, {unit}{name}{words('; ')}x → E: {pairs_said}"
    if baseline.kind == "shaft-power":
        return f"E = {values[0]:.6g} · ({words('shaft energy + losses of the old motor at it')})"
    letters = "xyzw"[: len(baseline.drivers)]
    name = "".join(f"{words(', ')}{letter} = {escape(words.signal(driver))}"
                   for letter, driver in zip(letters, baseline.drivers, strict=True))  # fmt: skip
    said = formula(values, factors(baseline.kind, baseline.shape, letters))
    found = f"E = {escape(said)} {unit}{name}"
    if baseline.kind in BY_STATE or still:
        found += f"{words('; ')}{words('[…]: one in this state, else zero')}"
        if "binned" in (baseline.kind, baseline.shape.get("base")):
            found += f"{words('; ')}{words('→: the share of this point in the straight line')}"
    return found


def ledger_card(month: Month, check: str, words: Words) -> str:
    proof = month.proof
    if proof.verdict is None:
        return f"<h2>{words('Ledger')}</h2><p>{words('no record covers this month')}</p>" if month.intervals else ""
    difference = f"{words('difference')} {proof.shown_wh - proof.recorded_wh} Wh"
    whole = words("all whole")
    if proof.verdict.first_bad is not None:
        whole = f"{words('first bad record')} {proof.verdict.first_bad}"
    elsewhere = words("none: that nothing was cut off or set back is not shown")
    if proof.elsewhere:
        elsewhere = f"{proof.verdict.external_checkpoints}: {escape(', '.join(proof.elsewhere))}"
    rows = [
        (words("hours recorded"), grouped(proof.hours)),
        (words("energy in the ledger"), f"{grouped(proof.recorded_wh)} Wh"),
        (words("energy in this report, same hours"), f"{grouped(proof.shown_wh)} Wh{words.aside(difference)}"),
        (words("quarter hours not recorded yet"), grouped(proof.waiting)),
        (words("quarter hours in no record though others of that time are"), grouped(proof.stray)),
        (words("hours recorded again; recorded late"),
         f"{grouped(proof.verdict.amended)}{words('; ')}{grouped(proof.verdict.late)}"),
        (words("records looked at"), f"{grouped(proof.verdict.records)}{words('; ')}{whole}"),
        (words("recorded under configuration; software"),
         f"{_under(proof.under.get('config', {}))}; {_under(proof.under.get('software', {}))}"),
        (words("external checkpoints looked at"), elsewhere),
        (words("key"), f"<code>{', '.join(map(escape, proof.verdict.keys))}</code>"),
    ]  # fmt: skip
    if checkpoint := proof.checkpoint:
        named = (
            f"<code>{checkpoint['hash']}</code><br>"
            f"{words('record')} {checkpoint['seq']}{words(', ')}{escape(str(checkpoint['day']))}"
        )
        rows += [(words("checkpoint"), named), (words("signature"), f"<code>{escape(str(checkpoint['sig']))}</code>")]
    how = words("Check it: the JSON file beside this one holds the checkpoint")
    away = (
        f"{words('Away from the gateway, with a copy of its state directory')}{words(': ')}<code>--state COPY</code> "
        f"{words('in place of')} <code>--config</code>{words('; ')}"
        f"{words('as K the JSON file of an earlier month').replace('K', '<code>--key</code>')}"
    )
    how = f"{how}{words(': ')}<code>{escape(check)}</code>"
    return f"<h2>{words('Ledger')}</h2>{pairs(rows)}<p>{how}</p><p class='small'>{away}</p>"


def _under(hours: Mapping[str, int]) -> str:
    """Versions, each with the hours that it recorded."""
    return ", ".join(f"{escape(version or '–')} ({grouped(count)} h)" for version, count in hours.items()) or "–"


def formulas(months: Sequence[Month], words: Words) -> str:
    items = [words(f"formula {name}") for name in ("saving", "u95", "parts", "verdict", "co2", "coal", "money")]
    used = {month.factor.source for month in months if month.factor is not None}
    said = [words("[M]: from memory, nobody held the text yet")]
    said += [escape(f"{code}{words(': ')}{words(text)}") for code, text in carbon.sources().items() if code in used]
    marks = f"<p class='small'>{words('; ').join(said)}</p>"
    return f"<section class='formulas'><h2>{words('How it is worked out')}</h2><ul>" + "".join(
        f"<li>{item}</li>" for item in items
    ) + f"</ul>{marks}</section>"  # fmt: skip
