"""Requests whose responses may still arrive, and until when: no other request may have the shape of one of them."""

from __future__ import annotations

import time
from collections.abc import Hashable

from msgspec import Struct

from drivers.framing import Request
from drivers.response_matcher import ResponseMatcher

QUARANTINE_S = 5.0  # no response is expected later than this after its request
LOST_MIN = 16  # unanswered requests without a late response after which a device counts as one that is never late
LATE_COST = 1000  # the same, in addition, after a late response: the device then hardly counts as such again


class _Late(Struct):
    request: Request
    sent_s: float
    until_s: float


class LateResponses:
    """The late requests of `pending`, with the monotonic time at which their shapes are free again.

    A shape is free when its response has arrived, or QUARANTINE_S after its request. A late response restarts the
    quarantine of the others: a device that queues requests has a growing delay.

    On a serial line (in_order), a shape is also free when a later request to the same device had its response, because
    a serial device processes one request at a time (Modbus over serial line V1.02, 2.4.2 [M]). This holds only for a
    device that was never late: of which LOST_MIN responses never arrived. One late response ends it.

    count: late responses that have arrived.
    """

    def __init__(self, pending: ResponseMatcher, in_order: bool) -> None:
        self.count = 0
        self._pending, self._in_order = pending, in_order
        self._late: dict[Hashable, _Late] = {}
        self._sent_s: dict[Request, float] = {}  # open requests without response so far → when they were sent
        self._answered_s: dict[int, float] = {}  # unit identifier → when its newest answered request was sent
        self._known: dict[int, dict[Hashable, Request]] = {}  # unit identifier → shape → last answered request
        self._lost: dict[int, int] = {}  # unit identifier → consecutive responses that never arrived

    def __bool__(self) -> bool:
        return bool(self._late)

    def wait_s(self, unit: int) -> float:
        """Longest time for which it makes sense to wait for a late response of this device, in seconds."""
        if self._is_never_late(unit):
            return 0.0
        return min((late.until_s for late in self._late.values()), default=0.0) - time.monotonic()

    def to_overtake(self, blocked: Request) -> Request | None:
        """The shortest known request whose response would free the shapes of a device that is never late.

        None if there is none. The open requests are late from now on.
        """
        unit = blocked.unit
        if not (self._is_never_late(unit) and blocked.registers):
            return None
        self.expect()
        known = sorted(self._known.get(unit, {}).values(), key=lambda request: request.registers)
        return next((item for item in known if item.registers not in self.taken(unit, item.function)), None)

    def unanswered(self, request: Request) -> None:
        """Records that the last request sent has had no response so far."""
        self._sent_s[request] = self._pending.sent_s

    def answered(self, request: Request, last: Request) -> float:
        """Records a response to `request`; `last` is the last request sent. Returns the time at which it was sent."""
        sent_s = self._pending.sent_s
        if request != last:
            sent_s = self._sent_s.get(request, sent_s)
        self._answered_s[request.unit] = sent_s
        if self._in_order:
            self._known.setdefault(request.unit, {})[request.shape] = request
        return sent_s

    def taken(self, unit: int, function: int) -> set[int]:
        """Numbers of registers that a request to this unit identifier and function must not have."""
        self.expire()
        late = (item.request for item in self._late.values() if not self._is_overtaken(item))
        return {item.registers for item in (*self._pending.open.values(), *late) if item[:2] == (unit, function)}

    def expect(self, end: int = 1 << 16) -> None:
        """The open requests that end at the address `end` or before are late from now on."""
        pending, now_s = self._pending, time.monotonic()
        self.expire()
        for key, request in list(pending.open.items()):
            if request.end <= end:
                pending.late[key] = pending.open.pop(key)
                sent_s = self._sent_s.pop(request, now_s)
                self._late[key] = _Late(request, sent_s, sent_s + QUARANTINE_S)
        if not pending.open:
            self._sent_s.clear()

    def expire(self) -> None:
        """Releases the shapes whose response has arrived or is no longer expected."""
        now_s, expected = time.monotonic(), self._pending.late
        arrived = [key for key in self._late if key not in expected]
        for key in arrived:
            self._lost[self._late.pop(key).request.unit] = -LATE_COST
            self.count += 1
        for key, late in list(self._late.items()):
            if arrived:
                late.until_s = now_s + QUARANTINE_S
            elif late.until_s < now_s:
                del self._late[key], expected[key]
                unit = late.request.unit
                if self._answered_s.get(unit, 0.0) > late.sent_s:
                    self._lost[unit] = self._lost.get(unit, 0) + 1

    def _is_overtaken(self, late: _Late) -> bool:
        unit = late.request.unit
        return self._is_never_late(unit) and self._answered_s.get(unit, 0.0) > late.sent_s

    def _is_never_late(self, unit: int) -> bool:
        return self._in_order and self._lost.get(unit, 0) >= LOST_MIN
