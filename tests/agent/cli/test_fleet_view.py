"""Tables of `magwatt fleet query`."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from agent.cli.fleet_view import problem_lines, table_lines
from agent.fleet.savings import MotorMonth
from agent.fleet.verify import VerifiedLedger
from agent.savings.ledger.verification import VerificationResult

MONTH = MotorMonth("mill-2", "gw-07", "9c1f", "pump-1", "2026-10", 2976, 71_240_118, 2976, 80_561_904, 9_321_786, 0, 0)


@pytest.mark.text
def test_two_ledgers_with_one_name_are_two_different_lines() -> None:
    heading, *lines = table_lines("savings", [MONTH, replace(MONTH, ledger="c0fe")])
    assert heading.split()[:3] == ["site", "gateway", "ledger"]
    assert [line.split()[2] for line in lines[:2]] == ["9c1f", "c0fe"]
    assert "ledger" not in next(table_lines("savings", [MONTH, replace(MONTH, gateway="gw-08", ledger="c0fe")]))


@pytest.mark.text
def test_without_any_checkpoint_one_line_names_the_number_of_keys() -> None:
    """A thousand gateways without checkpoints had a thousand lines."""
    checks = [VerifiedLedger("mill-2", f"gw-{n}", "9c1f", VerificationResult(records=5, keys=["c0fe"]), 0)
              for n in range(3)]  # fmt: skip
    [line] = problem_lines(checks)
    assert " 3 ledgers" in line
    confirmed = VerificationResult(records=5, keys=["c0fe"], external_checkpoints=1, self_named=False)
    some = [*checks, VerifiedLedger("mill-2", "gw-9", "9c1f", confirmed, 0)]
    assert [line.split(":")[0] for line in problem_lines(some)] == ["mill-2/gw-0", "mill-2/gw-1", "mill-2/gw-2"]
    assert [line.split(":")[0] for line in problem_lines(checks[:1])] == ["mill-2/gw-0"]
