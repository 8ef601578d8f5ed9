"""Plain reads of one device into a memory of words: everything its map names, and on request the words beside it."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

from agent.selfcheck.model import Subject
from drivers.errors import DeviceRefused, DriverError
from drivers.framing import Request
from drivers.profiles import Profile, Register
from drivers.reading import Clock
from drivers.registers import plan_blocks, usable
from drivers.sunspec import SunSpecLink

HOLE_MAX = 16  # registers of a hole that are read over rather than asked around
REQUEST_AND_FRAME = 13  # characters on the wire beside the registers
ABSENT = (0x01, 0x02, 0x03, 0x04)  # refusals that last; a device that is busy answers the next time
GATEWAY_SILENCES = (0x0A, 0x0B)  # no path to the device, no answer from it
SILENCES_MAX = 2  # requests without an answer after which a round of readings is given up

Memory = dict[tuple[int, int], int]  # (function, address) → word
ALONE = 256  # added to the function of words that a request of their own brings: they mean something else there
Span = tuple[int, int, int]  # function (with ALONE), address, count


@dataclass(slots=True)
class Round:
    """One pass over the map. words of refused addresses are missing."""

    at_s: float
    memory: Memory = field(default_factory=dict)
    silent: bool = False
    lasted_s: float = 0.0


class MapReader:
    """Reads only, never more registers than the profile allows; refused spans are split, then left out."""

    def __init__(self, subject: Subject, profile: Profile, unit: int, clock: Clock) -> None:
        self._subject, self._profile, self._unit, self._clock = subject, profile, unit, clock
        self._link = SunSpecLink(subject.link, profile) if profile.dialect == "sunspec" else subject.link
        self._rows = checkable(profile)
        # Registers whose reading does something in the device: never asked, nor read over.
        self._forbidden = {
            (row.function, address)
            for row in profile.registers
            if row.feeds_watchdog
            for address in range(row.address, row.address + row.words)
        }
        self._refused: set[tuple[int, int]] = set()
        self.absent: list[str] = []  # registers of the map that the device refuses, those known from memory not counted
        self._spans = [
            (block.function + (ALONE if block.registers[0].alone else 0), block.address, block.count)
            for block in plan_blocks(profile, self._rows, 0 if self._forbidden else HOLE_MAX)
        ]  # fmt: skip

    async def round(self) -> Round:
        found = Round(self._clock.monotonic_ns() / 1e9)
        await self._read(found, self._spans, learn=True)
        found.lasted_s = self._clock.monotonic_ns() / 1e9 - found.at_s
        return found

    async def beside(self, found: Round) -> None:
        """Adds the words before and behind every register, and refused ones one by one, where the device gives them."""
        wanted = self._neighbourhood() - (found.memory.keys() | self._refused)
        await self._read(found, [(function, address, 1) for function, address in sorted(wanted)], learn=False)
        self._refused |= wanted - found.memory.keys()

    def counts(self, beside: bool = False) -> list[int]:
        """Registers of each request of a round; beside: at most so many with the words beside."""
        spans = [count for _, _, count in self._spans]
        if not beside:
            return spans
        read = {
            (function, address + k)
            for function, address, count in self._spans
            for k in range(count)
            if function < ALONE
        }  # fmt: skip
        return [*spans, *[1] * len(self._neighbourhood() - read)]

    def _neighbourhood(self) -> set[tuple[int, int]]:
        return {
            (row.function, address)
            for row in self._rows
            if not row.alone
            for address in range(row.address - 1, row.address + row.words + 1)
            if 0 <= address <= 65535
        } - self._forbidden

    async def _read(self, found: Round, spans: list[Span], learn: bool) -> None:
        waiting, kept, silences = list(reversed(spans)), list[Span](), 0
        while waiting:
            span = waiting.pop()
            function, address, count = span
            try:
                data = await self._request(span)
            except DeviceRefused as error:
                if error.code in GATEWAY_SILENCES:
                    silences += 1
                    kept.append(span)
                elif error.code not in ABSENT:
                    kept.append(span)
                elif count > 1 and (parts := self._parts(span)):
                    waiting += reversed(parts)
                    continue
                elif learn:
                    self.absent += self._promised(span)
            except DriverError:
                silences += 1
                kept.append(span)
            else:
                kept.append(span)
                for k, word in enumerate(struct.unpack(f">{count}H", data)):
                    found.memory[function, address + k] = word
            if silences >= SILENCES_MAX:
                found.silent = True
                kept += reversed(waiting)
                break
        if learn:
            self._spans = kept

    async def _request(self, span: Span) -> bytes:
        subject = self._subject
        timeout_s = subject.timeout_s or subject.profile.timeout_s
        timeout_s += (REQUEST_AND_FRAME + 2 * span[2]) * subject.character_s
        gap_s = subject.profile.min_gap_s if subject.gap_s is None else subject.gap_s
        return await self._link.read_block(
            Request(self._unit, span[0] % ALONE, span[1], span[2]),
            timeout_s,
            gap_s,
            tries=2,
            patience_s=timeout_s,
            silence_tries=1,
        )

    def _parts(self, span: Span) -> list[Span]:
        """The registers of a refused span, one by one; a register that is refused whole is gone."""
        function, start, count = span
        rows = [
            (function, row.address, row.words)
            for row in self._rows
            if row.function == function and not row.alone and start <= row.address < start + count
        ]
        return [part for part in dict.fromkeys(rows) if part != span]

    def _promised(self, span: Span) -> list[str]:
        """The names of what lies there and is known from a source."""
        function, start, count = span
        rows = usable(self._profile)
        return [
            row.name
            for row in rows
            if row.function + (ALONE if row.alone else 0) == function and start <= row.address < start + count
        ]


def checkable(profile: Profile) -> tuple[Register, ...]:
    """The registers that may be read at all, those known from memory too."""
    return usable(profile, {row.name for row in profile.registers})


def words_of(memory: Memory, row: Register) -> list[int] | None:
    """The words of one value; None when one is missing."""
    function = row.function + (ALONE if row.alone else 0)
    found = [memory.get((function, k)) for k in range(row.address, row.address + row.words)]
    return None if None in found else found  # type: ignore[return-value]


def missing(rounds: Iterable[Round]) -> bool:
    return all(item.silent for item in rounds)
