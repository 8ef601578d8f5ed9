"""The fault matrix: every fault on every kind of line, ten polls each. No wrong value; available values arrive in time.

The faults are in simulators/bus/faults.py, the check in tests/support/answer_check.py. The contents of each response
identify its request, so a response to another block, or to an earlier poll of the same block, is detected.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import pytest
from support.answer_check import Score, block_of
from support.bus_servers import read_registers
from support.fault_matrix import MATRIX, Expect, Fault, Line, faults
from support.scripted_line import FaultyLine
from support.scripted_serial import SerialLine
from support.scripted_slave import open_line

from agent.core.clock import SystemClock
from drivers.errors import DriverError
from drivers.modbus_link import BusSettings, ModbusLink

pytestmark = pytest.mark.alone

POLLS = 10
PATIENCE_S, TRIES, SPARE = 0.3, 3, 8
PERIOD_S = 1.0  # each of up to three attempts waits 0.3 s at most; the rest is transmission time
AT_ONCE = 12  # rows that run in parallel, each with its own line
RETRY_S = 0.15  # pause after a poll with a lost connection, as in a scheduler


@dataclass
class Row:
    score: Score
    longest_s: float
    violations: int
    last_good: bool


def wire(line: FaultyLine) -> BusSettings:
    return BusSettings(
        line.kind.value, host=line.host, port_number=line.port_number, serial_port=line.serial_port, baud=19200,
        rtu_framing=line.kind.is_rtu,
    )  # fmt: skip


async def torture(fault: Fault, kind: Line) -> Row:
    line = open_line(kind, fault.script)
    line.start()
    link = ModbusLink(wire(line), SystemClock())
    row = Row(Score(), 0.0, 0, False)
    try:
        for poll in range(POLLS):
            block, since_s = block_of(poll), time.monotonic()
            try:
                words = await read_registers(
                    link, block.unit, block.function, block.address, block.words, PATIENCE_S,
                    spare=SPARE, tries=TRIES,
                )  # fmt: skip
            except DriverError as error:
                row.score.miss(error)
                row.last_good = False
                await asyncio.sleep(RETRY_S if "connection" in fault.name else 0)
            else:
                row.score.take(words, block, since_s, line.asked)
                row.last_good = True
            row.longest_s = max(row.longest_s, time.monotonic() - since_s)
    finally:
        await link.close()
        await asyncio.to_thread(line.stop)
    row.violations = line.violations if isinstance(line, SerialLine) else 0
    return row


@pytest.fixture(scope="module", params=list(Line), ids=lambda kind: kind.value)
def rows(request: pytest.FixtureRequest) -> dict[str, Row]:
    """All rows of one kind of line, many in parallel, because most of the time is waiting."""
    kind: Line = request.param

    async def scene() -> dict[str, Row]:
        room = asyncio.Semaphore(AT_ONCE)

        async def one(fault: Fault) -> Row:
            async with room:
                return await torture(fault, kind)

        wanted = faults(kind)
        return dict(zip((fault.name for fault in wanted), await asyncio.gather(*map(one, wanted)), strict=True))

    return asyncio.run(asyncio.wait_for(scene(), 120))


@pytest.fixture
def row(rows: dict[str, Row], fault: Fault) -> Row:
    if fault.name not in rows:
        pytest.skip("not a fault of this kind of line")
    return rows[fault.name]


by_fault = pytest.mark.parametrize("fault", MATRIX, ids=lambda fault: fault.name.replace(" ", "-"))


@by_fault
def test_no_wrong_value_is_returned(row: Row, fault: Fault) -> None:
    assert row.score.wrong == 0, row.score.reasons


@by_fault
def test_available_values_are_read_within_their_period(row: Row, fault: Fault) -> None:
    if fault.expect is Expect.DELIVER:
        assert row.score.good == POLLS, row.score.reasons
        assert row.longest_s < PERIOD_S
    elif fault.expect is Expect.NEVER:
        assert row.score.good == 0, "there was no right answer on the line"
        assert row.score.lost == POLLS


@pytest.mark.parametrize("fault", [fault for fault in MATRIX if fault.name == "connection lost once"], ids=["lost"])
def test_a_lost_connection_is_reopened(row: Row, fault: Fault) -> None:
    assert row.last_good, row.score.reasons
    assert row.score.good >= POLLS // 2, row.score.reasons


@pytest.mark.parametrize("fault", [fault for fault in MATRIX if fault.name == "clean"], ids=["clean"])
def test_the_inter_frame_delay_is_kept(row: Row, fault: Fault) -> None:
    assert row.violations == 0
