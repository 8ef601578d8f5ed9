"""Reads from a device of unknown model: no register is requested twice, and a lost response is not a rejection."""

from __future__ import annotations

import asyncio
import struct
import time

from drivers.bus import QUARANTINE_S
from drivers.errors import DeviceRefused, FrameError, LinkTimeout
from drivers.framing import Request
from drivers.reading import Link

UNKNOWN_MAX = 3  # some devices return "illegal function" for an illegal address
GAP_S = 0.02  # before each request, since some devices need a delay and the model is not known yet
REQUEST_AND_FRAME = 13  # characters of request and response without the registers
MUTE_MAX, SILENCES_MAX = 3, 80  # consecutive and total: some devices do not respond to requests that others reject


class Gone(Exception):
    """The device stopped responding, or the identification was stopped."""


class Questions:
    """Registers that were read from one device.

    words: (function code, address) → register content.
    rejected: (function code, address, count) of rejected requests.
    lost: (function code, address) of requests whose response was lost.
    rejects: the device returns exception responses; otherwise a missing response is its rejection.
    functions: function codes that may be used and that the device supports.
    requests: number of requests.
    silences: number of those without response.
    """

    def __init__(
        self, link: Link, unit: int, timeout_s: float, fc03: bool, ending: asyncio.Event | None, function: int,
        character_s: float,
    ) -> None:  # fmt: skip
        """timeout_s: response time of the device; the transmission time of request and response is added."""
        self.link, self.unit, self.timeout_s = link, unit, timeout_s
        self.words: dict[tuple[int, int], int] = {}
        self.rejected: set[tuple[int, int, int]] = set()
        self.lost: set[tuple[int, int]] = set()
        self.rejects = False
        self.functions = {3, 4} if fc03 else {4}
        self.requests = self.silences = 0
        self._unknown = {3: 0, 4: 0}  # number of exception responses "illegal function"
        self._mute = 0  # consecutive requests without response
        self._answered = Request(unit, function, 0, 1)  # a request to which the device responds
        self._rest_s: dict[tuple[int, int], float] = {}  # (function, count) without response → time until it is blocked
        self._ending, self._character_s = ending, character_s

    async def read(self, function: int, address: int, count: int, least: int | None = None) -> int:
        """Reads registers into `words`. Returns the number of registers read; 0 if they are not available.

        least: minimum count. If a device does not respond instead of rejecting, a late response may still arrive; until
        then a shorter request is sent. A device that returns exception responses gets a second request before the
        response counts as lost. Raises Gone, LinkBusy, LinkClosed.
        """
        if function not in self.functions or (function, address, count) in self.rejected or address + count > 65536:
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
                self.rejected.add((function, address, count))
                self._answered, self._mute, self.rejects = request, 0, True
                self._unknown[function] += error.code == 1
                if self._unknown[function] >= UNKNOWN_MAX and not any(known == function for known, _ in self.words):
                    self.functions.discard(function)
                return 0
            except (FrameError, LinkTimeout) as error:
                self._rest_s[function, count] = time.monotonic() + QUARANTINE_S
                await self._alive()
                if isinstance(error, LinkTimeout) and not self.rejects:
                    self.rejected.add((function, address, count))
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
        """Whether such a request can be sent without waiting."""
        return self._rest_s.get((function, count), 0.0) <= time.monotonic()

    async def _free_count(self, function: int, count: int, least: int) -> int:
        for shorter in range(count, least - 1, -1):
            if self.free(function, shorter):
                return shorter
        await asyncio.sleep(max(0.0, self._rest_s[function, count] - time.monotonic()))
        return count

    async def _alive(self) -> None:
        """Raises Gone if the device does not respond to a request to which it has responded before."""
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
        return await self.link.read_block(request, timeout_s, GAP_S, tries=2, silence_tries=1)
