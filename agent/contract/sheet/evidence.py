"""What the figures of a sheet rest on: assumptions, energy that is not compared, decisions, hashes and keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agent.contract.month import MonthMotor
from agent.contract.month_reasons import reason_of
from agent.contract.sheet.sheet import Sheet
from agent.contract.sheet.standing import fingerprint
from agent.contract.signatures import GATEWAY
from agent.core.text import N_, Catalogue
from agent.savings.report.formatting import grouped, kwh
from agent.savings.report.html.details import DetailRow

EVIDENCE_WORDS = (N_("proven"), N_("provisional"), N_("not_proven"), N_("negative"), N_("none"))
DECISION_WORDS = (N_("exclude"), N_("keep"), N_("adjust"))


def motor_evidence(sheet: Sheet, _: Catalogue) -> list[dict[str, Any]]:
    """Of each motor: its open assumptions, what is not compared or measured, decisions, and its baseline."""
    return [
        {
            "title": terms.title, "baseline": terms.baseline_hash, "facts": list(_facts(motor, _)),
            "assumptions": [{"code": str(stored.get("code")), "text": _.reason(reason_of(stored))}
                            for stored in motor.assumptions],
        }
        for terms, motor, _amount in sheet.motors()
    ]  # fmt: skip


def evidence_text(sheet: Sheet, motor: MonthMotor, _: Catalogue) -> str:
    """The verdict; an open assumption that both parties have signed is accepted, not checked."""
    word = _(motor.evidence)
    return _("{evidence:word}; accepted by both parties", evidence=motor.evidence) if (
        sheet.accepted and motor.assumptions) else word  # fmt: skip


def evidence_rows(sheet: Sheet, _: Catalogue) -> list[DetailRow]:
    """Hashes and keys of the document."""
    ledger, found = sheet.month.ledger, list[DetailRow]()
    if sheet.signed is not None:
        lines = _("{first:d} to {last:d}", first=ledger.first, last=ledger.last)
        found.append(DetailRow(_("lines of the ledger, hash of the last one"), (lines, ledger.hash), code=True))
        found.append(DetailRow(_("this document, SHA-256"), (sheet.signed.id,), code=True))
    found.append(DetailRow(_("M&V plan, SHA-256"), (sheet.version.signed.id,), code=True))
    found.append(DetailRow(_("key of the gateway"), (_gateway(sheet, _),)))
    return found


def _facts(motor: MonthMotor, _: Catalogue) -> Iterator[str]:
    for code, wh in motor.excluded_wh.items():
        yield _("not in the saving: {energy} kWh ({cause:word})", energy=kwh(wh), cause=code)
    if motor.unmeasured_s:
        yield _("not measured: {hours} h", hours=grouped(motor.unmeasured_s / 3600, 1))
    for each in motor.decisions:
        energy = f" {kwh(sum(each.energy_wh.values()))} kWh" if each.energy_wh else ""
        yield _("event {number:d}: {decision:word}{energy} (line {line}…)", number=each.event, decision=each.decision,
                energy=energy, line=each.line[:16])  # fmt: skip
    if motor.recalculated:
        yield _("recalculated after it was recorded: {n:d} {n:interval|intervals}", n=len(motor.recalculated))


def _gateway(sheet: Sheet, _: Catalogue) -> str:
    month = sheet.month
    place = f"{month.site} / {month.gateway}"
    key = fingerprint(month.gateway_key)
    own = [each for each in sheet.signed.signatures if each.role == GATEWAY] if sheet.signed else []
    if not own:
        return _("{place}, {key}", place=place, key=key)
    return _("{place}, {key}, issued {signed_ms:local}", place=place, key=key, signed_ms=own[0].signed_ms)
