"""A hostile slave on a serial line: responses lost, damaged, echoed, repeated, in any order, up to the end of their
quarantine. No wrong value results.

A repeated response follows the first one directly. Blocks of the same shape and retries in parts, as in test_fuzz.py.
"""

from __future__ import annotations

import asyncio
import time
from random import Random

import pytest
from support.answer_check import Score
from support.bus_servers import read_registers
from support.fault_matrix import FaultStep, Script, clean, damaged, echo
from support.scripted_line import Peer
from support.scripted_slave import UnorderedPty

from agent.core.clock import SystemClock
from drivers.errors import DriverError
from drivers.modbus_link import BusSettings, ModbusLink
from simulators.bus.frames import Ask, ReadBlock

PATIENCE_S, TRIES, SPARE = 0.012, 3, 2
QUARANTINE_S = 0.5  # instead of 5 s; the other times are as short as the threads allow
LATEST_S = 0.97 * QUARANTINE_S
BLOCKS = [
    ReadBlock(unit, function, address, words)
    for unit in (1, 2)
    for function, address, words in ((3, 100, 4), (3, 200, 4), (3, 300, 1), (3, 310, 1), (4, 100, 4), (3, 400, 20))
]


class Hostile(UnorderedPty):
    """Sends nothing later than LATEST_S after its request, also when the machine is busy."""

    long_late = 0.07

    def _send_at(self, when_s: float, data: bytes, peer: Peer) -> None:
        limit_s = self.asked[-1].at_s + LATEST_S

        def send() -> None:
            if self.now() < limit_s:
                self._send(data, peer, when_s, lambda _end_s: None)

        self.at(when_s, send)


class Sequential(Hostile):
    """Responds in the order of the requests: a late response holds up the next ones."""

    long_late = 0.01
    _free_s = 0.0

    def _send_at(self, when_s: float, data: bytes, peer: Peer) -> None:
        self._free_s = max(when_s, self._free_s)
        super()._send_at(self._free_s, data, peer)


def hostile(chance: Random, calm: int, long_late: float) -> Script:
    """Faults of half of the responses. long_late: share of those that are late by up to the quarantine.

    The first `calm` responses are correct or lost, so that order is trusted.
    """

    def script(ask: Ask) -> list[FaultStep]:
        kind = chance.random()
        if kind < 0.5:
            return clean(ask)
        if kind < 0.7 or ask.number <= calm:
            return []
        if kind < 0.8:
            return [FaultStep(ask.frame(), chance.uniform(0, 4 * PATIENCE_S))]
        if kind < 0.8 + long_late:
            return [FaultStep(ask.frame(), chance.uniform(0.5, 0.96) * QUARANTINE_S)]
        if kind < 0.9:
            return [FaultStep(ask.frame() + ask.frame())]
        if kind < 0.95:
            return echo(ask)
        return damaged(ask)

    return script


async def exchanges(slave: Hostile, chance: Random, count: int) -> Score:
    """Polls random blocks, one directly after the other."""
    score = Score()
    link = ModbusLink(BusSettings("fuzz", serial_port=slave.serial_port, baud=115200), SystemClock())
    for _ in range(count):
        block, since_s = chance.choice(BLOCKS), time.monotonic()
        edges = range(block.words + SPARE + 1) if block.words > 1 else range(2)
        try:
            words = await read_registers(
                link, block.unit, block.function, block.address, block.words, 2 * PATIENCE_S, edges=edges, tries=TRIES,
                retry_after_s=PATIENCE_S,
            )  # fmt: skip
        except DriverError as error:
            score.miss(error)
        else:
            score.take(words, block, since_s, slave.asked)
    await link.close()
    return score


def fuzz(kind: type[Hostile], seed: int, count: int, calm: int, monkeypatch: pytest.MonkeyPatch) -> Score:
    monkeypatch.setattr("drivers.late_responses.QUARANTINE_S", QUARANTINE_S)
    slave = kind(hostile(Random(seed), calm, kind.long_late), baud=0, turnaround_s=0.0)
    slave.start()
    try:
        score = asyncio.run(asyncio.wait_for(exchanges(slave, Random(-seed), count), 600))
    finally:
        slave.stop()
    print(kind.__name__, seed, score)
    wrong = [reason for reason in score.reasons if "response to request" in reason or "contents" in reason]
    assert score.wrong == 0, (seed, wrong[:5])
    return score


@pytest.mark.alone
@pytest.mark.parametrize("kind", [Hostile, Sequential])
def test_no_wrong_value_from_a_hostile_slave(kind: type[Hostile], monkeypatch: pytest.MonkeyPatch) -> None:
    score = fuzz(kind, 1, 60, 0, monkeypatch)
    assert score.good > 10


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(("kind", "calm"), [(Hostile, 0), (Sequential, 0), (Sequential, 2000)])
def test_no_wrong_value_from_a_hostile_slave_in_a_long_run(
    kind: type[Hostile], calm: int, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """calm: the slave loses responses, but none is late, so that the master trusts its order, then it changes."""
    score = fuzz(kind, 100 + seed, 3000, calm, monkeypatch)
    assert score.good > 300
