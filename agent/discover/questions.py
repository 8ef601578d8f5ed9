"""Questions to one device whose model is not known: nothing is asked twice, silence is told from absence."""

from __future__ import annotations

import asyncio
import struct
import time

from drivers.bus import QUARANTINE_S
from drivers.errors import DeviceRefused, FrameError, LinkTimeout
from drivers.framing import Request
from drivers.reading import Link

UNKNOWN_MAX = 3  # some devices say "illegal function" where they mean the address
REQUEST_AND_FRAME = 13  # characters on the wire beside the registers
MUTE_MAX, SILENCES_MAX = 3, 80  # in a row, and in all: some devices are silent where others refuse


class Gone(Exception):
    """The device fell silent, or nobody waits for the result any more."""


class Questions:
    """What was read from one device; nothing is asked twice."""

    def __init__(
        self, link: Link, unit: int, timeout_s: float, gap_s: float, fc03: bool, ending: asyncio.Event | None,
        function: int, character_s: float = 0.0,
    ) -> None:  # fmt: skip
        """timeout_s: for the device itself; the characters of question and answer come on top."""
        self.link, self.unit, self.timeout_s, self.gap_s = link, unit, timeout_s, gap_s
        self.words: dict[tuple[int, int], int] = {}
        self.refused: set[tuple[int, int, int]] = set()
        self.lost: set[tuple[int, int]] = set()  # (function, address) whose answer did not come, on a bad line
        self.refuses = False  # whether it says so when it does not have what is asked; else silence is its refusal
        self.functions = {3, 4} if fc03 else {4}
        self.requests = self.silences = 0
        self._unknown = {3: 0, 4: 0}  # how often it said that it knows no such function
        self._mute = 0  # questions in a row without an answer
        self._answered = Request(unit, function, 0, 1)  # what it is known to answer, or to refuse
        self._rest_s: dict[tuple[int, int], float] = {}  # unanswered (function, count) → until when it is not asked
        self._ending, self._character_s = ending, character_s

    async def read(self, function: int, address: int, count: int, least: int | None = None) -> int:
        """How many of the words from `address` on are now in `words`; 0 when they cannot be had.

        least: so many are enough. A device that is silent where others refuse leaves a question open whose answer may
        come late; until then a shorter one is asked. One that refuses in words is asked twice before an answer is
        called lost. Raises Gone, LinkBusy, LinkClosed.
        """
        if function not in self.functions or (function, address, count) in self.refused or address + count > 65536:
            return 0
        if all((function, address + k) in self.words for k in range(count)):
            return count
        wanted = count
        for _ in range(2):
            count = await self._free_count(function, wanted, wanted if least is None else least)
            request = Request(self.unit, function, address, count)
            try:
                data = await self._ask(request)
            except DeviceRefused as error:
                self.refused.add((function, address, count))
                self._answered, self._mute, self.refuses = request, 0, True
                self._unknown[function] += error.code == 1
                if self._unknown[function] >= UNKNOWN_MAX and not any(known == function for known, _ in self.words):
                    self.functions.discard(function)
                return 0
            except (FrameError, LinkTimeout) as error:
                self._rest_s[function, count] = time.monotonic() + QUARANTINE_S
                await self._alive()
                if isinstance(error, LinkTimeout) and not self.refuses:
                    self.refused.add((function, address, count))
                    return 0
                continue
            self._answered, self._mute = request, 0
            words = struct.unpack(f">{count}H", data)
            self.words.update(((function, address + k), word) for k, word in enumerate(words))
            return count
        self.lost.add((function, address))
        return 0

    def get(self, function: int, address: int, count: int) -> list[int]:
        return [self.words[function, address + k] for k in range(count)]

    def free(self, function: int, count: int) -> bool:
        """Whether such a question can be asked at once."""
        return self._rest_s.get((function, count), 0.0) <= time.monotonic()

    async def _free_count(self, function: int, count: int, least: int) -> int:
        for shorter in range(count, least - 1, -1):
            if self.free(function, shorter):
                return shorter
        await asyncio.sleep(max(0.0, self._rest_s[function, count] - time.monotonic()))
        return count

    async def _alive(self) -> None:
        """Raises Gone when it does not even answer what it did answer before."""
        self._mute += 1
        self.silences += 1
        if self._mute < MUTE_MAX and self.silences < SILENCES_MAX:
            return
        if self.silences >= SILENCES_MAX:
            raise Gone
        known = self._answered
        await asyncio.sleep(max(0.0, self._rest_s.get((known.function, known.registers), 0.0) - time.monotonic()))
        try:
            await self._ask(known)
        except DeviceRefused:
            pass
        except (FrameError, LinkTimeout):
            raise Gone from None
        self._mute = 0

    async def _ask(self, request: Request) -> bytes:
        if self._ending is not None and self._ending.is_set():
            raise Gone
        self.requests += 1
        timeout_s = self.timeout_s + (REQUEST_AND_FRAME + 2 * request.registers) * self._character_s
        return await self.link.read_block(request, timeout_s, self.gap_s, tries=2, silence_tries=1)
