"""The report beside its page: quarter hours as CSV for a spreadsheet, everything as JSON for a program."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from agent.savings import carbon
from agent.savings.report.html import Cover
from agent.savings.report.month import Month, local


def as_csv(months: Sequence[Month]) -> bytes:
    """One row each quarter hour; UTF-8 with a byte-order mark, as spreadsheets want it. Empty: not known."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["motor", "begin_local", "begin_utc", "driver", "measured_kwh", "old_plant_kwh", "saved_kwh",
                     "coverage_pct", "nothing_claimed_because", "flags", "source"])  # fmt: skip
    for month in months:
        lines = {line.start_ms: line for line in month.lines}
        for item in month.intervals:
            line = lines.get(item.start_ms)
            measured = None if item.energy_wh is None else item.energy_wh + item.auxiliary_wh
            adjusted = line.adjusted_wh if line else None
            claimed = line is not None and not line.why and adjusted is not None and measured is not None
            writer.writerow([
                month.asset, local(item.start_ms, month.zone), local(item.start_ms, "UTC"),
                "" if line is None or line.driver is None else f"{line.driver:.6g}", _kwh(measured), _kwh(adjusted),
                _kwh(adjusted - measured) if claimed and adjusted is not None and measured is not None else "",
                f"{100 * item.coverage:.1f}", line.why if line else "", " ".join(item.flags), item.source,
            ])  # fmt: skip
    return out.getvalue().encode("utf-8-sig")


def as_json(months: Sequence[Month], cover: Cover) -> str:
    """The newest root stands under "ledger", so that `magwatt verify --roots` takes this file."""
    proofs = [month.proof.root for month in months if month.proof.root]
    body = {
        "s": "magwatt.report/1", "site": cover.site, "gateway": cover.gateway, "made_ms": cover.made_ms,
        "version": cover.version, "config": cover.config_hash, "ledger": proofs[0] if proofs else None,
        "motors": [_motor(month) for month in months],
    }  # fmt: skip
    return json.dumps(body, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _motor(month: Month) -> dict[str, Any]:
    saving, money, proof = month.saving, month.money, month.proof
    found: dict[str, Any] = {
        "motor": month.asset, "title": month.title, "month": month.month, "from_ms": month.from_ms,
        "to_ms": month.to_ms, "simulated": month.simulated, "notes": list(month.notes),
        "measured_wh": month.measured_wh if month.intervals else None, "coverage": month.coverage,
        "compared": month.compared,
        "running_h": month.running_h, "tonnes": month.tonnes,
        "saving": asdict(saving) | {"share": saving.share} if saving else None,
        "baseline": {"hash": month.baseline.hash, "kind": month.baseline.kind} if month.baseline else None,
        "days": [asdict(day) for day in month.days], "events": [asdict(event) for event in month.events],
        "ledger": {
            "hours": proof.hours, "recorded_wh": proof.recorded_wh, "shown_wh": proof.shown_wh,
            "differing": proof.differing, "unrecorded": proof.stray, "not_yet_recorded": proof.waiting,
            "roots_elsewhere": proof.verdict.roots_elsewhere if proof.verdict else 0,
            "bears_out": proof.bears_out, "content": proof.verdict.content if proof.verdict else None,
            "first_bad": proof.verdict.first_bad if proof.verdict else None,
        },
    }  # fmt: skip
    if saving is not None:
        found["saving"]["parts"] = {name: part._asdict() for name, part in saving.parts.items()}
        found["coal_kgce"] = {
            kind: carbon.coal_kg(saving.saved_wh, carbon.coal(kind, month.year)) for kind in ("calorific", "equivalent")
        }
    if month.factor is not None:
        found["grid_factor"] = asdict(month.factor)
        found["avoided_grid_emissions_kg"] = month.co2_kg
    if money is not None:
        found["money"] = {
            "currency": money.currency, "saved": money.saved, "u95": money.u95, "own_bill": money.own_bill,
            "demand_at_most": money.demand_at_most, "before": asdict(money.before), "after": asdict(money.after),
        }  # fmt: skip
    return found


def _kwh(wh: float | None) -> str:
    return "" if wh is None else f"{wh / 1000:.4f}"
