"""The details of the report as rows: money, motor and meters, baseline, ledger, formulas."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from agent.config import certificates, emission_factors
from agent.config.model import Meter, Motor, Replaced
from agent.core.local_time import format_minute
from agent.core.text import N_, Catalogue
from agent.savings.accounting.bill import Bill
from agent.savings.baseline.models import covered_ranges, described, factors, formula, slopes
from agent.savings.records.effective_samples import effective_samples_formula
from agent.savings.records.model import Baseline
from agent.savings.records.static_factors import described as factor_line
from agent.savings.report.formatting import grouped, kwh, plus_minus, with_u
from agent.savings.report.html.summary import ct_class, currency
from agent.savings.report.model.month import ReportMonth
from agent.savings.report.model.uncertainty import COMPONENTS
from drivers.reasons import signal_name

TRIED = 6  # models in the list of those that were tried
MOTOR_KINDS = {
    "pm": N_("magnet motor"),
    "pm-line-start": N_("line-start magnet motor"),
    "induction": N_("induction motor"),
}
MEASURING_POINTS = {
    "drive-input": N_("input of the drive"),
    "motor": N_("motor"),
    "feeder": N_("feeder"),
}
# Usual names of prices in a tariff
PRICES = {
    "peak": N_("peak"),
    "flat": N_("flat"),
    "valley": N_("valley"),
    "sharp": N_("sharp peak"),
    "deep": N_("deep valley"),
}


class DetailRow(NamedTuple):
    """Name and value of a detail.

    value: its lines.
    code: the value is a hash, a key or a command.
    """

    name: str
    value: tuple[str, ...]
    code: bool = False


class MoneyRow(NamedTuple):
    """A line of the bill.

    note: remark in small print.
    total: shown in bold.
    """

    name: str
    saved: str = ""
    before: str = ""
    after: str = ""
    difference: str = ""
    note: str = ""
    total: bool = False


def money_rows(month: ReportMonth, _: Catalogue) -> list[MoneyRow]:
    money, saving = month.money, month.saving
    if money is None or saving is None:
        return []
    before, after = money.before, money.after
    rows = []
    for name, old in before.energy_cost.items():
        new = after.energy_cost.get(name, 0.0)
        saved_wh = before.wh_by_period[name] - after.wh_by_period.get(name, 0.0)
        label = _(PRICES[name]) if name in PRICES else name
        rows.append(MoneyRow(label, kwh(saved_wh), grouped(old, 2), grouped(new, 2), grouped(old - new, 2)))
    if before.demand_cost or after.demand_cost:
        rows.append(MoneyRow(
            _("demand {before} → {after} kW", before=grouped(before.demand_kw, 1), after=grouped(after.demand_kw, 1)),
            "", grouped(before.demand_cost, 2), grouped(after.demand_cost, 2),
            plus_minus(money.demand_saved, money.demand_u95),
            "" if money.own_bill else _("at most, not in the total"),
        ))  # fmt: skip
    rows.append(MoneyRow(_("total"), kwh(saving.saved_wh), difference=grouped(money.saved, 2), total=True))
    rows.append(MoneyRow("U95", kwh(saving.u95_wh), difference=grouped(money.u95, 2)))
    return rows


def money_head(month: ReportMonth, _: Catalogue) -> list[str]:
    unit = currency(month.money.currency, _) if month.money else ""
    return [
        _("price"), _("saving, kWh"), _("adjusted baseline, {unit}", unit=unit), _("measured, {unit}", unit=unit),
        _("saving, {unit}", unit=unit),
    ]  # fmt: skip


def power_factor(before: Bill, after: Bill, _: Catalogue) -> str:
    """The power factor of the motor and what the tariff adjusts for it; empty when it is unknown."""
    if after.power_factor is None:
        return ""
    value = f"{after.power_factor:.2f}"
    if before.power_factor is not None:
        value = f"{before.power_factor:.2f} → {value}"
    if not after.adjustment:
        return _("Power factor of this motor: {value}", value=value)
    return _(
        "Power factor of this motor: {value}; billed alone, it would adjust the bill by {share} %",
        value=value, share=grouped(100 * after.adjustment, 2),
    )  # fmt: skip


def meter_rows(month: ReportMonth, _: Catalogue) -> list[DetailRow]:
    plant = month.plant
    if plant is None or plant.meter is None:
        return []
    rows = []
    if plant.motor:
        rows.append(DetailRow(_("motor"), (_motor_text(plant.motor, _),)))
        if old := plant.motor.replaced_motor:
            rows.append(DetailRow(_("replaced motor"), (_old_motor_text(old, _),)))
    meter = plant.meter
    transformers = _("direct connection")
    if meter.ct:
        ratio = f"{meter.ct[0]:g}/{meter.ct[1]:g}"
        transformers = _("{ratio}, class {name}", ratio=ratio, name=ct_class(meter, _))
    place = _("measuring point: {name:word}", name=MEASURING_POINTS[meter.measuring_point])
    meters = sorted({item.meter for item in month.intervals if item.meter})
    return [
        *rows,
        DetailRow(_("meter"), (_(", ").join((meter.name, meter.profile, place, meter.wiring)),)),
        DetailRow(_("serial number"), (meter.serial_number or _("not stated"),)),
        DetailRow(_("accuracy class"), (meter.accuracy_class,)),
        DetailRow(_("current transformers"), (transformers,)),
        *_certificate_rows(meter, _),
        DetailRow(_("meters in the data"), (_("; ").join(meters) or "–",)),
    ]


def _certificate_rows(meter: Meter, _: Catalogue) -> Iterator[DetailRow]:
    """The certificates of the meter and of each kind of its transformers."""
    for device, title in certificates.TITLES.items():
        if device == "meter" or getattr(meter, device) is not None:
            stated = (certificates.described(item) for item in meter.certificates if item.device == device)
            yield DetailRow(_(title), tuple(map(_.reason, stated)) or (_("not stated"),))


def _motor_text(motor: Motor, _: Catalogue) -> str:
    poles = _("{poles:d} poles", poles=motor.poles)
    return _(", ").join(
        (_(MOTOR_KINDS[motor.kind]), f"{motor.kw:g} kW", f"{motor.rpm:g} r/min", poles, f"{motor.volts:g} V")
    )


def _old_motor_text(old: Replaced, _: Catalogue) -> str:
    rpm = f"{old.rpm:g} r/min" if old.rpm else ""
    parts = _(MOTOR_KINDS[old.kind]), f"{old.kw:g} kW", old.efficiency_class or "–", rpm
    return _(", ").join(filter(None, parts))


def baseline_rows(month: ReportMonth, _: Catalogue) -> list[DetailRow]:
    found = month.baseline
    if found is None:
        return []
    measured = found.n > 0
    fit = f"{100 * found.cv_rmse:.2f} %, {grouped(100 * found.nmbe, 3)} %, {found.r2:.4f}"
    rows = [
        DetailRow(_("model"), (_.reason(described(found.kind, found.shape, found.drivers)),)),
        DetailRow(_("formula"), formula_lines(found, _)),
        DetailRow(_("learned from"), (_source_text(found, month.zone, _),)),
        DetailRow(_("effective number of samples n′"), _effective_samples(found, _)),
        DetailRow("CV(RMSE), NMBE, R²", (fit if measured else "–",)),
        DetailRow(
            _("range of the drivers"), tuple(f"{signal_name(name)}: {text}" for name, text in ranges(found)) or ("–",)
        ),
    ]
    if found.dropped:
        rows.append(DetailRow(_("signals that are not drivers, or not always"), tuple(map(_.reason, found.dropped))))
    if (off := found.shape.get("off")) and off["n"]:
        text = _("{n:d} intervals with at most {limit} kWh", n=off["n"], limit=kwh(off["limit_wh"]))
        rows.append(DetailRow(_("motor off"), (text,)))
    if vif := found.shape.get("vif"):
        rows.append(
            DetailRow("VIF", (_("; ").join(f"{signal_name(name)} {value:.3g}" for name, value in vif.items()),))
        )
    tried = sorted(found.candidates, key=lambda item: item.cv_rmse)[:TRIED]
    rows += [
        DetailRow(
            _("models tried, cross-validated CV(RMSE)"),
            tuple(f"{_.reason(item.model)}{_(': ')}{100 * item.cv_rmse:.2f} %" for item in tried) or ("–",),
        ),
        DetailRow(
            _("frozen"), (f"{format_minute(found.frozen_ms, month.zone)} {found.by}" if found.frozen_ms else "–",)
        ),
        DetailRow(
            _("static factors"), tuple(_.reason(factor_line(factor)) for factor in found.static_factors) or ("–",)
        ),
        DetailRow("SHA-256", (found.hash,), code=True),
    ]
    if month.saving and month.saving.causes:
        rows.append(DetailRow(_("standard uncertainty by component, kWh"), (_components_text(month, _),)))
        widths_wh = {80: month.saving.u80_wh, 90: month.saving.u90_wh, 95: month.saving.u95_wh}
        widths = (f"U{share} = {with_u(0.0, wh / 1000)[1]}" for share, wh in widths_wh.items())
        rows.append(DetailRow(_("uncertainty of the saving by probability, kWh"), (_("; ").join(widths),)))
    return rows


def _effective_samples(found: Baseline, _: Catalogue) -> tuple[str, ...]:
    if not found.n:
        return ("–",)
    formula = effective_samples_formula(found)
    return (f"{found.n_effective:.0f}", *([_.reason(formula)] if formula else []))


def _source_text(found: Baseline, zone: str, _: Catalogue) -> str:
    if not found.n:
        return _.reason(found.fallback) if found.fallback else "–"
    begin, end = format_minute(found.from_ms, zone), format_minute(found.to_ms, zone)
    return f"{begin} – {end}, {found.n} × {found.length_s // 60} min"


def _components_text(month: ReportMonth, _: Catalogue) -> str:
    """The components in descending order, their root sum of squares, and U95."""
    saving = month.saving
    assert saving is not None
    causes = sorted(((name, wh) for name, wh in saving.causes.items() if wh > 0), key=lambda pair: -pair[1])
    total = math.sqrt(sum(wh * wh for _name, wh in causes))
    parts = [f"{_(COMPONENTS[name].short)} {kwh(wh)}" for name, wh in causes]
    return _("; ").join((*parts, f"√Σu² = {kwh(total)}", f"U95 = {kwh(saving.u95_wh)}"))


def ranges(baseline: Baseline) -> Iterator[tuple[str, str]]:
    """Each driver with the range of its values; of a model with slopes by state, with the range in each state."""
    of_states = baseline.shape["ranges"] if slopes(baseline.shape) else {}
    for name in baseline.ranges:
        if name not in of_states:
            yield name, " | ".join(f"{low:g} … {high:g}" for low, high in covered_ranges(baseline, name))
            continue
        state = signal_name(baseline.drivers[-1])
        for value, (low, high) in zip(baseline.shape["states"], of_states[name], strict=True):
            yield name, f"{low:g} … {high:g} [{state} = {value:g}]"


def formula_lines(baseline: Baseline, _: Catalogue) -> tuple[str, ...]:
    """The model with its coefficients, so that a reader can calculate with it, and its symbols."""
    values = baseline.coefficients
    if baseline.kind == "shaft-power":
        return (_("E = {factor:.6g} · (shaft energy + losses of the old motor at this shaft power)", factor=values[0]),)
    letters = "xyzw"[: len(baseline.drivers)]
    symbols = [_("E: Wh in {minutes:d} min", minutes=baseline.length_s // 60)]
    symbols += [f"{letter} = {signal_name(driver)}" for letter, driver in zip(letters, baseline.drivers, strict=True)]
    equation = f"E = {formula(values, factors(baseline.kind, baseline.shape, letters))}"
    if "states" in baseline.shape:
        symbols.append(_("[…]: 1 in this state, otherwise 0"))
    shape = baseline.shape
    if weak := [signal_name(item["driver"]) for item in shape.get("weak", {}).get("drivers", ())]:
        symbols.append(_("not shown: the correction for weak drivers ({drivers})", drivers=_(", ").join(weak)))
    for letter, name in zip(letters, baseline.drivers, strict=True):
        lag_s, window_s = shape.get("lags_s", {}).get(name, 0.0), shape.get("windows_s", {}).get(name, 0.0)
        begin, end = (-lag_s - window_s / 2) / 60, (-lag_s + window_s / 2) / 60
        if begin or end:
            symbols.append(_("{letter}: mean from {begin:+.0f} min to {end:+.0f} min around the interval",
                             letter=letter, begin=begin, end=end))  # fmt: skip
    return equation, _("; ").join(symbols)


def ledger_rows(month: ReportMonth, _: Catalogue) -> list[DetailRow]:
    """Empty when the ledger has no record of this month."""
    ledger = month.ledger
    if (result := ledger.result) is None:
        return []
    state = _("all valid")
    if result.first_bad is not None:
        state = _("first invalid record: {seq:d}", seq=result.first_bad)
    external = _("none: truncation or rollback of the ledger is not detected")
    if ledger.external:
        external = f"{result.external_checkpoints}{_(': ')}{', '.join(ledger.external)}"
    reported = _("{energy} Wh (difference {difference:d} Wh)", energy=grouped(ledger.reported_wh),
                 difference=ledger.reported_wh - ledger.recorded_wh)  # fmt: skip
    rows = [
        DetailRow(_("intervals recorded"), (grouped(ledger.intervals),)),
        DetailRow(_("energy in the ledger"), (f"{grouped(ledger.recorded_wh)} Wh",)),
        DetailRow(_("energy in this report, same intervals"), (reported,)),
        DetailRow(_("intervals not recorded yet"), (grouped(ledger.pending),)),
        DetailRow(_("intervals without a record"), (grouped(ledger.unrecorded),)),
        DetailRow(
            _("intervals recorded again; recorded late"), (f"{grouped(result.amended)}; {grouped(result.late)}",)
        ),
        DetailRow(_("records verified"), (f"{grouped(result.records)}{_('; ')}{state}",)),
        DetailRow(
            _("recorded with configuration; software"),
            (_("; ").join(_versions(ledger.recorded_under.get(what, {}), _) for what in ("config", "software")),),
        ),
        DetailRow(_("external checkpoints compared"), (external,)),
        DetailRow(_("key"), (", ".join(result.keys),), code=True),
    ]
    if checkpoint := ledger.checkpoint:
        place = _("record {seq:d}, {day}", seq=checkpoint["seq"], day=str(checkpoint["day"]))
        rows += [
            DetailRow(_("checkpoint"), (checkpoint["hash"], place), code=True),
            DetailRow(_("signature"), (str(checkpoint["sig"]),), code=True),
        ]
    return rows


def _versions(intervals: Mapping[str, int], _: Catalogue) -> str:
    """Versions with the number of intervals that each recorded."""
    return (
        ", ".join(
            _("{version} ({n} intervals)", version=version or "–", n=grouped(n)) for version, n in intervals.items()
        )
        or "–"
    )


def sources(months: Sequence[ReportMonth], _: Catalogue) -> list[str]:
    """Sources of the grid factors in use, and the meaning of [M]."""
    used = {month.factor.source for month in months if month.factor is not None}
    found = [_("[M]: quoted from memory, not yet checked against the text")]
    return found + [f"{code}{_(': ')}{_(text)}" for code, text in emission_factors.SOURCES.items() if code in used]
