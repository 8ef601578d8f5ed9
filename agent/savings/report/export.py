"""The report as data: intervals as CSV for a spreadsheet, everything as JSON for a program.

docs/explanation/report.md lists names and units. Every figure of the report can be calculated from these two files.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from msgspec.structs import asdict

from agent.config import emission_factors
from agent.config.certificates import Certificate, newest_of
from agent.core.local_time import format_minute
from agent.core.spreadsheet import cell_text
from agent.core.text import as_object
from agent.savings.accounting.account import saving_json
from agent.savings.accounting.interval_comparison import IntervalResult
from agent.savings.baseline.models import ReplacedMotor, old_losses_wh
from agent.savings.records.baseline_json import to_json
from agent.savings.records.meter_identity import nominal_v
from agent.savings.records.model import Interval
from agent.savings.records.replaced_motor import old_motor_of
from agent.savings.report.html.page import Cover
from agent.savings.report.model.month import ReportMonth
from agent.savings.report.model.priced_parts import mean_price

HEAD = ("motor", "start_local", "start_utc", "driver", "measured_kwh", "adjusted_baseline_kwh", "saved_kwh",
        "coverage_pct", "excluded_reason", "flags", "source", "period", "price", "reactive_kvarh", "shaft_kwh",
        "register_start_kwh", "register_end_kwh", "meter", "auxiliary_kwh", "filled_kwh", "speed_rpm", "running_s",
        "motor_loss_kwh", "u_motor_loss_kwh", "drive_loss_kwh", "u_drive_loss_kwh", "old_motor_loss_kwh",
        "length_min")  # fmt: skip


def as_csv(months: Sequence[ReportMonth]) -> bytes:
    """One row for each interval; UTF-8 with a byte-order mark for spreadsheets. Empty: unknown.

    After the columns of HEAD: two columns for each driver of any motor, its mean and its U (k = 2).
    A text that a spreadsheet would take for a formula begins with a single quote (OWASP, CSV injection).
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    drivers = sorted({name for month in months for item in month.intervals for name in item.drivers})
    writer.writerow([*HEAD, *(column for name in drivers for column in (cell_text(name), f"u_{name}"))])
    for month in months:
        results = {result.start_ms: result for result in month.results}
        for item in month.intervals:
            own = [value for name in drivers for value in item.drivers.get(name, (None, None))]
            writer.writerow([*_row(month, item, results.get(item.start_ms)), *map(_number, own)])
    return out.getvalue().encode("utf-8-sig")


def _row(month: ReportMonth, item: Interval, result: IntervalResult | None) -> list[str]:
    measured = None if item.energy_wh is None else item.energy_wh + item.auxiliary_wh
    adjusted = result.adjusted_wh if result else None
    saved = None if result is None or result.excluded or adjusted is None or measured is None else adjusted - measured
    register_start_wh, register_end_wh = item.register_wh or (None, None)
    return [
        cell_text(month.asset), format_minute(item.start_ms, month.zone), format_minute(item.start_ms, "UTC"),
        _number(result.driver if result else None), _kwh(measured), _kwh(adjusted), _kwh(saved),
        str(round(100 * item.coverage, 4)), result.excluded.code if result and result.excluded else "",
        cell_text(" ".join(item.flags)), cell_text(item.source), *_price(month, item), _kwh(item.reactive_varh),
        _kwh(item.shaft_wh), _kwh(register_start_wh), _kwh(register_end_wh), cell_text(item.meter),
        _kwh(item.auxiliary_wh), _kwh(item.filled_wh), _number(item.speed_rpm), _number(item.running_s),
        _kwh(item.motor_loss_wh), _kwh(item.u_motor_loss_wh), _kwh(item.drive_loss_wh), _kwh(item.u_drive_loss_wh),
        _kwh(_old_loss_wh(month, item)), _number(item.length_s / 60),
    ]  # fmt: skip


def _old_motor(month: ReportMonth) -> dict[str, float] | None:
    """What the losses of the old motor are calculated from; None: unknown."""
    plate = old_motor_of(month.plant.motor) if month.plant and month.plant.motor else None
    return plate or (month.baseline.shape.get("old_motor") if month.baseline else None)


def _old_loss_wh(month: ReportMonth, item: Interval) -> float | None:
    plate = _old_motor(month)
    return old_losses_wh(ReplacedMotor(**plate), item) if plate else None


def _price(month: ReportMonth, item: Interval) -> tuple[str, str]:
    """Name and value of the price, see `mean_price`; empty without a tariff, and where it has no price."""
    if month.tariff is None:
        return "", ""
    try:
        name, price = mean_price(month.tariff, item)
    except ValueError:
        return "", ""
    return cell_text(name), f"{price:.10g}"


