"""What the figures of a sheet rest on: assumptions, energy that is not compared, decisions, hashes and keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agent.contract.month import MonthDecision, MonthMotor
from agent.contract.month_reasons import reason_of
from agent.contract.plan import ContractMotor
from agent.contract.sheet.sheet import Sheet
from agent.contract.sheet.standing import fingerprint
from agent.contract.signatures import GATEWAY
from agent.core.text import N_, Catalogue
from agent.savings.report.formatting import grouped, kwh
from agent.savings.report.html.details import DetailRow

EVIDENCE_WORDS = (N_("proven"), N_("provisional"), N_("not_proven"), N_("negative"), N_("none"))
DECISION_WORDS = (N_("exclude"), N_("keep"), N_("adjust"))
EXCLUSIONS = {
    "energy_unknown": N_("energy unknown"),
    "shaft_energy_unknown": N_("shaft energy unknown"),
    "driver_missing": N_("no value of a driver"),
    "state_unknown": N_("state outside the baseline"),
    "no_energy_at_load": N_("no energy at load"),
    "off_not_in_baseline": N_("standstill, none in the baseline period"),
    "polling_incomplete": N_("incomplete polling"),
    "transition_interval": N_("start or stop of the motor"),
    "excluded_by_decision": N_("excluded by a decision"),
    "excluded_undecided": N_("a decision is awaited"),
    "driver_out_of_range": N_("outside the range of the baseline"),
    "driver_out_of_range_in_state": N_("outside the range of the baseline in this state"),
    "driver_in_coverage_gap": N_("in a coverage gap of the baseline"),
    "drivers_out_of_range_together": N_("combination outside the baseline"),
}  # code of an interval that is not in the saving → short


def assumptions(sheet: Sheet, _: Catalogue) -> list[dict[str, str]]:
    """Open assumptions of all motors."""
    several = len(sheet.month.motors) > 1
    found = []
    for terms, motor, _amount in sheet.motors():
        for stored in motor.assumptions:
            text = _.reason(reason_of(stored))
            shown = _(": ").join((terms.title, text)) if several else text
            found.append({"code": str(stored.get("code")), "text": shown})
    return found


def evidence_text(sheet: Sheet, motor: MonthMotor, _: Catalogue) -> str:
    """The verdict; an open assumption that both parties have signed is accepted, not checked."""
    word = _(motor.evidence)
    return _("{evidence:word}; accepted by both parties", evidence=motor.evidence) if (
        sheet.accepted and motor.assumptions) else word  # fmt: skip


def evidence_rows(sheet: Sheet, _: Catalogue) -> list[DetailRow]:
    ledger = sheet.month.ledger
    found = [DetailRow(name, value) for name, value in _per_motor(sheet, _) if value]
    found += [DetailRow(_("baseline"), tuple(_hashes(sheet, _)), code=True)] if any(_hashes(sheet, _)) else []
    if sheet.signed is not None:
        lines = _("{first:d} to {last:d}, hash of the last one:", first=ledger.first, last=ledger.last)
        found.append(DetailRow(_("lines of the ledger"), (lines, ledger.hash), code=True))
        found.append(DetailRow(_("this document, SHA-256"), (sheet.signed.id,), code=True))
    found.append(DetailRow(_("M&V plan, SHA-256"), (sheet.version.signed.id,), code=True))
    found.append(DetailRow(_("key of the gateway"), (_gateway(sheet, _),)))
    return found


def _per_motor(sheet: Sheet, _: Catalogue) -> Iterator[tuple[str, tuple[str, ...]]]:
    several = len(sheet.month.motors) > 1
    rows: dict[str, list[str]] = {}
    for terms, motor, _amount in sheet.motors():
        for name, text in (
            (_("not in the saving"), _excluded(motor, _)),
            (_("not measured"), _("{hours} h", hours=grouped(motor.unmeasured_s / 3600, 1))),
            (_("decisions on events"), _("; ").join(_decision(each, _) for each in motor.decisions)),
            (_("recalculated"), _("{n:d} {n:interval|intervals}", n=len(motor.recalculated))
             if motor.recalculated else ""),
        ):  # fmt: skip
            if text:
                rows.setdefault(name, []).append(_(": ").join((terms.title, text)) if several else text)
    for name, lines in rows.items():
        yield name, tuple(lines)


def _excluded(motor: MonthMotor, _: Catalogue) -> str:
    parts = [
        _("{energy} kWh: {cause:word}", energy=kwh(wh), cause=EXCLUSIONS.get(code, code))
        for code, wh in motor.excluded_wh.items()
    ]
    return _("; ").join(parts)


def _decision(each: MonthDecision, _: Catalogue) -> str:
    energy = f" {kwh(sum(each.energy_wh.values()))} kWh" if each.energy_wh else ""
    return _("event {number:d}: {decision:word}{energy} (line {line}…)", number=each.event, decision=each.decision,
             energy=energy, line=each.line[:16])  # fmt: skip


def _hashes(sheet: Sheet, _: Catalogue) -> Iterator[str]:
    several = len(sheet.month.motors) > 1
    for terms, _motor, _amount in sheet.motors():
        if terms.baseline_hash:
            yield f"{terms.title} {terms.baseline_hash}" if several else terms.baseline_hash


def _gateway(sheet: Sheet, _: Catalogue) -> str:
    month = sheet.month
    place = f"{month.site} / {month.gateway}"
    key = fingerprint(month.gateway_key)
    own = [each for each in sheet.signed.signatures if each.role == GATEWAY] if sheet.signed else []
    if not own:
        return _("{place}, {key}", place=place, key=key)
    return _("{place}, {key}, issued {signed_ms:local}", place=place, key=key, signed_ms=own[0].signed_ms)
