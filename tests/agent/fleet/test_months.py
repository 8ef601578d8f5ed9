"""Gaps between months: one finding each, however long."""

from __future__ import annotations

from pathlib import Path

from agent.fleet import reasons as codes
from agent.fleet.lake_files import LakeFile
from agent.fleet.messages import RowCoverage
from agent.fleet.months import gateways_without, missing_months

FAN = {"site": "mill-2", "gateway": "gw-07", "motor": "fan"}


def row(month: str, gateway: str = "gw-07") -> RowCoverage:
    return RowCoverage("mill-2", gateway, "fan", month, 1, 1, 0, 0, 0, None)


def test_each_gap_is_one_finding() -> None:
    months = ("1970-01", "2026-01", "2026-03", "2026-04")
    assert list(missing_months(map(row, months))) == [
        codes.MONTHS_MISSING(**FAN, n=671, first="1970-02", last="2025-12"),  # 56 years less one month
        codes.MONTH_MISSING(**FAN, month="2026-02"),
    ]


def test_findings_are_in_the_order_of_the_gateways() -> None:
    """A query returns its groups in any order."""
    rows = [row(month, gateway) for gateway in ("gw-08", "gw-07", "gw-09") for month in ("2026-03", "2026-01")]
    assert [finding.data["gateway"] for finding in missing_months(rows)] == ["gw-07", "gw-08", "gw-09"]


def test_a_month_that_is_asked_for() -> None:
    """gw-07 has none, gw-08 has, gw-09 began later."""
    months = {"gw-07": ("2026-09-30", "2026-11-01"), "gw-08": ("2026-09-01", "2026-10-01", "2026-11-01"),
              "gw-09": ("2026-11-01",)}  # fmt: skip
    files = [LakeFile(Path("x"), "mill-2", gateway, "", day, None, None, 1)
             for gateway, days in months.items() for day in days]  # fmt: skip
    found = list(gateways_without("2026-10", files, [row("2026-10", "gw-08")]))
    assert found == [codes.GATEWAY_MONTH_MISSING(site="mill-2", gateway="gw-07", month="2026-10")]