def as_json(months: Sequence[ReportMonth], cover: Cover) -> str:
    """The value of "ledger" is the newest checkpoint: `magwatt ledger verify --checkpoint` accepts this file."""
    checkpoints = [month.ledger.checkpoint for month in months if month.ledger.checkpoint]
    body = {
        "s": "magwatt.report/1", "site": cover.site, "gateway": cover.gateway, "zone": cover.zone,
        "made_ms": cover.made_ms, "version": cover.version, "config": cover.config_hash,
        "ledger": checkpoints[0] if checkpoints else None,
        "ledger_key": next((month.ledger.key for month in months if month.ledger.key), None),
        "motors": [_motor(month) for month in months],
    }  # fmt: skip
    return json.dumps(body, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _motor(month: ReportMonth) -> dict[str, Any]:
    saving, money, ledger = month.saving, month.money, month.ledger
    found: dict[str, Any] = {
        "motor": month.asset, "title": month.title, "month": month.month, "from_ms": month.from_ms,
        "to_ms": month.to_ms, "simulated": month.simulated,
        "notes": [as_object(note) for note in month.notes], "hints": [as_object(hint) for hint in month.hints],
        "measured_wh": month.measured_wh if month.energy_known else None, "coverage": month.coverage,
        "compared": month.compared,
        "running_h": month.running_h, "tonnes": month.tonnes,
        "saving": saving_json(saving) if saving else None,
        "baseline": to_json(month.baseline) if month.baseline else None, "meter": _meter(month),
        "old_motor": _old_motor(month),
        "tariff": _tariff(month),
        "days": [asdict(day) for day in month.days],
        "events": [asdict(event) | {"cause": as_object(event.cause)} for event in month.events],
        "alarms": [asdict(alarm) for alarm in month.alarms],
        "ledger": {
            "intervals": ledger.intervals, "recorded_wh": ledger.recorded_wh, "reported_wh": ledger.reported_wh,
            "differing": ledger.differing, "unrecorded": ledger.unrecorded, "not_yet_recorded": ledger.pending,
            "external_checkpoints": ledger.result.external_checkpoints if ledger.result else 0,
            "confirmed": ledger.confirmed, "ok": ledger.result.ok if ledger.result else None,
            "first_bad": ledger.result.first_bad if ledger.result else None, "recorded_under": ledger.recorded_under,
            "self_named": ledger.result.self_named if ledger.result else None,
        },
    }  # fmt: skip
    if saving is not None:
        found["coal"] = {convention: asdict(figure) for convention, figure in month.coal.items()}
        found["coal_kgce"] = {
            convention: emission_factors.coal_kg(saving.saved_wh, figure) for convention, figure in month.coal.items()
        }
    if month.factor is not None:
        found["grid_factor"] = asdict(month.factor)
        found["avoided_grid_emissions_kg"] = month.co2_kg
    if money is not None:
        found["money"] = {
            "currency": money.currency, "saved": money.saved, "u95": money.u95, "own_bill": money.own_bill,
            "demand_at_most": money.demand_at_most, "demand_saved": money.demand_saved,
            "demand_u95": money.demand_u95, "before": asdict(money.before), "after": asdict(money.after),
        }  # fmt: skip
    return found


def _meter(month: ReportMonth) -> dict[str, Any] | None:
    if month.plant is None or (meter := month.plant.meter) is None:
        return None
    return {
        "name": meter.name, "profile": meter.profile, "measuring_point": meter.measuring_point,
        "serial_number": meter.serial_number or None,
        "class": meter.accuracy_class, "ct": list(meter.ct) if meter.ct else None, "ct_class": meter.ct_class or None,
        "vt": list(meter.vt) if meter.vt else None, "vt_class": meter.vt_class or None,
        "nominal_v": nominal_v(meter, month.plant.motor),
        "certificate": newest.number if (newest := newest_of(meter.certificates, "meter")) else None,
        "certificates": [_certificate(item) for item in meter.certificates],
    }  # fmt: skip


def _certificate(item: Certificate) -> dict[str, str | None]:
    return {name: None if value is None else str(value) for name, value in asdict(item).items()}


def _tariff(month: ReportMonth) -> dict[str, Any] | None:
    """Prices per kWh in this month."""
    if (tariff := month.tariff) is None:
        return None
    return {
        "currency": tariff.currency, "prices": {**tariff.prices, **tariff.prices_in.get(month.month, {})},
        "reading_day": tariff.reading_day,
    }  # fmt: skip


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _kwh(wh: float | None) -> str:
    return "" if wh is None else f"{wh / 1000:.4f}"
