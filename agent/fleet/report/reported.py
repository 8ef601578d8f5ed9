"""Savings of a month as the reports of the motors state them, for `magwatt fleet query reported`."""

from __future__ import annotations

from msgspec import Struct

from agent.fleet.lake import Lake
from agent.fleet.report.report import collect


class ReportedMonth(Struct, frozen=True):
    """A motor and its billing month. Energies in Wh, of the intervals that are part of the saving.

    intervals: their number. u95_wh: uncertainty of saved_wh. compared: their share of the time.
    """

    site: str
    gateway: str
    ledger: str
    motor: str
    month: str
    intervals: int
    measured_wh: float
    adjusted_wh: float
    saved_wh: float
    u95_wh: float
    verdict: str
    compared: float


def reported(lake: Lake, month: str, now_ms: int, processes: int = 1) -> list[ReportedMonth]:
    """By site, gateway and motor; motors without a saving are left out. Raises LakeError, InvalidValue."""
    found = [
        ReportedMonth(
            motor.site, motor.gateway, motor.ledger, motor.motor, month, saving.intervals, saving.measured_wh,
            saving.adjusted_wh, saving.saved_wh, saving.u95_wh, saving.verdict, motor.compared,
        )
        for motor in collect(
            lake.path, (month, month), now_ms, processes=processes, findings=lake.findings
        ).motors
        if (saving := motor.saving) is not None
    ]  # fmt: skip
    return sorted(found, key=lambda row: (row.site, row.gateway, row.ledger, row.motor))
