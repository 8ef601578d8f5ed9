"""Tables of `magwatt fleet query`."""

from __future__ import annotations

from msgspec.structs import replace

from agent.cli.fleet_view import table_lines
from agent.fleet.savings import MotorMonth

MONTH = MotorMonth("mill-2", "gw-07", "9c1f", "pump-1", "2026-10", 2976, 71_240_118, 2976, 80_561_904, 9_321_786, 0, 0)


def test_two_ledgers_with_one_name_are_two_different_lines() -> None:
    heading, *lines = table_lines("savings", [MONTH, replace(MONTH, ledger="c0fe")])
    assert heading.split()[:3] == ["site", "gateway", "ledger"]
    assert [line.split()[2] for line in lines[:2]] == ["9c1f", "c0fe"]
    assert "ledger" not in next(table_lines("savings", [MONTH, replace(MONTH, gateway="gw-08", ledger="c0fe")]))
