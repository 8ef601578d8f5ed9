"""The report of a fleet as JSON: everything that the page shows, of all motors."""

from __future__ import annotations

from typing import Any

from msgspec.structs import asdict

from agent import VERSION
from agent.core.text import as_object
from agent.fleet.report.motors import MotorSaving
from agent.fleet.report.report import FleetReport
from agent.savings.accounting.account import saving_json

FORMAT = "magwatt.fleet-report/1"


def report_json(report: FleetReport) -> dict[str, Any]:
    """One object; energies in Wh, times in UTC milliseconds."""
    total, uncertainty = report.total, report.total.uncertainty
    return {
        "s": FORMAT, "months": list(report.months), "made_ms": report.made_ms, "version": VERSION,
        "verified": report.verified, "simulated": report.simulated, "gateways": report.gateways,
        "total": {
            "motors": total.motors, "undecided": total.undecided, "without": total.without,
            "measured_wh": total.measured_wh, "adjusted_wh": total.adjusted_wh, "saved_wh": total.saved_wh,
            "verdict": total.verdict, **asdict(uncertainty),
        },
        "motors": [_motor(motor) for motor in report.motors],
        "attention": [{"kind": item.kind, **as_object(item.reason)} for item in report.attention],
    }  # fmt: skip


def _motor(motor: MotorSaving) -> dict[str, Any]:
    return {
        "site": motor.site, "gateway": motor.gateway, "ledger": motor.ledger, "motor": motor.motor,
        "title": motor.title, "from_ms": motor.from_ms, "to_ms": motor.to_ms, "measured_wh": motor.measured_wh,
        "coverage": motor.coverage, "compared": motor.compared, "simulated": motor.simulated,
        "note": as_object(motor.note) if motor.note else None,
        "saving": saving_json(motor.saving) if motor.saving else None,
    }  # fmt: skip
