"""The master of a line with meters of DL/T 645-2007. A value may be missing, but it is never that of another request.

The response repeats the data identifier, so that requests need no different shapes as those of Modbus. One thing can
still be confused: two requests for the same data. A response to an earlier attempt of the same call is accepted, since
its value was measured after the call began. After a call without a response, the same data are not requested again
until that response has arrived or is no longer expected.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from drivers import error_reasons as codes
from drivers.bus_master import BusMaster
from drivers.bus_settings import BusSettings
from drivers.dlt645_foreign import MeterTrafficDetector
from drivers.dlt645_frames import (
    FOLLOWED,
    READ_ADDRESS,
    READ_DATA,
    READ_FOLLOWING,
    REJECTED,
    WILDCARD,
    address_text,
    frames_in,
)
from drivers.dlt645_framing import IDENTIFIER_BYTES, encoded, identifier_text, meter_matcher
from drivers.errors import FrameError, LinkClosed, LinkTimeout, MeterRejection, ResponseQuarantined
from drivers.framing import Request
from drivers.reading import Clock

QUARANTINE_S = 1.5  # a meter responds within 500 ms, or never
CONVERTER_QUARANTINE_S = 5.0  # as drivers/late_responses.py: a converter may store requests
FOLLOWING_MAX = 32  # frames of one response; a frame has up to 200 bytes
OTHER_METERS_S = 0.6  # time after the first response to the wildcard in which others may respond


class _Attempts(NamedTuple):
    """When an attempt of a request is repeated. The fields are arguments of ModbusLink.read_block."""

    timeout_s: float
    retry_after_s: float | None
    delay_s: float
    tries: int
    silence_tries: int


class Dlt645Link(BusMaster):
    """The master of a line with meters."""

    def __init__(self, wire: BusSettings, clock: Clock) -> None:
        super().__init__(wire, clock, meter_matcher(), MeterTrafficDetector(wire.where, clock))
        self._late_s: dict[Request, float] = {}  # requests without response → when the last was sent
        self._responded = WILDCARD  # address of the meter that sent the last response
        self._quarantine_s = QUARANTINE_S if wire.is_serial else CONVERTER_QUARANTINE_S

    async def read_block(
        self, request: Request, timeout_s: float, inter_request_delay_s: float = 0.0, *, edges: Sequence[int] = (),
        tries: int = 1, silence_tries: int | None = None, retry_after_s: float | None = None,
    ) -> bytes:  # fmt: skip
        """The bytes of one data identifier as received, the lowest first, without the identifier.

        request: unit: address of the meter; address: data identifier; `function` and `registers` are not used.
        The other arguments are those of ModbusLink.read_block.
        Raises ForeignMasterActive, LinkClosed, LinkTimeout, FrameError, MeterRejection.
        """
        if self._serial and not (self._thread and self._thread.is_current):
            return await self.run(self.read_block(
                request, timeout_s, inter_request_delay_s, tries=tries, silence_tries=silence_tries,
                retry_after_s=retry_after_s,
            ))  # fmt: skip
        attempts = _Attempts(timeout_s, retry_after_s, max(inter_request_delay_s, self._silence_s), tries,
                             tries if silence_tries is None else min(tries, silence_tries))  # fmt: skip
        first = Request(request.unit, READ_DATA, request.address, 0)
        control, data = await self._response(first, attempts)
        number = 0
        while control & FOLLOWED:
            number += 1
            if number > FOLLOWING_MAX:
                raise self._corrupt(first)
            following = Request(request.unit, READ_FOLLOWING, request.address, number)
            control, more = await self._response(following, attempts)
            data += more[:-1]
        return data

    async def read_addresses(self, timeout_s: float) -> list[int]:
        """The addresses of the meters that respond to the wildcard, one if only one meter is on the line.

        Several meters respond at the same time: their responses are corrupt, unless one is much slower. Raises as
        `read_block`; LinkTimeout if no meter responds.
        """
        if self._serial and not (self._thread and self._thread.is_current):
            return await self.run(self.read_addresses(timeout_s))
        return await self._responding(Request(WILDCARD, READ_ADDRESS, 0, 0), timeout_s)

    async def read_matching(self, by: int, identifier: int, timeout_s: float) -> list[int]:
        """The addresses of the meters that respond to a request for data to a wildcard with last digits.

        Same as `read_addresses`. by: see drivers.dlt645_frames.wildcard. A meter that does not have the data responds,
        too.
        """
        if self._serial and not (self._thread and self._thread.is_current):
            return await self.run(self.read_matching(by, identifier, timeout_s))
        return await self._responding(Request(by, READ_DATA, identifier, 0), timeout_s)

    async def _responding(self, request: Request, timeout_s: float) -> list[int]:
        with suppress(MeterRejection):
            await self._response(request, _Attempts(timeout_s, None, self._silence_s, 1, 1))
        assert self._stream is not None
        await self._stream.wait_late(self._pending, OTHER_METERS_S)
        others = (frame.unit for _, frame in frames_in(bytes(self._pending.buffer)) if frame.unit >= 0)
        return list(dict.fromkeys([self._responded, *others]))

    # --- attempts ---

    async def _response(self, request: Request, attempts: _Attempts) -> tuple[int, bytes]:
        """Control code and data, without the identifier, of the response."""
        pending, silences, failures = self._pending, 0, 0
        failure: Exception | None = None
        try:
            while failures < attempts.tries and silences < attempts.silence_tries:
                stream = self._stream
                if stream is None or not stream.connected:
                    stream = await self._connect()
                if self._detector.traffic is not None or not self._listened:
                    await self._listen(stream)
                last = silences + 1 == attempts.silence_tries or failures + 1 == attempts.tries
                wait_s = attempts.timeout_s if last or attempts.retry_after_s is None else attempts.retry_after_s
                if failure is None:
                    await self._wait_for_late(request, attempts.timeout_s)
                failures += 1
                try:
                    response = await stream.exchange(
                        encoded(request), request, request, pending, wait_s, attempts.delay_s
                    )
                except FrameError as error:
                    failure = error
                    self.damaged += 1
                    self.failed += 1
                    if not pending.begun:  # otherwise this was the response
                        self._late_s[request] = pending.sent_s
                    continue
                except LinkTimeout as error:
                    failure = error
                    self.failed += 1
                    silences += 1
                    self._late_s[request] = pending.sent_s
                    continue
                self.response_s = time.monotonic() - pending.sent_s
                if request in self._late_s:  # it may be the response to an earlier attempt
                    self._late_s[request] = pending.sent_s
                control, data, self._responded = response.data[0], response.data[1:], response.request.unit
                if control & REJECTED:
                    raise MeterRejection(data[0], address_text(request.unit), identifier_text(request.address))
                return control, data if request.function == READ_ADDRESS else data[IDENTIFIER_BYTES:]
            raise failure or ValueError(f"tries must be at least 1, got {attempts.tries}")
        except LinkClosed:
            self._drop()
            raise
        finally:
            self._expect_late(request)

    async def _wait_for_late(self, request: Request, wait_s: float) -> None:
        """Waits for the response to an earlier call for the same data. Raises ResponseQuarantined."""
        self._expire()
        if request not in self._pending.late:
            return
        assert self._stream is not None
        rest_s = self._late_s[request] + self._quarantine_s - time.monotonic()
        if rest_s <= wait_s:
            until_s = time.monotonic() + rest_s
            while request in self._pending.late and time.monotonic() < until_s:
                await self._stream.wait_late(self._pending, until_s - time.monotonic())
            self._expire()
        else:
            await self._stream.wait_late(self._pending, wait_s)
            self._expire()
        if request in self._pending.late:
            raise ResponseQuarantined(
                codes.METER_RESPONSE_PENDING, meter=address_text(request.unit),
                identifier=identifier_text(request.address),
            )  # fmt: skip

    def _expect_late(self, request: Request) -> None:
        """A request without response is late from now on, and so are the earlier attempts before a response."""
        if self._pending.open.pop(request, None) and not self._pending.begun:
            self._late_s.setdefault(request, self._pending.sent_s)
        if request in self._late_s:
            self._pending.late[request] = request
        self._expire()

    def _expire(self) -> None:
        """Discards the requests whose response has arrived or is no longer expected."""
        now_s, late = time.monotonic(), self._pending.late
        for request, sent_s in list(self._late_s.items()):
            if request in self._pending.open:
                continue
            if request not in late:
                self.late += 1
                del self._late_s[request]
            elif now_s >= sent_s + self._quarantine_s:
                del self._late_s[request], late[request]

    def _corrupt(self, request: Request) -> FrameError:
        return FrameError(
            codes.METER_RESPONSE_CORRUPT, meter=address_text(request.unit), identifier=identifier_text(request.address)
        )
