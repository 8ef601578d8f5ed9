"""Read all registers of a device's map into a memory of words, on request with the adjacent words."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable

from msgspec import Struct, field

from agent.commissioning.selfcheck.model import Subject
from drivers.errors import DriverError, ModbusExceptionResponse
from drivers.framing import Request, exchange_characters
from drivers.profile_link import link_for
from drivers.profiles import Profile, Register
from drivers.reading import Clock
from drivers.register_blocks import plan_blocks, usable

HOLE_MAX = 16  # a gap of up to this many registers is read together with the registers around it
ABSENT = (0x01, 0x02, 0x03, 0x04)  # permanent exception codes; after others the request is repeated in the next round
GATEWAY_SILENCES = (0x0A, 0x0B)  # gateway path unavailable, gateway target failed to respond
SILENCES_MAX = 2  # requests without a response after which a round is aborted

Memory = dict[tuple[int, int], int]  # (function, address) → word
ALONE = 256  # added to the function of words read by a separate request, where they have another meaning
Span = tuple[int, int, int]  # function (with ALONE), address, count


class ReadingRound(Struct):
    """One pass over the map.

    at_s: monotonic time of its start.
    memory: the words; those of rejected addresses are missing.
    silent: aborted because the device did not respond.
    duration_s: duration.
    """

    at_s: float
    memory: Memory = field(default_factory=dict)
    silent: bool = False
    duration_s: float = 0.0


class RegisterReader:
    """Reads only, at most as many registers in a request as the profile allows. Rejected spans are split, then omitted.

    names: quantities to read; None: all.
    absent: registers of the map that the device rejects, without those of confidence `from_memory`.
    """

    def __init__(self, subject: Subject, unit: int, clock: Clock, names: Collection[str] | None = None) -> None:
        self._subject, self._unit, self._clock = subject, unit, clock
        profile = subject.profile
        self._link = link_for(profile, subject.link)
        self._of_meter = profile.dialect == "dlt645"
        self._rows = tuple(row for row in checkable(profile) if names is None or row.name in names)
        # Registers whose reading has an effect in the device are never read.
        self._forbidden = {
            (row.function, address)
            for row in profile.registers
            if row.feeds_watchdog
            for address in range(row.address, row.address + row.words)
        }
        self._rejected: set[tuple[int, int]] = set()
        self.absent: list[str] = []
        self._spans = [
            (_function(block.registers[0]), block.address, block.count)
            for block in plan_blocks(profile, self._rows, 0 if self._forbidden else HOLE_MAX)
        ]  # fmt: skip

    async def round(self, adjacent: bool = False) -> ReadingRound:
        """Reads the map once. adjacent: also the words before and after every register."""
        found = ReadingRound(self._clock.monotonic_ns() / 1e9)
        await self._read(found, self._spans, learn=True)
        found.duration_s = self._clock.monotonic_ns() / 1e9 - found.at_s
        if adjacent and not found.silent:
            await self._read_adjacent(found)
        return found

    async def _read_adjacent(self, found: ReadingRound) -> None:
        """Adds the words before and after every register, and single words of rejected spans, as far as they exist."""
        missing = self._adjacent() - (found.memory.keys() | self._rejected)
        await self._read(found, [(function, address, 1) for function, address in sorted(missing)], learn=False)
        self._rejected |= missing - found.memory.keys()

    def counts(self, adjacent: bool = False) -> list[int]:
        """Number of registers of each request of a round. adjacent: with the adjacent words; an upper bound."""
        spans = [count for _, _, count in self._spans]
        if not adjacent:
            return spans
        read = {
            (function, address + k)
            for function, address, count in self._spans
            for k in range(count)
            if function < ALONE
        }  # fmt: skip
        return [*spans, *[1] * len(self._adjacent() - read)]

    def _adjacent(self) -> set[tuple[int, int]]:
        return {
            (row.function, address)
            for row in self._rows
            if not row.alone
            for address in range(row.address - 1, row.address + row.words + 1)
            if 0 <= address <= 65535
        } - self._forbidden

    async def _read(self, found: ReadingRound, spans: list[Span], learn: bool) -> None:
        queue, remaining, silences = list(reversed(spans)), list[Span](), 0
        while queue:
            span = queue.pop()
            function, address, count = span
            try:
                data = await self._request(span)
            except ModbusExceptionResponse as error:
                if error.code not in ABSENT:
                    silences += error.code in GATEWAY_SILENCES
                    remaining.append(span)
                elif count > 1 and (parts := self._parts(span)):
                    queue += reversed(parts)
                    continue
                elif learn:
                    self.absent += [row.name for row in _rows_in(usable(self._subject.profile), span)]
            except DriverError:
                silences += 1
                remaining.append(span)
            else:
                remaining.append(span)
                for k, word in enumerate(struct.unpack(f">{count}H", data)):
                    found.memory[function, address + k] = word
            if silences >= SILENCES_MAX:
                found.silent = True
                remaining += reversed(queue)
                break
        if learn:
            self._spans = remaining

    async def _request(self, span: Span) -> bytes:
        function, address, count = span
        transmission_time_s = exchange_characters(count, self._of_meter) * self._subject.character_s
        request = Request(self._unit, function % ALONE, address, count)
        timeout_s = transmission_time_s + self._subject.response_timeout_s
        return await self._link.read_block(request, timeout_s, self._subject.delay_s, tries=2, silence_tries=1)

    def _parts(self, span: Span) -> list[Span]:
        """The registers of a rejected span as separate spans; none when the span is a single register."""
        parts = ((row.function, row.address, row.words) for row in _rows_in(self._rows, span) if not row.alone)
        return [part for part in dict.fromkeys(parts) if part != span]


def _rows_in(rows: Iterable[Register], span: Span) -> list[Register]:
    function, start, count = span
    return [row for row in rows if _function(row) == function and start <= row.address < start + count]


def _function(row: Register) -> int:
    """The function under which the words of a register are in the memory."""
    return row.function + (ALONE if row.alone else 0)


def checkable(profile: Profile) -> tuple[Register, ...]:
    """The registers that may be read, including those of confidence `from_memory`."""
    return usable(profile, {row.name for row in profile.registers})


def words_of(memory: Memory, row: Register) -> list[int] | None:
    """The words of one value; None when one is missing."""
    found = [memory.get((_function(row), k)) for k in range(row.address, row.address + row.words)]
    return None if None in found else found  # type: ignore[return-value]
