"""Reads from a device of unknown model: no register is requested twice, and a lost response is not a rejection."""

from __future__ import annotations

import asyncio
import struct
import time

from drivers.errors import FrameError, LinkTimeout, ModbusExceptionResponse
from drivers.framing import Request
from drivers.late_responses import QUARANTINE_S
from drivers.reading import RegisterLink

UNKNOWN_MAX = 3  # some devices return "illegal function" for an illegal address
GAP_S = 0.02  # before each request, since some devices need a delay and the model is not known yet
REQUEST_AND_FRAME = 13  # characters of request and response without the registers
# Consecutive and total: some devices do not respond to requests that others reject.
SILENT_IN_ROW_MAX, WITHOUT_RESPONSE_MAX = 3, 80


class DeviceUnreachable(Exception):
    """The device stopped responding, or the identification was stopped."""


class CachedReader:
    """Registers that were read from one device.

    words: (function code, address) → register content.
    rejected: (function code, address, count) of rejected requests.
    lost: (function code, address) of requests whose response was lost.
    rejects: the device returns exception responses; otherwise a missing response is its rejection.
    functions: function codes that may be used and that the device supports.
    requests: number of requests.
    without_response: number of those without response.
    """

    def __init__(
        self, link: RegisterLink, unit: int, timeout_s: float, fc03: bool, ending: asyncio.Event | None, function: int,
        character_s: float,
    ) -> None:  # fmt: skip
        """timeout_s: response time of the device; the transmission time of request and response is added."""
        self.link, self.unit, self.timeout_s = link, unit, timeout_s
        self.words: dict[tuple[int, int], int] = {}
        self.rejected: set[tuple[int, int, int]] = set()
        self.lost: set[tuple[int, int]] = set()
        self.rejects = False
        self.functions = {3, 4} if fc03 else {4}
        self.requests = self.without_response = 0
        self._illegal_function = {3: 0, 4: 0}  # number of exception responses "illegal function"
        self._silent_in_row = 0  # consecutive requests without response
        self._responding = Request(unit, function, 0, 1)  # a request to which the device responds
        self._blocked_until_s: dict[tuple[int, int], float] = {}  # (function, count) of requests without response
        self._ending, self._character_s = ending, character_s

    async def read(self, function: int, address: int, count: int, count_min: int | None = None) -> int:
        """Reads registers into `words`. Returns the number of registers read; 0 if they are not available.

        count_min: minimum count. If a device does not respond instead of rejecting, a late response may still arrive;
        until then a shorter request is sent. A device that returns exception responses gets a second request before
        the response counts as lost. Raises Gone, LinkBusy, LinkClosed.
        """
        if function not in self.functions or (function, address, count) in self.rejected or address + count > 65536:
            return 0
        if all((function, address + k) in self.words for k in range(count)):
            return count
        requested = count
        for _ in range(2):
            count = await self._free_count(function, requested, count_min or requested)
            request = Request(self.unit, function, address, count)
            try:
                data = await self._request(request)
            except ModbusExceptionResponse as error:
                self.rejected.add((function, address, count))
                self._responding, self._silent_in_row, self.rejects = request, 0, True
                self._illegal_function[function] += error.code == 1
                supported = any(known == function for known, _ in self.words)
                if self._illegal_function[function] >= UNKNOWN_MAX and not supported:
                    self.functions.discard(function)
                return 0
            except (FrameError, LinkTimeout) as error:
                self._blocked_until_s[function, count] = time.monotonic() + QUARANTINE_S
                await self._check_response()
                if isinstance(error, LinkTimeout) and not self.rejects:
                    self.rejected.add((function, address, count))
                    return 0
                continue
            self._responding, self._silent_in_row = request, 0
            words = struct.unpack(f">{count}H", data)
            self.words.update(((function, address + k), word) for k, word in enumerate(words))
            return count
        self.lost.add((function, address))
        return 0

    def get(self, function: int, address: int, count: int) -> list[int]:
        return [self.words[function, address + k] for k in range(count)]

    def is_free(self, function: int, count: int) -> bool:
        """Whether such a request can be sent without waiting."""
        return self._blocked_until_s.get((function, count), 0.0) <= time.monotonic()

    async def _free_count(self, function: int, count: int, count_min: int) -> int:
        for shorter in range(count, count_min - 1, -1):
            if self.is_free(function, shorter):
                return shorter
        await self._wait_until_free(function, count)
        return count

    async def _wait_until_free(self, function: int, count: int) -> None:
        await asyncio.sleep(max(0.0, self._blocked_until_s.get((function, count), 0.0) - time.monotonic()))

    async def _check_response(self) -> None:
        """Raises Gone if the device does not respond to a request to which it has responded before."""
        self._silent_in_row += 1
        self.without_response += 1
        if self._silent_in_row < SILENT_IN_ROW_MAX and self.without_response < WITHOUT_RESPONSE_MAX:
            return
        if self.without_response >= WITHOUT_RESPONSE_MAX:
            raise DeviceUnreachable
        await self._wait_until_free(self._responding.function, self._responding.registers)
        try:
            await self._request(self._responding)
        except ModbusExceptionResponse:
            pass
        except (FrameError, LinkTimeout):
            raise DeviceUnreachable from None
        self._silent_in_row = 0

    async def _request(self, request: Request) -> bytes:
        if self._ending is not None and self._ending.is_set():
            raise DeviceUnreachable
        self.requests += 1
        timeout_s = self.timeout_s + (REQUEST_AND_FRAME + 2 * request.registers) * self._character_s
        return await self.link.read_block(request, timeout_s, GAP_S, tries=2, silence_tries=1)
