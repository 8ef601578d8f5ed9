"""Random faults with a fixed seed on a fast line: bytes inserted, dropped, flipped; responses lost and late.

No wrong value results. RTU over TCP without pacing, several units and blocks. A corrupt frame with a matching CRC
cannot be distinguished from a valid one (probability 1 in 65,536). Such a value is counted separately, and only if this
frame was sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.answer_check import Score, fault_of
from support.bus_servers import read_registers

from agent.core.clock import SystemClock
from drivers.errors import DriverError
from drivers.late_responses import QUARANTINE_S
from drivers.modbus_link import BusSettings, ModbusLink
from simulators.bus.frames import Ask, ReadBlock, answers, crc_valid, rtu

PATIENCE_S = 0.008  # no transmission time on this line: a response arrives within 1 ms or is late
TRIES, SPARE = 3, 8
LATEST_S = 0.96 * QUARANTINE_S  # documented limit: no response arrives later than this
FAST_BAUD = 115200  # 1.75 ms of silence between requests: the shortest possible
# Blocks of the same shape at different addresses, of different shapes, and of both functions.
BLOCKS = [
    ReadBlock(unit, function, address, words)
    for unit in (1, 2, 17)
    for function, address, words in ((3, 100, 4), (3, 200, 4), (3, 300, 2), (4, 100, 4), (3, 400, 40))
]


@dataclass
class Harm:
    """Faults of one response."""

    late_s: float = 0.0
    silent: bool = False
    edits: tuple[tuple[str, int, int], ...] = ()  # (operation, position, byte)
    before: bytes = b""
    after: bytes = b""

    def spoil(self, frame: bytes) -> bytes:
        data = bytearray(frame)
        for what, where, value in self.edits:
            at = where % (len(data) + 1)
            if what == "insert":
                data.insert(at, value)
            elif at < len(data):
                if what == "drop":
                    del data[at]
                else:
                    data[at] ^= value or 1
        return self.before + bytes(data) + self.after


@dataclass
class Slave:
    """Any number of units on a transparent converter. It responds to each request independently, with its own delay."""

    harm: Callable[[Ask], Harm]
    asked: list[Ask] = field(default_factory=list)
    wire: bytearray = field(default_factory=bytearray)  # the latest bytes sent to the master
    whole: set[bytes] = field(default_factory=set)  # every intact frame
    port_number: int = 0
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port_number = server.sockets[0].getsockname()[1]
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                raw = await reader.readexactly(8)
                assert crc_valid(raw), "a request of ours is never damaged"
                address, count = int.from_bytes(raw[2:4], "big"), int.from_bytes(raw[4:6], "big")
                ask = Ask(len(self.asked) + 1, time.monotonic(), raw[0], raw[1], address, count, None, raw)
                self.asked.append(ask)
                self._answer(ask, self.harm(ask))
        writer.close()

    def _answer(self, ask: Ask, harm: Harm) -> None:
        if harm.silent:
            return
        frame = ask.frame()
        self.whole.add(frame)
        if harm.late_s:
            asyncio.get_running_loop().call_later(harm.late_s, self._send, harm.spoil(frame))
        else:
            self._send(harm.spoil(frame))

    def _send(self, data: bytes) -> None:
        """Send to the current connection."""
        self.wire += data
        del self.wire[:-4096]
        if self._writers and not self._writers[-1].is_closing():
            self._writers[-1].write(data)

    async def stop(self, server: asyncio.Server) -> None:
        server.close()
        for writer in self._writers:
            writer.close()
        await asyncio.sleep(0.01)

    def by_chance(self, words: list[int], block: ReadBlock) -> bool:
        """True if a corrupt frame with a matching CRC was sent that contains these words or a part of them."""
        wanted, at = b"".join(word.to_bytes(2, "big") for word in words), -1
        while (at := self.wire.find(bytes((block.unit, block.function)), at + 1)) >= 0:
            frame = bytes(self.wire[at : at + 5 + (self.wire[at + 2] if at + 2 < len(self.wire) else 0)])
            if crc_valid(frame) and frame not in self.whole and _shares_part(frame[3:-2], wanted):
                return True
        return False


def _shares_part(found: bytes, wanted: bytes) -> bool:
    """Whether `found` begins with the registers of `wanted` from any register on."""
    return any(found[:2] and wanted[at:].startswith(found[: len(wanted) - at]) for at in range(0, len(wanted), 2))


@dataclass
class Result:
    score: Score = field(default_factory=Score)
    by_chance: int = 0

    def __iadd__(self, other: Result) -> Result:
        self.score.good += other.score.good
        self.score.wrong += other.score.wrong
        self.score.lost += other.score.lost
        self.score.reasons += other.score.reasons
        self.by_chance += other.by_chance
        return self


async def exchanges(blocks: list[ReadBlock], harm: Callable[[Ask], Harm]) -> Result:
    """Poll each block once, in sequence, on one link."""
    slave, result = Slave(harm), Result()
    server = await slave.start()
    wire = BusSettings(
        "fuzz", host="127.0.0.1", port_number=slave.port_number, rtu_framing=True, baud=FAST_BAUD,
        quiet_s=0.0,  # `noise` contains responses of a unit that is never addressed: a sign of another master
    )  # fmt: skip
    link = ModbusLink(wire, SystemClock())
    try:
        for block in blocks:
            since_s = time.monotonic()
            try:
                words = await read_registers(
                    link, block.unit, block.function, block.address, block.words, PATIENCE_S,
                    edges=range(block.words + SPARE + 1), tries=TRIES,
                )  # fmt: skip
            except DriverError as error:
                result.score.miss(error)
                continue
            if fault_of(words, block, since_s, slave.asked) and slave.by_chance(words, block):
                result.by_chance += 1
            else:
                result.score.take(words, block, since_s, slave.asked)
    finally:
        await link.close()
        await slave.stop(server)
    return result


def chaos(chance: Random, long_late: float) -> Callable[[Ask], Harm]:
    """Faults in half of the responses, mostly small ones. long_late: share with a delay of up to LATEST_S."""

    def harm(ask: Ask) -> Harm:
        if chance.random() < 0.5:
            return Harm()
        kind = chance.random()
        if kind < 0.1:
            return Harm(silent=True)
        if kind < 0.35:
            return Harm(late_s=chance.uniform(0, 4 * PATIENCE_S))
        if kind < 0.35 + long_late:
            return Harm(late_s=chance.uniform(0, LATEST_S))
        if kind < 0.55:
            return Harm(before=noise(chance, ask), after=noise(chance, ask))
        edits = tuple(
            (chance.choice(("insert", "drop", "flip")), chance.randrange(300), chance.randrange(256))
            for _ in range(chance.choice((1, 1, 1, 2, 3)))
        )
        late_s = chance.uniform(0, 2 * PATIENCE_S) if chance.random() < 0.2 else 0.0
        return Harm(late_s=late_s, edits=edits, before=noise(chance, ask) if chance.random() < 0.2 else b"")

    return harm


def noise(chance: Random, ask: Ask) -> bytes:
    """Random bytes, the beginning of the response, or a complete response of a unit that is never polled."""
    kind = chance.random()
    if kind < 0.4:
        return chance.randbytes(chance.randrange(0, 9))
    if kind < 0.7:
        return ask.frame()[: chance.randrange(1, 8)]
    return rtu(99, ask.frame()[1:-2])


async def many(count: int, seed: int, links: int, long_late: float) -> Result:
    """`count` exchanges on this number of links in parallel."""
    total = Result()

    async def one(number: int) -> Result:
        chance = Random(f"{seed}-{number}")
        blocks = [chance.choice(BLOCKS) for _ in range(count // links)]
        return await exchanges(blocks, chaos(chance, long_late))

    for result in await asyncio.gather(*(one(number) for number in range(links))):
        total += result
    return total


def check(result: Result, count: int, seed: int) -> None:
    wrong = [reason for reason in result.score.reasons if "response to request" in reason or "contents" in reason]
    assert result.score.wrong == 0, (seed, wrong[:5])
    # One of 65,536 corrupt frames has a matching CRC; fewer than two per exchange, few with the requested shape.
    assert result.by_chance <= 1 + count / 10_000, seed
    assert result.score.good > 0.3 * count, "the line is bad, not dead; most of the rest waits out the quarantine"


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_no_wrong_value_under_random_faults(seed: int) -> None:
    count = 500
    check(asyncio.run(asyncio.wait_for(many(count, seed, links=5, long_late=0.01), 60)), count, seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_no_wrong_value_under_many_random_faults(seed: int) -> None:
    count = 12_000
    check(asyncio.run(asyncio.wait_for(many(count, 1000 + seed, links=24, long_late=0.002), 600)), count, seed)


HARMS = st.one_of(
    st.just(Harm()),
    st.builds(Harm, silent=st.just(True)),
    st.builds(Harm, late_s=st.floats(0, 4 * PATIENCE_S)),
    st.builds(Harm, before=st.binary(max_size=8), after=st.binary(max_size=4)),
    st.builds(
        Harm,
        edits=st.lists(
            st.tuples(st.sampled_from(["insert", "drop", "flip"]), st.integers(0, 100), st.integers(0, 255)), max_size=4
        ).map(tuple),
    ),
)


@settings(
    max_examples=40, deadline=None, derandomize=True, database=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
@given(st.lists(st.tuples(st.sampled_from(BLOCKS[:6]), HARMS), min_size=1, max_size=20))
def test_no_wrong_value_after_any_short_sequence_of_faults(story: list[tuple[ReadBlock, Harm]]) -> None:
    """Hypothesis generates blocks and faults of their responses; a failure is reduced to the shortest sequence."""
    harms = [harm for _, harm in story]
    result = asyncio.run(
        asyncio.wait_for(exchanges([block for block, _ in story], lambda ask: harms[(ask.number - 1) % len(harms)]), 60)
    )
    assert result.score.wrong == 0, result.score.reasons


def test_the_verdict_distinguishes_chance_from_a_bug() -> None:
    """A frame with a matching CRC is excused only if it was sent and is not an intact frame of the slave."""
    slave, block = Slave(lambda _: Harm()), BLOCKS[0]
    ask = Ask(1, 0.0, *block, None, b"")
    other = ask.frame([1, 2, 3, 4])
    assert not slave.by_chance([1, 2, 3, 4], block)
    slave.wire += b"\x55" + other
    assert slave.by_chance([1, 2, 3, 4], block)
    slave.whole.add(other)
    assert not slave.by_chance([1, 2, 3, 4], block), "an original response to another request"
    assert answers([1, 2, 3, 4], block.unit, block.function, block.address) is None
