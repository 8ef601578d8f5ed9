"""Requests of DL/T 645-2007 and their responses in received bytes. Pure functions.

A response repeats the data identifier of its request. It belongs to a request only if address, function and data
identifier agree, and for a following frame its number: two requests of one meter cannot be confused.

A `Request` contains: unit: address of the meter; function: control code; address: data identifier; registers: number of
a following frame, otherwise 0.
"""

from __future__ import annotations

from collections.abc import Hashable

from drivers.dlt645_frames import (
    FROM_METER,
    FUNCTION,
    READ_ADDRESS,
    READ_FOLLOWING,
    REJECTED,
    MeterFrame,
    address_text,
    frame_at,
    is_addressed,
    meter_request,
    unit_of,
)
from drivers.error_reasons import METER_NO_RESPONSE, METER_NO_VALID_RESPONSE, METER_RESPONSE_CORRUPT
from drivers.errors import FrameError, LinkTimeout
from drivers.framing import Request, Response
from drivers.response_matcher import ResponseMatcher

PAUSE_MAX_S = 0.55  # between two bytes of a frame: 500 ms are permitted (DL/T 645-2007, 7.2 [M])
IDENTIFIER_BYTES = 4
_START = 0x68


class MeterMatcher(ResponseMatcher):
    """Pending requests and received bytes of a line with meters. Responses: control code, then their data."""

    def failure(self, sent: Request, timeout_s: float) -> LinkTimeout | FrameError:
        """Why the request `sent` has no response after timeout_s."""
        about = {"meter": address_text(sent.unit), "identifier": identifier_text(sent.address)}
        if self.incomplete:
            return FrameError(METER_RESPONSE_CORRUPT, **about)
        if self.received:
            return LinkTimeout(METER_NO_VALID_RESPONSE, **about, timeout_s=timeout_s, n_bytes=self.received)
        return LinkTimeout(METER_NO_RESPONSE, **about, timeout_s=timeout_s)


def meter_matcher() -> MeterMatcher:
    return MeterMatcher(meter_scan, keeps_strays=True, length=shortest_response, pause_max_s=PAUSE_MAX_S)


def encoded(request: Request) -> bytes:
    """The frame of a request. Raises ValueError for a control code that does not read."""
    unit, function, identifier, number = request
    if function == READ_ADDRESS:
        return meter_request(unit, function, b"")
    data = identifier.to_bytes(IDENTIFIER_BYTES, "little")
    return meter_request(unit, function, data + bytes((number,)) if function == READ_FOLLOWING else data)


def shortest_response(request: Request) -> int:
    """Characters of the shortest response, without preamble: a rejection."""
    return 13


def identifier_text(identifier: int) -> str:
    """DI3 DI2 DI1 DI0 as in the tables of the standard."""
    return f"{identifier:08X}"


def meter_scan(pending: ResponseMatcher) -> Response | None:
    """The first complete response in the buffer, None if there is none; sets `missing`, `begun` and `damaged`."""
    buffer = pending.buffer
    pending.missing, pending.damaged = 1, False
    at, missing = 0, list[int]()
    while (at := buffer.find(_START, at)) >= 0:
        frame = frame_at(buffer, at)
        if not isinstance(frame, MeterFrame):
            if _may_be_response(pending, at):
                pending.begun = True
                pending.damaged = pending.damaged or not frame
                missing.append(max(frame, 2))  # 1 means that no response has begun
            at += 1
            continue
        key = _key_of(pending, frame) if frame.control & FROM_METER else None
        if key is None:  # an echo, or a frame of another master or meter
            at = frame.end
            continue
        pending.remove(frame.end, len(buffer[:at].rstrip(b"\xfe")))  # the preamble is no interference
        matched = pending.pop(key)
        pending.drop_echoes(matched is not None)
        if matched is not None:
            return Response(matched._replace(unit=frame.unit), bytes((frame.control,)) + frame.data)
        at, missing = 0, []
    pending.missing = min(missing, default=1)
    return None


def _may_be_response(pending: ResponseMatcher, at: int) -> bool:
    """Whether a response to an open request begins at this offset: 68H, address, 68H, control code."""
    buffer = pending.buffer
    if at + 9 > len(buffer) or buffer[at + 7] != _START:
        return False
    unit, control = unit_of(bytes(buffer[at + 1 : at + 7])), buffer[at + 8]
    return bool(control & FROM_METER) and any(
        is_addressed(unit, request.unit) and request.function == control & FUNCTION for request in pending.open.values()
    )


def _key_of(pending: ResponseMatcher, frame: MeterFrame) -> Hashable | None:
    """Key of the pending request to which a frame is the response; None: to none.

    A rejection does not repeat the data identifier: with several pending requests it belongs to none.
    """
    requests = {**pending.late, **pending.open}
    fits = [
        key
        for key, (unit, function, identifier, number) in requests.items()
        if function == frame.control & FUNCTION
        and is_addressed(frame.unit, unit)
        and _fits_data(frame, function, identifier, number)
    ]
    if len(fits) > 1 and all(requests[key].unit < 0 for key in fits):  # wildcards that all address this meter
        fits = [key for key in fits if key in pending.open]
    return fits[0] if len(fits) == 1 else None


def _fits_data(frame: MeterFrame, function: int, identifier: int, number: int) -> bool:
    control, data = frame.control, frame.data
    if control & REJECTED:
        return len(data) == 1
    if function == READ_ADDRESS:
        return len(data) == 6 and unit_of(data) == frame.unit
    if len(data) <= IDENTIFIER_BYTES or int.from_bytes(data[:IDENTIFIER_BYTES], "little") != identifier:
        return False
    return function != READ_FOLLOWING or (len(data) > IDENTIFIER_BYTES + 1 and data[-1] == number)
